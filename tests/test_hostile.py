"""Hostile surroundings: whatever lies around a healthy test file, flake8 ends well and its findings appear."""

from __future__ import annotations

import ast
import codecs
import importlib.util
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import linting
import pytest
from flake8.main.application import Application
from hosts import findings, flake8

from flake8_async_tests import Plugin
from flake8_async_tests.project import FILES, SERVED_FOLDERS, project_of
from flake8_async_tests.visitor import Settings

HEALTHY = """\
import os
import unittest

import pytest


class TestPlain(unittest.TestCase):
    async def test_never_awaited(self):
        pass


@pytest.mark.asyncio
async def test_client(client):
    await client.get("/")
"""
PLANTED = [(1, "F401"), (8, "ATX102")]
SELECT = ("--select", "ATX,E9,F")
# Names that flake8 itself opens as its own configuration, before any plugin is asked.
OWN_OF_FLAKE8 = ("setup.cfg", "tox.ini")


def judged(folder: Path, name: str = "test_a.py", *arguments: str) -> None:
    """flake8, in this process, finds in a file what was planted there."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        app = Application()
        app.run(["-j1", *SELECT, *arguments, name])
    finally:
        os.chdir(before)
    assert planted(app.file_checker_manager.results) == PLANTED


def planted(results: list) -> list[tuple[int, str]]:
    """Line and code of what flake8's checkers noted for the one file."""
    return sorted((line, code) for _, found, _ in results for code, line, _, _, _ in found if code[:2] in ("AT", "E9", "F4"))


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "test_a.py").write_text(HEALTHY)
    return tmp_path


# --------------------------------------------------------------------------------------------------------------------
# Files beside the healthy one
# --------------------------------------------------------------------------------------------------------------------

CONFTESTS = {
    "imports itself": "import conftest\nfrom conftest import *\nfrom .conftest import client\nfrom . import conftest as client\n",
    "is its own alias": "client = client\na = b\nb = a\nclient = a.client\n",
    "inherits from itself": "class A(B): pass\nclass B(A): pass\nclass C(C): pass\n",
    "far above the file system": "from ................................................. import client\n",
    "deep brackets": "client = " + "(" * 10_000 + ")" * 10_000,
    "deep calls": "client = a" + ".b()" * 10_000,
    "deep operators": "client = " + "1 + " * 10_000 + "1",
    "deep blocks": "".join(" " * depth + "if 1:\n" for depth in range(10_000)),
    "syntax error": "def broken(:\n",
    "null bytes": "client = 1\0\n",
    "a huge number": f"client = {'9' * 5000}\n",
    "unknown coding": "# coding: no-such\n",
    "plugins that are none": "pytest_plugins = [1, None, *other, '', '.', '..', 'a.b', '\\0', '/', 'a' * 9, 'conftest', 'test_a']\n",
    "a hundred thousand plugins": f"pytest_plugins = {['conftest', 'nowhere'] * 50_000}\n",
    "odd names": "from unittest.mock import patch\n" + "".join(
        f"@patch({name!r})\nasync def test_{number}(m): m.get(); await m()\n"
        for number, name in enumerate(("./.x", "..//.y", "\0.z", ".", "", "....", "a" * 9999, "\ud800.a", "..x.y", "/etc.x"))),
    "fixtures in a circle": "import pytest\n@pytest.fixture\ndef client(other): return other\n@pytest.fixture\ndef other(client): return client\n"
                            "@pytest.fixture\ndef own(own): return own\n",
}  # fmt: skip
BYTES = {
    "Latin-1": "# coding: latin-1\n# \xe9\nimport pytest\n@pytest.fixture\ndef client(): return 1\n".encode("latin-1"),
    "UTF-16": "client = 1\n".encode("utf-16"),
    "BOM": codecs.BOM_UTF8 + b"client = 1\r\n\x0c\r\n",
    "BOM and another coding": codecs.BOM_UTF8 + b"# coding: latin-1\nclient = 1\n",
    "half a character": "client = '\xe9".encode()[:-1],
    "random": random.Random(1).randbytes(100_000),
}


@pytest.mark.parametrize("text", [*(text.encode("utf8", "surrogatepass") for text in CONFTESTS.values()), *BYTES.values()],
                         ids=[*CONFTESTS, *BYTES])  # fmt: skip
