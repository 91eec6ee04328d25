"""Objects of known libraries, made in a running loop without any server, and how their functions are called.

For tests/test_knowledge.py: what a definition or an annotation does not tell, a real call on such an object does.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import importlib
import sys
import tempfile
from typing import Any, AsyncIterator, Callable

import pytest

SELECT = "select 1 as one"


@functools.cache
def resolve(dotted: str) -> Any:
    """The object of a dotted name; an alias of a module may lead to it."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError as missing:
            if missing.name == parts[0]:
                pytest.fail(f"{parts[0]} is not installed: it belongs to the `test` extra")
            continue
        return functools.reduce(getattr, parts[count:], found)
    raise AssertionError(dotted)


# --------------------------------------------------------------------------------------------------------------------
# Functions to hand in, and ways to call
# --------------------------------------------------------------------------------------------------------------------


async def nothing(*_: Any) -> None:
    pass


def plain(*_: Any) -> None:
    pass


async def echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)


def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call what refuses to run where a loop is running."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def from_worker(library: str, function: Callable[..., Any], argument: Any) -> Any:
    """Call from a worker thread of anyio or trio."""
    return in_thread(resolve(library).run, resolve(f"{library}.to_thread.run_sync"), lambda: function(argument))


class Quiet:
    """Has everything, and every call of it gives nothing: for objects that would need a server."""

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Quiet()

    def __call__(self, *arguments: Any, **options: Any) -> None:
        return None


async def quiet(*_: Any, **__: Any) -> Any:
    return Quiet()


# --------------------------------------------------------------------------------------------------------------------
# Objects
# --------------------------------------------------------------------------------------------------------------------

Opening = Callable[[], Any]  # gives an object, or an async context manager that gives it and closes it
INSTANCES: dict[str, Opening] = {}


def instance(*names: str) -> Callable[[Callable[[], AsyncIterator[Any]]], Callable[[], Any]]:
    """Register how objects of these classes are made."""

    def register(function: Callable[[], AsyncIterator[Any]]) -> Callable[[], Any]:
        made = contextlib.asynccontextmanager(function)
        INSTANCES.update(dict.fromkeys(names, made))
        return made

    return register


def constructed(dotted: str, *arguments: Any, **options: Any) -> None:
    """Register a class whose objects need only be constructed; a context manager is entered too."""
    INSTANCES[dotted] = lambda: resolve(dotted)(*arguments, **options)


class Held:
    """An object that is not to be entered: entering would wait, or look for a server."""

    def __init__(self, held: Any) -> None:
        self.held = held

    async def __aenter__(self) -> Any:
        return self.held

    async def __aexit__(self, *_: Any) -> None:
        pass


def part_of(dotted: str, owner: Opening, step: Callable[[Any], Any]) -> None:
    """Register objects that another one gives."""

    @instance(dotted)
    async def opening() -> AsyncIterator[Any]:
        async with owner() as opened:
            yield step(opened)


for name in "Lock Event Condition Semaphore BoundedSemaphore StreamReader".split():
    constructed(f"asyncio.{name}")
constructed("asyncio.TaskGroup")
INSTANCES["asyncio.Barrier"] = lambda: Held(asyncio.Barrier(2))
constructed("asyncio.Timeout", None)
constructed("contextlib.ExitStack")
constructed("contextlib.AsyncExitStack")
constructed("pytest.MonkeyPatch")
constructed("starlette.testclient.TestClient", None)
constructed("starlette.requests.Request", {"type": "http", "headers": []})
for name in ("httpx", "httpx2"):
    constructed(f"{name}.Response", 200, json={})
for name in "Lock Event Condition".split():
    constructed(f"anyio.{name}")
    constructed(f"trio.{name}")
for name in ("anyio", "trio"):
    constructed(f"{name}.CapacityLimiter", 1)
    constructed(f"{name}.Semaphore", 1)
