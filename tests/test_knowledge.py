"""Every row of the knowledge tables is held against the installed library: what a name is, gives, and how it is closed.

A row is shown by its definition (`declared`), else by its return annotation or its source (`annotated`, `returning_none`), else by a
real call in an event loop (`lived`, with the objects of tests/living.py). A row that nothing of that reaches fails.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import functools
import gc
import inspect
import sys
import textwrap
import types
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Coroutine, Generator, Iterator
from typing import Any, Callable, NamedTuple

import anyio
import pytest
import typing_extensions
from living import ARGUMENTS, INSTANCES, SAMPLES, resolve

from flake8_async_tests import knowledge
from flake8_async_tests.knowledge import Callee


class Row(NamedTuple):
    """One entry: a function of a module, or a method or attribute of a class."""

    owner: str  # class or ""
    name: str  # dotted for a function
    callee: Callee

    @property
    def dotted(self) -> str:
        return f"{self.owner}.{self.name}" if self.owner else self.name

    @property
    def absent(self) -> str:
        """The Python version that this row waits for, if it is newer than this Python."""
        every = [self.callee.since, knowledge.known_class(self.owner).since if self.owner else ""]
        return next((since for since in every if since and sys.version_info < tuple(map(int, since.split(".")))), "")


TABLES = [knowledge.table(library) for library in knowledge.TABLES]
CLASSES = [known for table in TABLES for known in table.classes.values()]
ROWS = [Row("", name, callee) for table in TABLES for name, callee in table.functions.items()]
ROWS += [Row(known.name, name, callee) for known in CLASSES for name, callee in known.methods.items()]
ENTERING = [Row(known.name, "__enter__" if known.enters == "sync" else "__aenter__",
                Callee("sync" if known.enters == "sync" else "coroutine", known.gives, since=known.since))
            for known in CLASSES if known.gives]  # fmt: skip
ATTRIBUTES = [Row(known.name, name, Callee("attribute", held)) for known in CLASSES for name, held in known.attributes.items()]
ALIASES = [pair for table in TABLES for pair in table.aliases.items()]

pytestmark = pytest.mark.filterwarnings("ignore")  # many calls are made only to look at what they give


def each(rows: list[Any], name: str | tuple[str, ...]) -> Any:
    return pytest.mark.parametrize(name, rows, ids=lambda row: row.dotted if isinstance(row, Row) else getattr(row, "name", row))


# --------------------------------------------------------------------------------------------------------------------
# What a definition says
# --------------------------------------------------------------------------------------------------------------------

CONCRETE = {"asyncio.AbstractEventLoop": "asyncio.SelectorEventLoop", "asyncio.AbstractServer": "asyncio.Server"}


def function_of(row: Row) -> Any:
    """The function itself; asyncio.Condition borrows some of its lock's in __init__, playwright's `expect` is an object."""
    if row.owner:
        owner = resolve(row.owner)
        return getattr(owner, row.name) if hasattr(owner, row.name) else getattr(owner(), row.name).__func__
    found = resolve(row.name)
    return found if inspect.isroutine(found) or inspect.isclass(found) else type(found).__call__


def declared(row: Row) -> str:
    """The kind that the definition alone proves."""
    function = function_of(row)
    inner = inspect.unwrap(function)
    is_manager = getattr(getattr(function, "__code__", None), "co_filename", "") == contextlib.__file__
    if inspect.iscoroutinefunction(function):
        return "coroutine"
    if inspect.isasyncgenfunction(function):
        return "async generator"
    if is_manager and (inspect.isasyncgenfunction(inner) or inspect.isgeneratorfunction(inner)):
        return "async context" if inspect.isasyncgenfunction(inner) else "context"
    return protocol(function) if inspect.isclass(function) else ""


def protocol(cls: type) -> str:
    """How objects of a class are used."""
    asynchronous = hasattr(cls, "__aenter__")
    synchronous = hasattr(cls, "__enter__") and not (asynchronous and refuses(cls.__enter__))
    if asynchronous and hasattr(cls, "__await__"):
        return "awaitable context"
    if asynchronous and synchronous:
        return "either context"
    return "async context" if asynchronous else "context" if synchronous else "sync"


def refuses(enter: Any) -> bool:
    """Whether `__enter__` is only there to say that `async with` is wanted, as aiohttp has it."""
    return inspect.isfunction(enter) and any(isinstance(node, ast.Raise) for node in ast.walk(tree_of(enter)))


@functools.cache
def tree_of(function: Any) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]


def returning_none(row: Row) -> str:
    """"sync" for a plain function whose own body returns nothing that could be awaited."""
    function = function_of(row._replace(owner=CONCRETE.get(row.owner, row.owner)))
    if not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
        return ""
    body = tree_of(function)
    if not isinstance(body, ast.FunctionDef) or isinstance(body.body[-1], ast.Raise):
        return ""
    nodes = list(ast.walk(body))
    returned = [node.value for node in nodes if isinstance(node, ast.Return) and node.value is not None]
    harmless = all(isinstance(one, (ast.Constant, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Dict)) for one in returned)
    return "sync" if harmless and not any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes) else ""


# --------------------------------------------------------------------------------------------------------------------
# What an annotation says
# --------------------------------------------------------------------------------------------------------------------

INSIDE = (AsyncIterator, AsyncGenerator, Iterator, Generator, Awaitable, contextlib.AbstractAsyncContextManager,
          contextlib.AbstractContextManager)  # fmt: skip


def results(row: Row, inside: bool = False) -> list[type]:
    """The classes that a return annotation names, None left out where it is not all; none if one is unknown.

    With `inside`, those of what awaiting or entering the annotated class gives.
    """
    if row.callee.kind == "attribute":
        function = getattr(inspect.getattr_static(resolve(row.owner), row.name, None), "fget", None)
    else:
        function = inspect.unwrap(function_of(row))
    if inspect.isclass(function):
        return classes(function, {}, "", inside)
    # Names that a module imports for type checkers alone are taken for the classes of the row.
    promised = {cls.__name__: cls for cls in map(resolve, filter(None, row.callee.returns.split("|")))}
    names = {**promised, **vars(typing), **getattr(function, "__globals__", {})}
    annotations = getattr(function, "__annotations__", {})
    return classes(annotations.get("return", ""), {**names, "self": annotations.get("self", "?")}, row.owner, inside)


def classes(annotation: Any, names: dict[str, Any], owner: str, inside: bool) -> list[type]:
    """The classes of an annotation."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, names)
        except Exception:  # a name that only type checkers import
            return []
    if annotation is None or annotation is type(None):
        return [type(None)]
    is_self = annotation in (getattr(typing, "Self", None), typing_extensions.Self, names.get("self"))
    if owner and (is_self or isinstance(annotation, typing.TypeVar) and annotation.__name__ == names.get("self")):
        return [resolve(owner)]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        every = [classes(one, names, owner, inside) for one in arguments]
        found = [cls for one in every for cls in one if cls is not type(None)]
        return found if all(every) else []
    cls = origin or annotation
    if not inspect.isclass(cls):
        return []
    if not inside:
        return [cls]
    if cls in INSIDE or cls is Coroutine:
        return classes(arguments[-1 if cls is Coroutine else 0], names, owner, False) if arguments else []
    enter = getattr(cls, "__aenter__", None) or getattr(cls, "__enter__", None)
    hints = getattr(enter, "__annotations__", {})
    return classes(hints.get("return", ""), {**vars(typing), **getattr(enter, "__globals__", {}), "self": hints.get("self")},
                   f"{cls.__module__}.{cls.__qualname__}", False)  # fmt: skip


