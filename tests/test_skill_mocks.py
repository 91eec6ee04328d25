"""The skill's steps 3, 4, 6, 7 and 8 and its examples: what the mock rules say about code written as the skill teaches.

The blocks are the skill's, shortened; the names that it leaves undefined stay so. Every finding that is not named in
the issue has its reason beside it.
"""

from __future__ import annotations

import linting
import pytest

AUTO = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"

STEP_3_FIRST = """
from unittest.mock import AsyncMock


@pytest.fixture
def mock_gateway() -> AsyncMock:
    mock = AsyncMock()
    mock.fetch_orders.return_value = [order1, order2]
    mock.close.return_value = None
    return mock
"""

STEP_3_SECOND = """
from unittest.mock import AsyncMock


@pytest.fixture
def mock_async_generator() -> AsyncMock:
    mock = AsyncMock()

    async def fake_generator():
        yield item1
        yield item2
        yield item3

    mock.stream.return_value = fake_generator()
    return mock
"""

STEP_4 = """
@pytest.mark.asyncio
async def test_extract_orders_use_case(
    mock_gateway: AsyncMock,
    mock_publisher: AsyncMock,
) -> None:
    use_case = ExtractOrdersUseCase(
        gateway=mock_gateway,
        publisher=mock_publisher
    )

    result = await use_case.execute()

    assert result.orders_count == 2
    mock_gateway.fetch_orders.assert_awaited_once()
    assert mock_publisher.publish_order.await_count == 2
"""

STEP_6 = """
from contextlib import asynccontextmanager


@asynccontextmanager
async def database_transaction():
    session = Session()
    try:
        yield session
        await session.commit()
    except Exception:
        await session.rollback()
        raise
    finally:
        await session.close()


@pytest.mark.asyncio
async def test_transaction_success() -> None:
    async with database_transaction() as session:
        await session.execute("INSERT INTO orders VALUES (1, 'test')")
"""

STEP_7 = """
from typing import AsyncIterator


async def fetch_orders_stream() -> AsyncIterator[dict]:
    for i in range(10):
        yield {"id": str(i), "total": 100.0 * i}


@pytest.mark.asyncio
async def test_async_generator() -> None:
    orders = []

    async for order in fetch_orders_stream():
        orders.append(order)

    assert len(orders) == 10
"""

STEP_8 = """
from unittest.mock import AsyncMock

@pytest.fixture
def mock_kafka_producer() -> AsyncMock:
    mock = AsyncMock()
    mock.produce.return_value = None
    mock.flush.return_value = 0  # All delivered
    mock.close.return_value = None
    return mock

@pytest.fixture
def mock_kafka_consumer() -> AsyncMock:
    mock = AsyncMock()

    async def fake_consume():
        yield {"key": "order_1", "value": {"id": "1"}}
        yield {"key": "order_2", "value": {"id": "2"}}

    mock.consume.return_value = fake_consume()
    return mock

@pytest.mark.asyncio
async def test_kafka_producer_integration(
    mock_kafka_producer: AsyncMock
) -> None:
    producer = KafkaProducerAdapter(mock_kafka_producer)

    await producer.publish("test_topic", "key", {"data": "value"})

    mock_kafka_producer.produce.assert_called_once()
    mock_kafka_producer.flush.assert_called_once()

@pytest.mark.asyncio
async def test_kafka_consumer_integration(
    mock_kafka_consumer: AsyncMock
) -> None:
    consumer = KafkaConsumerAdapter(mock_kafka_consumer)

    messages = []
    async for message in consumer.consume():
        messages.append(message)

    assert len(messages) == 2
"""

