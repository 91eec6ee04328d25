"""What the names of known libraries are: tables, and look-ups in them.

Every column of every row is verified against the real library by tests/test_knowledge.py; a name that is not certain in
all supported versions is left out, because what is not known is never reported. The tables are text, one per library, and are split
when the first name of that library is looked up, so that importing this module costs next to nothing.

How to read a table. A name that starts with a dot belongs to the table's own library. `module .x aka=.y` starts the
functions of a module, `class .X aka=.x.Y ...` the members of a class, `base=.Z` takes over those of another class.
Lines of members are `kind: name name>returns name@3.11`: `>` gives the class of the result (after `await`, after
entering), `@` the Python version since which the standard library has the name. An indented line continues the one
above. `plain coroutine` is a plain function that gives a coroutine: mocks do not take it for a coroutine function.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import Iterator, Mapping, NamedTuple


class Callee(NamedTuple):
    """What calling a function or method gives.

    kind: "coroutine" (must be awaited), "sync" (a value at once), "task" (work that has started), "async generator"
    (for `async for`), "context" (only for `with`), "async context" (only for `async with`), "either context" (both),
    "awaitable context" (awaited, or entered by `async with`), or "class".
    """

    kind: str
    returns: str = ""  # canonical class of the value, after await or entering; "" unknown; "a.X|a.Y" one of several
    plain: bool = False  # a coroutine from a plain `def`: AsyncMock(spec=...) and patch() make a MagicMock of it
    since: str = ""  # first Python version that has the name; "" all supported ones


class Class(NamedTuple):
    """How instances of a library class behave."""

    name: str  # canonical
    methods: dict[str, Callee]
    attributes: dict[str, str]  # name -> canonical class of the object there
    close: str = ""  # the method that releases it, where releasing is owed; "" where nothing is
    closers: tuple[str, ...] = ()  # every method that releases it, `close` included
    opens: str = ""  # the call after which closing is owed; "" when construction suffices
    loop_bound: bool = False  # breaks on another loop than the one it was made or first used on
    enters: str = ""  # "async", "sync", "both" or "": the `with` statements that take it
    gives: str = ""  # canonical class of what entering it binds; "" unknown or nothing useful
    iterates: bool = False  # for `async for` only
    awaitable: bool = False  # awaiting the object itself is right
    since: str = ""

    def named(self, *kinds: str) -> frozenset[str]:
        """The names of the methods of these kinds."""
        return frozenset(name for name, callee in self.methods.items() if callee.kind in kinds)

    @property
    def coroutines(self) -> frozenset[str]:
        return self.named("coroutine")

    @property
    def sync(self) -> frozenset[str]:
        return self.named("sync")

    @property
    def contexts(self) -> frozenset[str]:
        return self.named("async context", "awaitable context", "context", "either context")

    @property
    def generators(self) -> frozenset[str]:
        return self.named("async generator")


TABLES: dict[str, str] = {}
SHARED = {"fastapi": "starlette"}  # libraries whose names stand in another one's table

TABLES["asyncio"] = """
module .  aka=.tasks,.timeouts,.streams,.runners,.events,.subprocess
coroutine: sleep wait wait_for to_thread open_connection open_unix_connection start_server>.Server
    start_unix_server>.Server create_subprocess_exec>.subprocess.Process create_subprocess_shell>.subprocess.Process
task: create_task>.Task ensure_future>.Future gather>.Future shield>.Future
sync: run current_task>.Task all_tasks run_coroutine_threadsafe get_event_loop>.AbstractEventLoop as_completed
    get_running_loop>.AbstractEventLoop new_event_loop>.AbstractEventLoop set_event_loop iscoroutine isfuture
async context: timeout>.Timeout@3.11 timeout_at>.Timeout@3.11

class .Lock  aka=.locks.Lock enters=async gives= loop-bound
coroutine: acquire
sync: locked release
class .Event  aka=.locks.Event loop-bound
coroutine: wait
sync: set clear is_set
class .Condition  aka=.locks.Condition enters=async gives= loop-bound
coroutine: acquire wait wait_for
sync: locked release notify notify_all
class .Semaphore  aka=.locks.Semaphore enters=async gives= loop-bound
coroutine: acquire
sync: locked release
class .BoundedSemaphore  base=.Semaphore aka=.locks.BoundedSemaphore
class .Barrier  aka=.locks.Barrier enters=async gives= loop-bound since=3.11
coroutine: wait reset abort
class .Queue  aka=.queues.Queue loop-bound
coroutine: put get join
sync: put_nowait get_nowait qsize empty full task_done shutdown@3.13
class .PriorityQueue  base=.Queue aka=.queues.PriorityQueue
class .LifoQueue  base=.Queue aka=.queues.LifoQueue
class .Future  aka=.futures.Future loop-bound awaitable
sync: result exception done cancelled cancel add_done_callback remove_done_callback get_loop>.AbstractEventLoop
    set_result set_exception
class .Task  aka=.tasks.Task loop-bound awaitable
sync: result exception done cancelled cancel add_done_callback remove_done_callback get_loop>.AbstractEventLoop
    get_name set_name get_coro get_stack print_stack uncancel@3.11 cancelling@3.11 get_context@3.12
