"""What the README says agrees with the project."""

from __future__ import annotations

import re
from pathlib import Path

from flake8_async_tests.visitor import RULES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf8")


def test_table_of_rules():
    rows = re.findall(r"^\| (ATX\d{3}) \| ([a-z-]+) \| .+ \|$", README, re.MULTILINE)
    assert rows == [(code, RULES[code].name) for code in sorted(RULES)]


def test_ci_runs_the_test_command():
    """`.ci/run` is the README's command with another folder for the environment."""
    command = "python3 -m venv .venv && .venv/bin/pip install -q tox && .venv/bin/tox"
    assert command in README
    assert command.replace(".venv", "$environment") in (ROOT / ".ci/run").read_text("utf8").replace('"', "")
