"""The mock faults that pass silently, with the mock made in the test, in a fixture of the module, of conftest.py, in setUp, and so on.

Each is found wherever the mock comes from, and its corrected form, like the boundaries that were measured, is not.
"""

from __future__ import annotations

import textwrap

import linting
import pytest

IMPORTS = "import asyncio\nimport httpx\nimport pytest\nimport sqlalchemy\nfrom unittest.mock import AsyncMock, MagicMock, Mock, call, patch\n"
APP = "class Gateway:\n    async def fetch(self):\n        pass\n\n\nasync def fetch():\n    return 1\n"

# How a test comes by its mock: the files, with `BODY` where the test's body goes and `MAKE` where the mock is made.
SOURCES = {
    "local": {"test_it.py": "async def test_it(monkeypatch):\n    m = MAKE\nBODY"},
    "module fixture": {"test_it.py": "@pytest.fixture\ndef m():\n    return MAKE\n\n\nasync def test_it(m, monkeypatch):\nBODY"},
    "yielding fixture": {"test_it.py": "@pytest.fixture\ndef m():\n    mock = MAKE\n    yield mock\n\n\nasync def test_it(m, monkeypatch):\nBODY"},
    "async fixture": {"test_it.py": "@pytest.fixture\nasync def m():\n    return MAKE\n\n\nasync def test_it(m, monkeypatch):\nBODY"},
    "conftest fixture": {"conftest.py": "@pytest.fixture\ndef m():\n    mock = MAKE\n    return mock\n",
                         "test_it.py": "async def test_it(m, monkeypatch):\nBODY"},
    "conftest above": {"conftest.py": "@pytest.fixture\ndef m():\n    return MAKE\n",
                       "unit/test_it.py": "class TestIt:\n    async def test_it(self, m, monkeypatch):\nBODY"},
    "fixture of a fixture": {"conftest.py": "@pytest.fixture\ndef inner():\n    return MAKE\n\n\n@pytest.fixture\ndef m(inner):\n    return inner\n",
                             "test_it.py": "async def test_it(m, monkeypatch):\nBODY"},
    "set-up": {"test_it.py": "import unittest\n\n\nclass TestIt(unittest.IsolatedAsyncioTestCase):\n    def setUp(self):\n        self.m = MAKE\n\n"
                             "    async def test_it(self):\n        m = self.m\nBODY"},
    "constant": {"test_it.py": "m = MAKE\n\n\nasync def test_it(monkeypatch):\nBODY"},
}  # fmt: skip

