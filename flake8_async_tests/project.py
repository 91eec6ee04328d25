"""What the project around a file says: pytest's configuration, the conftest chain, fixtures, hooks, pins of packages.

Nothing is imported or executed, nothing is read outside the project of the linted file, and nothing raises: a file that
cannot be read (too large, no regular file, bad encoding, bad syntax) counts as absent. Everything is cached per process
and read again when a file's time stamp, size or inode changed.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import shlex
import stat
import sys
import time
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache, wraps
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence, TypeVar

from flake8_async_tests.blocks import apart
from flake8_async_tests.visitor import COLLECTED, Class, Function, Module, Scope, Settings, Words, gather

LIMIT = 2_000_000  # bytes; a larger configuration, conftest or module is passed over
MODULES = 350_000  # characters of other files whose trees are remembered from file to file: a tree takes fifty times as much
DEPTH = 60  # directories looked at upwards, modules followed, nested requirement files
SERVED, PARSED = 1000, 40  # test files below a conftest that are looked at for users of its fixtures, and read for them
SERVED_FOLDERS = 2000  # and the folders in which they are looked for: a conftest may lie in somebody's home
INDEXED = 4000  # files of first-party packages whose names are noted; where there are more, any name may be theirs
SISTERS = 500  # folders below the top of a project that are looked at for the declarations of its other parts
FRESH = 2.0  # seconds for which these names are not looked up again
NO_TESTS = ("node_modules", "site-packages", "venv", "build", "dist")  # folders without tests of the project's own
MARKERS = (".git", ".hg", ".jj")
REPOSITORY = ".github"  # a folder at the top of a repository, also of one that was unpacked from an archive
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "pytest.toml")

T = TypeVar("T")
Stamp = tuple[int, int, int]

# --------------------------------------------------------------------------------------------------------------------
# Reading
# --------------------------------------------------------------------------------------------------------------------

_cache: dict[tuple[str, str], tuple[Stamp | None, Any]] = {}
_modules: dict[tuple[str, str], tuple[Stamp | None, Any]] = {}  # the same for trees, the one used last at the end
_look: dict[Any, Any] | None = None  # answers to the questions asked during one look


@contextmanager
def one_look() -> Iterator[None]:
    """While one file is checked the disk counts as unchanged: each question to it is asked once (they come by the thousand)."""
    global _look
    _look = {}
    try:
        yield
    finally:
        _look = None
        _forget_modules()


def asked_once(ask: Callable[..., T]) -> Callable[..., T]:
    """A function of hashable arguments whose answer holds for the rest of a look."""

    @wraps(ask)
    def answer(*question: Any) -> T:
        if _look is None:
            return ask(*question)
        key = (ask, *question)
        if key not in _look:
            _look[key] = ask(*question)
        return _look[key]

    return answer


@asked_once
def listing(folder: str) -> frozenset[str]:
    """The names in a folder; none if it cannot be read."""
    changed = _changed(folder)
    # A time stamp may be as coarse as two seconds: of what has just changed it does not tell every state apart.
    return _listing(folder, changed) if changed < time.time_ns() - FRESH * 1e9 else _listing.__wrapped__(folder, changed)


@lru_cache(maxsize=4096)
def _listing(folder: str, changed: int) -> frozenset[str]:
    """The same, remembered while the folder's time stamp stays."""
    try:
        return frozenset(os.listdir(folder)) if changed else frozenset()
    except (OSError, ValueError):
        return frozenset()


@asked_once
def _changed(folder: str) -> int:
    """When a folder's names changed; 0 if there is none."""
    try:
        return os.stat(folder).st_mtime_ns
    except (OSError, ValueError):
        return 0


def files_of(folder: str, names: Iterable[str]) -> Iterator[Path]:
    """Those of the names that are regular files in a folder; where most are missing, one listing is cheaper than asking for each."""
    there = listing(folder)
    return (Path(path) for name in names if name in there and stamp(path := os.path.join(folder, name)))


@asked_once
def stamp(path: str) -> Stamp | None:
    """What changes with a file: time of change, size, inode; None for anything but a regular file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def cached(kind: str, path: Path | str, read: Callable[[Any], T], cache: dict[tuple[str, str], Any] = _cache) -> T | None:
    """`read(path)`, remembered until the file changes; None if there is no such file or it is too large."""
    key = (kind, str(path))
    now = stamp(key[1])
    known = cache.pop(key, None)
    if known is not None and known[0] == now:
        cache[key] = known  # now the one used last
        return known[1]
    value = read(path) if now is not None and now[1] <= LIMIT else None
    cache[key] = (now, value)
    return value


def _forget_modules() -> None:
    """Drop the modules used longest ago beyond MODULES characters that have been parsed."""
    size = 0
    for key, (_, module) in reversed(list(_modules.items())):
        size += module.parsed if module is not None else 0
        if size > MODULES:
            del _modules[key]


def _bytes(path: Path | str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except (OSError, ValueError):
        return None


def _text(path: Path | str) -> str | None:
    """The text of a file, every line with the same end."""
    data = _bytes(path)
    try:
        text = data.decode("utf-8-sig") if data is not None else None
    except ValueError:
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n") if text and "\r" in text else text


def _toml(path: Path) -> dict[str, Any] | None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    text = _text(path)
    try:
        return None if text is None else tomllib.loads(text)
    except (ValueError, RecursionError):  # TOMLDecodeError is a ValueError
        return None


def _ini(path: Path) -> dict[str, dict[str, str]] | None:
    """The sections of an INI file, as iniconfig reads them for pytest: no interpolation, inline comments kept."""
    parser = configparser.RawConfigParser(
        strict=False, allow_no_value=True, delimiters=("=", ":"), comment_prefixes=("#", ";"), default_section="\0")  # fmt: skip
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    text = _text(path)
    try:
        parser.read_string(text or "")
    except (configparser.Error, ValueError, AttributeError):
        return None  # before Python 3.13, AttributeError where a key without a value goes on in the next line
    return None if text is None else {name: {k: v or "" for k, v in parser.items(name)} for name in parser.sections()}


def read_toml(path: Path) -> dict[str, Any] | None:
    return cached("toml", path, _toml)


def read_ini(path: Path) -> dict[str, dict[str, str]] | None:
    return cached("ini", path, _ini)


def read_text(path: Path) -> str | None:
    return cached("text", path, _text)


def table(data: Any, *keys: str) -> dict[str, Any]:
    """A nested table of TOML data; {} where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def strings(value: Any) -> list[str]:
    """A list of strings out of TOML data, whatever it is."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


# --------------------------------------------------------------------------------------------------------------------
# pytest's configuration
# --------------------------------------------------------------------------------------------------------------------


class Configuration(NamedTuple):
    """One reading of pytest's configuration: what it says when pytest is started in, or given, one directory."""

    rootdir: Path
    file: Path | None  # None if no file holds a configuration
    values: Mapping[str, Any]  # keys of the configuration; strings, or lists in native TOML
    options: Mapping[str, str]  # -o and --asyncio-mode of addopts, which beat the values
    plugins: tuple[str, ...]  # -p of addopts

    def get(self, key: str, default: str = "") -> str:
        """A key as one string."""
        value = self.options.get(key, self.values.get(key, default))
        return " ".join(map(str, value)) if isinstance(value, list) else str(value)

    def words(self, key: str) -> tuple[str, ...]:
        """A key that lists words (python_files and its kin)."""
        value = self.options.get(key, self.values.get(key))
        if isinstance(value, list):
            return tuple(map(str, value))
        return _split(str(value)) if value is not None else ()

    def lines(self, key: str) -> tuple[str, ...]:
        """A key that lists lines (markers, filterwarnings)."""
        value = self.options.get(key, self.values.get(key))
        if isinstance(value, list):
            return tuple(map(str, value))
        return tuple(line.strip() for line in str(value or "").splitlines() if line.strip())

    @property
    def asyncio_mode(self) -> str:
        """"auto" or "strict"; pytest-asyncio refuses anything else."""
        return self.get("asyncio_mode", "strict")

    @property
    def fixture_loop_scope(self) -> str | None:
        """asyncio_default_fixture_loop_scope; None if unset."""
        return self.get("asyncio_default_fixture_loop_scope") or None

    @property
    def test_loop_scope(self) -> str:
        return self.get("asyncio_default_test_loop_scope") or "function"

    @property
    def has_timeout(self) -> bool:
        """Whether pytest-timeout limits every test."""
        return bool(self.get("timeout")) or "timeout" in self.options

    def patterns(self, option: str) -> tuple[str, ...]:
        return self.words(option) or COLLECTED[option]


