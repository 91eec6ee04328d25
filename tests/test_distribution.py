"""Both distributions build, and the wheel alone, in an empty environment, does the main job."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("flake8_async_tests", "README.md", "LICENSE", "pyproject.toml", "setup.cfg")


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=280)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of both distributions, built from a copy so that nothing is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    result = run(sys.executable, "-m", "build", "--outdir", source / "dist", source, cwd=source)
    assert result.returncode == 0, result.stdout + result.stderr
    return source / "dist"


def test_both_carry_every_page(built):
    pages = {f"flake8_async_tests/pages/{path.name}" for path in (ROOT / "flake8_async_tests/pages").glob("*.md")}
    with zipfile.ZipFile(*built.glob("*.whl")) as wheel:
        assert pages | {"flake8_async_tests/py.typed"} <= set(wheel.namelist())
    with tarfile.open(*built.glob("*.tar.gz")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert pages | {"LICENSE", "README.md"} <= names


def test_wheel_alone(built, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    installed = run(python, "-m", "pip", "install", "--quiet", *built.glob("*.whl"), cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    linted = run(python, "-m", "flake8", "--isolated", "--select", "ATX", "examples", cwd=tmp_path)
    assert linted.returncode == 1 and not linted.stderr
    assert "ATX102 `TestCase` never awaits async test `test_order`" in linted.stdout
    explained = run(python, "-m", "flake8", "--atx-explain", "ATX102", cwd=tmp_path)
    assert explained.returncode == 0 and explained.stdout.startswith("# ATX102 async-test-in-testcase")