EXAMPLE_1 = """
from unittest.mock import AsyncMock
import pytest


@pytest.fixture
def mock_query_use_case(monkeypatch: Any) -> AsyncMock:
    mock = AsyncMock()

    from app.reporting.infrastructure import dependencies
    monkeypatch.setattr(
        dependencies,
        "get_query_use_case",
        lambda: mock
    )

    return mock


class TestTopProductsEndpoint:
    @pytest.mark.asyncio
    async def test_get_top_products_unavailable(
        self,
        test_client: AsyncClient,
        mock_query_use_case: AsyncMock,
    ) -> None:
        from app.reporting.application.exceptions import DataNotAvailableException

        mock_query_use_case.execute.side_effect = DataNotAvailableException(
            "ClickHouse not ready"
        )

        response = await test_client.get("/top-products?count=10")

        assert response.status_code == 503
"""

EXAMPLE_2 = """
@pytest.mark.asyncio
async def test_extract_orders_with_stream(
    mock_gateway: AsyncMock,
    mock_publisher: AsyncMock,
) -> None:
    async def fake_orders():
        for i in range(100):
            yield create_test_order(order_id=str(i))

    mock_gateway.fetch_orders.return_value = fake_orders()

    use_case = ExtractOrdersUseCase(
        gateway=mock_gateway,
        publisher=mock_publisher
    )

    result = await use_case.execute()

    assert result.orders_count == 100
    assert mock_publisher.publish_order.call_count == 100
"""

# Fragments that belong together: tests whose fixtures stand in another block.
FIXTURES = STEP_3_FIRST + "\n\n@pytest.fixture\ndef mock_publisher() -> AsyncMock:\n    return AsyncMock()\n"

DEFAULT = {
    "step 3, first fixture": (STEP_3_FIRST, {}),
    "step 3, second fixture": (STEP_3_SECOND, {}),
    "step 4": (STEP_4, {}),
    "step 6": (STEP_6, {}),
    "step 7": (STEP_7, {}),
    "step 8": (STEP_8, {"ATX302": ["mock_kafka_producer.produce.assert_called_once()", "mock_kafka_producer.flush.assert_called_once()"]}),
    "example 1": (EXAMPLE_1, {}),
    "example 2": (EXAMPLE_2, {"ATX302": ["assert mock_publisher.publish_order.call_count == 100"]}),
}


def findings(folder, **options):
    """The ATX3 findings on test_step.py and conftest.py, and those of their opt-in kin: code to the lines that they stand on."""
    found: dict[str, list[str]] = {}
    for name, line, text in linting.lint_all(folder, **options):
        if text.startswith(("ATX3", "ATX910", "ATX911")):
            found.setdefault(text[:6], []).append((folder / name).read_text("utf8").splitlines()[line - 1].strip())
    return found


@pytest.mark.parametrize("step", DEFAULT)
def test_default_rules(step, tmp_path):
    code, expected = DEFAULT[step]
    linting.write(tmp_path, {"test_step.py": code, "pytest.ini": AUTO})
    assert findings(tmp_path) == expected


@pytest.mark.parametrize("step", ["step 4", "example 2"])
def test_with_the_fixtures_in_conftest(step, tmp_path):
    code, expected = DEFAULT[step]
    linting.write(tmp_path, {"test_step.py": code, "conftest.py": "import pytest\n" + FIXTURES, "pytest.ini": AUTO})
    assert findings(tmp_path) == expected


# ATX911: an AsyncMock never hands an async generator to `async for`, only what awaits it gets one.
OPT_IN = {
    "step 3, second fixture": (STEP_3_SECOND, ["mock.stream.return_value = fake_generator()"]),
    "step 8": (STEP_8, ["mock.consume.return_value = fake_consume()"]),
    "example 2": (EXAMPLE_2, ["mock_gateway.fetch_orders.return_value = fake_orders()"]),
}


@pytest.mark.parametrize("step", DEFAULT)
def test_opt_in_rules(step, tmp_path):
    code, default = DEFAULT[step]
    expected = {**default, "ATX911": OPT_IN[step][1]} if step in OPT_IN else default
    linting.write(tmp_path, {"test_step.py": code, "pytest.ini": AUTO})
    assert findings(tmp_path, extend_select=["ATX91"]) == expected
