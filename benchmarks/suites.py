"""Cost on real test suites: every tool on the same trees, in one process, beside `ast.parse`."""

from __future__ import annotations

import ast
import gc
import os
import re
import statistics
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

from ecosystem import sdists
from flake8.options.parse_args import parse_args

from flake8_async_tests import project, visitor

TEST_FILE = re.compile(r"(test_.*|.*_test|conftest)\.py")
ASYNC = re.compile(r"^[ \t]*async def ", re.MULTILINE)
ABOUT_TESTS = re.compile(r"\basync\b|\bawait\b|asyncio|unittest|pytest|mock|def test|class Test")
PEERS = ("pyflakes", "flake8-bugbear", "flake8-pytest-style", "flake8-async")
OURS = "flake8-async-tests"
SAMPLE = 60  # flake8-async parses each file a second time, with libcst; it is run on every sixtieth file


class Source(NamedTuple):
    """One file as flake8 hands it to plugins."""

    filename: str
    lines: list[str]
    text: str

    def parse(self) -> ast.Module:
        """As flake8 does it."""
        return ast.parse(self.text)


class Suite(NamedTuple):
    """One project: its directory, its async test files, and its files that have nothing to do with tests or async code."""

    home: Path
    tests: list[Source]
    others: list[Source]


Tool = Callable[[ast.Module, Source], None]


def read(path: Path, home: Path) -> Source | None:
    """A file by the name that flake8 gives it; None if this Python cannot parse it."""
    try:
        with tokenize.open(path) as file:
            lines = file.readlines()
        source = Source(f"./{path.relative_to(home)}", lines, "".join(lines))
        source.parse()
    except (SyntaxError, UnicodeDecodeError):
        return None
    return source


def suite(home: Path) -> Suite:
    """The files of one unpacked project."""
    sources = [source for path in sorted(home.rglob("*.py")) if (source := read(path, home))]
    tests = [one for one in sources if TEST_FILE.fullmatch(Path(one.filename).name) and ASYNC.search(one.text)]
    return Suite(home, tests, [one for one in sources if not ABOUT_TESTS.search(one.text)])


def all_suites(cache: Path, names: Iterable[str] = ()) -> list[Suite]:
    """The pinned projects that hold async tests."""
    every = sdists.pinned()
    return [suite(sdists.unpacked(every[name], cache)) for name in names or every]


def lines_of(sources: Iterable[Source]) -> int:
    """Number of lines."""
    return sum(len(one.lines) for one in sources)


def tool(package: str, *words: str) -> Tool:
    """The checkers of one installed flake8 plugin, called with the parameters that flake8 would give them."""
    plugins, options = parse_args(["--isolated", *words])
    loaded = [one for one in plugins.checkers.tree if one.plugin.package == package]
    if not loaded:
        raise ModuleNotFoundError(f"{package} is not installed; pip install -e .[benchmark]")
    common = {"options": options, "max_line_length": options.max_line_length}

    def run(tree: ast.Module, source: Source) -> None:
        given: dict[str, Any] = {**common, "tree": tree, "filename": source.filename, "lines": source.lines}
        for one in loaded:
            for _ in one.obj(**{name: given[name] for name in one.parameters}).run():
                pass

    return run


def passing(run: Tool, pairs: Iterable[tuple[ast.Module, Source]]) -> float:
    """Processor seconds of one tool over the files."""
    start = process_time()
    for tree, source in pairs:
        run(tree, source)
    return process_time() - start


def parsing(sources: Iterable[Source]) -> float:
    """Processor seconds of `ast.parse`; each tree is dropped before the next file, as flake8 does."""
    start = process_time()
    for source in sources:
        source.parse()
    return process_time() - start


def fresh(sources: Iterable[Source]) -> list[tuple[ast.Module, Source]]:
    """Parsed files whose trees the collector passes over, so that no tool pays for the trees of other files."""
    gc.unfreeze()
    pairs = [(source.parse(), source) for source in sources]
    gc.collect()
    gc.freeze()
    return pairs


