"""Every row of the knowledge tables is held against the installed library: what a name is, gives, and how it is closed.

A row is proven by probes: `declared` (how the function is defined), `annotated` (its return annotation), `returning_none` (its
source returns nothing) and `lived` (a real call in an event loop). A row that no probe can reach fails.
"""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures
import contextlib
import functools
import importlib
import inspect
import re
import sys
import tempfile
import textwrap
import types
import typing
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Callable, Iterator, NamedTuple

import pytest

from flake8_async_tests import knowledge
from flake8_async_tests.knowledge import Callee


class Row(NamedTuple):
    """One entry: a function of a module, or a method of a class."""

    owner: str  # class or ""
    name: str  # dotted for a function
    callee: Callee

    @property
    def dotted(self) -> str:
        return f"{self.owner}.{self.name}" if self.owner else self.name


TABLES = {library: knowledge.table(library) for library in knowledge.TABLES}
CLASSES = [known for table in TABLES.values() for known in table.classes.values()]
ROWS = [Row("", name, callee) for table in TABLES.values() for name, callee in table.functions.items()]
ROWS += [Row(known.name, name, callee) for known in CLASSES for name, callee in known.methods.items()]
ALIASES = [pair for table in TABLES.values() for pair in table.aliases.items()]
ATTRIBUTES = [(known.name, name, held) for known in CLASSES for name, held in known.attributes.items()]


# --------------------------------------------------------------------------------------------------------------------
# From names to objects
# --------------------------------------------------------------------------------------------------------------------


def resolve(dotted: str) -> Any:
    """The object of a dotted name; skips the test where its library is not installed."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError as missing:
            if missing.name == parts[0]:
                pytest.skip(f"{parts[0]} is not installed")
            continue
        return functools.reduce(getattr, parts[count:], found)
    raise AssertionError(dotted)


def too_new(since: str) -> bool:
    return bool(since) and sys.version_info < tuple(map(int, since.split(".")))


def function_of(row: Row) -> Any:
    """The function itself; asyncio.Condition borrows some of its lock's in __init__, playwright's `expect` is an object."""
    if row.owner:
        owner = resolve(row.owner)
        return getattr(owner, row.name) if hasattr(owner, row.name) else getattr(owner(), row.name).__func__
    found = resolve(row.name)
    return found if inspect.isroutine(found) or inspect.isclass(found) else type(found).__call__


def words(row: Row) -> set[str]:
    """The names in a function's return annotation."""
    annotation = getattr(inspect.unwrap(function_of(row)), "__annotations__", {}).get("return")
    text = annotation if isinstance(annotation, str) else f"{annotation} {getattr(annotation, '__name__', '')}"
    return set(re.findall(r"[A-Za-z_]\w*", text))


# --------------------------------------------------------------------------------------------------------------------
# Live objects, and how to call what their definitions say too little about
# --------------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def aiohttp_client() -> Any:
    """A client of a server on this machine that answers everything."""
    from aiohttp import WSMsgType, test_utils, web

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade") != "websocket":
            return web.json_response({})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_route("*", "/", answer)
    async with test_utils.TestClient(test_utils.TestServer(app)) as client:
        yield client


@contextlib.asynccontextmanager
async def aiohttp_session() -> Any:
    """A session whose base URL is such a server."""
    import aiohttp

    async with aiohttp_client() as client, aiohttp.ClientSession(str(client.make_url("/"))) as session:
        yield session


@contextlib.asynccontextmanager
async def engine() -> Any:
    from sqlalchemy.ext.asyncio import create_async_engine

    made = create_async_engine("sqlite+aiosqlite://")
    yield made
    await made.dispose()


@contextlib.asynccontextmanager
async def connection() -> Any:
    async with engine() as made, made.connect() as opened:
        yield opened


@contextlib.asynccontextmanager
async def session() -> Any:
    from sqlalchemy.ext.asyncio import AsyncSession

    async with engine() as made, AsyncSession(made) as opened:
        yield opened


@contextlib.asynccontextmanager
async def rows(kind: str = "") -> Any:
    """A result with one row, or a view of it."""
    from sqlalchemy import text

    async with connection() as opened:
        result = await opened.execute(text("select 1 as one"))
        yield getattr(result, kind)() if kind else result


@contextlib.asynccontextmanager
async def streamed(kind: str = "") -> Any:
    from sqlalchemy import text

    async with connection() as opened, opened.stream(text("select 1 as one")) as result:
        yield getattr(result, kind)() if kind else result


@contextlib.asynccontextmanager
async def sqlite() -> Any:
    async with resolve("aiosqlite.connect")(":memory:") as opened:
        yield opened