def test_conftest(suite, text):
    (suite / "conftest.py").write_bytes(text)
    (suite / "sub").mkdir()
    (suite / "sub" / "conftest.py").write_bytes(text)
    shutil.copy(suite / "test_a.py", suite / "sub" / "test_a.py")
    (suite / "sub" / "test_b.py").write_bytes(text)
    (suite / "sub" / "__init__.py").touch()
    for name in ("test_a.py", "sub/test_a.py"):
        judged(suite, name)
    for name in ("sub/test_b.py", "conftest.py"):
        lint_if_parsed(suite / name)


def lint_if_parsed(path: Path) -> None:
    """Lint the hostile text itself, unless it is no program."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    list(Plugin(tree, str(path), ["async def test"], linting.options(extend_select=["ATX9"])).run())


def test_conftest_chain_in_a_circle(suite):
    """Modules that name each other as plugins, a long chain of them, and fixtures that import each other."""
    for number in range(200):
        text = f"pytest_plugins = ['plugin{(number + 1) % 200}', 'conftest']\nfrom plugin{(number + 1) % 200} import client\n"
        (suite / f"plugin{number}.py").write_text(text)
    (suite / "conftest.py").write_text("pytest_plugins = ['plugin0', 'conftest']\nfrom plugin0 import client\n")
    judged(suite)


@pytest.mark.parametrize("name", ["conftest.py", "pytest.ini", "pyproject.toml", "requirements.txt", "uv.lock", "noxfile.py"])
@pytest.mark.parametrize("content", [None, b"# a line that says nothing\n"], ids=["holes", "text"])
def test_fifty_megabytes(suite, name, content):
    with (suite / name).open("wb") as file:
        file.write(content * (50_000_000 // len(content))) if content else file.truncate(50_000_000)
    judged(suite)


INI = {
    "nothing": "",
    "no section": "a = 1\n",
    "open section": "[pytest\n",
    "only an equals sign": "[pytest]\n= [\n",
    "a key without value goes on": "[pytest]\nasyncio_mode\n  auto\n",
    "sections and keys twice": "[pytest]\naddopts = -p\naddopts = -o\n[pytest]\naddopts = --asyncio-mode\n",
    "open quote": "[pytest]\naddopts = '-o asyncio_mode\npythonpath = \"\npython_files = [!] [z-a] [ ***\n",
    "percent": "[pytest]\naddopts = %(missing)s %\n",
    "null bytes": "[pytest]\npythonpath = \0 a\0b\npython_classes = \0\n",
    "no default section": "[\0]\na = 1\n[DEFAULT]\nasyncio_mode = auto\n",
    "far away": f"[pytest]\npythonpath = / // ~ .. {'../' * 99} {'a' * 5000}\ntestpaths = /\n",
    "huge versions": f"[options]\ninstall_requires =\n  pytest>={'9' * 5000}\n  httpx=={'1.' * 5000}\npython_requires = >={'3' * 5000}\n",
    "strange versions": "[options]\ninstall_requires =\n  pytest>=\u0663.\u0664\n  httpx @ file:///\n  ^\n  pytest~=0\n  pytest^0.0\n",
}
TOML = {
    "open table": "[tool.pytest.ini_options\n",
    "bad value": "[tool.pytest.ini_options]\nasyncio_mode =\n",
    "deep": f"a = {'[' * 10_000}{']' * 10_000}\n",
    "wrong types": "[tool.pytest.ini_options]\nasyncio_mode = [1, {a = 2}]\naddopts = 7\npythonpath = 1979-05-27\ntimeout = nan\n"
                   "[project]\ndependencies = 3\noptional-dependencies = [1]\nrequires-python = 3.9\n",
    "wrong tables": "tool = 1\nproject = [1]\ndependency-groups = ''\n",
    "wrong tables inside": "[tool]\npytest = 1\npoetry = {dependencies = {a = [1], b = {version = 3}}, group = {a = 1}}\n"
                           "pdm = {dev-dependencies = {a = 1}}\nuv = []\nhatch = {envs = {a = 1}}\n",
    "huge": f"[project]\ndependencies = ['pytest>={'9' * 5000}']\nversion = '1'\n[tool.poetry.dependencies]\npytest = '^{'7' * 9999}'\n",
    "a huge number": f"[tool.pytest.ini_options]\ntimeout = {'9' * 5000}\n",
    "keys of every kind": "[tool.pytest.ini_options]\n'' = 1\n\"\\u0000\" = 2\n'pytest-asyncio-mode' = 3\n",
    "locks": "package = [1, {name = 1}, {name = 'pytest', version = ''}, {name = '', version = 'a'}]\npackages = 3\n",
}  # fmt: skip


@pytest.mark.parametrize("text", INI.values(), ids=INI)
def test_ini(suite, text):
    for name in ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg"):
        (suite / name).write_text(text, "utf8")
    for section in ("[options]", "[tool:pytest]"):
        (suite / "setup.cfg").write_text(text.replace("[pytest]", section), "utf8")
        judged(suite, "test_a.py", "--isolated")


@pytest.mark.parametrize("text", TOML.values(), ids=TOML)
def test_toml(suite, text):
    for name in ("pyproject.toml", "pytest.toml", "uv.lock", "poetry.lock"):
        (suite / name).write_text(text.replace("tool.pytest.ini_options", "pytest") if name == "pytest.toml" else text, "utf8")
    judged(suite)


# --------------------------------------------------------------------------------------------------------------------
# What is no regular file
# --------------------------------------------------------------------------------------------------------------------


def link_to(target: str):
    return lambda path: path.symlink_to(target)


SPECIAL = {
    "directory": Path.mkdir,
    "FIFO": os.mkfifo,
    "dangling link": link_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to its folder": link_to("."),
    "link through a file": link_to("test_a.py/x"),
    "link to an endless device": link_to("/dev/zero"),
    "link to what cannot be read": link_to("/proc/self/mem"),
    "link to what stands still": link_to("/proc/self/environ"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="needs FIFOs, devices and /proc")
@pytest.mark.parametrize("make", SPECIAL.values(), ids=SPECIAL)
def test_no_regular_file(suite, make):
    names = (*FILES, "conftest.py", "requirements.txt", "requirements", "setup.py", "uv.lock", ".git", "tests", ".github", "noxfile.py",
             "helpers.py", "src")  # fmt: skip
    for name in names:
        if make is not os.mkfifo or name not in OWN_OF_FLAKE8:
            make(suite / name)
    (suite / "test_a.py").write_text(HEALTHY + "from helpers import other\n")
    run = flake8(suite, "--isolated", *SELECT, "test_a.py")
    assert [(line, code) for _, line, code in findings(run)] == [*PLANTED, (15, "F401")]


SERVING = """\
import os
import pytest_asyncio


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def client():
    yield 1
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs FIFOs, devices and /proc")
@pytest.mark.parametrize("make", SPECIAL.values(), ids=SPECIAL)
def test_users_that_are_no_regular_file(suite, make):
    """The tests that a conftest serves are looked for below it."""
    (suite / "conftest.py").write_text(SERVING)
    (suite / "sub").mkdir()
    for name in ("test_b.py", "sub/test_c.py", "sub/conftest.py", "sub/tests"):
        make(suite / name)
    run = flake8(suite, "--isolated", *SELECT, "conftest.py", "test_a.py")
    assert [("conftest.py", 1, "F401"), *(("test_a.py", *one) for one in PLANTED)] == [one for one in findings(run) if one[2] != "ATX201"]


