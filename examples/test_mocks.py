"""Steps 3 and 4: mocks of async code."""

from unittest.mock import AsyncMock, MagicMock, patch

import httpx
import pytest
from shop import Checkout, fetch_order


@pytest.fixture
def gateway() -> AsyncMock:
    return AsyncMock()


@pytest.mark.asyncio
async def test_charge_is_asked_for(gateway: AsyncMock):
    await Checkout(gateway).pay({"number": 1})
    gateway.charge.assert_called_once()


@pytest.mark.asyncio
async def test_charge_of_a_plain_mock():
    gateway = MagicMock()
    assert await gateway.charge(1)


@pytest.mark.asyncio
async def test_charge_without_waiting():
    gateway = AsyncMock()
    gateway.charge(1)
    gateway.charge.awaited_once()


@pytest.mark.asyncio
async def test_swallowed():
    session = AsyncMock()
    session.__aexit__ = AsyncMock()
    async with session:
        assert False


@pytest.mark.asyncio
async def test_time_stands_still():
    with patch("shop.asyncio.sleep", MagicMock()):
        await fetch_order(1)


@pytest.mark.asyncio
async def test_mocked_request():
    client = AsyncMock()
    async with client.get("/products") as response:
        assert response


@pytest.mark.asyncio
async def test_mocked_client():
    client = AsyncMock(httpx.AsyncClient)
    client.get.return_value.json.return_value = [{"name": "lamp"}]
    assert (await client.get("/products")).json()
