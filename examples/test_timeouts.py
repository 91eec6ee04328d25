"""Step 10: time."""

import asyncio
import time
from contextlib import suppress

import pytest
from shop import fetch_order


@pytest.mark.asyncio
@pytest.mark.timeout(5)
async def test_in_time():
    time.sleep(0.1)
    assert await fetch_order(1)


@pytest.mark.asyncio
async def test_not_too_slow():
    with suppress(asyncio.TimeoutError):
        assert (await asyncio.wait_for(fetch_order(1), 0.1))["number"] == 2
