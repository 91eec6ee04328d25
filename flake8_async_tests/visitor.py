"""The single-module visitor: one walk gathers the facts of a file, the ATX rules judge them.

Order of this module: names, facts (scopes, bindings, values), what pytest makes of them (marks, fixtures, tests), the
registry, then the rules by family. A rule never walks the tree: it reads the facts of a scope. A rule returns early
until the fault is proven; what is not known is never reported.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, NamedTuple, Sequence

from flake8_async_tests import knowledge

if TYPE_CHECKING:
    from pathlib import Path

    from flake8_async_tests.project import Project

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Position = tuple[int, int]  # line, column, as in the tree: lines from 1, columns in UTF-8 bytes from 0
Finding = tuple[int, int, str]  # line, column, "ATX101 message"


class Settings(NamedTuple):
    """The user's options; `opt_in` holds the selected prefixes of at least four characters that start with ATX9."""

    asyncio_mode: str | None = None
    inert_decorators: frozenset[str] = frozenset()
    coroutine_functions: frozenset[str] = frozenset()
    opt_in: tuple[str, ...] = ()


# --------------------------------------------------------------------------------------------------------------------
# Names
# --------------------------------------------------------------------------------------------------------------------

# Names that have their usual meaning where the module binds them nowhere (star imports, fragments of documentation).
WELL_KNOWN = {
    **{name: name for name in ("pytest", "pytest_asyncio", "asyncio", "anyio", "unittest", "httpx")},
    **{name: f"unittest.mock.{name}" for name in ("AsyncMock", "MagicMock", "Mock", "patch")},
    **{name: f"httpx.{name}" for name in ("AsyncClient", "ASGITransport")},
    "mock": "unittest.mock",
}

# Decorators that leave a test what it was. Any other decorator may wrap the function, run it or hand it arguments.
INERT_DECORATORS = re.compile(
    r"""pytest\.mark\.\w+ | unittest\.mock\.patch(\.object|\.dict|\.multiple)?
    | (typing|typing_extensions)\.(override|final|no_type_check) | hypothesis\.(given|settings|example|seed|note)
    | unittest\.(skip|skipIf|skipUnless|expectedFailure) | staticmethod | classmethod
    | freezegun\.freeze_time | time_machine\.travel | respx\.mock""",
    re.VERBOSE,
)

MOCKED = "unittest.mock."
LOOP_SCOPES = ("function", "class", "module", "package", "session")


def canonical(dotted: str) -> str:
    """One spelling for names that the field imports from two places."""
    if dotted == "mock" or dotted.startswith("mock."):
        return "unittest." + dotted
    return dotted.replace("pytest_asyncio.plugin.", "pytest_asyncio.")


# --------------------------------------------------------------------------------------------------------------------
# Facts: one walk per scope
# --------------------------------------------------------------------------------------------------------------------

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
BRANCHES = (ast.If, ast.Try, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.Match, ast.match_case) + (
    (ast.TryStar,) if hasattr(ast, "TryStar") else ()
)
# Types of nodes that a scope keeps lists of, because rules ask for them.
KEPT = frozenset((
    ast.Await, ast.Yield, ast.YieldFrom, ast.Return, ast.Assert, ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While,
    ast.If, ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Try, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.Compare, ast.Raise, ast.NamedExpr, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping,
    ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Delete, ast.BoolOp, ast.UnaryOp, ast.Break,
)) | frozenset(BRANCHES)
# Leaves: nothing below them that a rule could ask for.
LEAVES = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.Constant, ast.alias, ast.type_ignore)


def _children(kind: type) -> tuple[str, ...]:
    """The fields of a node type that hold nodes, last first, a value after its targets (the walk is a stack)."""
    plain = ("ctx", "op", "ops", "id", "attr", "name", "names", "asname", "arg", "kind", "type_comment", "level", "module",
             "is_async", "simple", "conversion", "rest", "type_params")  # fmt: skip
    fields = [field for field in kind._fields if field not in plain]
    if "targets" in fields or "target" in fields:
        targets = [field for field in fields if field.startswith("target")]
        first = [field for field in fields if field in ("value", "iter")]
        fields = first + targets + [field for field in fields if field not in targets + first]
    return tuple(reversed(fields))


CHILDREN: dict[type, tuple[str, ...]] = {
    kind: _children(kind)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, LEAVES)
}
CHILDREN[ast.Compare] = ("comparators", "left")
CHILDREN[ast.Dict] = ("values", "keys")


class Facts:
    """What one scope holds, in document order, nested scopes apart (they have facts of their own)."""

    __slots__ = ("nodes", "calls", "names", "scopes", "stores")

    def __init__(self) -> None:
        self.nodes: dict[type, list[Any]] = defaultdict(list)  # by type, for the types KEPT
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)  # by the last segment of what is called
        self.names: dict[str, list[ast.Name]] = defaultdict(list)  # by identifier, loads and stores
        self.scopes: list[Scope] = []  # functions, lambdas and classes defined here
        self.stores: list[ast.Attribute] = []  # attributes that are assigned to or deleted


def _walk(scope: Scope, roots: Iterable[ast.AST]) -> Facts:
    """The one walk: every node of a scope once, with its parent noted."""
    facts = Facts()
    nodes, calls, names, parents = facts.nodes, facts.calls, facts.names, scope.module.parents
    stack: list[ast.AST] = list(roots)[::-1]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is ast.Name:
            names[node.id].append(node)
            continue
        if kind is ast.Call:
            function = node.func
            if type(function) is ast.Attribute:
                calls[function.attr].append(node)
            elif type(function) is ast.Name:
                calls[function.id].append(node)
            else:
                calls[""].append(node)
        elif kind is ast.Attribute:
            if type(node.ctx) is not ast.Load:
                facts.stores.append(node)
        elif kind in KEPT:
            nodes[kind].append(node)
        elif kind in SCOPES:
            stack += _enter(scope, node, facts)
            continue
        for field in CHILDREN.get(kind, ()):
            child = getattr(node, field, None)
            if type(child) is list:
                for item in reversed(child):
                    if type(item) is not ast.Constant and item is not None:
                        parents[item] = node
                        stack.append(item)
            elif child is not None and type(child) is not ast.Constant:
                parents[child] = node
                stack.append(child)
    return facts


def _enter(scope: Scope, node: Any, facts: Facts) -> list[ast.AST]:
    """Note a nested scope; what is evaluated outside it (decorators, defaults, bases) stays with the outer one."""
    made: Scope = Class(node, scope) if isinstance(node, ast.ClassDef) else Function(node, scope)
    facts.scopes.append(made)
    scope.module.scopes[node] = made
    if isinstance(node, ast.ClassDef):
        outside = [*node.decorator_list, *node.bases, *node.keywords]
    else:
        arguments = node.args
        outside = [*arguments.defaults, *(default for default in arguments.kw_defaults if default)]
        if not isinstance(node, ast.Lambda):
            outside = [*node.decorator_list, *outside]
    parents = scope.module.parents
    for child in outside:
        parents[child] = node
    return outside[::-1]


class Binding(NamedTuple):
    """One place that gives a name its value, visible from `since` on; `how` says what `value` is.

    import: dotted name; assign, with, async with, for, async for: the expression on the other side; definition: a Scope;
    parameter: the ast.arg; other: nothing that can be known.
    """

    how: str
    value: Any
    node: ast.AST
    since: Position


def start(node: Any) -> Position:
    return node.lineno, node.col_offset


def end(node: Any) -> Position:
    return node.end_lineno, node.end_col_offset