def test_conftest_in_somebodys_home(tmp_path):
    """However many folders lie below, the look at them ends."""
    for number in range(SERVED_FOLDERS + 10):
        (tmp_path / f"d{number:05}").mkdir()
    for name in ("conftest.py", f"d{0:05}/test_a.py", f"d{SERVED_FOLDERS + 5:05}/test_a.py"):
        (tmp_path / name).write_text(SERVING)
    assert project_of(tmp_path / "conftest.py", Settings()).served == [tmp_path / "d00000" / "test_a.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_loop_of_folders(suite):
    """A file reached through a link to its own folder, and flake8 let loose on the whole tree."""
    (suite / "tests").mkdir()
    (suite / "tests" / "again").symlink_to("..")
    (suite / "tests" / "tests").symlink_to("tests")
    judged(suite, "tests/again/" * 12 + "test_a.py")
    judged(suite, ".")


WITHOUT_POWER = """
import ctypes, sys
libc = ctypes.CDLL(None)
for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, with which root opens everything
    libc.prctl(24, capability, 0, 0, 0)
import os
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def powerless(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python so that permissions hold for it, even for root."""
    begin = ["-c", WITHOUT_POWER] if os.geteuid() == 0 else []
    return subprocess.run([sys.executable, *begin, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def closed(suite):
    """A folder in which permissions are taken away from files and folders, and given back for pytest's clean-up."""
    if sys.platform != "linux" or powerless(suite, "-c", "open('x', 'w').close(); import os; os.chmod('x', 0); open('x')").returncode == 0:
        pytest.skip("this user opens everything")
    yield suite
    for path in (suite, *suite.rglob("*")):
        path.chmod(0o700)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_unreadable(closed, kind):
    for name in ("conftest.py", "pytest.ini", "pyproject.toml", "pytest.toml", "requirements", "tests", ".github", ".git", "helpers"):
        path = closed / name
        path.touch() if kind == "file" else path.mkdir()
        path.chmod(0)
    run = powerless(closed, "-m", "flake8", "--isolated", *SELECT, "test_a.py")
    assert not run.stderr
    assert [(line, code) for _, line, code in findings(run)] == PLANTED


def test_unreadable_itself(closed):
    """flake8 names the file that it cannot read, and judges the other one."""
    (closed / "test_b.py").write_text(HEALTHY)
    (closed / "test_b.py").chmod(0)
    run = powerless(closed, "-m", "flake8", "--isolated", *SELECT, ".")
    assert not run.stderr
    assert findings(run) == [*(("test_a.py", *one) for one in PLANTED), ("test_b.py", 0, "E902")]


# --------------------------------------------------------------------------------------------------------------------
# What a run must not do, and what may be missing
# --------------------------------------------------------------------------------------------------------------------

GUARD = """
import os, sys
PROJECT = os.path.realpath(os.getcwd())
def guard(event, arguments):
    if event in ("open", "exec", "import", "compile"):
        text = repr(arguments[0])
        writes = event == "open" and arguments[2] and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        runs = event == "exec" and getattr(arguments[0], "co_filename", "").startswith(PROJECT)
        if writes or runs or event == "import" and arguments[0] in ("conftest", "helpers"):
            print("GUARD", event, text, flush=True); os._exit(9)
    elif event.startswith(("os.remove", "os.rmdir", "os.mkdir", "os.rename", "os.system", "os.exec", "os.posix_spawn", "os.fork", "shutil.",
                           "subprocess.", "socket.", "os.chmod", "os.link", "os.symlink", "os.truncate", "os.utime")):
        print("GUARD", event, arguments, flush=True); os._exit(9)
sys.dont_write_bytecode = True
import flake8.main.cli, flake8_async_tests.visitor, flake8_async_tests.project
sys.addaudithook(guard)
"""  # fmt: skip


def test_nothing_is_run_written_or_sent(suite):
    """A conftest that deletes files when it is imported stays text; neither do plugins, helpers and setup.py run."""
    deletes = "import os\nfor name in os.listdir('.'):\n    os.remove(name)\npytest_plugins = ['helpers']\nfrom helpers import client\n"
    for name in ("conftest.py", "helpers.py", "setup.py", "noxfile.py", "__init__.py"):
        (suite / name).write_text(deletes)
    (suite / "test_a.py").write_text(HEALTHY.replace("import pytest\n", "import pytest\nfrom helpers import Server\n"))
    before = sorted(suite.iterdir())
    run = flake8(suite, "--isolated", "-j1", *SELECT, "test_a.py", before=GUARD)
    assert "GUARD" not in run.stdout
    assert [(line, code) for _, line, code in findings(run)] == [(1, "F401"), (5, "F401"), (9, "ATX102")]
    assert sorted(suite.iterdir()) == before


def test_guard_would_speak(suite):
    (suite / "conftest.py").write_text("")
    assert "GUARD" in flake8(suite, "--isolated", "-j1", "--output-file=x", "test_a.py", before=GUARD).stdout


VANISH = """
import os, shutil, sys
PROJECT = os.path.realpath(os.getcwd())
removing = []
def vanish(event, arguments):
    if event == "compile" and {early} and b"TestPlain" in bytes(arguments[0] or b""):
        shutil.rmtree(PROJECT)
    path = arguments[0] if event in ("open", "os.listdir") and not removing else None
    if isinstance(path, (str, os.PathLike)) and os.path.abspath(path).startswith(PROJECT + os.sep):
        path = os.path.abspath(path)
        if os.path.basename(path) not in ("test_a.py", "setup.cfg", "tox.ini", ".flake8"):
            removing.append(path)
            {how}
            removing.clear()
import flake8.main.cli, flake8_async_tests.visitor, flake8_async_tests.project
sys.addaudithook(vanish)
"""
VANISHING = {"file": "shutil.rmtree(path) if os.path.isdir(path) else os.path.lexists(path) and os.remove(path)", "project": "shutil.rmtree(PROJECT, True)"}


@pytest.mark.parametrize("how", VANISHING)
@pytest.mark.parametrize("first", [*FILES, "conftest.py", "requirements/dev.txt", "uv.lock", ".github/workflows/ci.yml"])
def test_vanishing(suite, how, first):
    """A file goes away between the look at it and the reading of it: alone, or with the whole folder of the run."""
    (suite / first).parent.mkdir(parents=True, exist_ok=True)
    (suite / first).write_text("")
    (suite / "helpers.py").write_text("")
    run = flake8(suite, "--isolated", "-j1", *SELECT, "test_a.py", before=VANISH.format(how=VANISHING[how], early=False))
    assert not run.stderr
    assert [(line, code) for _, line, code in findings(run)] == PLANTED


@pytest.mark.skipif(importlib.util.find_spec("flake8_async") is not None, reason="flake8-async ends with an error where there is no folder")
def test_vanishing_before_the_plugin_runs(suite):
    """flake8 has read and parsed the file when its folder, the working directory, goes."""
    run = flake8(suite, "--isolated", "-j1", *SELECT, "test_a.py", before=VANISH.format(how="pass", early=True))
    assert not suite.exists()
    assert not run.stderr
    assert (8, "ATX102") in {(line, code) for _, line, code in findings(run)}


def test_vanishing_itself(suite):
    """A file that is gone when its turn comes is flake8's E902; the others are judged."""
    (suite / "test_b.py").write_text(HEALTHY)
    run = flake8(suite, "--isolated", *SELECT, "test_b.py", "gone.py", "test_a.py")
    assert {name for name, _, code in findings(run) if code == "ATX102"} == {"test_a.py", "test_b.py"}
    assert ("gone.py", 0, "E902") in findings(run)


@pytest.mark.parametrize("home", [None, "", "/nowhere", "/dev/null"])
def test_no_home(suite, home):
    env = {key: text for key, text in os.environ.items() if key != "HOME"}
    run = flake8(suite, *SELECT, "test_a.py", env=env if home is None else {**env, "HOME": home})
    assert [(line, code) for _, line, code in findings(run)] == PLANTED


def test_folder_that_cannot_be_written(closed):
    (closed / "conftest.py").write_text("")
    closed.chmod(0o500)
    run = powerless(closed, "-c", "open('x', 'w')")
    assert "PermissionError" in run.stderr
    run = powerless(closed, "-m", "flake8", "--isolated", *SELECT, "test_a.py")
    assert not run.stderr
    assert [(line, code) for _, line, code in findings(run)] == PLANTED


def test_read_only_file_system(suite):
    """A mount of its own where the system lets us; that nothing is ever written is shown above."""
    script = f"mount --bind . . && mount -o remount,bind,ro . && cd . && cd {suite} && ! touch x 2>/dev/null && exec {sys.executable} " \
             f"-m flake8 --isolated {' '.join(SELECT)} test_a.py"  # fmt: skip
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here")
    run = subprocess.run([unshare, "-m", "sh", "-c", script], cwd=suite, capture_output=True, text=True, timeout=120)
    if run.returncode == 32 or "mount" in run.stderr:
        pytest.skip("no mounts here")
    assert not run.stderr
    assert [(line, code) for _, line, code in findings(run)] == PLANTED


# --------------------------------------------------------------------------------------------------------------------
# The file itself
# --------------------------------------------------------------------------------------------------------------------

WRITTEN = {
    "BOM": codecs.BOM_UTF8 + HEALTHY.encode(),
    "CRLF": HEALTHY.replace("\n", "\r\n").encode(),
    "CR": HEALTHY.replace("\n", "\r").encode(),
    "form feeds": HEALTHY.replace("class", "\x0cclass").replace("@pytest", "\x0c\x0c@pytest").encode(),
    "Latin-1": ("import os  # coding: latin-1 \xe9\n" + HEALTHY.partition("\n")[2]).encode("latin-1"),
    "EUC-JP": ("import os  # coding: euc-jp \u65e5\n" + HEALTHY.partition("\n")[2]).encode("euc-jp"),
    "no last line end": HEALTHY.rstrip().encode(),
    "other line ends inside": HEALTHY.replace('"/"', '"/\u2028\x1c\x85\x0b"').encode(),
}


@pytest.mark.parametrize("content", WRITTEN.values(), ids=WRITTEN)
def test_encodings_and_line_ends(suite, content):
    """Every finding stands on the line where an editor shows it."""
    (suite / "test_a.py").write_bytes(content)
    judged(suite)


@pytest.mark.parametrize("content", [HEALTHY.encode("utf-16"), HEALTHY.encode() + b"\0", b"\xff\xfe\xfa" * 99, b"\0" * 5_000_000, b"\x0c" * 999])
def test_no_program(suite, content):
    (suite / "test_b.py").write_bytes(content)
    try:
        run = flake8(suite, *SELECT, "test_b.py", "test_a.py")
    except AssertionError as error:
        assert "flake8_async_tests" not in str(error)
        pytest.skip("flake8 itself breaks off here")
    assert [one[1:] for one in findings(run) if one[0] == "test_a.py"] == PLANTED


LONG = {
    "5 MB of tests": HEALTHY + "".join(f'\n\nasync def test_{number}(client):\n    """{"x" * 4000}"""\n    await client.get("/")\n'
                                       for number in range(1200)),
    "one long line": HEALTHY + f'\n\nDATA = [{"test_client, " * 150_000}]\n',
    "one long string": HEALTHY + f'\n\nDATA = "{"async def " * 500_000}"\n',
    "one long chain": HEALTHY + "\n\nasync def test_chain(client):\n    " + "; ".join(["await client.get(1)"] * 20_000) + "\n",
    "50,000 lines of comment": HEALTHY + "# async def test\n" * 50_000,
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_long(suite, name):
    """Megabytes, in a moment; flake8's other checks need minutes for some of them."""
    (suite / "test_a.py").write_text(LONG[name])
    assert (8, "ATX102") in {(line, text[:6]) for line, text in linting.lint(suite / "test_a.py")}
    if name in ("5 MB of tests", "one long string"):
        judged(suite)


NAMES = ["test_gr\xfc\xdfe.py", "test_a b.py", "test_\u65e5\u672c.py", "test_\U0001f600.py", "test_'\".py", "test_a;rm -rf x.py", "test_%(a)s.py",
         "test_{a}.py", "test_[a].py", "test_a\n.py", "-a_test.py"]  # fmt: skip
FOLDERS = ["my tests", "\xfc\u65e5", "a'b\"c", "{0}", "%s", "[ab]", "a\nb", os.fsdecode(b"\xff\xfe"), "x" * 255]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse some of these names")
@pytest.mark.parametrize("folder", [".", *FOLDERS])
def test_names_of_folders(suite, folder):
    """The project may lie anywhere; what flake8 itself cannot print is not asked of it."""
    place = suite / folder / folder
    place.mkdir(parents=True, exist_ok=True)
    shutil.move(suite / "test_a.py", place / "test_a.py")
    for name in ("conftest.py", "pytest.ini"):
        (suite / folder / name).write_text("")
    judged(place)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse some of these names")
@pytest.mark.parametrize("name", NAMES)
def test_names_of_files(suite, name):
    shutil.move(suite / "test_a.py", suite / name)
    judged(suite, f"./{name}", "--per-file-ignores=none:E")


ODD = '''\
import unittest
import os
import pytest

class Test\xc4(unittest.TestCase):
    async def test_\ufb01\u65e5(self): """\U0001f600"""; await \xe9t\xe9(); pass

@pytest.mark.asyncio(loop_scope="\\ud800\\n")
async def test_\xfc(\xe4): assert \xe4 == "\ud83d"
'''.replace("\ud83d", "\\ud83d")


def test_names_outside_ascii(suite):
    """Identifiers of any script, and text that no terminal can show: one line for each finding, in UTF-8."""
    (suite / "test_a.py").write_text(ODD, "utf8")
    run = flake8(suite, "--select", "ATX,F", "test_a.py")
    assert [one[1:] for one in findings(run)] == [(2, "F401"), (6, "ATX102"), (6, "F821"), (8, "ATX109")]
    assert r"\ud800\n" in run.stdout


# --------------------------------------------------------------------------------------------------------------------
# Deep nesting
# --------------------------------------------------------------------------------------------------------------------

DEEP = {
    "calls": lambda inner: ast.Call(ast.Attribute(inner, "get", ast.Load()), [], []),
    "arguments": lambda inner: ast.Call(ast.Name("gather", ast.Load()), [inner], []),
    "keywords": lambda inner: ast.Call(ast.Name("patch", ast.Load()), [], [ast.keyword("new", inner)]),
    "attributes": lambda inner: ast.Attribute(inner, "get", ast.Load()),
    "subscripts": lambda inner: ast.Subscript(inner, ast.Constant(1), ast.Load()),
    "lists": lambda inner: ast.List([inner], ast.Load()),
    "additions": lambda inner: ast.BinOp(inner, ast.Add(), ast.Constant(1)),
    "unions": lambda inner: ast.BinOp(inner, ast.BitOr(), ast.Constant(None)),
    "negations": lambda inner: ast.UnaryOp(ast.Not(), inner),
    "or": lambda inner: ast.BoolOp(ast.Or(), [ast.Name("a", ast.Load()), inner]),
    "choices": lambda inner: ast.IfExp(ast.Name("a", ast.Load()), ast.Name("b", ast.Load()), inner),
    "awaits": ast.Await,
    "lambdas": lambda inner: ast.Lambda(ast.arguments([], [], None, [], [], None, []), inner),
    "walrus": lambda inner: ast.NamedExpr(ast.Name("a", ast.Store()), inner),
    "comprehensions": lambda inner: ast.ListComp(ast.Name("a", ast.Load()), [ast.comprehension(ast.Name("a", ast.Store()), inner, [], 0)]),
    "texts": lambda inner: ast.JoinedStr([ast.FormattedValue(inner, -1)]),
}
IN_BRACKETS = ("comprehensions", "walrus", "lists", "texts")  # Python takes 200 of them
DEEP_BLOCKS = {  # Python takes 100 of them
    "elif": lambda inner: ast.If(ast.Name("a", ast.Load()), [ast.Pass()], inner),
    "with": lambda inner: ast.AsyncWith([ast.withitem(ast.Name("a", ast.Load()))], inner),
    "try": lambda inner: ast.Try([ast.Pass()], [ast.ExceptHandler(None, None, inner)], [], []),
    "functions": lambda inner: ast.AsyncFunctionDef("inner", ast.arguments([], [], None, [], [], None, []), inner, [], None, None, type_params=[]),
    "classes": lambda inner: ast.ClassDef("Test", [], [], inner, [], type_params=[]),
    "loops": lambda inner: ast.AsyncFor(ast.Name("a", ast.Store()), ast.Name("b", ast.Load()), inner, []),
}
WORK = """
import ast, sys
sys.path.insert(0, {tests!r})
from flake8_async_tests import Plugin
from types import SimpleNamespace
import test_hostile as h
kind, depth = sys.argv[1], int(sys.argv[2])
tree, inner = ast.parse(h.HEALTHY), ast.Name("client", ast.Load())
make = h.DEEP.get(kind) or h.DEEP_BLOCKS[kind]
body = [ast.Expr(inner)]
for _ in range(depth):
    if kind in h.DEEP:
        inner = make(inner)
    else:
        body = [make(body)]
for statement in ([ast.Expr(ast.Await(inner)), ast.Assign([ast.Name("x", ast.Store())], inner), ast.Assert(inner),
                   ast.Expr(ast.Call(ast.Attribute(ast.Name("x", ast.Load()), "get", ast.Load()), [], []))] if kind in h.DEEP else body):
    tree.body[-1].body.insert(0, statement)
h.place(tree)
plugin = Plugin(tree, "test_a.py", h.HEALTHY.splitlines(True), SimpleNamespace(extend_select=["ATX9"]))
print(*sorted({{text[:6] for _, _, text, _ in plugin.run()}}))
sys.stdout.flush()
import os; os._exit(0)  # Python itself may fail to free such a tree
"""


def place(tree: ast.Module) -> None:
    """Positions for every node that has none, without recursion (ast.fix_missing_locations and ast.walk go deep or slow)."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if "lineno" in node._attributes and not hasattr(node, "lineno"):
            node.lineno = node.end_lineno = 13
            node.col_offset, node.end_col_offset = 4, 5
        stack += ast.iter_child_nodes(node)


@pytest.mark.parametrize("kind", [*DEEP, *DEEP_BLOCKS])
def test_deep_nesting(tmp_path, kind):
    """Trees 10,000 deep, built by hand, for Python's parser and pyflakes refuse most of them; 1,000 where it takes blocks or brackets."""
    depth = "1000" if kind in (*DEEP_BLOCKS, *IN_BRACKETS) else "10000"
    command = [sys.executable, "-c", WORK.format(tests=str(Path(__file__).parent)), kind, depth]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-3000:]
    assert "ATX102" in run.stdout
    assert not run.stderr


@pytest.mark.parametrize(("kind", "depth"), [("calls", 50), ("calls", 100), ("brackets", 90), ("brackets", 300), ("blocks", 98)])
def test_deep_nesting_in_flake8(suite, kind, depth):
    """As deep as flake8's other checks go, its findings and ours are all there."""
    text = {"calls": "x = a" + ".b()" * depth, "brackets": "x = " + "(" * depth + ")" * depth,
            "blocks": "\n".join(" " * level + "if x:" for level in range(depth)) + " pass"}[kind]  # fmt: skip
    (suite / "test_b.py").write_text(HEALTHY + f"a = 1\n{text}\n")
    found = findings(flake8(suite, *SELECT, "test_b.py", "test_a.py"))
    assert [one[1:] for one in found if one[0] == "test_a.py"] == PLANTED
    assert {one[1:] for one in found if one[0] == "test_b.py"} >= set(PLANTED) or ("test_b.py", 15, "E999") in {
        (name, 15, code) for name, _, code in found}  # fmt: skip


MULTIPLYING = {
    "names of one mock": "".join(f"    m{number} = m\n    m = m{number}.child\n    m()\n" for number in range(300)),
    "values of one place": "".join(f"    m.get = m.get.child if {number} else AsyncMock()\n    m.get()\n" for number in range(300)),
    "names in a ring": "".join(f"    m{number} = m{(number * 7) % 100}\n    m.a{number} = m{number}.b\n" for number in range(300)),
}


@pytest.mark.parametrize("body", MULTIPLYING.values(), ids=MULTIPLYING)
def test_what_could_multiply(suite, body):
    """Each line doubles the ways to what a name may stand for: without a bound, three hundred lines take all memory."""
    text = f"{HEALTHY}\n\nasync def test_much():\n    m = AsyncMock()\n{body}"
    (suite / "test_b.py").write_text(f"from unittest.mock import AsyncMock\n{text}")
    found = findings(flake8(suite, *SELECT, "test_b.py"))
    assert "ATX102" in {code for _, _, code in found}


# --------------------------------------------------------------------------------------------------------------------
# Options
# --------------------------------------------------------------------------------------------------------------------


def test_refusal_names_the_file_that_holds_the_value(suite):
    """The file given by --append-config, the one found above the folder, an abbreviated option."""
    (suite / "more.cfg").write_text("[flake8]\natx_asyncio_mode = bogus\n")
    (suite / "setup.cfg").write_text("[flake8]\natx-inert-decorators = good.name\n")
    (suite / "sub").mkdir()
    run = flake8(suite, "--append-config", "more.cfg", "test_a.py")
    assert "more.cfg: atx-asyncio-mode = 'bogus' is not allowed; use auto or strict" in run.stdout + run.stderr
    (suite / "setup.cfg").write_text("[flake8]\natx-inert-decorators = good.name, bad-name\n")
    run = flake8(suite / "sub", "../test_a.py")
    assert f"{suite / 'setup.cfg'}: atx-inert-decorators = 'bad-name' is not allowed" in run.stdout + run.stderr
    run = flake8(suite, "--isolated", "--atx-asyncio-mod=bogus", "test_a.py")
    assert "command line: atx-asyncio-mode = 'bogus' is not allowed" in run.stdout + run.stderr