class .TaskGroup  aka=.taskgroups.TaskGroup enters=async since=3.11
task: create_task>.Task
class .Timeout  aka=.timeouts.Timeout enters=async since=3.11
sync: when reschedule expired
class .Runner  aka=.runners.Runner enters=sync close=close since=3.11
sync: run close get_loop>.AbstractEventLoop
class .AbstractServer  aka=.events.AbstractServer enters=async close=close loop-bound
coroutine: start_serving serve_forever wait_closed
sync: close get_loop>.AbstractEventLoop is_serving
class .Server  base=.AbstractServer aka=.base_events.Server gives=.Server
sync: close_clients@3.13 abort_clients@3.13
class .StreamReader  aka=.streams.StreamReader loop-bound iterates
coroutine: read readline readexactly readuntil
sync: at_eof feed_data feed_eof exception set_exception
class .StreamWriter  aka=.streams.StreamWriter close=close loop-bound
coroutine: drain wait_closed start_tls@3.11
sync: write writelines close is_closing write_eof can_write_eof get_extra_info
class .subprocess.Process  loop-bound
coroutine: wait communicate
sync: send_signal terminate kill
attribute: stdin>.StreamWriter stdout>.StreamReader stderr>.StreamReader
class .AbstractEventLoop  aka=.events.AbstractEventLoop
coroutine: create_server>.Server create_unix_server>.Server create_connection create_unix_connection
    create_datagram_endpoint getaddrinfo getnameinfo shutdown_asyncgens shutdown_default_executor sock_recv
    sock_recv_into sock_sendall sock_connect sock_accept sock_sendfile sendfile start_tls connect_read_pipe
    connect_write_pipe subprocess_exec subprocess_shell connect_accepted_socket
task: create_task>.Task run_in_executor>.Future
sync: run_until_complete run_forever stop close is_running is_closed call_soon call_later call_at
    call_soon_threadsafe time create_future>.Future add_signal_handler remove_signal_handler set_debug get_debug
    set_exception_handler set_task_factory set_default_executor call_exception_handler default_exception_handler
    get_exception_handler get_task_factory add_reader remove_reader add_writer remove_writer
"""

TABLES["uvloop"] = """
module .
sync: new_event_loop>asyncio.AbstractEventLoop run
"""

TABLES["contextlib"] = """
module .
context: suppress closing redirect_stdout redirect_stderr chdir@3.11
async context: aclosing
either context: nullcontext
class .ExitStack  enters=sync
sync: enter_context push callback pop_all>.ExitStack close
class .AsyncExitStack  enters=async
coroutine: enter_async_context aclose
sync: enter_context push push_async_exit callback push_async_callback pop_all>.AsyncExitStack
"""

TABLES["builtins"] = """
module .
context: open
"""

TABLES["tempfile"] = """
module .
context: TemporaryDirectory NamedTemporaryFile TemporaryFile SpooledTemporaryFile
"""

TABLES["threading"] = """
module .
context: Lock RLock Condition Semaphore BoundedSemaphore
"""

TABLES["concurrent"] = """
module .futures
context: ThreadPoolExecutor>.futures.ThreadPoolExecutor ProcessPoolExecutor>.futures.ProcessPoolExecutor
"""

TABLES["warnings"] = """
module .
context: catch_warnings
"""

TABLES["time"] = """
module .
sync: sleep monotonic perf_counter time
"""

TABLES["unittest"] = """
module .mock
context: patch patch.object patch.dict patch.multiple
"""

TABLES["pytest"] = """
module .
context: raises warns deprecated_call
class .MonkeyPatch
sync: setattr delattr setitem delitem setenv delenv syspath_prepend chdir undo
context: context
"""

TABLES["anyio"] = """
module .
coroutine: sleep sleep_forever sleep_until connect_tcp connect_unix create_tcp_listener create_unix_listener
    create_udp_socket create_connected_udp_socket open_file>.AsyncFile open_process>.abc.Process run_process getaddrinfo
    wait_all_tasks_blocked aclose_forcefully to_thread.run_sync to_process.run_sync lowlevel.checkpoint
    lowlevel.checkpoint_if_cancelled lowlevel.cancel_shielded_checkpoint
plain coroutine: getnameinfo
async context: create_task_group>.abc.TaskGroup
context: move_on_after>.CancelScope fail_after>.CancelScope open_signal_receiver from_thread.start_blocking_portal
sync: run current_time current_effective_deadline create_memory_object_stream get_cancelled_exc_class get_current_task
    get_running_tasks from_thread.run from_thread.run_sync to_thread.current_default_thread_limiter>.CapacityLimiter
class .Lock  enters=async gives=
coroutine: acquire
sync: acquire_nowait locked release statistics
class .Event
coroutine: wait
sync: set is_set statistics
class .Condition  enters=async gives=
coroutine: acquire wait
sync: acquire_nowait locked release notify notify_all statistics
class .Semaphore  enters=async
coroutine: acquire
sync: acquire_nowait release statistics
class .CapacityLimiter  enters=async gives=
coroutine: acquire acquire_on_behalf_of
sync: acquire_nowait acquire_on_behalf_of_nowait release release_on_behalf_of statistics
class .abc.TaskGroup  enters=async
coroutine: start
task: start_soon
class .CancelScope  enters=sync
sync: cancel
class .AsyncFile  enters=async iterates
coroutine: aclose read read1 readinto readline readlines write writelines seek tell truncate flush
class .abc.Process  enters=async
coroutine: wait aclose
sync: terminate kill send_signal
class .streams.memory.MemoryObjectSendStream enters=both
coroutine: send aclose
sync: send_nowait close clone>.streams.memory.MemoryObjectSendStream statistics
class .streams.memory.MemoryObjectReceiveStream  enters=both loop-bound iterates
coroutine: receive aclose
sync: receive_nowait close clone>.streams.memory.MemoryObjectReceiveStream statistics
class .Path
coroutine: exists is_dir is_file is_symlink mkdir open>.AsyncFile read_bytes read_text rename replace resolve rmdir stat
    touch unlink write_bytes write_text absolute chmod expanduser
sync: as_posix as_uri is_absolute joinpath>.Path match relative_to>.Path with_name>.Path with_suffix>.Path
async generator: iterdir
"""

TABLES["trio"] = """
module .
coroutine: sleep sleep_forever sleep_until open_tcp_stream open_tcp_listeners serve_tcp serve_listeners open_unix_socket
    run_process aclose_forcefully to_thread.run_sync lowlevel.checkpoint testing.wait_all_tasks_blocked open_file
async context: open_nursery>.Nursery
context: move_on_after>.CancelScope move_on_at>.CancelScope fail_after>.CancelScope fail_at>.CancelScope
    open_signal_receiver
