"""Generated input: nothing raises, the same input gives the same findings, and every finding stands inside its file."""

from __future__ import annotations

import ast
import json
import os
import random
import tempfile
import warnings
from pathlib import Path

import hypothesmith
import libcst
import linting
import mutated
import pytest
from hosts import flake8
from hypothesis import given, settings
from hypothesis import strategies as st

from flake8_async_tests import Plugin, project
from flake8_async_tests.visitor import Settings, check, gather

SUITES = list(mutated.suites())
EVERY_RULE = Settings(opt_in=("ATX9",))
PROGRAMS = hypothesmith.from_grammar(auto_target=False) | hypothesmith.from_node(libcst.Module, auto_target=False)


def checked(source: str, around: project.Project | None = None) -> list[tuple[int, int, str]]:
    """The findings, below the safety net of Plugin."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    return list(check(gather(tree, around.path if around else None, around, EVERY_RULE)))


@given(PROGRAMS)
@settings(max_examples=settings.default.max_examples // 3)  # these take long to make
def test_any_program(source):
    """Whatever Python's grammar allows, alone and as the body of a test."""
    try:
        source.encode("utf8")
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    inside = "".join(f"    {line}\n" for line in source.splitlines())
    for text in (source, f"import pytest, asyncio\n{source}\n", f"import pytest\nasync def test_a(client):\n    await client\n{inside}"):
        try:
            findings = checked(text)
        except SyntaxError:
            continue
        assert findings == checked(text)


@given(st.data())
def test_mutated(data):
    """Suites with changed tests and conftests: twice, in both orders, with and without what was remembered."""
    files = data.draw(st.sampled_from(SUITES))
    with tempfile.TemporaryDirectory() as folder:
        linting.write(Path(folder), {name: changed(data, name, text) for name, text in [*files.items(), *twins(files)]})
        paths = sorted(Path(folder).rglob("*.py"))
        project.forget()
        first = {path: positions(path) for path in paths}
        assert {path: positions(path) for path in paths} == first
        project.forget()
        assert {path: positions(path) for path in reversed(paths)} == first


def twins(files: dict[str, str]) -> list[tuple[str, str]]:
    """A second test file beside each one, which asks other things of the same conftest."""
    return [(f"{name.removesuffix('.py')}_twin.py".replace("test_", "test_a_", 1), text) for name, text in files.items()
            if name.endswith(".py") and "conftest" not in name]  # fmt: skip


def changed(data: st.DataObject, name: str, text: str) -> str:
    """A file after up to four changes; as it was if they make no program of it."""
    if not name.endswith(".py"):
        return text
    times = data.draw(st.integers(0, 4))
    return mutated.mutated(text, lambda below: data.draw(st.integers(0, below - 1)), times) or text


def positions(path: Path) -> list[tuple[int, int, str]]:
    """The findings on a file, each of which must lie in it."""
    source = path.read_text("utf8")
    found = checked(source, project.project_of(path, EVERY_RULE))
    lines = source.splitlines(keepends=True)
    reported = [one[:3] for one in Plugin(ast.parse(source), str(path), lines, linting.options(extend_select=["ATX9"])).run()]
    assert [(line, text) for line, _, text in reported] == [(line, text) for line, _, text in found] or not reported
    for line, column, _ in reported:
        assert 1 <= line <= len(lines)
        assert 0 <= column < len(lines[line - 1])
    return found


@given(st.sampled_from([text for files in SUITES for name, text in files.items() if name.endswith(".py") and text]), st.data())
def test_cut_text(source, data):
    """Lines lost, doubled and exchanged: where Python still parses it, so do we."""
    lines = source.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        one, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        lines[one : data.draw(st.integers(one, len(lines)))] = lines[other : other + data.draw(st.integers(0, 2))]
        if not lines:
            return
    try:
        ast.parse("\n".join(lines))
    except SyntaxError:
        return
    assert checked("\n".join(lines)) == checked("\n".join(lines))


# --------------------------------------------------------------------------------------------------------------------
# Order and processes
# --------------------------------------------------------------------------------------------------------------------