for kind, name in enumerate(("Send", "Receive")):
    INSTANCES[f"anyio.streams.memory.MemoryObject{name}Stream"] = lambda kind=kind: resolve("anyio.create_memory_object_stream")(0)[kind]
    INSTANCES[f"trio.Memory{name}Channel"] = lambda kind=kind: resolve("trio.open_memory_channel")(0)[kind]


@instance("asyncio.Queue", "asyncio.PriorityQueue", "asyncio.LifoQueue")
async def queue() -> AsyncIterator[Any]:
    made = asyncio.PriorityQueue[int](1)
    made.put_nowait(1)
    yield made


@instance("asyncio.Future")
async def future() -> AsyncIterator[Any]:
    made = asyncio.get_running_loop().create_future()
    yield made
    made.cancel()


@instance("asyncio.Task")
async def task() -> AsyncIterator[Any]:
    made = asyncio.create_task(nothing())
    await made
    yield made


@instance("asyncio.AbstractEventLoop")
async def loop() -> AsyncIterator[Any]:
    yield asyncio.get_running_loop()


@instance("asyncio.AbstractServer", "asyncio.Server")
async def server() -> AsyncIterator[Any]:
    """A server that answers 200 to every HTTP request."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    opened = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield opened
    opened.close()


@instance("asyncio.StreamWriter")
async def stream_writer() -> AsyncIterator[Any]:
    async with server() as opened:
        _, writer = await asyncio.open_connection(*opened.sockets[0].getsockname())
        yield writer
        writer.close()


@instance("asyncio.subprocess.Process")
async def process() -> AsyncIterator[Any]:
    made = await asyncio.create_subprocess_exec(sys.executable, "-c", "", stdin=-1, stdout=-1, stderr=-1)
    yield made
    await made.communicate()


def http_client(library: str) -> Opening:
    """A client that has made a request, so that its connection is kept open."""

    async def opening() -> AsyncIterator[Any]:
        async with server() as opened:
            address = "http://{}:{}".format(*opened.sockets[0].getsockname())
            async with resolve(library).AsyncClient(base_url=address, trust_env=False) as client:
                await client.get("/")
                yield client

    return contextlib.asynccontextmanager(opening)


for name in ("httpx", "httpx2"):
    INSTANCES[f"{name}.AsyncClient"] = http_client(name)


async def answer_all(request: Any) -> Any:
    """aiohttp's side: JSON, or the same messages."""
    from aiohttp import web

    if request.headers.get("Upgrade") != "websocket":
        return web.json_response({})
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


@instance("aiohttp.test_utils.TestServer")
async def aiohttp_server() -> AsyncIterator[Any]:
    from aiohttp import test_utils, web

    app = web.Application()
    app.router.add_route("*", "/", answer_all)
    async with test_utils.TestServer(app) as opened:
        yield opened


@instance("aiohttp.test_utils.TestClient")
async def aiohttp_client() -> AsyncIterator[Any]:
    async with aiohttp_server() as opened, resolve("aiohttp.test_utils.TestClient")(opened) as client:
        yield client


@instance("aiohttp.ClientSession")
async def aiohttp_session() -> AsyncIterator[Any]:
    async with aiohttp_server() as opened, resolve("aiohttp.ClientSession")(str(opened.make_url("/"))) as session:
        yield session


@instance("aiohttp.ClientWebSocketResponse")
async def aiohttp_socket() -> AsyncIterator[Any]:
    async with aiohttp_client() as client, client.ws_connect("/") as socket:
        yield socket


part_of("aiohttp.web.AppRunner", aiohttp_server, lambda opened: opened.runner)
part_of("aiohttp.web.TCPSite", aiohttp_server, lambda opened: resolve("aiohttp.web.TCPSite")(opened.runner, "127.0.0.1", 0))


