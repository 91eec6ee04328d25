"""Run the real flake8 in a process of its own, and read what it prints."""

from __future__ import annotations

import subprocess
import sys


def flake8(folder, *arguments, stdin=None, start=None, before="", env=None, timeout=120):
    """Run flake8 in a folder; `start` names the way in which its workers are started, `before` is code that runs first."""
    begin = ["-m", "flake8"]
    if start:
        before += f"import multiprocessing as m; m.set_start_method({start!r})\n"
    if before:
        begin = ["-c", f"{before}\nimport sys\nfrom flake8.main.cli import main\nif __name__ == '__main__': sys.exit(main())"]
    run = subprocess.run([sys.executable, *begin, *map(str, arguments)], cwd=folder, input=stdin, env=env,
                         capture_output=True, text=True, errors="surrogateescape", timeout=timeout)  # fmt: skip
    assert "Traceback" not in run.stdout + run.stderr, run.stdout[-2000:] + run.stderr[-4000:]
    return run


def findings(run):
    """What flake8 printed: file, line, code."""
    lines = (line.split(":", 3) for line in run.stdout.splitlines())
    return [(name.removeprefix("./"), int(line), text.split()[0]) for name, line, _, text in lines]