sync: run current_time current_effective_deadline open_memory_channel from_thread.run from_thread.run_sync
class .Nursery
coroutine: start
sync: start_soon
class .CancelScope  enters=sync
sync: cancel
class .Lock  enters=async gives= loop-bound
coroutine: acquire
sync: acquire_nowait locked release statistics
class .Semaphore  enters=async gives= loop-bound
coroutine: acquire
sync: acquire_nowait release statistics
class .CapacityLimiter  enters=async gives= loop-bound
coroutine: acquire acquire_on_behalf_of
sync: acquire_nowait release statistics
class .Condition  enters=async gives= loop-bound
coroutine: acquire wait
sync: acquire_nowait locked release notify notify_all statistics
class .Event  loop-bound
coroutine: wait
sync: set is_set statistics
class .MemorySendChannel  enters=both loop-bound
coroutine: send aclose
sync: send_nowait close clone>.MemorySendChannel statistics
class .MemoryReceiveChannel  enters=both loop-bound iterates
coroutine: receive aclose
sync: receive_nowait close clone>.MemoryReceiveChannel statistics
"""

TABLES["httpx"] = """
module .
sync: get>.Response post>.Response put>.Response patch>.Response delete>.Response head>.Response options>.Response
    request>.Response
context: stream>.Response
class .AsyncClient  enters=async close=aclose loop-bound
coroutine: get>.Response post>.Response put>.Response patch>.Response delete>.Response head>.Response options>.Response
    request>.Response send>.Response aclose
sync: build_request>.Request
async context: stream>.Response
class .Client  enters=sync
sync: get>.Response post>.Response put>.Response patch>.Response delete>.Response head>.Response options>.Response
    request>.Response send>.Response build_request>.Request close
context: stream>.Response
class .Request
coroutine: aread
sync: read
class .Response
coroutine: aread aclose
sync: json raise_for_status>.Response read close iter_bytes iter_lines iter_raw iter_text
async generator: aiter_bytes aiter_lines aiter_raw aiter_text
class .ASGITransport  enters=async
coroutine: handle_async_request aclose
"""

TABLES["httpx2"] = TABLES["httpx"].replace("coroutine: get>", "coroutine: query>.Response get>")

TABLES["aiohttp"] = """
module .
async context: request>.ClientResponse
class .ClientSession  aka=.client.ClientSession enters=async close=close loop-bound
coroutine: close
sync: detach
awaitable context: get>.ClientResponse post>.ClientResponse put>.ClientResponse patch>.ClientResponse
    delete>.ClientResponse head>.ClientResponse options>.ClientResponse request>.ClientResponse
    ws_connect>.ClientWebSocketResponse
class .ClientResponse  aka=.client.ClientResponse,.client_reqrep.ClientResponse enters=async
coroutine: json read text
sync: raise_for_status close get_encoding
class .ClientWebSocketResponse  aka=.client_ws.ClientWebSocketResponse enters=async iterates
coroutine: close ping pong receive receive_bytes receive_json receive_str send_bytes send_json send_str
sync: exception get_extra_info
class .test_utils.TestClient  enters=async close=close opens=start_server loop-bound
coroutine: close start_server
sync: make_url
awaitable context: get>.ClientResponse post>.ClientResponse put>.ClientResponse patch>.ClientResponse
    delete>.ClientResponse head>.ClientResponse options>.ClientResponse request>.ClientResponse
    ws_connect>.ClientWebSocketResponse
attribute: session>.ClientSession
class .test_utils.TestServer  enters=async close=close opens=start_server loop-bound
coroutine: close start_server
sync: make_url
class .web.AppRunner  aka=.web_runner.AppRunner close=cleanup opens=setup loop-bound
coroutine: setup cleanup
class .web.TCPSite  aka=.web_runner.TCPSite loop-bound
coroutine: start stop
class .web.Request  aka=.web_request.Request
coroutine: json text read post multipart release
class .web.WebSocketResponse  aka=.web_ws.WebSocketResponse
coroutine: prepare close ping pong receive receive_bytes receive_json receive_str send_bytes send_json send_str
sync: can_prepare exception
"""

TABLES["starlette"] = """
class .testclient.TestClient  aka=fastapi.testclient.TestClient enters=sync
sync: get post put patch delete head options request close
context: websocket_connect>.testclient.WebSocketTestSession
class .testclient.WebSocketTestSession  enters=sync
sync: send send_text send_json send_bytes receive receive_text receive_json receive_bytes close
class .requests.Request  aka=fastapi.Request,fastapi.requests.Request
coroutine: body json is_disconnected close
sync: url_for
awaitable context: form
async generator: stream
class .websockets.WebSocket  aka=fastapi.WebSocket,fastapi.websockets.WebSocket
coroutine: accept close receive receive_bytes receive_json receive_text send send_bytes send_json send_text
sync: url_for
async generator: iter_bytes iter_json iter_text
class fastapi.UploadFile  aka=fastapi.datastructures.UploadFile
coroutine: read write seek close
"""

TABLES["sqlalchemy"] = """
module .ext.asyncio  aka=.ext.asyncio.engine
sync: create_async_engine>.ext.asyncio.AsyncEngine async_engine_from_config>.ext.asyncio.AsyncEngine
class .ext.asyncio.AsyncEngine  aka=.ext.asyncio.engine.AsyncEngine close=dispose loop-bound
coroutine: dispose raw_connection
sync: execution_options>.ext.asyncio.AsyncEngine get_execution_options update_execution_options clear_compiled_cache
async context: begin>.ext.asyncio.AsyncConnection
awaitable context: connect>.ext.asyncio.AsyncConnection
class .ext.asyncio.AsyncConnection  aka=.ext.asyncio.engine.AsyncConnection
    enters=async close=close also=aclose loop-bound awaitable
