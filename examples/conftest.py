"""Fixtures of the whole suite."""

import httpx
import pytest
import pytest_asyncio
from shop import app


@pytest.fixture
async def order():
    return {"number": 1}


@pytest_asyncio.fixture
async def client():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop") as client:
        yield client
