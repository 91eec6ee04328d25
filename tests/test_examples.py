"""The faulty suite in examples/ shows what the rules find."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from flake8_async_tests.visitor import RULES

ROOT = Path(__file__).parents[1]
# Alone, the folder shows every default rule; in the repository the project's own settings excuse these three.
FAMILIES = tuple(f"ATX{family}" for family in range(1, 8))
EXCUSED = {"ATX111", "ATX607", "ATX702"}


def codes(folder: Path, *options: str) -> set[str]:
    run = subprocess.run([sys.executable, "-m", "flake8", *options, "--select", "ATX", "examples"],
                         cwd=folder, capture_output=True, text=True, timeout=120)  # fmt: skip
    assert run.returncode == 1 and not run.stderr
    return {line.split()[1] for line in run.stdout.splitlines()}


def wanted() -> set[str]:
    return {code for code in RULES if code.startswith(FAMILIES)}


def test_in_the_repository():
    assert wanted() - EXCUSED <= codes(ROOT)


def test_alone(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    assert wanted() <= codes(tmp_path, "--isolated")
