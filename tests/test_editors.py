"""The plugin where people meet it: in an editor through pylsp's language server, and in a commit through pre-commit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import linting
import pytest
import yaml

SOURCE = """\
import unittest


class TestPlain(unittest.TestCase):
    async def test_never_awaited(self):
        pass
"""
MESSAGE = "ATX102 `TestCase` never awaits async test `test_never_awaited`; use `IsolatedAsyncioTestCase`"
ENABLED = {"pylsp": {"plugins": {"flake8": {"enabled": True, "executable": str(Path(sys.executable).with_name("flake8"))},
                                 "pycodestyle": {"enabled": False}, "pyflakes": {"enabled": False}}}}  # fmt: skip


@pytest.fixture
def suite(tmp_path):
    linting.write(tmp_path, {"test_a.py": SOURCE})
    return tmp_path


def framed(**body):
    """A message as the language server protocol frames it."""
    text = json.dumps({"jsonrpc": "2.0", **body}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(text), text)


def test_pylsp(suite):
    document = {"uri": (suite / "test_a.py").as_uri(), "languageId": "python", "version": 1, "text": SOURCE}
    server = [sys.executable, "-m", "pylsp"]
    talk = [
        framed(id=1, method="initialize", params={"rootUri": suite.as_uri(), "capabilities": {}}),
        framed(method="workspace/didChangeConfiguration", params={"settings": ENABLED}),
        framed(method="textDocument/didOpen", params={"textDocument": document}),
    ]
    with subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        running.stdin.write(b"".join(talk))
        running.stdin.flush()
        published = next(one for one in _received(running.stdout) if one.get("method") == "textDocument/publishDiagnostics")
        running.kill()
    (diagnostic,) = published["params"]["diagnostics"]
    assert (diagnostic["code"], diagnostic["message"], diagnostic["range"]["start"]["line"]) == ("ATX102", MESSAGE, 4)


def _received(stream):
    """The server's messages as they come."""
    while head := stream.readline():
        length = int(head.partition(b":")[2])
        while stream.readline().strip():
            pass
        yield json.loads(stream.read(length))


def test_pre_commit(suite):
    hook = {"id": "flake8", "name": "flake8", "language": "system", "files": "^test_",
            "entry": f"{sys.executable} -m flake8 --isolated --select ATX"}  # fmt: skip
    linting.write(suite, {".pre-commit-config.yaml": yaml.safe_dump({"repos": [{"repo": "local", "hooks": [hook]}]})})
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=suite, check=True)
    run = subprocess.run([sys.executable, "-m", "pre_commit", "run", "--all-files"], cwd=suite, capture_output=True, text=True,
                         timeout=120)  # fmt: skip
    assert run.returncode == 1
    assert f"test_a.py:5:5: {MESSAGE}" in run.stdout