def test_processes(tmp_path):
    """One suite for each rule, and changed ones: the same from one process, from forked and from spawned workers, in any order."""
    chance = random.Random(7)
    for number, files in enumerate([*SUITES[:: max(len(SUITES) // 60, 1)], *SUITES[:: max(len(SUITES) // 30, 1)]]):
        for name, text in files.items():
            if name.endswith(".py") and number >= 60:
                files = {**files, name: mutated.mutated(text, chance.randrange, 3) or text}
        linting.write(tmp_path / f"suite{number}", files)
    folders = sorted(path.name for path in tmp_path.iterdir())
    options = ["--select", "ATX,ATX9", "--isolated", "--exit-zero"]
    runs = [(["-j1", *folders], None, "0"), (["-j2", *reversed(folders)], "fork", "1"), (["-j2", "."], "spawn", "2")]
    outputs = [sorted(line.removeprefix("./") for line in flake8(
        tmp_path, *options, *words, start=start, env={**os.environ, "PYTHONHASHSEED": seed}, timeout=280).stdout.splitlines())
        for words, start, seed in runs]  # fmt: skip
    assert len(outputs[0]) > 20
    assert outputs[0] == outputs[1] == outputs[2]


# --------------------------------------------------------------------------------------------------------------------
# Configuration of any kind
# --------------------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["-p", "-o", "-o asyncio_mode=auto", "--asyncio-mode", "--asyncio-mode=auto", "-oasyncio_mode", "strict", "=", "'", "pytest>=8,<9",
                         "httpx~=0", "pytest-asyncio", "../..", "\\", "[", "test_*.py", "^1.2", "*", "module", "", "a.b", "\0", "-r x.txt",
                         "anyio", "no:asyncio"]) | st.text(max_size=8)  # fmt: skip
KEYS = st.sampled_from(["tool", "pytest", "ini_options", "asyncio_mode", "addopts", "pythonpath", "python_files", "python_classes", "project",
                        "python_functions", "timeout", "asyncio_default_fixture_loop_scope", "dependencies", "optional-dependencies",
                        "requires-python", "poetry", "group", "dev", "dependency-groups", "pdm", "dev-dependencies", "uv", "hatch", "envs",
                        "package", "packages", "name", "version", "usefixtures", "filterwarnings", "markers", "pytest-asyncio",
                        "required_plugins", "python"]) | st.text(max_size=3)  # fmt: skip
LEAVES = WORDS | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
DATA = st.dictionaries(KEYS, st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12),
                       max_size=5)  # fmt: skip
SHAPES = st.sampled_from([(), ("tool",), ("tool", "pytest"), ("tool", "pytest", "ini_options"), ("pytest",), ("tool", "poetry"), ("project",)])


def toml(value: object) -> str:
    """A value in TOML's inline form."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


QUESTIONS = [
    *(lambda one, name=name: [getattr(reading, name) for reading in one.readings]
      for name in ("asyncio_mode", "fixture_loop_scope", "test_loop_scope", "has_timeout")),
    *(lambda one, key=key: [(reading.words(key), reading.lines(key), reading.get(key)) for reading in one.readings]
      for key in ("python_files", "usefixtures", "addopts", "timeout")),
    *(lambda one, name=name: getattr(one, name) for name in ("problems", "conftests", "hooks", "runners", "rootdir", "plugins")),
    *(lambda one, name=name: getattr(one.folder, name) for name in ("roots", "python", "has_declarations", "native")),
    lambda one: one.agreed("asyncio_mode"),
    lambda one: (one.below("pytest", "9"), one.at_least("pytest", "8.4"), one.declares("httpx"), one.mentions("anyio")),
    lambda one: checked("import pytest\nimport helpers\n@pytest.mark.asyncio\nasync def test_a(client): await client.get()\n", one),
]  # fmt: skip


def ask_everything(folder: Path) -> None:
    """Every question that a rule may ask of the project."""
    project.forget()
    around = project.project_of(folder / "test_a.py", Settings())
    for question in QUESTIONS:
        question(around)


@given(DATA, SHAPES)
def test_any_toml(data, shape):
    for key in reversed(shape):
        data = {key: data}
    with tempfile.TemporaryDirectory() as folder:
        text = "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in data.items())
        for name in ("pyproject.toml", "pytest.toml", "uv.lock"):
            Path(folder, name).write_text(text, "utf8", "surrogatepass")
        ask_everything(Path(folder))


@given(st.lists(st.tuples(st.sampled_from(["pytest", "tool:pytest", "options", "options.extras_require", "testenv", "x"]) | st.text(max_size=3),
                          st.lists(st.tuples(KEYS, WORDS), max_size=5)), max_size=4))  # fmt: skip
def test_any_ini(sections):
    text = "".join(f"[{name}]\n" + "".join(f"{key} = {word}\n" for key, word in rows) for name, rows in sections)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("pytest.ini", "setup.cfg", "tox.ini", "requirements.txt", "setup.py"):
            Path(folder, name).write_text(text, "utf8", "surrogatepass")
        ask_everything(Path(folder))


@pytest.mark.parametrize("text", ["pytest>=" + "9" * 5000, "pytest==1." + "1." * 5000, "pytest^0.0", "pytest~=0", "pytest<=\u0663", "pytest===x"])
def test_versions(text):
    found = project.Dependencies()
    found.add(text)
    assert list(found.found) == ["pytest"]
