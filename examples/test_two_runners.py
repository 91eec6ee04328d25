"""One test, two runners."""

import pytest
from shop import fetch_order


@pytest.mark.asyncio
@pytest.mark.anyio
async def test_order_with_two_runners():
    assert await fetch_order(1)
