"""Break the visitor on purpose and see whether its tests notice: `python -m ecosystem.mutants --family ATX2 --sample 200`.

A mutant is visitor.py with one comparison, boolean operator, condition, constant or word of a table changed. It is
killed if a lint case (tests/cases) or a page's example then has other findings than it announces, or if checking one of
them raises, with its project or without. Mutants run in processes of their own, in memory; the checkout stays as it is.
The survivors are printed, and the exit code is 1 if fewer than 85 of 100 were killed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import multiprocessing
import os
import random
import re
import sys
import tempfile
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple

ROOT = Path(__file__).parents[1]
VISITOR = ROOT / "flake8_async_tests" / "visitor.py"
WANTED = 85  # killed of 100
SECONDS = 60  # a mutant that takes longer goes round in circles, and is killed
HEADING = re.compile(r"^# (ATX\d) ", re.MULTILINE)


# --------------------------------------------------------------------------------------------------------------------
# The mutants
# --------------------------------------------------------------------------------------------------------------------


class Mutant(NamedTuple):
    """One change: which node of the module (in the order of ast.walk), and which of the changes that it allows."""

    node: int
    change: int
    line: int
    code: str  # the rule whose function is changed; "" in the functions they share
    before: str
    after: str

    def __str__(self) -> str:
        return f"visitor.py:{self.line} {self.code or 'shared'}: {self.before}  ->  {self.after}"


OPPOSITE: dict[type, type] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip
EXCHANGED = {"any": "all", "all": "any", "min": "max", "max": "min"}
Change = Callable[[Any], None]


def changes(node: ast.AST) -> Iterator[Change]:
    """What can be changed in a node."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in OPPOSITE:
            yield lambda one: one.ops.__setitem__(0, OPPOSITE[type(one.ops[0])]())
        case ast.BoolOp():
            yield lambda one: setattr(one, "op", ast.Or() if isinstance(one.op, ast.And) else ast.And())
            if len(node.values) > 1:
                for index in range(len(node.values)):
                    yield lambda one, index=index: one.values.pop(index)  # type: ignore[misc]
        case ast.If() | ast.IfExp():
            yield lambda one: setattr(one, "test", ast.Constant(True))
            yield lambda one: setattr(one, "test", ast.Constant(False))
        case ast.UnaryOp(op=ast.Not()):
            yield lambda one: setattr(one, "op", ast.Not()) or setattr(one, "operand", ast.UnaryOp(ast.Not(), one.operand))
        case ast.Call(func=ast.Name(id=name)) if name in EXCHANGED:
            yield lambda one: setattr(one.func, "id", EXCHANGED[one.func.id])
        case ast.Constant(value=bool()):
            yield lambda one: setattr(one, "value", not one.value)
        case ast.Constant(value=int()):
            yield lambda one: setattr(one, "value", one.value + 1)
        case ast.Constant(value=str() as text) if text.strip():
            yield lambda one: setattr(one, "value", _without_a_word(one.value))
        case ast.Break() | ast.Continue():
            yield lambda one: setattr(one, "__class__", ast.Pass)


def _without_a_word(text: str) -> str:
    """A table of words loses one, some for each table; a single word becomes another."""
    words = text.split()
    return " ".join(words[: len(text) % len(words)] + words[len(text) % len(words) + 1 :]) if len(words) > 1 else text + "x"


def untouched(tree: ast.Module) -> set[ast.AST]:
    """Nodes that say nothing about what is found: docstrings, messages and names of rules, annotations, assertions, texts of errors."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        held: list[Any] = []
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)) and ast.get_docstring(node):
            held.append(node.body[0])
        if isinstance(node, ast.FunctionDef):
            held += [node.returns, *(argument.annotation for argument in node.args.args)]
            held += [argument for call in node.decorator_list if isinstance(call, ast.Call) for argument in call.args]
            held += [node] if node.name == "__repr__" else []
        if isinstance(node, ast.AnnAssign):
            held.append(node.annotation)
        if isinstance(node, (ast.Assert, ast.Raise)) or isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            held.append(node)
        if isinstance(node, (ast.Yield, ast.JoinedStr)):  # words that fill the holes of messages
            held += [one for one in ast.walk(node) if isinstance(one, ast.Constant)]
        found.update(inner for one in held if one is not None for inner in ast.walk(one))
    return found


def mutants(source: str, family: str) -> list[Mutant]:
    """Every mutant of the functions and tables of a family ("ATX2"), of the "shared" part before them, or of all ("")."""
    tree = ast.parse(source)
    starts = [(source.count("\n", 0, match.start()) + 1, match[1]) for match in HEADING.finditer(source)]
    passed_over, found = untouched(tree), []
    codes = {one: code for statement in tree.body if (code := _code(statement)) for one in ast.walk(statement)}
    for number, node in enumerate(ast.walk(tree)):
        line = getattr(node, "lineno", 0)
        section = next((name for begin, name in reversed(starts) if begin <= line), "shared")
        if node in passed_over or family not in ("", section):
            continue
        for index, change in enumerate(changes(node)):
            changed = copy.deepcopy(node)
            change(changed)
            found.append(Mutant(number, index, line, codes.get(node, ""), *_difference(node, changed)))
    return found


def _code(statement: ast.stmt) -> str:
    """The code of the rule that a function registers."""
    calls = [one for one in getattr(statement, "decorator_list", ()) if isinstance(one, ast.Call)]
    return next((call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)), "")


def _difference(before: ast.AST, after: ast.AST) -> tuple[str, str]:
    """Both nodes as text; of a table only the word that is lost."""
    if isinstance(before, ast.Constant) and isinstance(before.value, str) and len(before.value.split()) > 1:
        return " ".join(set(before.value.split()) - set(after.value.split())), ""
    one, other = (re.sub(r"\s+", " ", ast.unparse(getattr(node, "test", node))) for node in (before, after))
    return one[:120], other[:120]


def compiled(source: str, mutant: Mutant | None) -> types.CodeType:
    """The visitor with one change."""
    tree = ast.parse(source)
    if mutant is not None:
        node = next(one for number, one in enumerate(ast.walk(tree)) if number == mutant.node)
        list(changes(node))[mutant.change](node)
        ast.fix_missing_locations(tree)
    return compile(tree, str(VISITOR), "exec")


# --------------------------------------------------------------------------------------------------------------------
# The tests that a mutant has to pass
# --------------------------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """One case or example, written to a folder, with what it announces for each file: line, and code or message."""

    code: str
    title: str
    files: dict[Path, str]
    expected: set[tuple[str, int, str]]
    whole: bool  # an example of a page: it announces whole messages

    @property
    def name(self) -> str:
        return f"{self.code}: {self.title}"


def cases(folder: Path) -> list[Case]:
    """Every lint case and page's example, written below a folder."""
    sys.path.insert(0, str(ROOT / "tests"))
    import linting
    import markdown

    found = []
    for page in sorted([*(ROOT / "tests" / "cases").glob("ATX*.md"), *(ROOT / "flake8_async_tests" / "pages").glob("ATX*.md")]):
        first, every = markdown.sections(page.read_text("utf8"))
        whole = page.parent.name == "pages"
        for section in every:
            files = section.files if whole else {**first.files, **section.files}
            if not files or whole and section.title not in ("Bad", "Good"):
                continue
            home = folder / f"{len(found)}"
            linting.write(home, files)
            announced = {(name, line, text) for name, source in files.items() if name.endswith(".py")
                         for line, text in (markdown.expected if whole else markdown.stated)(source)}  # fmt: skip
            sources = {home / name: source for name, source in files.items() if name.endswith(".py")}
            found.append(Case(page.stem, section.title, sources, announced, whole))
    return found