@contextlib.asynccontextmanager
async def stream_writer() -> Any:
    async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield writer
        writer.close()


@contextlib.asynccontextmanager
async def stream_reader() -> Any:
    yield asyncio.StreamReader()


@contextlib.asynccontextmanager
async def server() -> Any:
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as opened:
        yield opened


@contextlib.asynccontextmanager
async def task() -> Any:
    made = asyncio.create_task(asyncio.sleep(0))
    await made
    yield made


@contextlib.asynccontextmanager
async def future() -> Any:
    made = asyncio.get_running_loop().create_future()
    yield made
    made.cancel()


@contextlib.asynccontextmanager
async def loop() -> Any:
    yield asyncio.get_running_loop()


@contextlib.asynccontextmanager
async def process() -> Any:
    made = await asyncio.create_subprocess_exec(sys.executable, "-c", "", stdin=-1, stdout=-1, stderr=-1)
    yield made
    await made.communicate()


@contextlib.asynccontextmanager
async def redis() -> Any:
    made = resolve("redis.asyncio.Redis")()
    yield made
    await made.aclose()


def made(dotted: str, *arguments: Any, **options: Any) -> Callable[[], Any]:
    """An object that only needs to be constructed (inside the loop)."""

    @contextlib.asynccontextmanager
    async def construct() -> Any:
        yield resolve(dotted)(*arguments, **options)

    return construct


def entered(dotted: str, *arguments: Any) -> Callable[[], Any]:
    """An object that is constructed and entered."""
    return lambda: resolve(dotted)(*arguments)


def of_redis(attribute: str, *arguments: Any) -> Callable[[], Any]:
    @contextlib.asynccontextmanager
    async def construct() -> Any:
        async with redis() as client:
            yield getattr(client, attribute)(*arguments)

    return construct


def filled_queue(dotted: str) -> Callable[[], Any]:
    @contextlib.asynccontextmanager
    async def construct() -> Any:
        queue = resolve(dotted)()
        queue.put_nowait(1)
        yield queue

    return construct


@contextlib.asynccontextmanager
async def kafka_producer() -> Any:
    producer = resolve("aiokafka.AIOKafkaProducer")(transactional_id="t")
    yield producer
    await producer.stop()


@contextlib.asynccontextmanager
async def kafka_consumer() -> Any:
    consumer = resolve("aiokafka.AIOKafkaConsumer")()
    yield consumer
    await consumer.stop()


@contextlib.asynccontextmanager
async def postgres() -> Any:
    """A connection of asyncpg that never reached a server: enough for methods that only look at it."""
    kind = resolve("asyncpg.Connection")
    made = kind.__new__(kind)
    protocol = Quiet(is_connected=lambda: True)
    for name, held in {"_protocol": protocol, "_aborted": False, "_pool_release_ctr": 0, "_server_version": (16, 0)}.items():
        setattr(made, name, held)
    yield made
    made._aborted = True


class Quiet:
    """Has everything, and every call of it gives nothing."""

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Quiet()

    def __call__(self, *arguments: Any, **options: Any) -> None:
        return None


@contextlib.asynccontextmanager
async def statement() -> Any:
    async with postgres() as opened:
        yield resolve("asyncpg.prepared_stmt.PreparedStatement")(opened, SELECT, Quiet(closed=False))


@contextlib.asynccontextmanager
async def transaction() -> Any:
    async with postgres() as opened:
        yield opened.transaction()


@contextlib.asynccontextmanager
async def websocket() -> Any:
    async with resolve("websockets.serve")(echo, "127.0.0.1", 0) as opened:
        host, port = opened.sockets[0].getsockname()
        async with resolve("websockets.connect")(f"ws://{host}:{port}") as client:
            yield client


async def echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)


