"""The plugin in its hosts: the real flake8 in processes of its own, and ruff beside it."""

from __future__ import annotations

import ast
import subprocess
import sys

import linting
import pytest
from hosts import findings, flake8

from flake8_async_tests import Plugin

SOURCE = """\
import unittest

import pytest


@pytest.mark.asyncio
def test_sync():
    pass


class TestPlain(unittest.TestCase):
    async def test_never_awaited(self):
        pass
"""
FOUND = [("test_a.py", 6, "ATX105"), ("test_a.py", 12, "ATX102")]
# ATX105 is on by default, ATX904 is opt-in.
BOTH = """\
import asyncio

import pytest


@pytest.mark.asyncio
def test_sync():
    pass


@pytest.mark.asyncio
async def test_slow(job):
    await asyncio.sleep(1)
    assert job.done
"""


@pytest.fixture
def suite(tmp_path):
    linting.write(tmp_path, {"test_a.py": SOURCE})
    return tmp_path


def test_path(suite):
    assert findings(flake8(suite, "--select", "ATX", "test_a.py")) == FOUND


@pytest.mark.parametrize("display", ["test_a.py", None])
def test_stdin(suite, display):
    named = ["--stdin-display-name", display] if display else []
    run = flake8(suite, "--select", "ATX", *named, "-", stdin=SOURCE)
    assert findings(run) == [(display or "stdin", line, code) for _, line, code in FOUND]


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers(suite, start):
    for name in "bcd":
        linting.write(suite, {f"test_{name}.py": SOURCE})
    run = flake8(suite, "--select", "ATX", "-j2", ".", start=start)
    assert findings(run) == [(f"test_{name}.py", line, code) for name in "abcd" for _, line, code in FOUND]


@pytest.mark.parametrize(
    ("arguments", "on", "opt_in"),
    [
        ("", True, False),
        ("--select ATX", True, False),
        ("--select ATX1", True, False),
        ("--extend-select ATX", True, False),
        ("--extend-select ATX9", True, True),
        ("--extend-select ATX90", True, True),
        ("--extend-select ATX904", True, True),
        ("--extend-select ATX905", True, False),
        ("--ignore E501", True, False),
        ("--select ATX --ignore E501", True, False),
        ("--extend-ignore ATX105", False, False),
        ("--select ATX --ignore ATX9", True, False),
        ("--select ATX,ATX904 --ignore ATX9", True, True),
        ("--select E,F", False, False),
        ("--select E,F,A", True, False),
        ("--select ATX9", False, True),
        ("--extend-select ATX9 --extend-ignore ATX904", True, False),
    ],
)
def test_selection(tmp_path, arguments, on, opt_in):
    linting.write(tmp_path, {"test_a.py": BOTH})
    found = {code for _, _, code in findings(flake8(tmp_path, *arguments.split(), "test_a.py"))}
    assert ("ATX105" in found, "ATX904" in found) == (on, opt_in)


@pytest.mark.parametrize(("line", "opt_in"), [("ignore = E501", False), ("extend-select = ATX9", True), ("select = ATX", False)])
def test_selection_in_a_file(tmp_path, line, opt_in):
    linting.write(tmp_path, {"test_a.py": BOTH, ".flake8": f"[flake8]\n{line}\n"})
    assert ("ATX904" in flake8(tmp_path, "test_a.py").stdout) is opt_in


def test_per_file_ignores(suite):
    linting.write(suite, {"test_b.py": SOURCE, ".flake8": "[flake8]\nper-file-ignores =\n    test_a.py: ATX105\n"})
    found = findings(flake8(suite, "--select", "ATX", "."))
    assert found == [FOUND[1]] + [("test_b.py", line, code) for _, line, code in FOUND]


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# noqa: ATX105", True),
        ("# noqa:ATX105,ATX901", True),
        ("# noqa: ATX105: because", True),
        ("# noqa: ATX1", True),
        ("# type: ignore  # noqa: ATX105", True),
        ("# noqa: ATX", True),
        ("# noqa: ATX102", False),
        ("#noqa: ATX105", False),
        ("# ruff: ignore[ATX105]", False),
    ],
)
def test_noqa(tmp_path, comment, silent):
    linting.write(tmp_path, {"test_a.py": SOURCE.replace("asyncio\n", f"asyncio  {comment}\n")})
    found = findings(flake8(tmp_path, "--select", "ATX", "test_a.py"))
    assert found == (FOUND[1:] if silent else FOUND)