@instance("starlette.testclient.WebSocketTestSession")
async def starlette_socket() -> AsyncIterator[Any]:
    """A web socket that says [] at once."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "[]"})
        await receive()

    with resolve("starlette.testclient.TestClient")(app).websocket_connect("/") as opened:
        yield opened


@instance("sqlalchemy.ext.asyncio.AsyncEngine")
async def engine() -> AsyncIterator[Any]:
    pool = resolve("sqlalchemy.pool.AsyncAdaptedQueuePool")  # what every database but one in memory has
    made = resolve("sqlalchemy.ext.asyncio.create_async_engine")("sqlite+aiosqlite://", poolclass=pool)
    async with made.connect():
        pass
    yield made
    await made.dispose()


@instance("sqlalchemy.ext.asyncio.AsyncConnection")
async def connection() -> AsyncIterator[Any]:
    async with engine() as made, made.connect() as opened:
        yield opened


def rows(kind: str) -> Opening:
    """A result with one row, or a view of it."""

    async def opening() -> AsyncIterator[Any]:
        async with connection() as opened:
            result = await opened.execute(resolve("sqlalchemy.text")(SELECT))
            yield getattr(result, kind)() if kind else result

    return contextlib.asynccontextmanager(opening)


def streamed(kind: str) -> Opening:
    async def opening() -> AsyncIterator[Any]:
        async with connection() as opened, opened.stream(resolve("sqlalchemy.text")(SELECT)) as result:
            yield getattr(result, kind)() if kind else result

    return contextlib.asynccontextmanager(opening)


for kind, view in {"": "", "Scalar": "scalars", "Mapping": "mappings"}.items():
    INSTANCES[f"sqlalchemy.engine.{kind}Result"] = rows(view)
    INSTANCES[f"sqlalchemy.ext.asyncio.Async{kind}Result"] = streamed(view)
INSTANCES["sqlalchemy.engine.CursorResult"] = rows("")


part_of("sqlalchemy.ext.asyncio.async_sessionmaker", engine, lambda made: resolve("sqlalchemy.ext.asyncio.async_sessionmaker")(made))
sessionmaker = INSTANCES["sqlalchemy.ext.asyncio.async_sessionmaker"]
part_of("sqlalchemy.ext.asyncio.async_scoped_session", sessionmaker,
        lambda factory: resolve("sqlalchemy.ext.asyncio.async_scoped_session")(factory, asyncio.current_task))  # fmt: skip


@instance("sqlalchemy.ext.asyncio.AsyncSession")
async def session() -> AsyncIterator[Any]:
    async with sessionmaker() as factory, factory() as opened:
        yield opened


part_of("sqlalchemy.ext.asyncio.AsyncTransaction", connection, lambda opened: opened.begin())
part_of("sqlalchemy.ext.asyncio.AsyncSessionTransaction", session, lambda opened: opened.begin())


@instance("redis.asyncio.Redis")
async def redis() -> AsyncIterator[Any]:
    made = resolve("redis.asyncio.Redis")()
    yield made
    await made.aclose()


part_of("redis.asyncio.client.Pipeline", redis, lambda client: client.pipeline())
part_of("redis.asyncio.client.PubSub", redis, lambda client: client.pubsub())
part_of("redis.asyncio.lock.Lock", redis, lambda client: client.lock("x", 1))
part_of("redis.asyncio.ConnectionPool", redis, lambda client: client.connection_pool)


@instance("aiokafka.AIOKafkaProducer")
async def kafka_producer() -> AsyncIterator[Any]:
    producer = resolve("aiokafka.AIOKafkaProducer")(transactional_id="t")
    yield producer
    await producer.stop()


@instance("aiokafka.AIOKafkaConsumer")
async def kafka_consumer() -> AsyncIterator[Any]:
    consumer = resolve("aiokafka.AIOKafkaConsumer")()
    consumer.assign([topic()])
    yield consumer
    await consumer.stop()


def topic() -> Any:
    return resolve("aiokafka.TopicPartition")("x", 0)


@instance("aiokafka.admin.AIOKafkaAdminClient")
async def kafka_admin() -> AsyncIterator[Any]:
    admin = resolve("aiokafka.admin.AIOKafkaAdminClient")()
    yield admin
    await admin.close()


@instance("confluent_kafka.aio.AIOProducer")
async def confluent_producer() -> AsyncIterator[Any]:
    async with resolve("confluent_kafka.aio.AIOProducer")({"log_level": 0}) as producer:
        yield producer


INSTANCES["confluent_kafka.aio.AIOConsumer"] = lambda: resolve("confluent_kafka.aio.AIOConsumer")({"group.id": "x", "log_level": 0})


@instance("pymongo.AsyncMongoClient")
async def mongo() -> AsyncIterator[Any]:
    client = resolve("pymongo.AsyncMongoClient")(serverSelectionTimeoutMS=1)
    with contextlib.suppress(resolve("pymongo.errors.ServerSelectionTimeoutError")):
        await client.aconnect()
        await client.server_info()
    yield client
    await client.close()


@instance("motor.motor_asyncio.AsyncIOMotorClient")
async def motor() -> AsyncIterator[Any]:
    client = resolve("motor.motor_asyncio.AsyncIOMotorClient")(io_loop=asyncio.get_running_loop())
    yield client
    client.close()


@instance("asyncpg.Connection")
async def postgres() -> AsyncIterator[Any]:
    """A real connection object around a server that is not there."""
    config = Quiet(statement_cache_size=1, max_cached_statement_lifetime=1, max_cacheable_statement_size=1)
    protocol = Quiet(is_connected=lambda: True, prepare=quiet, close=quiet, get_settings=lambda: Quiet(server_version="16.0"))
    made = resolve("asyncpg.Connection")(protocol, Quiet(), asyncio.get_running_loop(), ("h", 1), config, Quiet())
    made.add_termination_listener(plain)
    yield made
    made.terminate()


INSTANCES["asyncpg.Pool"] = lambda: Held(resolve("asyncpg.create_pool")("postgres://h"))
part_of("asyncpg.transaction.Transaction", postgres, lambda opened: opened.transaction())
part_of("asyncpg.prepared_stmt.PreparedStatement", postgres,
        lambda opened: resolve("asyncpg.prepared_stmt.PreparedStatement")(opened, SELECT, Quiet(closed=False)))  # fmt: skip


@instance("aiosqlite.Connection")
async def sqlite() -> AsyncIterator[Any]:
    async with resolve("aiosqlite.connect")(":memory:") as opened:
        await opened.execute("create table x (one)")
        yield opened


@instance("websockets.asyncio.server.Server")
async def websocket_server() -> AsyncIterator[Any]:
    async with resolve("websockets.serve")(echo, "127.0.0.1", 0) as opened:
        yield opened


def websocket_address(opened: Any) -> str:
    return "ws://{}:{}".format(*opened.sockets[0].getsockname())


@instance("websockets.asyncio.client.ClientConnection")
async def websocket() -> AsyncIterator[Any]:
    async with websocket_server() as opened, resolve("websockets.connect")(websocket_address(opened)) as client:
        yield client


@instance("websockets.asyncio.server.ServerConnection")
async def websocket_accepted() -> AsyncIterator[Any]:
    async with websocket_server() as opened, resolve("websockets.connect")(websocket_address(opened)):
        yield next(iter(opened.connections))


@instance("playwright.async_api.Playwright")
async def playwright() -> AsyncIterator[Any]:
    """The driver comes with the package; it starts without any browser."""
    async with resolve("playwright.async_api.async_playwright")() as driver:
        yield driver


@instance("playwright.async_api.APIRequestContext")
async def playwright_requests() -> AsyncIterator[Any]:
    async with playwright() as driver:
        yield await driver.request.new_context()


def of_playwright(name: str) -> None:
    """Objects that only a browser gives: around an inside that has the loop and nothing else."""
    INSTANCES[f"playwright.async_api.{name}"] = lambda: Held(
        resolve(f"playwright.async_api.{name}")(Quiet(_loop=asyncio.get_running_loop(), _dispatcher_fiber=None))
    )


for name in ("Browser", "BrowserContext", "Page"):
    of_playwright(name)


# --------------------------------------------------------------------------------------------------------------------
# Calls
# --------------------------------------------------------------------------------------------------------------------

# What is handed in for a parameter, by the parameter's name; "1" for any other.
ARGUMENTS: dict[str, Callable[[], Any]] = {
    **dict.fromkeys("coro coro_or_future arg main coroutine".split(), nothing),
    **dict.fromkeys("callback fn func exit async_fn client_connected_cb set_result".split(), lambda: plain),
    **dict.fromkeys("delay deadline when seconds secs fd size num".split(), lambda: 0),
    **dict.fromkeys("cm".split(), contextlib.nullcontext),
    **dict.fromkeys("mapping streams".split(), lambda: {"x": 1}),
    "statement": lambda: resolve("sqlalchemy.text")(SELECT),
    **dict.fromkeys("sql sql_script".split(), lambda: SELECT),
    "partition": topic,
    "command": lambda: SELECT,
    "args": list,
}
Sample = Callable[[Any], Any]  # is handed the function or bound method and calls it
SAMPLES: dict[str, Sample] = {
    "asyncio.start_server": lambda f: f(plain, "127.0.0.1", 0),
    "asyncio.start_unix_server": lambda f: f(plain, tempfile.mktemp()),
    "asyncio.create_subprocess_exec": lambda f: f(sys.executable, "-c", ""),
    "asyncio.create_subprocess_shell": lambda f: f("exit"),
    "asyncio.gather": lambda f: f(nothing()),
    "asyncio.run": lambda f: in_thread(lambda: f(nothing())),
    "asyncio.run_coroutine_threadsafe": lambda f: f(nothing(), asyncio.get_running_loop()),
    "asyncio.as_completed": lambda f: f([]),
    **{f"asyncio.{owner}.add_done_callback": lambda f: f(plain) for owner in ("Future", "Task")},
    "time.sleep": lambda f: f(0),
    "asyncio.Future.set_exception": lambda f: f(ValueError()),
    "asyncio.Future.result": lambda f: f.__self__.set_result(1) or f(),
    "asyncio.Future.exception": lambda f: f.__self__.set_result(1) or f(),
    "asyncio.Task.get_coro": lambda f: f() and None,
    "asyncio.Runner.run": lambda f: in_thread(lambda: fresh_runner(lambda runner: runner.run(nothing()))),
    "asyncio.Runner.get_loop": lambda f: in_thread(lambda: fresh_runner(lambda runner: runner.get_loop())),
    "asyncio.StreamWriter.get_extra_info": lambda f: f("peername"),
    "asyncio.AbstractEventLoop.create_server": lambda f: f(asyncio.Protocol, "127.0.0.1", 0),
    "asyncio.AbstractEventLoop.create_unix_server": lambda f: f(asyncio.Protocol, tempfile.mktemp()),
    "asyncio.AbstractEventLoop.run_in_executor": lambda f: f(None, plain),
    "asyncio.AbstractEventLoop.run_until_complete": lambda f: in_thread(lambda: fresh_loop(nothing())),
    "uvloop.run": lambda f: in_thread(lambda: f(nothing())),
    "builtins.open": lambda f: f(__file__),
    "unittest.mock.patch": lambda f: f("os.getcwd"),
    "unittest.mock.patch.object": lambda f: f(tempfile, "mktemp"),
    "unittest.mock.patch.dict": lambda f: f({}),
    "unittest.mock.patch.multiple": lambda f: f(tempfile, mktemp=1),
    "pytest.raises": lambda f: f(ValueError),
    "contextlib.AsyncExitStack.push_async_exit": lambda f: f(nothing) and None,
    "contextlib.AsyncExitStack.push_async_callback": lambda f: f(nothing) and None,
    "anyio.getnameinfo": lambda f: f(("127.0.0.1", 80)),
    "anyio.run": lambda f: in_thread(f, nothing),
    "anyio.from_thread.run": lambda f: from_worker("anyio", f, nothing),
    "anyio.from_thread.run_sync": lambda f: from_worker("anyio", f, plain),
    "anyio.abc.TaskGroup.start_soon": lambda f: in_thread(resolve("anyio.run"), started),
    "anyio.streams.memory.MemoryObjectReceiveStream.receive_nowait": lambda f: received("anyio.create_memory_object_stream"),
    "trio.run": lambda f: in_thread(f, nothing),
    "trio.from_thread.run": lambda f: from_worker("trio", f, nothing),
    "trio.from_thread.run_sync": lambda f: from_worker("trio", f, plain),
    "trio.MemoryReceiveChannel.receive_nowait": lambda f: received("trio.open_memory_channel"),
    "aiohttp.request": lambda f: f("GET", "http://127.0.0.1:1"),
    **{f"aiohttp.ClientSession.{verb}": lambda f: f("/") for verb in "get post put patch delete head options ws_connect".split()},
    "aiohttp.test_utils.TestClient.ws_connect": lambda f: f("/"),
    "aiohttp.ClientSession.request": lambda f: f("GET", "/"),
    "aiohttp.ClientWebSocketResponse.get_extra_info": lambda f: f("peername"),
    "sqlalchemy.ext.asyncio.create_async_engine": lambda f: f("sqlite+aiosqlite://"),
    "sqlalchemy.ext.asyncio.AsyncConnection.__aenter__": lambda f: f.__self__.engine.connect().__aenter__(),
    **{f"sqlalchemy.{kind}.columns": lambda f: f("one") for kind in
       ("engine.Result", "engine.CursorResult", "engine.MappingResult", "ext.asyncio.AsyncResult",
        "ext.asyncio.AsyncMappingResult")},
    **{f"sqlalchemy.engine.{kind}Result.yield_per": lambda f: f(1) for kind in ("", "Cursor", "Scalar", "Mapping")},
    "redis.asyncio.Redis.hset": lambda f: f("x", "y", "z"),
    "redis.asyncio.Redis.xadd": lambda f: f("x", {"y": 1}),
    "redis.asyncio.Redis.pipeline": lambda f: f(),
    "redis.asyncio.Redis.pubsub": lambda f: f(),
    "redis.asyncio.Redis.lock": lambda f: f("x"),
    **{f"redis.asyncio.{owner}from_url": lambda f: f("redis://h") for owner in ("", "Redis.", "ConnectionPool.")},
    "redis.asyncio.lock.Lock.extend": lambda f: setattr(f.__self__.local, "token", b"x") or f(1),
    "redis.asyncio.lock.Lock.reacquire": lambda f: setattr(f.__self__.local, "token", b"x") or f(),
    "asyncpg.create_pool": lambda f: f("postgres://h"),
    "aiosqlite.connect": lambda f: f(":memory:"),
    "aiosqlite.Connection.executemany": lambda f: f("insert into x values (?)", []),
    "websockets.serve": lambda f: f(echo, "127.0.0.1", 0),
    "websockets.unix_serve": lambda f: f(echo, tempfile.mktemp()),
    "starlette.testclient.TestClient.websocket_connect": lambda f: f("/"),
}  # fmt: skip


def fresh_runner(use: Callable[[Any], Any]) -> Any:
    with resolve("asyncio.Runner")() as runner:
        return use(runner)


def fresh_loop(coroutine: Any) -> Any:
    with contextlib.closing(asyncio.new_event_loop()) as opened:
        return opened.run_until_complete(coroutine)


async def started() -> Any:
    async with resolve("anyio.create_task_group")() as group:
        return group.start_soon(nothing)


def received(pair: str) -> Any:
    send, receive = resolve(pair)(1)
    send.send_nowait(1)
    with contextlib.closing(send), contextlib.closing(receive):
        return receive.receive_nowait()