@contextlib.asynccontextmanager
async def test_session() -> Any:
    """starlette's side of a websocket that says [] at once."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "[]"})

    with resolve("starlette.testclient.TestClient")(app) as client, client.websocket_connect("/") as opened:
        yield opened


INSTANCES: dict[str, Callable[[], Any]] = {
    **{f"asyncio.{name}": made(f"asyncio.{name}") for name in "Lock Event Condition Semaphore BoundedSemaphore".split()},
    **{f"asyncio.{name}": filled_queue(f"asyncio.{name}") for name in ("Queue", "PriorityQueue", "LifoQueue")},
    "asyncio.Barrier": made("asyncio.Barrier", 2),
    "asyncio.Future": future,
    "asyncio.Task": task,
    "asyncio.TaskGroup": entered("asyncio.TaskGroup"),
    "asyncio.Timeout": made("asyncio.Timeout", None),
    "asyncio.Server": server,
    "asyncio.AbstractServer": server,
    "asyncio.StreamReader": stream_reader,
    "asyncio.StreamWriter": stream_writer,
    "asyncio.AbstractEventLoop": loop,
    "asyncio.subprocess.Process": process,
    "contextlib.ExitStack": made("contextlib.ExitStack"),
    "contextlib.AsyncExitStack": made("contextlib.AsyncExitStack"),
    "pytest.MonkeyPatch": made("pytest.MonkeyPatch"),
    "httpx.AsyncClient": entered("httpx.AsyncClient"),
    "httpx2.AsyncClient": entered("httpx2.AsyncClient"),
    "httpx.Response": made("httpx.Response", 200, json={}),
    "httpx2.Response": made("httpx2.Response", 200, json={}),
    "aiohttp.ClientSession": aiohttp_session,
    "aiohttp.test_utils.TestClient": aiohttp_client,
    "aiohttp.ClientWebSocketResponse": lambda: socket_of(aiohttp_client()),
    "starlette.testclient.TestClient": made("starlette.testclient.TestClient", None),
    "starlette.testclient.WebSocketTestSession": test_session,
    "starlette.requests.Request": made("starlette.requests.Request", {"type": "http", "headers": []}),
    "sqlalchemy.ext.asyncio.AsyncEngine": engine,
    "sqlalchemy.ext.asyncio.AsyncConnection": connection,
    "sqlalchemy.ext.asyncio.AsyncSession": session,
    "sqlalchemy.ext.asyncio.async_sessionmaker": lambda: maker("async_sessionmaker"),
    "sqlalchemy.ext.asyncio.async_scoped_session": lambda: maker("async_scoped_session"),
    "sqlalchemy.engine.Result": rows,
    "sqlalchemy.engine.CursorResult": rows,
    "sqlalchemy.engine.ScalarResult": lambda: rows("scalars"),
    "sqlalchemy.engine.MappingResult": lambda: rows("mappings"),
    "sqlalchemy.ext.asyncio.AsyncResult": streamed,
    "sqlalchemy.ext.asyncio.AsyncScalarResult": lambda: streamed("scalars"),
    "sqlalchemy.ext.asyncio.AsyncMappingResult": lambda: streamed("mappings"),
    "redis.asyncio.Redis": redis,
    "redis.asyncio.client.Pipeline": of_redis("pipeline"),
    "redis.asyncio.client.PubSub": of_redis("pubsub"),
    "redis.asyncio.lock.Lock": of_redis("lock", "x", 1),
    "aiokafka.AIOKafkaProducer": kafka_producer,
    "aiokafka.AIOKafkaConsumer": kafka_consumer,
    "asyncpg.Connection": postgres,
    "asyncpg.Pool": made("asyncpg.create_pool", "postgres://h"),
    "asyncpg.prepared_stmt.PreparedStatement": statement,
    "asyncpg.transaction.Transaction": transaction,
    "aiosqlite.Connection": sqlite,
    "websockets.asyncio.client.ClientConnection": websocket,
}


@contextlib.asynccontextmanager
async def socket_of(opening: Any) -> Any:
    async with opening as client, client.ws_connect("/") as socket:
        yield socket


@contextlib.asynccontextmanager
async def maker(kind: str) -> Any:
    from sqlalchemy.ext import asyncio as orm

    async with engine() as opened:
        factory = orm.async_sessionmaker(opened)
        yield factory if kind == "async_sessionmaker" else orm.async_scoped_session(factory, asyncio.current_task)


def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call what refuses to run in a thread with a running loop."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def from_worker(library: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call from a worker thread of anyio or trio."""
    return in_thread(resolve(library).run, resolve(f"{library}.to_thread.run_sync"), lambda: function(*arguments))


async def started() -> Any:
    async with resolve("anyio.create_task_group")() as group:
        return group.start_soon(nothing)


async def received() -> Any:
    send, receive = resolve("trio.open_memory_channel")(1)
    send.send_nowait(1)
    return receive.receive_nowait()


async def nothing() -> None:
    pass


def plain() -> None:
    pass


def fresh_runner(method: str, *arguments: Any) -> Any:
    with asyncio.Runner() as runner:
        return getattr(runner, method)(*arguments)


def fresh_loop(coroutine: Any) -> Any:
    with contextlib.closing(asyncio.new_event_loop()) as opened:
        return opened.run_until_complete(coroutine)


def topic() -> Any:
    return resolve("aiokafka.TopicPartition")("x", 0)


