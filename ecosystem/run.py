"""Lint real test suites and compare the findings with the expected counts: `python -m ecosystem.run`.

Every project is a source distribution pinned in expected.json, linted by flake8 from the project's own directory with
the rules of ATX alone, opt-in rules included. Each difference is printed, and the exit code is 1 if there is one.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Iterator, NamedTuple

from ecosystem import sdists

CODE = re.compile(r"(?P<path>.+?):\d+:\d+: (?P<code>ATX\d{3}) ")
ASYNC_TEST = re.compile(rb"^[ \t]*async def test", re.MULTILINE)


class Outcome(NamedTuple):
    """What linting one project gave."""

    files: int
    async_tests: int
    findings: dict[str, int]
    seconds: float
    output: str


def lint(home: Path) -> Outcome:
    """flake8's findings in one project, which is not asked for its own flake8 configuration."""
    command = [sys.executable, "-m", "flake8", "--isolated", "--select", "ATX,ATX9", "--exit-zero", "."]
    start = time.perf_counter()
    process = subprocess.run(command, cwd=home, capture_output=True, text=True, encoding="utf8", errors="replace")
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"flake8 broke in {home}:\n{process.stderr}")
    sources = [path.read_bytes() for path in home.rglob("*.py")]
    tests = sum(len(ASYNC_TEST.findall(source)) for source in sources)
    return Outcome(len(sources), tests, counts(process.stdout), seconds, process.stdout)


def counts(output: str) -> dict[str, int]:
    """Findings per code, in the order of the codes."""
    found = (CODE.match(line) for line in output.splitlines())
    return dict(sorted(Counter(match["code"] for match in found if match).items()))


def differences(project: sdists.Project, outcome: Outcome) -> Iterator[str]:
    """What is not as expected, one line each."""
    for word in ("files", "async_tests"):
        if getattr(project, word) != getattr(outcome, word):
            yield f"{project.name}: {getattr(outcome, word)} {word}, expected {getattr(project, word)}"
    for code in sorted({*project.findings, *outcome.findings}):
        found, expected = outcome.findings.get(code, 0), project.findings.get(code, 0)
        if found != expected:
            yield f"{project.name}: {found} {code}, expected {expected}"


def report(project: sdists.Project, outcome: Outcome) -> str:
    """One line of the table."""
    found = " ".join(f"{code}:{count}" for code, count in outcome.findings.items()) or "-"
    head = f"{project.name:15} {project.version:12} {outcome.files:5} {outcome.async_tests:6} {outcome.seconds:7.1f}"
    return f"{head}  {found}"


def update(results: dict[str, tuple[sdists.Project, Outcome]]) -> None:
    """Rewrite the expected counts of the projects that ran."""
    every = sdists.pinned()
    for name, (project, outcome) in results.items():
        every[name] = project._replace(files=outcome.files, async_tests=outcome.async_tests, findings=outcome.findings)
    rows = {name: {key: value for key, value in every[name]._asdict().items() if key != "name"} for name in sorted(every)}
    sdists.EXPECTED.write_text(json.dumps(rows, indent=1) + "\n", "utf8")


def chosen(arguments: argparse.Namespace) -> list[sdists.Project]:
    """The projects that the command line asks for."""
    every = sdists.pinned()
    unknown = set(arguments.only or ()) - set(every)
    if unknown:
        raise SystemExit(f"not pinned: {', '.join(sorted(unknown))}; pinned are {', '.join(every)}")
    return [project for name, project in every.items()
            if name in (arguments.only or every) and (project.small or not arguments.small)]  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m ecosystem.run", description=__doc__)
    options.add_argument("--only", action="append", metavar="NAME", help="one project alone; may be repeated")
    options.add_argument("--small", action="store_true", help="the small part, which CI runs")
    options.add_argument("--update", action="store_true", help="write what was found into expected.json")
    options.add_argument("--show", action="store_true", help="print the findings too")
    options.add_argument("--cache", type=Path, default=sdists.CACHE, help="where the projects are kept (%(default)s)")
    return options


def main(words: list[str] | None = None) -> int:
    """Run, print the table and the differences."""
    arguments = parser().parse_args(words)
    results = {}
    print(f"{'project':15} {'version':12} {'files':>5} {'tests':>6} {'seconds':>7}  findings")
    for project in chosen(arguments):
        results[project.name] = project, lint(sdists.unpacked(project, arguments.cache))
        print(report(*results[project.name]), flush=True)
        if arguments.show:
            print(results[project.name][1].output)
    if arguments.update:
        update(results)
        return 0
    changed = [line for result in results.values() for line in differences(*result)]
    print("\n".join(changed) or "as expected")
    return bool(changed)


if __name__ == "__main__":
    sys.exit(main())
