"""Pages of rules are executed: each example is linted, and run under the real pytest and pytest-asyncio."""

from __future__ import annotations

import re
import shlex

import linting
import markdown
import pytest

from flake8_async_tests.plugin import PAGES
from flake8_async_tests.visitor import RULES

CODES = sorted(path.stem for path in PAGES.glob("*.md"))
SECTIONS = ["Bad", "Good", "Silent when", "Fix", "Configuration", "References"]
CONSEQUENCES = "silent loud hang leak flaky warning none".split()


def page(code: str) -> tuple[markdown.Section, dict[str, markdown.Section]]:
    first, every = markdown.sections((PAGES / f"{code}.md").read_text("utf8"))
    return first, {section.title: section for section in every}


def test_every_rule_has_a_page_and_every_page_a_rule():
    assert CODES == sorted(RULES)


@pytest.mark.parametrize("code", CODES)
def test_shape(code):
    first, parts = page(code)
    assert first.text.startswith(f"# {code} {RULES[code].name}\n")
    assert re.search(rf"^\*\*Consequence\*\*: ({'|'.join(CONSEQUENCES)})\b", first.text, re.MULTILINE)
    assert list(parts) == SECTIONS


def examples():
    return [pytest.param(code, kind, id=f"{code} {kind}") for code in CODES for kind in ("Bad", "Good")]


@pytest.mark.parametrize(("code", "kind"), examples())
def test_lint(code, kind, tmp_path):
    files = page(code)[1][kind].files
    linting.write(tmp_path, files)
    stated = [(name, line, text) for name, source in sorted(files.items()) if name.endswith(".py")
              for line, text in markdown.expected(source)]  # fmt: skip
    found = linting.lint_all(tmp_path, extend_select=[code])
    assert found == stated
    assert (code in {text[:6] for _, _, text in found}) if kind == "Bad" else not found


@pytest.mark.parametrize("code", CODES)
def test_message(code):
    for section in page(code)[1].values():
        for _, text in (one for source in section.files.values() for one in markdown.expected(source)):
            message = text[7:]
            assert len(message) < 110, message
            assert "; " in message and not message.endswith(".")
            assert not re.search(r":\d+:\d+: ", message)


@pytest.mark.parametrize(("code", "kind"), examples())
def test_run(code, kind, pytester, monkeypatch):
    """The outcome that the page states is the outcome seen."""
    section = page(code)[1][kind]
    linting.write(pytester.path, section.files)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    commands = re.split(r"^\$ ", section.console, flags=re.MULTILINE)[1:]
    assert commands
    for command in commands:
        line, _, stated = command.partition("\n")
        program, *arguments = shlex.split(line)
        assert program == "pytest"
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=60)
        output = pytest.LineMatcher(result.outlines + result.errlines)
        output.fnmatch_lines_random([one for one in stated.splitlines() if one.strip()])
