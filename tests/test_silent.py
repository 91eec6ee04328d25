"""Faults that pass silently (sections m, a and X of the measured facts): each is found, where its mock or client is made in the test,
in a fixture of the file, or in a fixture of conftest.py; none of the corrected forms is.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import linting
import pytest

HEAD = """\
import asyncio
import contextlib
from unittest.mock import AsyncMock, MagicMock, patch

import httpx
import pytest

from app import Client, Gateway, broken, is_valid, noraise, serve, stream, values
"""
APP = """\
import asyncio


async def broken(): raise RuntimeError
async def noraise(): return 1
async def is_valid(x): return x
async def values(): return [1]
async def stream(): yield 1


class Gateway:
    async def send(self, text): return text


class Client:
    async def __aenter__(self): return self
    async def __aexit__(self, *exception): return None
    async def get(self): return 1


async def serve():
    async with Client() as client:
        return await client.get()
"""
# What the object is made of -> statements of an async test that gets it as `it`, and the code that they are owed.
SILENT: dict[str, tuple[str, str, str]] = {
    "m01 a MagicMock awaited where the error is swallowed": ("MagicMock()", "with contextlib.suppress(Exception):\n    await it.get()", "ATX301"),
    "m02 assert_called_once_with": ("AsyncMock()", "await code(it)\nit.send.assert_called_once_with('x')", "ATX302"),
    "m02 called": ("AsyncMock()", "await code(it)\nassert it.send.called", "ATX302"),
    "m02 call_count": ("AsyncMock()", "await code(it)\nassert it.send.call_count == 1", "ATX302"),
    "m02 assert_has_calls": ("AsyncMock()", "await code(it)\nit.send.assert_has_calls([1])", "ATX302"),
    "m04 a side effect that never runs": ("AsyncMock(side_effect=ValueError)", "it('x')\nit.assert_called_once_with('x')", "ATX305"),
    "m08 raise_for_status": ("AsyncMock()", "it.get.return_value.raise_for_status.side_effect = httpx.HTTPError", "ATX308"),
    "m10 not called": ("AsyncMock()", "await code(it)\nit.send.assert_awaited_once", "ATX310"),
    "m10 not called, asserted": ("AsyncMock()", "await code(it)\nassert it.send.assert_awaited_once", "ATX310"),
    "m10 no assertion": ("AsyncMock()", "await code(it)\nit.send.awaited_once_with(1)", "ATX310"),
    "m10 a child that is always true": ("AsyncMock()", "await code(it)\nassert it.send.awaited", "ATX310"),
    "m10 a comparison alone": ("AsyncMock()", "await code(it)\nit.send.await_count == 1", "ATX310"),
    "m11 a coroutine as result": ("AsyncMock()", "it.send.return_value = noraise()", "ATX307"),
    "a01 a method of a first-party object": ("Gateway()", "it.send('x')", "ATX401"),
    "a01 a method of a library's object": ("httpx.AsyncClient()", "it.get('http://test/')", "ATX401"),
    "a01 a queue": ("asyncio.Queue()", "it.put(1)", "ATX401"),
    "a01 an event": ("asyncio.Event()", "it.wait()", "ATX401"),
    "a01 a lock": ("asyncio.Lock()", "it.acquire()", "ATX401"),
    "a01 a name that nobody reads": ("Gateway()", "sent = it.send('x')", "ATX406"),
    "a01 in a list": ("Gateway()", "[it.send('x')]", "ATX401"),
    "a01 in a text": ("Gateway()", "print(f'{it.send(1)}')", "ATX406"),
    "a02 truth": ("Gateway()", "assert it.send('x')", "ATX402"),
    "a02 truth with a message": ("Gateway()", "assert it.send('x'), 'no'", "ATX402"),
    "a02 not equal": ("Gateway()", "assert it.send('x') != 999", "ATX402"),
    "a02 is not None": ("Gateway()", "assert it.send('x') is not None", "ATX402"),
    "a02 if": ("Gateway()", "if it.send('x'):\n    pass", "ATX402"),
    "a02 all": ("Gateway()", "assert all([it.send('x')])", "ATX402"),
    "a03 beside another await": ("Gateway()", "with pytest.raises(RuntimeError):\n    it.send('x')\n    await broken()", "ATX403"),
    "a03 suppressed": ("Gateway()", "with contextlib.suppress(RuntimeError):\n    it.send('x')", "ATX403"),
    "a05 gather": ("Gateway()", "await asyncio.gather(it.send(1), broken(), return_exceptions=True)", "ATX411"),
    "a05 gather, counted": ("Gateway()", "found = await asyncio.gather(it.send(1), return_exceptions=True)\nassert len(found) == 1", "ATX411"),
    "a06 wait": ("Gateway()", "task = asyncio.create_task(it.send(1))\nawait asyncio.wait([task])", "ATX412"),
    "a06 as_completed": ("Gateway()", "for one in asyncio.as_completed([it.send(1)]):\n    pass", "ATX412"),
    "a07 an async generator asserted": ("Gateway()", "assert stream()", "ATX407"),
    "a07 an async generator alone": ("Gateway()", "stream()", "ATX407"),
    "a10 a dropped task": ("Gateway()", "async def check():\n    assert await it.send(1)\nasyncio.create_task(check())\nawait it.send(2)", "ATX416"),
    "a10 a callback": ("Gateway()", "def check():\n    assert it is None\nasyncio.get_running_loop().call_soon(check)\nawait it.send(2)", "ATX416"),
    "X1 an exit method": ("MagicMock()", "it.__aexit__ = AsyncMock()\nasync with it:\n    assert False", "ATX312"),
    "X2 a returned condition": ("Gateway()", "return await it.send(1) == 2", "ATX405"),
    "X10 a worker that had failed": (
        "Gateway()", "task = asyncio.create_task(it.send(1))\ntry:\n    await it.send(2)\nfinally:\n    task.cancel()\n"
        "    with contextlib.suppress(asyncio.CancelledError, Exception):\n        await task", "ATX919"),
    "X11 set up beside what is entered": (
        "Gateway()", "with patch('app.Client') as made:\n    made.return_value.get.side_effect = ValueError\n    await serve()", "ATX918"),
    "X12 no assertion": ("AsyncMock()", "await code(it)\nit.send.has_awaits([1])", "ATX310"),
    "X13 a timeout around assertions": ("Gateway()", "with contextlib.suppress(TimeoutError):\n    async with asyncio.timeout(1):\n"
                                        "        await it.send(1)\n        assert it", "ATX413"),
    "X17 a lambda that gives a coroutine": ("AsyncMock()", "it.send.side_effect = lambda: noraise()", "ATX307"),
}  # fmt: skip
RIGHT: dict[str, tuple[str, str]] = {
    "m01": ("AsyncMock()", "await it.get()"),
    "m01 entered": ("MagicMock()", "async with it.tx():\n    pass"),
    "m02": ("AsyncMock()", "await code(it)\nit.send.assert_awaited_once_with('x')"),
    "m02 no call at all": ("AsyncMock()", "await code(it)\nit.send.assert_not_called()\nassert it.call_count == 0"),
    "m04": ("AsyncMock(side_effect=ValueError)", "sent = it('x')\nwith pytest.raises(ValueError):\n    await sent"),
    "m08": ("AsyncMock()", "it.get.return_value = MagicMock()\nit.get.return_value.raise_for_status.side_effect = httpx.HTTPError"),
    "m10": ("AsyncMock()", "await code(it)\nit.send.assert_awaited_once()\nassert it.send.await_count == 1"),
    "m11": ("AsyncMock()", "it.send.return_value = 1\nit.send.side_effect = noraise"),
    "a01": ("Gateway()", "await it.send('x')\ntask = asyncio.create_task(it.send('y'))\nawait task"),
    "a02": ("Gateway()", "assert await it.send('x')\nassert asyncio.iscoroutine(sent := it.send('x'))\nsent.close()"),
    "a03": ("Gateway()", "sent = it.send('x')\nwith pytest.raises(RuntimeError):\n    await sent\n    await broken()"),
    "a03 arguments that do not fit": ("Gateway()", "with pytest.raises(TypeError):\n    it.send(bad=1)"),
    "a05": ("Gateway()", "found = await asyncio.gather(it.send(1), return_exceptions=True)\nassert found == [1]"),
    "a06": ("Gateway()", "task = asyncio.create_task(it.send(1))\ndone, _ = await asyncio.wait([task])\nassert done.pop().result()"),
    "a07": ("Gateway()", "assert [one async for one in stream()] == [1]"),
    "a10": ("Gateway()", "async def check():\n    assert await it.send(1)\ntask = asyncio.create_task(check())\nawait task"),
    "X1": ("MagicMock()", "it.__aexit__ = AsyncMock(return_value=None)\nasync with it:\n    assert False"),
    "X2": ("Gateway()", "assert await it.send(1) == 2\nreturn None"),
    "X10": ("Gateway()", "task = asyncio.create_task(it.send(1))\ntry:\n    await it.send(2)\nfinally:\n    task.cancel()\n"
            "    with contextlib.suppress(asyncio.CancelledError):\n        await task"),
    "X11": ("Gateway()", "with patch('app.Client') as made:\n    made.return_value.__aenter__.return_value.get.side_effect = ValueError\n    await serve()"),
    "X13": ("Gateway()", "async with asyncio.timeout(1):\n    await it.send(1)\n    assert it"),
}  # fmt: skip
PLACES = ("test", "file", "conftest")


def codes(folder: Path, made: str, statements: str, place: str) -> set[str]:
    """The codes of the findings on an async test, by the place where its object is made."""
    fixture = f"@pytest.fixture\ndef it():\n    return {made}\n"
    body = textwrap.indent(statements, "    ")
    test = f"async def test_it(code):\n    it = {made}\n{body}\n" if place == "test" else f"async def test_it(it, code):\n{body}\n"
    files = {
        "pytest.ini": "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n",
        "app.py": APP,
        "conftest.py": f"{HEAD}\n\n{fixture}" if place == "conftest" else "",
        "test_it.py": f"{HEAD}\n\n{fixture if place == 'file' else ''}\n\n{test}",
    }
    linting.write(folder, files)
    return {text[:6] for _, text in linting.lint(folder / "test_it.py", select=["ATX", "ATX918", "ATX919"])}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", SILENT)
def test_found(tmp_path: Path, fault: str, place: str) -> None:
    made, statements, code = SILENT[fault]
    assert code in codes(tmp_path, made, statements, place)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", RIGHT)
def test_silent_where_it_is_right(tmp_path: Path, form: str, place: str) -> None:
    made, statements = RIGHT[form]
    assert codes(tmp_path, made, statements, place) == set()
