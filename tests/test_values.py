"""Inferred kinds against real objects: for any chain of reads, calls and awaits the visitor says nothing or the truth."""

from __future__ import annotations

import ast
import asyncio
import inspect
import types
import warnings
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_mock import MockerFixture

from flake8_async_tests.visitor import MOCKS, gather, value

PRELUDE = """
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec, patch
import asyncio
import pytest
import unittest


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
            "m.fetch = m.count = MagicMock()", "n = m.fetch; n.return_value = Mock()", "n = m; n.other = Mock()", "n = k = m.fetch; k.return_value = Mock()",
            "del m.other", "m.side_effect = lambda: AsyncMock()",
            "if m.other: m.count = AsyncMock()", "asyncio.sleep(0).close()", "m.__aenter__.return_value = MagicMock()"]  # fmt: skip


# Where the mock comes from: a program with ROOT, the lines that CONFIGURE it, and the lines of the BODY.
PLACES = {
    "local": "async def test_chain():\n    m = ROOT\n    CONFIGURE\n    BODY",
    "constant": "m = ROOT\n\n\nasync def test_chain():\n    CONFIGURE\n    BODY",
    "fixture": "@pytest.fixture\ndef m():\n    return ROOT\n\n\nasync def test_chain(m):\n    CONFIGURE\n    BODY",
    "configured fixture": "@pytest.fixture\ndef m():\n    m = ROOT\n    CONFIGURE\n    yield m\n\n\nasync def test_chain(m):\n    BODY",
    "async fixture": "@pytest.fixture\nasync def m():\n    it = ROOT\n    return it\n\n\nasync def test_chain(m):\n    CONFIGURE\n    BODY",
    "fixture of a fixture": "@pytest.fixture\ndef m():\n    return ROOT\n\n\n@pytest.fixture\ndef other(m):\n    CONFIGURE\n\n\n"
                            "async def test_chain(m, other):\n    BODY",
    "set-up": "class TestChain(unittest.TestCase):\n    def setUp(self):\n        self.m = ROOT\n\n    async def test_chain(self):\n"
              "        m = self.m\n        CONFIGURE\n        BODY",
    "configured in set-up": "class TestChain(unittest.TestCase):\n    def setUp(self):\n        m = self.m = ROOT\n        CONFIGURE\n\n"
                            "    async def test_chain(self):\n        m = self.m\n        BODY",
    "attribute": "class Holder:\n    pass\n\n\nasync def test_chain():\n    holder = Holder()\n    m = holder.m = ROOT\n    CONFIGURE\n"
                 "    m = holder.m\n    BODY",
    "setattr": "async def test_chain(monkeypatch):\n    monkeypatch.setattr(Gateway, 'fetch', ROOT)\n    m = Gateway.fetch\n    CONFIGURE\n    BODY",
    "patch, new": "async def test_chain():\n    with patch.object(Gateway, 'fetch', ROOT) as m:\n        CONFIGURE\n        BODY",
    "mocker, new": "async def test_chain(mocker):\n    m = mocker.patch.object(Gateway, 'fetch', ROOT)\n    CONFIGURE\n    BODY",
}  # fmt: skip

# What patch puts in place by itself, and how a test comes by it.
PATCHES = [
    *(f"patch.object(Gateway, '{name}'{more})" for name in ("fetch", "count", "stream", "make", "ping", "inherited") for more in (
        "", ", new_callable=Mock", ", new_callable=AsyncMock", ", autospec=True", ", return_value=AsyncMock()", ", side_effect=fetch",
        ", wraps=fetch")),
    "patch('asyncio.sleep')", "patch('asyncio.wait_for')", "patch('asyncio.gather')", "patch('asyncio.Lock')", "patch('asyncio.to_thread')",
    "patch('asyncio.create_task')", "patch('asyncio.Queue', autospec=True)", "patch.object(asyncio, 'sleep')",
]  # fmt: skip
PATCHED = {
    "with": "async def test_chain():\n    with ROOT as m:\n        CONFIGURE\n        BODY",
    "decorator": "@ROOT\nasync def test_chain(m):\n    CONFIGURE\n    BODY",
    "start": "async def test_chain():\n    m = ROOT.start()\n    CONFIGURE\n    BODY",
    "mocker": "async def test_chain(mocker):\n    m = mocker.ROOT\n    CONFIGURE\n    BODY",
    "fixture": "@pytest.fixture\ndef m():\n    with ROOT as mocked:\n        yield mocked\n\n\nasync def test_chain(m):\n    CONFIGURE\n    BODY",
}  # fmt: skip


def program(template: str, root: str, configured: list[str], steps: list[str]) -> str:
    """A test that comes by a mock in one of the ways above, and returns what a chain of steps gives."""
    expression = "m"
    for step in steps:
        expression = f"(await {expression})" if step == "await" else expression + step
    lines = []
    for line in template.replace("ROOT", root).splitlines():
        word = line.strip()
        block = {"CONFIGURE": configured or ["pass"], "BODY": [f"it = {expression}", "return it"]}.get(word, [word])
        lines += [line[: len(line) - len(line.lstrip())] + one for one in block]
    return PRELUDE + "\n\n" + "\n".join(lines) + "\n"


def inferred(source: str):
    module = gather(ast.parse(source))
    function = next(one for one in module.all_functions if one.name == "test_chain")
    return value(function, function.every(ast.Return)[0].value)


def real_kind(source: str) -> str | None:
    """The kind of the real object; None where Python itself refuses the chain."""
    names: dict = {}
    exec(compile(source, "chain", "exec"), names)
    test, monkeypatch, mocker = names.get("test_chain"), pytest.MonkeyPatch(), MockerFixture(NoConfiguration())
    given = {"monkeypatch": monkeypatch, "mocker": mocker, "open": []}
    try:
        if "TestChain" in names:
            instance = names["TestChain"]("test_chain")
            instance.setUp()
            test = instance.test_chain
        return kind_of(asyncio.run(run(test, given, names)))
    except (AttributeError, TypeError, ValueError, RuntimeError, AssertionError, StopAsyncIteration, StopIteration, IndexError):
        return None
    finally:
        for fixture in filter(inspect.isgenerator, given["open"]):
            fixture.close()
        mocker.stopall()
        monkeypatch.undo()
        mock.patch.stopall()


class NoConfiguration:
    """pytest's configuration, as far as pytest-mock asks for it."""

    def getini(self, name):
        return False