def annotated(row: Row) -> str:
    """The kind of the classes that a plain function is annotated with; none for what may be anything that is awaited."""
    if hasattr(function_of(row), "__wrapped__"):
        return ""
    found = results(row)
    if any(issubclass(cls, (Awaitable, AsyncIterator)) and not hasattr(cls, "__aenter__") for cls in found):
        return ""
    kinds = set(map(protocol, found))
    return kinds.pop() if len(kinds) == 1 else ""


# --------------------------------------------------------------------------------------------------------------------
# What a real call says
# --------------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def living(name: str) -> Any:
    """A live object of a class."""
    opening = INSTANCES[name]()
    if isinstance(opening, contextlib.AbstractAsyncContextManager):
        async with opening as entered:
            yield opening if entered is None else entered
    else:
        yield opening


@contextlib.asynccontextmanager
async def called(row: Row) -> Any:
    """What a real call of a row's function gives."""
    is_class_method = row.owner and inspect.ismethod(getattr(resolve(row.owner), row.name, None))
    async with living(row.owner) if row.owner in INSTANCES and not is_class_method else contextlib.nullcontext() as owner:
        function = getattr(owner, row.name) if owner is not None else function_of(row)
        if row.callee.kind == "attribute":
            yield function
        else:
            yield SAMPLES[row.dotted](function) if row.dotted in SAMPLES else function(*arguments(function))


