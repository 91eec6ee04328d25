"""Options inside this process, through flake8's own command line: what is refused, and what each of them does."""

from __future__ import annotations

import linting
import pytest
from flake8.main.cli import main

SOURCE = """\
import asyncio

import pytest

from own import inert, run_job


@pytest.mark.asyncio
@inert
def test_sync():
    pass


@pytest.mark.asyncio
async def test_job():
    run_job()
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run flake8 in a folder with a test; its exit code and what it says."""
    linting.write(tmp_path, {"test_a.py": SOURCE})
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **files: str) -> tuple[int, str]:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        monkeypatch.setattr("sys.argv", ["flake8", *words])
        try:
            code = main([*words, "-j1", "--select", "ATX", "test_a.py"])
        except SystemExit as ended:
            code = ended.code
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def test_defaults(run):
    code, said = run()
    assert code == 0
    assert not said


def test_inert_decorators(run):
    assert "ATX105" in run("--atx-inert-decorators", "own.inert")[1]
    assert "ATX105" in run(**{".flake8": "[flake8]\natx-inert-decorators = a.b,\n    own.inert\n"})[1]


def test_coroutine_functions(run):
    assert "test_a.py:16:5: ATX" in run("--atx-coroutine-functions=own.run_job")[1]


@pytest.mark.parametrize("name", ["a-b", "3x", "a..b", ".a", "a.", "a.*", "*"])
@pytest.mark.parametrize("key", ["atx-inert-decorators", "atx-coroutine-functions"])
def test_names_that_are_none(run, key, name):
    code, said = run(**{"setup.cfg": f"[flake8]\n{key} = good.name, {name}\n"})
    assert code == 1
    assert f"setup.cfg: {key} = {name!r} is not allowed; use dotted names such as package.module.name" in said


@pytest.mark.parametrize("name", ["a", "a.b", "pkg.mod.name", "\xfc.\u65e5", "_a.b1"])
def test_names_that_are_some(run, name):
    assert run(f"--atx-inert-decorators={name}") == (0, "")


@pytest.mark.parametrize("mode", ["Auto", "legacy", "1", "auto strict", "\udcff"])
def test_modes_that_are_none(run, mode):
    code, said = run(f"--atx-asyncio-mode={mode}")
    assert code == 1
    assert f"command line: atx-asyncio-mode = {mode!r} is not allowed; use auto or strict" in said


def test_the_file_that_holds_the_value(run):
    """--config and --append-config, which flake8 keeps to itself, and the file that it finds."""
    good, bad = "[flake8]\natx-asyncio-mode = auto\n", "[flake8]\natx_asyncio_mode = bogus\n"
    assert "a.cfg: atx-asyncio-mode" in run("--config", "a.cfg", **{"a.cfg": bad, "setup.cfg": good})[1]
    assert "a.cfg: atx-asyncio-mode" in run("--append-config=a.cfg")[1]
    assert "setup.cfg: atx-asyncio-mode" in run(**{"setup.cfg": bad})[1]
    assert "setup.cfg: atx-asyncio-mode" in run("--append-config", "b.cfg", **{"b.cfg": "[flake8]\n"})[1]
    assert "command line: atx-asyncio-mode" in run("--atx-asyncio=bogus")[1]


@pytest.mark.parametrize(("code", "near"), [("ATX1O2", "ATX102"), ("ATX12", "ATX112"), ("102", "ATX102"), ("", "ATX101"), ("TRY301", "ATX301"),
                                            ("ATX999", "ATX909"), ("a" * 9999, "ATX")])  # fmt: skip
def test_explain_unknown(run, code, near):
    status, said = run("--atx-explain", code)
    assert status == 2
    assert near in said.partition("nearest codes are")[2]


@pytest.mark.parametrize("code", ["ATX102", "atx102", " ATX102 "])
def test_explain(run, code):
    status, said = run("--atx-explain", code)
    assert status == 0
    assert said.startswith("# ATX102 async-test-in-testcase\n")
