"""What project.py reads is what real pytest reads: mode, loop scopes, rootdir, fixtures. And bad input raises nothing."""

from __future__ import annotations

import ast
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flake8_async_tests import project
from flake8_async_tests.visitor import Class, Function, Module, Scope, Settings, find_fixture, gather

LAYOUTS = 240
FOLDERS = ("", "pkg", "pkg/tests")
SCOPES = ("function", "class", "module", "package", "session")


# --------------------------------------------------------------------------------------------------------------------
# Layouts, and real pytest on them
# --------------------------------------------------------------------------------------------------------------------


def settings_of(chance: random.Random) -> dict[str, str]:
    """Some of the keys that pytest-asyncio reads."""
    every = {
        "asyncio_mode": chance.choice(["auto", "strict"]),
        "asyncio_default_fixture_loop_scope": chance.choice(SCOPES),
        "asyncio_default_test_loop_scope": chance.choice(SCOPES),
        "addopts": chance.choice([
            "--asyncio-mode=auto", "--asyncio-mode auto", "-o asyncio_mode=auto", "-oasyncio_mode=strict",
            "--override-ini asyncio_mode=auto", "--override-ini=asyncio_mode=strict", "--strict-markers",
            "-o asyncio_mode=auto -o asyncio_mode=strict", "--asyncio-mode=strict -o asyncio_mode=auto",
            "-o asyncio_mode=auto --asyncio-mode=strict", "--asyncio-mode=auto --asyncio-mode=strict",
            "-o asyncio_default_test_loop_scope=module", "-p no:doctest",
        ]),
    }  # fmt: skip
    return {key: every[key] for key in every if chance.random() < 0.45}


def toml(section: str, keys: dict[str, str], listed: bool = False) -> str:
    lines = [f"{key} = {json.dumps(text.split() if listed and key == 'addopts' else text)}" for key, text in keys.items()]
    return "\n".join([f"[{section}]", *lines, ""])


def ini(section: str, keys: dict[str, str]) -> str:
    return "\n".join([f"[{section}]", *(f"{key} = {text}" for key, text in keys.items()), ""])


def configuration(chance: random.Random, name: str) -> str:
    """A configuration file of a name: with settings, without the section that pytest reads, or empty."""
    keys = settings_of(chance)
    kind = chance.choice(["settings", "settings", "settings", "other", "empty"])
    if kind == "empty":
        return ""
    if kind == "other":
        return "[tool.other]\na = 1\n" if name.endswith(".toml") else "[other]\na = 1\n"
    if name == "pyproject.toml":
        native = bool(keys) and chance.random() < 0.4
        return toml("tool.pytest" if native else "tool.pytest.ini_options", keys, native or chance.random() < 0.5)
    if name.endswith(".toml"):
        return toml("pytest", keys, listed=True)
    return ini("tool:pytest" if name == "setup.cfg" else "pytest", keys)


def fixture(where: str, *, indent: str = "", again: bool = False, alias: bool = False) -> str:
    """A fixture `fx` whose docstring says where it stands."""
    head = '@pytest.fixture(name="fx")\ndef other' if alias else "@pytest.fixture\ndef fx"
    text = f'{head}({"fx" if again else ""}):\n    """{where}"""\n    return 1\n'
    text = text.replace("fx(", "fx(self, " if indent else "fx(").replace("other(", "other(self, " if indent else "other(")
    return "".join(indent + line for line in text.splitlines(keepends=True))


def module_text(chance: random.Random) -> str:
    """A test in a class that asks for `fx`; the class and the module may have one of their own."""
    text = "import pytest\n"
    choice = chance.random()
    if choice < 0.2:
        text += fixture("module", alias=chance.random() < 0.5)
    elif choice < 0.35:
        text += "from helpers import fx\n"
    elif choice < 0.45:
        text += 'pytest_plugins = ["plug_c"]\n'
    text += "class TestA:\n"
    if chance.random() < 0.2:
        text += fixture("class", indent="    ", alias=chance.random() < 0.5)
    return text + "    def test_a(self, fx): pass\n"