BAD_INPUTS = {
    "syntax error": ({"test_b.py": "def broken(:\n"}, "E999"),
    "empty": ({"test_b.py": ""}, None),
    "no pytest.ini": ({"pytest.ini": "no section\n= ["}, None),
    "bad pyproject": ({"pyproject.toml": "[tool.pytest.ini_options\nasyncio_mode ="}, None),
    "bad types": ({"pyproject.toml": "[tool.pytest.ini_options]\nasyncio_mode = [1]\naddopts = 7\n[project]\ndependencies = 3\n"}, None),
    "bad setup.cfg of pytest": ({"tox.ini": "[pytest]\naddopts = '\n"}, None),
    "broken conftest": ({"conftest.py": "def broken(:\n"}, "E999"),
    "circular plugins": ({"conftest.py": 'pytest_plugins = ["one"]\n', "one.py": 'pytest_plugins = ["two"]\n',
                          "two.py": 'pytest_plugins = ["one", "conftest"]\n'}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input(tmp_path, name):
    files, code = BAD_INPUTS[name]
    linting.write(tmp_path, {"test_a.py": SOURCE + "import os\n", **files})
    run = flake8(tmp_path, "--select", "ATX,E9,F", ".")
    found = findings(run)
    assert ("test_a.py", 14, "F401") in found and FOUND[1] in found
    assert code is None or code in run.stdout


@pytest.mark.parametrize("content", [b"\x00\x01\xff\xfe" * 50, b"import pytest\n# \xff\xfe\n", b"# coding: no-such\n"])
@pytest.mark.parametrize("name", ["test_b.py", "conftest.py", "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"])
def test_undecodable(suite, name, content):
    """Whatever lies about, the healthy file is judged (flake8 itself dies of an undecodable tox.ini or setup.cfg)."""
    (suite / name).write_bytes(content)
    isolated = ["--isolated"] if name in ("tox.ini", "setup.cfg") else []
    found = findings(flake8(suite, *isolated, "--select", "ATX,F", "test_a.py"))
    assert FOUND[1] in found


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [("atx-asyncio-mode", "bogus", "auto or strict"), ("atx-inert-decorators", "a-b", "dotted names"),
     ("atx-coroutine-functions", "3x", "dotted names")],
)  # fmt: skip
def test_bad_option(suite, key, value, allowed):
    """One error that names the place, the key and what is allowed; no traceback."""
    given = flake8(suite, f"--{key}={value}", "test_a.py")
    linting.write(suite, {".flake8": f"[flake8]\n{key} = {value}\n"})
    written = flake8(suite, "test_a.py")
    for run, place in ((given, "command line"), (written, ".flake8")):
        text = run.stdout + run.stderr
        assert run.returncode == 1
        assert place in text and key in text and repr(value) in text and allowed in text


@pytest.mark.parametrize("given", [True, False])
def test_mode_option(tmp_path, given):
    linting.write(tmp_path, {"test_a.py": BOTH.replace("def test_sync", "async def test_redundant")})
    options = ["--atx-asyncio-mode", "auto"] if given else []
    run = flake8(tmp_path, "--select", "ATX901", *options, "test_a.py")
    assert ("ATX901" in run.stdout) is given


def test_explain(tmp_path):
    page = flake8(tmp_path, "--atx-explain", "atx102")
    assert page.returncode == 0 and page.stdout.startswith("# ATX102 async-test-in-testcase\n")
    unknown = flake8(tmp_path, "--atx-explain", "ATX1O2")
    assert unknown.returncode == 2 and "ATX102" in unknown.stderr and not unknown.stdout


@pytest.mark.parametrize("depth", [150, 950, 5000])
def test_deep_nesting(tmp_path, depth):
    """In process: pyflakes itself ends flake8 on such a file."""
    source = "import pytest\n\n\nasync def test_a():\n    await " + "a" + ".b()" * depth + "\n"
    plugin = Plugin(deep_tree(source, depth), str(tmp_path / "test_a.py"), source.splitlines(keepends=True))
    assert isinstance(list(plugin.run()), list)


def deep_tree(source, depth):
    """The tree of a chain of calls, built by hand where the parser gives up."""
    tree = ast.parse(source.replace(".b()" * depth, ""))
    await_ = tree.body[-1].body[0].value
    for _ in range(depth):
        called = ast.Attribute(await_.value, "b", ast.Load(), lineno=5, col_offset=10, end_lineno=5, end_col_offset=11)
        await_.value = ast.Call(called, [], [], lineno=5, col_offset=10, end_lineno=5, end_col_offset=11)
    return tree


@pytest.mark.parametrize("external", [True, False])
def test_ruff_leaves_comments_alone(tmp_path, external):
    """With `external` RUF102 keeps the comment, without it `--fix` removes it."""
    linting.write(tmp_path, {"a.py": "x = 1  # noqa: ATX101\n", "ruff.toml": f"[lint]\nexternal = {['ATX'] if external else []}\n"})
    subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "--fix", "--select", "RUF100,RUF102", "a.py"],
                   cwd=tmp_path, capture_output=True, timeout=60)  # fmt: skip
    assert ("ATX101" in tmp_path.joinpath("a.py").read_text()) is external