class Scope:
    """A module, class or function: the names it binds and what it holds."""

    node: Any
    outer: Scope | None
    module: Module
    name = ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} line {getattr(self.node, 'lineno', 0)}>"

    # What the walk noted; gathered when first asked for.

    @cached_property
    def facts(self) -> Facts:
        body = self.node.body if isinstance(self.node.body, list) else [self.node.body]
        for child in body:
            self.module.parents[child] = self.node
        return _walk(self, body)

    @property
    def nodes(self) -> dict[type, list[Any]]:
        return self.facts.nodes

    @property
    def calls(self) -> dict[str, list[ast.Call]]:
        return self.facts.calls

    @cached_property
    def functions(self) -> list[Function]:
        """Functions defined right here, lambdas left out."""
        return [scope for scope in self.facts.scopes if isinstance(scope, Function) and not scope.is_lambda]

    @cached_property
    def classes(self) -> list[Class]:
        return [scope for scope in self.facts.scopes if isinstance(scope, Class)]

    def every(self, *kinds: type) -> list[Any]:
        """All nodes of these types, in document order."""
        found = [node for kind in kinds for node in self.facts.nodes.get(kind, ())]
        return found if len(kinds) == 1 else sorted(found, key=start)

    def calls_to(self, *dotted: str) -> list[ast.Call]:
        """Calls of library functions by dotted name, aliases of imports included."""
        wanted = set(dotted)
        found = []
        lasts = {name.rpartition(".")[2] for name in dotted}
        for last in lasts | {local for local, name in self.module.renamed.items() if name in lasts}:
            found += [call for call in self.facts.calls.get(last, ()) if self.dotted(call.func) in wanted]
        return sorted(found, key=start)

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self.module.parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, innermost first, up to the scope's own."""
        parents = self.module.parents
        while (above := parents.get(node)) is not None:
            yield above
            if above is self.node:
                return
            node = above

    def statement(self, node: ast.AST) -> ast.AST:
        """The statement that a node is part of."""
        while not isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            above = self.module.parents.get(node)
            if above is None:
                return node
            node = above
        return node

    # Bindings

    @cached_property
    def bindings(self) -> dict[str, list[Binding]]:
        """Every binding of every name of this scope, in document order."""
        found: dict[str, list[Binding]] = defaultdict(list)
        for name, binding in self._all_bindings():
            found[name].append(binding)
        for several in found.values():
            several.sort(key=lambda binding: binding.since)
        return found

    def _all_bindings(self) -> Iterator[tuple[str, Binding]]:
        nodes = self.facts.nodes
        for statement in nodes.get(ast.Import, ()):
            for alias in statement.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or whole, Binding("import", canonical(whole), statement, end(statement))
        for statement in nodes.get(ast.ImportFrom, ()):
            base = self.module.absolute(statement)
            for alias in statement.names:
                dotted = canonical(f"{base}.{alias.name}") if base else None
                how = "import" if dotted else "other"
                yield alias.asname or alias.name, Binding(how, dotted, statement, end(statement))
        for scope in self.facts.scopes:
            if scope.name:
                yield scope.name, Binding("definition", scope, scope.node, end(scope.node))
        for name, uses in self.facts.names.items():
            for use in uses:
                if type(use.ctx) is not ast.Load:
                    yield name, self._binding_of(use)
        for kind in (ast.ExceptHandler, ast.MatchAs, ast.MatchStar):
            for node in nodes.get(kind, ()):
                if node.name:
                    yield node.name, Binding("other", None, node, start(node))
        for kind in (ast.Global, ast.Nonlocal):
            for node in nodes.get(kind, ()):
                for name in node.names:
                    yield name, Binding("other", None, node, start(node))

    def _binding_of(self, name: ast.Name) -> Binding:
        """The binding that a stored name is the target of; unpacking and the like give a value that is not known."""
        above = self.module.parents.get(name)
        match above:
            case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.NamedExpr(value=value) if value is not None:
                return Binding("assign", value, above, end(above))
            case ast.AnnAssign():
                return Binding("annotation", above.annotation, above, end(above))
            case ast.withitem(context_expr=value):
                how = "async with" if isinstance(self.module.parents.get(above), ast.AsyncWith) else "with"
                return Binding(how, value, above, end(name))
            case ast.For(iter=value) | ast.AsyncFor(iter=value) if above.target is name:
                return Binding("async for" if isinstance(above, ast.AsyncFor) else "for", value, above, end(name))
        return Binding("other", None, name, end(self.statement(name)) if above is not None else end(name))

    def reaching(self, name: str, at: ast.AST | None) -> list[Binding]:
        """The bindings of this scope that may give `name` its value at a node, by flow order; all of them for None."""
        every = self.bindings.get(name, [])
        if at is None or len(every) == 0:
            return every
        where = start(at)
        before = [binding for binding in every if binding.since <= where]
        around = set(self.ancestors(at))
        found: list[Binding] = []
        for binding in reversed(before):
            found.append(binding)
            if self._always_before(binding.node, around):
                break
        loops = [node for node in around if isinstance(node, LOOPS)]
        later = [binding for binding in every if binding.since > where and any(
            loop in set(self.ancestors(binding.node)) for loop in loops)]  # fmt: skip
        return found + later

    def _always_before(self, node: ast.AST, around: set[ast.AST]) -> bool:
        """Whether a binding is in a block that also holds the use, so that no older binding survives it."""
        for above in self.ancestors(node):
            if isinstance(above, BRANCHES) and above not in around:
                return False
        return True

    def lookup(self, name: ast.Name) -> tuple[Scope, list[Binding]] | None:
        """The scope that binds a name as seen here, with the bindings that may reach it; None for unbound names."""
        scope: Scope | None = self
        at: ast.AST | None = name
        while scope is not None:
            if (at is not None or not isinstance(scope, Class)) and name.id in scope.bindings:
                return scope, scope.reaching(name.id, at)
            # Bodies of functions run later: there, every binding of an outer scope may be the one.
            at = at if isinstance(scope, Class) and scope is not self else None
            scope = scope.outer
        return None

    def uses(self, name: str) -> list[ast.Name]:
        """Loads of a name of this scope, those in nested scopes that do not bind it themselves included."""
        found = [use for use in self.facts.names.get(name, ()) if type(use.ctx) is ast.Load]
        for scope in self.facts.scopes:
            found += _nested_uses(scope, name)
        return found

    # Dotted names

    def dotted(self, expression: ast.AST | None) -> str | None:
        """The dotted name that an expression stands for ("pytest.mark.asyncio"), by binding; None if it is not one."""
        tail: list[str] = []
        while type(expression) is ast.Attribute:
            tail.append(expression.attr)
            expression = expression.value
        if type(expression) is not ast.Name:
            return None
        head = self._dotted_name(expression)
        if head is None or not tail:
            return head
        return canonical(".".join([head, *reversed(tail)]))

    def _dotted_name(self, name: ast.Name) -> str | None:
        cache = self.module.dotted_cache
        if name not in cache:
            cache[name] = None  # an alias of itself stands for nothing
            cache[name] = self._find_dotted(name)
        return cache[name]

    def _find_dotted(self, name: ast.Name) -> str | None:
        found = self.lookup(name)
        if found is None:
            return WELL_KNOWN.get(name.id) or (name.id if name.id in BUILTINS else None)
        scope, bindings = found
        meanings = {scope._dotted_binding(binding) for binding in bindings if not _is_none(binding)}
        return meanings.pop() if len(meanings) == 1 else None

    def _dotted_binding(self, binding: Binding) -> str | None:
        if binding.how == "import":
            return binding.value
        if binding.how == "assign" and isinstance(binding.value, (ast.Name, ast.Attribute)):
            return self.dotted(binding.value)
        return None

    def plain(self, expression: Any) -> Any:
        """The expression behind a name that is bound once (`mark = pytest.mark.asyncio(...)`), else the same one."""
        for _ in range(5):
            if not isinstance(expression, ast.Name) or (found := self.lookup(expression)) is None:
                return expression
            scope, bindings = found
            if len(bindings) != 1 or bindings[0].how != "assign" or scope is not self and len(
                    scope.bindings[expression.id]) != 1:  # fmt: skip
                return expression
            expression = bindings[0].value
        return expression

    def definition(self, expression: ast.AST | None) -> Function | Class | None:
        """The function or class that an expression names, in this module or in a readable first-party one."""
        if isinstance(expression, ast.Name):
            found = self.lookup(expression)
            if found is not None and len(found[1]) == 1 and found[1][0].how == "definition":
                return found[1][0].value
        dotted = self.dotted(expression)
        if dotted and "." in dotted and self.module.project is not None:
            return self.module.project.definition(dotted, self.module)
        return None

    @cached_property
    def stored(self) -> dict[str, list[ast.expr | None]]:
        """What is assigned to attributes of names, by path ("m.get.return_value"); None where it is not an expression."""
        found: dict[str, list[ast.expr | None]] = defaultdict(list)
        for target in self.facts.stores:
            path, root = [target.attr], target.value
            while isinstance(root, ast.Attribute):
                path.append(root.attr)
                root = root.value
            if isinstance(root, ast.Name):
                above = self.parent(target)
                written = above.value if isinstance(above, (ast.Assign, ast.AnnAssign)) else None
                found[".".join([root.id, *reversed(path)])].append(written)
        return found

    def quoted(self, text: str) -> str | None:
        """The dotted name that a quoted annotation stands for."""
        head, dot, tail = text.strip().partition(".")
        if not text.strip().replace(".", "").isidentifier():
            return None
        name = ast.Name(head, ast.Load(), lineno=10**9, col_offset=0)
        dotted = self.dotted(name)
        return dotted + dot + tail if dotted else None

    def constant(self, expression: ast.AST | None) -> Any:
        """The value of a literal, or of a name bound once to one; None if there is none."""
        expression = self.plain(expression)
        return expression.value if isinstance(expression, ast.Constant) else None


BUILTINS = frozenset(("staticmethod", "classmethod", "property", "all", "any", "bool", "list", "next", "iter", "set", "tuple",
                      "sum", "sorted", "len", "print", "isinstance", "object", "TimeoutError"))  # fmt: skip


def _is_none(binding: Binding) -> bool:
    """`trio = None` in an except ImportError says nothing about what the name means when it is used."""
    return binding.how == "assign" and isinstance(binding.value, ast.Constant) and binding.value.value is None


class Module(Scope):
    """One file. `project` says what lies around it; None when nothing can be known."""

    def __init__(self, tree: ast.Module, path: Path | None = None, project: Project | None = None,
                 settings: Settings = Settings()) -> None:  # fmt: skip
        self.settings = settings
        self.node = tree
        self.outer = None
        self.module = self
        self.path = path
        self.project = project
        self.parents: dict[ast.AST, ast.AST] = {}
        self.scopes: dict[ast.AST, Scope] = {}
        self.dotted_cache: dict[ast.Name, str | None] = {}
        self.value_cache: dict[ast.AST, Value | None] = {}
        self.value_depth = 0

    def absolute(self, statement: ast.ImportFrom) -> str | None:
        """The dotted name of the module that `from X import ...` names; relative ones start with dots."""
        return "." * (statement.level or 0) + (statement.module or "") or None

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Local names that imports give to functions (`from asyncio import gather as g`), with the last segment meant."""
        return {
            alias.asname: alias.name
            for scope in (self, *self.all_scopes)
            for node in scope.facts.nodes.get(ast.ImportFrom, ())
            for alias in node.names
            if alias.asname and alias.asname != alias.name
        }

    @cached_property
    def all_scopes(self) -> list[Scope]:
        """Every class, function and lambda of the file, in document order."""
        found: list[Scope] = []
        stack: list[Scope] = [self]
        while stack:
            scope = stack.pop()
            found.append(scope)
            stack += reversed(scope.facts.scopes)
        return found[1:]

    @cached_property
    def all_functions(self) -> list[Function]:
        return [scope for scope in self.all_scopes if isinstance(scope, Function)]

    @cached_property
    def all_classes(self) -> list[Class]:
        return [scope for scope in self.all_scopes if isinstance(scope, Class)]

    @cached_property
    def imports(self) -> set[str]:
        """Top-level packages and modules that the file imports anywhere ("anyio", "aiohttp.test_utils")."""
        found = set()
        for scope in (self, *self.all_scopes):
            for node in scope.facts.nodes.get(ast.Import, ()):
                found.update(alias.name for alias in node.names)
            for node in scope.facts.nodes.get(ast.ImportFrom, ()):
                found.add(self.absolute(node) or "")
                found.update(f"{self.absolute(node)}.{alias.name}" for alias in node.names)
        return found

    def imports_package(self, *packages: str) -> bool:
        return any(name == package or name.startswith(package + ".") for name in self.imports for package in packages)

    @cached_property
    def marks(self) -> list[Mark]:
        """Marks of the module's own `pytestmark`, wherever and however it is assigned."""
        return _pytestmark(self)

    @cached_property
    def speaks_asyncio(self) -> bool:
        """Whether the file itself marks tests for pytest-asyncio or imports it."""
        if self.imports_package("pytest_asyncio"):
            return True
        return any(mark.name == "asyncio" for scope in (self, *self.all_scopes) for mark in getattr(scope, "own_marks", scope.marks))

    @cached_property
    def names_backend(self) -> bool:
        """Whether the file defines, requests or marks with anything of anyio's or trio's pytest plugins."""
        for scope in (self, *self.all_scopes):
            if any(mark.name in RUNNER_MARKS for mark in getattr(scope, "own_marks", scope.marks)):
                return True
            if isinstance(scope, Function) and any(arg.arg.startswith("anyio_backend") for arg in scope.parameters):
                return True
        return "anyio_backend" in self.fixtures

    @property
    def is_conftest(self) -> bool:
        return self.path is not None and self.path.name == "conftest.py"

    @cached_property
    def is_test_file(self) -> bool:
        """Whether pytest would collect the file; a file without a name is taken for one."""
        return self.path is None or (not self.is_conftest and collects(self, "python_files", self.path.name))

    @cached_property
    def fixtures(self) -> dict[str, Function]:
        """Module-level fixtures by the name that tests request."""
        return {function.fixture.name: function for function in self.functions if function.fixture}


