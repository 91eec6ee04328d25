"""Lint real test suites and compare the findings with what is expected: `python -m ecosystem.run`.

Every suite is pinned in expected.json and linted from its own directory with every rule of ATX, opt-in rules included;
`# noqa` comments hide nothing. Each difference in the counts is printed, and each finding of a default rule that
judgements.json says nothing about. The exit code is 1 if there is any.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Iterator, NamedTuple

from ecosystem import judgements, sdists
from flake8_async_tests import Plugin

ASYNC_TEST = re.compile(rb"^[ \t]*async def test", re.MULTILINE)
EVERY_RULE = SimpleNamespace(extend_select=["ATX9"])


class Finding(NamedTuple):
    """One finding, and the place that stays the same when lines move: "tests/test_x.py::TestA.test_b"."""

    path: str
    line: int
    code: str
    text: str
    place: str


class Outcome(NamedTuple):
    """What linting one project gave."""

    files: int
    async_tests: int
    seconds: float
    findings: list[Finding]

    @property
    def counts(self) -> dict[str, int]:
        """Findings per code, in the order of the codes."""
        return dict(sorted(Counter(finding.code for finding in self.findings).items()))


def lint(home: Path) -> Outcome:
    """Every finding in one project; the seconds are processor time of parsing and of the plugin."""
    before = os.getcwd()
    os.chdir(home)
    try:
        paths = sorted(Path().rglob("*.py"))
        sources = [path.read_bytes() for path in paths]
        start = time.process_time()
        findings = [finding for path, source in zip(paths, sources) for finding in lint_file(path, source)]
        seconds = time.process_time() - start
    finally:
        os.chdir(before)
    return Outcome(len(paths), sum(len(ASYNC_TEST.findall(source)) for source in sources), seconds, findings)


def lint_file(path: Path, source: bytes) -> Iterator[Finding]:
    """The findings in one file; none in one that is not of this Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        lines = source.decode("utf8").splitlines(keepends=True)
    except (SyntaxError, ValueError):
        return
    found = list(Plugin(tree, str(path), lines, EVERY_RULE).run())
    seen: Counter[tuple[str, str]] = Counter()
    for line, _, text, _ in found:
        place = f"{path.as_posix()}::{enclosing(tree, line)}"
        seen[text[:6], place] += 1
        several = f"#{seen[text[:6], place]}" if seen[text[:6], place] > 1 else ""
        yield Finding(path.as_posix(), line, text[:6], text[7:], place + several)


def enclosing(tree: ast.AST, line: int) -> str:
    """The dotted name of the innermost class or function around a line, decorators included; "" for the module."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if node is not tree and first <= line <= (node.end_lineno or first):
                return f"{node.name}.{inner}" if (inner := enclosing(node, line)) else node.name
    return ""


def differences(project: sdists.Project, outcome: Outcome) -> Iterator[str]:
    """What is not as expected, one line each."""
    for word in ("files", "async_tests"):
        if getattr(project, word) != getattr(outcome, word):
            yield f"{project.name}: {getattr(outcome, word)} {word}, expected {getattr(project, word)}"
    for code in sorted({*project.findings, *outcome.counts}):
        found, expected = outcome.counts.get(code, 0), project.findings.get(code, 0)
        if found != expected:
            yield f"{project.name}: {found} {code}, expected {expected}"


def unjudged(project: sdists.Project, outcome: Outcome, judged: judgements.Judgements) -> Iterator[str]:
    """Findings of default rules that somebody has to judge, and judgements of what is no longer found."""
    for finding in outcome.findings:
        if not judgements.is_opt_in(finding.code) and not judgements.of(judged, project, finding.code, finding.place):
            yield f"{project.name}: not judged: {finding.path}:{finding.line} {finding.code} {finding.text} [{finding.place}]"
    found = {(finding.code, finding.place) for finding in outcome.findings}
    for suite, code, place in judged:
        if suite == project.name and (code, place) not in found:
            yield f"{project.name}: judged, but not found: {code} [{place}]"


def report(project: sdists.Project, outcome: Outcome) -> str:
    """One line of the table."""
    found = " ".join(f"{code}:{count}" for code, count in outcome.counts.items()) or "-"
    head = f"{project.name:40} {project.label:18} {outcome.files:5} {outcome.async_tests:6} {outcome.seconds:7.1f}"
    return f"{head}  {found}"


def update(results: dict[str, tuple[sdists.Project, Outcome]]) -> None:
    """Rewrite the expected counts of the projects that ran."""
    every = sdists.every()
    for name, (project, outcome) in results.items():
        every[name] = project._replace(files=outcome.files, async_tests=outcome.async_tests, findings=outcome.counts)
    rows = {name: {key: value for key, value in every[name]._asdict().items() if key != "name" and value not in ("", False)}
            for name in sorted(every)}  # fmt: skip
    sdists.EXPECTED.write_text(json.dumps(rows, indent=1) + "\n", "utf8")


def chosen(arguments: argparse.Namespace) -> list[sdists.Project]:
    """The projects that the command line asks for."""
    every = sdists.every()
    unknown = set(arguments.only or ()) - set(every)
    if unknown:
        raise SystemExit(f"not pinned: {', '.join(sorted(unknown))}; pinned are {', '.join(every)}")
    if arguments.only:
        return [every[name] for name in arguments.only]
    return [project for project in every.values()
            if project.is_checkout == arguments.checkouts and (project.small or not arguments.small)]  # fmt: skip


def home_of(project: sdists.Project, arguments: argparse.Namespace) -> Path:
    """Where a project lies: among the user's own checkouts, else in the cache."""
    own = arguments.corpus and arguments.corpus / project.name.rpartition("/")[2]
    return own if own and project.is_checkout else sdists.unpacked(project, arguments.cache)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m ecosystem.run", description=__doc__)
    options.add_argument("--only", action="append", metavar="NAME", help="one project alone; may be repeated")
    options.add_argument("--small", action="store_true", help="the small part, which CI runs")
    options.add_argument("--checkouts", action="store_true", help="the judged repositories instead of the source distributions")
    options.add_argument("--update", action="store_true", help="write the counts that were found into expected.json")
    options.add_argument("--show", action="store_true", help="print the findings too")
    options.add_argument("--cache", type=Path, default=sdists.CACHE, help="where the projects are kept (%(default)s)")
    options.add_argument("--corpus", type=Path, help="a folder with checkouts of the repositories, instead of fetching them")
    return options


def main(words: list[str] | None = None) -> int:
    """Run, print the table and the differences."""
    arguments = parser().parse_args(words)
    judged, results = judgements.load(), {}
    print(f"{'project':40} {'version':18} {'files':>5} {'tests':>6} {'seconds':>7}  findings")
    for project in chosen(arguments):
        results[project.name] = project, lint(home_of(project, arguments))
        print(report(*results[project.name]), flush=True)
        if arguments.show:
            for finding in results[project.name][1].findings:
                print(f"{finding.path}:{finding.line}: {finding.code} {finding.text}")
    changed = [line for result in results.values() for line in unjudged(*result, judged)]
    if arguments.update:
        update(results)
    else:
        changed += [line for result in results.values() for line in differences(*result)]
    print("\n".join(changed) or "as expected")
    return bool(changed)


if __name__ == "__main__":
    sys.exit(main())