SELECT = "select 1"
VERBS = "get post put patch delete head options".split()
# How to call functions and methods: by dotted name, the bound function is handed in.
SAMPLES: dict[str, Callable[[Any], Any]] = {
    "asyncio.sleep": lambda f: f(0),
    "asyncio.start_server": lambda f: f(plain, "127.0.0.1", 0),
    "asyncio.start_unix_server": lambda f: f(plain, tempfile.mktemp()),
    "asyncio.create_subprocess_exec": lambda f: f(sys.executable, "-c", ""),
    "asyncio.create_subprocess_shell": lambda f: f("exit"),
    "asyncio.create_task": lambda f: f(nothing()),
    "asyncio.ensure_future": lambda f: f(nothing()),
    "asyncio.gather": lambda f: f(nothing()),
    "asyncio.shield": lambda f: f(nothing()),
    "asyncio.run": lambda f: in_thread(lambda: f(nothing())),
    "asyncio.run_coroutine_threadsafe": lambda f: f(nothing(), asyncio.get_running_loop()),
    "asyncio.as_completed": lambda f: f([]),
    "asyncio.timeout": lambda f: f(None),
    "asyncio.timeout_at": lambda f: f(None),
    "asyncio.Future.add_done_callback": lambda f: f(plain),
    "asyncio.Future.remove_done_callback": lambda f: f(plain),
    "asyncio.Future.set_result": lambda f: f(1),
    "asyncio.Future.set_exception": lambda f: f(ValueError()),
    "asyncio.Future.result": lambda f: f.__self__.set_result(1) or f(),
    "asyncio.Future.exception": lambda f: f.__self__.set_result(1) or f(),
    "asyncio.Task.add_done_callback": lambda f: f(plain),
    "asyncio.Task.remove_done_callback": lambda f: f(plain),
    "asyncio.Task.set_name": lambda f: f("x"),
    "asyncio.Task.get_coro": lambda f: f() and None,
    "asyncio.TaskGroup.create_task": lambda f: f(nothing()),
    "asyncio.Runner.run": lambda f: in_thread(fresh_runner, "run", nothing()),
    "asyncio.Runner.get_loop": lambda f: in_thread(fresh_runner, "get_loop"),
    "asyncio.StreamWriter.get_extra_info": lambda f: f("peername"),
    "asyncio.AbstractEventLoop.create_server": lambda f: f(asyncio.Protocol, "127.0.0.1", 0),
    "asyncio.AbstractEventLoop.create_unix_server": lambda f: f(asyncio.Protocol, tempfile.mktemp()),
    "asyncio.AbstractEventLoop.create_task": lambda f: f(nothing()),
    "asyncio.AbstractEventLoop.run_in_executor": lambda f: f(None, plain),
    "asyncio.AbstractEventLoop.call_soon": lambda f: f(plain),
    "asyncio.AbstractEventLoop.call_later": lambda f: f(0, plain),
    "asyncio.AbstractEventLoop.call_at": lambda f: f(0, plain),
    "asyncio.AbstractEventLoop.remove_reader": lambda f: f(0),
    "asyncio.AbstractEventLoop.remove_writer": lambda f: f(0),
    "asyncio.AbstractEventLoop.run_until_complete": lambda f: in_thread(lambda: fresh_loop(nothing())),
    "uvloop.run": lambda f: in_thread(lambda: f(nothing())),
    "builtins.open": lambda f: f(__file__),
    "time.sleep": lambda f: f(0),
    "threading.RLock": lambda f: f(),
    "unittest.mock.patch": lambda f: f("os.getcwd"),
    "unittest.mock.patch.object": lambda f: f(tempfile, "mktemp"),
    "unittest.mock.patch.dict": lambda f: f({}),
    "unittest.mock.patch.multiple": lambda f: f(tempfile, mktemp=1),
    "pytest.raises": lambda f: f(ValueError),
    "pytest.warns": lambda f: f(),
    "pytest.deprecated_call": lambda f: f(),
    "contextlib.ExitStack.enter_context": lambda f: f(contextlib.nullcontext()),
    "contextlib.ExitStack.push": lambda f: f(plain),
    "contextlib.ExitStack.callback": lambda f: f(plain),
    "contextlib.AsyncExitStack.enter_context": lambda f: f(contextlib.nullcontext()),
    "contextlib.AsyncExitStack.push": lambda f: f(lambda *_: None),
    "contextlib.AsyncExitStack.callback": lambda f: f(plain),
    "contextlib.AsyncExitStack.push_async_exit": lambda f: f(nothing) and None,
    "contextlib.AsyncExitStack.push_async_callback": lambda f: f(nothing),
    "anyio.getnameinfo": lambda f: f(("127.0.0.1", 80)),
    "anyio.open_signal_receiver": lambda f: f(2),
    "anyio.run": lambda f: in_thread(f, nothing),
    "anyio.from_thread.run": lambda f: from_worker("anyio", f, nothing),
    "anyio.from_thread.run_sync": lambda f: from_worker("anyio", f, plain),
    "anyio.abc.TaskGroup.start_soon": lambda f: in_thread(resolve("anyio.run"), started),
    "trio.run": lambda f: in_thread(f, nothing),
    "trio.from_thread.run": lambda f: from_worker("trio", f, nothing),
    "trio.from_thread.run_sync": lambda f: from_worker("trio", f, plain),
    "trio.Semaphore.statistics": lambda f: f(resolve("trio.Semaphore")(1)),
    "trio.MemoryReceiveChannel.receive_nowait": lambda f: in_thread(resolve("trio.run"), received),
    "aiohttp.request": lambda f: f("GET", "http://127.0.0.1:1"),
    **{f"aiohttp.ClientSession.{verb}": lambda f: f("/") for verb in [*VERBS, "ws_connect"]},
    "aiohttp.ClientSession.request": lambda f: f("GET", "/"),
    "aiohttp.ClientWebSocketResponse.get_extra_info": lambda f: f("peername"),
    "sqlalchemy.ext.asyncio.create_async_engine": lambda f: f("sqlite+aiosqlite://"),
    "sqlalchemy.ext.asyncio.AsyncConnection.stream": lambda f: f(resolve("sqlalchemy.text")(SELECT)),
    "sqlalchemy.ext.asyncio.AsyncConnection.stream_scalars": lambda f: f(resolve("sqlalchemy.text")(SELECT)),
    "sqlalchemy.ext.asyncio.AsyncConnection.execute": lambda f: f(resolve("sqlalchemy.text")(SELECT)),
    "sqlalchemy.ext.asyncio.AsyncConnection.scalars": lambda f: f(resolve("sqlalchemy.text")(SELECT)),
    "sqlalchemy.ext.asyncio.AsyncSession.execute": lambda f: f(resolve("sqlalchemy.text")(SELECT)),
    "sqlalchemy.ext.asyncio.AsyncSession.scalars": lambda f: f(resolve("sqlalchemy.text")(SELECT)),
    "sqlalchemy.ext.asyncio.AsyncSession.stream": lambda f: f(resolve("sqlalchemy.text")(SELECT)),
    "sqlalchemy.ext.asyncio.AsyncSession.stream_scalars": lambda f: f(resolve("sqlalchemy.text")(SELECT)),
    **{f"sqlalchemy.engine.{kind}.yield_per": lambda f: f(1) for kind in
       ("Result", "CursorResult", "ScalarResult", "MappingResult")},
    **{f"sqlalchemy.{kind}.columns": lambda f: f("one") for kind in
       ("engine.Result", "engine.CursorResult", "engine.MappingResult", "ext.asyncio.AsyncResult",
        "ext.asyncio.AsyncMappingResult")},
    "redis.asyncio.Redis.hset": lambda f: f("x", "y", "z"),
    "redis.asyncio.Redis.mset": lambda f: f({"x": 1}),
    "redis.asyncio.Redis.zadd": lambda f: f("x", {"y": 1}),
    "redis.asyncio.Redis.xadd": lambda f: f("x", {"y": 1}),
    "redis.asyncio.Redis.xread": lambda f: f({"x": 1}),
    "redis.asyncio.Redis.xreadgroup": lambda f: f("x", "y", {"z": ">"}),
    "redis.asyncio.Redis.pipeline": lambda f: f(),
    "redis.asyncio.Redis.pubsub": lambda f: f(),
    "redis.asyncio.Redis.lock": lambda f: f("x"),
    "redis.asyncio.Redis.from_url": lambda f: f("redis://h"),
    "redis.asyncio.from_url": lambda f: f("redis://h"),
    "redis.asyncio.ConnectionPool.from_url": lambda f: f("redis://h"),
    "redis.asyncio.lock.Lock.extend": lambda f: setattr(f.__self__.local, "token", b"x") or f(1),
    "redis.asyncio.lock.Lock.reacquire": lambda f: setattr(f.__self__.local, "token", b"x") or f(),
    "aiokafka.AIOKafkaConsumer.partitions_for_topic": lambda f: f("x"),
    "aiokafka.AIOKafkaProducer.create_batch": lambda f: f(),
    **{f"aiokafka.AIOKafkaConsumer.{name}": lambda f: f.__self__.assign([topic()]) or f(topic()) for name in
       ("highwater", "last_stable_offset", "last_poll_timestamp")},
    "asyncpg.create_pool": lambda f: f("postgres://h"),
    "asyncpg.prepared_stmt.PreparedStatement.executemany": lambda f: f([]),
    "aiosqlite.connect": lambda f: f(":memory:"),
    **{f"aiosqlite.Connection.{name}": lambda f: f(SELECT) for name in
       ("execute", "executescript", "execute_fetchall", "execute_insert")},
    "aiosqlite.Connection.executemany": lambda f: f("insert into x values (?)", []),
    "websockets.connect": lambda f: f("ws://127.0.0.1:1"),
    "websockets.serve": lambda f: f(echo, "127.0.0.1", 0),
    "websockets.unix_connect": lambda f: f("/x", "ws://h"),
    "websockets.unix_serve": lambda f: f(echo, tempfile.mktemp()),
    "starlette.testclient.TestClient.websocket_connect": lambda f: f("/"),
}  # fmt: skip