async def run(test, given: dict, names: dict):
    """Call a test as pytest would: its fixtures first, in order."""
    for name in inspect.signature(test).parameters:
        if name not in given and not hasattr(test, "patchings"):
            fixture = inspect.unwrap(getattr(names[name], "_fixture_function", names[name]))
            made = fixture(**{one: given[one] for one in inspect.signature(fixture).parameters})
            given[name] = next(made) if inspect.isgenerator(made) else await made if inspect.iscoroutine(made) else made
            given["open"].append(made)
    return await test(**{name: one for name, one in given.items() if name in inspect.signature(test).parameters})


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


def compare(source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        guess, truth = inferred(source), real_kind(source)
    if guess is not None and truth is not None and guess.kind not in ("class", "function", "method"):
        assert guess.kind == truth, source.removeprefix(PRELUDE)


CONFIGURED = st.lists(st.sampled_from(SETTINGS), max_size=3)
CHAINS = st.lists(st.sampled_from(STEPS), max_size=6)


@given(st.sampled_from(ROOTS), CONFIGURED, CHAINS)
@settings(max_examples=3000, deadline=None)
def test_chain(root, configured, steps):
    compare(program(PLACES["local"], root, configured, steps))


@given(st.sampled_from(sorted(PLACES)), st.sampled_from(ROOTS), CONFIGURED, CHAINS)
@settings(max_examples=1200, deadline=None)
def test_place(place, root, configured, steps):
    compare(program(PLACES[place], root, configured, steps))


@given(st.sampled_from(sorted(PATCHED)), st.sampled_from(PATCHES), CONFIGURED, CHAINS)
@settings(max_examples=1200, deadline=None)
def test_patch(place, patch, configured, steps):
    compare(program(PATCHED[place], patch, configured, steps))


# Not silence: in each of these ways the kind of a plain mock and of its children is found.
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("root", "steps", "kind"), [
    ("AsyncMock()", [], "AsyncMock"),
    ("AsyncMock()", [".fetch", "()"], "coroutine"),
    ("AsyncMock()", [".fetch", "()", "await", ".other"], "AsyncMock"),
    ("MagicMock()", [".fetch", "()"], "MagicMock"),
    ("MagicMock()", [".__aenter__", ".return_value", ".other"], "AsyncMock"),
    ("AsyncMock(spec=Gateway)", [".count"], "MagicMock"),
    ("MagicMock(spec=Gateway)", [".fetch"], "AsyncMock"),
    ("create_autospec(Gateway, instance=True)", [".fetch"], "AsyncMock"),
])  # fmt: skip
def test_kind_is_known(place, root, steps, kind):
    source = program(PLACES[place], root, [], steps)
    assert (inferred(source).kind, real_kind(source)) == (kind, kind)


@pytest.mark.parametrize("place", PATCHED)
@pytest.mark.parametrize(("patch", "kind"), [
    ("patch.object(Gateway, 'fetch')", "AsyncMock"),
    ("patch.object(Gateway, 'make')", "AsyncMock"),
    ("patch.object(Gateway, 'stream')", "MagicMock"),
    ("patch.object(Gateway, 'count')", "MagicMock"),
    ("patch.object(Gateway, 'fetch', new_callable=Mock)", "Mock"),
    ("patch('asyncio.sleep')", "AsyncMock"),
    ("patch('asyncio.gather')", "MagicMock"),
])  # fmt: skip
def test_patch_is_known(place, patch, kind):
    source = program(PATCHED[place], patch, [], [])
    assert (inferred(source).kind, real_kind(source)) == (kind, kind)