class Class(Scope):
    """A class of the file."""

    def __init__(self, node: ast.ClassDef, outer: Scope) -> None:
        self.node, self.outer, self.module, self.name = node, outer, outer.module, node.name

    @cached_property
    def methods(self) -> dict[str, Function]:
        return {function.name: function for function in self.functions}

    @cached_property
    def bases(self) -> list[Class | str | None]:
        """What each base is: a class that can be read, else a dotted name, else None."""
        assert self.outer is not None
        return [self.outer.definition(base) if isinstance(self.outer.definition(base), Class) else self.outer.dotted(base)
                for base in self.node.bases]  # fmt: skip

    @cached_property
    def ancestry(self) -> list[Class | str | None]:
        """The class, its bases and theirs; dotted names where reading ends, None where nothing is known."""
        found: list[Class | str | None] = []
        todo: list[Class | str | None] = [self]
        while todo and len(found) < 100:
            base = todo.pop(0)
            if base in found and base is not None:
                continue
            found.append(base)
            if isinstance(base, Class):
                todo += base.bases
        return found

    @property
    def roots(self) -> list[str | None]:
        """The bases at which reading ends, `object` left out; [] for a plain class."""
        return [base for base in self.ancestry if not isinstance(base, Class) and base != "object"]

    def inherits(self, *dotted: str) -> bool:
        return any(base in dotted for base in self.roots)

    @cached_property
    def is_special(self) -> bool:
        """Whether a metaclass, class decorator or `__init_subclass__` may change what the methods are."""
        return any(
            base.node.keywords or any(not base._inert(decorator) for decorator in base.node.decorator_list)
            or "__init_subclass__" in base.methods
            for base in self.ancestry if isinstance(base, Class)
        )  # fmt: skip

    def _inert(self, decorator: ast.expr) -> bool:
        return self.outer is not None and is_inert(self.outer, decorator)

    def find_method(self, name: str) -> Function | None:
        """A method by name, inherited ones included; None if a base that cannot be read may define it first."""
        for base in self.ancestry:
            if not isinstance(base, Class):
                return None
            if name in base.methods:
                return base.methods[name]
        return None

    @cached_property
    def own_marks(self) -> list[Mark]:
        assert self.outer is not None
        return [*_marks_of(self.outer, self.node.decorator_list), *_pytestmark(self)]

    @cached_property
    def marks(self) -> list[Mark]:
        """Marks of the class, its bases and its outer classes, closest first."""
        inherited = [mark for base in self.ancestry if isinstance(base, Class) for mark in base.own_marks]
        return inherited + (self.outer.marks if isinstance(self.outer, Class) else [])

    @cached_property
    def attributes(self) -> dict[str, list[tuple[Scope, ast.expr | None]]]:
        """What the class and its methods assign to `self.NAME`, and NAME in the class body."""
        found: dict[str, list[tuple[Scope, ast.expr | None]]] = defaultdict(list)
        for base in self.ancestry:
            for method in base.functions if isinstance(base, Class) else ():
                for path, written in method.stored.items():
                    head, _, attribute = path.partition(".")
                    if method.node.args.args and head == method.node.args.args[0].arg and "." not in attribute:
                        found[attribute] += [(method, expression) for expression in written]
            for name, bindings in base.bindings.items() if isinstance(base, Class) else ():
                found[name] += [(base, binding.value if binding.how == "assign" else None) for binding in bindings]
        return found

    @cached_property
    def is_testcase(self) -> bool:
        """Whether every root of the class is unittest's own TestCase or IsolatedAsyncioTestCase."""
        return bool(self.roots) and all(base in TESTCASES for base in self.roots)

    @cached_property
    def fixtures(self) -> dict[str, Function]:
        """Fixtures of the class and its readable bases, by the name that tests request."""
        found: dict[str, Function] = {}
        for base in reversed([base for base in self.ancestry if isinstance(base, Class)]):
            found.update({function.fixture.name: function for function in base.functions if function.fixture})
        return found

    @cached_property
    def is_collected(self) -> bool:
        """Whether pytest takes tests from this class: by its name, or because unittest does."""
        if isinstance(self.outer, Function):
            return False
        if isinstance(self.outer, Class) and not self.outer.is_collected:
            return False
        if any(base in TESTCASES for base in self.roots):
            return True
        if self.find_method("__init__") or self.find_method("__new__") or _is_off(self):
            return False
        return collects(self.module, "python_classes", self.name)


TESTCASES = ("unittest.TestCase", "unittest.IsolatedAsyncioTestCase", "unittest.case.TestCase",
             "unittest.async_case.IsolatedAsyncioTestCase")  # fmt: skip


def _is_off(scope: Scope) -> bool:
    """`__test__ = False` in a class body."""
    return any(binding.how == "assign" and isinstance(binding.value, ast.Constant) and not binding.value.value
               for binding in scope.bindings.get("__test__", ()))  # fmt: skip


class Function(Scope):
    """A function, method or lambda of the file."""

    def __init__(self, node: FunctionNode, outer: Scope) -> None:
        self.node, self.outer, self.module = node, outer, outer.module
        self.name = getattr(node, "name", "")
        self.is_async = isinstance(node, ast.AsyncFunctionDef)
        self.is_lambda = isinstance(node, ast.Lambda)

    @property
    def owner(self) -> Class | None:
        """The class that this function is a method of."""
        return self.outer if isinstance(self.outer, Class) else None

    @cached_property
    def parameters(self) -> list[ast.arg]:
        """Every parameter that is given by name or position, `self` and `cls` of methods left out."""
        arguments = self.node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        first_is_self = self.owner is not None and not any(
            self.outer.dotted(decorator) == "staticmethod" for decorator in self.decorators)  # fmt: skip
        return every[1:] if first_is_self else every

    @cached_property
    def requested(self) -> list[str]:
        """Names of the fixtures that pytest would look up: parameters without default that no patch or parametrize gives."""
        arguments = self.node.args
        optional = {arg.arg for arg in [*arguments.posonlyargs, *arguments.args][-len(arguments.defaults):]} if arguments.defaults else set()
        optional |= {arg.arg for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default}
        return [arg.arg for arg in self.parameters if arg.arg not in optional]

    def _all_bindings(self) -> Iterator[tuple[str, Binding]]:
        arguments = self.node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for argument in every:
            yield argument.arg, Binding("parameter", argument, argument, start(self.node))
        for argument in (arguments.vararg, arguments.kwarg):
            if argument:
                yield argument.arg, Binding("other", None, argument, start(self.node))
        yield from super()._all_bindings()

    @property
    def decorators(self) -> list[ast.expr]:
        return [] if self.is_lambda else self.node.decorator_list

    @cached_property
    def is_generator(self) -> bool:
        return bool(self.yields)

    @cached_property
    def yields(self) -> list[ast.Yield]:
        return self.every(ast.Yield, ast.YieldFrom)

    @property
    def is_coroutine_function(self) -> bool:
        return self.is_async and not self.is_generator

    @property
    def is_async_generator(self) -> bool:
        return self.is_async and self.is_generator

    @cached_property
    def is_plain(self) -> bool:
        """No decorator but inert ones and fixture marks: calling it does what its body says."""
        return all(is_inert(self.outer, decorator) for decorator in self.decorators)

    @cached_property
    def fixture(self) -> Fixture | None:
        return None if self.is_lambda or not self.decorators else _fixture(self)

    @cached_property
    def own_marks(self) -> list[Mark]:
        return _marks_of(self.outer, self.decorators)

    @cached_property
    def marks(self) -> list[Mark]:
        """Marks that apply to a test, closest first: its own, its class's, the module's."""
        return self.own_marks + (self.owner.marks if self.owner else []) + self.module.marks

    def mark(self, name: str) -> Mark | None:
        """The closest mark of a name; pytest-asyncio takes that one alone."""
        return next((mark for mark in self.marks if mark.name == name), None)

    @cached_property
    def is_test(self) -> bool:
        """Whether pytest would collect this function as a test (or try to)."""
        if self.is_lambda or self.fixture or not self.module.is_test_file or isinstance(self.outer, Function):
            return False
        if self.owner:
            if not self.owner.is_collected:
                return False
            if self.owner.inherits(*TESTCASES):
                return self.name.startswith("test")
        return collects(self.module, "python_functions", self.name)


