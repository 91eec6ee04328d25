"""The code under test: a small shop."""

import asyncio

from fastapi import FastAPI

app = FastAPI()


def current_user():
    return "guest"


@app.get("/products")
async def products():
    return [{"name": "lamp", "price": 20}]


async def fetch_order(number):
    await asyncio.sleep(0)
    return {"number": number}


async def warm_up():
    """Fetches the first order in the background."""
    asyncio.create_task(fetch_order(1))


async def orders():
    """A stream of orders."""
    for number in range(3):
        yield await fetch_order(number)


class Checkout:
    """Charges an order through a payment gateway."""

    def __init__(self, gateway):
        self.gateway = gateway

    async def pay(self, order):
        await self.gateway.charge(order)