@lru_cache(maxsize=256)
def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text, comments=False))
    except ValueError:
        return tuple(text.split())


FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def _values(path: Path, native: bool) -> dict[str, Any] | None:
    """The configuration that one file holds for pytest; None if pytest passes the file over.

    `native` is whether pytest 9's own TOML is read: pytest.toml, and [tool.pytest] in pyproject.toml.
    """
    if path.suffix == ".toml" and path.name != "pyproject.toml":
        return _native(read_toml(path), "pytest") if native else None
    if path.name == "pyproject.toml":
        return _pyproject(path, native)
    found = read_ini(path)
    if found is None:
        return None
    section = "tool:pytest" if path.name == "setup.cfg" else "pytest"
    if section in found:
        return dict(found[section])
    # A pytest.ini counts even when it is empty: it ends the search.
    return {} if path.name in ("pytest.ini", ".pytest.ini") else None


def _native(data: Any, *keys: str) -> dict[str, Any]:
    return dict(table(data, *keys))


def _pyproject(path: Path, native: bool) -> dict[str, Any] | None:
    tool = table(read_toml(path), "tool", "pytest")
    own = {key: value for key, value in tool.items() if key != "ini_options"} if native else {}
    if isinstance(tool.get("ini_options"), dict) and (tool["ini_options"] or not own):
        return dict(tool["ini_options"])
    return own or None


def _addopts(value: Any) -> tuple[dict[str, str], tuple[str, ...]]:
    """What `addopts` sets that concerns async tests: configuration keys, and plugins named by -p."""
    words = tuple(map(str, value)) if isinstance(value, list) else _split(str(value or ""))
    options: dict[str, str] = {}
    forced: dict[str, str] = {}  # options proper, which beat -o; of each the last one counts
    plugins: list[str] = []
    for word, following in zip(words, [*words[1:], ""]):
        name, equals, given = word.partition("=")
        if name == "--asyncio-mode":
            forced["asyncio_mode"] = given if equals else following
        elif name in ("-o", "--override-ini") or word.startswith("-o"):
            key, _, setting = (given if name == "--override-ini" and equals else following if word == "-o" or not equals
                               else word[2:]).partition("=")  # fmt: skip
            options[key.strip()] = setting
        elif name == "--timeout":
            forced["timeout"] = given or following
        elif word == "-p":
            plugins.append(following)
        elif word.startswith("-p") and not word.startswith("--"):
            plugins.append(word[2:])
    return {**options, **forced}, tuple(plugins)


def _here(folder: str, native: bool) -> tuple[Path, dict[str, Any]] | None:
    """The file in a folder that pytest takes its configuration from, with what it says."""
    for path in files_of(folder, FILES):
        values = _values(path, native)
        if values is not None:
            return path, values
    return None


def upwards(folder: str, top: str) -> tuple[str, ...]:
    """A folder and its parents, up to the top of the project."""
    every = _parents(folder)
    return every[: every.index(top) + 1] if top in every else every


@lru_cache(maxsize=4096)
def _parents(folder: str) -> tuple[str, ...]:
    """A folder and its parents, DEPTH at most."""
    return tuple(map(str, (Path(folder), *Path(folder).parents)[:DEPTH]))


def _reading(above: Sequence[str], native: bool) -> Configuration:
    """The configuration as pytest finds it when the first of the folders, of which each holds the one before, is the common ancestor of its arguments."""
    for one in above:
        found = _here(one, native)
        if found is not None:
            options, plugins = _addopts(found[1].get("addopts"))
            return Configuration(Path(one), found[0], found[1], options, plugins)
    # Without any settings, the nearest pyproject.toml marks the rootdir, else the nearest setup.py.
    for name in ("pyproject.toml", "setup.py"):
        for one in above:
            if any(files_of(one, (name,))):
                return Configuration(Path(one), None, {}, {}, ())
    return Configuration(Path(above[0]), None, {}, {}, ())


def top_of(folder: str) -> str:
    """The top of the project that a folder belongs to; the folder itself if nothing marks one."""
    top = folder
    for one in _parents(folder):
        if not listing(one).isdisjoint(MARKERS):
            return one
        if any(files_of(one, PROJECT_FILES)):
            top = one
    return top


def repository_of(top: str) -> str:
    """The top of the repository around a project: another folder than the project's only if it was unpacked without its .git."""
    if not listing(top).isdisjoint(MARKERS):
        return top
    return next((one for one in _parents(top) if REPOSITORY in listing(one)), top)


# --------------------------------------------------------------------------------------------------------------------
# Declared dependencies
# --------------------------------------------------------------------------------------------------------------------

