"""Lint cases: what must be reported, and what must not (tests/cases/*.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import linting
import markdown
import pytest

from flake8_async_tests.plugin import is_interesting
from flake8_async_tests.visitor import RULES, Settings, check, gather

CASES = sorted(Path(__file__).with_name("cases").glob("ATX*.md"))


def cases():
    for page in CASES:
        first, every = markdown.sections(page.read_text("utf8"))
        for case in every:
            yield pytest.param(page.stem, {**first.files, **case.files}, id=f"{page.stem}: {case.title}")


def announced(files: dict[str, str]) -> set[tuple[str, int, str]]:
    """The findings that the comments of a case announce: file, line, code or whole message."""
    return {(name, *one) for name, text in files.items() if name.endswith(".py") for one in markdown.stated(text)}


@pytest.mark.parametrize(("code", "files"), list(cases()))
def test_case(code, files, tmp_path):
    linting.write(tmp_path, files)
    selected = [code] if code.startswith("ATX9") else []
    found, wanted = set(linting.lint_all(tmp_path, extend_select=selected)), announced(files)
    assert {one if one in wanted else (*one[:2], one[2][:6]) for one in found} == wanted


def test_without_a_project():
    """Facts of a file of which nothing else is known: whatever its rules ask, they get an answer."""
    for case in cases():
        for name, text in case.values[1].items():
            if name.endswith(".py"):
                assert all(len(one) == 3 for one in check(gather(ast.parse(text), settings=Settings(opt_in=("ATX9",)))))


@pytest.mark.parametrize("code", sorted(RULES))
def test_more_silence_than_findings(code):
    _, every = markdown.sections(Path(__file__).with_name("cases").joinpath(f"{code}.md").read_text("utf8"))
    counts = [sum(one[:6] == code for _, _, one in announced(case.files)) for case in every]
    assert sum(counts) >= 1
    assert counts.count(0) > sum(count > 0 for count in counts)
    assert counts.count(0) >= sum(counts)


def test_every_case_is_looked_at():
    """A file that the first look leaves out is silent whatever the rule does."""
    passed_over = [case for case in cases() if not any(is_interesting(name, [text]) for name, text in case.values[1].items()
                                                       if name.endswith(".py"))]  # fmt: skip
    assert [case.id for case in passed_over] == []
