"""Step 9: the loop and its tasks."""

import asyncio

import pytest
import pytest_asyncio
from shop import fetch_order


@pytest_asyncio.fixture
async def no_tasks_left():
    yield
    pending = asyncio.all_tasks()
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


@pytest.fixture
def event_loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_on_a_loop_of_its_own():
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(fetch_order(1))


def test_on_the_loop_that_is_there():
    assert asyncio.get_event_loop().run_until_complete(fetch_order(1))


@pytest.mark.asyncio
async def test_run_in_a_running_loop():
    assert asyncio.run(fetch_order(1))


@pytest.mark.asyncio
async def test_forgotten_task():
    task = asyncio.create_task(fetch_order(1))
    await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_failures_are_dropped():
    await asyncio.gather(fetch_order(1), fetch_order(2), return_exceptions=True)