Version = tuple[int, ...]
REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;#@)]*)")
CLAUSE = re.compile(r"(===|==|~=|!=|<=|>=|<|>|\^|~|=)?\s*v?(\d+(?:\.\d+)*)(\.\*)?")


class Requirement(NamedTuple):
    """The versions that one declaration allows: at least `low`, below `high` (None: no bound)."""

    low: Version | None = None
    high: Version | None = None


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def version(text: str) -> Version:
    return tuple(int(part[:18]) for part in re.findall(r"\d+", text.split("+")[0])[:4])


def _bump(parts: Version, keep: int) -> Version:
    """The next version at a position: (1, 2, 3) kept to 2 places is (1, 3)."""
    head = parts[: max(keep, 1)]
    return (*head[:-1], head[-1] + 1)


def allowed(specification: str) -> Requirement:
    """The interval that a specification such as ">=0.21,<0.24", "~=1.2" or poetry's "^1.2" allows."""
    low: Version | None = None
    high: Version | None = None
    for operator, number, wild in CLAUSE.findall(specification[:500]):  # a line that is no specification may be endless
        parts = version(number)
        least, most = _interval(operator or "==", parts, bool(wild))
        low = max(low, least) if low and least else low or least
        high = min(high, most) if high and most else high or most
    return Requirement(low, high)


def _interval(operator: str, parts: Version, wild: bool) -> tuple[Version | None, Version | None]:
    match operator:
        case "==" | "===" | "=":
            return parts, _bump(parts, len(parts)) if wild else (*parts, 0, 1)
        case "~=":
            return parts, _bump(parts, len(parts) - 1)
        case "^":
            return parts, _bump(parts, next((i + 1 for i, part in enumerate(parts) if part), len(parts)))
        case "~":
            return parts, _bump(parts, min(2, len(parts)))
        case ">=" | ">":
            return parts, None
        case "<":
            return None, parts
        case "<=":
            return None, (*parts, 0, 1)
    return None, None


class Dependencies:
    """What the project's files declare: distributions and the versions that they allow."""

    def __init__(self) -> None:
        self.found: dict[str, list[Requirement]] = {}
        self.locked: dict[str, Version] = {}
        self.readable = False
        self.python: Version | None = None

    def add(self, line: Any) -> None:
        """A requirement as PEP 508 writes it."""
        match = REQUIREMENT.match(line) if isinstance(line, str) else None
        if match and not line.lstrip().startswith(("#", "-")):
            self.readable = True
            self.found.setdefault(normal(match[1]), []).append(allowed(match[2]))

    def add_all(self, lines: Iterable[Any]) -> None:
        for line in lines:
            self.add(line)

    def add_table(self, dependencies: Mapping[str, Any]) -> None:
        """A table of poetry: name to specification, or to a table with one."""
        for name, given in dependencies.items():
            text = given.get("version", "") if isinstance(given, dict) else given
            if normal(name) == "python":
                self.python = allowed(str(text)).low
            else:
                self.readable = True
                self.found.setdefault(normal(name), []).append(allowed(str(text)))

    def cap(self, name: str, bound: Version) -> bool:
        """Whether a declaration keeps a distribution below a version."""
        highs = [one.high for one in self.found.get(name, ()) if one.high]
        return any(high <= bound or high[: len(bound)] < bound for high in highs)


def dependencies_of(folder: str) -> Dependencies:
    """The declarations in one folder."""
    requirements = tuple(_requirement_files(folder))
    return _dependencies_of(folder, requirements, (_state(folder), *map(stamp, requirements)))


@lru_cache(maxsize=1024)
def _dependencies_of(folder: str, requirements: tuple[str, ...], state: tuple[Any, ...]) -> Dependencies:
    """The same, remembered while the state of the files stays: every folder below asks again."""
    found = Dependencies()
    if listing(folder).isdisjoint(DECLARING) and not requirements:
        return found
    here = Path(folder)
    pyproject = read_toml(here / "pyproject.toml")
    _from_project(found, pyproject)
    _from_tools(found, pyproject)
    _from_ini(found, here)
    _from_literals(found, here / "setup.py")
    _from_literals(found, here / "noxfile.py")
    _from_pipfile(found, here / "Pipfile")
    _from_matrix(found, here / "riotfile.py")
    for path in requirements:
        if path.endswith(ENVIRONMENTS):
            _from_environment(found, Path(path))
        else:
            _from_requirements(found, Path(path), here, 0)
    for lock in files_of(folder, LOCKS):
        _from_lock(found, lock)
    return found


LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
DECLARING = ("pyproject.toml", "setup.cfg", "tox.ini", "setup.py", "noxfile.py", "riotfile.py", "Pipfile", *LOCKS)
CONDA = ("conda", "ci", ".ci", "continuous_integration")  # folders of conda's environments
ENVIRONMENTS = (".yml", ".yaml")


def _from_project(found: Dependencies, pyproject: Any) -> None:
    """PEP 621 and PEP 735."""
    project = table(pyproject, "project")
    found.add_all(strings(project.get("dependencies")))
    for extra in table(project, "optional-dependencies").values():
        found.add_all(strings(extra))
    for group in table(pyproject, "dependency-groups").values():
        found.add_all(strings(group))
    if isinstance(project.get("requires-python"), str):
        found.python = allowed(project["requires-python"]).low


def _from_tools(found: Dependencies, pyproject: Any) -> None:
    """Tables of poetry, pdm, hatch and uv."""
    tool = table(pyproject, "tool")
    poetry = table(tool, "poetry")
    found.add_table(table(poetry, "dependencies"))
    found.add_table(table(poetry, "dev-dependencies"))
    for group in table(poetry, "group").values():
        found.add_table(table(group, "dependencies"))
    for group in table(tool, "pdm", "dev-dependencies").values():
        found.add_all(strings(group))
    found.add_all(strings(table(tool, "uv").get("dev-dependencies")))
    for environment in table(tool, "hatch", "envs").values():
        found.add_all(strings(table({"_": environment}, "_").get("dependencies")))
        found.add_all(strings(table({"_": environment}, "_").get("extra-dependencies")))


def _from_pipfile(found: Dependencies, path: Path) -> None:
    """The packages of pipenv, which writes its file as poetry writes its tables."""
    pipfile = read_toml(path)
    for name in ("packages", "dev-packages"):
        found.add_table(table(pipfile, name))


