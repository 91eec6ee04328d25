"""The project's own cases and pages, changed at random: statements and expressions moved, lost, doubled; names exchanged."""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Callable, Iterator

import markdown

from flake8_async_tests.plugin import PAGES

CASES = Path(__file__).with_name("cases")
Pick = Callable[[int], int]  # a number below the one given


def suites() -> Iterator[dict[str, str]]:
    """The files of every case and of every page's examples."""
    for page in sorted([*CASES.glob("ATX*.md"), *PAGES.glob("ATX*.md")]):
        first, every = markdown.sections(page.read_text("utf8"))
        for section in every:
            if section.files:
                yield {**first.files, **section.files}


def mutated(source: str, pick: Pick, times: int) -> str | None:
    """The source after some changes; None if it is no program any more."""
    tree = ast.parse(source)
    for _ in range(times):
        CHANGES[pick(len(CHANGES))](tree, pick)
    try:
        changed = ast.unparse(tree)
        ast.parse(changed)
    except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return changed


def bodies(tree: ast.AST) -> list[list[ast.stmt]]:
    """Every list of statements."""
    return [held for node in ast.walk(tree) for field in ("body", "orelse", "finalbody")
            if isinstance(held := getattr(node, field, None), list) and held]  # fmt: skip


def some_body(tree: ast.Module, pick: Pick) -> list[ast.stmt]:
    every = bodies(tree)
    return every[pick(len(every))] if every else tree.body


def delete(tree: ast.Module, pick: Pick) -> None:
    body = some_body(tree, pick)
    if len(body) > 1:
        del body[pick(len(body))]


def double(tree: ast.Module, pick: Pick) -> None:
    body = some_body(tree, pick)
    if body:
        body.insert(pick(len(body) + 1), copy.deepcopy(body[pick(len(body))]))


def swap(tree: ast.Module, pick: Pick) -> None:
    body = some_body(tree, pick)
    if body:
        one, other = pick(len(body)), pick(len(body))
        body[one], body[other] = body[other], body[one]


def truncate(tree: ast.Module, pick: Pick) -> None:
    body = some_body(tree, pick)
    if body:
        del body[1 + pick(len(body)) :]


def transplant(tree: ast.Module, pick: Pick) -> None:
    """A statement comes to stand somewhere else too."""
    one, other = some_body(tree, pick), some_body(tree, pick)
    if one and other:
        other.insert(pick(len(other) + 1), copy.deepcopy(one[pick(len(one))]))


def wrap(tree: ast.Module, pick: Pick) -> None:
    """A statement gets a block around it."""
    body = some_body(tree, pick)
    if body:
        place = pick(len(body))
        texts = ("if flag:\n x", "for item in items:\n x", "try:\n x\nexcept Exception:\n pass", "async with thing as other:\n x", "while True:\n x",
                 "try:\n pass\nfinally:\n x", "async def test_inner(thing):\n x", "class TestInner:\n x", "with pytest.raises(ValueError):\n x",
                 "async for thing in other:\n x")  # fmt: skip
        block = ast.parse(texts[pick(len(texts))]).body[0]
        target = block.finalbody if getattr(block, "finalbody", None) else block.body
        target[0] = body[place]
        body[place] = block


def rename(tree: ast.Module, pick: Pick) -> None:
    """One place, or all places, where a name stands get another name of the file."""
    fields = [(node, field) for node in ast.walk(tree) for field in ("id", "arg", "name", "attr", "asname") if isinstance(
        getattr(node, field, None), str)]  # fmt: skip
    if fields:
        node, field = fields[pick(len(fields))]
        other, its = fields[pick(len(fields))]
        old, new = getattr(node, field), getattr(other, its) + ("" if pick(4) else "\xe9")
        for one, its in fields if pick(2) else [(node, field)]:
            if getattr(one, its) == old and "." not in new:
                setattr(one, its, new)


def expressions(tree: ast.AST) -> list[tuple[ast.AST, str, int | None]]:
    """Where an expression is read: its node, the field, and the index if the field is a list."""
    found: list[tuple[ast.AST, str, int | None]] = []
    for node in ast.walk(tree):
        for field, held in ast.iter_fields(node):
            if _is_read(held):
                found.append((node, field, None))
            elif isinstance(held, list):
                found += [(node, field, index) for index, one in enumerate(held) if _is_read(one)]
    return found


def _is_read(node: object) -> bool:
    return isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def exchange(tree: ast.Module, pick: Pick) -> None:
    """An expression is replaced by another one of the file."""
    every = expressions(tree)
    if every:
        (node, field, index), (other, its, at) = every[pick(len(every))], every[pick(len(every))]
        new = copy.deepcopy(getattr(other, its) if at is None else getattr(other, its)[at])
        if index is None:
            setattr(node, field, new)
        else:
            getattr(node, field)[index] = new


def change_colour(tree: ast.Module, pick: Pick) -> None:
    """An async function becomes a sync one, or the other way round."""
    every = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    if every:
        node = every[pick(len(every))]
        node.__class__ = ast.FunctionDef if isinstance(node, ast.AsyncFunctionDef) else ast.AsyncFunctionDef


def lose_argument(tree: ast.Module, pick: Pick) -> None:
    """A list of arguments, decorators, targets or elements loses one."""
    held = [found for node in ast.walk(tree) for field in ("args", "keywords", "decorator_list", "bases", "elts", "items", "defaults", "names")
            if isinstance(found := getattr(node, field, None), list) and found]  # fmt: skip
    if held:
        chosen = held[pick(len(held))]
        del chosen[pick(len(chosen))]


CHANGES = (delete, double, swap, truncate, transplant, wrap, rename, exchange, change_colour, lose_argument)
