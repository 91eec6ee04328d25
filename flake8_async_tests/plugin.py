"""flake8's face of the project: options, and the class that flake8 makes once for each file."""

from __future__ import annotations

import argparse
import configparser
import difflib
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, NoReturn, Sequence

if TYPE_CHECKING:
    import ast

    from flake8.options.manager import OptionManager

    from flake8_async_tests.visitor import Settings

__version__ = "0.1.0"

PAGES = Path(__file__).parent / "pages"
MODES = ("auto", "strict")
DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# Words of tests without async code that concern us: marks, fixtures and functions of other libraries.
LIBRARIES = ("anyio", "trio", "event_loop")
# What of a word of async code is more than a mention: tests, fixtures and mocks that may handle it, or the code itself.
TESTS = ("pytest", "unittest", "def test")
ASYNC = (re.compile(r"await\b"), re.compile(r"async\s+(?:def|with|for)\b"))


class Plugin:
    """One file's check, as flake8 makes it: the tree is flake8's own, nothing is parsed again.

    `filename` is flake8's name of the file, "stdin" or "-" where there is none; `lines` are its source lines.
    """

    name = "flake8-async-tests"
    version = __version__

    def __init__(self, tree: ast.Module, filename: str = "stdin", lines: Sequence[str] = (), options: Any = None) -> None:
        self.tree = tree
        self.filename = filename
        self.lines = lines
        self.options = options

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """The findings: line from 1, column from 0, "ATX101 message"."""
        if not is_interesting(self.filename, self.lines):
            return
        try:
            findings = list(self._findings())
        except RecursionError:
            return  # nested deeper than Python can follow: no test that a person wrote
        for line, column, text in findings:
            yield line, self._characters(line, column), text, type(self)

    def _findings(self) -> Iterator[tuple[int, int, str]]:
        from flake8_async_tests import project, visitor

        settings = settings_of(self.options)
        path = None if self.filename in ("stdin", "-", "(none)") else Path(self.filename)
        with project.one_look():
            around = project.project_of(path, settings)
            module = visitor.gather(self.tree, around.path, around, settings)
            yield from visitor.check(module)
            visitor.release(module)

    def _characters(self, line: int, column: int) -> int:
        """A column as flake8 counts it, in characters; the tree counts UTF-8 bytes."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return column if text.isascii() else len(text.encode("utf8", "replace")[:column].decode("utf8", "ignore"))

    @staticmethod
    def add_options(manager: OptionManager) -> None:
        """Declare the options, which flake8 reads from its command line and configuration files."""
        manager.add_option("--atx-asyncio-mode", default="", metavar="MODE", parse_from_config=True,
                           help="pytest-asyncio's mode, auto or strict, instead of what pytest's configuration says")  # fmt: skip
        manager.add_option("--atx-inert-decorators", default="", metavar="NAMES", parse_from_config=True,
                           comma_separated_list=True,
                           help="dotted names of own decorators that leave a test what it was")  # fmt: skip
        manager.add_option("--atx-coroutine-functions", default="", metavar="NAMES", parse_from_config=True,
                           comma_separated_list=True,
                           help="dotted names of own functions that must be awaited although they are no async def")  # fmt: skip
        manager.add_option("--atx-explain", action=Explain, metavar="CODE", help="print the page of a rule and exit")

    @staticmethod
    def parse_options(options: argparse.Namespace) -> None:
        """Refuse bad values with one error: flake8 does not check what comes from a configuration file."""
        if options.atx_asyncio_mode not in ("", *MODES):
            refuse("atx-asyncio-mode", options.atx_asyncio_mode, "auto or strict")
        for key in ("atx_inert_decorators", "atx_coroutine_functions"):
            for name in getattr(options, key) or ():
                if not DOTTED.fullmatch(name):
                    refuse(key.replace("_", "-"), name, "dotted names such as package.module.name")


def is_interesting(filename: str, lines: Sequence[str]) -> bool:
    """One look at the text: whether a file can hold tests, fixtures, mocks or async code that concern us.

    Most files do not, so nothing else is loaded or made for them, and as few words as can be are searched, one by one:
    that takes a tenth of the time of one expression for all.
    """
    if filename.endswith("conftest.py"):
        return True
    text = "".join(lines)
    may_test = "test" in text
    if "sync" not in text and not (may_test and any(word in text for word in LIBRARIES)):
        return False
    return may_test and any(word in text for word in TESTS) or "mock" in text or any(code.search(text) for code in ASYNC)


def refuse(key: str, value: str, allowed: str) -> NoReturn:
    """End flake8 with one readable error: where the value stands, the key, what is allowed."""
    from flake8.exceptions import ExecutionError

    raise ExecutionError(f"{_origin(key)}: {key} = {value!r} is not allowed; use {allowed}")


def _origin(key: str) -> str:
    """The place of a wrong value: the command line, or the last of flake8's configuration files that holds the key."""
    words = (word.partition("=")[0] for word in sys.argv)
    if any(word.startswith("--atx-") and f"--{key}".startswith(word) for word in words):  # argparse takes shortened options
        return "command line"
    from flake8.main.options import stage1_arg_parser
    from flake8.options.config import _find_config_file

    given, _ = stage1_arg_parser().parse_known_args()  # flake8 does not hand on which configuration files it was given
    found = given.config or _find_config_file(str(Path.cwd()))
    for file in (*reversed(given.append_config), *([found] if found else [])):
        parser = configparser.RawConfigParser()
        parser.read(file, "UTF-8")
        if parser.has_option("flake8", key) or parser.has_option("flake8", key.replace("-", "_")):
            return str(file)
    return "flake8 configuration"


class Explain(argparse.Action):
    """`--atx-explain CODE`: print the rule's page and exit; 2 for an unknown code."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: str | None = None) -> None:
        code = str(values).strip().upper()
        page = PAGES / f"{code}.md"
        codes = sorted(path.stem for path in PAGES.glob("ATX*.md"))
        if code in codes:
            print(page.read_text("utf8"), end="")
            parser.exit(0)
        near = sorted(codes, key=lambda known: (-difflib.SequenceMatcher(None, code, known).ratio(), known[:4] != code[:4], known))[:3]
        parser.exit(2, f"--atx-explain: there is no rule {values}; the nearest codes are {', '.join(near)}\n")


def settings_of(options: Any) -> Settings:
    """The user's options as the visitor wants them; the defaults if there are none."""
    return _settings(
        getattr(options, "atx_asyncio_mode", "") or None,
        tuple(getattr(options, "atx_inert_decorators", ()) or ()),
        tuple(getattr(options, "atx_coroutine_functions", ()) or ()),
        opt_in_of(options),
    )


@lru_cache(maxsize=8)
def _settings(mode: str | None, inert: tuple[str, ...], coroutines: tuple[str, ...], opt_in: tuple[str, ...]) -> Settings:
    from flake8_async_tests.visitor import Settings

    return Settings(mode, frozenset(inert), frozenset(coroutines), opt_in)


def opt_in_of(options: Any) -> tuple[str, ...]:
    """The selected prefixes that name opt-in rules: at least four characters, from ATX9 on.

    flake8's own list of rules that are off by default does not serve: `--select ATX` and any `ignore =` switch them on.
    """
    chosen = [code for key in ("select", "extend_select", "extended_default_select") for code in getattr(options, key, None) or ()]
    return tuple(sorted({code for code in chosen if code.startswith("ATX9")}))