# What a mock is made by, the rule, the test's body with `# !` on the lines at fault.
FAULTS = {
    "m01, swallowed": ("MagicMock()", "ATX301", "try:\n    await m.get()  # !\nexcept Exception:\n    pass"),
    "m01, list as spec": ("AsyncMock(spec=['get'])", "ATX301", "await m.get()  # !"),
    "m02, once with": ("AsyncMock()", "ATX302", "await code(m)\nm.send.assert_called_once_with('x')  # !"),
    "m02, called": ("AsyncMock()", "ATX302", "await code(m)\nassert m.send.called  # !"),
    "m02, count": ("AsyncMock()", "ATX302", "await code(m)\nassert m.send.call_count == 1  # !"),
    "m02, has calls": ("AsyncMock()", "ATX302", "await code(m)\nm.send.assert_has_calls([call('x')])  # !"),
    "m02, itself": ("AsyncMock(return_value=1)", "ATX302", "await code(m)\nm.assert_called_with('x')  # !"),
    "m02, any call": ("MagicMock(send=AsyncMock())", "ATX302", "await code(m)\nm.send.assert_any_call('x')  # !"),
    "m02, result": ("AsyncMock()", "ATX302", "await code(m)\nm.connect.return_value.send.assert_called()  # !"),
    "m03": ("AsyncMock()", "ATX303", "async for item in m.stream():  # !\n    assert item"),
    "m03, entered": ("MagicMock()", "ATX303", "async with m as entered:\n    found = [one async for one in entered.stream()]  # !"),
    "m04": ("AsyncMock(side_effect=ValueError)", "ATX305", "m('x')  # !"),
    "m04, child": ("AsyncMock()", "ATX305", "m.send.side_effect = ValueError\nm.send('x')  # !"),
    "m08, status": ("AsyncMock()", "ATX308", "m.get.return_value.raise_for_status.side_effect = ValueError  # !"),
    "m08, status, entered": ("MagicMock()", "ATX308", "m.get.return_value.__aenter__.return_value.raise_for_status.side_effect = ValueError  # !"),
    "m08, json": ("AsyncMock()", "ATX308", "m.get.return_value.json.return_value = {'a': 1}  # !\nassert await code(m)"),
    "m08, result": ("AsyncMock()", "ATX308", "m.execute.return_value.scalar_one_or_none.return_value = None  # !"),
    "m09": ("AsyncMock()", "ATX304", "async with m.get('/') as response:  # !\n    assert response"),
    "m10, not called": ("AsyncMock()", "ATX310", "m.assert_awaited_once  # !"),
    "m10, not called, not": ("AsyncMock()", "ATX310", "m.assert_not_awaited  # !"),
    "m10, true": ("AsyncMock()", "ATX310", "assert m.assert_awaited_once  # !"),
    "m10, count": ("AsyncMock()", "ATX310", "m.await_count == 1  # !"),
    "X12, once": ("AsyncMock()", "ATX310", "m.awaited_once()  # !"),
    "X12, once with": ("AsyncMock()", "ATX310", "m.send.awaited_once_with('x')  # !"),
    "X12, has": ("MagicMock()", "ATX310", "m.has_awaits([call('x')])  # !"),
    "X12, true": ("AsyncMock()", "ATX310", "assert m.awaited  # !"),
    "m10, awaited": ("AsyncMock()", "ATX310", "await m.assert_awaited()  # !"),
    "m11, result": ("AsyncMock()", "ATX307", "m.get.return_value = asyncio.sleep(0)  # !"),
    "X17, lambda": ("AsyncMock()", "ATX307", "m.side_effect = lambda: asyncio.sleep(0)  # !"),
    "m11, coroutine object": ("MagicMock()", "ATX307", "m.get.side_effect = asyncio.sleep(0)  # !"),
    "X1": ("MagicMock()", "ATX312", "m.__aexit__ = AsyncMock()  # !\nasync with m:\n    assert False"),
    "X1, sync": ("MagicMock()", "ATX312", "m.__exit__ = MagicMock()  # !\nwith m:\n    assert False"),
}  # fmt: skip