def _nested_uses(scope: Scope, name: str) -> list[ast.Name]:
    if name in scope.bindings and not any(binding.how == "other" for binding in scope.bindings[name]):
        return []
    found = [use for use in scope.facts.names.get(name, ()) if type(use.ctx) is ast.Load]
    for inner in scope.facts.scopes:
        found += _nested_uses(inner, name)
    return found


# --------------------------------------------------------------------------------------------------------------------
# What pytest makes of it: collection, marks, fixtures
# --------------------------------------------------------------------------------------------------------------------

COLLECTED = {"python_files": ("test_*.py", "*_test.py"), "python_functions": ("test",), "python_classes": ("Test",)}


def collects(module: Module, option: str, name: str) -> bool:
    """Whether a name matches pytest's python_files, python_functions or python_classes, in every reading of them."""
    patterns = module.project.patterns(option) if module.project else (COLLECTED[option],)
    return all(_matches(several, name, option) for several in patterns)


def _matches(patterns: Sequence[str], name: str, option: str) -> bool:
    """As pytest matches: a prefix, or a glob if the pattern has a wildcard; files by glob alone."""
    return any(
        fnmatchcase(name, pattern) or option != "python_files" and not set("*?[") & set(pattern) and name.startswith(pattern)
        for pattern in patterns
    )


class Mark(NamedTuple):
    """A `pytest.mark.NAME`, with or without call, at the place where it is written."""

    name: str
    node: ast.expr  # the decorator, or the element of pytestmark
    call: ast.Call | None
    scope: Scope  # where it is written: its expressions resolve there

    @property
    def is_bare(self) -> bool:
        return self.call is None or not (self.call.args or self.call.keywords)

    def argument(self, name: str) -> ast.expr | None:
        """A keyword argument of the mark."""
        return next((word.value for word in self.call.keywords if word.arg == name), None) if self.call else None

    @property
    def loop_scope(self) -> str | None:
        """The literal loop scope ("module"); None if unset or not a literal."""
        written = self.argument("loop_scope") or self.argument("scope")
        value = self.scope.constant(written)
        return value if isinstance(value, str) else None


def _mark(scope: Scope, expression: ast.expr) -> Mark | None:
    """The mark that a decorator or an element of pytestmark is; aliases bound once are followed."""
    plain = scope.plain(expression)
    call = plain if isinstance(plain, ast.Call) else None
    dotted = scope.dotted(call.func if call else plain)
    if dotted is None or not dotted.startswith("pytest.mark."):
        return None
    return Mark(dotted.removeprefix("pytest.mark."), expression, call, scope)


def _marks_of(scope: Scope, expressions: Iterable[ast.expr]) -> list[Mark]:
    return [mark for expression in expressions if (mark := _mark(scope, expression))]


def _pytestmark(scope: Scope) -> list[Mark]:
    """The marks in `pytestmark = ...`, single or in a list, also by `+=` and inside `if`."""
    found: list[Mark] = []
    for name in scope.facts.names.get("pytestmark", ()):
        above = scope.parent(name)
        value = getattr(above, "value", None)
        if type(name.ctx) is ast.Store and value is not None:
            elements = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
            found += _marks_of(scope, elements)
    return found


def has_unknown_pytestmark(scope: Scope) -> bool:
    """Whether `pytestmark` holds anything that cannot be read as a mark."""
    for name in scope.facts.names.get("pytestmark", ()):
        value = getattr(scope.parent(name), "value", None)
        elements = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
        if any(element is None or _mark(scope, element) is None for element in elements):
            return True
    return False


def is_inert(scope: Scope, decorator: ast.expr) -> bool:
    """Whether a decorator is known to leave a function what it was."""
    plain = scope.plain(decorator)
    dotted = scope.dotted(plain.func if isinstance(plain, ast.Call) else plain)
    if dotted is None:
        return False
    settings = scope.module.settings
    return bool(INERT_DECORATORS.fullmatch(dotted)) or dotted in FIXTURES or dotted in settings.inert_decorators


FIXTURES = {"pytest.fixture": "pytest", "pytest_asyncio.fixture": "pytest_asyncio", "pytest.yield_fixture": "pytest"}


class Fixture(NamedTuple):
    """A fixture's decorator and what it says."""

    function: Function
    node: ast.expr  # the decorator
    by: str  # "pytest" or "pytest_asyncio"
    call: ast.Call | None

    def argument(self, name: str) -> ast.expr | None:
        return next((word.value for word in self.call.keywords if word.arg == name), None) if self.call else None

    def literal(self, name: str, default: Any) -> Any:
        """A literal argument: `default` if it is not given, None if it cannot be read."""
        written = self.argument(name)
        if self.call and any(word.arg is None for word in self.call.keywords):
            return None
        return default if written is None else self.function.outer.constant(written)

    @property
    def name(self) -> str:
        """The name that tests request it by."""
        given = self.literal("name", self.function.name)
        return given if isinstance(given, str) else self.function.name

    @property
    def scope(self) -> str | None:
        """The fixture's scope; None if it is computed."""
        if self.call and self.call.args:
            return self.function.outer.constant(self.call.args[0])
        return self.literal("scope", "function")

    @property
    def loop_scope(self) -> str | None:
        """The loop scope written in the decorator; None if there is none (or it is computed)."""
        return self.literal("loop_scope", None)

    @property
    def autouse(self) -> bool:
        return bool(self.literal("autouse", False))


def _fixture(function: Function) -> Fixture | None:
    for decorator in function.decorators:
        plain = function.outer.plain(decorator)
        call = plain if isinstance(plain, ast.Call) else None
        by = FIXTURES.get(function.outer.dotted(call.func if call else plain) or "")
        if by:
            return Fixture(function, decorator, by, call)
    return None


def find_fixture(function: Function, name: str) -> Function | None:
    """The fixture that a test or fixture gets by a name: of its class, its module, the conftest chain, plugins."""
    inner = function.fixture is not None and function.fixture.name == name
    owner = function.owner
    while owner is not None:
        if name in owner.fixtures and not (inner and owner.fixtures[name] is function):
            return owner.fixtures[name]
        owner = owner.outer if isinstance(owner.outer, Class) else None
    module = function.module
    if name in module.fixtures and module.fixtures[name] is not function:
        return module.fixtures[name]
    return module.project.fixture(name, module) if module.project else None


# --------------------------------------------------------------------------------------------------------------------
# Fates: what becomes of the value of an expression
# --------------------------------------------------------------------------------------------------------------------


class Fate(NamedTuple):
    """What the code around an expression does with its value.

    dropped (an expression statement), awaited, iterated, async iterated, entered, async entered, truth, compared,
    assigned (to the name `by`), attribute (something is read from it), called, argument, or kept (returned, yielded,
    in a container, stored anywhere else): `by` is the node that does it.
    """

    what: str
    by: ast.AST


def fate(scope: Scope, expression: ast.AST) -> Fate:
    """What becomes of a value; conditional expressions and walrus targets are looked through."""
    node, above = expression, scope.parent(expression)
    while isinstance(above, (ast.IfExp, ast.NamedExpr)):
        if isinstance(above, ast.IfExp) and node is above.test:
            return Fate("truth", above)
        node, above = above, scope.parent(above)
    return _fate_of(scope, node, above)


def _fate_of(scope: Scope, node: ast.AST, above: Any) -> Fate:  # noqa: C901 - one flat table of places
    match above:
        case ast.Await():
            return Fate("awaited", above)
        case ast.Expr():
            return Fate("dropped", above)
        case ast.Assert() | ast.If() | ast.While():
            return Fate("truth", above) if node is above.test else Fate("kept", above)
        case ast.UnaryOp(op=ast.Not()):
            return Fate("truth", above)
        case ast.BoolOp():
            # The last operand is the value of the whole; the ones before it are tested.
            return Fate("truth", above) if node is not above.values[-1] else fate(scope, above)
        case ast.Compare():
            return Fate("compared", above)
        case ast.Assign(targets=[ast.Name()]) | ast.AnnAssign(target=ast.Name()):
            return Fate("assigned", above.targets[0] if isinstance(above, ast.Assign) else above.target)
        case ast.Attribute() | ast.Subscript() if node is above.value:
            return Fate("attribute", above)
        case ast.Call():
            return Fate("called", above) if node is above.func else Fate("argument", above)
        case ast.For() | ast.AsyncFor() | ast.comprehension() if node is above.iter:
            is_async = isinstance(above, ast.AsyncFor) or getattr(above, "is_async", 0)
            return Fate("async iterated" if is_async else "iterated", above)
        case ast.withitem() if node is above.context_expr:
            is_async = isinstance(scope.parent(above), ast.AsyncWith)
            return Fate("async entered" if is_async else "entered", above)
        case ast.keyword():
            return Fate("argument", scope.parent(above) or above)
    return Fate("kept", above or node)