coroutine: close aclose commit rollback execute>.engine.CursorResult exec_driver_sql>.engine.CursorResult scalar
    scalars>.engine.ScalarResult run_sync invalidate get_raw_connection start>.ext.asyncio.AsyncConnection
    execution_options>.ext.asyncio.AsyncConnection
sync: in_transaction in_nested_transaction get_transaction>.ext.asyncio.AsyncTransaction
    get_nested_transaction>.ext.asyncio.AsyncTransaction
awaitable context: begin>.ext.asyncio.AsyncTransaction begin_nested>.ext.asyncio.AsyncTransaction
    stream>.ext.asyncio.AsyncResult stream_scalars>.ext.asyncio.AsyncScalarResult
class .ext.asyncio.AsyncTransaction  aka=.ext.asyncio.engine.AsyncTransaction enters=async awaitable
coroutine: commit rollback close start>.ext.asyncio.AsyncTransaction
class .ext.asyncio.AsyncSession  aka=.ext.asyncio.session.AsyncSession enters=async close=close also=aclose loop-bound
coroutine: close aclose commit rollback execute>.engine.Result scalar scalars>.engine.ScalarResult get get_one refresh
    delete merge flush reset stream>.ext.asyncio.AsyncResult stream_scalars>.ext.asyncio.AsyncScalarResult run_sync invalidate close_all
    connection>.ext.asyncio.AsyncConnection
sync: add add_all expunge expunge_all expire expire_all get_bind in_transaction in_nested_transaction is_modified
    get_transaction>.ext.asyncio.AsyncSessionTransaction get_nested_transaction>.ext.asyncio.AsyncSessionTransaction
awaitable context: begin>.ext.asyncio.AsyncSessionTransaction begin_nested>.ext.asyncio.AsyncSessionTransaction
class .ext.asyncio.AsyncSessionTransaction  aka=.ext.asyncio.session.AsyncSessionTransaction enters=async awaitable
coroutine: commit rollback start>.ext.asyncio.AsyncSessionTransaction
class .ext.asyncio.async_sessionmaker  aka=.ext.asyncio.session.async_sessionmaker
sync: __call__>.ext.asyncio.AsyncSession configure
async context: begin>.ext.asyncio.AsyncSession
class .ext.asyncio.async_scoped_session  aka=.ext.asyncio.scoping.async_scoped_session
coroutine: close aclose commit rollback execute>.engine.Result scalar scalars>.engine.ScalarResult get refresh delete
    merge flush remove get_one reset invalidate connection>.ext.asyncio.AsyncConnection
    stream>.ext.asyncio.AsyncResult stream_scalars>.ext.asyncio.AsyncScalarResult
sync: __call__>.ext.asyncio.AsyncSession add add_all expunge expunge_all expire expire_all is_modified configure
class .engine.Result  aka=.Result,.engine.result.Result enters=sync
sync: all first one one_or_none scalar scalar_one scalar_one_or_none fetchall fetchone fetchmany
    scalars>.engine.ScalarResult mappings>.engine.MappingResult unique>.engine.Result partitions keys freeze close
    columns>.engine.Result tuples>.engine.Result yield_per>.engine.Result
class .engine.CursorResult  base=.engine.Result aka=.CursorResult,.engine.cursor.CursorResult
sync: unique>.engine.CursorResult columns>.engine.CursorResult yield_per>.engine.CursorResult
class .engine.ScalarResult  aka=.ScalarResult,.engine.result.ScalarResult enters=sync
sync: all first one one_or_none fetchall fetchmany unique>.engine.ScalarResult partitions close
    yield_per>.engine.ScalarResult
class .engine.MappingResult  aka=.MappingResult,.engine.result.MappingResult enters=sync
sync: all first one one_or_none fetchall fetchone fetchmany unique>.engine.MappingResult partitions keys close
    columns>.engine.MappingResult yield_per>.engine.MappingResult
class .ext.asyncio.AsyncResult  aka=.ext.asyncio.result.AsyncResult iterates enters=sync
coroutine: all first one one_or_none scalar scalar_one scalar_one_or_none fetchall fetchone fetchmany freeze close
sync: scalars>.ext.asyncio.AsyncScalarResult mappings>.ext.asyncio.AsyncMappingResult unique>.ext.asyncio.AsyncResult
    columns>.ext.asyncio.AsyncResult keys
async generator: partitions
class .ext.asyncio.AsyncScalarResult  aka=.ext.asyncio.result.AsyncScalarResult iterates enters=sync
coroutine: all first one one_or_none fetchall fetchmany close
sync: unique>.ext.asyncio.AsyncScalarResult
async generator: partitions
class .ext.asyncio.AsyncMappingResult  aka=.ext.asyncio.result.AsyncMappingResult iterates enters=sync
coroutine: all first one one_or_none fetchall fetchone fetchmany close
sync: unique>.ext.asyncio.AsyncMappingResult columns>.ext.asyncio.AsyncMappingResult keys
async generator: partitions
"""

TABLES["redis"] = """
module .asyncio  aka=.asyncio.utils
sync: from_url>.asyncio.Redis
class .asyncio.Redis  aka=.asyncio.client.Redis,.asyncio.StrictRedis,.asyncio.client.StrictRedis
    enters=async close=aclose also=close loop-bound awaitable
coroutine: aclose close initialize execute_command transaction
plain coroutine: get set setex setnx mget mset delete exists expire ttl incr incrby decr decrby hget hset hgetall hmget
    hdel hexists hkeys hvals hlen hincrby lpush rpush lpop rpop lrange llen lrem ltrim lindex blpop brpop sadd srem
    smembers sismember scard spop zadd zrem zrange zscore zcard zrangebyscore zincrby zrank publish ping flushdb
    flushall keys scan dbsize type rename persist eval evalsha script_load info time xadd xread xreadgroup xack xlen
    xrange xgroup_create getdel getex append strlen unlink touch pexpire expireat pttl pfadd pfcount config_get
    config_set client_list
sync: from_url>.asyncio.Redis pubsub>.asyncio.client.PubSub pipeline>.asyncio.client.Pipeline lock>.asyncio.lock.Lock
    register_script client>.asyncio.Redis set_response_callback