# Corrected forms and boundaries: nothing to report.
RIGHT = {
    "m01, entered": ("MagicMock()", "async with m.tx() as tx:\n    assert tx"),
    "m01, replaced": ("MagicMock()", "m.get = AsyncMock(return_value=1)\nassert await m.get() == 1"),
    "m01, side effect": ("MagicMock()", "async def get():\n    return 1\n\nm.get.side_effect = get\nassert await m.get() == 1"),
    "m01, future": ("MagicMock()", "future = asyncio.Future()\nfuture.set_result(1)\nm.get.return_value = future\nassert await m.get() == 1"),
    "m01, coroutine": ("MagicMock()", "m.get.return_value = AsyncMock()()\nawait m.get()"),
    "m01, on trial": ("MagicMock()", "with pytest.raises(TypeError):\n    await m.get()"),
    "m02, awaited": ("AsyncMock()", "await code(m)\nm.send.assert_awaited_once_with('x')\nassert m.send.await_count == 1"),
    "m02, both": ("AsyncMock()", "await code(m)\nm.send.assert_awaited_once()\nm.send.assert_called_once_with('x')"),
    "m02, count and call": ("AsyncMock()", "await code(m)\nassert m.send.await_count == 1\nm.send.assert_called_once_with('x')"),
    "m02, not called": ("AsyncMock()", "await code(m)\nm.send.assert_not_called()\nassert m.send.call_count == 0\nassert not m.send.called"),
    "m02, false": ("AsyncMock()", "await code(m)\nassert m.send.called is False\nassert m.send.called == False"),
    "m02, arguments": ("AsyncMock()", "await code(m)\nassert m.send.call_args == call('x')\nassert m.mock_calls == [call.send('x')]"),
    "m02, list as spec": ("AsyncMock(spec=['send'])", "await code(m)\nm.send.assert_called_once_with('x')"),
    "m02, sync child": ("AsyncMock()", "m.send = MagicMock()\nawait code(m)\nm.send.assert_called_once_with('x')"),
    "m02, upper bound": ("AsyncMock()", "await code(m)\nassert m.send.call_count <= 3\nassert m.send.call_count < 3"),
    "m02, sync methods": ("AsyncMock()", "await code(m)\nm.add.assert_called_once_with(1)\nm.writer.close.assert_called_once()"),
    "m03, awaited": ("AsyncMock()", "async for item in await m.stream():\n    assert item"),
    "m03, iterated itself": ("AsyncMock()", "m.__aiter__.return_value = [1]\nasync for item in m:\n    assert item"),
    "m03, sync child": ("AsyncMock()", "m.stream = MagicMock()\nasync for item in m.stream():\n    assert item"),
    "m03, MagicMock": ("MagicMock()", "async for item in m.stream():\n    assert item"),
    "m04, assigned": ("AsyncMock()", "pending = m('x')\nawait pending"),
    "m04, handed on": ("AsyncMock()", "await asyncio.gather(m('x'), m('y'))"),
    "m04, sync child": ("AsyncMock(spec=['send'])", "m.send('x')"),
    "m04, recording": ("AsyncMock()", "m.reset_mock()\nm.configure_mock(a=1)\nm.attach_mock(MagicMock(), 'b')"),
    "m08, MagicMock": ("AsyncMock()", "m.get.return_value = MagicMock()\nm.get.return_value.json.return_value = {'a': 1}"),
    "m08, its own mock": ("AsyncMock()", "m.get.return_value.json = MagicMock(return_value={'a': 1})"),
    "m08, async methods": ("AsyncMock()", "m.get.return_value.aread.return_value = b''\nm.commit.side_effect = ValueError"),
    "m09, awaited": ("AsyncMock()", "async with await m.get('/') as response:\n    assert response"),
    "m09, entered itself": ("AsyncMock()", "async with m as entered:\n    assert entered"),
    "m09, sync child": ("AsyncMock()", "m.get = MagicMock()\nasync with m.get('/') as response:\n    assert response"),
    "m10, called": ("AsyncMock()", "m.assert_not_awaited()\nassert m.await_count == 0\nassert not m.await_args"),
    "m11, plain list": ("AsyncMock()", "m.side_effect = [1, ValueError()]\nm.get.side_effect = (one for one in [1])"),
    "m11, async function": ("AsyncMock()", "async def get():\n    return 1\n\nm.get.side_effect = get"),
    "m11, coroutine of a MagicMock": ("MagicMock()", "m.get.return_value = asyncio.sleep(0)\nawait m.get()"),
    "m11, plain lambda": ("AsyncMock()", "m.get.side_effect = lambda: 1"),
    "X1, None": ("MagicMock()", "m.__aexit__ = AsyncMock(return_value=None)\nm.__exit__ = MagicMock(return_value=False)"),
    "X1, later": ("MagicMock()", "m.__aexit__ = AsyncMock()\nm.__aexit__.return_value = None"),
    "X1, side effect": ("MagicMock()", "m.__aexit__ = AsyncMock(side_effect=ValueError)"),
    "X1, default": ("MagicMock()", "async with m:\n    assert True\nwith m:\n    assert True"),
}  # fmt: skip


def write(folder, source: str, made: str, body: str) -> None:
    """Write the files of a case."""
    files = {"pytest.ini": "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n", "app.py": APP}
    for name, text in SOURCES[source].items():
        last = text.splitlines()[-2] if text.endswith("BODY") else ""
        depth = len(last) - len(last.lstrip()) + (4 if last.rstrip().endswith(":") else 0)
        files[name] = IMPORTS + "\n\n" + text.replace("MAKE", made).replace("BODY", textwrap.indent(body, " " * depth)) + "\n"
    linting.write(folder, files)


def found(folder, code: str) -> set[str]:
    """The lines with findings of a rule, and of any other ATX3 rule that speaks up."""
    lines = set()
    for name, line, text in linting.lint_all(folder):
        if text.startswith(("ATX3", "ATX4")) and (text.startswith(code) or not code):
            lines.add((folder / name).read_text("utf8").splitlines()[line - 1].strip())
    return lines


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("fault", FAULTS)
def test_fault(fault, source, tmp_path):
    made, code, body = FAULTS[fault]
    write(tmp_path, source, made, body)
    assert found(tmp_path, code) == {line.strip() for line in body.splitlines() if line.endswith("# !")}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("right", RIGHT)
def test_right(right, source, tmp_path):
    made, body = RIGHT[right]
    write(tmp_path, source, made, body)
    assert found(tmp_path, "") == set()