# --------------------------------------------------------------------------------------------------------------------
# Probes: each says what kind it saw, or nothing
# --------------------------------------------------------------------------------------------------------------------


def is_manager(function: Any, wrapped: Callable[[Any], bool]) -> bool:
    """Whether contextlib made a function from a generator function."""
    code = getattr(function, "__code__", None)
    return bool(code and code.co_filename == contextlib.__file__ and wrapped(inspect.unwrap(function)))


def declared(row: Row) -> str | None:
    """The kind that the definition alone proves."""
    function = function_of(row)
    if inspect.iscoroutinefunction(function):
        return "coroutine"
    if inspect.isasyncgenfunction(function):
        return "async generator"
    if is_manager(function, inspect.isasyncgenfunction):
        return "async context"
    if is_manager(function, inspect.isgeneratorfunction):
        return "context"
    return protocol(function) if inspect.isclass(function) else None


def protocol(cls: type) -> str:
    """How objects of a class are used."""
    asynchronous, synchronous = hasattr(cls, "__aenter__"), hasattr(cls, "__enter__")
    if asynchronous and hasattr(cls, "__await__"):
        return "awaitable context"
    if asynchronous and synchronous and not refuses(cls):
        return "either context"
    return "async context" if asynchronous else "context" if synchronous else "sync"


