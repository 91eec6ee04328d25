"""Run real pytest over many layouts in one process, and say what it reports: for tests/test_project.py.

Reads JSON on stdin: a list of folders in which pytest is started. Writes JSON: the output of each run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys

import pytest

OPTIONS = ["--fixtures-per-test", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider", "--color=no", "-W", "ignore"]


def run(folder: str) -> str:
    """What pytest prints when it is started in a folder, as `python -m pytest` starts it."""
    before, path = set(sys.modules), list(sys.path)
    os.chdir(folder)
    sys.path.insert(0, folder)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        pytest.main(list(OPTIONS))
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if not (getattr(sys.modules[name], "__file__", None) or "").startswith(sys.prefix):
            del sys.modules[name]  # the layout's own: the next one has modules of the same names
    return output.getvalue()


if __name__ == "__main__":
    json.dump([run(folder) for folder in json.load(sys.stdin)], sys.stdout)