async generator: scan_iter hscan_iter sscan_iter zscan_iter
class .asyncio.client.Pipeline  enters=async loop-bound awaitable
coroutine: execute watch unwatch reset discard
sync: multi
class .asyncio.client.PubSub  enters=async close=aclose also=close,reset loop-bound
coroutine: aclose close reset subscribe psubscribe get_message parse_response connect run
plain coroutine: unsubscribe punsubscribe ping
async generator: listen
class .asyncio.lock.Lock  enters=async loop-bound
coroutine: acquire release locked owned
plain coroutine: extend reacquire
class .asyncio.ConnectionPool  aka=.asyncio.connection.ConnectionPool enters=async close=aclose also=disconnect loop-bound
coroutine: aclose disconnect get_connection release
sync: from_url>.asyncio.ConnectionPool
"""

TABLES["aiokafka"] = """
class .AIOKafkaProducer  aka=.producer.AIOKafkaProducer,.producer.producer.AIOKafkaProducer
    enters=async close=stop loop-bound
coroutine: start stop send send_and_wait send_batch flush partitions_for begin_transaction commit_transaction
    abort_transaction send_offsets_to_transaction
sync: create_batch
async context: transaction
class .AIOKafkaConsumer  aka=.consumer.AIOKafkaConsumer,.consumer.consumer.AIOKafkaConsumer
    enters=async close=stop loop-bound iterates
coroutine: start stop getone getmany commit committed position beginning_offsets end_offsets offsets_for_times
    seek_to_beginning seek_to_end seek_to_committed topics
sync: subscribe unsubscribe assign assignment subscription seek pause resume paused partitions_for_topic highwater
    last_stable_offset last_poll_timestamp
class .admin.AIOKafkaAdminClient  aka=.admin.client.AIOKafkaAdminClient close=close opens=start loop-bound
coroutine: start close create_topics delete_topics list_topics describe_topics create_partitions describe_cluster
    list_consumer_groups describe_consumer_groups list_consumer_group_offsets
"""

TABLES["confluent_kafka"] = """
class .aio.AIOProducer  enters=async close=close loop-bound
coroutine: produce>asyncio.Future flush purge poll close list_topics init_transactions begin_transaction
    commit_transaction abort_transaction send_offsets_to_transaction set_sasl_credentials
class .aio.AIOConsumer  enters=async close=close
coroutine: poll consume close subscribe unsubscribe assign unassign incremental_assign incremental_unassign assignment
    commit committed position seek pause resume store_offsets list_topics get_watermark_offsets offsets_for_times
    consumer_group_metadata set_sasl_credentials
"""

TABLES["asyncpg"] = """
module .  aka=.connection,.pool
coroutine: connect>.Connection
awaitable context: create_pool>.Pool
class .Connection  aka=.connection.Connection close=close also=terminate loop-bound
coroutine: close execute executemany fetch fetchrow fetchval fetchmany prepare>.prepared_stmt.PreparedStatement add_listener
    remove_listener copy_from_query copy_from_table copy_records_to_table copy_to_table reset reload_schema_state
    set_type_codec set_builtin_type_codec reset_type_codec
sync: is_closed is_in_transaction terminate get_server_pid get_server_version get_settings add_log_listener
    remove_log_listener add_termination_listener remove_termination_listener transaction>.transaction.Transaction
class .Pool  aka=.pool.Pool enters=async close=close also=terminate loop-bound awaitable
coroutine: close execute executemany fetch fetchrow fetchval fetchmany release copy_from_query copy_from_table
    copy_records_to_table copy_to_table expire_connections
sync: terminate get_size get_min_size get_max_size get_idle_size
awaitable context: acquire>.Connection
class .transaction.Transaction  enters=async gives= loop-bound
plain coroutine: start commit rollback
class .prepared_stmt.PreparedStatement
plain coroutine: fetch fetchrow fetchval explain executemany
sync: get_name get_query get_statusmsg get_parameters get_attributes
"""

TABLES["aiosqlite"] = """
module .  aka=.core
awaitable context: connect>.Connection
class .Connection  aka=.core.Connection enters=async close=close awaitable
coroutine: close commit rollback create_function enable_load_extension interrupt load_extension set_progress_handler
    set_trace_callback backup
awaitable context: execute>.Cursor executemany>.Cursor executescript>.Cursor cursor>.Cursor execute_fetchall
    execute_insert
async generator: iterdump
class .Cursor  aka=.cursor.Cursor enters=async iterates
coroutine: close execute>.Cursor executemany>.Cursor executescript>.Cursor fetchone fetchmany fetchall
"""

TABLES["pymongo"] = """
class .AsyncMongoClient  aka=.asynchronous.mongo_client.AsyncMongoClient enters=async close=close also=aclose loop-bound
coroutine: close aclose aconnect drop_database list_database_names list_databases server_info watch bulk_write
sync: get_database>.asynchronous.database.AsyncDatabase get_default_database>.asynchronous.database.AsyncDatabase
    start_session>.asynchronous.client_session.AsyncClientSession
class .asynchronous.database.AsyncDatabase
coroutine: aggregate command create_collection drop_collection list_collection_names list_collections
    validate_collection watch
sync: get_collection>.asynchronous.collection.AsyncCollection with_options>.asynchronous.database.AsyncDatabase
attribute: client>.AsyncMongoClient
class .asynchronous.collection.AsyncCollection
coroutine: aggregate>.asynchronous.command_cursor.AsyncCommandCursor bulk_write count_documents create_index
    create_indexes delete_many delete_one distinct drop drop_index drop_indexes estimated_document_count find_one
    find_one_and_delete find_one_and_replace find_one_and_update index_information insert_many insert_one
    list_indexes>.asynchronous.command_cursor.AsyncCommandCursor rename replace_one update_many update_one watch
