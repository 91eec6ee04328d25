"""Write the counting part of docs/real-suites.md from a run over the pinned suites: `python -m ecosystem.report`.

What stands above the marker in the document is written by people and stays. `--todo` prints what has no judgement yet
instead: every finding of a default rule, and of each opt-in rule those of its sample.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

from ecosystem import judgements, run, sdists
from ecosystem.judgements import VERDICTS, Judgement
from flake8_async_tests.visitor import RULES

DOCUMENT = Path(__file__).parents[1] / "docs" / "real-suites.md"
MARKER = "<!-- From here on written by `python -m ecosystem.report`; the judgements are in ecosystem/judgements.json. -->\n"
SAMPLE = 20
UNKNOWN = Judgement("not judged", "")


class Judged(NamedTuple):
    """One finding with its suite and what was thought of it."""

    suite: str
    finding: run.Finding
    judgement: Judgement

    @property
    def code(self) -> str:
        return self.finding.code


Results = dict[str, tuple[sdists.Project, run.Outcome]]


def all_judged(results: Results) -> list[Judged]:
    """Every finding of the run with its judgement."""
    known = judgements.load()
    return [Judged(project.name, finding, judgements.of(known, project, finding.code, finding.place) or UNKNOWN)
            for project, outcome in results.values() for finding in outcome.findings]  # fmt: skip


def draw(place: str) -> bytes:
    """The place of a finding in the order that chance gave once for all: one that comes or goes changes nothing for the others."""
    return hashlib.sha256(place.encode()).digest()


def sample(every: Iterable[Judged]) -> list[Judged]:
    """Up to SAMPLE findings of one opt-in rule, one suite after the other in turn, each suite's in the order of the draw."""
    suites: dict[str, list[Judged]] = defaultdict(list)
    for one in every:
        suites[one.suite].append(one)
    for several in suites.values():
        several.sort(key=lambda one: draw(one.finding.place))
    longest = max(map(len, suites.values()), default=0)
    turns = [several[turn] for turn in range(longest) for several in suites.values() if turn < len(several)]
    return turns[:SAMPLE]


def unjudged(every: list[Judged]) -> list[Judged]:
    """What somebody should read: findings of default rules that lack a judgement, and those of the opt-in rules' samples."""
    default = [one for one in every if not judgements.is_opt_in(one.code)]
    opt_in = sorted({one.code for one in every if judgements.is_opt_in(one.code)})
    samples = [one for code in opt_in for one in sample(other for other in every if other.code == code)]
    return [one for one in (*default, *samples) if one.judgement is UNKNOWN]


# --------------------------------------------------------------------------------------------------------------------
# Tables
# --------------------------------------------------------------------------------------------------------------------


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """A Markdown table."""
    columns = list(head)
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "|".join("---" if number < 1 else "---:" for number, _ in enumerate(columns)) + "|"
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"
    yield ""


def counted(codes: Iterable[str]) -> str:
    """Codes with their counts: "ATX102 158, ATX103 3"."""
    return ", ".join(f"{code} {count}" for code, count in sorted(Counter(codes).items())) or "none"


def per_suite(results: Results, every: list[Judged]) -> Iterator[str]:
    """The suites with what was found in them."""
    yield from ("## Suites", "")
    rows = []
    for project, outcome in results.values():
        default = [one for one in every if one.suite == project.name and not judgements.is_opt_in(one.code)]
        verdicts = Counter(one.judgement.verdict for one in default)
        rows.append((project.name, project.label, outcome.files, outcome.async_tests, f"{outcome.seconds:.1f}",
                     *(verdicts[verdict] for verdict in ("right", "wrong", UNKNOWN.verdict))))  # fmt: skip
    sums = [sum(row[column] for row in rows) for column in (2, 3)]
    total = ("all", "", *sums, f"{sum(outcome.seconds for _, outcome in results.values()):.1f}")
    head = ("suite", "version", "files", "async tests", "CPU seconds", "right", "wrong", UNKNOWN.verdict)
    yield from table(head, [*rows, (*total, *(sum(row[column] for row in rows) for column in (5, 6, 7)))])
    yield from ("Findings by rule:", "")
    for project, outcome in results.values():
        codes = [finding.code for finding in outcome.findings]
        default = counted(code for code in codes if not judgements.is_opt_in(code))
        yield f"- {project.name}: {default}; opt-in: {counted(code for code in codes if judgements.is_opt_in(code))}"
    yield ""


