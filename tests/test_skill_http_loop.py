"""The skill's steps 2, 5 to 10 and its third example: what the plugin says about code written as the skill teaches.

The blocks are the skill's, shortened; the names that it leaves undefined stay so. Every finding that is not named in
the issue has its reason beside it.
"""

from __future__ import annotations

import linting
import pytest

AUTO = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"

STEP_2 = """
@pytest.fixture
async def async_client() -> AsyncGenerator[AsyncClient, None]:
    async with AsyncClient(app=app, base_url="http://test") as client:
        yield client


@pytest.fixture
async def db_session() -> AsyncGenerator[AsyncSession, None]:
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")
    async_session = sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
    async with async_session() as session:
        yield session
        await session.rollback()
"""

STEP_5 = """
from httpx import AsyncClient, ASGITransport


@pytest.fixture
async def test_client() -> AsyncGenerator[AsyncClient, None]:
    transport = ASGITransport(app=app)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.asyncio
async def test_get_endpoint(test_client: AsyncClient) -> None:
    response = await test_client.get("/top-products?count=10")
    assert response.status_code == 200
    assert isinstance(response.json(), list)
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
async def test_transaction_rollback() -> None:
    with pytest.raises(ValueError):
        async with database_transaction() as session:
            await session.execute("INSERT INTO orders VALUES (1, 'test')")
            raise ValueError("Simulated error")
"""

STEP_7 = """
async def fetch_orders_stream() -> AsyncIterator[dict]:
    for i in range(10):
        yield {"id": str(i), "total": 100.0 * i}


@pytest.mark.asyncio
async def test_async_generator_with_early_termination() -> None:
    orders = []
    async for order in fetch_orders_stream():
        orders.append(order)
        if len(orders) >= 5:
            break
    assert len(orders) == 5
"""

STEP_8 = """
from unittest.mock import AsyncMock


@pytest.mark.asyncio
async def test_kafka_consumer_integration(mock_kafka_consumer: AsyncMock) -> None:
    consumer = KafkaConsumerAdapter(mock_kafka_consumer)
    messages = []
    async for message in consumer.consume():
        messages.append(message)
    assert len(messages) == 2
"""

STEP_9 = """
import asyncio


@pytest.fixture
async def cleanup_tasks():
    yield
    pending = asyncio.all_tasks()
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
"""

STEP_10 = """
import pytest


@pytest.mark.asyncio
@pytest.mark.timeout(5)
async def test_fetch_with_timeout() -> None:
    result = await fetch_data()
    assert result is not None


@pytest.mark.asyncio
async def test_with_asyncio_wait_for() -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(long_running_op(), timeout=0.1)
"""

EXAMPLE_3 = """
@pytest.fixture(params=["http://localhost:8000", "https://api.example.com"])
async def api_client(request: pytest.FixtureRequest) -> AsyncGenerator[AsyncClient, None]:
    async with AsyncClient(base_url=request.param) as client:
        yield client


@pytest.mark.asyncio
async def test_against_multiple_endpoints(api_client: AsyncClient) -> None:
    response = await api_client.get("/health")
    assert response.status_code == 200
"""

DEFAULT = {
    "step 2": (STEP_2, ["ATX501"]),
    "step 5": (STEP_5, []),
    "step 6": (STEP_6, []),  # its context manager protects its yield
    "step 7": (STEP_7, []),  # nothing to clean up in that generator, so leaving it early is harmless
    "step 8": (STEP_8, []),  # an adapter around a mock ends by itself: no proven Kafka consumer
    "step 9": (STEP_9, ["ATX604"]),
    "step 10": (STEP_10, []),  # no dependency is declared here; see test_step_10_in_a_project
    "example 3": (EXAMPLE_3, []),
}


@pytest.mark.parametrize("step", DEFAULT)
def test_default_rules(step, tmp_path):
    code, expected = DEFAULT[step]
    linting.write(tmp_path, {"test_step.py": code, "pytest.ini": AUTO})
    assert [text[:6] for _, _, text in linting.lint_all(tmp_path)] == expected


# ATX901: the mark that the skill itself calls optional in auto mode.
OPT_IN = {
    "step 5": (STEP_5, ["ATX901"]),
    "step 6": (STEP_6, ["ATX901"]),
    "step 7": (STEP_7, ["ATX901"]),
    "step 10": (STEP_10, ["ATX901", "ATX901"]),
    "example 3": (EXAMPLE_3, ["ATX901", "ATX916"]),
}


@pytest.mark.parametrize("step", OPT_IN)
def test_opt_in_rules(step, tmp_path):
    code, expected = OPT_IN[step]
    linting.write(tmp_path, {"test_step.py": code, "pytest.ini": AUTO})
    assert sorted(text[:6] for _, _, text in linting.lint_all(tmp_path, extend_select=["ATX9"])) == expected


@pytest.mark.parametrize(("requirements", "expected"), [
    ("pytest\npytest-asyncio\nhttpx\n", ["ATX607"]),  # the skill's own list of requirements
    ("pytest\npytest-asyncio\nhttpx\npytest-timeout\n", []),
])  # fmt: skip
def test_step_10_in_a_project(requirements, expected, tmp_path):
    linting.write(tmp_path, {"test_step.py": STEP_10, "pytest.ini": AUTO, "requirements-test.txt": requirements})
    assert [text[:6] for _, _, text in linting.lint_all(tmp_path)] == expected