sync: find>.asynchronous.cursor.AsyncCursor with_options>.asynchronous.collection.AsyncCollection
attribute: database>.asynchronous.database.AsyncDatabase
class .asynchronous.cursor.AsyncCursor  enters=async iterates
coroutine: close next to_list distinct explain rewind
sync: batch_size>.asynchronous.cursor.AsyncCursor limit>.asynchronous.cursor.AsyncCursor
    skip>.asynchronous.cursor.AsyncCursor sort>.asynchronous.cursor.AsyncCursor clone>.asynchronous.cursor.AsyncCursor
class .asynchronous.command_cursor.AsyncCommandCursor  enters=async iterates
coroutine: close next to_list try_next
class .asynchronous.client_session.AsyncClientSession  enters=async
coroutine: abort_transaction commit_transaction end_session start_transaction with_transaction
"""

TABLES["motor"] = """
class .motor_asyncio.AsyncIOMotorClient  close=close loop-bound
sync: close
"""

TABLES["asgi_lifespan"] = """
class .LifespanManager  enters=async
"""

TABLES["async_timeout"] = """
module .
async context: timeout timeout_at
"""

TABLES["websockets"] = """
module .  aka=.asyncio.client,.asyncio.server
awaitable context: connect>.asyncio.client.ClientConnection serve>.asyncio.server.Server
    unix_connect>.asyncio.client.ClientConnection unix_serve>.asyncio.server.Server
class .asyncio.client.ClientConnection  aka=.ClientConnection enters=async close=close loop-bound iterates
coroutine: send recv close wait_closed ping pong
async generator: recv_streaming
class .asyncio.server.ServerConnection  aka=.ServerConnection enters=async loop-bound iterates
coroutine: send recv close wait_closed ping pong
sync: respond
async generator: recv_streaming
class .asyncio.server.Server  aka=.Server enters=async close=close loop-bound awaitable
coroutine: wait_closed start_serving serve_forever
sync: close is_serving get_loop>asyncio.AbstractEventLoop
"""

TABLES["playwright"] = """
module .async_api
async context: async_playwright>.async_api.Playwright
sync: expect>.async_api.LocatorAssertions|.async_api.PageAssertions|.async_api.APIResponseAssertions
class .async_api.Playwright  loop-bound close=stop
coroutine: stop
attribute: chromium>.async_api.BrowserType firefox>.async_api.BrowserType webkit>.async_api.BrowserType
class .async_api.BrowserType
coroutine: launch>.async_api.Browser launch_persistent_context>.async_api.BrowserContext connect>.async_api.Browser
    connect_over_cdp>.async_api.Browser
class .async_api.Browser  enters=async close=close loop-bound
coroutine: new_page>.async_api.Page new_context>.async_api.BrowserContext close
sync: is_connected
class .async_api.BrowserContext  enters=async close=close loop-bound
coroutine: new_page>.async_api.Page close cookies add_cookies clear_cookies grant_permissions clear_permissions
    storage_state route unroute unroute_all route_from_har new_cdp_session add_init_script set_offline
    set_geolocation set_extra_http_headers wait_for_event
    expose_function expose_binding
sync: set_default_timeout set_default_navigation_timeout
async context: expect_page expect_event
attribute: browser>.async_api.Browser request>.async_api.APIRequestContext
class .async_api.Frame
coroutine: goto>.async_api.Response click dblclick fill type press check uncheck hover focus tap content title
    evaluate evaluate_handle set_content wait_for_selector>.async_api.ElementHandle wait_for_timeout
    wait_for_load_state wait_for_url wait_for_function query_selector>.async_api.ElementHandle query_selector_all
    inner_text inner_html text_content input_value get_attribute is_visible is_hidden is_enabled is_disabled
    is_checked is_editable select_option set_checked set_input_files dispatch_event eval_on_selector
    eval_on_selector_all add_script_tag add_style_tag drag_and_drop
sync: locator>.async_api.Locator get_by_role>.async_api.Locator get_by_text>.async_api.Locator
    get_by_label>.async_api.Locator get_by_placeholder>.async_api.Locator get_by_test_id>.async_api.Locator
    get_by_alt_text>.async_api.Locator get_by_title>.async_api.Locator frame_locator>.async_api.FrameLocator
async context: expect_navigation
class .async_api.Page  base=.async_api.Frame enters=async close=close loop-bound
coroutine: close reload>.async_api.Response go_back>.async_api.Response go_forward>.async_api.Response screenshot pdf
    pause bring_to_front route unroute add_init_script set_viewport_size emulate_media set_extra_http_headers
    wait_for_event expose_function expose_binding opener unroute_all route_from_har route_web_socket
    add_locator_handler remove_locator_handler
sync: is_closed frame set_default_timeout set_default_navigation_timeout
async context: expect_response expect_request expect_request_finished expect_websocket expect_worker expect_popup
    expect_download expect_event expect_console_message
    expect_file_chooser
attribute: keyboard>.async_api.Keyboard mouse>.async_api.Mouse context>.async_api.BrowserContext
    main_frame>.async_api.Frame request>.async_api.APIRequestContext
class .async_api.Locator
coroutine: click dblclick fill type press press_sequentially check uncheck hover focus blur tap clear count all
    all_inner_texts all_text_contents inner_text inner_html text_content input_value get_attribute is_visible is_hidden
    is_enabled is_disabled is_checked is_editable select_option select_text set_checked set_input_files dispatch_event
    evaluate evaluate_all evaluate_handle wait_for screenshot scroll_into_view_if_needed bounding_box drag_to
    element_handle>.async_api.ElementHandle element_handles highlight aria_snapshot
sync: locator>.async_api.Locator filter>.async_api.Locator nth>.async_api.Locator and_>.async_api.Locator
    or_>.async_api.Locator get_by_role>.async_api.Locator get_by_text>.async_api.Locator
    get_by_label>.async_api.Locator get_by_placeholder>.async_api.Locator get_by_test_id>.async_api.Locator
    get_by_alt_text>.async_api.Locator get_by_title>.async_api.Locator frame_locator>.async_api.FrameLocator