class Measured:
    """Seconds by row and round, summed over the projects."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.seconds: dict[str, list[float]] = defaultdict(lambda: [0.0] * rounds)

    def add(self, row: str, number: int, seconds: float) -> None:
        self.seconds[row][number] += seconds

    def ratio(self, row: str, base: str) -> float:
        """Median of the rounds' ratios to `ast.parse`."""
        return statistics.median(a / b for a, b in zip(self.seconds[row], self.seconds[base], strict=True))

    def median(self, row: str) -> float:
        return statistics.median(self.seconds[row])


def ours() -> Iterator[tuple[str, Tool, bool]]:
    """The plugin's rows: name, tool, whether the project cache is emptied before the project's first file."""
    default, every = tool(OURS), tool(OURS, "--extend-select", "ATX9")
    yield "default rules, cold cache", default, True
    yield "default rules, warm cache", default, False
    yield "all rules, cold cache", every, True
    yield "all rules, warm cache", every, False


def measure(suites: list[Suite], rounds: int) -> Measured:
    """Every tool on every project, `rounds` times; which tool comes first changes from round to round."""
    mine, peers, result = list(ours()), {name: tool(name) for name in PEERS}, Measured(rounds)
    sample = set(islice((source.filename for one in suites for source in one.tests), 0, None, SAMPLE))
    for number in range(rounds):
        for one in suites:
            os.chdir(one.home)
            result.add("ast.parse", number, parsing(one.tests))
            pairs = fresh(one.tests)
            jobs = [lambda: _mine(mine, pairs, result, number), lambda: _peers(peers, pairs, sample, result, number)]
            for job in jobs if number % 2 else reversed(jobs):
                job()
            _others(mine[0][1], one.others, result, number)
    gc.unfreeze()
    return result


def _mine(rows: list[tuple[str, Tool, bool]], pairs: list, result: Measured, number: int) -> None:
    for name, run, cold in rows:
        if cold:
            project.forget()
        result.add(name, number, passing(run, pairs))


def _peers(peers: dict[str, Tool], pairs: list, sample: set[str], result: Measured, number: int) -> None:
    for name, run in peers.items():
        chosen = pairs
        if name == "flake8-async":
            chosen = [pair for pair in pairs if pair[1].filename in sample]
            result.add("ast.parse of the sample", number, parsing(source for _, source in chosen))
        result.add(name, number, passing(run, chosen))


# Choices of default rules whose costs, one after the other, say what each part takes.
PARTS: dict[str, Callable[[visitor.Rule], bool]] = {
    "no rule: text, project, walk, what a file's functions are": lambda rule: False,
    "and the rules about lost coroutines": lambda rule: rule.each == "loss",
    "and all others but those about mocks": lambda rule: rule.needs != "sees_mocks",
    "all default rules": lambda rule: True,
}


def parts(suites: list[Suite], rounds: int) -> Measured:
    """The plugin with a warm cache and some of its rules alone."""
    run, result, every = tool(OURS), Measured(rounds), dict(visitor.RULES)
    for number in range(rounds):
        for one in suites:
            os.chdir(one.home)
            result.add("ast.parse", number, parsing(one.tests))
            pairs = fresh(one.tests)
            passing(run, pairs)
            for what, is_chosen in PARTS.items():
                choose({code: rule for code, rule in every.items() if is_chosen(rule)})
                result.add(what, number, passing(run, pairs))
            choose(every)
    gc.unfreeze()
    return result


def choose(rules: dict[str, visitor.Rule]) -> None:
    """Let the visitor have these rules only."""
    visitor.RULES.clear()
    visitor.RULES.update(rules)
    visitor.table.cache_clear()
    visitor.needs.cache_clear()


def _others(run: Tool, sources: list[Source], result: Measured, number: int) -> None:
    """Files without tests or async code."""
    result.add("ast.parse of the others", number, parsing(sources))
    result.add("default rules, other files", number, passing(run, fresh(sources)))
