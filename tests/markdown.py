"""The one reader of the project's Markdown: pages of rules and files of lint cases."""

from __future__ import annotations

import re
from typing import NamedTuple

BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
EXPECTED = re.compile(r"# (ATX\d{3}\b.*)$")
CODE = re.compile(r"ATX\d{3}")


class Block(NamedTuple):
    """A fenced block: language, file name (if any), text."""

    language: str
    title: str
    text: str


class Section(NamedTuple):
    """What stands under one `##` heading."""

    title: str
    text: str
    blocks: list[Block]

    @property
    def files(self) -> dict[str, str]:
        """The files that the blocks describe: name to text; a Python block without a name is the test file."""
        named = {}
        for block in self.blocks:
            if block.title or block.language == "python":
                named[block.title or "test_case.py"] = block.text
        return named

    @property
    def console(self) -> str:
        return "".join(block.text for block in self.blocks if block.language == "console")


def blocks(text: str) -> list[Block]:
    return [Block(*match.groups(default="")) for match in BLOCK.finditer(text)]


def sections(text: str) -> tuple[Section, list[Section]]:
    """What stands before the first `##` heading, and a section for each heading (headings inside blocks do not count)."""
    hidden = BLOCK.sub(lambda match: re.sub(r"^#", "%", match.group(0), flags=re.MULTILINE), text)
    starts = [match.start() for match in HEADING.finditer(hidden)] + [len(text)]
    first = Section("", text[: starts[0]], blocks(text[: starts[0]]))
    found = []
    for begin, end in zip(starts, starts[1:]):
        part = text[begin:end]
        title, _, body = part.partition("\n")
        found.append(Section(title.removeprefix("## ").strip(), body, blocks(body)))
    return first, found


def expected(text: str) -> list[tuple[int, str]]:
    """The findings that a file's comments announce: line, and the comment's text from the code on."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := EXPECTED.search(line):
            found.append((number, match.group(1).rstrip()))
    return found


def stated(text: str) -> list[tuple[int, str]]:
    """The same for lint cases, whose comments name codes ("ATX101 ATX201"), or one code with its whole message."""
    return [(number, one) for number, words in expected(text)
            for one in (words.split() if all(map(CODE.fullmatch, words.split())) else [words])]  # fmt: skip