def arguments(function: Any) -> list[Any]:
    """Something for each required parameter."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [ARGUMENTS.get(parameter.name, lambda: "1")() for parameter in parameters
            if parameter.kind <= parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty]  # fmt: skip


def lived(row: Row) -> str:
    """The kind that a real call shows."""

    async def look() -> str:
        async with called(row) as result:
            return kind_of(result)

    return in_loop(row.dotted, look)


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


def given(row: Row) -> Any:
    """The object that comes out when a result is awaited or entered, as its kind asks."""

    async def look() -> Any:
        async with called(row) as result:
            if isinstance(result, promised(row)) or row.callee.kind in ("sync", "attribute"):
                return result
            if not row.callee.kind.endswith("context"):
                return await result
            if hasattr(result, "__aenter__"):
                async with result as value:
                    return value
            with result as value:
                return value

    return in_loop(row.dotted, look)


def in_loop(dotted: str, look: Callable[[], Any]) -> Any:
    return anyio.run(look, backend="trio" if dotted.startswith("trio.") else "asyncio")


# --------------------------------------------------------------------------------------------------------------------
# Tests of functions and methods
# --------------------------------------------------------------------------------------------------------------------


def observations(row: Row) -> Iterator[tuple[str, str]]:
    """What the probes see; a real call only where they see nothing or a sample stands ready."""
    seen = [(probe.__name__, found) for probe in (declared, annotated, returning_none) if (found := probe(row))]
    yield from seen[:1] if seen[:1] and seen[0][0] == "declared" else seen
    if row.dotted in SAMPLES or not seen:
        yield "lived", lived(row)


PLAIN = ("sync", "context", "async context", "either context", "awaitable context")
NOT_STARTED = ("asyncio.current_task", "asyncio.AbstractEventLoop.create_future")  # may be awaited, need not be


@each(ROWS, "row")
def test_kind(row: Row) -> None:
    """A function or method is of the kind that the table says, by everything that can be seen of it."""
    if row.absent:
        with pytest.raises(AttributeError):
            resolve(row.dotted)
        return
    kind, returns, is_plain, _ = row.callee
    seen = dict(observations(row))
    for found in seen.values():
        # An object of a known class is a plain value, whatever may be done with it: test_result looks at it.
        assert found == kind or kind == "sync" and returns and (found in PLAIN or row.dotted in NOT_STARTED), seen
    if kind == "coroutine":
        assert is_plain == (seen.get("declared") != "coroutine")


def promised(row: Row) -> tuple[type, ...]:
    return tuple(map(resolve, row.callee.returns.split("|")))


# Results that would need a service: how the source shows them.
IN_SOURCE: dict[str, Callable[[], Any]] = {
    "asyncpg.connect": lambda: inspect.signature(resolve("asyncpg.connect")).parameters["connection_class"].default,
    # The pool hands out a proxy that its metaclass gives every method of Connection.
    "asyncpg.Pool.acquire": lambda: resolve("asyncpg.Connection") if not public(resolve("asyncpg.Connection")) - public(
        resolve("asyncpg.pool.PoolConnectionProxy")) else object,
}  # fmt: skip


def public(cls: type) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def returns_itself(row: Row) -> bool:
    """Whether the source of an entering method says `return self`."""
    return row.name in ("__enter__", "__aenter__") and inspect.isfunction(function_of(row)) and any(
        isinstance(node, ast.Return) and ast.unparse(node) == "return self" for node in ast.walk(tree_of(function_of(row)))
    )  # fmt: skip


@each([row for row in ROWS + ENTERING + ATTRIBUTES if row.callee.returns], "row")
def test_result(row: Row) -> None:
    """What comes out is of the class that the table names: by annotation, else by a real call."""
    if row.absent:
        pytest.skip(f"since Python {row.absent}: test_kind shows that this one does not have it")
    for name in row.callee.returns.split("|"):
        assert knowledge.canonical(name) == name
        assert knowledge.known_class(name) or name.startswith("concurrent."), "a class that has no row says nothing"
    if row.dotted in IN_SOURCE:
        assert IN_SOURCE[row.dotted]() is promised(row)[0]
    elif returns_itself(row):
        assert row.owner == row.callee.returns
    elif set(results(row, inside=row.callee.kind.endswith("context"))) != set(promised(row)):
        assert isinstance(given(row), promised(row))


# --------------------------------------------------------------------------------------------------------------------
# Tests of classes and names
# --------------------------------------------------------------------------------------------------------------------

# Columns that are true of the newest version only, where saying so keeps rules silent.
NEWEST = {("websockets.asyncio.server.Server", "awaitable"): "websockets 17"}


def absent(known: knowledge.Class) -> str:
    return Row(known.name, "", Callee("class")).absent


def proven(known: knowledge.Class, column: str, fact: object) -> bool:
    return getattr(known, column) == fact or (known.name, column) in NEWEST


@each(CLASSES, "known")
def test_class(known: knowledge.Class) -> None:
    """Objects of a class are entered, iterated and awaited as its row says."""
    if absent(known):
        with pytest.raises(AttributeError):
            resolve(known.name)
        return
    assert known.methods or known.attributes or known.enters, "a row that says nothing"
    cls = resolve(known.name)
    enters = {"either context": "both", "async context": "async", "awaitable context": "async", "context": "sync", "sync": ""}
    assert proven(known, "enters", enters[protocol(cls)])
    assert proven(known, "awaitable", hasattr(cls, "__await__"))
    assert proven(known, "iterates", hasattr(cls, "__aiter__") and not hasattr(cls, "__iter__"))


def calls(cls: type, name: str, depth: int = 3) -> set[str]:
    """A method's name and those of the methods that it calls, directly or through other methods of the class."""
    function = inspect.unwrap(getattr(cls, name, None))
    if not inspect.isfunction(function) or not depth:
        return {name}
    called = {node.func.attr for node in ast.walk(tree_of(function)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    return {name}.union(*(calls(cls, one, depth - 1) for one in called))


# What changes when an object is closed that no `with` statement closes.
CLOSED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(["httpx.AsyncClient", "httpx2.AsyncClient"], lambda client: client.is_closed),
    "asyncio.StreamWriter": lambda writer: writer.is_closing(),
    "aiohttp.web.AppRunner": lambda runner: runner.server,
    "sqlalchemy.ext.asyncio.AsyncEngine": lambda engine: engine.pool,
    "motor.motor_asyncio.AsyncIOMotorClient": lambda client: client.delegate._closed,
    "aiokafka.admin.AIOKafkaAdminClient": lambda admin: admin._closed,
    "asyncpg.Connection": lambda connection: len(connection._termination_listeners),  # called at the end
    "playwright.async_api.Playwright": lambda driver: driver._impl_obj._connection._closed_error,
    "playwright.async_api.APIRequestContext": lambda requests: len(requests._impl_obj._objects),
}


@each([(known, closer) for known in CLASSES for closer in known.closers], ("known", "closer"))
def test_closer(known: knowledge.Class, closer: str) -> None:
    """A closing method calls, or is called by, what leaves the `with` statement; or the object is closed after it."""
    if absent(known):
        pytest.skip(f"since Python {known.since}: test_class shows that this one does not have it")
    assert closer in known.methods
    assert not known.opens or known.opens in known.methods
    if known.name not in CLOSED:
        cls = resolve(known.name)
        leaving = calls(cls, "__aexit__" if known.enters in ("async", "both") else "__exit__")
        assert closer in leaving or calls(cls, closer) & leaving & set(known.closers), leaving
        return

    async def close() -> None:
        async with living(known.name) as opened:
            before = CLOSED[known.name](opened)
            result = getattr(opened, closer)()
            if inspect.isawaitable(result):
                await result
            assert CLOSED[known.name](opened) != before

    asyncio.run(close())


TIED = (asyncio.AbstractEventLoop, asyncio.Future, asyncio.BaseTransport, resolve("trio.lowlevel.Task"))
TIED_LATER = (asyncio.Lock, asyncio.Event, asyncio.Condition, asyncio.Queue)  # by the first wait


def holds_loop(thing: Any) -> bool:
    """Whether an object holds, through whatever it holds, a loop, what a loop runs, or a primitive that a loop will tie."""
    found, seen = [thing], {id(thing)}
    for one in found:
        if isinstance(one, TIED) or isinstance(one, TIED_LATER) and one is not thing:
            return True
        for held in gc.get_referents(one):
            if id(held) not in seen and len(found) < 5000 and not isinstance(held, (type, types.ModuleType, types.FunctionType)):
                seen.add(id(held))
                found.append(held)
    return False


@each([known for known in CLASSES if known.loop_bound], "known")
def test_loop_bound(known: knowledge.Class) -> None:
    """Once it is in use (two tasks wait for a primitive), an object holds the loop."""
    if absent(known):
        pytest.skip(f"since Python {known.since}: test_class shows that this one does not have it")
    waiting = next((name for name in ("acquire", "wait", "get", "receive", "send") if name in known.methods), "")

    async def look() -> bool:
        async with living(known.name) as opened, anyio.create_task_group() as group:
            if not holds_loop(opened):
                for _ in range(2 if waiting else 0):
                    group.start_soon(wait, getattr(opened, waiting))
                await anyio.sleep(0.01)
            tied = holds_loop(opened)
            group.cancel_scope.cancel()
        return tied

    assert in_loop(known.name, look)


async def wait(method: Any) -> None:
    await method(*arguments(method))


@pytest.mark.parametrize(("alias", "name"), ALIASES)
def test_alias(alias: str, name: str) -> None:
    """Another spelling leads to the same class; a module's other spelling to at least one of its functions."""
    known = knowledge.known_class(name)
    if known is not None:
        assert knowledge.canonical(alias) == name
        assert absent(known) or resolve(alias) is resolve(name)
        return
    if alias == "asyncio.timeouts" and sys.version_info < (3, 11):
        pytest.skip("since Python 3.11: the functions of it are not there, as test_kind shows")
    functions = [row for row in ROWS if not row.owner and row.name.rpartition(".")[0] == name and not row.absent]
    found = [(row, getattr(resolve(alias), row.name.rpartition(".")[2], None)) for row in functions]
    same = [row for row, there in found if there is not None]
    assert same, "no function of it"
    assert all(there is None or there is resolve(row.name) for row, there in found)


# --------------------------------------------------------------------------------------------------------------------
# Tests of the tests above
# --------------------------------------------------------------------------------------------------------------------


def wrong(name: str, **columns: Any) -> knowledge.Class:
    """A class whose row says something else than the table."""
    return knowledge.known_class(name)._replace(**columns)


WRONG: dict[str, Callable[[], None]] = {
    "kind, by the definition": lambda: test_kind(Row("asyncio.Lock", "acquire", Callee("sync"))),
    "kind, by the annotation": lambda: test_kind(Row("httpx.AsyncClient", "build_request", Callee("coroutine"))),
    "kind, by the source": lambda: test_kind(Row("asyncio.Event", "set", Callee("coroutine"))),
    "kind, by a call": lambda: test_kind(Row("asyncio.Queue", "get_nowait", Callee("coroutine"))),
    "kind, task": lambda: test_kind(Row("", "asyncio.gather", Callee("sync", "asyncio.Future"))),
    "plain, missing": lambda: test_kind(Row("redis.asyncio.Redis", "get", Callee("coroutine"))),
    "plain, too much": lambda: test_kind(Row("asyncio.Lock", "acquire", Callee("coroutine", plain=True))),
    "since": lambda: test_kind(Row("asyncio.Lock", "acquire", Callee("coroutine", since="3.99"))),
    "unknown name": lambda: test_kind(Row("asyncio.Lock", "acquired", Callee("coroutine"))),
    "returns, by the annotation": lambda: test_result(Row("httpx.AsyncClient", "get", Callee("coroutine", "httpx.Request"))),
    "returns, by a call": lambda: test_result(Row("", "asyncio.start_server", Callee("coroutine", "asyncio.Task"))),
    "gives": lambda: test_result(Row("aiohttp.ClientSession", "__aenter__", Callee("coroutine", "aiohttp.ClientResponse"))),
    "attribute": lambda: test_result(Row("asyncio.subprocess.Process", "stdin", Callee("attribute", "asyncio.StreamReader"))),
    "enters": lambda: test_class(wrong("asyncio.Lock", enters="both")),
    "iterates": lambda: test_class(wrong("asyncio.StreamReader", iterates=False)),
    "awaitable": lambda: test_class(wrong("asyncio.Lock", awaitable=True)),
    "closer, of `with`": lambda: test_closer(wrong("aiohttp.ClientSession", closers=("detach",)), "detach"),
    "closer, by a call": lambda: test_closer(wrong("asyncio.StreamWriter", closers=("drain",)), "drain"),
    "loop-bound": lambda: test_loop_bound(wrong("httpx.Response", loop_bound=True)),
    "alias": lambda: test_alias("asyncio.locks.Event", "asyncio.Lock"),
}


@pytest.mark.parametrize("column", WRONG)
def test_wrong_row_fails(column: str) -> None:
    """A wrong row fails in every column, however it is shown."""
    with pytest.raises((AssertionError, AttributeError, pytest.fail.Exception)):
        WRONG[column]()
