"""Inferred kinds against real objects: for any chain of reads, calls and awaits the visitor says nothing or the truth."""

from __future__ import annotations

import ast
import asyncio
import inspect
import textwrap
import types
import warnings
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from flake8_async_tests.visitor import MOCKS, gather, value

PRELUDE = """
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec, patch
import asyncio


class Base:
    async def inherited(self):
        pass


class Gateway(Base):
    async def fetch(self):
        pass

    def count(self):
        pass

    async def stream(self):
        yield 1

    @classmethod
    async def make(cls):
        pass

    @staticmethod
    async def ping():
        pass

    @property
    def size(self):
        return 1


async def fetch():
    return 1


async def stream():
    yield 1


def plain():
    return 1
"""
ROOTS = [
    *(f"{kind}({arguments})" for kind in MOCKS for arguments in ("", "spec=Gateway", "spec=['fetch', 'count']", "spec_set=Gateway", "Gateway",
                                                                 "spec=fetch", "side_effect=fetch", "side_effect=plain", "return_value=MagicMock()",
                                                                 "return_value=AsyncMock()", "side_effect=[1, 2]", "fetch=Mock()",
                                                                 "count=AsyncMock()", "wraps=Gateway()", "spec=Gateway()", "spec=None", "side_effect=None",
                                                                 "**{'fetch': Mock()}", "name='m'")),
    "create_autospec(Gateway)", "create_autospec(Gateway, instance=True)", "create_autospec(fetch)", "create_autospec(plain)",
    "create_autospec(Gateway())",
]  # fmt: skip
STEPS = [".fetch", ".count", ".stream", ".make", ".ping", ".inherited", ".size", ".other", ".return_value", "()", "await", ".__aenter__",
         ".__enter__", ".__exit__", ".__aexit__", ".call_count", ".called", ".assert_called_once", ".side_effect"]  # fmt: skip
SETTINGS = ["m.fetch = Mock()", "m.fetch.return_value = AsyncMock()", "m.count.side_effect = fetch", "m.return_value.count = plain",
            "m.other = fetch", "m.fetch.side_effect = ValueError", "m.return_value = m.other", "m.configure_mock(fetch=Mock())",
            "m.fetch = m.count = MagicMock()", "n = m.fetch; n.return_value = Mock()", "del m.other", "m.side_effect = lambda: AsyncMock()",
            "if m.other: m.count = AsyncMock()", "asyncio.sleep(0).close()", "m.__aenter__.return_value = MagicMock()"]  # fmt: skip


def program(root: str, configured: list[str], steps: list[str]) -> str:
    """A coroutine function that builds a mock and returns what a chain of steps gives."""
    expression = "m"
    for step in steps:
        expression = f"(await {expression})" if step == "await" else expression + step
    lines = [f"m = {root}", *configured, f"it = {expression}", "return it"]
    return f"{PRELUDE}\n\nasync def test_chain():\n" + textwrap.indent("\n".join(lines), "    ") + "\n"


def inferred(source: str):
    module = gather(ast.parse(source))
    function = next(one for one in module.functions if one.name == "test_chain")
    return value(function, function.every(ast.Return)[0].value)


def real_kind(source: str) -> str | None:
    """The kind of the real object; None where Python itself refuses the chain."""
    names: dict = {}
    exec(compile(source, "chain", "exec"), names)
    try:
        return kind_of(asyncio.run(names["test_chain"]()))
    except (AttributeError, TypeError, ValueError, RuntimeError, AssertionError, StopAsyncIteration, StopIteration, IndexError):
        return None


def kind_of(thing: object) -> str:
    if inspect.iscoroutine(thing):
        thing.close()
        return "coroutine"
    if isinstance(thing, types.FunctionType) and hasattr(thing, "mock"):
        return kind_of(thing.mock)  # create_autospec of a function
    if isinstance(thing, mock.AsyncMockMixin):
        return "AsyncMock"
    if isinstance(thing, mock.MagicMixin):
        return "MagicMock"
    if isinstance(thing, mock.NonCallableMock):
        return "Mock"
    return type(thing).__name__


@given(st.sampled_from(ROOTS), st.lists(st.sampled_from(SETTINGS), max_size=3), st.lists(st.sampled_from(STEPS), max_size=6))
@settings(max_examples=3000, deadline=None)
def test_chain(root, configured, steps):
    source = program(root, configured, steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        guess, truth = inferred(source), real_kind(source)
    if guess is not None and truth is not None and guess.kind not in ("class", "function", "method"):
        assert guess.kind == truth, source.removeprefix(PRELUDE)
