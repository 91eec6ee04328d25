"""Lint the standard library with its test suite and every installed package, on every Python: `python -m ecosystem.everything`.

Each Python gets an environment with this checkout and the tests' dependencies, and lints what is there with every rule,
in one process: 10,000 files and more. It prints the findings outside test code, counts those inside, and the exit code
is 1 if anything was raised, a position lies outside its file, or a finding outside test code is not in EXPLAINED.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Iterator, NamedTuple

ROOT = Path(__file__).parents[1]
OLDEST = (3, 10)
# Where a file is test code: by a folder, or by the file's own name.
TEST_CODE = re.compile(r"(^|/)(_?tests?|_?testing|idlelib/idle_test|pytest_\w+)/|(^|/)(test_[^/]*|[^/]*_tests?|conftest)\.py$")
# Findings outside test code that are right, or that no rule can know better: end of the path, code, reason.
EXPLAINED: dict[tuple[str, str], str] = {}


class Found(NamedTuple):
    """One finding, as a worker prints it."""

    path: str
    line: int
    column: int
    text: str

    @property
    def code(self) -> str:
        return self.text[:6]

    @property
    def reason(self) -> str:
        """Why it may stand; "" for a finding that nobody has explained."""
        if TEST_CODE.search(self.path):
            return "test code"
        return next((why for (end, code), why in EXPLAINED.items() if self.path.endswith(end) and self.code == code), "")


# --------------------------------------------------------------------------------------------------------------------
# In one environment: lint what is there
# --------------------------------------------------------------------------------------------------------------------


def places() -> list[Path]:
    """The standard library and the installed packages of this Python."""
    return [Path(path).resolve() for path in dict.fromkeys(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))]


def sources(top: Path) -> Iterator[Path]:
    """Every Python file below a folder; the packages inside the standard library's folder belong to no environment."""
    for folder, folders, names in os.walk(top):
        folders[:] = sorted({*folders} - {"__pycache__", "site-packages"})
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def parsed(path: Path) -> tuple[ast.Module, list[str]] | None:
    """Tree and lines, as flake8 hands them to a plugin; None for what is no program of this Python."""
    import tokenize

    try:
        with tokenize.open(path) as file:
            lines = file.readlines()
        return ast.parse("".join(lines)), lines
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def outside(found: Found, lines: list[str]) -> bool:
    """Whether a position lies outside the file."""
    return not (1 <= found.line <= len(lines) and 0 <= found.column <= len(lines[found.line - 1]))


def lint(options: SimpleNamespace) -> Iterator[tuple[str, list]]:
    """What happens to each file: ("file", []), ("finding", [...]), ("outside", [...]), ("raised", [path, traceback])."""
    from flake8_async_tests import Plugin

    for top in places():
        os.chdir(top)
        for path in sources(top):
            source = parsed(path)
            if source is None:
                continue
            yield "file", []
            name = str(path.relative_to(top))
            try:
                findings = [Found(name, *finding[:3]) for finding in Plugin(source[0], name, source[1], options).run()]
            except Exception:
                yield "raised", [name, traceback.format_exc()]
                continue
            for found in findings:
                yield "outside" if outside(found, source[1]) else "finding", list(found)


def work() -> None:
    """A worker: every rule on every file, one JSON line for each thing that happens."""
    warnings.simplefilter("ignore")
    for what in lint(SimpleNamespace(extend_select=["ATX9"])):
        print(json.dumps(what))


# --------------------------------------------------------------------------------------------------------------------
# Over all Pythons
# --------------------------------------------------------------------------------------------------------------------


def pythons() -> list[Path]:
    """Every Python that pyenv has and the plugin supports; else the one that runs this."""
    found = {}
    for folder in Path.home().joinpath(".pyenv", "versions").glob("3.*"):
        version = tuple(int(part) for part in re.findall(r"\d+", folder.name)[:2])
        if version >= OLDEST:
            found[version] = folder / "bin" / "python"
    return [found[version] for version in sorted(found)] or [Path(sys.executable)]


def environment(python: Path, folder: Path) -> Path:
    """A virtual environment with this checkout and the tests' dependencies; its Python."""
    made = folder / python.parents[1].name
    inside = made / "bin" / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", made], check=True)
        subprocess.run([inside, "-m", "pip", "install", "-q", f"{ROOT}[test]"], check=True)
    return inside


class Result(NamedTuple):
    """What one Python gave."""

    files: int
    seconds: float
    findings: list[Found]
    outside: list[Found]
    raised: list[tuple[str, str]]

    @property
    def unexplained(self) -> list[Found]:
        return [found for found in self.findings if not found.reason]

    @property
    def failed(self) -> bool:
        return bool(self.raised or self.outside or self.unexplained)


def run(python: Path) -> Result:
    """One Python's run; its checkout is this one, whatever is installed."""
    begun = time.perf_counter()
    process = subprocess.run([python, "-m", "ecosystem.everything", "--worker"], env={**os.environ, "PYTHONPATH": str(ROOT)},
                             cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # fmt: skip
    happened = [json.loads(line) for line in process.stdout.splitlines()]
    findings, outer = ([Found(*row) for kind, row in happened if kind == wanted] for wanted in ("finding", "outside"))
    raised = [(path, text) for kind, (path, text) in (one for one in happened if one[0] == "raised")]
    return Result(sum(kind == "file" for kind, _ in happened), time.perf_counter() - begun, findings, outer, raised)


def report(name: str, result: Result) -> None:
    """Print one Python's line, and everything that somebody has to look at."""
    inside = Counter(found.code for found in result.findings if found.reason == "test code")
    explained = sum(found.reason not in ("", "test code") for found in result.findings)
    print(f"{name}: {result.files} files, {result.seconds:.0f} s, {len(result.raised)} raised, {len(result.outside)} outside their file, "
          f"{explained} explained, {len(result.unexplained)} to explain; in test code: {dict(sorted(inside.items()))}")  # fmt: skip
    for path, text in result.raised:
        print(f"{path}\n{text}")
    for found in (*result.outside, *result.unexplained):
        print(f"{found.path}:{found.line}:{found.column + 1}: {found.text}", flush=True)


def main(words: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(prog="python -m ecosystem.everything", description=__doc__)
    options.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--environments", type=Path, help="keep the environments in this folder, or use those that are there")
    arguments = options.parse_args(words)
    if arguments.worker:
        work()
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        results = {}
        for python in pythons():
            inside = environment(python, arguments.environments or Path(temporary))
            results[inside] = run(inside)
            report(inside.parents[1].name, results[inside])
    return int(any(result.failed for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
