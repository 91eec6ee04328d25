"""Step 1: who runs the tests, and on which loop?"""

import unittest

import pytest
from shop import fetch_order


async def test_order_has_its_number():
    assert (await fetch_order(7))["number"] == 7


@pytest.mark.asyncio
async def test_orders_one_by_one():
    for number in range(3):
        yield (await fetch_order(number))["number"] == number


@pytest.mark.asyncio
def test_order_is_not_fetched_yet():
    assert fetch_order


@pytest.mark.asyncio
async def has_number(number):
    assert (await fetch_order(number))["number"] == number


@pytest.mark.asyncio(scope="modul")
async def test_order_on_the_modules_loop():
    assert await fetch_order(1)


@pytest.mark.asyncio
@pytest.fixture
async def two():
    return 2


class TestOrders(unittest.TestCase):
    async def setUp(self):
        self.order = await fetch_order(1)

    async def test_order(self):
        assert self.order["number"] == 3

    @pytest.mark.asyncio
    def test_nothing(self):
        assert True


@pytest.mark.asyncio(loop_scope="class")
class TestOneLoop:
    async def test_first(self):
        assert await fetch_order(1)

    @pytest.mark.asyncio
    async def test_second(self):
        assert await fetch_order(2)
