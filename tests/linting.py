"""Lint files of a test in process, through the real plugin, as flake8 would call it."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

from flake8_async_tests import Plugin

STRICT = "[pytest]\nasyncio_mode = strict\nasyncio_default_fixture_loop_scope = function\n"
CONFIGURATION = ("pytest.ini", "pytest.toml", ".pytest.ini", ".pytest.toml", "pyproject.toml", "tox.ini", "setup.cfg")


def write(folder: Path, files: dict[str, str]) -> None:
    """Write the files of a case; a strict pytest.ini comes along unless the case configures pytest itself."""
    if not any(Path(name).name in CONFIGURATION for name in files):
        files = {**files, "pytest.ini": STRICT}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")


def options(**values: object) -> SimpleNamespace:
    return SimpleNamespace(**values)


def lint(path: Path, **values: object) -> list[tuple[int, str]]:
    """The findings on one file: line and text."""
    source = path.read_text("utf8")
    plugin = Plugin(ast.parse(source), str(path), source.splitlines(keepends=True), options(**values))
    return [(line, text) for line, _, text, _ in plugin.run()]


def lint_all(folder: Path, **values: object) -> list[tuple[str, int, str]]:
    """The findings on every Python file below a folder: name, line, text."""
    return [(path.relative_to(folder).as_posix(), line, text)
            for path in sorted(folder.rglob("*.py")) for line, text in lint(path, **values)]  # fmt: skip
