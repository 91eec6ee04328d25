"""What the plugin adds to flake8's start, and to its peak memory: measured in processes of their own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks import suites

IMPORT = """
import flake8.main.cli, flake8.checker, flake8.style_guide, flake8.plugins.finder, pathlib, time
start = time.process_time()
import {0}
print(time.process_time() - start)
"""
MODULES = {
    "flake8_async_tests": "what flake8 imports at its start",
    "flake8_async_tests.visitor, flake8_async_tests.project, flake8_async_tests.knowledge": "what the first test file imports besides",
}


def import_milliseconds(modules: str, rounds: int) -> float:
    """Median processor time of an import after flake8's own."""
    command = [sys.executable, "-c", IMPORT.format(modules)]
    return statistics.median(
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) * 1000 for _ in range(rounds))  # fmt: skip


def megabytes(cache: Path, rules: str) -> tuple[float, float]:
    """Peak memory of one process that reads, parses and (with rules) checks the files of all suites; what it holds at the end."""
    command = [sys.executable, "-m", "benchmarks.start", str(cache), rules]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]).stdout
    peak, end = json.loads(output)
    return peak / 1024, end / 1024


def _work(cache: Path, rules: str) -> None:
    """One run over all suites, as flake8 goes: a file is read, parsed, checked and forgotten."""
    import os

    run = {"none": lambda tree, source: None, "default": suites.tool(suites.OURS),
           "all": suites.tool(suites.OURS, "--extend-select", "ATX9")}[rules]  # fmt: skip
    for project in suites.sdists.pinned().values():
        home = suites.sdists.unpacked(project, cache)
        os.chdir(home)
        for path in sorted(home.rglob("*.py")):
            source = suites.read(path, home)
            if source:
                run(source.parse(), source)
    print(json.dumps([_status("VmHWM"), _status("VmRSS")]))


def _status(key: str) -> int:
    """Kilobytes of this process; getrusage's peak would count what the parent held before it started this one."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1])


if __name__ == "__main__":
    _work(Path(sys.argv[1]), sys.argv[2])