def refuses(cls: type) -> bool:
    """Whether `with` is only there to say that `async with` is wanted, as aiohttp has it."""
    return any(isinstance(node, ast.Raise) for node in ast.walk(tree_of(cls.__enter__))) if inspect.isfunction(
        getattr(cls, "__enter__", None)) else False  # fmt: skip


@functools.cache
def tree_of(function: Any) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]


def annotated_classes(row: Row) -> list[type]:
    """The classes that a plain function's return annotation names (its own class for Self); none if one is unknown."""
    function = inspect.unwrap(function_of(row))
    annotation = getattr(function, "__annotations__", {}).get("return", "")
    if row.owner and "Self" in words(row):
        return [resolve(row.owner)]
    names = vars(typing) | getattr(function, "__globals__", {})
    if isinstance(annotation, str):
        with contextlib.suppress(Exception):
            annotation = eval(annotation, names)
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    found = [named(one, names) for one in (typing.get_args(annotation) if union else [annotation])]
    return found if all(isinstance(one, type) for one in found) else []


def named(annotation: Any, names: dict[str, Any]) -> Any:
    """One annotation without its parameters."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = names.get(annotation.__forward_arg__)
    return type(None) if annotation is None else typing.get_origin(annotation) or annotation


def annotated(row: Row) -> str | None:
    """The kind of the classes that a plain function is annotated with; none for what may be anything that is awaited."""
    function = function_of(row)
    if declared(row) or inspect.unwrap(function) is not function:
        return None
    classes = [cls for cls in annotated_classes(row) if cls is not type(None)] or annotated_classes(row)
    if any(issubclass(cls, (Awaitable, AsyncIterator)) and not hasattr(cls, "__aenter__") for cls in classes):
        return None
    kinds = {protocol(cls) for cls in classes}
    return kinds.pop() if len(kinds) == 1 else None


CONCRETE = {"asyncio.AbstractEventLoop": "asyncio.SelectorEventLoop", "asyncio.AbstractServer": "asyncio.Server"}
HARMLESS = (ast.Constant, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Dict, ast.List, ast.ListComp, ast.JoinedStr)


def returning_none(row: Row) -> str | None:
    """"sync" for a plain function whose own body returns nothing that could be awaited."""
    function = function_of(row._replace(owner=CONCRETE.get(row.owner, row.owner)))
    if declared(row) or not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
        return None
    body = tree_of(function)
    if not isinstance(body, ast.FunctionDef) or isinstance(body.body[-1], ast.Raise):
        return None
    returned = [node.value for node in ast.walk(body) if isinstance(node, ast.Return) and node.value is not None]
    yields = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(body))
    return "sync" if all(isinstance(value, HARMLESS) for value in returned) and not yields else None


def kind_of(result: Any) -> str:
    """What a call gave."""
    if inspect.iscoroutine(result):
        result.close()
        return "coroutine"
    if asyncio.isfuture(result) or hasattr(result, "__await__") and not hasattr(result, "__aenter__"):
        return "task"
    if hasattr(result, "__anext__") and not hasattr(result, "__next__") and not hasattr(result, "__enter__"):
        return "async generator"
    return protocol(type(result))


def filled(function: Any) -> list[Any] | None:
    """Arguments for the required parameters of a call."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return ["1" for parameter in parameters if parameter.kind in positional and parameter.default is parameter.empty]