def conftest(chance: random.Random, folder: str) -> str:
    text = "import pytest\n"
    if folder == "":
        text += chance.choice(["", 'pytest_plugins = "plug_a"\n', 'pytest_plugins = ["plug_a", "plug_b"]\n',
                               'pytest_plugins = ("plug_b", "plug_a")\n', "from helpers import fx\n"])  # fmt: skip
    if chance.random() < 0.35 and "helpers" not in text:
        text += fixture(f"conftest of {folder or 'top'}", alias=chance.random() < 0.3)
    return text


def layout(number: int) -> dict[str, str]:
    """The files of one layout; the same for the same number."""
    chance = random.Random(number)
    files = {f"{name}.py": "import pytest\n" + fixture(name) for name in ("plug_b", "plug_c", "helpers")}
    files["plug_a.py"] = "import pytest\n" + chance.choice(["", 'pytest_plugins = ["plug_c"]\n']) + fixture("plug_a")
    for folder in FOLDERS:
        for name in chance.sample(project.FILES, chance.choice([0, 0, 1, 1, 2, 3])):
            files[f"{folder}/{name}"] = configuration(chance, name)
        if chance.random() < 0.15:
            files[f"{folder}/setup.py"] = ""
        if chance.random() < 0.6:
            files[f"{folder}/conftest.py"] = conftest(chance, folder)
    files["pkg/tests/test_a.py"] = module_text(chance)
    return files


def write(top: Path, files: dict[str, str]) -> Path:
    (top / ".git").mkdir(parents=True)
    for name, text in files.items():
        path = top / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")
    return top


