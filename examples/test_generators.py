"""Steps 6 and 7: async context managers and generators."""

from contextlib import asynccontextmanager
from unittest.mock import AsyncMock

import pytest
from shop import orders


@asynccontextmanager
async def transaction():
    yield "transaction"
    print("committed")


@pytest.mark.asyncio
async def test_transaction():
    with transaction() as name:
        assert name == "transaction"


@pytest.mark.asyncio
async def test_all_orders():
    assert [order["number"] for order in orders()] == [0, 1, 2]


@pytest.mark.asyncio
async def test_each_order():
    async for order in orders():
        assert order["number"] >= 0


@pytest.mark.asyncio
async def test_mocked_stream():
    shop = AsyncMock()
    async for order in shop.orders():
        assert order
