"""Step 2: async fixtures."""

import asyncio
from typing import Generator

import httpx
import pytest
import pytest_asyncio

mails = asyncio.Queue()


@pytest_asyncio.fixture(scope="module", loop_scope="function")
async def prices():
    return {"lamp": 20}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def post_office():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    yield server
    server.close()


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
async def test_post_office(post_office):
    reader, writer = await asyncio.open_connection(*post_office.sockets[0].getsockname())
    assert await reader.read() == b""
    writer.close()


@pytest.mark.asyncio
async def test_late_fixture(request):
    assert request.getfixturevalue("basket") == []


@pytest.mark.asyncio
async def test_mail(worker, browser):
    worker.create_task(mails.put("order 1"))
    assert browser and await mails.get() == "order 1"


@pytest.mark.asyncio
async def test_next_mail(worker):
    worker.create_task(mails.put("order 2"))
    assert await mails.get() == "order 2"