def blocks(scope: Scope, node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """The with, try, loop and branch statements around a node, innermost first, and the field of each that holds it."""
    below = node
    for above in scope.ancestors(node):
        if isinstance(above, (ast.stmt, ast.ExceptHandler, ast.match_case)) and not isinstance(above, SCOPES):
            for field in ("body", "orelse", "handlers", "finalbody", "cases"):
                if below in getattr(above, field, ()):
                    yield above, field
        below = above


def with_items(scope: Scope, node: ast.AST) -> Iterator[ast.expr]:
    """The context expressions of every with block whose body holds a node, innermost block first."""
    for block, field in blocks(scope, node):
        if isinstance(block, (ast.With, ast.AsyncWith)) and field == "body":
            yield from (item.context_expr for item in block.items)


# --------------------------------------------------------------------------------------------------------------------
# Values: what kind of object an expression gives
# --------------------------------------------------------------------------------------------------------------------


class Value(NamedTuple):
    """What an expression gives, as far as it is certain.

    kind: AsyncMock, MagicMock, Mock, coroutine, awaitable (may be awaited, need not), async generator, task,
    instance, class, function (coroutine function, async generator function and sync function are `callee`s), context,
    async context, either context, awaitable context. `name` is a dotted library name, `scope` a readable definition.
    """

    kind: str
    name: str = ""
    scope: Scope | None = None
    result: Any = None  # Value of what awaiting, entering or calling gives, where known
    spec: str = ""  # mocks: "" none, "list", "unknown", "class" (then name or scope says which)
    paths: tuple[tuple[Scope, str], ...] = ()  # mocks: where the object is known as what ("m.get.return_value")


MOCKS = ("AsyncMock", "MagicMock", "Mock")
MOCK_ARGUMENTS = frozenset(
    "spec spec_set side_effect return_value wraps name unsafe new_callable autospec create new target attribute parent".split())
# What every mock has of its own: reading one gives no child mock.
MOCK_OWN = frozenset(
    """called call_count call_args call_args_list mock_calls method_calls await_count await_args await_args_list side_effect
    configure_mock reset_mock attach_mock mock_add_spec""".split())
ASYNC_DUNDERS = frozenset(("__aenter__", "__aexit__", "__anext__"))


def value(scope: Scope, expression: ast.AST | None) -> Value | None:
    """What an expression gives at the place where it stands; None unless that is certain."""
    if expression is None or isinstance(expression, ast.Constant):
        return None
    cache = scope.module.value_cache
    if expression not in cache:
        cache[expression] = None  # a value that depends on itself is not known
        module = scope.module
        if module.value_depth < 40:
            module.value_depth += 1
            cache[expression] = _value(scope, expression)
            module.value_depth -= 1
    return cache[expression]


def _value(scope: Scope, expression: ast.AST) -> Value | None:
    match expression:
        case ast.Name():
            return _value_of_name(scope, expression)
        case ast.Attribute():
            return _value_of_attribute(scope, expression)
        case ast.Call():
            return _value_of_call(scope, expression)
        case ast.Await(value=inner):
            return _awaited(value(scope, inner))
        case ast.NamedExpr(value=inner):
            return value(scope, inner)
        case ast.IfExp(body=one, orelse=other):
            return agreed([value(scope, one), value(scope, other)])
        case ast.Lambda():
            return Value("function", scope=scope.module.scopes.get(expression))
    return None


def agreed(values: Iterable[Value | None]) -> Value | None:
    """The one value that all possibilities give; None if they differ."""
    several = list(values)
    if not several or several[0] is None:
        return None
    same = all(other is not None and other._replace(paths=(), result=None) == several[0]._replace(paths=(), result=None)
               for other in several[1:])  # fmt: skip
    return several[0] if same else None


def _awaited(awaitable: Value | None) -> Value | None:
    """What awaiting gives."""
    if awaitable is not None and awaitable.kind in ("coroutine", "awaitable context", "task", "awaitable"):
        return awaitable.result
    return None


def _value_of_name(scope: Scope, name: ast.Name) -> Value | None:
    found = scope.lookup(name)
    if found is None:
        return _named(scope, scope.dotted(name))
    where, bindings = found
    values = [where_value for binding in bindings if not _is_none(binding)
              for where_value in [_bound(where, name.id, binding)]]  # fmt: skip
    result = agreed(values)
    if result is not None and result.kind in MOCKS:
        return result._replace(paths=((where, name.id), *result.paths))
    return result


def _named(scope: Scope, dotted: str | None) -> Value | None:
    """What a library name is: a class, or a function."""
    if dotted is None:
        return None
    if dotted.startswith(MOCKED) and dotted.removeprefix(MOCKED) in MOCKS or knowledge.known_class(dotted):
        return Value("class", knowledge.canonical(dotted))
    return Value("function", dotted)


def _bound(scope: Scope, name: str, binding: Binding) -> Value | None:
    """The value that a binding gives to its name."""
    match binding.how:
        case "assign":
            return value(scope, binding.value)
        case "annotation":
            return _annotated(scope, binding.value)
        case "parameter":
            return _value_of_parameter(scope, binding.value)
        case "with" | "async with":
            return _entered(value(scope, binding.value), binding.how == "async with")
        case "definition":
            made = binding.value
            return Value("class" if isinstance(made, Class) else "function", scope=made)
        case "import":
            made = scope.module.project.definition(binding.value, scope.module) if scope.module.project else None
            if made is not None:
                return Value("class" if isinstance(made, Class) else "function", scope=made)
            return _named(scope, binding.value)
    return None


def _value_of_parameter(scope: Scope, argument: ast.arg) -> Value | None:
    assert isinstance(scope, Function)
    if scope.owner is not None and argument not in scope.parameters:
        is_self = not any(scope.outer.dotted(decorator) for decorator in scope.decorators) or scope.is_plain
        return Value("instance", scope=scope.owner) if is_self else None
    if scope.fixture or scope.is_test or any(mark.name == "usefixtures" for mark in scope.own_marks):
        injected = patched_parameters(scope)
        if argument.arg in injected:
            return injected[argument.arg]
        if argument.arg in parametrized(scope):
            return _annotated(scope.outer, argument.annotation)
        fixture = find_fixture(scope, argument.arg)
        if fixture is not None:
            return fixture_value(fixture)
    return _annotated(scope.outer, argument.annotation)


def parametrized(function: Function) -> set[str]:
    """Names that parametrize marks give to a test."""
    found: set[str] = set()
    for mark in function.marks:
        if mark.name == "parametrize" and mark.call and mark.call.args:
            first = mark.call.args[0]
            names = mark.scope.constant(first)
            if isinstance(names, str):
                found.update(name.strip() for name in names.split(","))
            elif isinstance(first, (ast.List, ast.Tuple)):
                found.update(element.value for element in first.elts if isinstance(element, ast.Constant))
    return found


def patched_parameters(function: Function) -> dict[str, Value | None]:
    """What patch decorators inject: positional parameters after self, the lowest decorator first."""
    injecting = []
    for decorator in reversed(function.decorators):
        call = decorator if isinstance(decorator, ast.Call) else None
        dotted = function.outer.dotted(call.func) if call else None
        if call and dotted in PATCHERS and _patch_new(call, dotted) is None:
            injecting.append(call)
    names = [argument.arg for argument in function.parameters]
    return {name: patched(function.outer, call) for name, call in zip(names, injecting)}


PATCHERS = {"unittest.mock.patch": 1, "unittest.mock.patch.object": 2}  # index of the argument `new`


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((word.value for word in call.keywords if word.arg == name), None)


def argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    """An argument given by position or by name; None if it is not given (or hidden behind a star)."""
    if len(call.args) > index and not any(isinstance(given, ast.Starred) for given in call.args[: index + 1]):
        return call.args[index]
    return keyword(call, name)


def _patch_new(call: ast.Call, dotted: str) -> ast.expr | None:
    return argument(call, PATCHERS[dotted], "new")


def patched(scope: Scope, call: ast.Call) -> Value | None:
    """The mock that a call of patch puts in place, where its kind is certain."""
    made = keyword(call, "new_callable")
    dotted = scope.dotted(made) if made is not None else None
    if dotted and dotted.startswith(MOCKED) and dotted.removeprefix(MOCKED) in MOCKS:
        return Value(dotted.removeprefix(MOCKED), spec=_spec_of(scope, call)[0])
    return None


def _spec_of(scope: Scope, call: ast.Call) -> tuple[str, str, Scope | None]:
    """How a mock's constructor restricts it: ("", "list", "class" or "unknown"), class name, class definition."""
    if any(word.arg is None for word in call.keywords) or any(isinstance(given, ast.Starred) for given in call.args):
        return "unknown", "", None
    spec = keyword(call, "spec") or keyword(call, "spec_set") or keyword(call, "autospec") or (call.args[0] if call.args else None)
    if spec is None or isinstance(spec, ast.Constant) and spec.value is None:
        return "", "", None
    if isinstance(spec, (ast.List, ast.Tuple, ast.Set)):
        return "list", "", None
    given = value(scope, spec)
    if given is not None and given.kind in ("class", "instance") and (given.name or given.scope):
        return "class", given.name, given.scope
    return "unknown", "", None


def _annotated(scope: Scope | None, annotation: ast.AST | None) -> Value | None:
    """An object of an annotated class; quoted annotations and `X | None` are read, other generics are not."""
    if scope is None or annotation is None:
        return None
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _annotated_name(scope, scope.quoted(annotation.value))
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = [side for side in (annotation.left, annotation.right) if not isinstance(side, ast.Constant)]
        return _annotated(scope, sides[0]) if len(sides) == 1 else None
    made = scope.definition(annotation)
    if isinstance(made, Class):
        return Value("instance", scope=made)
    return _annotated_name(scope, scope.dotted(annotation))


def _annotated_name(scope: Scope, dotted: str | None) -> Value | None:
    if dotted is None:
        return None
    if dotted.startswith(MOCKED) and dotted.removeprefix(MOCKED) in MOCKS:
        return Value(dotted.removeprefix(MOCKED))
    return Value("instance", knowledge.canonical(dotted)) if knowledge.known_class(dotted) else None


def fixture_value(fixture: Function) -> Value | None:
    """What a fixture gives to those who request it."""
    if not fixture.is_plain:
        return None
    given = agreed(value(fixture, node.value) for node in fixture.yields or fixture.every(ast.Return))
    if given is None:
        return _annotated(fixture.outer, fixture.node.returns) if not fixture.is_generator else None
    return given


def _entered(context: Value | None, is_async: bool) -> Value | None:
    """What `with` or `async with` binds."""
    if context is None:
        return None
    if context.kind in MOCKS:
        enter = mock_child(context, "__aenter__" if is_async else "__enter__")
        return mock_child(enter, "return_value") if enter else None
    if context.kind == "instance":
        known = knowledge.known_class(context.name) if context.name else None
        return context if known and not context.name.startswith("asyncio.") else None
    if context.kind in ("context", "async context", "either context", "awaitable context"):
        return context.result
    return None


def _value_of_call(scope: Scope, call: ast.Call) -> Value | None:
    dotted = scope.dotted(call.func)
    if dotted is not None:
        if dotted.startswith(MOCKED):
            return _mock_made(scope, call, dotted.removeprefix(MOCKED))
        if dotted in scope.module.settings.coroutine_functions:
            return Value("coroutine", dotted)
    return called(scope, call, value(scope, call.func))


def called(scope: Scope, call: ast.Call, function: Value | None) -> Value | None:
    """What calling a value gives."""
    if function is None:
        return None
    if function.kind == "AsyncMock":
        return Value("coroutine", "AsyncMock", result=mock_child(function, "return_value"))
    if function.kind in MOCKS:
        return mock_child(function, "return_value")
    if function.kind == "class":
        return Value("instance", function.name, function.scope)
    if function.kind == "method":
        return _result_of_callee(function.result, function.name)
    if function.kind != "function":
        return None
    if isinstance(function.scope, Function):
        return _result_of(function.scope)
    callee = knowledge.function(function.name) if function.name else None
    return _result_of_callee(callee, function.name)


CONTEXT_MANAGERS = {"contextlib.asynccontextmanager": "async context", "contextlib.contextmanager": "context"}


def _result_of(function: Function) -> Value | None:
    """What calling a function of readable code gives."""
    if function.is_lambda:
        return value(function, function.node.body)
    if len(function.decorators) == 1:
        manager = CONTEXT_MANAGERS.get(function.outer.dotted(function.decorators[0]) or "")
        if manager and function.is_generator:
            return Value(manager, function.name, function, agreed(value(function, node.value) for node in function.yields))
    if any(function.outer.dotted(decorator) not in ("staticmethod", "classmethod") for decorator in function.decorators):
        return None
    if function.is_async_generator:
        return Value("async generator", function.name, function)
    result = agreed(value(function, node.value) for node in function.every(ast.Return)) if not function.is_generator else None
    if function.is_async:
        return Value("coroutine", function.name, function, result)
    return result


def _result_of_callee(callee: knowledge.Callee | None, name: str) -> Value | None:
    """What calling a function or method of the knowledge table gives."""
    if callee is None:
        return None
    result = Value("instance", callee.returns) if callee.returns else None
    if callee.kind == "sync":
        return result
    if callee.kind == "class":
        return Value("instance", callee.returns or name)
    return Value(callee.kind, name, result=result)


def _mock_made(scope: Scope, call: ast.Call, name: str) -> Value | None:
    """A call of something of unittest.mock."""
    if name in MOCKS:
        spec, dotted, definition = _spec_of(scope, call)
        if keyword(call, "wraps") is not None and name != "AsyncMock":
            return Value(name, spec="unknown")
        return Value(name, dotted, definition, (scope, call), spec)
    if name in ("patch", "patch.object"):
        new = _patch_new(call, MOCKED + name)
        return Value("context", name, result=value(scope, new) if new is not None else patched(scope, call))
    return None


def mock_child(mock: Value | None, attribute: str) -> Value | None:
    """The attribute of a mock; what the code configured on it comes first."""
    if mock is None:
        return None
    configured = list(_configured(mock, attribute))
    if configured:
        return agreed(value(scope, expression) for scope, expression in configured)
    if attribute in MOCK_OWN or attribute.startswith("assert"):
        return None
    child = _plain_child(mock, attribute)
    return child and child._replace(paths=tuple((scope, f"{path}.{attribute}") for scope, path in mock.paths))


def _configured(mock: Value, attribute: str) -> Iterator[tuple[Scope, ast.expr | None]]:
    """What the code that can be seen put in place of an attribute: by assignment or in the constructor."""
    for scope, path in mock.paths:
        for written in scope.stored.get(f"{path}.{attribute}", ()):
            yield scope, written
    if mock.result is not None:
        scope, call = mock.result
        given = keyword(call, attribute)
        if given is not None:
            yield scope, given


def _plain_child(mock: Value, attribute: str) -> Value | None:
    """The child that unittest.mock makes by itself, as measured (runtime-facts: kinds of children)."""
    if attribute.startswith("__") and attribute.endswith("__"):
        if mock.kind == "Mock" or mock.spec:
            return None
        return Value("AsyncMock" if attribute in ASYNC_DUNDERS else "MagicMock")
    if mock.spec == "list":
        return Value("MagicMock") if attribute != "return_value" else None
    if mock.spec == "class":
        return _spec_child(mock, attribute)
    return None if mock.spec else Value(mock.kind)


def _spec_child(mock: Value, attribute: str) -> Value | None:
    """A child of a mock with a class as spec: an AsyncMock for its coroutine functions, else no AsyncMock."""
    plain = Value("Mock" if mock.kind == "Mock" else "MagicMock", spec="unknown")
    if isinstance(mock.scope, Class):
        method = mock.scope.find_method(attribute)
        if method is None or method.decorators:
            return None
        return Value("AsyncMock") if method.is_coroutine_function else plain
    callee = knowledge.method(mock.name, attribute) if mock.name else None
    if callee is None:
        return None
    return Value("AsyncMock") if callee.kind == "coroutine" else plain


def _value_of_attribute(scope: Scope, expression: ast.Attribute) -> Value | None:
    base = value(scope, expression.value)
    if base is not None and base.kind in MOCKS:
        return mock_child(base, expression.attr)
    if base is not None and base.kind == "instance":
        return _member(base, expression.attr)
    if base is not None and base.kind == "class" and isinstance(base.scope, Class):
        method = base.scope.find_method(expression.attr)
        return Value("function", scope=method) if method else None
    made = scope.definition(expression)
    if made is not None:
        return Value("class" if isinstance(made, Class) else "function", scope=made)
    return _named(scope, scope.dotted(expression))


def _member(instance: Value, attribute: str) -> Value | None:
    """A method or attribute of an object."""
    if isinstance(instance.scope, Class):
        method = instance.scope.find_method(attribute)
        if method is not None:
            return Value("function", scope=method)
        return agreed(value(scope, written) for scope, written in instance.scope.attributes.get(attribute, [(instance.scope, None)]))
    callee = knowledge.method(instance.name, attribute)
    if callee is None:
        return None
    return Value("method", f"{instance.name}.{attribute}", result=callee)


# --------------------------------------------------------------------------------------------------------------------
# The registry: what rules there are, and which of them look at what
# --------------------------------------------------------------------------------------------------------------------

Judge = Callable[..., Iterable[tuple[Any, ...]]]


class Rule(NamedTuple):
    """One rule: `judge` yields the node of each finding, with the words that fill the message's holes."""

    code: str
    name: str
    message: str
    judge: Judge
    each: str  # "module", "class", "function", "test" or "fixture"; "" for a rule of calls or nodes
    calls: tuple[str, ...]  # last names of the calls that it judges; ("*",) for every call
    nodes: tuple[type, ...]


RULES: dict[str, Rule] = {}


def rule(code: str, name: str, message: str, each: str = "", calls: str = "", nodes: tuple[type, ...] = ()) -> Callable[[Judge], Judge]:
    """Register a generator function as a rule.

    `each` names the scopes that it is given one by one; with `calls` (last names, "gather wait") or `nodes` (types of
    KEPT) it is given each such node and the scope that holds it.
    """

    def register(judge: Judge) -> Judge:
        assert code not in RULES, code
        RULES[code] = Rule(code, name, message, judge, each, tuple(calls.split()), nodes)
        return judge

    return register


class Table(NamedTuple):
    """The rules that run, by what they judge."""

    each: dict[str, list[Rule]]
    calls: dict[str, list[Rule]]
    nodes: dict[type, list[Rule]]


@lru_cache(maxsize=8)
def table(opt_in: tuple[str, ...]) -> Table:
    """The dispatch table for a choice of opt-in rules."""
    made = Table(defaultdict(list), defaultdict(list), defaultdict(list))
    for one in RULES.values():
        if one.code.startswith("ATX9") and not one.code.startswith(opt_in or ("-",)):
            continue
        if one.each:
            made.each[one.each].append(one)
        for name in one.calls:
            made.calls[name].append(one)
        for kind in one.nodes:
            made.nodes[kind].append(one)
    return made


# Text without any of which a file holds no async code, no async test double and no mark of ours.
INTERESTING = ("sync", "await", "anyio", "trio", "event_loop")


def is_interesting(path: Path | None, lines: Sequence[str]) -> bool:
    """One look at the text: whether a file can hold tests, fixtures, mocks or async code that concern us."""
    if path is not None and path.name == "conftest.py":
        return True
    text = "".join(lines)
    return any(word in text for word in INTERESTING)


def gather(tree: ast.Module, path: Path | None = None, project: Project | None = None,
           settings: Settings = Settings()) -> Module:  # fmt: skip
    """The facts of one file."""
    return Module(tree, path, project, settings)


def check(module: Module) -> Iterator[Finding]:
    """Every finding of the enabled rules on one file, each place and code once, in order."""
    rules = table(module.settings.opt_in)
    found = set()
    for one, (node, *words) in _judged(module, rules):
        found.add((*_place(node), f"{one.code} {one.message.format(*words)}"))
    yield from sorted(found)


def _place(node: Any) -> Position:
    return (1, 0) if isinstance(node, ast.Module) else start(node)


def _judged(module: Module, rules: Table) -> Iterator[tuple[Rule, tuple[Any, ...]]]:
    for one in rules.each["module"]:
        yield from ((one, finding) for finding in one.judge(module))
    for scope in (module, *module.all_scopes):
        for kind in _kinds(scope):
            for one in rules.each[kind]:
                yield from ((one, finding) for finding in one.judge(scope))
        yield from _judged_inside(scope, rules)


def _kinds(scope: Scope) -> Iterator[str]:
    """What a scope is to the rules."""
    if isinstance(scope, Class):
        yield "class"
    elif isinstance(scope, Function) and not scope.is_lambda:
        yield "function"
        if scope.fixture:
            yield "fixture"
        elif scope.is_test:
            yield "test"


def _judged_inside(scope: Scope, rules: Table) -> Iterator[tuple[Rule, tuple[Any, ...]]]:
    """The rules about calls and nodes, on those of one scope."""
    facts, renamed, anything = scope.facts, scope.module.renamed, rules.calls.get("*", [])
    for name, calls in facts.calls.items():
        for one in rules.calls.get(renamed.get(name, name), []) + anything:
            for call in calls:
                yield from ((one, finding) for finding in one.judge(call, scope))
    for kind in rules.nodes.keys() & facts.nodes.keys():
        for one in rules.nodes[kind]:
            for node in facts.nodes[kind]:
                yield from ((one, finding) for finding in one.judge(node, scope))


# --------------------------------------------------------------------------------------------------------------------
# ATX1 collection: does the test run, and on which loop?
# --------------------------------------------------------------------------------------------------------------------


def asyncio_mode(module: Module) -> str | None:
    """pytest-asyncio's mode for a file: the user's option, else what every reading of the configuration says."""
    if module.settings.asyncio_mode:
        return module.settings.asyncio_mode
    return module.project.agreed("asyncio_mode") if module.project else None


def proven_mode(module: Module) -> str | None:
    """The mode, where the user or a configuration file of pytest says so; without a file there may be a command line."""
    if module.settings.asyncio_mode:
        return module.settings.asyncio_mode
    if module.project is None or any(reading.file is None for reading in module.project.readings):
        return None
    return module.project.agreed("asyncio_mode")


def uses_pytest_asyncio(module: Module) -> bool:
    """Whether pytest-asyncio is this suite's runner, by its marks, its imports or its keys in the configuration."""
    project = module.project
    if project is not None and any(key.startswith("asyncio_") for reading in project.readings for key in reading.values):
        return True
    return any(one.speaks_asyncio for one in (module, *(project.conftests if project else ())))


RUNNER_MARKS = frozenset("anyio trio tornado gen_test twisted inlineCallbacks curio asyncio_cooperative sanic".split())
# Marks of pytest itself and of plugins that run nothing.
PLAIN_MARKS = frozenset("parametrize skip skipif xfail usefixtures filterwarnings timeout slow flaky order".split())
RUNNER_PACKAGES = ("anyio", "trio", "pytest_trio", "tornado", "twisted", "pytest_twisted", "aiohttp.pytest_plugin", "curio",
                   "aiohttp.test_utils", "sanic", "sanic_testing", "asynctest", "pytest_tornado", "pytest_tornasync")  # fmt: skip


def other_runner(module: Module) -> bool:
    """Any sign that something else than pytest-asyncio runs, or may run, async tests and fixtures here."""
    project = module.project
    if project is not None and (project.runners or project.hooks):
        return True
    every = (module, *(project.conftests if project else ()))
    return any(one.imports_package(*RUNNER_PACKAGES) or one.names_backend for one in every)


def unconditionally_skipped(test: Function) -> bool:
    return any(mark.name == "skip" for mark in test.marks) or any(
        test.outer.dotted(decorator.func) == "unittest.skip" for decorator in test.decorators if isinstance(decorator, ast.Call)
    )


@rule("ATX101", "unmarked-async-test", "no runner takes async test `{0}` in strict mode; add `@pytest.mark.asyncio`", each="test")
def unmarked_async_test(test: Function) -> Iterator[tuple[Any, ...]]:
    """In strict mode pytest-asyncio runs marked tests only; before pytest 8.4 the others were skipped with a warning."""
    if not test.is_coroutine_function or not test.is_plain or unconditionally_skipped(test):
        return
    if proven_mode(test.module) != "strict" or not uses_pytest_asyncio(test.module) or other_runner(test.module):
        return
    if may_be_marked(test) or test.owner and (test.owner.roots or test.owner.is_special):
        return
    yield test.node, test.name


def may_be_marked(test: Function) -> bool:
    """Whether any mark that is not known to be harmless applies: it may stand for a runner."""
    if any(mark.name not in PLAIN_MARKS for mark in test.marks) or has_unknown_pytestmark(test.module):
        return True
    owner = test.owner
    while isinstance(owner, Class):
        if any(isinstance(base, Class) and has_unknown_pytestmark(base) for base in owner.ancestry):
            return True
        owner = owner.outer
    return any(marks_parameters(mark) for mark in test.marks)


def marks_parameters(mark: Mark) -> bool:
    """`pytest.param(..., marks=...)` inside parametrize."""
    if mark.name != "parametrize" or mark.call is None or len(mark.call.args) < 2:
        return False
    values = mark.scope.plain(mark.call.args[1])
    return any(isinstance(element, ast.Call) and keyword(element, "marks") for element in getattr(values, "elts", ()))


def is_plain_testcase(owner: Class | None) -> bool:
    """A class that unittest runs without a loop, and that changes nothing about how its tests are called."""
    return (
        owner is not None
        and bool(owner.roots)
        and all(base in ("unittest.TestCase", "unittest.case.TestCase") for base in owner.roots)
        and not owner.is_special
        and not any(owner.find_method(name) for name in ("run", "__call__", "_callTestMethod", "__getattribute__", "__init__"))
    )


@rule("ATX102", "async-test-in-testcase", "`TestCase` never awaits async test `{0}`; use `IsolatedAsyncioTestCase`", each="test")
def async_test_in_testcase(test: Function) -> Iterator[tuple[Any, ...]]:
    """unittest calls the method, drops the coroutine and counts a pass."""
    if test.is_async and is_plain_testcase(test.owner) and test.is_plain:
        yield test.node, test.name


XUNIT_MODULE = frozenset("setup_module teardown_module setup_function teardown_function setUpModule tearDownModule".split())
XUNIT_METHODS = frozenset("setup_method teardown_method setup_class teardown_class".split())
XUNIT_TESTCASE = frozenset("setUp tearDown setUpClass tearDownClass".split()) | XUNIT_METHODS
ISOLATED_ONLY = frozenset(("asyncSetUp", "asyncTearDown"))
HOOKS = re.compile(r"pytest_(configure|unconfigure|sessionstart|sessionfinish|addoption|addhooks|report_header|plugin_registered"
                   r"|runtest_\w+|collection(_\w+)?|collect_\w+|ignore_collect|itemcollected|generate_tests|fixture_\w+"
                   r"|terminal_summary|exception_interact|assertrepr_compare|warning_recorded|deselected|make_parametrize_id)")  # fmt: skip


@rule("ATX103", "async-setup-never-awaited", "nothing awaits `async def {0}` here; {1}", each="function")
def async_setup_never_awaited(function: Function) -> Iterator[tuple[Any, ...]]:
    """The runner calls these by name, drops the coroutine (or never looks for the name) and goes on to the test."""
    if not function.is_async or not function.name.startswith(("set", "tear", "async", "pytest_")):
        return
    remedy = _setup_remedy(function)
    if remedy and all(is_inert(function.outer, decorator) or _is_hookimpl(function, decorator) for decorator in function.decorators):
        if not function.fixture and not called_by_hand(function):
            yield function.node, function.name, remedy


def _setup_remedy(function: Function) -> str:
    """What to write instead, if this is a function that a runner would call (or is thought to)."""
    owner, name = function.owner, function.name
    if isinstance(function.outer, Module):
        if function.module.is_conftest and HOOKS.fullmatch(name):
            return "pytest hooks are plain functions"
        return "use an async fixture" if name in XUNIT_MODULE and function.module.is_test_file else ""
    if owner is None or not owner.is_collected or not function.module.is_test_file or owner.is_special:
        return ""
    if not owner.roots:
        return "use an async fixture" if name in XUNIT_METHODS | ISOLATED_ONLY else ""
    if not owner.is_testcase:
        return ""
    isolated = not is_plain_testcase(owner)
    if name in ISOLATED_ONLY:
        return "" if isolated else "use `IsolatedAsyncioTestCase`"
    return "use `asyncSetUp` or `asyncTearDown` of `IsolatedAsyncioTestCase`" if name in XUNIT_TESTCASE else ""


def _is_hookimpl(function: Function, decorator: ast.expr) -> bool:
    called_or_not = decorator.func if isinstance(decorator, ast.Call) else decorator
    return function.outer.dotted(called_or_not) == "pytest.hookimpl"


def called_by_hand(function: Function) -> bool:
    """Whether the file calls the function itself, as some suites do from a sync set-up or from each test."""
    return any(function.name in scope.facts.calls for scope in (function.module, *function.module.all_functions))


@rule("ATX104", "async-generator-test",
      "`yield` in async test `{0}` makes pytest xfail it without running it; move it to a fixture",
      each="test")  # fmt: skip
def async_generator_test(test: Function) -> Iterator[tuple[Any, ...]]:
    """A `yield` makes an async generator of the test, which neither pytest nor pytest-asyncio runs."""
    if not test.is_async_generator or not test.is_plain or test.owner and test.owner.roots:
        return
    if not test.module.uses(test.name) and not called_by_hand(test):
        yield test.node, test.name


@rule("ATX105", "marker-on-sync-test", "`asyncio` mark on sync test `{0}` has no effect; remove it or make the test async", each="test")
def marker_on_sync_test(test: Function) -> Iterator[tuple[Any, ...]]:
    """pytest-asyncio warns at run time, and the mark promises a loop that is not there."""
    if test.is_async or not test.is_plain or test.is_generator or test.owner and test.owner.roots:
        return
    if "event_loop" in test.requested or any(name.endswith("loop") or name == "ensure_future" for name in test.calls):
        return
    if any(node.value is not None for node in test.every(ast.Return)):
        return
    for mark in test.own_marks:
        if mark.name == "asyncio":
            yield mark.node, test.name


@rule("ATX106", "marker-ignored-by-testcase", "unittest runs `{0}`, so {1}; move the test out of the TestCase class", each="test")
def marker_ignored_by_testcase(test: Function) -> Iterator[tuple[Any, ...]]:
    """pytest hands TestCase methods to unittest: marks of runners, fixtures and parametrize do not reach them."""
    if test.owner is None or not test.owner.is_testcase or test.owner.is_special or not test.is_plain:
        return
    if any(mark.name == "parametrize" for mark in test.own_marks):
        yield test.node, test.name, "`parametrize` passes it nothing"
    elif (missing := unsupplied_parameter(test)) is not None:
        yield test.node, test.name, f"nothing provides `{missing}`"
    elif not test.is_async and is_plain_testcase(test.owner):
        yield from ((mark.node, test.name, "its `asyncio` mark has no effect") for mark in test.own_marks if mark.name == "asyncio")


def unsupplied_parameter(test: Function) -> str | None:
    """The first parameter that no patch decorator of the method or the class fills in; None when in doubt."""
    decorators = [(test.outer.outer, decorator) for decorator in test.owner.node.decorator_list]
    decorators += [(test.outer, decorator) for decorator in test.decorators]
    given = 0
    for scope, decorator in decorators:
        call = decorator if isinstance(decorator, ast.Call) else None
        dotted = scope.dotted(call.func if call else decorator) or ""
        if dotted in PATCHERS and call is not None:
            given += _patch_new(call, dotted) is None
        elif not dotted.startswith(("pytest.mark.", "unittest.mock.patch.dict", "unittest.skip", "unittest.expectedFailure")):
            return None
    return test.requested[given] if len(test.requested) > given and test.node.args.vararg is None else None


@rule("ATX107", "marker-on-helper", "`asyncio` mark on `{0}`, which pytest does not collect; move it to the test", each="function")
def marker_on_helper(function: Function) -> Iterator[tuple[Any, ...]]:
    """The mark slipped off its test, or the name keeps the function from being collected."""
    if not function.own_marks or function.is_test or function.fixture or not function.module.is_test_file:
        return
    if not function.is_plain or not is_never_collected(function):
        return
    if any(fate(function.module, use).what != "called" for use in function.module.uses(function.name)):
        return
    for mark in function.own_marks:
        if mark.name == "asyncio":
            yield mark.node, function.name


def is_never_collected(function: Function) -> bool:
    """Whether no reading of the configuration makes a test of it, nor a subclass or an import elsewhere."""
    if function.owner is not None and not (function.owner.is_collected and not function.owner.roots):
        return False
    if isinstance(function.outer, Function):
        return False
    project = function.module.project
    patterns = project.patterns("python_functions") if project else (COLLECTED["python_functions"],)
    return not any(_matches(several, function.name, "python_functions") for several in patterns)


@rule("ATX108", "two-runners", "`{0}` mark beside {1}: two runners claim the test; keep one", each="test")
def two_runners(test: Function) -> Iterator[tuple[Any, ...]]:
    """pytest-asyncio takes the test, the other plugin its fixtures: another loop, or another backend than the id says."""
    if not test.is_coroutine_function or not test.is_plain or test.owner and test.owner.roots:
        return
    other, own = test.mark("anyio") or test.mark("trio"), test.mark("asyncio")
    if other is None and own is None or backend_is_asyncio(test):
        return
    if other and own:
        yield other.node, other.name, "the `asyncio` mark"
    elif other and proven_mode(test.module) == "auto" and not (test.module.project and "no:asyncio" in test.module.project.plugins):
        yield other.node, other.name, "`asyncio_mode = auto`"
    elif own and "anyio_backend" in test.requested:
        yield own.node, "asyncio", "`anyio_backend`"


def backend_is_asyncio(test: Function) -> bool:
    """Whether `anyio_backend` is overridden or parametrized: then it is restricted to asyncio, as far as can be seen."""
    return "anyio_backend" in parametrized(test) or find_fixture(test, "anyio_backend") is not None


MARK_ARGUMENTS = ("loop_scope", "loop_factories")
FIXTURE_ARGUMENTS = ("scope", "params", "autouse", "ids", "name", "loop_scope")


@rule("ATX109", "invalid-marker-argument", "`{0}` is not a valid argument of `{1}`; {2}", calls="asyncio fixture")
def invalid_marker_argument(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A wrong argument makes the whole module fail to collect, or is accepted and ignored by older versions."""
    dotted = scope.dotted(call.func)
    if dotted not in ("pytest.mark.asyncio", "pytest_asyncio.fixture"):
        return
    is_mark = dotted == "pytest.mark.asyncio"
    for given in call.args:
        literal = scope.constant(given)
        if is_mark or isinstance(literal, str):
            remedy = f'write `loop_scope="{literal}"`' if is_mark and literal in LOOP_SCOPES else "arguments go by name"
            yield call, ast.unparse(given)[:30], dotted, remedy
    for word in call.keywords:
        yield from _invalid_keyword(call, scope, word, dotted)


def _invalid_keyword(call: ast.Call, scope: Scope, word: ast.keyword, dotted: str) -> Iterator[tuple[Any, ...]]:
    is_mark, literal = dotted == "pytest.mark.asyncio", scope.constant(word.value)
    if word.arg is None:
        return
    if word.arg == "loop_scope":
        if isinstance(literal, str) and literal not in LOOP_SCOPES:
            yield call, f'loop_scope="{literal}"', dotted, "use one of " + ", ".join(LOOP_SCOPES)
    elif is_mark and word.arg == "scope":
        if not (scope.module.project and scope.module.project.below("pytest-asyncio", "0.24")):
            yield call, "scope", dotted, "use `loop_scope`"
    elif word.arg not in (MARK_ARGUMENTS if is_mark else FIXTURE_ARGUMENTS):
        yield call, word.arg, dotted, "use `loop_scope`" if word.arg.startswith("loop") else "remove it"


@rule("ATX110", "ignored-pytest-configuration", "{0}", each="module")
def ignored_pytest_configuration(module: Module) -> Iterator[tuple[Any, ...]]:
    """Settings that nothing reads: the suite silently runs in another mode than its authors wrote down."""
    if is_top_conftest(module):
        yield from ((module.node, problem) for problem in module.project.problems)


def is_top_conftest(module: Module) -> bool:
    """Whether a file is the conftest at which faults of the configuration are reported: the first of its chain."""
    return module.is_conftest and module.project is not None and not [
        one for one in module.project.conftests if one.path != module.path]  # fmt: skip


@rule("ATX111", "unset-fixture-loop-scope",
      "`asyncio_default_fixture_loop_scope` is unset, which pytest-asyncio deprecates; set it to `function`",
      each="module")  # fmt: skip
def unset_fixture_loop_scope(module: Module) -> Iterator[tuple[Any, ...]]:
    """pytest-asyncio warns at the start of every run; under `-W error` the run ends there."""
    if not is_top_conftest(module) or not uses_pytest_asyncio(module) or module.project.below("pytest-asyncio", "0.24"):
        return
    if all(reading.file is not None and reading.fixture_loop_scope is None for reading in module.project.readings):
        yield (module.node,)


@rule("ATX112", "loop-scope-reset", "bare mark puts `{0}` on the {1} loop, {2} says {3}; add the `loop_scope`", each="test")
def loop_scope_reset(test: Function) -> Iterator[tuple[Any, ...]]:
    """Marks are not merged: the closest one wins whole, so a bare mark drops the loop scope of the marks around it."""
    own = next((mark for mark in test.own_marks if mark.name == "asyncio"), None)
    if own is None or not own.is_bare or not test.is_async:
        return
    default = test.module.project.agreed("test_loop_scope") if test.module.project else "function"
    outer = next((mark for mark in test.marks if mark.name == "asyncio" and mark not in test.own_marks), None)
    scope = outer.loop_scope if outer else neighbours_loop_scope(test)
    if scope and default and scope != default:
        whose = "each neighbour" if outer is None else "the module's mark" if isinstance(outer.scope, Module) and outer in \
            test.module.marks else "the class's mark"
        yield own.node, test.name, default, whose, scope


def neighbours_loop_scope(test: Function) -> str | None:
    """The loop scope that all other marked tests beside this one name; None unless there are three and they agree."""
    others = [mark for other in test.outer.functions if other is not test and other.is_test
              for mark in other.own_marks if mark.name == "asyncio"]  # fmt: skip
    scopes = {mark.loop_scope for mark in others}
    return scopes.pop() if len(others) >= 3 and len(scopes) == 1 else None


@rule("ATX113", "marker-on-fixture", "`asyncio` mark on fixture `{0}`, an error since pytest 9; remove the mark", each="fixture")
def marker_on_fixture(fixture: Function) -> Iterator[tuple[Any, ...]]:
    """A mark never had an effect on a fixture; pytest 9 refuses to collect the whole module."""
    yield from ((mark.node, fixture.name) for mark in fixture.own_marks if mark.name == "asyncio")



# --------------------------------------------------------------------------------------------------------------------
# ATX2 fixtures
# --------------------------------------------------------------------------------------------------------------------


# --------------------------------------------------------------------------------------------------------------------
# ATX3 mocks
# --------------------------------------------------------------------------------------------------------------------


# --------------------------------------------------------------------------------------------------------------------
# ATX4 awaiting and asserting
# --------------------------------------------------------------------------------------------------------------------


# --------------------------------------------------------------------------------------------------------------------
# ATX5 HTTP clients and apps
# --------------------------------------------------------------------------------------------------------------------


# --------------------------------------------------------------------------------------------------------------------
# ATX6 loop, tasks, time
# --------------------------------------------------------------------------------------------------------------------


# --------------------------------------------------------------------------------------------------------------------
# ATX7 Kafka
# --------------------------------------------------------------------------------------------------------------------


# --------------------------------------------------------------------------------------------------------------------
# ATX9 opt-in
# --------------------------------------------------------------------------------------------------------------------


@rule("ATX901", "redundant-marker", "`asyncio` mark on `{0}` is redundant in auto mode; remove it", each="test")
def redundant_marker(test: Function) -> Iterator[tuple[Any, ...]]:
    """In auto mode every async test is taken; a bare mark is redundant unless it resets an outer one (ATX112)."""
    if not test.is_coroutine_function or proven_mode(test.module) != "auto" or test.owner and test.owner.roots:
        return
    marks = [mark for mark in test.marks if mark.name == "asyncio"]
    if all(mark.is_bare for mark in marks) and neighbours_loop_scope(test) is None:
        yield from ((mark.node, test.name) for mark in marks if mark in test.own_marks)
