"""Step 4: what is awaited, and what only looks so."""

import asyncio
from unittest import TestCase
from unittest.mock import AsyncMock, patch

import pytest
from shop import fetch_order, warm_up

ORDER = fetch_order(1)


async def log(order):
    print(order)


@pytest.mark.asyncio
async def test_missing_order():
    with pytest.raises(KeyError):
        fetch_order(0)
        await fetch_order(-1)


@pytest.mark.asyncio
async def test_missing_order_by_name():
    pytest.raises(KeyError, fetch_order, 0)


@pytest.mark.asyncio
async def test_number():
    return (await fetch_order(7))["number"] == 8


@pytest.mark.asyncio
async def test_order_is_never_fetched():
    order = fetch_order(7)


@pytest.mark.asyncio
async def test_orders_of_a_day():
    tasks = [asyncio.create_task(fetch_order(number)) for number in range(3)]
    await asyncio.wait(tasks)


@pytest.mark.asyncio
async def test_order_is_put_down():
    orders = asyncio.Queue()
    await orders.put_nowait(await fetch_order(1))


@pytest.mark.asyncio
@pytest.mark.filterwarnings("ignore:.*was never awaited:RuntimeWarning")
async def test_nobody_complains():
    assert (await fetch_order(1))["number"] == 1


@pytest.mark.asyncio
async def test_checked_in_the_background():
    async def check():
        assert (await fetch_order(1))["number"] == 2

    asyncio.create_task(check())
    await asyncio.sleep(0.1)


class TestLog(TestCase):
    def test_log_is_written_at_last(self):
        self.addCleanup(log, "order 1")


@pytest.mark.asyncio
async def test_replaced_by_a_class():
    with patch("shop.fetch_order", new=AsyncMock):
        assert ORDER


@pytest.mark.asyncio
async def test_coroutine_as_result():
    fetch = AsyncMock(return_value=fetch_order(1))
    assert (await fetch())["number"] == 1


@pytest.mark.asyncio
async def test_background_work_is_patched():
    with patch("shop.asyncio.create_task") as create_task:
        await warm_up()
    create_task.assert_called_once()
