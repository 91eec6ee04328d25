"""Definitions told apart by their first lines, without parsing, so that each is parsed when somebody asks for it.

Of other files a test needs a few functions and methods; most of their text is never parsed.
"""

from __future__ import annotations

import ast
import re
from typing import Any

HEAD = re.compile(r"(class|def|async[ \t]+def)[ \t]+(\w+)")
NODES = {"class": ast.ClassDef, "def": ast.FunctionDef}
FIRST = re.compile(r"def[ \t]+\w+[^(]*\(\s*(\w+)")
METHOD = re.compile(r"\n([ \t]+)(?:def|async[ \t]+def)\b")
QUOTES = ('"""', "'''")
UNREADABLE = "@_unreadable\n{} _(): pass"  # a decorator that nobody knows: nothing is known of what it decorates


class Block:
    """A function or class of which only the name has been read.

    `node` is the node that its parsing fills; `text` its source until then, decorators included, from line `first` on;
    `blocks` what is defined in a class, which waits in its turn.
    """

    __slots__ = ("node", "text", "first", "blocks")

    def __init__(self, kind: type, name: str, text: str, first: int) -> None:
        self.text, self.first = text, first
        self.blocks: list[Block] = []
        last = first + text.rstrip().count("\n")
        self.node: Any = kind.__new__(kind)  # without the fields that it owes
        vars(self.node).update(name=name, lineno=first, col_offset=0, end_lineno=last, end_col_offset=0)

    @property
    def first_parameter(self) -> str:
        """The name of a function's first parameter, "" if there is none, by its text."""
        found = FIRST.search(self.text)
        return found[1] if found else ""

    def parse(self) -> int:
        """Fill the node; gives how many characters that took."""
        kind, name = type(self.node), self.node.name
        parsed = self._opened() if kind is ast.ClassDef else None
        if parsed is None:
            parsed = self._parsed(self.text)
        if type(parsed) is not kind:
            parsed = ast.parse(UNREADABLE.format("class" if kind is ast.ClassDef else "async def")).body[0]
        vars(self.node).update(vars(parsed), name=name)
        parsed_characters = len(self.text) - sum(len(block.text) for block in self.blocks)
        self.text = ""
        return parsed_characters

    def _opened(self) -> ast.stmt | None:
        """A class without what is defined in it; None if that cannot be told without parsing."""
        method = METHOD.search(self.text)
        found = apart(self.text, method[1], self.first) if method else None
        if method is None or found is None:
            return None
        rest, blocks = found
        parsed = self._parsed(rest)
        body = getattr(parsed, "body", [])
        if not body or body[0].col_offset != len(method[1]):  # the definitions stand in a branch
            return None
        body[:] = [one for one in body if one.lineno != blocks[0].first]  # the `pass` in their place
        self.blocks = blocks
        vars(parsed).update(end_lineno=self.node.end_lineno, end_col_offset=0)  # the last definition may end it
        return parsed

    def _parsed(self, text: str) -> ast.stmt | None:
        """The one statement of a text, with the line numbers of the file."""
        above = "\n" * (self.first - 1) if not text[:1].isspace() else "\n" * (self.first - 2) + "if 1:\n"
        try:
            found: Any = ast.parse(above + text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        found = found[0].body if text[:1].isspace() and len(found) == 1 else found
        return found[0] if len(found) == 1 else None


def apart(text: str, indent: str = "", first: int = 1) -> tuple[str, list[Block]] | None:
    """A text with empty lines for the definitions at one indentation, and these; None if they cannot be told without parsing.

    `first` is the number of the first line. Within a class, `pass` takes the place of the first definition.
    """
    starts = _statement_starts(text, indent)
    if starts is None:
        return None
    blocks: list[Block] = []
    rest: list[str] = []
    begun, line, copied = None, first, 0
    for at, until in zip(starts, [*starts[1:], len(text) + len(indent)]):
        begun = at - len(indent) if begun is None else begun  # a decorator belongs to what follows it
        if (head := HEAD.match(text, at)) is not None:
            above, inside = text[copied:begun], text[begun : until - len(indent)]
            line += above.count("\n")
            rest += [above, f"{indent}pass" if indent and not blocks else "", "\n" * inside.count("\n")]
            blocks.append(Block(NODES.get(head[1], ast.AsyncFunctionDef), head[2], inside, line))
            line, copied = line + inside.count("\n"), begun + len(inside)
        if not text.startswith("@", at):
            begun = None
    there = len(re.findall(rf"\n{indent}(?:class|def|async[ \t]+def)\b", text)) + (not indent and HEAD.match(text) is not None)
    return ("".join([*rest, text[copied:]]), blocks) if len(blocks) == there else None


def _statement_starts(text: str, indent: str) -> list[int] | None:
    """Where the statements at an indentation begin, outside strings; None if quotes do not match, or lines end in odd ways."""
    # That every expression begins with a fixed character makes the search ten times as fast as one with `^`.
    marks = [(match.end(), "") for match in re.finditer(rf"\n{indent}(?=[^\s#)\]}}])", text)]
    marks += [(match.start(), quote) for quote in QUOTES for match in re.finditer(quote, text)]
    found: list[int] = []
    quotes = ""
    for at, quote in sorted([(0, ""), *marks] if not indent else marks):
        if not quote and not quotes:
            found.append(at)
        elif quote:
            quotes = quote if not quotes else "" if quotes == quote else quotes
    return None if quotes or "\r" in text or "\f" in text else found
