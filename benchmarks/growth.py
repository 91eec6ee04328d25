"""Linear growth: what a line costs as generated files grow, and how that changes from the cheapest smaller size."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

from benchmarks import suites
from flake8_async_tests import project

TEST = '''
@pytest.mark.asyncio
async def test_{0}(client, gateway: AsyncMock):
    gateway.fetch.return_value = {{"id": {0}}}
    service = Service(gateway)
    with pytest.raises(ValueError):
        await service.load({0})
    tasks = [asyncio.create_task(service.run(one)) for one in range(3)]
    async with asyncio.timeout(1):
        results = await asyncio.gather(*tasks)
    assert results == [None] * 3
    gateway.fetch.assert_awaited_once_with({0})
'''
HEAD = "import asyncio\nimport pytest\nfrom unittest.mock import AsyncMock, patch\nfrom app import Service\n"
Files = dict[str, str]


def tests(count: int) -> Files:
    """A file of many tests."""
    return {"test_it.py": HEAD + "".join(TEST.format(number) for number in range(count))}


def statements(count: int) -> Files:
    """One test of many statements."""
    kinds = ("    a{0} = await client.get({0})\n", "    gateway.fetch({0})\n", "    task{0} = asyncio.create_task(client.run({0}))\n",
             "    assert a{0} == {0}\n", "    mock{0} = AsyncMock(return_value={0})\n")  # fmt: skip
    body = "".join(kinds[number % len(kinds)].format(number) for number in range(count))
    return {"test_it.py": f"{HEAD}\nasync def test_it(client, gateway: AsyncMock):\n{body}"}


def same_name(count: int) -> Files:
    """One test that binds the same names again and again."""
    body = "".join(f"    mock = AsyncMock(return_value={number})\n    mock.fetch()\n    task = asyncio.create_task(mock())\n"
                   for number in range(count // 3))  # fmt: skip
    return {"test_it.py": f"{HEAD}\nasync def test_it():\n{body}    await task\n"}


def one_helper(count: int) -> Files:
    """Tests that call one function of the module, which holds the assertion."""
    body = "".join(f"async def test_{number}(client):\n    check(await client.get({number}))\n" for number in range(count))
    return {"test_it.py": f"{HEAD}\ndef check(answer):\n    assert answer\n{body}"}


def one_mock(count: int) -> Files:
    """One test that sets up, calls and asserts children of one mock."""
    kinds = ("    mock.a{0}.return_value = {0}\n", "    await mock.a{0}()\n", "    mock.a{0}.assert_called_once()\n", "    assert mock.one.called\n")
    body = "".join(kinds[number % 4].format(number // 4) for number in range(count))
    return {"test_it.py": f"{HEAD}\nasync def test_it():\n    mock = AsyncMock()\n{body}"}


def classes(count: int) -> Files:
    """Classes with a fixture and a test each, the fixtures all asking for the same one."""
    one = ("class TestIt{0}:\n    @pytest.fixture\n    async def thing(self, client):\n        yield AsyncMock()\n"
           "    async def test_it(self, thing):\n        await thing.go()\n        thing.go.assert_called_once()\n")  # fmt: skip
    return {"test_it.py": HEAD + "".join(one.format(number) for number in range(count))}


def fixtures(count: int) -> Files:
    """Fixtures in a chain of ten conftest files, each asking for the one before, and a test for every tenth."""
    depth, files = min(10, count), {}
    for level in range(depth):
        numbers = range(level * count // depth, (level + 1) * count // depth)
        folder = "".join(f"d{one}/" for one in range(level))
        files[folder + "conftest.py"] = HEAD + "".join(
            f"@pytest.fixture\nasync def fixture_{n}({f'fixture_{n - 1}' if n else ''}):\n    yield AsyncMock()\n" for n in numbers)  # fmt: skip
    body = "".join(f"async def test_{n}(fixture_{n}):\n    await fixture_{n}()\n" for n in range(0, count, 10))
    return {**files, "".join(f"d{one}/" for one in range(depth - 1)) + "test_it.py": HEAD + body}


def scopes(count: int) -> Files:
    """Functions inside functions as deep as Python's indentation goes, then lambdas."""
    deep = min(count, 90)
    functions = "".join(f"{' ' * n}async def test_{n}(a{n}: AsyncMock):\n{' ' * n} b{n} = a{n}\n{' ' * n} await b{n}()\n" for n in range(deep))
    lambdas = "".join(f"{' ' * deep}lambda c{n}:\n" for n in range(count - deep))
    return {"test_it.py": f"{HEAD}{functions}{' ' * deep}return (\n{lambdas}{' ' * deep}None)\n"}


def imports(count: int) -> Files:
    """Many imports before one test."""
    kinds = ("import package{0}.module\n", "from package{0} import name{0} as other{0}\n")
    return {"test_it.py": "".join(kinds[n % 2].format(n) for n in range(count)) + HEAD + TEST.format(0)}


SIZES: dict[Callable[[int], Files], tuple[str, tuple[int, ...]]] = {
    tests: ("tests in a file", (1, 10, 100, 1000)),
    statements: ("statements in a function", (10, 100, 1000, 3000)),
    same_name: ("statements that bind the same names", (30, 300, 3000)),
    one_helper: ("tests that call one helper", (10, 100, 1000)),
    one_mock: ("statements about one mock", (10, 100, 1000, 3000)),
    classes: ("classes with a fixture", (10, 100, 1000)),
    fixtures: ("fixtures in a conftest chain", (10, 100, 500, 2000)),
    scopes: ("nested scopes", (1, 10, 50, 90, 200)),
    imports: ("imports", (10, 100, 1000, 10_000)),
}


def seconds(files: Files, run: suites.Tool, rounds: int) -> float:
    """Median processor time of the last file, with a cold project cache."""
    with tempfile.TemporaryDirectory() as home:
        for name, text in {"pyproject.toml": '[tool.pytest.ini_options]\nasyncio_mode = "auto"\n', **files}.items():
            Path(home, name).parent.mkdir(parents=True, exist_ok=True)
            Path(home, name).write_text(text, "utf8")
        os.chdir(home)
        source = suites.read(Path(home, list(files)[-1]), Path(home))
        assert source
        times = [_once(source, run) for _ in range(rounds)]
        os.chdir("/")
    return statistics.median(times)


def _once(source: suites.Source, run: suites.Tool) -> float:
    """Files that take no time are run until they do, so that the clock's steps do not count."""
    spent, number = 0.0, 0
    while spent < 0.05 and number < 200:
        pairs = suites.fresh([source])
        project.forget()
        start = process_time()
        run(*pairs[0])
        spent, number = spent + process_time() - start, number + 1
    return spent / number


def growth(rounds: int) -> list[tuple[str, int, int, float, float]]:
    """Rows of: what grows, size, lines, microseconds per line, ratio to the cheapest line of the smaller sizes."""
    run, rows = suites.tool(suites.OURS, "--extend-select", "ATX9"), []
    for make, (what, sizes) in SIZES.items():
        cheapest = None
        for size in sizes:
            files = make(size)
            count = sum(text.count("\n") for text in files.values())
            each = seconds(files, run, rounds) / count * 1e6
            rows.append((what, size, count, each, each / (cheapest or each)))
            cheapest = min(each, cheapest or each)
    return rows
