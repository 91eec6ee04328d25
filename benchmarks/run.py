"""Cost of the plugin beside `ast.parse` and its peers, in one run: `python -m benchmarks.run`.

Prints tables in Markdown; benchmarks/README.md says how to read them. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import sys
from pathlib import Path

from benchmarks import growth, start, suites
from ecosystem import sdists

TARGETS = {
    "default rules, cold cache": 0.40,
    "all rules, cold cache": 0.50,
    "default rules, other files": 0.03,
}
BASES = {"flake8-async": "ast.parse of the sample", "default rules, other files": "ast.parse of the others"}


def costs(cache: Path, rounds: int, names: list[str]) -> None:
    """The table of processor times."""
    every = suites.all_suites(cache, names)
    tests, others = ([source for one in every for source in getattr(one, key)] for key in ("tests", "others"))
    measured = suites.measure(every, rounds)
    print(f"\n{len(tests)} async test files of {len(every)} projects, {suites.lines_of(tests):,} lines;"
          f" {len(others)} files without tests or async code, {suites.lines_of(others):,} lines;"
          f" medians of {rounds} rounds\n\n| what | processor seconds | ratio to ast.parse | target |\n| --- | --- | --- | --- |")  # fmt: skip
    for row in measured.seconds:
        ratio = measured.ratio(row, BASES.get(row, row if row.startswith("ast.parse") else "ast.parse"))
        print(f"| {row} | {measured.median(row):.2f} | {ratio:.3f} | {TARGETS.get(row, '')} |")


def parted(cache: Path, rounds: int, names: list[str]) -> None:
    """The table of what the parts of the plugin take."""
    measured = suites.parts(suites.all_suites(cache, names), rounds)
    print("\n| default rules, warm cache | ratio to ast.parse |\n| --- | --- |")
    for row in suites.PARTS:
        print(f"| {row} | {measured.ratio(row, 'ast.parse'):.2f} |")


def growing(rounds: int) -> None:
    """The table of growth."""
    print("\n| what grows | size | lines | microseconds per line | to the cheapest smaller size |\n| --- | --- | --- | --- | --- |")
    for what, size, lines, each, ratio in growth.growth(rounds):
        print(f"| {what} | {size:,} | {lines:,} | {each:.1f} | {ratio:.2f} |")


def starting(rounds: int) -> None:
    """The table of import times."""
    print("\n| import | milliseconds |\n| --- | --- |")
    for modules, what in start.MODULES.items():
        print(f"| {what} | {start.import_milliseconds(modules, 3 * rounds):.1f} |")


def remembering(cache: Path) -> None:
    """The table of memory."""
    print("\n| one process over every file of the projects | peak, MB | more than parsing alone | at the end, MB | more |\n"
          "| --- | --- | --- | --- | --- |")  # fmt: skip
    first = None
    for rules in ("none", "default", "all"):
        peak, end = start.megabytes(cache, rules)
        first = first or (peak, end)
        print(f"| rules: {rules} | {peak:.0f} | {peak - first[0]:.0f} | {end:.0f} | {end - first[1]:.0f} |")


def profile(cache: Path, names: list[str]) -> None:
    """Where the plugin's time goes."""
    run, profiler = suites.tool(suites.OURS, "--extend-select", "ATX9"), cProfile.Profile()
    for one in suites.all_suites(cache, names):
        os.chdir(one.home)
        for tree, source in suites.fresh(one.tests):
            profiler.runcall(run, tree, source)
    pstats.Stats(profiler).sort_stats("tottime").print_stats("flake8_async_tests|built-in", 45)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    options.add_argument("parts", nargs="*", metavar="PART", default=[],
                         help="costs, parts, growth, start, memory (all of these if none is named) or profile")  # fmt: skip
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", action="append", default=[], metavar="NAME", help="one pinned project alone; may be repeated")
    options.add_argument("--cache", type=Path, default=sdists.CACHE, help="where the projects are kept (%(default)s)")
    return options


def main(words: list[str] | None = None) -> None:
    """Run the parts that are asked for."""
    arguments = parser().parse_args(words)
    cache = arguments.cache.resolve()
    parts = {
        "costs": lambda: costs(cache, arguments.rounds, arguments.only),
        "parts": lambda: parted(cache, arguments.rounds, arguments.only),
        "growth": lambda: growing(arguments.rounds),
        "start": lambda: starting(arguments.rounds),
        "memory": lambda: remembering(cache),
        "profile": lambda: profile(cache, arguments.only),
    }
    unknown = set(arguments.parts) - set(parts)
    if unknown:
        raise SystemExit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    for part in arguments.parts or list(parts)[:-1]:
        parts[part]()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