def default_rules(every: list[Judged]) -> Iterator[str]:
    """Total and precision of each default rule."""
    yield from ("## Default rules", "")
    rows, total = [], Counter()
    for code in sorted(code for code in RULES if not judgements.is_opt_in(code)):
        verdicts = Counter(one.judgement.verdict for one in every if one.code == code)
        total += verdicts
        rows.append((f"{code} {RULES[code].name}", verdicts.total(), verdicts["right"], verdicts["wrong"], precision(verdicts)))
    rows.append(("all", total.total(), total["right"], total["wrong"], precision(total)))
    yield from table(("rule", "findings", "right", "wrong", "precision"), rows)


def precision(verdicts: Counter[str]) -> str:
    judged = verdicts["right"] + verdicts["wrong"]
    return f"{100 * verdicts['right'] / judged:.0f} %" if judged else "-"


def opt_in_rules(results: Results, every: list[Judged]) -> Iterator[str]:
    """Rate of each opt-in rule, and what was thought of those that were read."""
    yield from ("## Opt-in rules", "")
    tests = sum(outcome.async_tests for _, outcome in results.values())
    rows = []
    for code in sorted(filter(judgements.is_opt_in, RULES)):
        found = [one for one in every if one.code == code]
        verdicts = Counter(one.judgement.verdict for one in found if one.judgement is not UNKNOWN)
        suites = len({one.suite for one in found})
        rows.append((f"{code} {RULES[code].name}", len(found), suites, f"{1000 * len(found) / tests:.1f}", verdicts.total(),
                     *(verdicts[verdict] for verdict in VERDICTS)))  # fmt: skip
    yield from table(("rule", "findings", "suites", "per 1,000 async tests", "read", *VERDICTS), rows)


def each_finding(every: list[Judged]) -> Iterator[str]:
    """The findings that were read, and those of default rules that were not yet, by rule, suite and reason."""
    yield from ("## Every finding that was read", "")
    groups: dict[str, dict[tuple[str, Judgement], list[run.Finding]]] = defaultdict(lambda: defaultdict(list))
    for one in every:
        if one.judgement is not UNKNOWN or not judgements.is_opt_in(one.code):
            groups[one.code][one.suite, one.judgement].append(one.finding)
    for code, reasons in sorted(groups.items()):
        yield from (f"### {code} {RULES[code].name}", "")
        for (suite, judgement), findings in reasons.items():
            yield f"- **{judgement.verdict}**, {suite}: {judgement.why or 'nobody has read it yet'}"
            yield from (f"  - `{path}`: {lines}" for path, lines in by_path(findings))
        yield ""


def by_path(findings: list[run.Finding]) -> Iterator[tuple[str, str]]:
    """The lines of findings, file by file."""
    lines: dict[str, list[int]] = defaultdict(list)
    for finding in findings:
        lines[finding.path].append(finding.line)
    yield from ((path, ", ".join(map(str, sorted(several)))) for path, several in sorted(lines.items()))


def document(results: Results) -> str:
    """The generated part of the document."""
    every = all_judged(results)
    parts = (per_suite(results, every), default_rules(every), opt_in_rules(results, every), each_finding(every))
    return "\n".join(line for part in parts for line in part)


def main(words: list[str] | None = None) -> int:
    """Lint every suite once (of a project that is pinned twice, the checkout), then write the document or print what is left to judge."""
    options = argparse.ArgumentParser(prog="python -m ecosystem.report", description=__doc__)
    options.add_argument("--todo", action="store_true", help="print what has no judgement yet")
    options.add_argument("--cache", type=Path, default=sdists.CACHE, help="where the projects are kept (%(default)s)")
    options.add_argument("--corpus", type=Path, help="a folder with checkouts of the repositories, instead of fetching them")
    arguments = options.parse_args(words)
    results = {project.name: (project, run.lint(run.home_of(project, arguments)))
               for project in sorted(sdists.every().values(), key=lambda one: one.name.casefold()) if not project.suite}  # fmt: skip
    if arguments.todo:
        for one in unjudged(all_judged(results)):
            print("\t".join((one.suite, f"{one.finding.path}:{one.finding.line}", one.code, one.finding.text, one.finding.place)))
        return 0
    above = DOCUMENT.read_text("utf8").partition(MARKER)[0]
    DOCUMENT.write_text(above + MARKER + "\n" + document(results), "utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