def reported(output: str, what: str, default: str = "") -> str:
    found = re.search(what, output, re.MULTILINE)
    return found[1].strip() if found else default


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Path, str]]:
    """Of each layout: its top, the folder in which pytest was started, and what pytest printed."""
    base = tmp_path_factory.mktemp("layouts")
    tops = [write(base / f"l{number}", layout(number)) for number in range(LAYOUTS)]
    starts = [top / FOLDERS[number % 3] if number % 2 else top for number, top in enumerate(tops)]
    environment = {key: text for key, text in os.environ.items() if not key.startswith("PYTEST")}
    script = Path(__file__).with_name("real_pytest.py")
    done = subprocess.run([sys.executable, str(script)], input=json.dumps([str(one) for one in starts]), text=True,
                          capture_output=True, check=True, env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                                                                "PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
    return list(zip(tops, starts, json.loads(done.stdout), strict=True))


@pytest.mark.xdist_group("real-pytest")
def test_configuration_is_what_pytest_reads(runs: list[tuple[Path, Path, str]]) -> None:
    wrong = []
    for top, start, output in runs:
        read = project._reading(project.upwards(str(start), str(top)), native=True)
        mine = (str(read.rootdir), read.asyncio_mode, str(read.fixture_loop_scope), read.test_loop_scope)
        real = (reported(output, r"^rootdir: (.*)$"), reported(output, r"mode=(?:Mode\.)?(\w+)").lower(),
                reported(output, r"default_fixture_loop_scope=(\w+)"), reported(output, r"default_test_loop_scope=(\w+)"))  # fmt: skip
        if mine != real or (read.file and read.file.name != reported(output, r"^configfile: (\S+)")):
            wrong.append((start, mine, real, read.file, output[:1500]))
    assert not wrong, f"{len(wrong)} of {len(runs)}, first: {wrong[0]}"


@pytest.mark.xdist_group("real-pytest")
def test_every_reading_is_known(runs: list[tuple[Path, Path, str]]) -> None:
    for top, start, _ in runs:
        read = project._reading(project.upwards(str(start), str(top)), native=True)
        around = project.project_of(top / "pkg/tests/test_a.py", Settings())
        assert (read.asyncio_mode, read.file) in {(one.asyncio_mode, one.file) for one in around.readings}


def resolved(path: Path) -> str:
    """The docstring of the fixture that the linter finds for `fx` in a test file."""
    module = gather(ast.parse(path.read_text("utf8")), path, project.project_of(path, Settings()))
    owner = next(one for one in module.classes if isinstance(one, Class))
    found = find_fixture(owner.methods["test_a"], "fx")
    return (ast.get_docstring(found.node) if found else None) or "none"


@pytest.mark.xdist_group("real-pytest")
def test_fixture_is_the_one_that_pytest_takes(runs: list[tuple[Path, Path, str]]) -> None:
    checked, wrong = 0, []
    for top, start, output in runs:
        real = reported(output, r"^fx -- .*\n    (.*)$", "none")
        if start == top and "INTERNALERROR" not in output and "error" not in output.lower():
            checked += 1
            mine = resolved(top / "pkg/tests/test_a.py")
            if mine != real:
                wrong.append((start, "mine", mine, "real", real))
    assert not wrong, f"{len(wrong)} of {checked}: {wrong[:5]}"
    assert checked >= 150


# --------------------------------------------------------------------------------------------------------------------
# Bad input, changes, declarations
# --------------------------------------------------------------------------------------------------------------------


def around(top: Path, files: dict[str, str]) -> project.Project:
    return project.project_of(write(top, files) / "test_a.py", Settings())


@pytest.mark.parametrize("name", [*project.FILES, "conftest.py", "setup.py", "noxfile.py", "riotfile.py", "Pipfile", "uv.lock", "requirements.txt", "environment.yml"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00broken", b"[", b"[pytest\nx", b"\0", b"(" * 5000,
                                     b"x" * (project.LIMIT + 1)])  # fmt: skip
def test_broken_file_counts_as_absent(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / name).write_bytes(content)
    found = project.project_of(tmp_path / "test_a.py", Settings())
    assert found.agreed("asyncio_mode") == "strict"
    assert (found.conftests, list(found.problems), found.below("pytest", "9")) == ([], [], False)


@pytest.mark.parametrize("text", ["tool = 1", "[tool]\npytest = 1", "[tool.pytest]\nini_options = 3", "project = []",
                                  "[project]\ndependencies = {a = 1}", "[dependency-groups]\na = [1, {b = 2}]"])  # fmt: skip
def test_wrong_types_count_as_absent(tmp_path: Path, text: str) -> None:
    found = around(tmp_path / "x", {"pyproject.toml": text})
    assert (found.agreed("asyncio_mode"), list(found.problems), found.below("pytest", "9")) == ("strict", [], False)


@pytest.mark.parametrize("name", [*project.FILES, "conftest.py", "setup.py", "noxfile.py", "riotfile.py", "Pipfile", "uv.lock", "requirements.txt", "environment.yml"])
def test_folder_pipe_or_circular_link_counts_as_absent(tmp_path: Path, name: str) -> None:
    (tmp_path / ".git").mkdir()
    for folder, make in {"a": os.mkdir, "b": os.mkfifo, "c": lambda path: os.symlink(path, path)}.items():
        (tmp_path / folder).mkdir()
        make(tmp_path / folder / name)
        found = project.project_of(tmp_path / folder / "test_a.py", Settings())
        assert (found.agreed("asyncio_mode"), found.conftests) == ("strict", [])


def test_circular_plugins_end(tmp_path: Path) -> None:
    found = around(tmp_path / "x", {"conftest.py": "pytest_plugins = 'one'", "one.py": "pytest_plugins = ['two', 'one']",
                                    "two.py": "pytest_plugins = ['one', 'conftest']"})  # fmt: skip
    assert [one.path.name for one in found.conftests if one.path] == ["conftest.py", "two.py", "one.py"]


def test_nothing_above_the_project_is_read(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    (tmp_path / "conftest.py").write_text("def pytest_pyfunc_call(): pass\n")
    found = around(tmp_path / "x", {"a.py": ""})
    assert (found.agreed("asyncio_mode"), found.hooks) == ("strict", frozenset())


def test_change_is_seen(tmp_path: Path) -> None:
    assert around(tmp_path / "x", {"pytest.ini": "[pytest]\nasyncio_mode = strict\n"}).agreed("asyncio_mode") == "strict"
    (tmp_path / "x/pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    assert project.project_of(tmp_path / "x/test_a.py", Settings()).agreed("asyncio_mode") == "auto"


def test_readings_that_differ_give_no_answer(tmp_path: Path) -> None:
    write(tmp_path / "x", {"pytest.ini": "[pytest]\nasyncio_mode = auto\n", "tests/pytest.ini": ""})
    found = project.project_of(tmp_path / "x/tests/test_a.py", Settings())
    assert (found.agreed("asyncio_mode"), len(found.readings)) == (None, 2)


def test_environment_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--asyncio-mode=auto")
    assert around(tmp_path / "x", {"pytest.ini": "[pytest]\n"}).agreed("asyncio_mode") == "strict"


PLACES = {
    "pyproject.toml": ('[project]\ndependencies = ["pytest{0}"]\n', '[project.optional-dependencies]\nt = ["pytest{0}"]\n',
                       '[dependency-groups]\nt = ["pytest{0}"]\n', '[tool.poetry.group.t.dependencies]\npytest = "{0}"\n',
                       '[tool.pdm.dev-dependencies]\nt = ["pytest{0}"]\n', '[tool.uv]\ndev-dependencies = ["pytest{0}"]\n'),
    "requirements-dev.txt": ("# tests\npytest{0}  # why\n", "-c x.txt\npytest[dev]{0} ; python_version > '3'\n"),
    "setup.cfg": ("[options]\ninstall_requires =\n    pytest{0}\n", "[options.extras_require]\nt =\n    pytest{0}\n"),
    "tox.ini": ("[testenv]\ndeps =\n    py310: pytest{0}\n",),
    "setup.py": ("from setuptools import setup\nsetup(extras_require={{'t': ['pytest{0}']}})\n",),
    "noxfile.py": ('def tests(session):\n    session.install("pytest{0}", "tox==4")\n',),
    "Pipfile": ('[packages]\npytest = "{0}"\n', '[dev-packages]\npytest = {{version = "{0}", extras = ["dev"]}}\n'),
    "riotfile.py": ('venv = Venv(pkgs={{"pytest": "{0}"}}, env={{"A": "1"}})\n',
                    'venv = Venv(pkgs={{\n    "pytest": [\n        "{0}",\n        latest,\n    ],\n}})\n'),
    "environment.yml": ("dependencies:\n  - python=3.12\n  - pytest {0}  # why\n",
                        "name: a\ndependencies:\n- pip:\n  - 'pytest{0}'\nprefix: /b\n"),
    "conda/test.yaml": ("dependencies:\n  - conda-forge::pytest{0}\n",),
    "ci/environment-3.12.yml": ("channels:\n  - pytest=7\ndependencies:\n  - pytest{0}\n",),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in PLACES.items() for text in texts])
@pytest.mark.parametrize(("specification", "below", "at_least"), [
    ("==8.3.4", True, False), ("<9", True, False), (">=8,<9", True, False), ("~=8.3", True, False), ("<=8.4.2", True, False),
    ("==8.*", True, False), (">=9", False, True), (">=9.0.1,<10", False, True), (">=8", False, False), ("<10", False, False),
])  # fmt: skip
def test_declared_versions(tmp_path: Path, name: str, text: str, specification: str, below: bool, at_least: bool) -> None:
    found = around(tmp_path / "x", {name: text.format(specification)})
    assert (found.declares("pytest"), found.below("pytest", "9"), found.at_least("pytest", "9")) == (True, below, at_least)


@pytest.mark.parametrize(("caret", "high"), [("^8.3", (9,)), ("^0.21", (0, 22)), ("^0.0.3", (0, 0, 4)), ("~1.2.3", (1, 3))])
def test_poetry_ranges(caret: str, high: tuple[int, ...]) -> None:
    assert project.allowed(caret).high == high


@pytest.mark.parametrize(("entry", "low", "high"), [
    ("pytest=8.3", (8, 3), (8, 4)), ("pytest =8", (8,), (9,)), ("pytest=8.3.4=pyhd8ed1ab_0", (8, 3, 4), (8, 3, 5)), ("pytest=8.*", (8,), (9,)),
    ("pytest 8.3.4", (8, 3, 4), (8, 3, 4, 0, 1)), ("pytest>=8,!=8.1.*", (8,), None), ("pytest", None, None),
])  # fmt: skip
def test_entries_of_conda(tmp_path: Path, entry: str, low: project.Version | None, high: project.Version | None) -> None:
    (tmp_path / "environment.yml").write_text(f"name: x\ndependencies:\n  - {entry}\nothers:\n  - pytest=1\n")
    assert project.dependencies_of(str(tmp_path)).found == {"pytest": [project.Requirement(low, high)]}


@pytest.mark.parametrize("name", ["environment.yml", "requirements.txt", "riotfile.py", "tox.ini"])
def test_endless_line(tmp_path: Path, name: str) -> None:
    heads = {"environment.yml": "dependencies:\n- ", "riotfile.py": '{"pytest": "<', "tox.ini": "[testenv]\ndeps =\n  "}
    (tmp_path / name).write_text(heads.get(name, "") + "pytest =" + " " * (project.LIMIT - 100) + 'x",\n')
    began = time.perf_counter()
    assert not project.project_of(tmp_path / "test_a.py", Settings()).below("pytest", "9")
    assert time.perf_counter() - began < 20


def test_matrix_is_read_and_never_run(tmp_path: Path) -> None:
    text = 'raise SystemExit\npkgs={"httpx": "<0.28", "pytest": ["~=7.0", "~=8.0", latest], "trio": latest}\n'
    found = around(tmp_path / "x", {"riotfile.py": text})
    assert (found.below("httpx", "0.28"), found.below("pytest", "8"), found.declares("trio")) == (True, True, False)


PINNED = {"python/app/pyproject.toml": '[project]\ndependencies = ["pytest-asyncio<0.24"]\n'}
LOCKED = {"python/uv.lock": 'version = 1\n\n[[package]]\nname = "pytest-asyncio"\nversion = "0.23.8"\n'}


@pytest.mark.parametrize(("files", "is_below"), [
    (PINNED, True), (LOCKED, True), ({**PINNED, "test/e2e/requirements.txt": "pytest-asyncio\n"}, False),
    ({**PINNED, "test/e2e/requirements.txt": "httpx\n"}, True), ({**PINNED, "requirements.txt": "pytest-asyncio\n"}, False),
    ({"a/b/c/requirements.txt": "pytest-asyncio<0.24\n"}, False), ({".a/requirements.txt": "pytest-asyncio<0.24\n"}, False),
    ({"a/requirements.txt": "pytest-asyncio>=0.24\n"}, False), ({}, False),
])  # fmt: skip
def test_other_parts_are_asked_where_nothing_above_declares_it(tmp_path: Path, files: dict[str, str], is_below: bool) -> None:
    found = project.project_of(write(tmp_path / "x", files) / "test/e2e/test_a.py", Settings())
    assert (found.kept_below("pytest-asyncio", "0.24"), found.folder.native) == (is_below, True)


def test_other_parts_of_an_unpacked_repository(tmp_path: Path) -> None:
    write(tmp_path / "x", {**PINNED, ".github/a.yml": "", "test/pytest.ini": "[pytest]\n"})
    (tmp_path / "x/.git").rmdir()
    found = project.project_of(tmp_path / "x/test/test_a.py", Settings())
    assert (found.folder.top, found.kept_below("pytest-asyncio", "0.24")) == (str(tmp_path / "x/test"), True)


def test_other_parts_are_those_inside_the_repository(tmp_path: Path) -> None:
    write(tmp_path / "y", PINNED)
    top = write(tmp_path / "x", {"test/pytest.ini": "[pytest]\n"})
    (top / "python").symlink_to(tmp_path / "y/python")
    (top / "loop").symlink_to(top)
    assert not project.project_of(top / "test/test_a.py", Settings()).kept_below("pytest-asyncio", "0.24")


def test_other_parts_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "SISTERS", 5)
    top = write(tmp_path / "x", {f"a{number}/b/setup.py": "" for number in range(9)})
    asked: list[str] = []
    monkeypatch.setattr(project, "dependencies_of", lambda folder: (asked.append(folder), project.Dependencies())[1])
    assert (project.beside(str(top)), len(asked)) == ([], 4)


def test_other_parts_are_not_looked_at_where_the_package_is_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "beside", pytest.fail)
    found = around(tmp_path / "x", {**PINNED, "requirements.txt": "pytest-asyncio==1.2\n"})
    assert not found.kept_below("pytest-asyncio", "0.24")


@pytest.mark.parametrize(("dependencies", "lacks"), [
    ("pytest-trio", True), ("pytest-trio, pytest-asyncio", False), ("pytest-aiohttp", False), ("pytest", False), ("pytest-twisted", True),
])  # fmt: skip
def test_keys_of_pytest_asyncio_may_be_left_over(tmp_path: Path, dependencies: str, lacks: bool) -> None:
    files = {"pytest.ini": "[pytest]\nasyncio_mode = auto\n", "requirements.txt": dependencies.replace(", ", "\n")}
    found = around(tmp_path / "x", files)
    module = gather(ast.parse(""), tmp_path / "x/test_a.py", found)
    assert (found.lacks_pytest_asyncio, module.proven_mode, module.uses_pytest_asyncio) == (lacks, None if lacks else "auto", not lacks)


def test_lock_decides(tmp_path: Path) -> None:
    found = around(tmp_path / "x", {"pyproject.toml": '[project]\ndependencies = ["pytest>=7"]\n',
                                    "uv.lock": '[[package]]\nname = "pytest"\nversion = "8.4.2"\n'})  # fmt: skip
    assert found.below("pytest", "9") and found.at_least("pytest", "8")


@pytest.mark.parametrize(("pin", "mode"), [("pytest<9", "strict"), ("pytest>=8", "auto"), ("pytest>=9", "auto")])
def test_native_table_needs_pytest_9(tmp_path: Path, pin: str, mode: str) -> None:
    text = f'[project]\ndependencies = ["{pin}"]\n[tool.pytest]\nasyncio_mode = "auto"\n'
    found = around(tmp_path / "x", {"pyproject.toml": text})
    assert (found.agreed("asyncio_mode"), bool(found.problems)) == (mode, mode == "strict")


@pytest.mark.parametrize("files", [
    {"pyproject.toml": '[tool.pytest-asyncio]\nmode = "auto"\n'}, {"pytest.ini": "[pytest]\nasyncio-mode = auto\n"},
    {"pytest.ini": "[pytest]\nasyncio_mode = legacy\n"}, {"setup.cfg": "[pytest]\nasyncio_mode = auto\n"},
    {"pytest.ini": "", "pyproject.toml": '[tool.pytest.ini_options]\nasyncio_mode = "auto"\n'},
])  # fmt: skip
def test_setting_that_nothing_reads_is_a_problem(tmp_path: Path, files: dict[str, str]) -> None:
    (problem,) = around(tmp_path / "x", files).problems
    assert len(problem) < 110 and problem.count("; ") == 1


def test_many_files_of_a_folder_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    around(tmp_path / "x", {"pytest.ini": "[pytest]\n", "conftest.py": ""}).conftests
    asked: list[object] = []
    stat = os.stat
    monkeypatch.setattr(project.os, "stat", lambda path, **more: (asked.append(path), stat(path, **more))[1])
    for number in range(50):
        _ = project.project_of(tmp_path / f"x/test_{number}.py", Settings()).conftests
    assert len(asked) < 50 * 8


def test_users_of_a_conftests_fixtures(tmp_path: Path) -> None:
    text = "def test_a({0}): pass\n"
    files = {"conftest.py": "", "test_a.py": text.format("fx: int"), "unit/test_b.py": text.format("other"),
             "unit/deep/test_c.py": '@pytest.mark.usefixtures("fx")\ndef test_c(): pass\n', "unit/helper.py": text.format("fx"),
             "unit/test_broken.py": "def test_a(fx): (\n", "node_modules/test_d.py": text.format("fx")}  # fmt: skip
    write(tmp_path / "x", files)
    found = project.project_of(tmp_path / "x/conftest.py", Settings())
    assert [one.path.name for one in found.users({"fx"}) if one.path] == ["test_a.py", "test_c.py"]
    assert [one.path.name for one in found.users(()) if one.path] == ["test_a.py", "test_b.py", "test_c.py"]


def test_users_are_looked_for_in_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"test_{number}.py": "def test_a(fx): pass\n" for number in range(project.PARSED + 20)}
    write(tmp_path / "x", {"conftest.py": "", **files})
    found = project.project_of(tmp_path / "x/conftest.py", Settings())
    assert len(list(found.users({"fx"}))) == len(list(found.users({"fx", "other"}))) == project.PARSED
    monkeypatch.setattr(project, "SERVED", 5)
    assert len(project.project_of(tmp_path / "x/conftest.py", Settings()).served) == 5


# --------------------------------------------------------------------------------------------------------------------
# Files that are read by the definition, and what their text says
# --------------------------------------------------------------------------------------------------------------------

STANDARD_LIBRARY = Path(ast.__file__).parent
READ_WHOLE = [path for folder in ("asyncio", "unittest", "email", "importlib", "json") for path in sorted((STANDARD_LIBRARY / folder).glob("*.py"))]
READ_WHOLE += [*sorted(Path(project.__file__).parent.glob("*.py")), *sorted(Path(__file__).parent.glob("*.py")),
               *(STANDARD_LIBRARY / f"{name}.py" for name in ("ast", "dataclasses", "enum", "inspect", "pdb", "typing", "zipfile"))]  # fmt: skip


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def said(module: Module) -> tuple[list[str], list[str]]:
    """The definitions at the top of a file, in their order, and what else binds names there."""
    others = [f"{name} {one.how} {one.since}" for name in module.binders for one in module.bindings(name) if one.how in ("import", "assign")]
    return definitions_in(module), sorted(others)


def definitions_in(scope: Scope) -> list[str]:
    """The functions and classes of a module or class, in their order, those of classes after what else the class holds."""
    found: list[str] = []
    for one in sorted((one for one in scope.facts.scopes if one.name), key=lambda one: (one.node.lineno, one.name)):
        found.append(ast.dump(without_definitions(one.node) if isinstance(one, Class) else one.node, include_attributes=True))
        found += definitions_in(one) if isinstance(one, Class) else ()
    return found


def without_definitions(node: ast.ClassDef) -> ast.ClassDef:
    """A class without the functions and classes that stand right in it, and without its end, which may be theirs."""
    left = ast.ClassDef(**{**vars(node), "body": [one for one in node.body if not isinstance(one, DEFINITIONS)]})
    left.end_lineno = left.end_col_offset = 0
    return left


@pytest.mark.parametrize("path", [path for path in READ_WHOLE if path.exists()], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_read_by_its_definitions_says_the_same(path: Path) -> None:
    by_definition, whole = project.definitions_at(path, Settings()), project.module_at(path, Settings())
    assert by_definition is not None
    assert whole is not None
    assert {scope.name for scope in by_definition.facts.scopes} >= {scope.name for scope in whole.facts.scopes if scope.name}
    assert said(by_definition) == said(whole)


TEXTS = {
    "strings that look like code": 'TEXT = """\ndef no(): pass\nclass No: pass\n"""\n\ndef yes():\n    return \'\'\'\ndef no2(): pass\n\'\'\'\n\nX = 1\n',
    "comments and closing brackets at the margin": "def yes(\n    a,\n):\n# here\n    return [\n    1,\n]\n# there\n\nX = 1\n",
    "decorators over several lines": "@one(\n    1,\n)\n@two\n\n# between\nasync def yes():\n    pass\n@three\nclass Yes: pass\nX = 1\n",
    "one line each": "class A: pass\ndef b(): return 1\nasync def c(): return 2\nX = 1; Y = 2\n",
    "in branches": "if 1:\n    def a(): pass\nelse:\n    def a(): return 2\ntry:\n    X = 1\nexcept E:\n    class B: pass\ndef c(): pass\n",
    "quotes in quotes": "X = '\"\"\"'\nA = 1\ndef yes(): pass\nB = \"'''\"\n",
    "a quote that is never closed in a comment": 'X = 1  # """\ndef yes():\n    """Text."""\n\nY = 2\n',
    "an end without a line end": "X = 1\ndef yes():\n    pass",
    "names of other alphabets": "def größe():\n    return 'ä'\nclass Ünder: x = 'é'\nX = 1\n",
    "type parameters and defaults": "def yes(a=lambda: 1, *, b=2) -> int:\n    return a\nclass Yes(Base, metaclass=M): ...\nX: int = 1\n",
    "nothing": "",
    "form feeds and carriage returns": "X = 1\r\ndef yes():\r\n    pass\r\n\x0cY = 2\r\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_definitions_in_odd_texts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.py"
    path.write_bytes(text.encode())
    by_definition, whole = project.definitions_at(path, Settings()), project.module_at(path, Settings())
    assert by_definition is not None
    assert whole is not None
    assert said(by_definition) == said(whole)


def test_definitions_that_nobody_asks_for_are_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text("class Client:\n    async def get(self): return 1\n\ndef broken(:\n    pass\n")
    module = project.definitions_at(path, Settings())
    assert module is not None
    client, broken = module.facts.scopes
    assert "node" not in vars(client)
    assert isinstance(client, Class)
    assert client.methods["get"].is_coroutine_function
    assert isinstance(broken, Function)
    assert not broken.is_plain  # nothing is known of what cannot be parsed


METHODS = """\
class Client:
    LIMIT = 1

    @property
    def name(self):
        return "get"

    async def get(this, path):
        this.path = path

    def put(
        self,
    ):
        setattr(self, "where", 2)

    if LIMIT:
        def in_a_branch(self): ...

    def nothing(): ...

    class Inner:
        '''
        def no(self): ...
        '''
        def yes(self): ...
"""


def test_methods_that_nobody_asks_for_are_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text(METHODS)
    module = project.definitions_at(path, Settings())
    assert module is not None
    client = module.classes[0]
    assert list(client.methods) == ["name", "get", "put", "in_a_branch", "nothing"]
    assert [method.self_name for method in client.functions] == ["self", "this", "self", "self", ""]
    written = {name: [where.name for where, _ in client.attribute(name)] for name in ("path", "where", "LIMIT", "other")}
    assert written == {"path": ["get"], "where": ["put"], "LIMIT": ["Client"], "other": []}
    assert [name for name, method in client.methods.items() if "node" in vars(method)] == ["get", "put", "in_a_branch"]
    assert [method.self_name for method in client.functions] == ["self", "this", "self", "self", ""]
    inner = client.classes[0]
    assert list(inner.methods) == ["yes"]
    assert inner.methods["yes"].is_plain


def test_a_folder_that_has_just_changed_is_listed_again(tmp_path: Path) -> None:
    """A time stamp may be too coarse to tell two changes apart."""
    (tmp_path / "a").touch()
    before = os.stat(tmp_path)
    assert project.listing(str(tmp_path)) == {"a"}
    (tmp_path / "b").touch()
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert project.listing(str(tmp_path)) == {"a", "b"}


def test_what_is_remembered_weighs_what_has_been_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "MODULES", 1000)
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.py").write_text(f"def long():\n    return {'1 + ' * 200}1\n")
    project.forget()
    with project.one_look():
        several = [project.definitions_at(tmp_path / f"{name}.py", Settings()) for name in ("one", "two", "three")]
    assert len(project._modules) == 3  # nothing has been parsed
    with project.one_look():
        assert [one.functions[0].is_plain for one in several if one] == [True] * 3
    assert [Path(path).name for _, path in project._modules] == ["three.py"]


def test_broken_text_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import (\ndef a(): pass\n")
    assert project.definitions_at(tmp_path / "app.py", Settings()) is None


def reachable(folder: Path, source: str) -> set[str] | None:
    """The coroutine functions that a file of a project may use, by their names alone."""
    (folder / "test_a.py").write_text(source)
    around = project.project_of(folder / "test_a.py", Settings())
    words = around.reachable(gather(ast.parse(source), folder / "test_a.py", around))
    return None if words is None else {name for one in words for name in one.coroutines}


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A project of three packages, of which one imports another, and a module beside the tests."""
    files = {
        "pyproject.toml": "",
        "app/__init__.py": "from base.core import Base\n",
        "app/deep/far.py": "class Far:\n    async  def travel(self): ...\n",
        "base/core.py": "import asyncio, app\nclass Base:\n    async def inherited(self): ...\n",
        "other/unused.py": "async def unused(): ...\n",
        "helper.py": "async def help_out(): ...\n",
        "app/node_modules/x.py": "async def hidden(): ...\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_reachable_names(packages: Path) -> None:
    assert reachable(packages, "import json\n") == set()
    assert reachable(packages, "import helper\n") == {"help_out"}
    assert reachable(packages, "from app import something\n") == {"travel", "inherited"}
    assert reachable(packages, "async def test_a():\n    import base.core as b\n") == {"travel", "inherited"}


def test_reachable_names_of_relative_imports(packages: Path) -> None:
    (packages / "app" / "deep" / "__init__.py").write_text("")
    assert reachable(packages / "app" / "deep", "from .far import Far\n") >= {"travel", "inherited"}


def test_reachable_names_of_conftest_files(packages: Path) -> None:
    (packages / "conftest.py").write_text("import other.unused\n")
    assert reachable(packages, "import json\n") == {"unused"}


def test_too_many_files_may_hold_any_name(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "INDEXED", 2)
    assert reachable(packages, "import app\n") is None


def test_names_are_looked_up_again_after_a_while(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reachable(packages, "import helper\n") == {"help_out"}
    (packages / "helper.py").write_text("async def help_others(): ...\n")
    now = project.time.monotonic() + project.FRESH + 0.1
    monkeypatch.setattr(project.time, "monotonic", lambda: now)
    assert reachable(packages, "import helper\n") == {"help_others"}