def _from_ini(found: Dependencies, folder: Path) -> None:
    """setup.cfg and tox.ini."""
    setup = read_ini(folder / "setup.cfg") or {}
    options = setup.get("options", {})
    for key in ("install_requires", "tests_require"):
        found.add_all(options.get(key, "").splitlines())
    for extra in setup.get("options.extras_require", {}).values():
        found.add_all(extra.splitlines())
    if "python_requires" in options:
        found.python = allowed(options["python_requires"]).low
    for name, section in (read_ini(folder / "tox.ini") or {}).items():
        if name.startswith("testenv") or name.endswith("testenv"):
            lines = (line.rpartition(": ")[2] for line in section.get("deps", "").splitlines())
            found.add_all(line for line in lines if not line.strip().startswith(("-", "{", ".", "/")))


def _from_literals(found: Dependencies, path: Path) -> None:
    """Literal requirements in setup.py or noxfile.py, which is read as text and never run."""
    text = read_text(path)
    if text is None:
        return
    try:
        literals = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for literal in literals:
        if isinstance(literal, str) and re.fullmatch(r"(pytest|httpx)[\w-]*\s*([<>=~!].*)?", literal):
            found.add(literal)


# A line of riot's matrix (`"httpx": ["<0.28", latest]`), and a specification in it.
MATRIX = re.compile(r"""["']([A-Za-z][\w.-]*)["']\s*:\s*(\[[^\][]{0,2000}\]|["'][^"'\n]*["'])""")
SPECIFICATION = re.compile(r"""["']\s*([<>=!~][^"']*)["']""")


def _from_matrix(found: Dependencies, path: Path) -> None:
    """The environments of riotfile.py, which is read as text and never run."""
    for name, several in MATRIX.findall(read_text(path) or ""):
        found.add_all(name + one for one in SPECIFICATION.findall(several))


# An entry of conda's list of packages (`- conda-forge::pytest=8.3=py312_0`), and the sign that takes every version that starts like this.
PACKAGE = re.compile(r"""\s*-\s+["']?(?:[\w./-]+::)?([A-Za-z0-9][\w.-]*)([^#"']*)""")
STARTING = re.compile(r"(?<![<>=!~])=\s*(\d+(?:\.\d+)*)[.*]*(=\S*)?")


def _from_environment(found: Dependencies, path: Path) -> None:
    """An environment of conda, of which the lines below `dependencies:` are read."""
    _, _, below = f"\n{read_text(path) or ''}".partition("\ndependencies:")
    listed, *_ = re.split(r"\n(?=[A-Za-z])", below)
    for name, allowing in (match.groups() for line in listed.splitlines() if (match := PACKAGE.match(line))):
        found.add(name + STARTING.sub(r"==\1.*", allowing[:500]))


def _requirement_files(folder: str) -> Iterator[str]:
    """requirements*.txt, conda's environments and the like, beside the project's files or in a folder named for them."""
    for place in _places(folder, "requirements", "requirements.d", "tests", *CONDA):
        where = os.path.basename(place)
        for name in sorted(listing(place))[:500]:
            is_list = name.endswith((".txt", ".in", ".pip")) and (where.startswith("requirements") or "require" in name)
            if is_list or name.endswith(ENVIRONMENTS) and (where in CONDA or "environment" in name):
                yield os.path.join(place, name)


def _installers(folder: str) -> Iterator[Path]:
    """Files of a folder that may name packages to install, whatever their format: noxfile, Makefile, Pipfile, CI, conda ..."""
    for place in (*_places(folder, "requirements", "tests", *CONDA), os.path.join(folder, ".github", "workflows")):
        for name in sorted(listing(place))[:200]:
            if INSTALLERS.search(name) and not name.startswith("test_"):
                yield Path(place, name)


def _places(folder: str, *inside: str) -> Iterator[str]:
    """A folder, and those of the names that it holds."""
    yield folder
    there = listing(folder)
    yield from (os.path.join(folder, name) for name in inside if name in there)


INSTALLERS = re.compile(r"(?i)\.(toml|txt|in|cfg|ini|ya?ml|lock|pip|mk|sh|nix)$|^(noxfile|riotfile|setup|tasks)\.py$|^(makefile|pipfile|dockerfile|justfile|taskfile)")


def _from_requirements(found: Dependencies, path: Path, top: Path, depth: int) -> None:
    text = read_text(path)
    if text is None or depth > 5:
        return
    for line in text.splitlines():
        nested = re.match(r"\s*(?:-r|--requirement)[ =]\s*(\S+)", line)
        inside = nested and Path(os.path.normpath(path.parent / nested[1]))
        if inside and inside.is_relative_to(top):
            _from_requirements(found, inside, top, depth + 1)
        elif not nested:
            found.add(line)


def beside(top: str) -> list[Dependencies]:
    """The declarations of the other parts of a project: of the folders one and two levels below the top of its repository."""
    found, top = [], repository_of(top)
    for folder, folders, _ in islice(os.walk(top), SISTERS):
        depth = len(Path(folder).relative_to(top).parts)
        folders[:] = own_folders(folders) if depth < 2 else []
        if depth:
            found.append(dependencies_of(folder))
    return [one for one in found if one.readable]


LOCKED = re.compile(r'''\nname = ["']([^"']+)["']\nversion = ["']([^"']+)["']''')


def _from_lock(found: Dependencies, path: Path) -> None:
    """Lock files are written by tools, a package's version below its name, and too long to be parsed as TOML for two facts."""
    for name, release in cached("lock", path, lambda one: LOCKED.findall(_text(one) or "")) or ():
        found.readable = True
        found.locked[normal(name)] = version(release)


# What stands between the parentheses of a function's head or of a usefixtures mark.
HEADS = tuple(re.compile(rf"{word}\s*\(([^)]*)") for word in (r"def\s+\w+", "usefixtures"))


def _requested(path: Path) -> frozenset[str]:
    """Words in the parameter lists and usefixtures marks of a file, among them every fixture that it requests; and MARK if it is there."""
    text = _text(path) or ""
    words = frozenset(re.findall(r"\w+", " ".join(head for heads in HEADS for head in heads.findall(text))))
    return words | {MARK} if MARK in text else words


MARK = "mark.asyncio"


ASYNC_DEF = re.compile(rb"async[ \t]+def[ \t]+([^\s(\[]+)")
IMPORT = re.compile(rb"\n(?:from[ \t]+(\w+)|import[ \t]+([^\n#;]+))")
LEFT = re.compile(rb"\.__a?exit__\(")  # the name before it is looked for backwards: each word of a text might be one
LAST_WORD = re.compile(rb"\w+\Z")


def _words(path: Path | str) -> Words:
    text = b"\n" + (_bytes(path) or b"")
    imported = {name for one, several in IMPORT.findall(text) for name in ((one,) if one else _first_names(several))}
    left = [LAST_WORD.search(before[-100:]) for before in LEFT.split(text)[:-1]] if b"exit__(" in text else ()
    return Words(_decoded(ASYNC_DEF.findall(text)), _decoded(imported), _decoded(word[0] for word in left if word))


