"""Step 5: FastAPI through httpx."""

import httpx
import pytest
from shop import app, current_user, fetch_order


@pytest.mark.asyncio
async def test_products():
    async with httpx.AsyncClient(app=app, base_url="http://shop") as client:
        assert (await client.get("/products")).status_code == 200


@pytest.mark.asyncio
async def test_products_without_a_base():
    async with httpx.AsyncClient() as client:
        assert (await client.get("/products")).status_code == 200


@pytest.mark.asyncio
async def test_user(client):
    app.dependency_overrides[current_user] = lambda: "anna"
    assert (await client.get("/products")).status_code == 200


@pytest.mark.asyncio
async def test_unawaited():
    fetch_order(1)
    assert fetch_order(2)
