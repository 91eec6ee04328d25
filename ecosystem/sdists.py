"""Pinned source distributions that ship their tests: downloaded, checked against their hash, unpacked outside the repository.

The download is unearth's, which takes a source distribution as it lies on the index; pip would first run the
project's build to learn its metadata.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

EXPECTED = Path(__file__).with_name("expected.json")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flake8-async-tests"


class Unreachable(Exception):
    """The package index gave no answer, or not this file."""


class Project(NamedTuple):
    """One pinned source distribution, and what linting it is expected to find."""

    name: str
    version: str
    sha256: str
    files: int
    async_tests: int
    findings: dict[str, int]
    small: bool = False


def pinned(path: Path = EXPECTED) -> dict[str, Project]:
    """The projects of the expected file by name."""
    return {name: Project(name, **row) for name, row in json.loads(path.read_text("utf8")).items()}


def unpacked(project: Project, cache: Path = CACHE) -> Path:
    """The project's own directory, downloaded at first use."""
    home = cache / f"{project.name}-{project.version}"
    if not home.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            _unpack(_checked(_download(project, temporary), project), Path(temporary, "unpacked")).rename(home)
    return home


def _download(project: Project, folder: str) -> Path:
    """The archive, from the index that pip is configured for; never a wheel, whatever Python this is."""
    if importlib.util.find_spec("unearth") is None:
        raise ModuleNotFoundError("unearth is not installed; pip install -e .[test]")
    command = [sys.executable, "-m", "unearth", f"{project.name}=={project.version}", "--no-binary", "--python-version", "3.14"]
    process = subprocess.run([*command, *_index(), "--download", folder], capture_output=True, text=True)
    if process.returncode:
        raise Unreachable(f"{project.name} {project.version}: {(process.stderr or process.stdout).strip()[-500:]}")
    return Path(json.loads(process.stdout)["local_path"])


def _index() -> list[str]:
    """unearth's option for an index other than the default one, taken from pip's configuration."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    pairs = [line.partition("=") for line in listed.splitlines()]
    urls = [value.strip("'\"") for key, _, value in pairs if key.rpartition(".")[2] == "index-url"]
    return ["--index-url", urls[-1]] if urls else []


def _checked(archive: Path, project: Project) -> Path:
    """The archive, if it is the pinned one."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != project.sha256:
        raise ValueError(f"{archive.name} has the sha256 {digest}, pinned is {project.sha256}")
    return archive


def _unpack(archive: Path, target: Path) -> Path:
    """Extract the archive; its one top directory."""
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    (top,) = target.iterdir()
    return top