attribute: first>.async_api.Locator last>.async_api.Locator page>.async_api.Page
class .async_api.FrameLocator
sync: locator>.async_api.Locator get_by_role>.async_api.Locator get_by_text>.async_api.Locator
    get_by_label>.async_api.Locator get_by_placeholder>.async_api.Locator get_by_test_id>.async_api.Locator
    get_by_alt_text>.async_api.Locator get_by_title>.async_api.Locator nth>.async_api.FrameLocator
    frame_locator>.async_api.FrameLocator
class .async_api.ElementHandle
coroutine: click fill type press check uncheck hover focus tap inner_text inner_html text_content input_value
    get_attribute is_visible is_hidden is_enabled is_disabled is_checked is_editable select_option set_input_files
    evaluate screenshot bounding_box query_selector>.async_api.ElementHandle query_selector_all wait_for_selector
    dblclick dispatch_event dispose evaluate_handle eval_on_selector eval_on_selector_all scroll_into_view_if_needed
    select_text set_checked wait_for_element_state content_frame>.async_api.Frame owner_frame>.async_api.Frame
    get_property get_properties json_value
sync: as_element
class .async_api.Keyboard
coroutine: press type down up insert_text
class .async_api.Mouse
coroutine: click dblclick down move up wheel
class .async_api.Response
coroutine: json text body finished all_headers header_value header_values
class .async_api.Request
coroutine: response all_headers header_value
sync: is_navigation_request
class .async_api.Route
coroutine: abort continue_ fallback fetch fulfill
attribute: request>.async_api.Request
class .async_api.APIRequestContext  close=dispose
coroutine: get>.async_api.APIResponse post>.async_api.APIResponse put>.async_api.APIResponse
    patch>.async_api.APIResponse delete>.async_api.APIResponse head>.async_api.APIResponse
    fetch>.async_api.APIResponse dispose storage_state
class .async_api.APIResponse
coroutine: json text body dispose
class .async_api.LocatorAssertions
coroutine: to_be_attached to_be_checked to_be_disabled to_be_editable to_be_empty to_be_enabled to_be_focused
    to_be_hidden to_be_in_viewport to_be_visible to_contain_text to_have_attribute to_have_class to_have_count
    to_have_css to_have_id to_have_js_property to_have_text to_have_value to_have_values to_have_role
    to_have_accessible_description to_have_accessible_error_message to_have_accessible_name to_contain_class
    to_match_aria_snapshot not_to_match_aria_snapshot not_to_contain_class not_to_have_css not_to_have_id
    not_to_have_js_property not_to_have_values not_to_have_role not_to_be_in_viewport not_to_be_attached
    not_to_be_checked not_to_be_disabled not_to_be_editable not_to_be_empty not_to_be_enabled not_to_be_focused
    not_to_be_hidden not_to_be_visible not_to_contain_text not_to_have_attribute not_to_have_class not_to_have_count
    not_to_have_text not_to_have_value
class .async_api.PageAssertions
coroutine: to_have_title to_have_url not_to_have_title not_to_have_url
class .async_api.APIResponseAssertions
coroutine: to_be_ok not_to_be_ok
"""


# --------------------------------------------------------------------------------------------------------------------
# Reading the tables
# --------------------------------------------------------------------------------------------------------------------


class Table(NamedTuple):
    """What one library's table says, by dotted name; `aliases` lead other spellings to the canonical ones."""

    functions: dict[str, Callee]
    classes: dict[str, Class]
    aliases: dict[str, str]


def _lines(text: str) -> Iterator[str]:
    """The table's lines, continuations joined."""
    whole = ""
    for line in text.splitlines():
        if line.startswith(" "):
            whole += line
            continue
        if whole:
            yield whole
        whole = line
    yield whole


def _absolute(name: str, library: str) -> str:
    return "|".join(library + one if one.startswith(".") else one for one in name.split("|"))


def _callees(kind: str, names: str, library: str) -> Iterator[tuple[str, Callee]]:
    """The entries of one line of members."""
    plain = kind.startswith("plain ")
    for entry in names.split():
        rest, _, since = entry.partition("@")
        name, _, returns = rest.partition(">")
        yield name, Callee(kind.removeprefix("plain "), _absolute(returns, library) if returns else "", plain, since)


def _start_class(head: list[str], library: str, classes: dict[str, Class]) -> Class:
    """A class from its header line, with the members of its base."""
    words = dict(word.partition("=")[::2] for word in head[2:])
    name = _absolute(head[1], library)
    base = classes.get(_absolute(words.get("base", ""), library)) or Class("", {}, {})
    enters, close = words.get("enters", base.enters), words.get("close", base.close)
    itself = name if enters and (not base.enters or base.gives == base.name) else base.gives
    also = words["also"].split(",") if "also" in words else base.closers
    return Class(
        name=name,
        methods=dict(base.methods),
        attributes=dict(base.attributes),
        close=close,
        closers=tuple(dict.fromkeys([close, *also])) if close else (),
        opens=words.get("opens", base.opens),
        loop_bound="loop-bound" in words or base.loop_bound,
        enters=enters,
        gives=_absolute(words.get("gives", itself), library),
        iterates="iterates" in words or base.iterates,
        awaitable="awaitable" in words or base.awaitable,
        since=words.get("since", base.since),
    )


@lru_cache(maxsize=None)
def table(library: str) -> Table | None:
    """The table of a library, split when it is first asked for."""
    text = TABLES.get(library)
    if text is None:
        return None
    result = Table({}, {}, {})
    module, known = "", None
    for line in _lines(text):
        kind, colon, names = line.partition(":")
        if not colon:
            module, known = _start(line.split(), library, result)
        elif kind == "attribute" and known:
            known.attributes.update((name, callee.returns) for name, callee in _callees(kind, names, library))
        elif known:
            known.methods.update(_callees(kind, names, library))
        else:
            result.functions.update((module + name, callee) for name, callee in _callees(kind, names, library))
    return result