def _first_names(several: bytes) -> Iterator[bytes]:
    """The top-level packages of `import a.b as c, d`."""
    return (name for one in several.split(b",") for name in one.partition(b".")[0].split()[:1])


def _decoded(names: Iterable[bytes]) -> frozenset[str]:
    return frozenset(name.decode("utf8", "replace") for name in names)


NO_WORDS = Words(frozenset(), frozenset(), frozenset())


def _speaks_of_mocks(path: Path) -> bool:
    text = _bytes(path) or b""
    return any(word in text for word in (b"Mock", b"mocker", b"create_autospec"))


def words_at(place: str) -> Words | None:
    """What a module says, or all modules of a folder and below; None if these are too many to read."""
    every = [cached("words", path, _words) or NO_WORDS for path in islice(python_files(place), INDEXED)]
    if len(every) == INDEXED:
        return None
    coroutines, imports, left = (frozenset().union(*(getattr(one, key) for one in every)) for key in ("coroutines", "imports", "left"))
    return Words(coroutines, imports, left)


def own_folders(names: Iterable[str]) -> list[str]:
    """Those of the names of folders that may hold code of the project, in order."""
    return sorted(name for name in names if not name.startswith((".", "__")) and name not in NO_TESTS)


def python_files(place: str) -> Iterator[str]:
    """A module, or the modules of a folder and below."""
    if place.endswith(".py"):
        yield place
    for folder, folders, names in os.walk(place):
        folders[:] = own_folders(folders)
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))


_fresh: dict[Any, tuple[float, Any]] = {}


def fresh(ask: Callable[..., T], *question: Any) -> T:
    """An answer of the last FRESH seconds: it is the same for most files of a run, and takes many questions to the disk."""
    now, key = time.monotonic(), (ask, *question)
    known = _fresh.get(key)
    if known is None or now - known[0] > FRESH:
        while _fresh and now - next(iter(_fresh.values()))[0] > FRESH:
            del _fresh[next(iter(_fresh))]  # the oldest stand first
        known = _fresh[key] = (now, ask(*question))
    return known[1]


# --------------------------------------------------------------------------------------------------------------------
# The project of one linted file
# --------------------------------------------------------------------------------------------------------------------

# Hooks of a conftest that may mark, wrap or run tests, or set the mode.
HOOKS = frozenset(
    """pytest_pycollect_makeitem pytest_pycollect_makemodule pytest_pyfunc_call pytest_collection_modifyitems
    pytest_itemcollected pytest_generate_tests pytest_collect_file pytest_runtest_call pytest_runtest_protocol
    pytest_fixture_setup pytest_make_collect_report""".split())
# Distributions that run async tests; pytest-aiohttp is none of them, for it brings pytest-asyncio with it.
OTHER_RUNNERS = frozenset(
    "pytest-trio pytest-twisted pytest-tornado pytest-tornasync pytest-curio alt-pytest-asyncio pytest-asyncio-cooperative".split())
# What names another runner of async tests, in `pytest_plugins`, in -p or in the configuration's keys.
RUNNERS = re.compile(r"anyio|trio|tornado|twisted|aiohttp|sanic|curio|asyncio_cooperative|tornasync|alt_pytest_asyncio")