def fails(case: Case) -> bool:
    """Whether the case's findings are not those that it announces."""
    import linting

    opt_in = [case.code] if case.whole or case.code.startswith("ATX9") else []
    found = set()
    for path in case.files:
        name = path.relative_to(next(one for one in path.parents if one.name.isdigit())).as_posix()
        texts = linting.lint(path, extend_select=opt_in)
        found |= {(name, line, text if (name, line, text) in case.expected else text[:6]) for line, text in texts}
    return found != case.expected


def check_alone(case: Case) -> None:
    """The files of a case without a project around them, as tests/test_cases.py checks them too: nothing may raise."""
    from flake8_async_tests.visitor import Settings, check, gather

    for source in case.files.values():
        list(check(gather(ast.parse(source), settings=Settings(opt_in=("ATX9",)))))


def install(source: str, mutant: Mutant | None) -> None:
    """Make the mutant this process's visitor."""
    module = types.ModuleType("flake8_async_tests.visitor")
    module.__file__ = str(VISITOR)
    sys.modules[module.__name__] = module
    exec(compiled(source, mutant), vars(module))
    import flake8_async_tests

    flake8_async_tests.visitor = module  # type: ignore[attr-defined]


def killer(source: str, mutant: Mutant | None, every: list[Case]) -> str:
    """The case that kills a mutant: title, or exception; "" for a survivor. Cases of the rule itself come first."""
    code = mutant.code if mutant else ""
    try:
        install(source, mutant)
        for case in sorted(every, key=lambda case: (case.code != code, case.code[:4] != code[:4])):
            if fails(case):
                return case.name
        for case in every:
            check_alone(case)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def killer_or_time(source: str, mutant: Mutant | None, every: list[Case]) -> str:
    """The same in a process of its own, which has the cases in memory but no visitor yet, and which is ended when its time is up."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=lambda: theirs.send(killer(source, mutant, every)))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(SECONDS) else "time"
    except EOFError:
        return "end of the process"
    finally:
        process.kill()
        process.join()


def killers(source: str, chosen: list[Mutant | None], every: list[Case], jobs: int) -> Iterator[tuple[Mutant | None, str]]:
    """What kills each mutant."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from zip(chosen, pool.map(lambda mutant: killer_or_time(source, mutant, every), chosen))


def healthy(source: str, every: list[Case]) -> Iterator[Case]:
    """The cases that pass without a mutant; the others can prove nothing."""
    while failing := next((why for _, why in killers(source, [None], every, 1)), ""):
        print(f"fails already without a mutant: {failing}")
        every = [case for case in every if case.name != failing]
    yield from every


def main(words: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(prog="python -m ecosystem.mutants", description=__doc__)
    options.add_argument("--family", default="", help='"ATX2", or "shared" for what stands before the rules; all by default')
    options.add_argument("--sample", type=int, default=200, help="how many mutants (%(default)s); 0 for all")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = options.parse_args(words)
    source = VISITOR.read_text("utf8")
    every = mutants(source, arguments.family)
    chosen = random.Random(arguments.seed).sample(every, min(arguments.sample or len(every), len(every)))
    with tempfile.TemporaryDirectory() as folder:
        tests = list(healthy(source, cases(Path(folder).resolve())))
        survivors = []
        for mutant, why in killers(source, [*chosen], tests, arguments.jobs):
            if not why:
                survivors.append(mutant)
                print(mutant, flush=True)
    killed = len(chosen) - len(survivors)
    print(f"{killed} of {len(chosen)} mutants killed ({100 * killed / max(len(chosen), 1):.0f} of 100), of {len(every)} possible, {len(tests)} cases")
    return int(killed * 100 < WANTED * len(chosen))


if __name__ == "__main__":
    sys.exit(main())