@contextlib.asynccontextmanager
async def owner_of(row: Row) -> Any:
    """The live function or method of a row."""
    if row.owner not in INSTANCES or row.name == "from_url":
        yield function_of(row)
        return
    opening = INSTANCES[row.owner]()
    if isinstance(opening, contextlib.AbstractAsyncContextManager):
        async with opening as owner:
            yield getattr(owner, row.name)
    else:
        yield getattr(opening, row.name)


def can_live(row: Row) -> bool:
    return row.dotted in SAMPLES or row.owner in INSTANCES or not row.owner and not filled(function_of(row))


def lived(row: Row) -> str | None:
    """The kind that a real call shows."""

    async def call() -> str:
        async with owner_of(row) as function:
            sample = SAMPLES.get(row.dotted)
            return kind_of(sample(function) if sample else function(*filled(function)))

    return asyncio.run(call()) if can_live(row) else None


def observations(row: Row) -> Iterator[tuple[str, str]]:
    """What the probes see, the cheap ones first; a real call only where they see nothing or a sample stands ready."""
    seen = False
    for probe in (declared, annotated, returning_none):
        found = probe(row)
        if found is not None:
            seen = True
            yield probe.__name__, found
    if row.dotted in SAMPLES or not seen:
        found = lived(row)
        if found is not None:
            yield "lived", found


def agrees(row: Row, probe: str, found: str) -> bool:
    """Whether what a probe saw is what the row says."""
    kind, returns, is_plain, _ = row.callee
    if kind == "coroutine":
        return found == "coroutine" and not (is_plain and probe == "declared")
    if kind == "sync" and returns and found != "coroutine":
        return True  # an object of a known class: `returned` looks at it
    return found == kind


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.dotted)
def test_kind(row: Row) -> None:
    """A function or method is of the kind that the table says, by everything that can be seen of it."""
    resolve(row.dotted.partition(".")[0])
    if too_new(row.callee.since) or row.owner and too_new(knowledge.known_class(row.owner).since):
        holder, _, name = row.dotted.rpartition(".")
        assert row.owner and too_new(knowledge.known_class(row.owner).since) or not hasattr(resolve(holder), name)
        return
    seen = list(observations(row))
    assert seen, "no probe reaches this row: give it a sample"
    for probe, found in seen:
        assert agrees(row, probe, found), (probe, found)
    assert row.callee.plain or row.callee.kind != "coroutine" or ("declared", "coroutine") in seen, "plain coroutine"


# --------------------------------------------------------------------------------------------------------------------
# What calls give, and what classes are
# --------------------------------------------------------------------------------------------------------------------

# Results that no annotation tells and no machine without the service can show: the proof is in the library's source.
IN_SOURCE = {
    "asyncpg.connect": lambda: inspect.signature(resolve("asyncpg.connect")).parameters["connection_class"].default,
    # The pool hands out a proxy that its metaclass gives every method of Connection.
    "asyncpg.Pool.acquire": lambda: resolve("asyncpg.Connection") if not public(resolve("asyncpg.Connection")) - public(
        resolve("asyncpg.pool.PoolConnectionProxy")) else object,
}  # fmt: skip


def public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


async def outcome(result: Any, kind: str) -> Any:
    """The value that a call is for: awaited or entered as its kind asks."""
    if kind in ("coroutine", "task"):
        return await result if kind == "coroutine" else result
    if kind.endswith("context"):
        if hasattr(result, "__aenter__"):
            async with result as value:
                return value
        with result as value:
            return value
    return result


def given(row: Row) -> Any:
    """The object that really came out."""

    async def call() -> Any:
        async with owner_of(row) as function:
            sample = SAMPLES.get(row.dotted)
            found = await outcome(sample(function) if sample else function(*filled(function)), row.callee.kind)
            if isinstance(found, asyncio.AbstractServer):
                found.close()
            return found

    return asyncio.run(call())