def _start(head: list[str], library: str, result: Table) -> tuple[str, Class | None]:
    """Begin the section of a module or class, and note its other spellings."""
    if not head:
        return "", None
    known = None
    name = _absolute(head[1], library).removesuffix(".")
    if head[0] == "class":
        known = result.classes[name] = _start_class(head, library, result.classes)
    for word in head[2:]:
        if word.startswith("aka="):
            result.aliases.update((_absolute(alias, library), name) for alias in word[4:].split(","))
    return name + ".", known


def _table_of(dotted: str) -> Table | None:
    library = dotted.partition(".")[0]
    return table(SHARED.get(library, library))


# --------------------------------------------------------------------------------------------------------------------
# Look-ups
# --------------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def canonical(dotted: str) -> str:
    """One spelling for a name that a library offers from several modules; any other name stays as it is."""
    found = _table_of(dotted)
    if found is None:
        return dotted
    if dotted in found.aliases:
        return found.aliases[dotted]
    module, _, name = dotted.rpartition(".")
    moved = f"{found.aliases[module]}.{name}" if module in found.aliases else ""
    return moved if moved in found.functions or moved in found.classes else dotted


@lru_cache(maxsize=4096)
def known_class(dotted: str) -> Class | None:
    """The class that a dotted name stands for."""
    found = _table_of(dotted)
    return found.classes.get(canonical(dotted)) if found else None


@lru_cache(maxsize=4096)
def function(dotted: str) -> Callee | None:
    """What calling a library's function gives; classes count, a bare name is a builtin."""
    found = _table_of(dotted if "." in dotted else f"builtins.{dotted}")
    if found is None:
        return None
    name = canonical(dotted) if "." in dotted else f"builtins.{dotted}"
    if name in found.classes:
        return Callee("class", name, since=found.classes[name].since)
    return found.functions.get(name)


@lru_cache(maxsize=None)
def names(libraries: frozenset[str], *kinds: str) -> frozenset[str]:
    """The last segments of the names of all functions, methods and classes whose calls give something of these kinds.

    The kinds are those of Callee, and "sync manager", "async manager" and "async iterator" for calls that give objects of
    classes for `with`, `async with` and `async for` alone.
    """
    return frozenset().union(*(_names_by_kind(library).get(kind, ()) for library in libraries for kind in kinds))


@lru_cache(maxsize=None)
def _names_by_kind(library: str) -> dict[str, set[str]]:
    """The same of one library, for every kind."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, callee in _callables(library):
        for kind in given_kinds(callee):
            found[kind].add(name.rpartition(".")[2])
    return dict(found)


def _callables(library: str) -> Iterator[tuple[str, Callee]]:
    """Everything of a library that can be called, other spellings of classes included."""
    found = table(library)
    if found is not None:
        yield from found.functions.items()
        for name, known in found.classes.items():
            yield name, Callee("class", name)
            yield from known.methods.items()
        yield from ((alias, Callee("class", name)) for alias, name in found.aliases.items() if name in found.classes)


def given_kinds(callee: Callee) -> set[str]:
    """The kinds, as in `names`, of what a call gives."""
    found = {callee.kind}
    for one in callee.returns.split("|") if callee.kind in ("sync", "class") else ():
        if known := known_class(one):
            found.update([f"{known.enters} manager"], ["async iterator"] if known.iterates else [])
    return found


def method(class_dotted: str, name: str) -> Callee | None:
    """What calling a method gives; for one of several classes ("a.X|a.Y") what all that have it agree on."""
    classes = [known_class(one) for one in class_dotted.split("|")]
    found = {known.methods[name] for known in classes if known and name in known.methods}
    return found.pop() if len(found) == 1 else None


def attribute(class_dotted: str, name: str) -> str:
    """The class of the object that an attribute holds, "" if it is not known: `page.keyboard`, `process.stdin`."""
    known = known_class(class_dotted)
    return known.attributes.get(name, "") if known else ""


def classes(library: str) -> Mapping[str, Class]:
    """All known classes of a library, by canonical name."""
    found = table(SHARED.get(library, library))
    return found.classes if found else {}


def opened(dotted: str) -> Class | None:
    """The class of the resource that calling a function or class opens and that somebody must close (ATX208)."""
    callee = function(dotted)
    known = known_class(callee.returns) if callee and callee.returns else None
    return known if known and known.close else None


def vain_await(callee: Callee) -> bool:
    """Whether awaiting the call is wrong for certain (ATX410): a plain value, of no class that may be awaited."""
    if callee.kind != "sync":
        return False
    known = known_class(callee.returns) if callee.returns else None
    return known is None or not known.awaitable


# Functions of asyncio that are handed a coroutine: a bare mock in their place drops it (ATX309).
TAKES_COROUTINE = frozenset(("create_task", "ensure_future", "gather", "run", "run_coroutine_threadsafe", "shield", "wait_for"))
# Libraries that are patched where they are used ("app.service.asyncio.sleep"), because no one names an own module so.
PATCHED_IN_PLACE = ("asyncio", "anyio", "trio")


def patched_name(target: str) -> str:
    """The library function that a patch target means: "app.service.asyncio.sleep" -> "asyncio.sleep"; "" if none."""
    parts = target.split(".")
    for library in PATCHED_IN_PLACE:
        if library in parts[1:]:
            target = ".".join(parts[len(parts) - parts[::-1].index(library) - 1 :])
    return canonical(target) if function(target) else ""


def patch_target(target: str) -> Callee | None:
    """What the function at a patch target is, if it is a known library's (ATX311)."""
    return function(patched_name(target) or target)


def takes_coroutine(target: str) -> bool:
    """Whether the function at a patch target is one of asyncio's that are handed a coroutine (ATX309); `wait` gets tasks."""
    library, _, name = patched_name(target).rpartition(".")
    return library == "asyncio" and name in TAKES_COROUTINE
