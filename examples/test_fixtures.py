"""Step 2: async fixtures."""

import asyncio
from typing import Generator

import httpx
import pytest
import pytest_asyncio

ready = asyncio.Event()


@pytest_asyncio.fixture(scope="module", loop_scope="function")
async def prices():
    return {"lamp": 20}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mailbox():
    queue = asyncio.Queue()
    queue.put_nowait("order 1")
    return queue


@pytest_asyncio.fixture
async def worker():
    async with asyncio.TaskGroup() as group:
        yield group


@pytest_asyncio.fixture
async def browser():
    return httpx.AsyncClient(base_url="http://testserver")


@pytest_asyncio.fixture
async def basket() -> Generator[list, None, None]:
    yield []


@pytest.fixture
def event_loop_policy():
    return asyncio.DefaultEventLoopPolicy()


@pytest.mark.asyncio
async def test_order(order):
    assert order["number"] == 1


@pytest.mark.asyncio
async def test_price(prices):
    assert prices["lamp"] == 20


@pytest.mark.asyncio
async def test_mail(mailbox):
    assert await mailbox.get() == "order 1"


@pytest.mark.asyncio
async def test_late_fixture(request):
    assert request.getfixturevalue("basket") == []


@pytest.mark.asyncio
async def test_ready(worker, browser):
    worker.create_task(ready.wait())
    ready.set()
    assert browser


@pytest.mark.asyncio
async def test_still_ready():
    await asyncio.wait_for(ready.wait(), 1)