RETURNING = [row for row in ROWS if row.callee.returns]


@pytest.mark.parametrize("row", RETURNING, ids=lambda row: row.dotted)
def test_returns(row: Row) -> None:
    """What comes out is of the class that the table names: by annotation, else by a real call."""
    if too_new(row.callee.since) or row.owner and too_new(knowledge.known_class(row.owner).since):
        pytest.skip("not in this Python")
    promised = [resolve(name) for name in row.callee.returns.split("|")]
    for name in row.callee.returns.split("|"):
        assert knowledge.canonical(name) == name
        assert knowledge.known_class(name) or name.startswith("concurrent."), "a class that has no row says nothing"
    if row.dotted in IN_SOURCE:
        assert IN_SOURCE[row.dotted]() is promised[0]
    elif row.dotted not in SAMPLES and (
        {cls.__name__ for cls in promised} <= words(row) or row.owner and "Self" in words(row)
        or inspect.isclass(function_of(row)) and issubclass(function_of(row), promised[0])
    ):  # fmt: skip
        return
    elif row.dotted != "playwright.async_api.expect":
        assert isinstance(given(row), tuple(promised))
    else:
        assert set(annotated_classes(row)) == set(promised)


@pytest.mark.parametrize("known", CLASSES, ids=lambda known: known.name)
def test_class(known: knowledge.Class) -> None:
    """A class is entered, iterated, awaited and closed as its row says, and a method of another kind is not missed."""
    if too_new(known.since):
        with pytest.raises(AttributeError):
            resolve(known.name)
        return
    cls = resolve(known.name)
    if not known.methods and not known.attributes:
        raise AssertionError("a class without members says nothing")
    assert known.enters == {"either context": "both", "async context": "async", "awaitable context": "async",
                            "context": "sync", "sync": ""}[protocol(cls)]  # fmt: skip
    assert known.awaitable == hasattr(cls, "__await__")
    assert known.iterates == (hasattr(cls, "__aiter__") and not hasattr(cls, "__iter__"))
    for name in [*known.closers, *([known.opens] if known.opens else [])]:
        assert callable(getattr(cls, name))
    assert not known.close or known.close in known.methods
    assert not known.opens or known.opens in known.methods


@pytest.mark.parametrize("known", [known for known in CLASSES if known.gives], ids=lambda known: known.name)
def test_entering_gives(known: knowledge.Class) -> None:
    """What `with` binds: by the annotation or the source of the entering method, else really entered."""
    if too_new(known.since):
        pytest.skip("not in this Python")
    cls = resolve(known.name)
    enter = getattr(cls, "__aenter__" if known.enters != "sync" else "__enter__")
    annotation = str(getattr(inspect.unwrap(enter), "__annotations__", {}).get("return", ""))
    named_there = re.search(rf"\b({cls.__name__}|Self|_T|Typ\w*|\w*Self\w*|T|_RedisT|Async\w+)\b", annotation)
    returns_self = any(
        isinstance(node, ast.Return) and isinstance(node.value, ast.Name) and node.value.id == "self"
        for node in ast.walk(tree_of(inspect.unwrap(enter)))
    )
    assert known.gives == known.name
    assert named_there or returns_self, annotation


@pytest.mark.parametrize(("alias", "name"), ALIASES, ids=[alias for alias, _ in ALIASES])
def test_alias(alias: str, name: str) -> None:
    """Another spelling leads to the same class; a module's other spelling to at least one of its functions."""
    known = knowledge.known_class(name)
    if known is not None:
        if not too_new(known.since):
            assert resolve(alias) is resolve(name)
        assert knowledge.canonical(alias) == name
        return
    functions = [row.name for row in ROWS if not row.owner and row.name.rpartition(".")[0] == name]
    inside = [one for one in functions if hasattr(resolve(alias), one.rpartition(".")[2])]
    assert inside
    for one in inside:
        assert getattr(resolve(alias), one.rpartition(".")[2]) is resolve(one)


@pytest.mark.parametrize(("owner", "name", "held"), ATTRIBUTES, ids=[f"{owner}.{name}" for owner, name, _ in ATTRIBUTES])
def test_attribute(owner: str, name: str, held: str) -> None:
    """An attribute holds an object of the class: by its property's annotation, else on a live object."""
    cls = resolve(owner)
    if owner not in INSTANCES:
        annotation = inspect.getattr_static(cls, name).fget.__annotations__["return"]
        assert re.search(rf"\b{resolve(held).__name__}\b", str(annotation))
        return

    async def look() -> Any:
        async with INSTANCES[owner]() as living:
            return getattr(living, name)

    assert isinstance(asyncio.run(look()), resolve(held))
