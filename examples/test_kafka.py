"""Step 8: Kafka clients."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


@pytest.mark.asyncio
async def test_order_is_sent():
    producer = AIOKafkaProducer(bootstrap_servers="localhost:9092")
    await producer.start()
    await producer.send_and_wait("orders", b"1")


@pytest.mark.asyncio
async def test_order_arrives():
    async with AIOKafkaConsumer("orders", bootstrap_servers="localhost:9092") as consumer:
        async for message in consumer:
            assert message.value == b"1"
