"""Pinned suites on disk: source distributions that ship their tests, and checkouts of those that do not.

A source distribution is downloaded from the package index, checked against its hash and unpacked outside the
repository. The download is unearth's, which takes a source distribution as it lies on the index; pip would first run the
project's build to learn its metadata. A checkout is fetched from GitHub by its commit.
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
    """The package index or GitHub gave no answer, or not this file."""


class Project(NamedTuple):
    """One pinned suite, and what linting it is expected to find.

    A source distribution has the name that the index knows and a hash; a checkout is named "owner/repository" and has a
    commit for a version. A source distribution of a repository that is here as a checkout too names it as its `suite`:
    what is judged there need not be judged again.
    """

    name: str
    version: str
    files: int
    async_tests: int
    findings: dict[str, int]
    sha256: str = ""
    date: str = ""
    suite: str = ""
    small: bool = False

    @property
    def is_checkout(self) -> bool:
        return "/" in self.name

    @property
    def label(self) -> str:
        """The version as people read it."""
        return f"{self.date} {self.version[:7]}" if self.is_checkout else self.version


def every(path: Path = EXPECTED) -> dict[str, Project]:
    """All projects of the expected file by name."""
    return {name: Project(name, **row) for name, row in json.loads(path.read_text("utf8")).items()}


def pinned(path: Path = EXPECTED) -> dict[str, Project]:
    """The source distributions among them."""
    return {name: project for name, project in every(path).items() if not project.is_checkout}


def unpacked(project: Project, cache: Path = CACHE) -> Path:
    """The project's own directory, downloaded at first use."""
    home = cache / f"{project.name.rpartition('/')[2]}-{project.version}"
    if not home.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            fetch = _checked_out if project.is_checkout else _downloaded
            fetch(project, Path(temporary)).rename(home)
    return home


def _checked_out(project: Project, folder: Path) -> Path:
    """The commit's files, without history."""
    url = project.name if "://" in project.name else f"https://github.com/{project.name}"
    home = folder / "checkout"
    for words in (["init", "-q", home], ["-C", home, "fetch", "-q", "--depth", "1", url, project.version],
                  ["-C", home, "checkout", "-q", "FETCH_HEAD"]):  # fmt: skip
        process = subprocess.run(["git", *words], capture_output=True, text=True, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
        if process.returncode:
            raise Unreachable(f"{project.name} {project.version}: {process.stderr.strip()[-500:]}")
    return home


def _downloaded(project: Project, folder: Path) -> Path:
    return _unpack(_checked(_download(project, folder), project), folder / "unpacked")


def _download(project: Project, folder: Path) -> Path:
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
