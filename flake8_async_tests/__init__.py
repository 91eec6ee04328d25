"""A flake8 plugin that finds faults in asynchronous pytest tests (codes ATX101 and on)."""

from flake8_async_tests.plugin import Plugin, __version__

__all__ = ["Plugin", "__version__"]