class Folder:
    """What holds for every file of one folder; made once per folder and configuration state."""

    def __init__(self, path: str, settings: Settings) -> None:
        self.path = path
        self.settings = settings
        self.top = top_of(path)
        self.above = upwards(path, self.top)

    @cached_property
    def readings(self) -> tuple[Configuration, ...]:
        """The distinct configurations that pytest may use, by the folder in which it is started or that it is given."""
        every = {}
        for number in range(len(self.above)):
            reading = _reading(self.above[number:], self.native)
            every[(reading.file, reading.rootdir if reading.file else None)] = reading
        return tuple(every.values())

    @cached_property
    def rootdir(self) -> Path:
        """The outermost rootdir of all readings."""
        return min((reading.rootdir for reading in self.readings), key=lambda path: len(path.parts))

    @cached_property
    def conftests(self) -> list[Path]:
        """Where conftest files of the chain may stand, nearest first."""
        return [Path(one, "conftest.py") for one in upwards(self.path, str(self.rootdir)) if one in self.above]

    @cached_property
    def patterns(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        """Every reading's python_files, python_functions and python_classes."""
        return {option: tuple({reading.patterns(option) for reading in self.readings}) for option in COLLECTED}

    @cached_property
    def native(self) -> bool:
        """Whether pytest 9's own TOML is read: unless the project's declarations keep pytest lower."""
        return not self.below("pytest", "9")

    @cached_property
    def dependencies(self) -> list[Dependencies]:
        """Declarations from the folder up to the top of the project."""
        return [dependencies_of(one) for one in self.above]

    def below(self, name: str, limit: str) -> bool:
        """Whether every version of a distribution that the project allows is lower than `limit`; False if undeclared."""
        bound = version(limit)
        for declared in self.dependencies:
            if name in declared.locked:
                return declared.locked[name] < bound
        return any(declared.cap(name, bound) for declared in self.dependencies)

    def kept_below(self, name: str, limit: str) -> bool:
        """The same for a rule about to speak: where the folders above a file declare nothing of it, another part of the project may."""
        if self.declares(name):
            return self.below(name, limit)
        bound = version(limit)
        return any(declared.locked.get(name, bound) < bound or declared.cap(name, bound) for declared in fresh(beside, self.top))

    def at_least(self, name: str, limit: str) -> bool:
        """Whether the project's declarations prove that a distribution is not lower than `limit`."""
        for declared in self.dependencies:
            if name in declared.locked:
                return declared.locked[name] >= version(limit)
        lows = [one.low for declared in self.dependencies for one in declared.found.get(name, ()) if one.low]
        return any(low >= version(limit) for low in lows)

    def declares(self, name: str) -> bool:
        return any(name in declared.found or name in declared.locked for declared in self.dependencies)

    def mentions(self, name: str) -> bool:
        """Whether anything that may install packages names a distribution: declarations, and other files beside them as text."""
        return self.declares(name) or any(name in (read_text(path) or "") for one in self.above for path in _installers(one))

    @cached_property
    def lacks_pytest_asyncio(self) -> bool:
        """Whether the declarations name another runner of async tests, and nothing installs pytest-asyncio: its keys are left over."""
        return any(map(self.declares, OTHER_RUNNERS)) and not self.mentions("pytest-asyncio")

    @property
    def has_declarations(self) -> bool:
        """Whether any readable file of the project declares dependencies."""
        return any(declared.readable for declared in self.dependencies)

    @cached_property
    def python(self) -> Version | None:
        """The lowest Python that the project supports; None if it does not say."""
        return next((declared.python for declared in self.dependencies if declared.python), None)

    @cached_property
    def roots(self) -> list[str]:
        """Folders from which first-party modules may be imported, likeliest first."""
        found = [self.path]
        for reading in self.readings:
            rootdir = str(reading.rootdir)
            found += [os.path.join(rootdir, entry) for entry in (*reading.words("pythonpath"), "", "src")]
        found += [place for one in self.above for place in (one, os.path.join(one, "src"))]
        return [one for one in dict.fromkeys(map(os.path.normpath, found)) if is_inside(one, self.top)]

    def find_module(self, dotted: str) -> Path | None:
        """The file of a first-party module; None if the project holds none of that name."""
        return fresh(self._find_module, dotted) if dotted.partition(".")[0] in fresh(self.top_level) else None

    def _find_module(self, dotted: str) -> Path | None:
        parts = dotted.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        for root in dict.fromkeys(map(os.path.dirname, fresh(self.top_level).get(parts[0], ()))):
            found = _module_file(os.path.join(root, *parts), self.top)
            if found is not None:
                return found
        return None

    def top_level(self) -> dict[str, list[str]]:
        """The files and folders that each top-level name of an import may mean, in every folder from which the project imports."""
        found: dict[str, list[str]] = {}
        for root in self.roots:
            for name, place in fresh(importable, root):
                found.setdefault(name, []).append(place)
        return found

    def reachable(self, imported: frozenset[str], packages: frozenset[str]) -> tuple[Words, ...] | None:
        """What the first-party code says that top-level names of imports, and the packages of folders, lead to; None if that is too much to read."""
        found, seen, there = list[Words](), set[str](), fresh(self.top_level)
        todo, places = set(imported), [_package(folder, self.top) for folder in packages]
        while todo or places:
            places += [place for name in todo - KNOWN_ELSEWHERE for place in there.get(name, ())]
            seen |= todo
            every = [words for place in places if (words := fresh(words_at, place)) is None or words not in found]
            if None in every:
                return None
            found += every
            todo, places = set().union(*(words.imports for words in every)) - seen, []
        return tuple(found)


def importable(root: str) -> list[tuple[str, str]]:
    """The top-level names that may be imported from a folder, each with its file or folder."""
    every = (name for name in listing(root) if name.endswith(".py") or name.isidentifier())
    return [(name.removesuffix(".py"), os.path.join(root, name)) for name in every]


def _module_file(place: str, top: str) -> Path | None:
    """The file of the module or package at a place inside the project."""
    for candidate in (f"{place}.py", os.path.join(place, "__init__.py")):
        if stamp(candidate) and is_inside(candidate, top):
            return Path(candidate)
    return None


def _package(folder: str, top: str) -> str:
    """The outermost folder of the package that a folder belongs to: what relative imports of its files may mean."""
    inside = [one for one in upwards(folder, top) if "__init__.py" in listing(one)]
    return inside[-1] if inside else folder


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is a folder's, or that of something in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


# Where a folder's answer may change during a process (an editor's server), the stamps of all files that may matter tell.
_folders: dict[tuple[str, Settings], tuple[tuple[Any, ...], Folder]] = {}


def folder_of(path: str, settings: Settings) -> Folder:
    """The folder's facts, made anew after a configuration file above it changed."""
    known = _folders.get((path, settings))
    above = known[1].above if known is not None else upwards(path, top_of(path))
    state = tuple(map(_state, above))
    if known is None or known[0] != state:
        known = _folders[path, settings] = (state, Folder(path, settings))
    return known[1]


@asked_once
def _state(folder: str) -> tuple[Any, ...]:
    """What tells whether a folder's configuration changed: its own time stamp, and those of the files in use."""
    return _changed(folder), *(stamp(os.path.join(folder, name)) for name in sorted(CONFIGURING & listing(folder)))


CONFIGURING = frozenset((*FILES, *DECLARING, "requirements.txt", "conftest.py"))


class Project:
    """What the project around one linted file says. `path` is None for text without a name, then the working directory counts."""

    def __init__(self, path: Path | None, folder: Folder, settings: Settings) -> None:
        self.path = path
        self.folder = folder
        self.settings = settings
        self.below = folder.below
        self.kept_below = folder.kept_below
        self.at_least = folder.at_least
        self.declares = folder.declares
        self.mentions = folder.mentions

    @property
    def readings(self) -> tuple[Configuration, ...]:
        """The distinct configurations that pytest may use."""
        return self.folder.readings

    def agreed(self, name: str) -> Any:
        """A property of Configuration, if all readings agree on it; else None."""
        values = {getattr(reading, name) for reading in self.readings}
        return values.pop() if len(values) == 1 else None

    def patterns(self, option: str) -> tuple[tuple[str, ...], ...]:
        """Every reading's python_files, python_functions or python_classes."""
        return self.folder.patterns[option]

    @property
    def plugins(self) -> set[str]:
        """Plugins that `-p` in addopts names, "no:NAME" included."""
        return {name for reading in self.readings for name in reading.plugins}

    @property
    def rootdir(self) -> Path:
        """The outermost rootdir of all readings."""
        return self.folder.rootdir

    @property
    def problems(self) -> list[str]:
        """Settings for async tests that nothing reads, one sentence each: "fact; remedy"."""
        return list(dict.fromkeys(_problems(self.folder)))

    @property
    def lacks_pytest_asyncio(self) -> bool:
        """Whether the configuration's keys of pytest-asyncio are left over."""
        return self.folder.lacks_pytest_asyncio

    def earlier_conftests(self) -> Iterator[Module]:
        """The first conftest files of other chains under the same configuration that stand before the file, folders of tests first."""
        files = {one.file for one in self.readings}
        for folder, folders, names in islice(os.walk(self.rootdir), SERVED_FOLDERS):
            folders[:] = sorted(own_folders(folders), key=lambda name: "test" not in name) if "conftest.py" not in names else []
            path = Path(folder, "conftest.py")
            if path == self.path:
                return
            module = module_at(path, self.settings) if "conftest.py" in names else None
            if module is not None and {one.file for one in folder_of(folder, self.settings).readings} == files:
                yield module

    @cached_property
    def chain(self) -> list[Module]:
        """The conftest files that apply to the file, nearest first."""
        every = (module_at(path, self.settings) for path in self.folder.conftests if path != self.path)
        return [module for module in every if module is not None]

    @cached_property
    def conftests(self) -> list[Module]:
        """The conftest chain of the file, nearest first, then the local plugins named by it or by `-p`."""
        # pytest registers -p first, then what the conftests name from the top down; of plugins the last one wins.
        names = [*sorted(self.plugins), *(name for module in reversed(self.chain) for name in plugin_names(module))]
        return [*self.chain, *reversed(self._plugins(names, self.chain))]

    def _plugins(self, names: Iterable[str], known: Sequence[Module], depth: int = 0) -> list[Module]:
        """Local plugins in the order of registration: each is followed by those that its own `pytest_plugins` names."""
        found: list[Module] = []
        for name in names if depth < DEPTH else ():
            path = self.folder.find_module(name)
            module = module_at(path, self.settings) if path is not None else None
            if module is not None and all(one.path != path for one in (*known, *found)):
                found.append(module)
                found += self._plugins(plugin_names(module), [*known, *found], depth + 1)
        return found

    @cached_property
    def hooks(self) -> frozenset[str]:
        """Hooks in the conftest chain that may mark, wrap or run tests, or set the mode."""
        names = {scope.name for module in self.conftests for scope in module.functions}
        found = names & HOOKS
        for module in self.conftests:
            for function in module.functions:
                if function.name == "pytest_configure" and "asyncio_mode" in (read_text(module.path) or "" if module.path else ""):
                    found.add(function.name)
            if any(alias.name == "*" for node in module.nodes.get(ast.ImportFrom, ()) for alias in node.names):
                found.add("*")  # whatever a star brings in
            found |= {name for name in module.binders if name in HOOKS}
        return frozenset(found)

    @cached_property
    def runners(self) -> frozenset[str]:
        """Signs in the configuration and in `pytest_plugins` that another plugin runs async tests."""
        found = {name for name in self.plugins if RUNNERS.search(name) and not name.startswith("no:")}
        for module in self.conftests:
            found |= {name for name in plugin_names(module) if RUNNERS.search(name) or self.folder.find_module(name) is None}
        for reading in self.readings:
            found |= {key for key in ("anyio_mode", "trio_mode") if reading.get(key) in ("auto", "true", "True", "1")}
            found |= {"anyio_backend"} & set(reading.words("usefixtures"))
        return frozenset(found)

    @asked_once
    def fixture(self, name: str, module: Module) -> Function | None:
        """The fixture that a name means to a file which defines none of that name; None if there is none to read.

        It may be imported there, stand in the conftest chain, in a plugin that the file names, or in one of the chain's.
        """
        own = reversed(self._plugins(plugin_names(module), self.conftests))
        # Since pytest 9.1 the rootdir's conftest ranks with the plugins: the one registered last wins.
        nested = [one for one in self.chain if one.path and one.path.parent != self.rootdir]
        for one in (module, *nested, *own, *self.conftests[len(nested) :]):
            if one is not module and name in one.fixtures:
                return one.fixtures[name]
            imported = self.imported_fixture(one, name) if name in one.binders or "*" in one.binders else None
            if imported is not None:
                return imported
        return None

    def reachable(self, inside: Module) -> tuple[Words, ...] | None:
        """What the first-party code says that a file and its conftests may use; None if that is too much to read."""
        every = (inside, *self.conftests)
        imported = frozenset().union(*(one.imported_roots for one in every))
        packages = [str(one.path.parent) for one in every if "" in one.imported_roots and one.path is not None]
        return fresh(self.folder.reachable, imported, frozenset(packages))

    @asked_once
    def speaks_of_mocks(self, dotted: str, inside: Module) -> bool:
        """Whether the first-party module at the start of a dotted name speaks of mocks, by its text; False for other packages'."""
        head, _, _ = dotted.rpartition(".")
        path = self._module_path(dotted, inside) or (self._module_path(head, inside) if head.strip(".") else None)
        return path is not None and cached("mocks", path, _speaks_of_mocks) is not False

    def users(self, names: Iterable[str], is_marked: bool = False) -> Iterator[Module]:
        """Test files of the folder that this conftest serves in which a function requests one of the fixtures; all for no names.

        With `is_marked` only those with asyncio marks. No more than PARSED of them are read for one conftest: the question
        is always whether any user is of some kind.
        """
        wanted = set(names)
        for path in self.served:
            words = cached("requests", path, _requested) or frozenset()
            if wanted and wanted.isdisjoint(words) or is_marked and MARK not in words:
                continue
            if path not in self._parsed and len(self._parsed) >= PARSED:
                return
            self._parsed.add(path)
            module = module_at(path, self.settings)
            if module is not None:
                yield module

    @cached_property
    def _parsed(self) -> set[Path]:
        return set()

    @cached_property
    def served(self) -> list[Path]:
        """Test files in the folder of the linted file and below, SERVED at most."""
        found: list[Path] = []
        for folder, folders, names in islice(os.walk(self.folder.path), SERVED_FOLDERS):
            folders[:] = own_folders(folders)
            tests = [name for name in sorted(names) if all(any(fnmatchcase(name, one) for one in several)
                                                           for several in self.patterns("python_files"))]  # fmt: skip
            found += [Path(folder, name) for name in tests if name.endswith(".py") and name != "conftest.py"]
            if len(found) > SERVED:
                break
        return found[:SERVED]

    def imported_fixture(self, module: Module, name: str, depth: int = 0) -> Function | None:
        """A fixture that a module imports from a first-party one, by name or by star."""
        for binding in module.bindings(name):
            made = self.definition(binding.value, module) if binding.how == "import" else None
            if isinstance(made, Function) and made.fixture:
                return made
        for star in module.bindings("*") if depth < 4 and name not in module.binders and not name.startswith("_") else ():
            other = self.module(str(star.value).removesuffix(".*"), module) if star.how == "import" else None
            found = (other.fixtures.get(name) or self.imported_fixture(other, name, depth + 1)) if other is not None else None
            if found is not None:
                return found
        return None

    @asked_once
    def module(self, dotted: str, inside: Module, whole: bool = False) -> Module | None:
        """A first-party module by its dotted name, relative ones as seen from `inside`; unless `whole` for its definitions alone."""
        path = self._module_path(dotted, inside)
        if path is None:
            return None
        return module_at(path, self.settings) if whole or path.name == "conftest.py" else definitions_at(path, self.settings)

    def _module_path(self, dotted: str, inside: Module) -> Path | None:
        if not dotted.startswith("."):
            return self.folder.find_module(dotted)
        if inside.path is None:
            return None
        rest = dotted.lstrip(".")
        base = inside.path.parents[min(len(dotted) - len(rest), len(inside.path.parents)) - 1]
        parts = rest.split(".") if rest else []
        return _module_file(os.path.join(base, *parts), self.folder.top) if all(part.isidentifier() for part in parts) else None

    @asked_once
    def definition(self, dotted: str, inside: Module, depth: int = 0) -> Function | Class | None:
        """The function or class of a first-party module that a dotted name means; re-exports are followed."""
        if depth > 8:
            return None
        head, _, name = dotted.rpartition(".")
        if not head.strip("."):
            head = head + "." if dotted.startswith(".") else head
        if not head or head in KNOWN_ELSEWHERE or head.partition(".")[0] in KNOWN_ELSEWHERE:
            return None
        module = self.module(head, inside)
        if module is not None:
            return self._defined(module, name, depth)
        owner = self.definition(head, inside, depth + 1)
        return owner.methods.get(name) if isinstance(owner, Class) else None

    def _defined(self, module: Module, name: str, depth: int) -> Function | Class | None:
        bindings = module.bindings(name)
        if len(bindings) != 1:
            return None
        if bindings[0].how == "definition":
            return bindings[0].value
        return self.definition(bindings[0].value, module, depth + 1) if bindings[0].how == "import" else None


# Packages that are never first-party: not looked for on disk.
KNOWN_ELSEWHERE = frozenset(sys.stdlib_module_names) | frozenset(
    """pytest pytest_asyncio anyio trio httpx httpx2 aiohttp fastapi starlette sqlalchemy redis aiokafka asyncpg hypothesis
    numpy pandas pydantic django""".split())

_loading: set[Path] = set()


def module_at(path: Path, settings: Settings) -> Module | None:
    """The facts of another file of the project; None if it cannot be read or parsed."""
    return cached(f"module {hash(settings)}", path, lambda one: _module(one, settings), _modules)


def _module(path: Path, settings: Settings) -> Module | None:
    source = _bytes(path)
    try:
        tree = ast.parse(source) if source is not None else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if source is None or tree is None:
        return None
    module = gather(tree, path, project_of(path, settings), settings)
    module.parsed = len(source)
    return module


def definitions_at(path: Path, settings: Settings) -> Module | None:
    """The same for a file of which a few definitions are wanted: those that nobody asks for are never parsed."""
    return cached(f"definitions {hash(settings)}", path, lambda one: _definitions(one, settings), _modules)


def _definitions(path: Path, settings: Settings) -> Module | None:
    text = _text(path)
    found = apart(text) if text is not None else None
    if text is None or found is None:
        return _module(path, settings)
    rest, blocks = found
    try:
        tree = ast.parse(rest)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _module(path, settings)
    replaced = frozenset(name for pattern in REPLACED for name in pattern.findall(text))
    module = Module(tree, path, project_of(path, settings), settings, blocks, replaced)
    module.parsed = len(rest) + len(text) // 50  # a text takes what a fiftieth of it takes as a tree
    return module


# Every name of an attribute that may be assigned to, and every word in quotes, which may name one.
REPLACED = tuple(map(re.compile, (r"\.(\w+)[ \t]*[=:,)\]]", r'"(\w+)"', r"'(\w+)'")))


def plugin_names(module: Scope) -> list[str]:
    """The modules that `pytest_plugins` names, as a string, list or tuple."""
    found: list[str] = []
    for binding in module.bindings("pytest_plugins"):
        value = binding.value if binding.how == "assign" else None
        elements = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
        found += [one.value for one in elements if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return list(dict.fromkeys(found))


def project_of(path: Path | None, settings: Settings) -> Project:
    """The project around a file; around the working directory for text without a name."""
    absolute = os.path.normpath(os.path.join(_here_and_now(), path)) if path is not None else None
    folder = folder_of(os.path.dirname(absolute) if absolute else _here_and_now(), settings)
    return Project(Path(absolute) if absolute else None, folder, settings)


def _here_and_now() -> str:
    """The working directory; the root if it has been deleted."""
    try:
        return os.getcwd()
    except OSError:
        return os.sep


def forget() -> None:
    """Empty every cache of the process, as if nothing had been read yet."""
    for cache in (_cache, _modules, _folders, _fresh):
        cache.clear()
    for remembered in (_listing, _dependencies_of):
        remembered.cache_clear()


# --------------------------------------------------------------------------------------------------------------------
# Settings that nothing reads
# --------------------------------------------------------------------------------------------------------------------

MISSPELLED = re.compile(r"(pytest[-_])?asyncio[-_](mode|default[-_](fixture|test)[-_]loop[-_]scope)")
MODES = ("auto", "strict")


def _problems(folder: Folder) -> Iterator[str]:
    """ATX110's sentences for the configuration that holds in a folder."""
    for reading in folder.readings:
        yield from _bad_keys(reading)
        yield from _passed_over(reading, folder.native)


def _bad_keys(reading: Configuration) -> Iterator[str]:
    where = reading.file.name if reading.file else ""
    for key in reading.values:
        if MISSPELLED.fullmatch(key) and key not in ("asyncio_mode", "asyncio_default_fixture_loop_scope",
                                                     "asyncio_default_test_loop_scope"):  # fmt: skip
            yield f"`{key}` in {where} is a key that nothing reads; write `{key.removeprefix('pytest-').replace('-', '_')}`"
    if reading.asyncio_mode not in MODES:
        yield f"`asyncio_mode = {reading.asyncio_mode}` in {where} is no mode; write auto or strict"


def _passed_over(reading: Configuration, native: bool) -> Iterator[str]:
    """Tables and files beside the one in use that were meant for pytest."""
    tool = table(read_toml(reading.rootdir / "pyproject.toml"), "tool")
    if "pytest-asyncio" in tool or "pytest_asyncio" in tool:
        yield "`[tool.pytest-asyncio]` in pyproject.toml is read by nothing; use `[tool.pytest.ini_options]`"
    own = {key for key in table(tool, "pytest") if key.startswith("asyncio_")}
    if own and not native:
        yield "`[tool.pytest]` in pyproject.toml needs pytest 9; use `[tool.pytest.ini_options]`"
    if "asyncio_mode" in (read_ini(reading.rootdir / "setup.cfg") or {}).get("pytest", {}):
        yield "`[pytest]` in setup.cfg is not read; write `[tool:pytest]`"
    hidden = table(tool, "pytest", "ini_options")
    if reading.file is None or reading.values or reading.file.name == "pyproject.toml":
        return
    if any(key.startswith("asyncio_") for key in hidden):
        yield f"empty {reading.file.name} hides pytest's table in pyproject.toml; delete {reading.file.name}"
