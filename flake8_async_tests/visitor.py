"""The single-module visitor: one walk gathers the facts of a file, the ATX rules judge them.

Order of this module: names, facts (scopes, bindings, values), what pytest makes of them (marks, fixtures, tests), the
registry, then the rules by family. A rule never walks the tree: it reads the facts of a scope. A rule returns early
until the fault is proven; what is not known is never reported.
"""

from __future__ import annotations

import ast
import builtins
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from fnmatch import translate
from functools import cached_property, lru_cache
from operator import attrgetter, itemgetter
from sys import stdlib_module_names
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, NamedTuple, Sequence

from flake8_async_tests import knowledge
from flake8_async_tests.blocks import Block

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


class Words(NamedTuple):
    """What the text of Python files says without being parsed."""

    coroutines: frozenset[str]  # names of their `async def`s
    imports: frozenset[str]  # top-level packages and modules that they import
    left: frozenset[str]  # names on which they call `__aexit__` or `__exit__` by hand


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
OTHER_BINDINGS = (ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.Global, ast.Nonlocal)
ASSIGNMENTS = frozenset((ast.Assign, ast.AnnAssign, ast.NamedExpr))
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
TRIES = frozenset((ast.Try, getattr(ast, "TryStar", ast.Try)))
BRANCHES = (ast.If, *TRIES, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.Match, ast.match_case)
BRANCHING = frozenset(BRANCHES)
# Types of nodes that a scope keeps lists of, because rules ask for them.
KEPT = frozenset((
    ast.Await, ast.Yield, ast.YieldFrom, ast.Return, ast.Assert, ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While,
    ast.If, ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Try, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.Compare, ast.Raise, ast.NamedExpr, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping,
    ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Delete, ast.BoolOp, ast.UnaryOp, ast.Break, ast.Continue,
)) | frozenset(BRANCHES)  # fmt: skip
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
# The same for the walk: the fields that it puts on its stack, and the one whose node it goes on with.
GOES_ON = frozenset("value left operand iter func test elt key target context_expr type subject pattern exc lower".split())
FIELDS = {kind: (fields[:-1], fields[-1]) if fields and fields[-1] in GOES_ON else (fields, "") for kind, fields in CHILDREN.items()}
NO_CHILDREN: tuple[tuple[str, ...], str] = ((), "")


# Last names of the calls that replace an attribute: monkeypatch's and the built-in one, patch.object.
SETTERS = frozenset(("setattr", "object"))


class Facts:
    """What one scope holds, in document order, nested scopes apart (they have facts of their own)."""

    __slots__ = ("nodes", "calls", "every_load", "targets", "scopes", "stores", "_loads")

    def __init__(self) -> None:
        self.nodes: dict[type, list[Any]] = defaultdict(list)  # by type, for the types KEPT
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)  # by the last segment of what is called
        self.every_load: list[ast.Name] = []  # names that are read
        self.targets: list[ast.Name] = []  # names that are bound or deleted
        self.scopes: list[Scope] = []  # functions, lambdas and classes defined here
        self.stores: list[ast.Attribute] = []  # attributes that are assigned to or deleted
        self._loads: dict[str, list[ast.Name]] | None = None

    @property
    def loads(self) -> dict[str, list[ast.Name]]:
        """The names that are read, by identifier; sorted when first asked for, which is in few scopes."""
        if self._loads is None:
            self._loads = defaultdict(list)
            for name in self.every_load:
                self._loads[name.id].append(name)
        return self._loads


# Short names of the types that the walk asks for at each node.
_Attribute, _Call, _Constant, _Load, _Name, _SCOPES = ast.Attribute, ast.Call, ast.Constant, ast.Load, ast.Name, frozenset(SCOPES)


def _walk(scope: Scope, roots: Iterable[ast.AST]) -> Facts:
    """The one walk: every node of a scope once, with its parent noted.

    It goes straight on with a node's first child and puts the others on the stack. Calls, attributes and names, which
    are most of a test, have a way of their own.
    """
    facts = Facts()
    nodes, calls, parents = facts.nodes, facts.calls, scope.module.parents
    note_load, note_target = facts.every_load.append, facts.targets.append
    stack: list[Any] = list(roots)[::-1]
    push, pop, fields_of = stack.append, stack.pop, FIELDS.get
    while stack:
        child = pop()
        kind = type(child)
        while kind is not _Constant:
            node = child
            if kind is _Name:
                if type(node.ctx) is _Load:
                    note_load(node)
                else:
                    note_target(node)
                break
            if kind is _Attribute:
                if type(node.ctx) is not _Load:
                    facts.stores.append(node)
                child = node.value
                kind = type(child)
            elif kind is _Call:
                for word in reversed(node.keywords):
                    parents[word] = node
                    child = word.value
                    if type(child) is not _Constant:
                        parents[child] = word
                        push(child)
                for child in reversed(node.args):
                    if type(child) is not _Constant:
                        parents[child] = node
                        push(child)
                child = node.func
                kind = type(child)
                calls[child.attr if kind is _Attribute else child.id if kind is _Name else ""].append(node)
            elif kind in _SCOPES:
                stack += _enter(scope, node, facts)
                break
            else:
                if kind in KEPT:
                    nodes[kind].append(node)
                rest, first = fields_of(kind, NO_CHILDREN)
                for field in rest:
                    child = getattr(node, field)
                    if type(child) is list:
                        for item in reversed(child):
                            if type(item) is not _Constant and item is not None:
                                parents[item] = node
                                push(item)
                    elif child is not None and type(child) is not _Constant:
                        parents[child] = node
                        push(child)
                child = getattr(node, first) if first else None
                if child is None:
                    break
                kind = type(child)
            if kind is not _Constant:
                parents[child] = node
    return facts


def _enter(scope: Scope, node: Any, facts: Facts) -> list[ast.AST]:
    """Note a nested scope; what is evaluated outside it (decorators, defaults, bases) stays with the outer one."""
    made: Scope = Class(node, scope) if isinstance(node, ast.ClassDef) else Function(node, scope)
    facts.scopes.append(made)
    scope.module.scopes[node] = made
    return _outside(scope.module, node)


def _outside(module: Module, node: Any) -> list[ast.AST]:
    """The parts of a definition that are evaluated outside its scope, last first, with their parent noted."""
    if isinstance(node, ast.ClassDef):
        outside = [*node.decorator_list, *node.bases, *node.keywords]
    else:
        arguments = node.args
        outside = [*arguments.defaults, *(default for default in arguments.kw_defaults if default)]
        if not isinstance(node, ast.Lambda):
            outside = [*node.decorator_list, *outside]
    for child in outside:
        module.parents[child] = node
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


_since = attrgetter("since")


def start(node: Any) -> Position:
    return node.lineno, node.col_offset


def end(node: Any) -> Position:
    return node.end_lineno, node.end_col_offset


class Scope:
    """A module, class or function: the names it binds and what it holds."""

    node: Any
    outer: Scope | None
    module: Module
    fixtures: dict[str, Function]  # of a module or class

    def __init__(self, node: Any, outer: Scope | None, module: Module, name: str = "") -> None:
        self.node, self.outer, self.module, self.name = node, outer, module, name
        self._bindings: dict[str, list[Binding]] = {}
        self._seen_outside: dict[str, tuple[Scope, list[Binding]] | None] = {}
        self.roots_of_mocks: dict[str, str] = {}  # what a name that is bound once is to `may_be_mock`

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} line {getattr(self.node, 'lineno', 0)}>"

    @property
    def head(self) -> Any:
        """The node as far as it has been read."""
        return self.node

    def may_set(self, name: str) -> bool:
        """Whether an attribute of this name may be assigned to here, as far as the text has been read."""
        return True

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

    @cached_property
    def autouse_fixtures(self) -> list[Function]:
        return [fixture for fixture in self.fixtures.values() if fixture.fixture.autouse]

    @cached_property
    def requesting(self) -> dict[str, list[Function]]:
        """The fixtures defined right here, by the names of what they request."""
        found: dict[str, list[Function]] = defaultdict(list)
        for fixture in (one for one in self.functions if one.fixture):
            for name in {one.arg: None for one in fixture.parameters}:
                found[name].append(fixture)
        return found

    @cached_property
    def marked_loop_scopes(self) -> Counter[str | None]:
        """The loop scopes that the asyncio marks of the tests right here name."""
        return Counter(mark.loop_scope for one in self.functions if one.is_test for mark in one.own_marks if mark.name == "asyncio")

    def every(self, *kinds: type) -> list[Any]:
        """All nodes of these types, in document order."""
        several = [nodes for kind in kinds if (nodes := self.nodes.get(kind))]
        if len(several) < 2:
            return list(several[0]) if several else []
        return sorted((node for nodes in several for node in nodes), key=start)

    def calls_to(self, *dotted: str) -> list[ast.Call]:
        """Calls of library functions by dotted name, aliases of imports included."""
        wanted = set(dotted)
        found = []
        lasts = {name.rpartition(".")[2] for name in dotted}
        for last in lasts | {local for local, name in self.module.renamed.items() if name in lasts}:
            found += [call for call in self.facts.calls.get(last, ()) if self.dotted(call.func) in wanted]
        return sorted(found, key=start)

    @cached_property
    def losses(self) -> list[Loss]:
        """The coroutines made here that nobody can ever await, in document order."""
        parents, found = self.module.parents, []
        for name, calls in self.facts.calls.items():
            open_calls = [call for call in calls if type(parents.get(call)) not in HANDLING and not self._is_argument(call)]
            if open_calls and name not in SYNC_NAMES:
                is_known = self.module.may_be_coroutine(name)
                found += [one for call in open_calls if (is_known or self.calls_variable(call)) and (one := loss(self, call))]
        return sorted(found, key=lambda one: start(one.call))

    def calls_variable(self, call: ast.Call) -> bool:
        """Whether what is called is a variable or parameter, or has no name: its own name says nothing of it."""
        return self.is_variable(call.func) if type(call.func) is ast.Name else type(call.func) is not ast.Attribute

    def is_variable(self, name: ast.Name) -> bool:
        """Whether a name is bound by anything but an import or a definition."""
        found = self.lookup(name)
        return found is not None and any(binding.how not in ("import", "definition") for binding in found[1])

    def _is_argument(self, call: ast.Call) -> bool:
        """Whether a call stands among the arguments of another one, which takes its result."""
        above = self.module.parents.get(call)
        return type(above) is ast.Call and call is not above.func and last_name(above.func) != "bool"

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
    def binders(self) -> dict[str, list[Any]]:
        """What binds each name of this scope: a name that is a target, a parameter, a nested scope, or a Binding."""
        found: dict[str, list[Any]] = defaultdict(list)
        self._note_binders(found)
        return found

    def _note_binders(self, found: dict[str, list[Any]]) -> None:
        nodes = self.facts.nodes
        for scope in self.facts.scopes:
            if scope.name:
                found[scope.name].append(scope)
        for name in self.facts.targets:
            found[name.id].append(name)
        if nodes.keys().isdisjoint(OTHER_BINDINGS):
            return
        for name, binding in self._imports():
            found[name].append(binding)
        for node in self.every(ast.ExceptHandler, ast.MatchAs, ast.MatchStar):
            if node.name:
                found[node.name].append(Binding("other", None, node, start(node)))
        for node in self.every(ast.Global, ast.Nonlocal):
            for name in node.names:
                found[name].append(Binding("other", None, node, start(node)))

    def bindings(self, name: str) -> list[Binding]:
        """Every binding of a name of this scope, in document order; made when first asked for, which is for few names."""
        made = self._bindings
        if name not in made:
            made[name] = [self._binding_of(binder) for binder in self.binders.get(name, ())]
            made[name].sort(key=_since)
        return made[name]

    @cached_property
    def constants(self) -> dict[str, Binding]:
        """The names that are bound once, by an assignment."""
        single = (name for name, binders in self.binders.items() if len(binders) == 1 and isinstance(binders[0], ast.Name))
        return {name: binding for name in single if (binding := self.bindings(name)[0]).how == "assign"}

    def _binding_of(self, binder: Any) -> Binding:
        if isinstance(binder, ast.Name):
            return self._binding_by(binder)
        return Binding("definition", binder, binder.head, end(binder.head)) if isinstance(binder, Scope) else binder

    def _imports(self) -> Iterator[tuple[str, Binding]]:
        for statement in self.nodes.get(ast.Import, ()):
            for alias in statement.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or whole, Binding("import", canonical(whole), statement, end(statement))
        for statement in self.nodes.get(ast.ImportFrom, ()):
            base = self.module.absolute(statement)
            for alias in statement.names:
                dotted = canonical(base.rstrip(".") and f"{base}.{alias.name}" or f"{base}{alias.name}") if base else None
                how = "import" if dotted else "other"
                yield alias.asname or alias.name, Binding(how, dotted, statement, end(statement))

    def _binding_by(self, name: ast.Name) -> Binding:
        """The binding that a stored name is the target of; unpacking and the like give a value that is not known."""
        parents = self.module.parents
        above: Any = parents.get(name)
        kind = type(above)
        if kind in ASSIGNMENTS:
            if above.value is not None:
                return Binding("assign", above.value, above, end(above))
            return Binding("annotation", above.annotation, above, end(above))
        if kind is ast.withitem:
            how = "async with" if type(parents.get(above)) is ast.AsyncWith else "with"
            return Binding(how, above.context_expr, above, end(name))
        if kind in (ast.For, ast.AsyncFor) and above.target is name:
            return Binding("async for" if kind is ast.AsyncFor else "for", above.iter, above, end(name))
        return Binding("other", None, name, end(self.statement(name)) if above is not None else end(name))

    def reaching(self, name: str, at: ast.AST | None) -> list[Binding]:
        """The bindings of this scope that may give `name` its value at a node, by flow order; all of them for None."""
        every = self.bindings(name)
        if at is None or not every or len(every) == 1 and every[0].since <= start(at):  # most names: bound once, further up
            return every
        split = bisect_right(every, start(at), key=_since)
        around = {node for node in self.ancestors(at) if type(node) in BRANCHING}
        found: list[Binding] = []
        for index in range(split - 1, -1, -1):
            found.append(every[index])
            # In a block that also holds the use: no older binding survives it, unless the use is there for its failure.
            if around.issuperset(self._branches(every[index].node)) and not self._is_tried(every[index].node, around):
                break
        loops = {node for node in around if isinstance(node, LOOPS)}
        if loops:  # what is bound further down in a loop is there in its next round
            found += [binding for binding in every[split:] if not loops.isdisjoint(self._branches(binding.node))]
        return found

    def _is_tried(self, node: ast.AST, around: set[ast.AST]) -> bool:
        """Whether a node stands in the body of a `try` in one of whose handlers, of the blocks `around`, one is now."""
        tries = {self.parent(one) for one in around if type(one) is ast.ExceptHandler}
        return bool(tries) and any(block in tries and field == "body" for block, field in blocks(self, node))

    def _branches(self, node: ast.AST) -> list[ast.AST]:
        """The branches and loops around a node."""
        return [above for above in self.ancestors(node) if type(above) in BRANCHING]

    def lookup(self, name: ast.Name) -> tuple[Scope, list[Binding]] | None:
        """The scope that binds a name as seen here, with the bindings that may reach it; None for unbound names."""
        if name.id in self.binders:
            return self, self.reaching(name.id, name)
        return self._outside(name.id)

    def _outside(self, name: str) -> tuple[Scope, list[Binding]] | None:
        """The same for a name that this scope does not bind: its body may run later, so every binding outside may be the one."""
        known = self._seen_outside
        if name not in known:
            scope = self.outer
            while scope is not None and (isinstance(scope, Class) or name not in scope.binders):
                scope = scope.outer
            known[name] = None if scope is None else (scope, scope.bindings(name))
        return known[name]

    @cached_property
    def attribute_assignments(self) -> list[ast.Assign]:
        """The assignments to an attribute, those in a class body among them; several at once left out."""
        stores = (*self.facts.stores, *self.facts.targets) if isinstance(self, Class) else self.facts.stores
        above = (self.module.parents.get(store) for store in stores)
        return list(dict.fromkeys(node for node in above if isinstance(node, ast.Assign)))

    def targets(self, name: str) -> list[ast.Name]:
        """Where this scope binds or deletes a name as a target, in document order."""
        return [binder for binder in self.binders.get(name, ()) if isinstance(binder, ast.Name)]

    def uses(self, name: str) -> list[ast.Name]:
        """Loads of a name of this scope, those in nested scopes that do not bind it themselves included."""
        cache = self._uses
        if name not in cache:
            found = [*self.facts.loads.get(name, ())]
            for scope in self.facts.scopes:
                found += _nested_uses(scope, name)
            cache[name] = found
        return cache[name]

    @cached_property
    def _uses(self) -> dict[str, list[ast.Name]]:
        return {}

    def reads(self, path: str) -> list[ast.expr]:
        """Every place, those in nested scopes included, that goes on from a name of this scope by a path ("m.get")."""
        return self.paths(path.partition(".")[0]).get(path, [])

    def paths(self, name: str) -> dict[str, list[ast.expr]]:
        """The paths that start at a name of this scope, each with its places, nested scopes included."""
        cache = self._paths
        if name not in cache:
            found = cache[name] = defaultdict(list)
            for use in self.uses(name):
                read, path = use, name
                while isinstance(read, (ast.Name, ast.Attribute)):
                    found[path].append(read)
                    read = self.parent(read)
                    path = f"{path}.{getattr(read, 'attr', '')}"
        return cache[name]

    @cached_property
    def called_in_sight(self) -> dict[str, bool]:
        """What `is_called_in_sight` found out, by path: each assertion about a mock asks."""
        return {}

    @cached_property
    def _paths(self) -> dict[str, dict[str, list[ast.expr]]]:
        return {}

    @cached_property
    def shared_names(self) -> set[str]:
        """Names that a `global` or `nonlocal` here makes another scope's, or that `del` ends."""
        deleted = {name.id for name in self.facts.targets if type(name.ctx) is ast.Del}
        return deleted.union(*(node.names for node in self.every(ast.Global, ast.Nonlocal)))

    def loads_reached(self, name: str) -> dict[ast.AST | None, list[tuple[int, Scope, ast.Name]]]:
        """The loads of a name of this scope, numbered, by the nodes that bind what they may see; None: that is not known."""
        cache = self._loads_reached
        if name not in cache:
            cache[name] = defaultdict(list)
            for number, (where, use) in enumerate(uses_with_scope(self, name)):
                found = where.lookup(use)
                for node in {binding.node for binding in found[1]} if found is not None and found[0] is self else (None,):
                    cache[name][node].append((number, where, use))
        return cache[name]

    @cached_property
    def _loads_reached(self) -> dict[str, dict[ast.AST | None, list[tuple[int, Scope, ast.Name]]]]:
        return {}

    # Dotted names

    def dotted(self, expression: ast.AST | None) -> str | None:
        """The dotted name that an expression stands for ("pytest.mark.asyncio"), by binding; None if it is not one."""
        cache = self.module.dotted_cache
        if expression not in cache:
            cache[expression] = None  # an alias of itself stands for nothing
            cache[expression] = self._dotted(expression)
        return cache[expression]

    def _dotted(self, expression: ast.AST | None) -> str | None:
        if type(expression) is ast.Name:
            return self._find_dotted(expression)
        tail: list[str] = []
        while type(expression) is ast.Attribute:
            tail.append(expression.attr)
            expression = expression.value
        head = self.dotted(expression) if tail and type(expression) is ast.Name else None
        return canonical(".".join([head, *reversed(tail)])) if head is not None else None

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
            bindings = found[1]
            if len(bindings) != 1 or bindings[0].how != "assign":
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
        """What is assigned to attributes of names, by path ("m.get.return_value"); None where it is not an expression.

        monkeypatch.setattr counts, and so does patch.object, which is then its own value.
        """
        found: dict[str, list[ast.expr | None]] = defaultdict(list)
        for target in self.facts.stores:
            if path := attribute_path(target):
                above = self.parent(target)
                found[path].append(above.value if isinstance(above, (ast.Assign, ast.AnnAssign)) else None)
        for call in (call for name in SETTERS for call in self.facts.calls.get(name, ())):
            path, name = attribute_path(call.args[0]) if call.args else "", self.constant(argument(call, 1, "name"))
            if not path or not isinstance(name, str) or isinstance(self.parent(call), SCOPES):
                continue
            if isinstance(call.func, ast.Attribute) and call.func.attr == "object":
                if attribute_path(call.func.value).endswith("patch"):
                    found[f"{path}.{name}"].append(call)
            else:
                found[f"{path}.{name}"].append(argument(call, 2, "value"))
        return found

    @cached_property
    def reconfigured(self) -> set[str]:
        """The paths of mocks whose children are not known: `m.configure_mock(...)`, or `setattr(m, name, ...)` with any name."""
        calls = [call for name in ("configure_mock", "mock_add_spec") for call in self.facts.calls.get(name, ())]
        mocks = [call.func.value for call in calls if isinstance(call.func, ast.Attribute)]
        setting = [call for name in SETTERS for call in self.facts.calls.get(name, ()) if call.args]
        mocks += [call.args[0] for call in setting if self.constant(argument(call, 1, "name")) is None]
        return {path for mock in mocks if (path := attribute_path(mock))}

    @cached_property
    def put_on(self) -> dict[str, list[ast.expr]]:
        """What is assigned to attributes below a name, and below the result of a mock ("m.get.return_value")."""
        found: dict[str, list[ast.expr]] = defaultdict(list)
        for path, several in self.stored.items():
            heads = {path.partition(".")[0], *(path[: one.end() - 1] for one in re.finditer(r"\.return_value\.", path))}
            for head in heads:
                found[head] += [one for one in several if one is not None]
        return found

    @cached_property
    def closes_coroutines(self) -> bool:
        """Whether a patch here puts in place what closes its argument: nobody is to await the coroutine that another mock made then.

        In the place of asyncio's own functions that is for the tasks of the code itself.
        """
        made = [replacement(self, call) for name in ("patch", "object") for call in self.calls.get(name, ())]
        given = [value(self, keyword(one.call, "side_effect")) for one in made if one is not None and not takes_coroutine(one)]
        functions = [one.scope for one in given if one is not None and isinstance(one.scope, Function)]
        return any(
            root is not None and root.id in {parameter.arg for parameter in function.parameters}
            for function in functions for call in function.calls.get("close", ()) for root in (root_name(call.func),)
        )  # fmt: skip

    @cached_property
    def aliases(self) -> dict[str, list[str]]:
        """Other names of what a path names: `response = client.get.return_value`, `client = self.client = AsyncMock()`."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.binders:
            for binding in self.bindings(name):
                if binding.how == "assign" and (path := attribute_path(binding.value)):
                    found[path].append(name)
        for path, several in self.stored.items():
            for written in several:
                if written is not None and (source := attribute_path(written)):
                    found[source].append(path)
        for node in self.facts.nodes.get(ast.Assign, ()):
            paths = [path for target in node.targets if (path := attribute_path(target))] if len(node.targets) > 1 else []
            for path in paths:
                found[path] += [other for other in paths if other != path]
        return {path: _closure(found, path) for path in list(found)}

    def quoted(self, text: str) -> str | None:
        """The dotted name that a quoted annotation stands for."""
        head, dot, tail = text.strip().partition(".")
        if not text.strip().replace(".", "").isidentifier():
            return None
        dotted = self.dotted(name_at_end(head))
        return dotted + dot + tail if dotted else None

    def constant(self, expression: ast.AST | None) -> Any:
        """The value of a literal, or of a name bound once to one; None if there is none."""
        expression = self.plain(expression)
        return expression.value if isinstance(expression, ast.Constant) else None


def name_at_end(name: str) -> ast.Name:
    """A name as it is read when the whole file has run: what a quoted annotation holds."""
    return ast.Name(name, ast.Load(), lineno=10**9, col_offset=0)


def _closure(found: dict[str, list[str]], path: str) -> list[str]:
    """Everything that can be reached from a path, itself left out."""
    reached, todo = {path: None}, [path]
    while todo:
        for other in found.get(todo.pop(), ()):
            if other not in reached:
                reached[other] = None
                todo.append(other)
    return list(reached)[1:]


def attribute_path(expression: ast.AST) -> str:
    """A chain of attributes of a name as text ("m.get.return_value"); "" if it is anything else."""
    tail: list[str] = []
    while isinstance(expression, ast.Attribute):
        tail.append(expression.attr)
        expression = expression.value
    return ".".join([expression.id, *reversed(tail)]) if isinstance(expression, ast.Name) else ""


BUILTINS = frozenset(("staticmethod", "classmethod", "property", "all", "any", "bool", "list", "next", "iter", "set", "tuple",
                      "sum", "sorted", "len", "print", "isinstance", "object", "TimeoutError", "anext", "super", "max",
                      "min", "enumerate", "zip", "dict", "frozenset"))  # fmt: skip


def _is_none(binding: Binding) -> bool:
    """`trio = None` in an except ImportError says nothing about what the name means when it is used."""
    return binding.how == "assign" and isinstance(binding.value, ast.Constant) and binding.value.value is None


class Module(Scope):
    """One file. `project` says what lies around it; None when nothing can be known."""

    def __init__(self, tree: ast.Module, path: Path | None = None, project: Project | None = None,
                 settings: Settings = Settings(), blocks: Sequence[Block] = (), replaced: frozenset[str] | None = None) -> None:  # fmt: skip
        super().__init__(tree, None, self)
        self.settings = settings
        self.blocks = blocks
        self.parsed = 0  # characters of another file that have been parsed
        if replaced is not None:
            self.replaced_names = replaced
        self.path = path
        self.project = project
        self.parents: dict[ast.AST, ast.AST] = {}
        self.scopes: dict[ast.AST, Scope] = {}
        self.dotted_cache: dict[ast.AST | None, str | None] = {}
        self.known_cache: dict[tuple[int, int], list[tuple[Scope, str]]] = {}
        self.fate_cache: dict[ast.AST, Fate] = {}
        self.value_cache: dict[ast.AST, Value | None] = {}
        self.bound_cache: dict[int, Value | None] = {}  # by the identity of a Binding
        self.value_depth = 0

    @cached_property
    def facts(self) -> Facts:
        return _with_blocks(self, super().facts, self.blocks)

    def absolute(self, statement: ast.ImportFrom) -> str | None:
        """The dotted name of the module that `from X import ...` names; relative ones start with dots."""
        return "." * (statement.level or 0) + (statement.module or "") or None

    def first_party(self, names: Iterable[str]) -> list[Module]:
        """The first-party modules of these dotted names, read whole; those that cannot be read are left out."""
        made = (self.project.module(name, self, True) for name in sorted(names) if name and self.project)
        return [one for one in made if one is not None]

    @property
    def with_conftests(self) -> list[Module]:
        """The file and the conftest files that apply to it."""
        return [self, *(self.project.conftests if self.project else ())]

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
    def names(self) -> set[str]:
        """Every name that is read, bound or called anywhere in the file, definitions left out."""
        every = [scope.facts for scope in (self, *self.all_scopes)]
        named = (name.id for facts in every for names in (facts.every_load, facts.targets) for name in names)
        return set(named).union(*(facts.calls for facts in every))

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

    def may_be_coroutine(self, name: str) -> bool:
        """Whether calling something of this name may give a coroutine: a first, cheap look, before anything is looked up."""
        known = self._coroutine_names
        if name not in known:
            meant = self.renamed.get(name, name)
            known[name] = (
                meant in self.library_names("coroutine", "awaitable context") or meant in self.async_names or meant in self.replaced_names
                or meant == "anext" or self.reachable is None or any(meant in words.coroutines for words in self.reachable)
            )  # fmt: skip
        return known[name]

    def library_names(self, *kinds: str) -> frozenset[str]:
        """The last names of all that gives something of these kinds (as in `knowledge.names`) in the libraries in sight."""
        known = self._library_names
        if kinds not in known:
            known[kinds] = knowledge.names(self.libraries, *kinds)
        return known[kinds]

    @cached_property
    def _library_names(self) -> dict[tuple[str, ...], frozenset[str]]:
        return {}

    @cached_property
    def libraries(self) -> frozenset[str]:
        """The known libraries that the file, its conftests or the first-party code that they use imports."""
        if self.reachable is None or "*" in self.binders or not self.imports:
            return frozenset(knowledge.TABLES)
        every = self.with_conftests
        imported = {"asyncio", "builtins", "pytest"}.union(
            *(one.imported_roots for one in every), *(words.imports for words in self.reachable)
        )
        return frozenset(library for name in imported if (library := knowledge.SHARED.get(name, name)) in knowledge.TABLES)

    @cached_property
    def _coroutine_names(self) -> dict[str, bool]:
        return {}

    @cached_property
    def async_names(self) -> set[str]:
        """The names of every `async def` of the file and its conftests, and the user's own."""
        every = self.with_conftests
        own = {name.rpartition(".")[2] for name in self.settings.coroutine_functions}
        return own.union(function.name for one in every for function in one.all_functions if function.is_async)

    @cached_property
    def reachable(self) -> tuple[Words, ...] | None:
        """What the text of the first-party code says that the file may use; None if that is too much to look at."""
        return self.project.reachable(self) if self.project else ()

    @cached_property
    def definitions(self) -> set[str]:
        """The names of all functions and classes of the file."""
        return {scope.name for scope in self.all_scopes}

    @cached_property
    def coroutine_functions(self) -> set[str]:
        """The names of the coroutine functions of the file."""
        return {function.name for function in self.all_functions if function.is_coroutine_function}

    @cached_property
    def async_generators(self) -> set[str]:
        """The names of the async generator functions of the file."""
        return {function.name for function in self.all_functions if function.is_async_generator}

    @cached_property
    def iterating_names(self) -> set[str]:
        """The names of functions that iterate over an argument, and of the file's async generator functions."""
        return ITERATING | self.async_generators

    @cached_property
    def all_classes(self) -> list[Class]:
        return [scope for scope in self.all_scopes if isinstance(scope, Class)]

    @cached_property
    def serves_tests(self) -> bool:
        """Whether the file holds tests or helpers of tests, by its path."""
        path = self.path
        return (
            path is None
            or "test" in path.stem
            or path.stem == "conftest"
            or not {"test", "tests", "_tests", "testing"}.isdisjoint(path.parts)
        )

    @cached_property
    def asserting_helpers(self) -> dict[str, Function]:
        """The module's functions that are neither tests nor fixtures and hold assertions."""
        return {one.name: one for one in self.functions if not one.is_test and not one.fixture and one.assertions}

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

    @cached_property
    def imported_roots(self) -> frozenset[str]:
        """The top-level packages and modules that the file imports; "" among them for relative imports."""
        return frozenset(name.partition(".")[0] for name in self.imports)

    @cached_property
    def replaced_names(self) -> set[str]:
        """The last names of all attributes that the file and its conftests assign to, patch or set."""
        return {
            path.rpartition(".")[2]
            for one in self.with_conftests for scope in (one, *one.all_scopes)
            if scope.facts.stores or not SETTERS.isdisjoint(scope.facts.calls)
            for path in scope.stored
        }  # fmt: skip

    @cached_property
    def sees_mocks(self) -> bool:
        """Whether the file speaks of mocks, or a conftest does whose fixtures it may use, or a module it takes fixtures from."""
        return any(one.speaks_of_mocks for one in self.with_conftests)

    @cached_property
    def speaks_of_mocks(self) -> bool:
        """Whether the file imports a library of mocks, makes a mock, annotates a parameter as one, or requests pytest-mock's fixture."""
        if self.imports_package("unittest.mock", "mock", "pytest_mock"):
            return True
        words = frozenset((*MOCKS, "patch", "create_autospec", "async_stub"))
        if any(not words.isdisjoint(scope.facts.calls) for scope in (self, *self.all_scopes)):
            return True
        if not self.parameter_names.isdisjoint(MOCKERS):
            return True
        annotations = [arg.annotation for function in self.all_functions for arg in function.parameters if arg.annotation is not None]
        return any(attribute_path(annotation).rpartition(".")[2] in MOCKS for annotation in annotations)

    @cached_property
    def patched_libraries(self) -> set[str]:
        """The words of every target that the file patches by text: "app.service.httpx.AsyncClient" holds "httpx"."""
        calls = [call for scope in (self, *self.all_scopes) for name in ("patch", "setattr") for call in scope.facts.calls.get(name, ())]
        texts = [call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)]
        return {word for text in texts if isinstance(text, str) for word in text.split(".")}

    def imports_package(self, *packages: str) -> bool:
        """Whether the file imports one of these packages or modules, or anything in them."""
        return not self._imported_packages.isdisjoint(packages)

    @cached_property
    def _imported_packages(self) -> set[str]:
        return {".".join(parts[:length]) for parts in (name.split(".") for name in self.imports) for length in range(1, len(parts) + 1)}

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
    def proven_mode(self) -> str | None:
        """pytest-asyncio's mode, where the user or a configuration file of pytest says so; without a file there may be a command line."""
        if self.settings.asyncio_mode:
            return self.settings.asyncio_mode
        if self.project is None or any(reading.file is None for reading in self.project.readings):
            return None
        if self.project.below("pytest-asyncio", "0.19") or self.project.lacks_pytest_asyncio:
            return None  # before 0.19 it took every async test and fixture, unless told otherwise
        mode: str | None = self.project.agreed("asyncio_mode")
        return mode

    @property
    def is_auto(self) -> bool:
        """Whether pytest-asyncio is proven to take every async test."""
        return self.proven_mode == "auto"

    @cached_property
    def uses_pytest_asyncio(self) -> bool:
        """Whether pytest-asyncio is this suite's runner, by its marks, its imports or its keys in the configuration."""
        project = self.project
        keys = (key for reading in project.readings for key in reading.values) if project is not None else ()
        if any(key.startswith("asyncio_") for key in keys) and not project.lacks_pytest_asyncio:
            return True
        return any(one.speaks_asyncio for one in self.with_conftests)

    @cached_property
    def has_other_runner(self) -> bool:
        """Any sign that something else than pytest-asyncio runs, or may run, async tests and fixtures here."""
        if self.project is not None and (self.project.runners or self.project.hooks):
            return True
        return any(one.imports_package(*RUNNER_PACKAGES) or one.names_backend for one in self.with_conftests)

    @cached_property
    def leaves_unmarked(self) -> bool:
        """Whether no runner takes an async test without a mark."""
        return self.proven_mode == "strict" and self.uses_pytest_asyncio and not self.has_other_runner

    @cached_property
    def imports_app(self) -> bool:
        """Whether the file, its conftests or the first-party code that they use import a library whose apps have a sync TestClient."""
        apps = ("fastapi", "starlette")
        if self.reachable is None or any(one.imports_package(*apps) for one in self.with_conftests):
            return True
        return any(not words.imports.isdisjoint(apps) for words in self.reachable)

    @cached_property
    def names_event_loop(self) -> bool:
        """Whether a suite of pytest-asyncio alone names the fixture `event_loop` that its 1.0 dropped."""
        is_named = "event_loop" in self.parameter_names or any(
            one.fixture and one.fixture.name == "event_loop" for one in self.all_functions
        )
        return is_named and self.uses_pytest_asyncio and not self.has_other_runner

    @cached_property
    def parameter_names(self) -> set[str]:
        """The names of the parameters of all functions of the file."""
        return {arg.arg for function in self.all_functions for arg in function.parameters}

    @cached_property
    def names_backend(self) -> bool:
        """Whether the file defines, requests or marks with anything of anyio's or trio's pytest plugins."""
        for scope in (self, *self.all_scopes):
            if any(mark.name in RUNNER_MARKS for mark in getattr(scope, "own_marks", scope.marks)):
                return True
        return "anyio_backend" in self.fixtures or any(name.startswith("anyio_backend") for name in self.parameter_names)

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
        super().__init__(node, outer, outer.module, node.name)

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
    def library_base(self) -> str:
        """The one class at which reading the bases ends, if the knowledge table has it; "" otherwise."""
        roots = self.roots
        return roots[0] if len(roots) == 1 and roots[0] and knowledge.known_class(roots[0]) else ""

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

    def attribute(self, name: str) -> list[tuple[Scope, ast.expr | None]]:
        """What the class, its bases and their methods assign to `self.NAME`, and to NAME in their bodies."""
        if name not in self._attributes:
            every = [base for base in self.ancestry if isinstance(base, Class)]
            self._attributes[name] = [one for base in every for one in (*base._set_by_methods(name), *base._set_in_body(name))]
        return self._attributes[name]

    @cached_property
    def _attributes(self) -> dict[str, list[tuple[Scope, ast.expr | None]]]:
        return {}

    def _set_by_methods(self, name: str) -> Iterator[tuple[Scope, ast.expr | None]]:
        for method in self.functions:
            if method.may_set(name) and method.self_name:
                yield from ((method, written) for written in method.stored.get(f"{method.self_name}.{name}", ()))

    def _set_in_body(self, name: str) -> Iterator[tuple[Scope, ast.expr | None]]:
        return ((self, binding.value if binding.how == "assign" else None) for binding in self.bindings(name))

    @cached_property
    def selves(self) -> list[tuple[Scope, str]]:
        """`self` in the methods of the class and its bases that are no tests."""
        methods = [method for base in self.ancestry if isinstance(base, Class) for method in base.functions]
        return [(method, method.self_name) for method in methods if method.self_name and not method.is_test]

    def selves_about(self, attribute: str) -> Iterator[tuple[Scope, str]]:
        """The same for the methods that may say anything of one attribute of it."""
        for method, name in self._selves_by_attribute.get(attribute, ()):
            yield method, name
        for method, name in self._selves_by_attribute.get("", ()):
            if method.may_set(attribute):
                yield method, name

    @cached_property
    def _selves_by_attribute(self) -> dict[str, list[tuple[Scope, str]]]:
        """`self` in these methods by the attributes that they name; "" for those that set some by a text or are not parsed yet."""
        found: dict[str, list[tuple[Scope, str]]] = defaultdict(list)
        for method, name in self.selves:
            if isinstance(method, Unparsed) or not SETTERS.isdisjoint(method.calls):
                found[""].append((method, name))
                continue
            for path in method.paths(name):
                if path.count(".") == 1:
                    found[path.rpartition(".")[2]].append((method, name))
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
               for binding in scope.bindings("__test__"))  # fmt: skip


class Function(Scope):
    """A function, method or lambda of the file."""

    def __init__(self, node: FunctionNode, outer: Scope) -> None:
        super().__init__(node, outer, outer.module, getattr(node, "name", ""))
        self.is_async = isinstance(node, ast.AsyncFunctionDef)
        self.is_lambda = isinstance(node, ast.Lambda)

    @property
    def owner(self) -> Class | None:
        """The class that this function is a method of."""
        return self.outer if isinstance(self.outer, Class) else None

    @property
    def owners(self) -> Iterator[Class]:
        """The class that this function is a method of, and the classes around that one."""
        owner = self.outer
        while isinstance(owner, Class):
            yield owner
            owner = owner.outer

    @property
    def self_name(self) -> str:
        """The name of a method's first parameter, "" if there is none."""
        arguments = self.node.args.args
        return arguments[0].arg if arguments else ""

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
        optional = (
            {arg.arg for arg in [*arguments.posonlyargs, *arguments.args][-len(arguments.defaults) :]} if arguments.defaults else set()
        )
        optional |= {arg.arg for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default}
        return [arg.arg for arg in self.parameters if arg.arg not in optional]

    def _note_binders(self, found: dict[str, list[Any]]) -> None:
        arguments = self.node.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            found[argument.arg].append(argument)
        for argument in (arguments.vararg, arguments.kwarg):
            if argument:
                found[argument.arg].append(Binding("other", None, argument, start(self.node)))
        super()._note_binders(found)

    def _binding_of(self, binder: Any) -> Binding:
        return Binding("parameter", binder, binder, start(self.node)) if isinstance(binder, ast.arg) else super()._binding_of(binder)

    @property
    def decorators(self) -> list[ast.expr]:
        return [] if self.is_lambda else self.node.decorator_list

    @cached_property
    def closest_fixtures(self) -> list[Function]:
        """Every fixture that a test or fixture is sure to get, as far as it can be found: requested, used by mark, autouse."""
        found: list[Function] = []
        todo = _fixtures_asked_for(self) + _autouse(self)
        while todo:
            fixture = todo.pop()
            if fixture not in found:
                found.append(fixture)
                todo += _fixtures_asked_for(fixture)
        return found

    @cached_property
    def injections(self) -> dict[str, tuple[Scope, ast.Call, str]]:
        """The patches that fill in positional parameters after self: the lowest decorator first, the class's last."""
        decorators = [(self.outer, decorator) for decorator in reversed(self.decorators)]
        if self.owner is not None and self.name.startswith("test"):
            decorators += [(self.owner.outer, decorator) for decorator in reversed(self.owner.node.decorator_list)]
        injecting = []
        for scope, decorator in decorators:
            call = decorator if isinstance(decorator, ast.Call) else None
            dotted = scope.dotted(call.func) if call else None
            if call and dotted in PATCHERS and _patch_new(call, dotted) is None:
                injecting.append((scope, call, dotted))
        return dict(zip([argument.arg for argument in self.parameters], injecting))

    @cached_property
    def injected(self) -> dict[str, Value | None]:
        """What patch decorators inject, by parameter."""
        return {name: patched(*made) for name, made in self.injections.items()}

    @cached_property
    def given(self) -> Value | None:
        """What a fixture gives to those who request it."""
        if not self.is_plain:
            return None
        found = agreed(value(self, node.value) for node in self.yields or self.every(ast.Return))
        return found or _annotated(self.outer, _returned_annotation(self))

    @property
    def is_generator(self) -> bool:
        return bool(self.yields)

    @cached_property
    def yields(self) -> list[ast.Yield]:
        return self.every(ast.Yield, ast.YieldFrom)

    @cached_property
    def assertions(self) -> list[ast.stmt]:
        """The assertions of the function, in document order."""
        return [one for one in self.every(ast.Assert, ast.Expr) if is_assertion(one)]

    @cached_property
    def said(self) -> dict[Any, set[ast.AST]]:
        """What its assertions say that is no accident if it is said again (`sayings`), with the assertions that say it."""
        found: dict[Any, set[ast.AST]] = defaultdict(set)
        for statement in self.assertions:
            for part in (statement, *self._written_out(statement)):
                for one in sayings(part):
                    found[one].add(statement)
        return found

    def _written_out(self, statement: ast.AST) -> Iterator[ast.expr]:
        """The displays and literals that the names in a statement are bound to: `assert answer == expected`."""
        for name in {one.id for one in ast.walk(statement) if isinstance(one, ast.Name)}:
            several = (binding.value for binding in self.bindings(name) if binding.how == "assign")
            yield from (one for one in several if isinstance(one, (ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Set)))

    @cached_property
    def said_texts(self) -> list[str]:
        """The texts that its assertions say, but very short ones, which are found in many others."""
        return [one for one in self.said if isinstance(one, str) and len(one) > 3]

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
    def names_mocks(self) -> bool:
        """Whether anything that the function calls or names is called after mocks."""
        return re.search("mock|patch|spec", " ".join((*self.calls, *self.facts.loads, *self.binders)), re.IGNORECASE) is not None

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
        if self.is_lambda or not self.module.is_test_file or isinstance(self.outer, Function):
            return False
        is_named = collects(self.module, "python_functions", self.name)
        if (
            not is_named and not (self.owner and self.name.startswith("test")) or self.fixture
        ):  # the name first: bases may be in other files
            return False
        if self.owner:
            if not self.owner.is_collected:
                return False
            if self.owner.inherits(*TESTCASES):
                return self.name.startswith("test")
        return is_named


class Unparsed(Scope):
    """A scope of which only the name has been read, until somebody asks for its node."""

    def __init__(self, block: Block, outer: Scope) -> None:
        self.block = block
        super().__init__(block.node, outer)  # type: ignore[call-arg]
        del self.node  # until somebody asks for it

    @property
    def head(self) -> Any:
        return self.block.node

    @cached_property
    def node(self) -> Any:  # type: ignore[override]
        self.module.parsed += self.block.parse()
        _walk(self.module, _outside(self.module, self.block.node))  # for the parents that it notes
        return self.block.node


class BlockClass(Unparsed, Class):
    """A class of another file."""

    @cached_property
    def facts(self) -> Facts:
        return _with_blocks(self, super().facts, self.block.blocks)


class BlockFunction(Unparsed, Function):
    """A function or method of another file."""

    def may_set(self, name: str) -> bool:
        text = self.block.text
        return "node" in vars(self) or name in text or "setattr" in text or "object(" in text

    @property
    def self_name(self) -> str:
        return super().self_name if "node" in vars(self) else self.block.first_parameter


def _with_blocks(scope: Scope, facts: Facts, blocks: Iterable[Block]) -> Facts:
    """What the walk noted, and the definitions that it has not seen because they are not parsed."""
    for block in blocks:
        made: Scope = (BlockClass if isinstance(block.node, ast.ClassDef) else BlockFunction)(block, scope)
        facts.scopes.append(made)
        scope.module.scopes[block.node] = made
        scope.module.parents[block.node] = scope.node
    facts.scopes.sort(key=lambda one: one.head.lineno)
    return facts


def _nested_uses(scope: Scope, name: str) -> list[ast.Name]:
    if name in scope.binders and not any(binding.how == "other" for binding in scope.bindings(name)):
        return []
    found = [*scope.facts.loads.get(name, ())]
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


def _matches(patterns: tuple[str, ...], name: str, option: str) -> bool:
    return _pattern(patterns, option).fullmatch(name) is not None


@lru_cache(maxsize=64)
def _pattern(patterns: tuple[str, ...], option: str) -> re.Pattern[str]:
    """As pytest matches: a prefix, or a glob if the pattern has a wildcard; files by glob alone."""
    prefixes = [pattern + "*" for pattern in patterns if option != "python_files" and set("*?[").isdisjoint(pattern)]
    return re.compile("|".join(translate(glob) for glob in (*patterns, *prefixes)) or "(?!)")


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
    for name in scope.targets("pytestmark"):
        above = scope.parent(name)
        value = getattr(above, "value", None)
        if value is not None:
            elements = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
            found += _marks_of(scope, elements)
    return found


def has_unknown_pytestmark(scope: Scope) -> bool:
    """Whether `pytestmark` holds anything that cannot be read as a mark."""
    for name in (*scope.targets("pytestmark"), *scope.facts.loads.get("pytestmark", ())):
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
    for owner in function.owners:
        if name in owner.fixtures and not (inner and owner.fixtures[name] is function):
            return owner.fixtures[name]
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
    cache = scope.module.fate_cache
    if expression not in cache:
        cache[expression] = _fate(scope, expression)
    return cache[expression]


def _fate(scope: Scope, expression: ast.AST) -> Fate:
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
        case ast.comprehension() if node in above.ifs:
            return Fate("truth", above)
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

    kind: AsyncMock, MagicMock, Mock, coroutine, async generator, task, instance,
    class, function (coroutine function, async generator function and sync function are `callee`s), context,
    async context, either context, awaitable context. `name` is a dotted library name, `scope` a readable definition.
    """

    kind: str
    name: str = ""
    scope: Scope | None = None
    result: Any = None  # Value of what awaiting, entering or calling gives, where known
    spec: str = ""  # mocks: "" none, "list", "class", "autospec" (name or scope says of what), "wraps" or "unknown"
    paths: tuple[tuple[Scope, str], ...] = ()  # mocks: where the object is known as what ("m.get.return_value")
    makers: tuple[tuple[Scope, ast.Call], ...] = ()  # mocks: the calls that may have made it, for their keywords


MOCKS = ("AsyncMock", "MagicMock", "Mock")
MOCK_ARGUMENTS = frozenset(
    "spec spec_set side_effect wraps name unsafe new_callable autospec create new target attribute parent instance".split()
)
# What every mock has of its own: reading one gives no child mock.
MOCK_OWN = frozenset(
    """called call_count call_args call_args_list mock_calls method_calls await_count await_args await_args_list side_effect
    configure_mock reset_mock attach_mock mock_add_spec mock""".split()
)
ASYNC_DUNDERS = frozenset(("__aenter__", "__aexit__", "__anext__"))
SYNC_DUNDERS = frozenset(("__enter__", "__exit__", "__aiter__", "__iter__", "__len__", "__getitem__", "__contains__"))


def value(scope: Scope, expression: ast.AST | None) -> Value | None:
    """What an expression gives at the place where it stands; None unless that is certain."""
    give = GIVES.get(type(expression))
    if give is None:
        return None
    cache = scope.module.value_cache
    if expression not in cache:
        cache[expression] = None  # a value that depends on itself is not known
        module = scope.module
        if module.value_depth < 40:
            module.value_depth += 1
            try:
                cache[expression] = give(scope, expression)
            finally:
                module.value_depth -= 1
    return cache[expression]


def _value_of_lambda(scope: Scope, expression: ast.Lambda) -> Value | None:
    return Value("function", scope=scope.module.scopes.get(expression))


def _value_of_either(scope: Scope, expression: ast.IfExp) -> Value | None:
    return agreed([value(scope, expression.body), value(scope, expression.orelse)])


def agreed(values: Iterable[Value | None]) -> Value | None:
    """The one value that all possibilities give; None if they differ."""
    several = list(values)
    first = several[0] if several else None
    if first is None or len(several) == 1:
        return first
    bare = first._replace(paths=(), makers=(), result=None)
    if any(other is None or other._replace(paths=(), makers=(), result=None) != bare for other in several[1:]):
        return None
    return first._replace(
        paths=tuple(dict.fromkeys(path for one in several for path in one.paths)),
        makers=tuple(dict.fromkeys(maker for one in several for maker in one.makers)),
        result=agreed([one.result for one in several]),
    )


def _awaited(awaitable: Value | None) -> Value | None:
    """What awaiting gives; of a task, whose `result` is the object that it is itself, that is not known."""
    if awaitable is not None and awaitable.kind in ("coroutine", "awaitable context"):
        return awaitable.result
    return None


def _value_of_name(scope: Scope, name: ast.Name) -> Value | None:
    found = scope.lookup(name)
    if found is None:
        return _named(scope, scope.dotted(name))
    where, bindings = found
    if len(bindings) == 1:  # most names
        result = _bound(where, bindings[0])
    else:
        result = agreed([_bound(where, binding) for binding in bindings if not _is_none(binding)])
    if result is not None and result.kind in MOCKS:
        here = [(where, name.id), *((where, alias) for alias in where.aliases.get(name.id, ()))]
        if where is not scope:
            here.append((scope, name.id))
        return result._replace(paths=tuple(dict.fromkeys([*here, *result.paths])))
    return result


def _named(scope: Scope, dotted: str | None) -> Value | None:
    """What a library name is: a class, or a function."""
    if dotted is None:
        return None
    if dotted.startswith(MOCKED) and dotted.removeprefix(MOCKED) in MOCKS or knowledge.known_class(dotted):
        return Value("class", knowledge.canonical(dotted))
    return Value("function", dotted)


def _bound(scope: Scope, binding: Binding) -> Value | None:
    """The value that a binding gives to its name, asked at each use of the name: so remembered."""
    cache, key = scope.module.bound_cache, id(binding)
    if key not in cache:
        cache[key] = None  # a value that depends on itself is not known
        give = GIVEN_BY.get(binding.how)
        cache[key] = give(scope, binding) if give is not None else None
    return cache[key]


def _defined(made: Function | Class) -> Value:
    """A function or class of readable code."""
    return Value("class" if isinstance(made, Class) else "function", scope=made)


def _imported(scope: Scope, binding: Binding) -> Value | None:
    made = scope.module.project.definition(binding.value, scope.module) if scope.module.project else None
    return _defined(made) if made is not None else _named(scope, binding.value)


# What each kind of binding gives to its name; the others give nothing that is known.
GIVEN_BY: dict[str, Callable[[Any, Binding], Value | None]] = {
    "assign": lambda scope, binding: value(scope, binding.value) or _declared(scope, binding.value),
    "annotation": lambda scope, binding: _annotated(scope, binding.value),
    "parameter": lambda scope, binding: _value_of_parameter(scope, binding.value),
    "with": lambda scope, binding: _entered(value(scope, binding.value), False),
    "async with": lambda scope, binding: _entered(value(scope, binding.value), True),
    "definition": lambda scope, binding: _defined(binding.value),
    "import": _imported,
}


def _declared(scope: Scope, assigned: ast.AST) -> Value | None:
    """What the annotation of an assignment says of an expression that gives nothing certain itself: `client: Client = make()`."""
    above = scope.parent(assigned)
    is_open = isinstance(above, ast.AnnAssign) and isinstance(assigned, (ast.Call, ast.Await))
    return _annotated(scope, above.annotation) if is_open else None


def _value_of_parameter(scope: Scope, argument: ast.arg) -> Value | None:
    assert isinstance(scope, Function)
    if scope.owner is not None and argument not in scope.parameters:
        is_class = any(scope.outer.dotted(decorator) == "classmethod" for decorator in scope.decorators)
        return Value("class" if is_class else "instance", scope=scope.owner)
    injected = scope.injected
    if argument.arg in injected:
        return injected[argument.arg] or _annotated_mock(scope, argument)
    if scope.fixture or scope.is_test or any(mark.name == "usefixtures" for mark in scope.own_marks):
        if argument.arg in parametrized(scope):
            return _annotated_mock(scope, argument)
        fixture = find_fixture(scope, argument.arg)
        if fixture is None and argument.arg in PLUGIN_FIXTURES:
            return PLUGIN_FIXTURES[argument.arg]
        if fixture is not None:
            given = fixture.given or _annotated_mock(scope, argument)
            if given is None and not makes_mocks(fixture):
                given = _annotated(scope.outer, argument.annotation)
            return given._replace(paths=(*given.paths, *_touched_by_fixtures(scope, fixture))) if given and given.kind in MOCKS else given
    return _annotated(scope.outer, argument.annotation)


# Fixtures of plugins that are functions, where the suite has none of that name: pytest-aiohttp's.
PLUGIN_FIXTURES = {
    "aiohttp_client": Value("method", "aiohttp_client", result=knowledge.Callee("coroutine", "aiohttp.test_utils.TestClient")),
    "aiohttp_server": Value("method", "aiohttp_server", result=knowledge.Callee("coroutine", "aiohttp.test_utils.TestServer")),
}


def _annotated_mock(function: Function, argument: ast.arg) -> Value | None:
    """A parameter annotated as a mock, where nothing better is known: what else an annotation says may be a wish."""
    given = _annotated(function.outer, argument.annotation)
    return given if given is not None and given.kind in MOCKS else None


def makes_mocks(fixture: Function) -> bool:
    """Whether a fixture has to do with mocks: then what it gives may be one, whatever an annotation says."""
    return fixture.names_mocks


def _touched_by_fixtures(test: Function, fixture: Function) -> Iterator[tuple[Scope, str]]:
    """Other fixtures of the test's class, the file and its conftests that request the same one: they may configure what it gives."""
    assert fixture.fixture is not None
    name, project = fixture.fixture.name, test.module.project
    places = (test.module, *(base for owner in test.owners for base in owner.ancestry if isinstance(base, Class)))
    every = [one for place in places for one in place.requesting.get(name, ())]
    every += [one for conftest in (project.conftests if project else ()) for one in conftest.requesting.get(name, ())
              if one.fixture and conftest.fixtures.get(one.fixture.name) is one]  # fmt: skip
    yield from ((other, name) for other in every if other is not fixture and other is not test)


def parametrized(function: Function, indirect: bool = True) -> set[str]:
    """Names that parametrize marks give to a test; without those that they hand to a fixture, unless `indirect`."""
    found: set[str] = set()
    for mark in function.marks:
        if mark.name == "parametrize" and mark.call and mark.call.args and (indirect or mark.argument("indirect") is None):
            first = mark.call.args[0]
            names = mark.scope.constant(first)
            if isinstance(names, str):
                found.update(name.strip() for name in names.split(","))
            elif isinstance(first, (ast.List, ast.Tuple)):
                found.update(element.value for element in first.elts if isinstance(element, ast.Constant))
    return found


def _annotated(scope: Scope | None, annotation: ast.AST | None) -> Value | None:
    """An object of an annotated class; quoted annotations and `X | None` are read, other generics are not."""
    if scope is None or annotation is None:
        return None
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        made = scope.definition(name_at_end(annotation.value.strip())) if annotation.value.strip().isidentifier() else None
        return Value("instance", scope=made) if isinstance(made, Class) else _annotated_name(scope, scope.quoted(annotation.value))
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


YIELDING = ("Generator", "Iterator", "Iterable", "AsyncGenerator", "AsyncIterator", "AsyncIterable")


def _returned_annotation(fixture: Function) -> ast.expr | None:
    """The annotation of what a fixture returns or yields: for a generator, the first argument of its annotation."""
    annotation = fixture.node.returns
    if not fixture.is_generator:
        return annotation
    if isinstance(annotation, ast.Subscript) and (fixture.outer.dotted(annotation.value) or "").rpartition(".")[2] in YIELDING:
        return annotation.slice.elts[0] if isinstance(annotation.slice, ast.Tuple) else annotation.slice
    return None


def _entered(context: Value | None, is_async: bool) -> Value | None:
    """What `with` or `async with` binds."""
    if context is None:
        return None
    if context.kind in MOCKS:
        return mock_result(mock_child(context, "__aenter__" if is_async else "__enter__"))
    if context.kind == "instance" and isinstance(context.scope, Class):
        method = context.scope.find_method("__aenter__" if is_async else "__enter__")
        given = _returned_value(method) if method is not None and _is_bare(method) else None
        # What returns `self`, or is annotated to, gives the object itself, which may be of a derived class.
        if given is not None and method is not None:
            return context if given.kind == "instance" and given.scope is method.owner else given
        known = knowledge.known_class(context.scope.library_base)
        return context if method is None and known is not None and known.gives == known.name else None
    if context.kind == "instance":
        known = knowledge.known_class(context.name) if context.name else None
        if known is None or not known.gives:
            return None
        return context if known.gives == context.name else Value("instance", known.gives)
    if context.kind in ("context", "async context", "either context", "awaitable context"):
        return context.result
    return None


def _value_of_call(scope: Scope, call: ast.Call) -> Value | None:
    made = mock_function(scope, call.func)
    if made is not None:
        return _mock_made(scope, call, made)
    dotted = scope.dotted(call.func)
    if dotted is not None:
        if dotted in scope.module.settings.coroutine_functions or dotted == "anext":
            return Value("coroutine", dotted)
        if dotted == "super" and not call.args:
            return _value_of_super(scope)
        if dotted in ("typing.cast", "typing_extensions.cast") and len(call.args) == 2:
            return _annotated(scope, call.args[0])
    if isinstance(call.func, ast.Attribute) and call.func.attr == "start":
        patcher = value(scope, call.func.value)
        if patcher is not None and patcher.kind == "context" and patcher.name in PATCHERS:
            return patcher.result
    return called(value(scope, call.func))


def _value_of_super(scope: Scope) -> Value | None:
    """`super()` in a method of a class with one base that can be read."""
    owner = scope.owner if isinstance(scope, Function) else None
    bases = owner.bases if owner is not None else []
    return Value("instance", scope=bases[0]) if len(bases) == 1 and isinstance(bases[0], Class) else None


def called(function: Value | None) -> Value | None:
    """What calling a value gives."""
    if function is None:
        return None
    if function.kind == "AsyncMock":
        return Value("coroutine", "AsyncMock", result=mock_result(function))
    if function.kind in MOCKS:
        return mock_result(function)
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
    if any(function.outer.dotted(decorator) not in UNCHANGED for decorator in function.decorators):
        return None
    if function.is_async_generator:
        return Value("async generator", function.name, function)
    if function.is_async and _may_be_generator_elsewhere(function):
        return None
    result = _returned_value(function) if not function.is_generator else None
    if function.is_async:
        return Value("coroutine", function.name, function, result)
    return result


def _may_be_generator_elsewhere(function: Function) -> bool:
    """Whether a method without a result is annotated as an async generator: where a subclass writes it out, it is one."""
    annotation = function.node.returns
    if function.owner is None or any(node.value is not None for node in function.every(ast.Return)):
        return False
    return last_name(annotation.value if isinstance(annotation, ast.Subscript) else annotation) in YIELDING


# Decorators after which calling a function does what its body says.
UNCHANGED = ("staticmethod", "classmethod", "abc.abstractmethod", "typing.override", "typing.final", "typing_extensions.override",
             "typing_extensions.final")  # fmt: skip
PROPERTIES = ("property", "functools.cached_property")


def _returned_value(function: Function) -> Value | None:
    """What the return statements of a function give, else what its annotation says, unless it has to do with mocks."""
    given = agreed(value(function, node.value) for node in function.every(ast.Return))
    return given or (None if makes_mocks(function) else _annotated(function.outer, function.node.returns))


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


def _value_of_attribute(scope: Scope, expression: ast.Attribute) -> Value | None:
    base = value(scope, expression.value)
    if base is not None and base.kind in MOCKS:
        return mock_child(base, expression.attr)
    replaced = _replaced_attribute(scope, expression)
    if replaced is not None:
        return replaced[0]
    if base is not None and base.kind == "instance":
        return _member(base, expression.attr)
    if base is not None and base.kind == "class" and isinstance(base.scope, Class):
        method = base.scope.find_method(expression.attr)
        return Value("function", scope=method) if method else None
    made = scope.definition(expression)
    if made is not None:
        return _defined(made)
    return _named(scope, scope.dotted(expression))


def _replaced_attribute(scope: Scope, expression: ast.Attribute) -> tuple[Value | None] | None:
    """What code in sight put in place of an attribute (`service.client = AsyncMock()`); None if nothing did."""
    if expression.attr not in scope.module.replaced_names:
        return None
    places = tuple(place for place in dict.fromkeys(known_as(scope, expression)) if place[0].may_set(expression.attr))
    written = [(where, one) for where, path in places for one in where.stored.get(path, ())]
    if not written:
        return None
    if any(isinstance(where, Class) or _is_optional(where, one) or _is_later(scope, expression, where, one) for where, one in written):
        return (None,)
    given = agreed([_written(where, one) for where, one in written])
    places += tuple((where, alias) for where, path in places for alias in where.aliases.get(path, ()))
    return (given._replace(paths=(*given.paths, *places)) if given is not None and given.kind in MOCKS else given,)


def _is_optional(scope: Scope, written: ast.expr | None) -> bool:
    """Whether an assignment stands in a branch or loop, so that it may not have happened."""
    return written is not None and any(isinstance(above, BRANCHES) and not isinstance(above, ast.Try) for above in scope.ancestors(written))


def _is_later(scope: Scope, read: ast.expr, where: Scope, written: ast.expr | None) -> bool:
    """Whether an attribute is read before it is replaced, or outside the `with` block that replaces it."""
    if where is not scope or written is None:
        return False
    item = scope.parent(written)
    if isinstance(item, ast.withitem):
        return item not in scope.ancestors(read) and scope.parent(item) not in scope.ancestors(read)
    return start(read) < start(written) and not any(isinstance(above, LOOPS) for above in scope.ancestors(read))


def _written(scope: Scope, expression: ast.expr | None) -> Value | None:
    """The value put in place of an attribute: for patch.object, the mock that it puts there."""
    given = value(scope, expression)
    if given is None and expression is not None:
        return _declared(scope, expression)
    if given is not None and given.name in PATCHERS and isinstance(expression, ast.Call) and not isinstance(
            scope.parent(expression), (ast.Assign, ast.AnnAssign)):  # fmt: skip
        return given.result
    return given


def known_as(scope: Scope, expression: ast.expr, depth: int = 0) -> Iterator[tuple[Scope, str]]:
    """The names of an object: as written here, in the fixture that gives it, in the methods that set `self` up."""
    tail: list[str] = []
    while isinstance(expression, ast.Attribute):
        tail.append(expression.attr)
        expression = expression.value
    if isinstance(expression, ast.Name):
        for where, path in _name_known_as(scope, expression, depth, tail[-1] if tail else ""):
            yield where, ".".join([path, *reversed(tail)])


def _name_known_as(scope: Scope, expression: ast.Name, depth: int, attribute: str) -> Iterator[tuple[Scope, str]]:
    """The other names of an object, as far as one attribute of it is asked for ("": the object itself)."""
    yield scope, expression.id
    found = scope.lookup(expression)
    if found is None or depth > 5:
        return
    where, bindings = found
    yield where, expression.id
    if len(bindings) == 1:
        yield from _bound_known_as(where, bindings[0], depth)
        if bindings[0].how == "parameter" and isinstance(where, Function) and where.owner and bindings[0].value not in where.parameters:
            yield from where.owner.selves_about(attribute) if attribute else where.owner.selves


def _bound_known_as(where: Scope, binding: Binding, depth: int) -> list[tuple[Scope, str]]:
    """The other names of what one binding gives to a name: asked at each use of the name, so remembered."""
    cache, key = where.module.known_cache, (id(binding), depth)
    if key not in cache:
        if binding.how == "assign" and isinstance(binding.value, (ast.Name, ast.Attribute)):
            cache[key] = list(known_as(where, binding.value, depth + 1))
        elif binding.how == "parameter" and isinstance(where, Function):
            cache[key] = list(_parameter_known_as(where, binding.value, depth))
        else:
            cache[key] = []
    return cache[key]


def _parameter_known_as(function: Function, parameter: ast.arg, depth: int) -> Iterator[tuple[Scope, str]]:
    if function.owner is not None and parameter not in function.parameters:
        yield function, parameter.arg
    elif function.fixture or function.is_test:
        fixture = find_fixture(function, parameter.arg)
        for node in (fixture.yields or fixture.every(ast.Return)) if fixture and fixture.is_plain else ():
            if node.value is not None:
                yield from known_as(fixture, node.value, depth + 1)
        if fixture is not None:
            yield from _touched_by_fixtures(function, fixture)


# What each type of expression gives; the others give nothing that is known.
GIVES: dict[type, Callable[[Scope, Any], Value | None]] = {
    ast.Name: _value_of_name,
    ast.Attribute: _value_of_attribute,
    ast.Call: _value_of_call,
    ast.Await: lambda scope, expression: _awaited(value(scope, expression.value)),
    ast.NamedExpr: lambda scope, expression: value(scope, expression.value),
    ast.IfExp: _value_of_either,
    ast.Lambda: _value_of_lambda,
}


def _member(instance: Value, attribute: str) -> Value | None:
    """A method or attribute of an object."""
    if isinstance(instance.scope, Class):
        method = instance.scope.find_method(attribute)
        if method is not None:
            return _returned_value(method) if _is_property(method) else Value("function", scope=method)
        found = instance.scope.attribute(attribute)
        if not found and (library := instance.scope.library_base):
            return _member(Value("instance", library), attribute)
        return agreed(_written(scope, written) for scope, written in found or [(instance.scope, None)])
    callee = knowledge.method(instance.name, attribute)
    if callee is None:
        held = knowledge.attribute(instance.name, attribute)
        return Value("instance", held) if held else None
    return Value("method", f"{instance.name}.{attribute}", result=callee)


# Makers and keepers: which call made an object, and who ends its life


def maker(scope: Scope, expression: ast.AST | None, depth: int = 8) -> tuple[Scope, ast.Call] | None:
    """The one call that made an object, seen through names, `with ... as` and the fixtures of a test."""
    if isinstance(expression, ast.Call):
        return scope, expression
    if not isinstance(expression, ast.Name) or depth == 0 or (found := scope.lookup(expression)) is None or len(found[1]) != 1:
        return None
    where, binding = found[0], found[1][0]
    if binding.how in ("assign", "with", "async with"):
        return maker(where, binding.value, depth - 1)
    if binding.how != "parameter" or not isinstance(where, Function) or not (where.fixture or where.is_test):
        return None
    if binding.value.arg in parametrized(where) or binding.value.arg in where.injected:
        return None
    fixture = find_fixture(where, binding.value.arg)
    given = (fixture.yields or fixture.every(ast.Return)) if fixture is not None and fixture.is_plain else []
    return maker(fixture, given[0].value, depth - 1) if fixture is not None and len(given) == 1 else None


def keeper(scope: Function, made: ast.AST, closers: Iterable[str], harmless: Iterable[str] = ()) -> str:
    """Who ends the life of an object that an expression makes.

    "closed" (one of `closers` is called or handed to somebody), "entered", "shared" (an argument, an attribute, a
    container: somebody else may close it), "yielded" or "returned" and closed by nobody here, or "" for nobody at all.
    Arguments of the functions `harmless` (dotted names) are no sharing.
    """
    first = fate(scope, made)
    if first.what != "assigned":
        return _keeps(scope, made, first, closers, harmless)
    name = first.by.id
    if len(scope.bindings(name)) != 1 and any(binding.how == "other" for binding in scope.bindings(name)):
        return "shared"
    kept = {_keeps(use_scope, use, fate(use_scope, use), closers, harmless) for use_scope, use in uses_with_scope(scope, name)}
    return next((how for how in ("closed", "entered", "shared", "yielded", "returned") if how in kept), "")


def _keeps(scope: Scope, use: ast.AST, what: Fate, closers: Iterable[str], harmless: Iterable[str]) -> str:
    if what.what == "attribute":
        return "closed" if getattr(what.by, "attr", "") in closers else ""
    if what.what == "argument":
        return "" if isinstance(what.by, ast.Call) and scope.dotted(what.by.func) in (*harmless, *READERS) else "shared"
    if what.what in ("entered", "async entered"):
        return "entered"
    if what.what in ("kept", "assigned", "called"):
        kinds = {ast.Yield: "yielded", ast.Return: "returned", ast.Compare: ""}
        return kinds.get(type(what.by), "shared")
    return ""


# Functions that look at an argument and keep nothing of it.
READERS = ("isinstance", "print", "len", "bool")


def uses_with_scope(scope: Scope, name: str) -> Iterator[tuple[Scope, ast.Name]]:
    """Loads of a name, each with the scope in which it stands."""
    for use in scope.uses(name):
        yield scope_of(scope.module, use), use


# Coroutines that nobody handles


class Loss(NamedTuple):
    """How the coroutine that a call gives is lost: no code that can run awaits it.

    how: dropped (it is a statement, alone or in a display), unused (bound to a name that nobody reads), truth (it is
    tested, or compared so that it is always true), result (something of what awaiting would give is asked of it: an
    attribute, an item, its text). `by` is the node that does it, `value` what the call gives.
    """

    how: str
    by: ast.AST
    call: ast.Call
    value: Value


def owed(scope: Scope, expression: ast.AST) -> Value | None:
    """What an expression gives, if somebody must await it or iterate over it; None unless that is certain.

    What a plain function of readable code returns is not: its body ran, perhaps on parts that a test has replaced.
    """
    given = value(scope, expression)
    if given is None or given.kind not in LOST_AS:
        return None
    function = value(scope, expression.func) if isinstance(expression, ast.Call) else None
    is_plain = function is not None and isinstance(function.scope, Function) and not function.scope.is_async
    return None if is_plain and not function.scope.is_lambda else given


def loss(scope: Scope, call: ast.Call) -> Loss | None:
    """How the coroutine or async generator that a call gives is lost; None if it gives none, or if anybody may handle it.

    Handled is what reaches an await, an argument, a return, a container that is used, an attribute or an outer scope, by
    its expression or by a name, in any order. Every rule about lost coroutines asks `Scope.losses`.
    """
    lost = _lost(scope, call)
    if lost is None or lost[0] == "result" and lost[1] is scope.parent(call) and not _is_near(scope, call, lost[1]):
        return None
    given = owed(scope, call)
    return Loss(*lost, call, given) if given is not None and lost[0] in LOST_AS[given.kind] else None


# How what a call gives may be lost, by its kind: a connection may be used before it is entered, an async generator that is read is loud.
LOST_AS = {
    "coroutine": ("dropped", "unused", "truth", "result"),
    "awaitable context": ("dropped", "unused", "truth"),
    "async generator": ("dropped", "truth"),
}


def _is_near(scope: Scope, call: ast.Call, by: ast.AST) -> bool:
    """Whether the name of what is called is a coroutine function's in this file or in a library.

    What is wrong with `f().x` is loud and seen at once: that alone is no reason to read other files.
    """
    name = last_name(call.func)
    return isinstance(by, ast.FormattedValue) or name in scope.module.coroutine_functions or name in scope.module.library_names("coroutine")


# Names that nobody gives to a coroutine function: most of what stands alone or is tested in a test.
SYNC_NAMES = frozenset(
    """isinstance issubclass len range str int float bool repr getattr hasattr callable sorted enumerate zip super tuple dict frozenset
    append extend startswith endswith split splitlines strip encode decode
    assert_called assert_called_once assert_called_with assert_called_once_with assert_any_call assert_has_calls assert_not_called
    assert_awaited assert_awaited_once assert_awaited_with assert_awaited_once_with assert_any_await assert_has_awaits assert_not_awaited
    assertEqual assertNotEqual assertTrue assertFalse assertIs assertIsNot assertIsNone assertIsNotNone assertIn assertNotIn
    assertIsInstance assertNotIsInstance assertRaises assertRaisesRegex assertWarns assertLogs assertAlmostEqual assertGreater assertLess
    assertGreaterEqual assertLessEqual assertRegex assertCountEqual assertListEqual assertDictEqual
    raises setattr setenv delenv set_level getLogger debug warning is_set create_task ensure_future start_soon""".split()
)


def _lost(scope: Scope, made: ast.expr) -> tuple[str, ast.AST] | None:
    """How the value of an expression would be lost if it were a coroutine, and the node that does it."""
    found: dict[str, ast.AST] = {}
    for how, by in _ends(scope, _holder(scope, made), made):
        if not how:
            return None
        found.setdefault(how, by)
    told = next((how for how in ("truth", "result", "unused", "dropped") if how in found), None)
    return (told, found[told]) if told else None


def _ends(scope: Scope, holder: ast.expr, made: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    """What becomes of an expression where it stands, and of the names that it is bound to wherever they are read."""
    what, held = fate(scope, holder), holder is not made
    if what.what != "assigned":
        yield _end(scope, what, held), what.by
    for name in [above.target for above in _walruses(scope, holder)] + ([what.by] if what.what == "assigned" else []):
        yield "" if _is_shared(scope, name.id) or _is_added_to(scope, name.id) else "unused", name
        for where, use in _reached(scope, name):
            end_of_use = fate(where, use)
            how = _end(where, end_of_use, held)
            yield ("unused" if how == "dropped" else how), end_of_use.by


def _holder(scope: Scope, made: ast.expr) -> ast.expr:
    """The display or comprehension that an expression is an element of, else the expression itself."""
    holder, above = made, scope.parent(made)
    while isinstance(above, (ast.List, ast.Tuple, ast.Set)) or isinstance(above, COMPREHENSIONS) and holder is getattr(above, "elt", None):
        holder, above = above, scope.parent(above)
    return holder


def _walruses(scope: Scope, node: ast.AST) -> Iterator[ast.NamedExpr]:
    """The `:=` right around an expression."""
    above = scope.parent(node)
    while isinstance(above, (ast.IfExp, ast.NamedExpr)):
        if isinstance(above, ast.NamedExpr):
            yield above
        above = scope.parent(above)


def _is_shared(scope: Scope, name: str) -> bool:
    """Whether code out of sight may read a name, or `del` ends it on purpose."""
    return not isinstance(scope, Function) or name in scope.shared_names


def _is_added_to(scope: Scope, name: str) -> bool:
    """Whether `name += ...` keeps what was bound to a name under the new binding."""
    return any(type(scope.parent(target)) is ast.AugAssign for target in scope.targets(name))


def _reached(scope: Scope, name: ast.Name) -> list[tuple[Scope, ast.Name]]:
    """The loads that may see the value that is bound to a name at one place."""
    every = scope.loads_reached(name.id)
    several = [*every.get(scope.parent(name), ()), *every.get(None, ())]
    return [(where, use) for _, where, use in sorted(several, key=itemgetter(0))]


# Nodes whose children are handled, whatever they are: a short way past most calls.
HANDLING = frozenset((ast.Await, ast.keyword, ast.Return, ast.Yield, ast.Starred, ast.Lambda, ast.withitem, ast.Dict))
# What a coroutine object has of its own: reading that asks nothing of its result.
COROUTINE_OWN = re.compile(r"send|throw|close|cr_\w+|__\w+__")


def _end(scope: Scope, what: Fate, held: bool) -> str:
    """What one use makes of a coroutine, or of a display that holds it: as in Loss; "" if it may be handled."""
    if what.what == "argument":
        return "truth" if isinstance(what.by, ast.Call) and scope.dotted(what.by.func) in (("all", "any") if held else ("bool",)) else ""
    if what.what == "dropped":
        return "dropped"
    if held:
        return ""
    if what.what == "truth":
        return "truth"
    if what.what == "compared":
        return "truth" if _is_true_of_any_coroutine(what.by) else ""
    if what.what == "attribute":
        return "" if COROUTINE_OWN.fullmatch(getattr(what.by, "attr", "")) else "result"
    if what.what == "kept":
        return "result" if isinstance(what.by, (ast.BinOp, ast.FormattedValue, ast.AugAssign)) else ""
    return "result" if what.what in ("iterated", "async iterated", "called") else ""


def _is_true_of_any_coroutine(compare: ast.Compare) -> bool:
    """`coroutine != anything` and `coroutine is not None`; most other comparisons fail, which is loud."""
    if len(compare.ops) != 1:
        return False
    other = compare.comparators[0]
    return (
        isinstance(compare.ops[0], ast.NotEq)
        or isinstance(compare.ops[0], ast.IsNot)
        and isinstance(other, ast.Constant)
        and other.value is None
    )


def scope_of(module: Module, node: ast.AST) -> Scope:
    """The innermost scope around a node."""
    above = module.parents.get(node)
    while above is not None:
        if above in module.scopes:
            return module.scopes[above]
        above = module.parents.get(above)
    return module


# Outcomes: who gets to see how a task ended


def test_around(scope: Scope | None) -> Function | None:
    """The test that a scope is, or that it stands in."""
    while scope is not None and not (isinstance(scope, Function) and scope.is_test):
        scope = scope.outer
    return scope


def inner_scopes(scope: Scope) -> Iterator[Scope]:
    """Every function, lambda and class inside a scope."""
    for inner in scope.facts.scopes:
        yield inner
        yield from inner_scopes(inner)


def spawns(scope: Scope, call: ast.AST, depth: int = 3) -> bool:
    """Whether a call makes a task of the running loop; wrappers count that can be read, or are so called and given a coroutine."""
    if not isinstance(call, ast.Call) or is_spawned(scope, call):
        return isinstance(call, ast.Call)
    if isinstance(call.func, ast.Name) and call.func.id in ("create_task", "ensure_future") and call.args:
        given = value(scope, call.args[0])
        return given is not None and given.kind == "coroutine"
    made = scope.definition(call.func) if depth else None
    if not isinstance(made, Function) or made.is_async or made.is_generator or not made.is_plain or not made.every(ast.Return):
        return False
    return all(spawns(made, node.value, depth - 1) for node in made.every(ast.Return))


def is_outcome_read(scope: Scope, tasks: ast.AST, seen: set[ast.AST] | None = None) -> bool:
    """Whether anybody may learn what a task gave or raised, from an expression that gives it or a container of tasks.

    To wait for it, to cancel it or to ask whether it is done tells nothing of that. Unknown, and too long a way, count as read.
    """
    seen = seen if seen is not None else set()
    what = fate(scope, tasks)
    if tasks in seen or what.what in ("dropped", "truth", "compared"):
        return False
    seen.add(tasks)
    if what.what == "awaited" or len(seen) > 60:
        return len(seen) > 60 or not is_swallowed(scope, what.by)
    if what.what == "iterated":
        return _is_read_in_loop(scope, what.by, seen)
    if what.what == "attribute" and isinstance(what.by, ast.Attribute):
        return _is_read_of(scope, what.by, seen)
    if what.what == "argument":
        return _is_read_by(scope, what.by, seen)
    if (names := names_bound(scope, what)) is not None:
        return any(is_outcome_read(where, use, seen) for name in names for where, use in uses_with_scope(scope, name))
    if isinstance(what.by, (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Subscript, *COMPREHENSIONS)):
        return is_outcome_read(scope, what.by, seen)
    return True


def names_bound(scope: Scope, what: Fate) -> list[str] | None:
    """The names of a function that take a value, unpacked or whole; None if anything else does."""
    if what.what == "assigned":
        names = [what.by]
    elif what.what == "kept" and isinstance(what.by, ast.Assign) and len(what.by.targets) == 1:
        names = getattr(what.by.targets[0], "elts", [None])
    else:
        return None
    shared = {name for node in scope.every(ast.Global, ast.Nonlocal) for name in node.names}
    if not isinstance(scope, Function) or not all(isinstance(name, ast.Name) and name.id not in shared for name in names):
        return None
    return [name.id for name in names]


def _is_read_in_loop(scope: Scope, loop: Any, seen: set[ast.AST]) -> bool:
    """Whether the body of a loop or comprehension reads the outcome of its variable."""
    whole = scope.parent(loop) if isinstance(loop, ast.comprehension) else loop
    if not isinstance(loop.target, ast.Name) or whole is None:
        return True
    return any(is_outcome_read(where, use, seen) for where, use in uses_with_scope(scope, loop.target.id)
               if whole in scope.ancestors(use) or where is not scope)  # fmt: skip


def _is_read_of(scope: Scope, read: ast.Attribute, seen: set[ast.AST]) -> bool:
    """Whether reading an attribute of a task, or of a container of tasks, leads to an outcome."""
    if read.attr in CONTROLS_OF_TASKS or read.attr in ("append", "add", "extend", "clear", "discard", "remove"):
        return False
    above = scope.parent(read)
    if read.attr == "add_done_callback" and isinstance(above, ast.Call) and above.args:
        return last_name(above.args[0]) not in ("discard", "remove")  # the set that keeps the task alive
    return not (read.attr in ("pop", "copy", "values") and isinstance(above, ast.Call)) or is_outcome_read(scope, above, seen)


CONTAINERS = frozenset("list set tuple iter next sorted asyncio.as_completed asyncio.wait_for asyncio.shield".split())


def _is_read_by(scope: Scope, call: ast.AST, seen: set[ast.AST]) -> bool:
    """Whether a call that is given tasks leads to an outcome of theirs."""
    if not isinstance(call, ast.Call):
        return True
    dotted, name = scope.dotted(call.func), getattr(call.func, "attr", "")
    if dotted in READERS or name.startswith("assert"):
        return False
    if dotted in CONTAINERS or dotted == "asyncio.gather" and scope.constant(keyword(call, "return_exceptions")) is not True:
        return is_outcome_read(scope, call, seen)
    if dotted in ("asyncio.wait", "asyncio.gather"):
        waiting = awaiting(scope, call)
        return waiting is None or (is_outcome_read(scope, waiting, seen) if dotted == "asyncio.wait" else not is_unread(scope, waiting))
    if name in ("append", "add") and isinstance(call.func.value, ast.Name):
        found = scope.lookup(call.func.value)
        if found is not None and found[0] is scope and isinstance(scope, Function) and all(one.how != "parameter" for one in found[1]):
            return any(is_outcome_read(where, use, seen) for where, use in uses_with_scope(scope, call.func.value.id))
    return True


def awaiting(scope: Scope, made: ast.AST) -> ast.Await | None:
    """The await of an awaitable, through wait_for and shield; None if it is not awaited on the spot."""
    what = fate(scope, made)
    if what.what == "argument" and isinstance(what.by, ast.Call) and scope.dotted(what.by.func) in ("asyncio.wait_for", "asyncio.shield"):
        return awaiting(scope, what.by)
    return what.by if isinstance(what.by, ast.Await) else None


def is_unread(scope: Scope, made: ast.AST) -> bool:
    """Whether nobody looks into the list that an expression gives: it is dropped, never used, or only counted."""
    what = fate(scope, made)
    if what.what == "dropped":
        return True
    if (names := names_bound(scope, what)) is None:
        return False
    uses = [fate(where, use) for name in names for where, use in uses_with_scope(scope, name)]
    if what.what != "assigned":  # unpacked: whatever looks at an element sees how that one ended
        return not uses
    return all(one.what == "truth" or one.what == "argument" and scope.dotted(getattr(one.by, "func", None)) in READERS for one in uses)


FAILURES = frozenset(("AssertionError", "Exception", "BaseException"))


def is_swallowed(scope: Scope, node: ast.AST) -> bool:
    """Whether a failed assertion would vanish in a block around a node."""
    return any(field == "body" and swallows(scope, block, FAILURES) for block, field in blocks(scope, node))


def swallows(scope: Scope, block: ast.AST, errors: Iterable[str]) -> str:
    """How a with or try statement drops one of these exceptions without a trace: "suppress(X)", "except X" or ""."""
    if isinstance(block, (ast.With, ast.AsyncWith)):
        calls = [item.context_expr for item in block.items if isinstance(item.context_expr, ast.Call)]
        caught = [one for call in calls if scope.dotted(call.func) == "contextlib.suppress" for one in call.args]
        named = [name for one in caught if (name := ast.unparse(one).rpartition(".")[2]) in errors]
        return f"suppress({named[0]})" if named else ""
    for handler in getattr(block, "handlers", ()):
        several = getattr(handler.type, "elts", [handler.type])
        named = [last_name(one) if one else "BaseException" for one in several]
        if (caught := [name for name in named if name in errors]) and all(_does_nothing(one) for one in handler.body):
            return f"except {caught[0]}"
    return ""


def _does_nothing(statement: ast.stmt) -> bool:
    """`pass`, `...`, or a line for the log."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return bool(re.match(r"print|(\w*log\w*|logging)\.\w+$", ast.unparse(statement.value.func)))
    return isinstance(statement, ast.Pass) or isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


# --------------------------------------------------------------------------------------------------------------------
# Mocks: what unittest.mock and pytest-mock make, and what is replaced by it
# --------------------------------------------------------------------------------------------------------------------

MOCKERS = frozenset(f"{scope}mocker" for scope in ("", "class_", "module_", "package_", "session_"))
# patch and its like by dotted name: index of the argument `new`
PATCHERS = {"unittest.mock.patch": 1, "unittest.mock.patch.object": 2, "mocker.patch": 1, "mocker.patch.object": 2}


def mock_function(scope: Scope, function: ast.expr) -> str | None:
    """What of unittest.mock a call calls, through pytest-mock too: "unittest.mock.patch.object", "mocker.patch"."""
    dotted = scope.dotted(function)
    if dotted is not None:
        return dotted if dotted.startswith(MOCKED) else None
    tail: list[str] = []
    while isinstance(function, ast.Attribute):
        tail.append(function.attr)
        function = function.value
    if not tail or not isinstance(function, ast.Name) or not _is_mocker(scope, function):
        return None
    name = ".".join(reversed(tail))
    return f"mocker.{name}" if name.startswith("patch") or "_stub" in name else MOCKED + name


def _is_mocker(scope: Scope, name: ast.Name) -> bool:
    """Whether a name is pytest-mock's fixture: so called, or so annotated, and no fixture of the suite's own."""
    if name.id not in MOCKERS and not scope.module.imports_package("pytest_mock"):
        return False
    found = scope.lookup(name)
    if found is None or len(found[1]) != 1 or found[1][0].how != "parameter" or not isinstance(found[0], Function):
        return False
    function, annotation = found[0], found[1][0].value.annotation
    if annotation is not None and function.outer.dotted(annotation) in ("pytest_mock.MockerFixture", "pytest_mock.MockFixture"):
        return True
    return name.id in MOCKERS and find_fixture(function, name.id) is None


def _mock_made(scope: Scope, call: ast.Call, name: str) -> Value | None:
    """A call of something of unittest.mock."""
    if name in PATCHERS:
        new = argument(call, PATCHERS[name], "new")
        mock = value(scope, new) if new is not None else patched(scope, call, name)
        return mock if name.startswith("mocker.") else Value("context", name, result=mock)
    name = name.removeprefix(MOCKED)
    if name == "mocker.async_stub":
        return Value("AsyncMock")
    if name == "create_autospec":
        return _autospecced(scope, call)
    if name not in MOCKS:
        return None
    spec, dotted, definition = _spec_of(scope, call)
    if keyword(call, "wraps") is not None:
        spec = "wraps"
    if spec == "function":
        return Value("AsyncMock", spec="unknown", makers=((scope, call),))
    return Value(name, dotted, definition, spec=spec, makers=((scope, call),))


def _autospecced(scope: Scope, call: ast.Call) -> Value | None:
    """create_autospec: a mock of a class (or its instance), or of a function."""
    given = value(scope, call.args[0]) if call.args else None
    if given is None or any(word.arg is None for word in call.keywords):
        return None
    if given.kind in ("class", "instance"):
        return Value("MagicMock", given.name, given.scope, spec="autospec", makers=((scope, call),))
    if is_coroutine_function(given):
        return Value("AsyncMock", spec="unknown", makers=((scope, call),))
    return None


def is_coroutine_function(function: Value | None) -> bool:
    """Whether unittest.mock (as `inspect`) takes a value for a coroutine function."""
    if function is None or function.kind not in ("function", "method"):
        return False
    if isinstance(function.scope, Function):
        return function.scope.is_coroutine_function and _is_bare(function.scope)
    callee = function.result if function.kind == "method" else knowledge.function(function.name)
    return callee is not None and callee.kind == "coroutine" and not callee.plain


def _is_bare(function: Function) -> bool:
    return all(function.outer.dotted(decorator) in ("staticmethod", "classmethod") for decorator in function.decorators)


def _spec_of(scope: Scope, call: ast.Call) -> tuple[str, str, Scope | None]:
    """How a mock's constructor restricts it: the Value's `spec` ("function" for a coroutine function), class, definition."""
    if any(word.arg is None for word in call.keywords) or any(isinstance(given, ast.Starred) for given in call.args):
        return "unknown", "", None
    spec = keyword(call, "spec") or keyword(call, "spec_set") or (call.args[0] if call.args else None)
    if spec is None or isinstance(spec, ast.Constant) and spec.value is None:
        return "", "", None
    if isinstance(scope.plain(spec), (ast.List, ast.Tuple, ast.Set)):
        return "list", "", None
    given = value(scope, spec)
    if given is not None and given.kind in ("class", "instance") and (given.name or given.scope):
        return "class", given.name, given.scope
    return "function" if is_coroutine_function(given) else "unknown", "", None


# Names of one object, or values put in one place: with more of them nothing certain is said of it, and no time is lost.
MANY = 50


def mock_child(mock: Value | None, attribute: str) -> Value | None:
    """The attribute of a mock; what the code configured on it comes first."""
    if mock is None or mock.kind not in MOCKS or attribute in MOCK_OWN or attribute.startswith(("assert", "_mock", "mock_")):
        return None
    if any(path in scope.reconfigured for scope, path in mock.paths):
        return None
    paths = [(scope, f"{path}.{attribute}") for scope, path in mock.paths]
    paths += [(scope, alias) for scope, path in paths for alias in scope.aliases.get(path, ())]
    if len(paths) > MANY:
        return None
    child = _plain_child(mock, attribute)
    if child is not None:
        child = child._replace(paths=tuple(dict.fromkeys(paths)))
    configured = list(_configured(mock, attribute))
    if any(optional for _, optional in configured):
        return agreed([*(given for given, _ in configured), child])
    given = agreed(given for given, _ in configured)
    if given is not None and given.kind in MOCKS:  # it goes by the name of its place, too
        given = given._replace(paths=tuple(dict.fromkeys([*given.paths, *paths])))
    return given if configured else child


def is_rebound(scope: Scope, path: str) -> bool:
    """Whether the name at the start of a path is bound more than once: what is stored below it may be another object's."""
    return len(scope.bindings(path.partition(".")[0])) > 1


def _configured(mock: Value, attribute: str) -> Iterator[tuple[Value | None, bool]]:
    """What the code in sight put in place of an attribute, by assignment or in the constructor, and whether it may not."""
    for scope, path in mock.paths:
        several = scope.stored.get(f"{path}.{attribute}", ())
        for written in several if len(several) <= MANY else (None,):
            yield _written(scope, written), _is_optional(scope, written) or is_rebound(scope, path)
    if attribute in MOCK_ARGUMENTS - {"side_effect"}:
        return
    for scope, call in mock.makers:
        given = keyword(call, attribute)
        if given is not None:
            yield value(scope, given), len(mock.makers) > 1


def side_effects(mock: Value) -> list[tuple[Scope, ast.expr]]:
    """The side effects that the code in sight gives a mock."""
    return configured(mock, "side_effect")


def configured(mock: Value, what: str) -> list[tuple[Scope, ast.expr]]:
    """What the code in sight gives a mock as its `return_value` or `side_effect`."""
    found = [(scope, written) for scope, path in mock.paths for written in scope.stored.get(f"{path}.{what}", ())]
    found += [(scope, keyword(call, what)) for scope, call in mock.makers]
    return [(scope, one) for scope, one in found if one is not None and not (isinstance(one, ast.Constant) and one.value is None)]


def mock_result(mock: Value | None) -> Value | None:
    """What calling a mock gives; for an AsyncMock, what awaiting that gives."""
    if mock is None or mock.spec == "wraps":
        return None
    effects = side_effects(mock)
    if not effects:
        return mock_child(mock, "return_value")
    if any(f"{path}.side_effect" in scope.stored and is_rebound(scope, path) for scope, path in mock.paths):
        return None
    given = agreed([called(value(scope, effect)) if _is_function(value(scope, effect)) else None
                    for scope, effect in effects])  # fmt: skip
    is_awaited = given is not None and mock.kind == "AsyncMock" and all(is_coroutine_function(value(*effect)) for effect in effects)
    return _awaited(given) if is_awaited else given


def _is_function(effect: Value | None) -> bool:
    return effect is not None and effect.kind in ("function", "method")


def _plain_child(mock: Value, attribute: str) -> Value | None:
    """The child that unittest.mock makes by itself, as measured (runtime-facts: kinds of children)."""
    if attribute in ASYNC_DUNDERS | SYNC_DUNDERS:
        if mock.kind == "Mock" or mock.spec:
            return None
        # What calling it gives is a mock for the two that enter only: the others give False, 0, an iterator ...
        spec = "" if attribute in ("__enter__", "__aenter__") else "wraps"
        return Value("AsyncMock" if attribute in ASYNC_DUNDERS else "MagicMock", spec=spec)
    if attribute.startswith("__"):
        return None
    if attribute == "return_value":
        return _plain_result(mock)
    if mock.spec in ("class", "autospec"):
        return _spec_child(mock, attribute)
    if mock.spec == "list":
        return Value("Mock" if mock.kind == "Mock" else "MagicMock")
    return Value(mock.kind, spec=mock.spec) if mock.spec in ("", "wraps") else None


def _plain_result(mock: Value) -> Value | None:
    """An unconfigured return_value: a mock of the same kind without a spec; that of an autospecced class is its instance."""
    if mock.spec == "autospec":
        if any(_may_be_instance(scope, call) for scope, call in mock.makers):
            return None
        return mock._replace(paths=(), makers=(), spec="class")
    if mock.spec == "wraps" or mock.spec == "unknown" and mock.kind != "AsyncMock":
        return None
    return Value(mock.kind)


def _may_be_instance(scope: Scope, call: ast.Call) -> bool:
    """create_autospec(..., instance=True), or of an instance: what calling it gives depends on the class."""
    given = value(scope, call.args[0]) if call.args else None
    return keyword(call, "instance") is not None or given is None or given.kind != "class"


def _spec_child(mock: Value, attribute: str) -> Value | None:
    """A child of a mock with a class as spec: an AsyncMock for its coroutine functions, else no AsyncMock."""
    plain = Value("Mock" if mock.kind == "Mock" else "MagicMock")
    if isinstance(mock.scope, Class):
        method = mock.scope.find_method(attribute)
        if method is None or not _is_bare(method):
            return plain if method is not None and mock.spec == "class" and _is_property(method) else None
        return Value("AsyncMock") if method.is_coroutine_function else plain
    callee = knowledge.method(mock.name, attribute) if mock.name else None
    if callee is None:
        return None
    return Value("AsyncMock") if callee.kind == "coroutine" and not callee.plain else plain


def _is_property(method: Function) -> bool:
    return any(method.outer.dotted(decorator) in PROPERTIES for decorator in method.decorators)


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((word.value for word in call.keywords if word.arg == name), None)


def argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    """An argument given by position or by name; None if it is not given (or hidden behind a star)."""
    if len(call.args) > index and not any(isinstance(given, ast.Starred) for given in call.args[: index + 1]):
        return call.args[index]
    return keyword(call, name)


def _patch_new(call: ast.Call, dotted: str) -> ast.expr | None:
    return argument(call, PATCHERS[dotted], "new")


def patched(scope: Scope, call: ast.Call, name: str) -> Value | None:
    """The mock that a call of patch puts in place, where its kind is certain."""
    made, makers = keyword(call, "new_callable"), ((scope, call),)
    if made is not None:
        kind = (scope.dotted(made) or "").removeprefix(MOCKED)
        return Value(kind, spec=_spec_of_patch(call), makers=makers) if kind in MOCKS else None
    target = patch_target(scope, call, name)
    if is_coroutine_function(target):
        return Value("AsyncMock", spec=_spec_of_patch(call), makers=makers)
    if target is None or target.kind not in ("class", "function", "method") or _is_decorated(target):
        return None
    if _spec_of_patch(call) == "":
        return Value("MagicMock", makers=makers)
    if target.kind == "class" and keyword(call, "autospec") is not None:
        return Value("MagicMock", target.name, target.scope, spec="autospec", makers=makers)
    return None


def _spec_of_patch(call: ast.Call) -> str:
    """Whether patch hands a spec to the mock: then the children are not looked at."""
    if any(word.arg is None for word in call.keywords):
        return "unknown"
    if keyword(call, "wraps") is not None:
        return "wraps"
    given = [keyword(call, name) for name in ("spec", "spec_set", "autospec")]
    return "unknown" if any(one is not None and not (isinstance(one, ast.Constant) and not one.value) for one in given) else ""


def _is_decorated(function: Value) -> bool:
    """Whether a decorator may have changed what the function is, or nothing is known about it."""
    if function.kind == "class":
        return False
    if isinstance(function.scope, Function):
        return not _is_bare(function.scope)
    return function.kind == "function" and knowledge.function(function.name) is None


def patch_target(scope: Scope, call: ast.Call, name: str) -> Value | None:
    """What a call of patch, patch.object or monkeypatch.setattr replaces: a function, method or class."""
    first = argument(call, 0, "target")
    text = scope.constant(first)
    if isinstance(text, str):
        return named_object(scope.module, text)
    attribute = scope.constant(argument(call, 1, "attribute")) or scope.constant(argument(call, 1, "name"))
    if name.endswith("patch") or not isinstance(attribute, str) or first is None:
        return None
    dotted = scope.dotted(first)
    if dotted is not None and (found := named_object(scope.module, f"{dotted}.{attribute}")) is not None:
        return found
    owner = value(scope, first)
    if owner is None:
        return None
    if owner.kind == "class" and isinstance(owner.scope, Class) or owner.kind == "instance":
        return _member(owner, attribute)
    return _member(owner._replace(kind="instance"), attribute) if owner.kind == "class" else None


def named_object(module: Module, dotted: str) -> Value | None:
    """The object at a dotted name as patch resolves it: "app.service.asyncio.sleep" is asyncio.sleep."""
    known = knowledge.patched_name(dotted)
    if known:
        return _named(module, known)
    made = module.project.definition(dotted, module) if module.project else None
    if made is not None:
        return _defined(made)
    owner, _, name = dotted.rpartition(".")
    if knowledge.known_class(owner):
        return _member(Value("instance", knowledge.canonical(owner)), name)
    return _imported_there(module, owner, name)


def _imported_there(module: Module, owner: str, name: str) -> Value | None:
    """The library function or class that a first-party module has imported: "app.service.sleep"."""
    home = module.project.module(owner, module) if module.project and owner else None
    bindings = home.bindings(name) if home is not None else ()
    if home is None or len(bindings) != 1 or bindings[0].how != "import":
        return None
    found = _named(home, bindings[0].value)
    return found if found and (found.kind == "class" or knowledge.function(found.name)) else None


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
    each: str  # "module", "class", "function", "test", "fixture", "loss" or "attribute"; "" for a rule of calls or nodes
    calls: tuple[str, ...]  # last names of the calls that it judges
    nodes: tuple[type, ...]
    of: tuple[type, ...]  # types of what is told apart by LOOKS, () for all
    needs: str  # the property of a module without which the rule has nothing to say there


RULES: dict[str, Rule] = {}


def rule(code: str, name: str, message: str, each: str = "", calls: str = "", nodes: tuple[type, ...] = (),
         of: tuple[type, ...] = (), needs: str = "") -> Callable[[Judge], Judge]:  # fmt: skip
    """Register a generator function as a rule.

    `each` names the scopes that it is given one by one ("loss": each coroutine that a function loses; "attribute":
    each assignment to one); with `calls` (last names, "gather wait") or `nodes` (types of KEPT) it is given each such node
    and the scope that holds it, with `of` only those whose main part (LOOKS) is of these types. `needs` names a property of Module:
    where it does not hold the rule is not asked.
    """

    def register(judge: Judge) -> Judge:
        assert code not in RULES, code
        RULES[code] = Rule(code, name, message, judge, each, tuple(calls.split()), nodes, of, needs)
        return judge

    return register


# The main part of a node, by which rules choose what they are given.
LOOKS: dict[type, Callable[[Any], ast.AST]] = {
    ast.Await: attrgetter("value"), ast.Expr: attrgetter("value"), ast.Assert: attrgetter("test"),
}  # fmt: skip


class Table(NamedTuple):
    """The rules that run, by what they judge."""

    each: dict[str, list[Rule]]
    calls: dict[str, list[Rule]]
    nodes: dict[type, dict[type | None, list[Rule]]]  # by type, then by that of the main part; None: whatever that is


@lru_cache(maxsize=64)
def table(opt_in: tuple[str, ...], met: frozenset[str]) -> Table:
    """The dispatch table for a choice of opt-in rules, in a file that has some of what rules need."""
    made = Table(defaultdict(list), defaultdict(list), defaultdict(lambda: defaultdict(list)))
    for one in RULES.values():
        if one.code.startswith("ATX9") and not one.code.startswith(opt_in or ("-",)) or one.needs and one.needs not in met:
            continue
        if one.each:
            made.each[one.each].append(one)
        for name in one.calls:
            made.calls[name].append(one)
        for kind in one.nodes:
            for part in one.of if kind in LOOKS and one.of else (None,):
                made.nodes[kind][part].append(one)
    return made


@lru_cache(maxsize=None)
def needs() -> tuple[str, ...]:
    """What rules need of a module, the same for each file."""
    return tuple({one.needs: None for one in RULES.values() if one.needs})


def gather(tree: ast.Module, path: Path | None = None, project: Project | None = None,
           settings: Settings = Settings()) -> Module:  # fmt: skip
    """The facts of one file."""
    return Module(tree, path, project, settings)


def brief(expression: ast.AST, limit: int = 40) -> str:
    """An expression as a message shows it: arguments left out, on one line, the end of what is too long."""
    if isinstance(expression, ast.Call):
        return brief(expression.func, limit - 5) + ("(...)" if expression.args or expression.keywords else "()")
    if isinstance(expression, ast.Attribute) and not attribute_path(expression):
        return brief_name("(...)." + expression.attr, limit)
    return brief_name(" ".join(ast.unparse(expression).replace("`", "").split()), limit)


def brief_name(name: str, limit: int = 40) -> str:
    """A name as a message shows it: the end of one that is too long."""
    return name if len(name) <= limit else "..." + name[3 - limit :]


def check(module: Module) -> Iterator[Finding]:
    """Every finding of the enabled rules on one file, each place and code once, in order."""
    rules = table(module.settings.opt_in, frozenset(need for need in needs() if getattr(module, need)))
    found = set()
    for one, (node, *words) in _judged(module, rules):
        found.add((*_place(node), f"{one.code} {_printable(one.message.format(*words))}"))
    yield from sorted(found - _beside_others(module, found))


def _beside_others(module: Module, found: set[Finding]) -> set[Finding]:
    """The findings of ATX915 on tests that have another one: that one says what to await."""
    alone = [finding for finding in found if finding[2].startswith("ATX915")]
    spans = [(min([test.node.lineno, *(one.lineno for one in test.decorators)]), test.node) for test in module.all_functions if alone]
    return {
        finding
        for first, node in spans for finding in alone
        if finding[0] == node.lineno and any(first <= line <= node.end_lineno and text[:6] != "ATX915" for line, _, text in found)
    }  # fmt: skip


def release(module: Module) -> None:
    """Cut the ties of a checked file's scopes, which are rings: so its tree is freed at once, not by the collector some time."""
    for scope in (*module.all_scopes, module):
        vars(scope).clear()


def _printable(message: str) -> str:
    """One line that any terminal shows: a string of the code may hold line ends, and lone surrogates end flake8."""
    if message.isprintable():
        return message
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in message)


def _place(node: Any) -> Position:
    return (1, 0) if isinstance(node, ast.Module) else start(node)


def _judged(module: Module, rules: Table) -> Iterator[tuple[Rule, tuple[Any, ...]]]:
    for one in rules.each["module"]:
        for finding in one.judge(module):
            yield one, finding
    names = rules.calls.keys() | module.renamed.keys()
    for scope in (module, *module.all_scopes):
        for kind in _kinds(scope):
            for one in rules.each[kind]:
                for finding in one.judge(scope):
                    yield one, finding
        yield from _judged_inside(scope, rules, names)


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


def _judged_inside(scope: Scope, rules: Table, names: set[str]) -> Iterator[tuple[Rule, tuple[Any, ...]]]:
    """The rules about what a scope holds: losses, assignments to attributes, calls (`names` are all that rules ask for), nodes."""
    facts, renamed = scope.facts, scope.module.renamed
    if rules.each["loss"] and isinstance(scope, Function) and not scope.is_lambda and scope.losses:
        yield from _judged_each(rules.each["loss"], losses(scope), scope)
    if facts.stores or isinstance(scope, Class):
        yield from _judged_each(rules.each["attribute"], scope.attribute_assignments, scope)
    for name in facts.calls.keys() & names:
        if chosen := rules.calls.get(renamed.get(name, name)):
            yield from _judged_each(chosen, facts.calls[name], scope)
    for kind in facts.nodes.keys() & rules.nodes.keys():
        by_part, look = rules.nodes[kind], LOOKS.get(kind)
        if None in by_part:
            yield from _judged_each(by_part[None], facts.nodes[kind], scope)
        for node in facts.nodes[kind] if look is not None else ():
            for one in by_part.get(type(look(node)), ()):
                for finding in one.judge(node, scope):
                    yield one, finding


def _judged_each(rules: Sequence[Rule], subjects: Iterable[Any], scope: Scope) -> Iterator[tuple[Rule, tuple[Any, ...]]]:
    for subject in subjects:
        for one in rules:
            for finding in one.judge(subject, scope):
                yield one, finding


# --------------------------------------------------------------------------------------------------------------------
# ATX1 collection: does the test run, and on which loop?
# --------------------------------------------------------------------------------------------------------------------


RUNNER_MARKS = frozenset("anyio trio tornado gen_test twisted inlineCallbacks curio asyncio_cooperative sanic".split())
# Marks of pytest itself and of plugins that run nothing.
PLAIN_MARKS = frozenset("parametrize skip skipif xfail usefixtures filterwarnings timeout slow flaky order".split())
RUNNER_PACKAGES = ("anyio", "trio", "pytest_trio", "tornado", "twisted", "pytest_twisted", "aiohttp.pytest_plugin", "curio",
                   "aiohttp.test_utils", "sanic", "sanic_testing", "asynctest", "pytest_tornado", "pytest_tornasync")  # fmt: skip


def unconditionally_skipped(test: Function) -> bool:
    return any(mark.name == "skip" for mark in test.marks) or any(
        test.outer.dotted(decorator.func) == "unittest.skip" for decorator in test.decorators if isinstance(decorator, ast.Call)
    )


@rule("ATX101", "unmarked-async-test", "no runner takes async test `{0}` in strict mode; add `@pytest.mark.asyncio`", each="test",
      needs="leaves_unmarked")  # fmt: skip
def unmarked_async_test(test: Function) -> Iterator[tuple[Any, ...]]:
    """In strict mode pytest-asyncio runs marked tests only; before pytest 8.4 the others were skipped with a warning."""
    if not test.is_coroutine_function or not test.is_plain or unconditionally_skipped(test):
        return
    if may_be_marked(test) or test.owner and (test.owner.roots or test.owner.is_special):
        return
    if not is_in_hidden_folder(test.module) and not is_script(test):
        yield test.node, test.name


def is_in_hidden_folder(module: Module) -> bool:
    """Whether a file lies in a folder whose name starts with a dot: pytest enters none, unless it is told to."""
    project, folder = module.project, module.path and module.path.parent
    below = folder.relative_to(project.rootdir) if folder and project and folder.is_relative_to(project.rootdir) else None
    return below is not None and any(part.startswith(".") and part != ".." for part in below.parts)


def is_script(test: Function) -> bool:
    """Whether a file is a script as well, which runs the test by hand."""
    return is_called_by_hand(test) and any(is_main(branch) for branch in test.module.every(ast.If))


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
NOSE_METHODS = frozenset(("setup", "teardown"))  # pytest 7 called them by name, unittest and pytest 8 never
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
    is_nose = name in NOSE_METHODS and not function.parameters and not is_handed_on(function)
    if not owner.roots:
        return "use an async fixture" if name in XUNIT_METHODS | ISOLATED_ONLY or is_nose else ""
    if not owner.is_testcase:
        return ""
    isolated = not is_plain_testcase(owner)
    if name in ISOLATED_ONLY:
        return "" if isolated else "use `IsolatedAsyncioTestCase`"
    return "use `asyncSetUp` or `asyncTearDown` of `IsolatedAsyncioTestCase`" if name in XUNIT_TESTCASE or is_nose else ""


def _is_hookimpl(function: Function, decorator: ast.expr) -> bool:
    called_or_not = decorator.func if isinstance(decorator, ast.Call) else decorator
    return function.outer.dotted(called_or_not) == "pytest.hookimpl"


def called_by_hand(function: Function) -> bool:
    """Whether the file calls the function itself, as some suites do from a sync set-up or from each test."""
    return any(function.name in scope.calls for scope in (function.module, *function.module.all_functions))


def is_handed_on(method: Function) -> bool:
    """Whether the file gives a method to anything as an argument (`self.addAsyncCleanup(self.teardown)`)."""
    return any(
        isinstance(given, ast.Attribute) and given.attr == method.name
        for scope in (method.module, *method.module.all_scopes)
        for calls in scope.calls.values()
        for call in calls
        for given in (*call.args, *(word.value for word in call.keywords))
    )


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


@rule("ATX107", "marker-on-helper", "`asyncio` mark on `{0}`, which pytest does not collect; {1}", each="function")
def marker_on_helper(function: Function) -> Iterator[tuple[Any, ...]]:
    """The mark slipped off its test, or the name keeps the function from being collected."""
    if not function.own_marks or function.is_test or function.fixture or not function.module.is_test_file:
        return
    if not function.is_plain or not is_never_collected(function) or SWITCHED_OFF.match(function.name):
        return
    if any(fate(function.module, use).what != "called" for use in function.module.uses(function.name)):
        return
    for mark in function.own_marks:
        if mark.name == "asyncio":
            yield mark.node, function.name, "remove it" if is_called_by_marked(function) else "move it to the test"


def is_called_by_marked(helper: Function) -> bool:
    """Whether every function of the file that calls a helper has the mark itself."""
    callers = [scope_of(helper.module, use) for use in helper.module.uses(helper.name)]
    return bool(callers) and all(isinstance(one, Function) and one.mark("asyncio") is not None for one in callers)


# Names by which people switch a test off: `xtest_get`, `_test_get`, `disabled_test_get`.
SWITCHED_OFF = re.compile(r"(_+|[a-z]_?|(no|not|off|old|skip|skipped|disable|disabled|broken)_?)test_")


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
    elif other and test.module.is_auto and not (test.module.project and "no:asyncio" in test.module.project.plugins):
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
    if is_mark and len(call.args) == 1 and not call.keywords and may_be_function(scope, call.args[0]):
        return  # pytest applies the mark to it
    for given in call.args:
        literal = scope.constant(given)
        if is_mark or isinstance(literal, str):
            remedy = f'write `loop_scope="{literal}"`' if is_mark and literal in LOOP_SCOPES else "arguments go by name"
            yield call, ast.unparse(given)[:30], dotted, remedy
    for word in call.keywords:
        yield from _invalid_keyword(call, scope, word, dotted)


def may_be_function(scope: Scope, given: ast.expr) -> bool:
    """Whether an expression may be a function or class: anything but a literal, or a name that is bound once to one."""
    return not isinstance(scope.plain(given), (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Set, ast.Dict))


def _invalid_keyword(call: ast.Call, scope: Scope, word: ast.keyword, dotted: str) -> Iterator[tuple[Any, ...]]:
    is_mark, literal = dotted == "pytest.mark.asyncio", scope.constant(word.value)
    if word.arg is None:
        return
    if word.arg == "loop_scope":
        if isinstance(literal, str) and literal not in LOOP_SCOPES:
            yield call, f'loop_scope="{literal}"', dotted, "use one of " + ", ".join(LOOP_SCOPES)
    elif is_mark and word.arg == "scope":
        if not pinned_below(scope.module, "0.24"):
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
    if not is_top_conftest(module) or not module.uses_pytest_asyncio or pinned_below(module, "0.24"):
        return
    if all(reading.file is not None and reading.fixture_loop_scope is None for reading in module.project.readings):
        if not any(one.uses_pytest_asyncio for one in module.project.earlier_conftests()):  # of several it is the first that says it
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
        whose = (
            "each neighbour"
            if outer is None
            else "the module's mark" if isinstance(outer.scope, Module) and outer in test.module.marks else "the class's mark"
        )
        yield own.node, test.name, default, whose, scope


def neighbours_loop_scope(test: Function) -> str | None:
    """The loop scope that all other marked tests beside this one name; None unless there are three and they agree."""
    own = Counter(mark.loop_scope for mark in test.own_marks if mark.name == "asyncio")
    scopes = test.outer.marked_loop_scopes - own
    return next(iter(scopes)) if scopes.total() >= 3 and len(scopes) == 1 else None


@rule("ATX113", "marker-on-fixture", "`asyncio` mark on fixture `{0}`, an error since pytest 9; remove the mark", each="fixture")
def marker_on_fixture(fixture: Function) -> Iterator[tuple[Any, ...]]:
    """A mark never had an effect on a fixture; pytest 9 refuses to collect the whole module."""
    yield from ((mark.node, fixture.name) for mark in fixture.own_marks if mark.name == "asyncio")


# --------------------------------------------------------------------------------------------------------------------
# ATX2 fixtures
# --------------------------------------------------------------------------------------------------------------------


def pinned_below(module: Module, release: str) -> bool:
    """Whether the project's declarations keep pytest-asyncio below a release, 0.24 or later: these need pytest 8.2."""
    project = module.project
    return project is not None and (project.kept_below("pytest-asyncio", release) or project.below("pytest", "8.2"))


def is_same(one: Function | None, other: Function) -> bool:
    """Whether two readings of a file mean the same function: a conftest is read anew for each file that it serves."""
    if one is None or one is other:
        return one is other
    return one.module.path is not None and one.module.path == other.module.path and start(one.node) == start(other.node)


def user_modules(fixture: Function, is_marked: bool = False) -> Iterator[Module]:
    """Where users of a fixture may stand: its own file, for a conftest the test files (with asyncio marks) of the folder that it serves."""
    module = fixture.module
    yield module
    if module.is_conftest and module.project is not None:
        chosen = [one for one in module.fixtures.values() if one is fixture or fixture in one.closest_fixtures]
        if any(one.fixture.autouse for one in chosen):
            yield from module.project.users((), is_marked)
        else:
            yield from module.project.users((one.fixture.name for one in chosen), is_marked)


def users(fixture: Function) -> Iterator[Function]:
    """Tests and other fixtures that request a fixture by name."""
    name = fixture.fixture.name
    for module in user_modules(fixture):
        for one in module.all_functions:
            if (one.is_test or one.fixture) and one is not fixture and is_same(requested_fixture(one, name), fixture):
                yield one


def requested_fixture(function: Function, name: str) -> Function | None:
    """The fixture that a parameter of this name stands for; None if there is no such parameter, or something else fills it."""
    if name not in function.requested or name in parametrized(function, indirect=False) or name in function.injected:
        return None
    return find_fixture(function, name)


def is_asyncio_test(test: Function) -> bool:
    """Whether pytest-asyncio is sure to run a test: by its mark, or because the mode is auto."""
    if not test.is_test or not test.is_coroutine_function or not test.is_plain or test.owner and test.owner.roots:
        return False
    if any(mark.name in RUNNER_MARKS for mark in test.marks) or any(name.startswith("anyio_backend") for name in test.requested):
        return False
    return test.mark("asyncio") is not None or test.module.is_auto and not backend_in_sight(test.module)


def backend_in_sight(module: Module) -> bool:
    """Whether the file, its conftests or the configuration name anyio's or trio's pytest plugin (imports do not count)."""
    project = module.project
    return project is not None and bool(project.runners) or any(
        one.names_backend for one in module.with_conftests)  # fmt: skip


def is_asyncio_fixture(fixture: Function) -> bool:
    """Whether pytest-asyncio is sure to run a fixture: by its decorator, or as an async one in auto mode."""
    if not fixture.fixture or not fixture.is_plain:
        return False
    if fixture.fixture.by == "pytest_asyncio":
        return True
    return fixture.is_async and fixture.module.is_auto and not backend_in_sight(fixture.module)


def is_asyncio_run(function: Function) -> bool:
    """Whether pytest-asyncio is sure to run a test or fixture."""
    return is_asyncio_fixture(function) if function.fixture else is_asyncio_test(function)


def loop_scope_of(function: Function) -> str | None:
    """The scope of the loop that pytest-asyncio runs a test or async fixture on; None if it does not, or if that cannot be read."""
    if not function.is_async or not is_asyncio_run(function):
        return None
    return fixture_loop_scope(function) if function.fixture else test_loop_scope(function)


def fixture_loop_scope(fixture: Function) -> str | None:
    """The scope of the loop that a fixture runs on: its own argument, else the configuration, else the fixture's scope."""
    made, project = fixture.fixture, fixture.module.project
    if project is None or pinned_below(fixture.module, "0.24") or made.literal("scope", "") is None:
        return None
    scopes: set[str | None] = {reading.fixture_loop_scope for reading in project.readings}
    written = made.argument("loop_scope")
    if written is not None and not (isinstance(written, ast.Constant) and written.value is None):
        scopes = {made.loop_scope or ""}
    scope = scopes.pop() if len(scopes) == 1 else ""
    return made.scope if scope is None else scope if scope in LOOP_SCOPES else None


def test_loop_scope(test: Function) -> str | None:
    """The scope of the loop that pytest-asyncio runs a test on; None if it cannot be read."""
    mark = test.mark("asyncio")
    if mark is not None and (mark.argument("loop_scope") or mark.argument("scope")):
        return mark.loop_scope if mark.loop_scope in LOOP_SCOPES else None
    return test.module.project.agreed("test_loop_scope") if test.module.project else None


def is_wider(scope: str | None, other: str | None) -> bool:
    """Whether a scope is wider than another one; False if either is not known."""
    return scope in LOOP_SCOPES and other in LOOP_SCOPES and LOOP_SCOPES.index(scope) > LOOP_SCOPES.index(other)


def short(name: str, most: int = 24) -> str:
    """A name as a message shows it."""
    return name if len(name) <= most else name[: most - 3] + "..."


@rule("ATX201", "unhandled-async-fixture",
      "nothing runs async `@pytest.fixture` `{0}` in strict mode; use `@pytest_asyncio.fixture`",
      each="fixture")  # fmt: skip
def unhandled_async_fixture(fixture: Function) -> Iterator[tuple[Any, ...]]:
    """pytest 9 refuses it at set-up; before that the test got a coroutine, or the set-up silently never happened."""
    if not fixture.is_async or fixture.fixture.by != "pytest" or not fixture.is_plain:
        return
    if fixture.module.proven_mode != "strict":
        return
    for module in user_modules(fixture, is_marked=True):
        if module.proven_mode != "strict" or module.has_other_runner:
            continue
        for test in module.all_functions:
            if is_asyncio_test(test) and any(is_same(got, fixture) for got in test.closest_fixtures):
                yield fixture.fixture.node, short(fixture.name)
                return


@rule("ATX202", "scope-wider-than-loop", "fixture of {0} scope on the {1} loop is a ScopeMismatch; {2}", each="fixture")
def scope_wider_than_loop(fixture: Function) -> Iterator[tuple[Any, ...]]:
    """pytest-asyncio asks for the runner of the loop's scope on the fixture's behalf, and pytest forbids that."""
    loop = fixture_loop_scope(fixture) if is_asyncio_fixture(fixture) else None
    if is_wider(fixture.fixture.scope, loop):
        remedy = "widen" if fixture.fixture.argument("loop_scope") else "add"
        yield fixture.fixture.node, fixture.fixture.scope, loop, f'{remedy} `loop_scope="{fixture.fixture.scope}"`'


# Bound to the first loop on which somebody waits for them, not to the one they are made on.
BINDS_LATER = frozenset("asyncio." + name for name in (
    "Lock Event Condition Semaphore BoundedSemaphore Barrier Queue PriorityQueue LifoQueue".split())) | {
    "httpx.AsyncClient", "httpx2.AsyncClient", "redis.asyncio.Redis", "redis.asyncio.ConnectionPool",
    "sqlalchemy.ext.asyncio.AsyncEngine", "sqlalchemy.ext.asyncio.AsyncSession"}  # fmt: skip


class Held(NamedTuple):
    """An object of a known library that a function makes and gives away: its class, and the expression that makes it."""

    name: str
    known: knowledge.Class
    made: ast.expr  # the call, or the await of it
    call: ast.Call


def held(scope: Scope, expression: ast.expr | None) -> Held | None:
    """The object behind an expression, if the same function makes it by a call, assigns or enters it."""
    made = expression
    for _ in range(5):
        if not isinstance(made, ast.Name) or made.id not in scope.binders:
            break
        several = scope.reaching(made.id, made)
        if len(several) != 1 or several[0].how not in ("assign", "with", "async with"):
            return None
        made = several[0].value
    call = made.value if isinstance(made, ast.Await) else made
    if not isinstance(call, ast.Call) or is_own_class(scope, call):
        return None
    given = value(scope, expression)
    if given is None or given.kind not in ("instance", "task"):
        return None
    known = knowledge.known_class("asyncio.Task" if given.kind == "task" else given.name)
    return Held(known.name, known, made, call) if known is not None else None


def is_own_class(scope: Scope, call: ast.Call) -> bool:
    """A first, cheap look: whether what is called has the name of a class, and of none in the libraries in sight."""
    name = last_name(call.func)
    return name[:1].isupper() and scope.module.renamed.get(name, name) not in scope.module.library_names("class")


IN_PROCESS = ("transport", "mounts", "app")  # arguments that keep an HTTP client away from sockets


def needs_no_loop(scope: Scope, one: Held) -> bool:
    """An object of a loop-bound class that works on any loop: HTTP clients of an app, engines on SQLite or without a pool."""
    if "sqlalchemy" in one.name:
        return re.search(r"(?i)sqlite|NullPool|StaticPool", ast.unparse(scope.module.node)) is not None
    words = {word.arg for word in one.call.keywords}
    return None in words or one.name.startswith("httpx") and not words.isdisjoint(IN_PROCESS)


@rule("ATX203", "fixture-on-another-loop",
      "`{0}` of the {1} loop used by `{2}` on the {3} loop; align `loop_scope`", each="fixture")  # fmt: skip
def fixture_on_another_loop(fixture: Function) -> Iterator[tuple[Any, ...]]:
    """What is bound to one loop fails, or waits for ever, on another: its own loop does not run meanwhile."""
    if not is_asyncio_fixture(fixture):
        return
    loop, given = fixture_loop_scope(fixture), fixture.yields or fixture.every(ast.Return)
    one = held(fixture, given[0].value) if len(given) == 1 else None
    if loop is None or one is None or not one.known.loop_bound or needs_no_loop(fixture, one) or is_wider(fixture.fixture.scope, loop):
        return
    strangers = users_on_other_loops(fixture, loop)
    first = next(strangers, None)
    if first is None or replaces(fixture, one.name.rpartition(".")[2]):
        return
    if one.name in BINDS_LATER and not waits_for(fixture, given[0].value):
        is_shared = first[0].fixture is not None or bool(parametrized(first[0])) or next(strangers, None) is not None
        if not is_wider(fixture.fixture.scope, first[1]) or not is_shared:
            return
    yield fixture.fixture.node, short(one.name.rpartition(".")[2], 18), loop, short(first[0].name, 16), first[1]


def users_on_other_loops(fixture: Function, loop: str) -> Iterator[tuple[Function, str]]:
    """Tests and async fixtures that use what a fixture gives on a loop of another scope, with that scope."""
    for user in users(fixture):
        if not user.uses(fixture.fixture.name) or has_own_loops(user.module):
            continue
        other = loop_scope_of(user)
        if other is not None and other != loop and (is_wider(loop, other) or not pinned_below(user.module, "1.2")):
            yield user, other


def has_own_loops(module: Module) -> bool:
    """Whether the suite chooses loops by itself: an `event_loop` of its own, or a hook that marks tests."""
    several = module.with_conftests
    if any("event_loop" in one.fixtures or "event_loop" in one.binders for one in several):
        return True
    hooks = [scope for one in several for scope in one.functions if scope.name.startswith("pytest_") and "add_marker" in scope.calls]
    return any(re.search("loop_scope|asyncio", ast.unparse(hook.node)) for hook in hooks) or bool(
        module.project and "*" in module.project.hooks)  # fmt: skip


def waits_for(fixture: Function, expression: ast.expr | None) -> bool:
    """Whether a fixture itself waits for what it gives before it gives it away: then that belongs to its loop."""
    path = attribute_path(expression) if expression is not None else ""
    return path != "" and any(attribute_path(one) == path and start(one) < start(expression) for one in waited_for(fixture))


def waited_for(scope: Scope) -> Iterator[ast.expr]:
    """The objects that a scope waits for: `await X.method()`, `await X`, `async with X`, `async for ... in X.method()`."""
    several = [node.value for node in scope.every(ast.Await)] + [node.iter for node in scope.every(ast.AsyncFor)]
    several += [item.context_expr for node in scope.every(ast.AsyncWith) for item in node.items]
    for one in several:
        yield one.func.value if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) else one


@rule("ATX204", "getfixturevalue-of-async-fixture",
      "async `{0}` from `getfixturevalue` in a running loop is a RuntimeError; make it a parameter",
      calls="getfixturevalue")  # fmt: skip
def getfixturevalue_of_async_fixture(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """pytest-asyncio runs the fixture with `Runner.run`, which a running loop does not allow."""
    if not isinstance(scope, Function) or not scope.is_async or not is_asyncio_run(scope):
        return
    request = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(request, ast.Name) or request.id != "request" or is_expected(scope, call):
        return
    if any("request.fixturenames" in ast.unparse(branch.test) for branch in scope.every(ast.If, ast.IfExp)):
        return  # what the test requests anyhow may be set up by now
    for name in literal_values(scope, argument(call, 0, "argname")):
        fixture, ready = find_fixture(scope, name), scope.closest_fixtures
        wanted = [fixture, *fixture.closest_fixtures] if fixture is not None else []
        if any(one.is_async and is_asyncio_fixture(one) and one not in ready for one in wanted):
            yield call, short(name, 20)
            return


def literal_values(function: Function, expression: ast.expr | None) -> list[str]:
    """The strings that an expression may give: a literal, `request.param` of literal params, a name given by parametrize."""
    several: ast.expr | None = None
    if expression is not None and attribute_path(expression) == "request.param" and function.fixture:
        several = function.outer.plain(function.fixture.argument("params"))
    elif isinstance(expression, ast.Name) and expression.id in parametrized(function, indirect=False):
        given = [mark for mark in function.marks if mark.name == "parametrize" and mark.call and len(mark.call.args) > 1
                 and mark.scope.constant(mark.call.args[0]) == expression.id]  # fmt: skip
        several = given[0].scope.plain(given[0].call.args[1]) if len(given) == 1 else None
    elements = [expression] if several is None else getattr(several, "elts", ())
    return [text for one in elements if isinstance(text := function.constant(one), str)]


@rule("ATX205", "event-loop-fixture", "{0}; {1}", each="function", needs="names_event_loop")
def event_loop_fixture(function: Function) -> Iterator[tuple[Any, ...]]:
    """pytest-asyncio 1.0 dropped the fixture: an override changes nothing any more, a request finds nothing."""
    module = function.module
    is_override = function.fixture is not None and function.fixture.name == "event_loop"
    if not is_override and "event_loop" not in function.requested or pinned_below(module, "1.0"):
        return
    if is_override:
        if not is_loop_for_its_users(function):
            remedy = "use `loop_scope` or `pytest_asyncio_loop_factories`"
            yield function.node, "pytest-asyncio 1.0 ignores an `event_loop` fixture", remedy
    elif is_asyncio_run(function) and "event_loop" not in parametrized(function):
        found = find_fixture(function, "event_loop") is not None
        if not found and any(not one.binders.keys().isdisjoint(("event_loop", "*")) for one in module.with_conftests):
            return  # imported from where it cannot be read
        fact = "`event_loop` is not the loop that runs `{0}`" if found else "pytest-asyncio 1.0 has no `event_loop` for `{0}`"
        yield function.node, fact.format(short(function.name)), "call `asyncio.get_running_loop()`"


def is_loop_for_its_users(override: Function) -> bool:
    """Whether an `event_loop` is no override: it gives the running loop, or sync code runs things on it itself."""
    is_given_to_all = override.fixture.autouse and bool(override.calls_to("asyncio.set_event_loop"))
    return override.is_async or is_given_to_all or not all(one.is_async for one in users(override))


@rule("ATX206", "event-loop-policy-fixture", "{0}; {1}", each="fixture")
def event_loop_policy_fixture(fixture: Function) -> Iterator[tuple[Any, ...]]:
    """pytest-asyncio warns since 1.4; and a wider loop cannot ask for a policy that is made anew for each test."""
    if fixture.fixture.name != "event_loop_policy" or not fixture.module.uses_pytest_asyncio or pinned_below(fixture.module, "1.4"):
        return
    if fixture.module.project and fixture.module.project.folder.find_module("pytest_asyncio"):
        return  # the plugin's own: it defines the fixture, and shows what it still supports
    wide = next(wider_loops(fixture), None)
    if wide is not None:
        yield fixture.node, f"{fixture.fixture.scope} `event_loop_policy` fails on {wide} loops", f'add `scope="{wide}"`'
    elif not is_accepted(fixture.module, "event_loop_policy"):
        yield fixture.node, "overriding `event_loop_policy` is deprecated", "use the hook `pytest_asyncio_loop_factories`"


def is_accepted(module: Module, word: str) -> bool:
    """Whether the configuration ignores a warning on purpose, by a filter with this word in its message."""
    readings = module.project.readings if module.project else ()
    return bool(readings) and all(
        any(re.match(rf"\s*ignore:[^:]*{word}", line) for line in reading.lines("filterwarnings")) for reading in readings
    )


def wider_loops(policy: Function) -> Iterator[str]:
    """The loop scopes, wider than a policy fixture's own, of the tests and fixtures that get it."""
    module = policy.module
    several = [module, *module.project.users(())] if module.is_conftest and module.project else [module]
    for one in [function for module in several for function in module.all_functions]:
        loop = loop_scope_of(one)
        if is_wider(loop, policy.fixture.scope) and is_same(find_fixture(one, "event_loop_policy"), policy):
            yield loop


TASK_SCOPES = {
    "asyncio.TaskGroup": "so it may hang", "asyncio.taskgroups.TaskGroup": "so it may hang",
    **{f"{module}.{name}": "so it never fires" for module in ("asyncio", "async_timeout", "asyncio.timeouts")
       for name in ("timeout", "timeout_at")},
    **{f"anyio.{name}": "a RuntimeError" for name in ("create_task_group", "move_on_after", "fail_after", "CancelScope")},
}  # fmt: skip


@rule("ATX207", "yield-in-task-scope",
      "teardown leaves `{0}` in another task, {1}; end it before the `yield`",
      nodes=(ast.Yield,))  # fmt: skip
def yield_in_task_scope(node: ast.Yield, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """pytest-asyncio runs set-up and teardown in two tasks; groups, cancel scopes and timeouts belong to one."""
    if not isinstance(scope, Function) or not scope.is_async or not scope.fixture or not is_asyncio_fixture(scope):
        return
    for context in with_items(scope, node):
        dotted = task_scope(scope, context)
        if dotted:
            yield node, dotted, TASK_SCOPES[dotted]
            return


def task_scope(scope: Scope, context: ast.expr) -> str:
    """The task group, cancel scope or timeout that a `with` enters, also inside a context manager of readable code."""
    made = maker(scope, context)
    dotted = made[0].dotted(made[1].func) if made else None
    if dotted in TASK_SCOPES:
        return dotted
    given = value(scope, context)
    helper = given.scope if given is not None and given.kind == "async context" else None
    if not isinstance(helper, Function) or helper is scope:
        return ""
    inside = [task_scope(helper, one) for node in helper.yields for one in with_items(helper, node)]
    return next((one for one in inside if one.startswith("anyio.")), "")


@rule("ATX208", "resource-returned-from-fixture", "`{0}` that this fixture {1} is never closed; use `async with` around a `yield`",
      each="fixture")  # fmt: skip
def resource_returned_from_fixture(fixture: Function) -> Iterator[tuple[Any, ...]]:
    """Sockets and connections pile up until the collector comes by, and its ResourceWarning hits another test."""
    for node in sorted([*fixture.yields, *fixture.every(ast.Return)], key=start):
        one = held(fixture, node.value)
        if one is not None and is_left_open(fixture, one):
            yield node, one.name.rpartition(".")[2], "returns" if isinstance(node, ast.Return) else "yields"


CLOSERS = ("close", "aclose", "dispose", "disconnect", "stop", "terminate")


def is_left_open(fixture: Function, one: Held) -> bool:
    """Whether nobody in sight closes what a fixture opens."""
    dotted = fixture.dotted(one.call.func) or ""
    if not one.known.close or dotted in KAFKA_CLIENTS or knowledge.opened(dotted) is None:
        return False
    if one.known.opens and one.known.opens not in fixture.calls or needs_no_loop(fixture, one):
        return False
    if one.name.startswith("httpx") and has_http_mock(fixture) or replaces(fixture, one.name.rpartition(".")[2]):
        return False
    given = [*one.call.args, *(word.value for word in one.call.keywords)]
    if any(isinstance(source, ast.Name) and closes(fixture, source.id, CLOSERS) for source in given):
        return False  # a session on a connection, a client on a pool: whoever closes that, closes all
    kept = keeper(fixture, one.made, one.known.closers)
    return kept in ("yielded", "returned") and not any(
        closes(user, fixture.fixture.name, one.known.closers) for user in users(fixture))  # fmt: skip


@rule("ATX209", "loop-bound-global",
      "`{0}` stays bound to the loop of the first test that waits on it; make it in a fixture",
      each="module")  # fmt: skip
def loop_bound_global(module: Module) -> Iterator[tuple[Any, ...]]:
    """Each test has a loop of its own: the first test passes, the second fails."""
    for scope in (module, *module.all_classes) if module.is_test_file else ():
        for name, binding in scope.constants.items():
            if is_bound_to_first_loop(scope, name, binding.value):
                yield binding.node, short(name)


def is_bound_to_first_loop(scope: Scope, name: str, made: ast.expr) -> bool:
    """Whether a global or class attribute holds a loop-bound object that several tests wait on, each on a loop of its own."""
    one = held(scope, made) if isinstance(made, ast.Call) else None
    if one is None or not one.known.loop_bound or needs_no_loop(scope, one) or has_own_loops(scope.module):
        return False
    tests = [test for test in scope.module.all_functions if is_on_own_loop(test) and waits_on_global(test, scope, name)]
    return len(tests) > 1 or bool(tests and parametrized(tests[0]))


def is_on_own_loop(test: Function) -> bool:
    """Whether a test has an event loop of its own: pytest-asyncio's function loop, or unittest's."""
    if test.is_test and test.is_async and test.owner is not None and test.owner.is_testcase:
        return not is_plain_testcase(test.owner)
    return is_asyncio_test(test) and test_loop_scope(test) == "function"


def waits_on_global(test: Function, scope: Scope, name: str) -> bool:
    """Whether a test waits for an object that the module or its class holds under a name."""
    for one in waited_for(test):
        head, _, rest = attribute_path(one).partition(".")
        if isinstance(scope, Module) and head == name and not rest:
            if (found := test.lookup(one)) is not None and found[0] is scope:
                return True
        if isinstance(scope, Class) and rest == name and test.owner and scope in test.owner.ancestry:
            if head in {scope.name, *(first.arg for first in test.node.args.args[:1])}:
                return True
    return False


ASYNC_YIELDING = frozenset(("AsyncGenerator", "AsyncIterator", "AsyncIterable"))
SYNC_YIELDING = frozenset(("Generator", "Iterator", "Iterable"))


@rule("ATX210", "wrong-generator-annotation", "{0}; write `AsyncIterator[{1}]`", each="fixture")
def wrong_generator_annotation(fixture: Function) -> Iterator[tuple[Any, ...]]:
    """Type checkers take the annotation at its word, and so does everybody who reads the tests."""
    annotation = fixture.node.returns
    if not fixture.is_async_generator or annotation is None:
        return
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = parsed(annotation.value)
    elif lacks_argument(fixture, annotation):
        fact = f"`{short(ast.unparse(annotation), 28)}` is a TypeError before Python 3.13"
        yield fixture.node, fact, short(ast.unparse(annotation.slice), 17)
    if is_yielded_type(fixture, annotation):
        fact = f"async generator fixture is annotated `{short(ast.unparse(annotation), 28)}`"
        yield fixture.node, fact, short(ast.unparse(_returned_annotation(fixture) or annotation), 17)


def parsed(text: str) -> ast.expr | None:
    """The expression that a quoted annotation holds."""
    try:
        expression = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in ast.walk(expression):  # evaluated after the whole module, if ever
        node.lineno = 10**9
    return expression


def lacks_argument(fixture: Function, annotation: ast.expr | None) -> bool:
    """`typing.AsyncGenerator[X]`, evaluated, in a project that supports Python below 3.13."""
    module = fixture.module
    lowest = module.project.folder.python if module.project else None
    if lowest is None or lowest >= (3, 13) or "__future__.annotations" in module.imports:
        return False
    return isinstance(annotation, ast.Subscript) and not isinstance(annotation.slice, ast.Tuple) and (
        fixture.outer.dotted(annotation.value) == "typing.AsyncGenerator")  # fmt: skip


def is_yielded_type(fixture: Function, annotation: ast.expr | None) -> bool:
    """Whether an annotation is sure to name no asynchronous iterator."""
    if isinstance(annotation, ast.Constant):
        return annotation.value is None
    if isinstance(annotation, ast.BinOp):
        return is_yielded_type(fixture, annotation.left) and is_yielded_type(fixture, annotation.right)
    head = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    if not isinstance(head, (ast.Name, ast.Attribute)):
        return False
    outer, last = fixture.outer, getattr(head, "id", "")
    dotted = outer.dotted(head) or ""
    if last and outer.lookup(head) is None and dotted in ("", last):
        return last in PLAIN_TYPES
    if dotted.startswith(("typing.", "typing_extensions.", "collections.abc.")):
        return dotted.rpartition(".")[2] in PLAIN_TYPES | SYNC_YIELDING
    made = [maker(fixture, node.value) for node in fixture.yields if dotted]
    return is_plain_class(outer, head, dotted) or any(one is not None and one[0].dotted(one[1].func) == dotted for one in made)


PLAIN_TYPES = frozenset("int str bytes float bool dict list tuple set frozenset Optional List Dict Tuple Set Callable Type type".split())


def is_plain_class(scope: Scope, head: ast.expr, dotted: str) -> bool:
    """Whether a name is a known library's class, or one of the project that inherits from no async iterator."""
    if knowledge.known_class(dotted):
        return True
    made = scope.definition(head)
    if not isinstance(made, Class):
        return False
    return all(root is not None and root.rpartition(".")[2] not in ASYNC_YIELDING for root in made.roots)


# --------------------------------------------------------------------------------------------------------------------
# ATX3 mocks
# --------------------------------------------------------------------------------------------------------------------


def mock_text(expression: ast.AST) -> str:
    """How a message names a mock: as written, or the end of it where that is long."""
    text = ast.unparse(expression)
    return text if len(text) <= 36 else text[-36:].partition(".")[2][:36] or text[:36]


def is_mock_coroutine(scope: Scope, expression: ast.AST) -> bool:
    """Whether an expression is the call of an AsyncMock: a coroutine of its own until it is awaited."""
    if not isinstance(expression, ast.Call) or not may_be_mock(scope, expression):
        return False
    given = value(scope, expression)
    return given is not None and given.kind == "coroutine" and given.name == "AsyncMock"


def may_be_mock(scope: Scope, expression: ast.AST) -> bool:
    """A first, cheap look at a chain of attributes and calls: whether mocks are in sight, and what it starts at may be one."""
    if not scope.module.sees_mocks:
        return False
    root, replaced, names = expression, False, scope.module.replaced_names
    while isinstance(root, (ast.Attribute, ast.Call, ast.Await)):
        replaced = replaced or isinstance(root, ast.Attribute) and root.attr in names
        root = root.func if isinstance(root, ast.Call) else root.value
    what = _root_of_mock(scope, root) if isinstance(root, ast.Name) else "unknown"
    if what == "outside":
        return isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute)
    return what in ("mock", "unknown") or replaced


def _root_of_mock(scope: Scope, root: ast.Name) -> str:
    """What a name is: "mock" if it may be one, "outside" if imported or defined, "plain" if it is none, "unknown" without a binding."""
    known = scope.roots_of_mocks
    if root.id in known:
        return known[root.id]
    found = scope.lookup(root)
    what = _root_by(scope, root, found) if found is not None else "unknown"
    if found is None or found[1] and len(scope.binders.get(root.id, ())) < 2:  # the same wherever it stands
        known[root.id] = what
    return what


def _root_by(scope: Scope, root: ast.Name, found: tuple[Scope, list[Binding]]) -> str:
    if all(binding.how in ("import", "definition") for binding in found[1]):
        return "outside"
    if len(found[1]) == 1 and is_made_without_mocks(found[0], found[1][0]):
        return "plain"
    given = value(scope, root)
    return "mock" if _is_mocker(scope, root) or given is not None and given.kind in (*MOCKS, "class", "function") else "plain"


def is_made_without_mocks(scope: Scope, binding: Binding) -> bool:
    """Whether a name holds what a call of another file gives, and the text of that file says nothing of mocks."""
    made = binding.value
    while isinstance(made, ast.Await):
        made = made.value
    if binding.how not in ("assign", "with", "async with") or not isinstance(made, ast.Call) or scope.module.project is None:
        return False
    name = root_name(made)
    found = scope.lookup(name) if name is not None else None
    is_imported = (
        found is not None and len(found[1]) == 1 and found[1][0].how == "import" and found[1][0].value.partition(".")[0] != "unittest"
    )
    return is_imported and not scope.module.project.speaks_of_mocks(found[1][0].value, scope.module)


def is_on_trial(scope: Scope, node: ast.AST, *errors: str) -> bool:
    """Whether one of these exceptions is expected around a node: what raises it there does so on purpose."""
    expected = [given for context in with_items(scope, node) if isinstance(context, ast.Call) for given in context.args[:1]
                if re.search(r"raises|Raises", ast.unparse(context.func))]  # fmt: skip
    for block, field in blocks(scope, node):
        if isinstance(block, ast.Try) and field == "body":
            expected += [handler.type for handler in block.handlers if handler.type is not None]
    return any(error in ast.unparse(one) for one in expected for error in errors)


@rule(
    "ATX301",
    "awaited-sync-mock",
    "`{0}` gives a {1}, which cannot be awaited; make it an `AsyncMock`",
    nodes=(ast.Await,),
    of=(ast.Call,),
    needs="sees_mocks",
)
def awaited_sync_mock(node: ast.Await, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """The await raises a TypeError, and code that catches every exception takes that for the failure it is ready for."""
    if not is_in_test(scope) or not may_be_mock(scope, node.value):
        return
    given = value(scope, node.value)
    if given is None or given.kind not in ("MagicMock", "Mock") or given.spec:
        return
    if not is_on_trial(scope, node, "TypeError") and is_made_in_sight(scope, node.value):
        if not is_passed_to_helper(scope, node.value) and not is_replaced_inside(scope, node.value.func):
            yield node, mock_text(node.value), given.kind


def is_in_test(scope: Scope) -> bool:
    """Whether code stands in a fixture's own body, or in a test or a function inside it."""
    return isinstance(scope, Function) and (scope.is_test or bool(scope.fixture) or test_around(scope.outer) is not None)


def is_made_in_sight(scope: Scope, expression: ast.AST) -> bool:
    """Whether the call that makes a mock can be seen: an annotation alone does not say how it is configured."""
    while isinstance(expression, (ast.Attribute, ast.Call, ast.Await)):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
        given = value(scope, expression)
        if given is not None and given.makers:
            return True
    return False


def root_name(expression: ast.AST) -> ast.Name | None:
    """The name at the start of a chain of attributes, calls and awaits."""
    while isinstance(expression, (ast.Attribute, ast.Call, ast.Await)):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    return expression if isinstance(expression, ast.Name) else None


def is_passed_to_helper(scope: Scope, mock: ast.AST) -> bool:
    """Whether the file hands a mock to a function of its own, which may configure it further."""
    name = root_name(mock)
    if name is None or (found := scope.lookup(name)) is None:
        return False
    for use in found[0].uses(name.id):
        where = scope_of(scope.module, use)
        what = fate(where, use)
        if what.what == "argument" and isinstance(what.by, ast.Call) and isinstance(where.definition(what.by.func), Function):
            return True
    return False


def is_replaced_inside(scope: Scope, mock: ast.expr) -> bool:
    """Whether a function inside another one that may have run by now puts something else in the place of a mock's child."""
    name = root_name(mock)
    found = scope.lookup(name) if name is not None else None
    inside = inner_scopes(found[0]) if found is not None else ()
    return any(is_part_of(attribute_path(mock), stored) for one in inside for stored in one.stored)


def is_part_of(path: str, whole: str) -> bool:
    """Whether a path ("m.get.return_value") is another one, or goes on from it ("m.get")."""
    return f"{path}.".startswith(f"{whole}.")


# Assertions about calls, and the one about awaits that takes its place.
CALL_ASSERTIONS = {
    "assert_called": "assert_awaited",
    "assert_called_once": "assert_awaited_once",
    "assert_called_with": "assert_awaited_with",
    "assert_called_once_with": "assert_awaited_once_with",
    "assert_any_call": "assert_any_await",
    "assert_has_calls": "assert_has_awaits",
}
CALL_READS = {"called": "assert_awaited", "call_count": "await_count"}
AWAIT_READS = frozenset(
    """assert_awaited assert_awaited_once assert_awaited_with assert_awaited_once_with assert_any_await assert_has_awaits
    await_count await_args await_args_list""".split())  # fmt: skip


@rule("ATX302", "called-but-maybe-not-awaited", "nothing proves that `{0}` was awaited; use `{1}`",
      calls=" ".join((*CALL_ASSERTIONS, "assertTrue assertEqual assertGreater assertGreaterEqual")), nodes=(ast.Assert,),
      of=(ast.Attribute, ast.Compare, ast.BoolOp), needs="sees_mocks")  # fmt: skip
def called_but_maybe_not_awaited(node: ast.Call | ast.Assert, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Code that forgets its `await` still calls the mock: the assertion holds, and nothing of the call has happened."""
    for mock, remedy in _claims(scope, node):
        if is_await_owed(scope, mock) and not (
            is_await_asserted(scope, mock) or is_called_in_sight(scope, mock) or is_outcome_asserted(scope, mock)
            or scope.closes_coroutines
        ):  # fmt: skip
            yield node, mock_text(mock), remedy


def _claims(scope: Scope, node: ast.Call | ast.Assert) -> Iterator[tuple[ast.expr, str]]:
    """The mocks that an assertion says were called, each with what says that they were awaited."""
    if isinstance(node, ast.Assert):
        parts = node.test.values if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And) else [node.test]
        for part in parts:
            yield from _claim_of_test(scope, part)
    elif isinstance(node.func, ast.Attribute) and node.func.attr in CALL_ASSERTIONS:
        yield node.func.value, CALL_ASSERTIONS[node.func.attr]
    elif isinstance(node.func, ast.Attribute) and node.args:
        least = 0 if node.func.attr == "assertGreater" else 1
        if node.func.attr == "assertTrue":
            yield from _claim_of_test(scope, node.args[0])
        elif len(node.args) > 1:
            yield from _claim_of_pair(scope, node.args[0], node.args[1], least)


def _claim_of_test(scope: Scope, test: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    match test:
        case ast.Attribute(value=mock, attr="called"):
            yield mock, CALL_READS["called"]
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is() | ast.GtE()], comparators=[right]):
            yield from _claim_of_pair(scope, left, right, 1)
        case ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]):
            yield from _claim_of_pair(scope, left, right, 0)


def _claim_of_pair(scope: Scope, left: ast.expr, right: ast.expr, least: int) -> Iterator[tuple[ast.expr, str]]:
    """`m.call_count` (or `m.called`) beside a literal that says there were calls, in either order."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, ast.Attribute) and one.attr in CALL_READS:
            literal = scope.constant(other)
            if isinstance(literal, int) and literal >= least:
                yield one.value, CALL_READS[one.attr]


# Methods that are plain functions in most of what an AsyncMock stands for: being one proves no coroutine here.
PLAIN_METHODS = frozenset(
    """json raise_for_status add add_all expunge expunge_all expire expire_all scalars scalar_one scalar_one_or_none put_nowait
    get_nowait task_done write writelines is_closing write_eof get_extra_info is_set locked done cancel cancelled exception
    add_done_callback remove_done_callback set_result set_exception add_get add_post add_put add_patch add_delete add_route
    add_routes call_soon call_later call_soon_threadsafe create_task debug info warning error critical log on_startup
    assign seek assignment subscription pause resume build_request""".split())  # fmt: skip
PLAIN_BY_OWNER = {
    "close": re.compile(r"writer|transport|server|response|(?<!web)socket$", re.IGNORECASE),
    "release": re.compile(r"sem(aphore)?$", re.IGNORECASE),
}  # fmt: skip
PLAIN_MODULES = frozenset("subprocess os time sys shutil signal socket json pathlib builtins random logging threading uuid".split())


def is_await_owed(scope: Scope, mock: ast.expr) -> bool:
    """Whether a mock is an AsyncMock in the place of something that the code has to await."""
    given = value(scope, mock)
    if given is None or given.kind != "AsyncMock":
        return False
    if isinstance(mock, ast.Attribute) and _is_plain_member(scope, mock):
        return False
    return not any(replaces_plain_function(made) for made in replacements_by(scope, mock))


def _is_plain_member(scope: Scope, mock: ast.Attribute) -> bool:
    """Whether what an attribute stands for is, or may well be, a sync method: by its class, else by its name."""
    owner = value(scope, mock.value)
    if owner is not None and owner.kind == "instance":
        member = _member(owner, mock.attr)
        return member is not None and member.kind in ("function", "method") and not is_awaitable_function(member)
    if owner is not None and owner.spec:
        return False
    owners = PLAIN_BY_OWNER.get(mock.attr)
    return mock.attr in PLAIN_METHODS or owners is not None and bool(owners.search(ast.unparse(mock.value)))


def is_awaitable_function(function: Value) -> bool:
    """Whether calling a function gives something to await, or may do so."""
    given = called(function)
    if is_coroutine_function(function) or given is not None and given.kind != "instance":
        return True
    made = function.scope
    if isinstance(made, Function) and not made.is_lambda:
        return made.is_async or not made.is_plain or bool(made.node.returns and re.search("Awaitable|Coroutine|Future|Task|Any|Async",
                                                                                          ast.unparse(made.node.returns)))  # fmt: skip
    return False


def replaces_plain_function(made: Replacement) -> bool:
    """Whether what is replaced is certain to be a sync function."""
    if made.target is not None:
        return made.target.kind in ("function", "method") and not is_awaitable_function(made.target)
    return made.dotted.partition(".")[0] in PLAIN_MODULES


def replacements_by(scope: Scope, mock: ast.expr) -> Iterator[Replacement]:
    """What a mock is put in place of by patch or setattr, here or in the fixture that gives it."""
    for where, path in dict.fromkeys(known_as(scope, mock)):
        for use in where.facts.loads.get(path, ()):
            what = fate(where, use)
            if what.what == "argument" and isinstance(what.by, ast.Call) and (made := replacement(where, what.by)) is not None:
                yield made


def is_await_asserted(scope: Scope, mock: ast.expr) -> bool:
    """Whether the same function asserts about the awaits of a mock, too."""
    path = attribute_path(mock)
    return any(scope.reads(f"{path}.{name}") for name in AWAIT_READS)


def is_called_in_sight(scope: Scope, mock: ast.expr) -> bool:
    """Whether a test awaits a call of the mock itself, in the same words, or a function inside it calls it: the await, or its absence, is in sight."""
    path = attribute_path(mock)
    if path not in scope.called_in_sight:
        scope.called_in_sight[path] = any(
            scope_of(scope.module, call) is not scope or fate(scope, call).what == "awaited" for call in calls_of(scope, mock)
        )
    return scope.called_in_sight[path]


def calls_of(scope: Scope, mock: ast.expr) -> Iterator[ast.Call]:
    """The calls of the same object in the same words, in a function and its inner functions."""
    reads = ((read, scope.parent(read)) for read in reads_of(scope, mock))
    return (call for read, call in reads if isinstance(call, ast.Call) and call.func is read)


def reads_of(scope: Scope, mock: ast.expr) -> list[ast.expr]:
    """Every place in a function, its inner functions included, that names the same object in the same words."""
    return scope.reads(attribute_path(mock))


def is_outcome_asserted(scope: Scope, mock: ast.expr) -> bool:
    """Whether the same function asserts about what only an await of a mock gives: its result, what its side effect does, its exception."""
    given = value(scope, mock)
    if given is None:
        return False
    effects = [one for _, written in configured(given, "side_effect") for one in getattr(written, "elts", (written,))]
    if {"raises", "assertRaises"} & scope.calls.keys() and any(is_exception(scope, one) for one in effects):
        return True
    if given.spec == "wraps":  # the real function runs, and anything asserted may be what it did
        return not set(getattr(scope, "assertions", ())) <= assertions_about(scope, mock)
    outcomes = [(where, part) for where, written in outcomes_of(given) for part in seen_through(where, written)]
    uses = uses_of_outcome(scope, mock, outcomes)
    if any(is_compared(scope, use) for use in uses):
        return True
    repeating = {scope.statement(use) for use in uses if is_assertion(scope.statement(use))}
    repeating.update(assertions_repeating(scope, [part for _, part in outcomes]))
    return bool(repeating) and not repeating <= assertions_about(scope, mock)


def uses_of_outcome(scope: Scope, mock: ast.expr, outcomes: list[tuple[Scope, ast.expr]]) -> list[ast.expr]:
    """Where a function names what awaiting a mock gives: by names in what is set up, as its `return_value`, by a name for that."""
    names = {one.id for where, part in outcomes if where is scope for one in ast.walk(part) if isinstance(one, ast.Name)}
    uses: list[ast.expr] = [use for name in names & scope.binders.keys() for use in scope.uses(name)]
    results = scope.reads(f"{attribute_path(mock)}.return_value")
    named = [what.by.id for read in results if (what := fate(scope, read)).what == "assigned"]
    return [*uses, *results, *(use for name in named for use in scope.uses(name))]


def assertions_repeating(scope: Scope, parts: list[ast.expr]) -> Iterator[ast.AST]:
    """The assertions of a function that say again what pieces of code say, or a part of a text in them."""
    said: dict[Any, set[ast.AST]] = getattr(scope, "said", {})
    told = {one for part in parts for one in sayings(part)} if said else set()
    texts = [text for text in told if isinstance(text, str)]
    inside = [one for one in scope.said_texts if any(one in text for text in texts)] if texts else []
    return (statement for one in (*told, *inside) for statement in said.get(one, ()))


def outcomes_of(mock: Value) -> Iterator[tuple[Scope, ast.expr]]:
    """What awaiting a mock gives or does, as it is written: its results, what is put on them, what a function that is its side effect names."""
    yield from configured(mock, "return_value")
    for where, written in configured(mock, "side_effect"):
        yield from ((where, one) for one in getattr(where.plain(written), "elts", ()))
        function = getattr(value(where, written), "scope", None)
        if isinstance(function, Function):
            yield from ((function, node.value) for node in function.every(ast.Return) if node.value is not None)
            if function.outer is where:
                yield from ((where, name) for name in function.facts.every_load if name.id not in function.binders)
    yield from ((where, one) for where, path in mock.paths for one in where.put_on.get(f"{path}.return_value", ()))


def seen_through(scope: Scope, expression: ast.expr) -> Iterator[ast.expr]:
    """An expression, and what the names in it are bound to and have put on them."""
    yield expression
    for name in {one.id for one in ast.walk(expression) if isinstance(one, ast.Name)}:
        yield from (binding.value for binding in scope.bindings(name) if binding.how == "assign")
        yield from scope.put_on.get(name, ())


def sayings(part: ast.AST) -> Iterator[Any]:
    """What a piece of code says that is no accident if said again: literals but 0, 1, True and the like, constants, calls with arguments."""
    todo: list[ast.AST] = [part]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Constant):
            if node.value and node.value not in (1, ...):
                yield node.value
        elif (
            isinstance(node, ast.Attribute) or isinstance(node, ast.Call) and node.args or isinstance(node, ast.Name) and node.id.isupper()
        ):
            yield (ast.dump(node),)
        if isinstance(node, ast.Call):
            todo += [*node.args, *(word.value for word in node.keywords)]
        elif isinstance(node, ast.Dict):
            todo += node.values
        elif not isinstance(node, (ast.Attribute, ast.Await)):
            todo += ast.iter_child_nodes(node)


def assertions_about(scope: Scope, mock: ast.expr) -> set[ast.AST]:
    """The statements of a function that ask a mock for its calls."""
    reads = ((read, getattr(scope.parent(read), "attr", "")) for read in reads_of(scope, mock))
    return {scope.statement(read) for read, name in reads if name.startswith("assert") or name in MOCK_OWN}


def is_compared(scope: Scope, use: ast.expr) -> bool:
    """Whether an expression stands in an `assert` or in an assertion of a TestCase."""
    statement = scope.statement(use)
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(statement, ast.Assert) or isinstance(call, ast.Call) and bool(re.match("assert[A-Z]", last_name(call.func)))


# What a coroutine is refused by, and what takes its place.
REFUSED = "AsyncMock `{0}` gives a coroutine, and `async {1}` refuses it; use `MagicMock`"


@rule("ATX303", "async-mock-iterated", REFUSED, nodes=(ast.AsyncFor, *COMPREHENSIONS), needs="sees_mocks")
def async_mock_iterated(node: Any, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Every call of an AsyncMock gives a coroutine, whatever it is configured to return: there is nothing to iterate."""
    loops = [node] if isinstance(node, ast.AsyncFor) else [loop for loop in node.generators if loop.is_async]
    for loop in loops:
        if is_mock_coroutine(scope, loop.iter) and not is_on_trial(scope, node, "TypeError"):
            yield loop.iter, mock_text(loop.iter.func), "for"


@rule("ATX304", "async-mock-entered", REFUSED, nodes=(ast.AsyncWith,), needs="sees_mocks")
def async_mock_entered(node: ast.AsyncWith, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Every call of an AsyncMock gives a coroutine, which is no context manager; what it would return may be one."""
    for item in node.items:
        entered = item.context_expr
        if is_mock_coroutine(scope, entered) and not is_on_trial(scope, node, "TypeError", "AttributeError"):
            yield entered, mock_text(entered.func), "with"


@rule(
    "ATX305",
    "unawaited-mock-call",
    "AsyncMock `{0}` is called but never awaited, so nothing happens; await it",
    nodes=(ast.Expr,),
    of=(ast.Call,),
    needs="sees_mocks",
)
def unawaited_mock_call(node: ast.Expr, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """The call is recorded, so `assert_called_once` holds; the side effect, an exception perhaps, never happens."""
    if not is_mock_coroutine(scope, node.value) or is_injected_by_patch(scope, node.value):
        return
    mock = node.value.func
    is_misspelled = getattr(mock, "attr", "") in MISSPELLED  # that is ATX310's
    if not is_misspelled and not is_put_later(scope, mock) and not is_put_by_helper(scope, mock):
        yield node, mock_text(mock)


def is_put_later(scope: Scope, mock: ast.expr) -> bool:
    """Whether a mock, or one that it is a child of, is only put in its place further down: above, something else was there."""
    path = attribute_path(mock)
    several = [one for stored, written in scope.stored.items() if is_part_of(path, stored) for one in written]
    return bool(several) and all(one is not None and start(one) > start(mock) for one in several)


SETS_UP = XUNIT_TESTCASE | ISOLATED_ONLY | NOSE_METHODS | {"__init__"}


def is_put_by_helper(scope: Scope, mock: ast.expr) -> bool:
    """Whether another method than the set-up puts a mock on `self`: it may not have been called before."""
    method = scope
    while method is not None and not (isinstance(method, Function) and method.owner):
        method = method.outer
    path = attribute_path(mock)
    if method is None or "." not in path:
        return False
    helpers = [one for one, name in method.owner.selves if name == path.partition(".")[0] and one is not scope]
    helpers = [one for one in helpers if one.name not in SETS_UP and not one.fixture]
    return any(is_part_of(path, stored) for one in helpers for stored in one.stored)


def is_injected_by_patch(scope: Scope, mock: ast.AST) -> bool:
    """Whether a chain starts at a parameter that a patch decorator fills in."""
    name = root_name(mock)
    found = scope.lookup(name) if name is not None else None
    return found is not None and isinstance(found[0], Function) and name.id in found[0].injected


class Replacement:
    """A call of patch, patch.object, mocker's or monkeypatch.setattr: what it replaces, and by what."""

    def __init__(self, scope: Scope, call: ast.Call, made: str, new: ast.expr | None, dotted: str) -> None:
        self.scope, self.call, self.made = scope, call, made
        self.new = new  # the stand-in, where one is written
        self.dotted = dotted  # the target as far as it can be read, "app.service.asyncio.sleep"

    @property
    def name(self) -> str:
        return self.dotted.rpartition(".")[2]

    @cached_property
    def target(self) -> Value | None:
        """The function, method or class that is replaced."""
        return patch_target(self.scope, self.call, self.made)

    @cached_property
    def mock(self) -> Value | None:
        """The stand-in, where it is a mock."""
        if self.new is None and self.made == "setattr":
            return None
        mock = value(self.scope, self.new) if self.new is not None else patched(self.scope, self.call, self.made)
        return mock if mock and mock.kind in MOCKS else None


def replacement(scope: Scope, call: ast.Call) -> Replacement | None:
    """What a call replaces; None if it is no replacing call."""
    made = mock_function(scope, call.func)
    if made in PATCHERS:
        new = _patch_new(call, made)
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "setattr" and len(call.args) + len(call.keywords) > 1:
        made = "setattr"
        is_text = isinstance(scope.constant(call.args[0]) if call.args else None, str)
        new = argument(call, 1 if is_text else 2, "name" if is_text else "value")
    else:
        return None
    text = _target_text(scope, call, made)
    return Replacement(scope, call, made, new, text) if text is not None else None


def _target_text(scope: Scope, call: ast.Call, made: str) -> str | None:
    """The dotted target of a replacing call, by its imports where it names an object."""
    first = argument(call, 0, "target")
    text = scope.constant(first)
    if isinstance(text, str):
        return text
    name = scope.constant(argument(call, 1, "attribute")) or scope.constant(argument(call, 1, "name"))
    if first is None or not isinstance(name, str) or made.endswith("patch"):
        return None
    return f"{scope.dotted(first) or ast.unparse(first)}.{name}"


@rule("ATX306", "mock-class-as-new", "`{0}` becomes the class AsyncMock, and calling that awaits nothing; use `AsyncMock()`",
      calls="patch object setattr")  # fmt: skip
def mock_class_as_new(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Calling the class makes a mock where the code awaits the call's result: TypeError, often swallowed by the code."""
    if not any(scope.dotted(given) == "unittest.mock.AsyncMock" for given in (*call.args[1:], *(word.value for word in call.keywords))):
        return
    made = replacement(scope, call)
    if made is None or made.new is None or scope.dotted(made.new) != "unittest.mock.AsyncMock":
        return
    if is_coroutine_function(made.target) or made.target is None and is_awaited_in_sight(scope, made.name):
        yield call, made.name[:36]


def is_awaited_in_sight(scope: Scope, name: str) -> bool:
    """Whether a function, or those inside it, awaits a call by this name."""
    if name[:1].isupper():
        return False
    return any(isinstance(fate(one, call).by, ast.Await) for one in (scope, *scope.facts.scopes) for call in one.calls.get(name, ()))


class SetUp(NamedTuple):
    """What a mock is told to give: by `mock.return_value = ...`, or by a keyword of the call that makes it."""

    mock: Value | None
    what: str  # "return_value" or "side_effect"
    given: ast.expr


SET_UP = ("return_value", "side_effect")
SET_UP_CALLS = "AsyncMock MagicMock Mock patch object create_autospec"


def set_ups(scope: Scope, node: ast.Assign | ast.Call) -> Iterator[SetUp]:
    """The results and side effects that an assignment or call gives a mock."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Attribute) and target.attr in SET_UP:
                yield SetUp(_as_mock(value(scope, target.value)), target.attr, node.value)
    elif mock_function(scope, node.func) is not None:
        for word in node.keywords:
            if word.arg in SET_UP:
                yield SetUp(_as_mock(value(scope, node)), word.arg, word.value)


def _as_mock(given: Value | None) -> Value | None:
    """The mock that an expression gives; a patch that is still to be entered stands for the mock that it puts in place."""
    if given is not None and given.kind == "context" and given.name in PATCHERS:
        given = given.result
    return given if given is not None and given.kind in MOCKS else None


@rule("ATX307", "coroutine-as-return-value", "{0} as `{1}`: {2}", each="attribute", calls=SET_UP_CALLS, needs="sees_mocks")
def coroutine_as_return_value(node: Any, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A mock hands out what it is given: one await gives the coroutine object, which nobody awaits."""
    for made in set_ups(scope, node):
        is_async = made.mock is not None and made.mock.kind == "AsyncMock"
        given = value(scope, made.given)
        kind = given.kind if given is not None else ""
        if made.what == "side_effect" and kind in ("coroutine", "async generator"):
            yield node, f"{kind} object", made.what, "it cannot be called or iterated; give the function itself"
        elif made.what == "return_value" and kind == "coroutine" and is_async and not is_awaited_twice(scope, made.given):
            yield node, "coroutine object", made.what, "awaiting the mock gives it un-awaited; give its result"
        elif made.what == "side_effect" and is_async and gives_coroutine(scope, made.given):
            yield node, f"{spelled(made.given)}", made.what, "awaiting the mock gives one un-awaited; use an `async def`"


def is_awaited_twice(scope: Scope, given: ast.expr) -> bool:
    """Whether a test asserts that the coroutine that a mock gives is awaited as well: the code does so."""
    return isinstance(given, ast.Call) and is_await_asserted(scope, given.func)


def spelled(given: ast.expr) -> str:
    return "lambda giving a coroutine" if isinstance(given, ast.Lambda) else "list of coroutine objects"


def gives_coroutine(scope: Scope, effect: ast.expr) -> bool:
    """Whether a side effect is a list of coroutine objects, or a lambda that gives one."""
    if isinstance(effect, ast.Lambda):
        given = called(value(scope, effect))
        return given is not None and given.kind == "coroutine"
    elements = effect.elts if isinstance(effect, (ast.List, ast.Tuple)) else []
    return any(one is not None and one.kind == "coroutine" for one in (value(scope, element) for element in elements))


# Methods that are no coroutines in the libraries, by the package that a file has to use for them to be meant.
SYNC_RESPONSE = frozenset(("json", "raise_for_status"))
SYNC_RESULT = frozenset("scalars scalar scalar_one scalar_one_or_none first one one_or_none all mappings unique partitions tuples".split())
SYNC_SESSION = frozenset("add add_all begin begin_nested expunge expunge_all expire expire_all in_transaction get_bind is_modified".split())


@rule("ATX308", "async-mock-for-sync-method", "`{0}` is sync in {1}, but a coroutine on this AsyncMock; use a `MagicMock` there",
      each="attribute", needs="sees_mocks")  # fmt: skip
def async_mock_for_sync_method(node: ast.Assign, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """The code calls the method without `await`: its side effect never happens, and its result is a coroutine."""
    for target in node.targets:
        method = _configured_method(target)
        if method is None or (owner := value(scope, method.value)) is None or owner.kind != "AsyncMock" or owner.spec:
            continue
        given, library = value(scope, method), _library_of(scope, method, target)
        if library and given is not None and given.kind == "AsyncMock":
            yield node, method.attr, library


def _configured_method(target: ast.expr) -> ast.Attribute | None:
    """The method that an assignment configures: `m.json` for `m.json.return_value.x = ...`, outermost first."""
    found = None
    while isinstance(target, ast.Attribute):
        if target.attr in SET_UP and isinstance(target.value, ast.Attribute):
            found = target.value
            if found.attr in SYNC_RESPONSE | SYNC_RESULT | SYNC_SESSION:
                return found
        target = target.value
    return found


def _library_of(scope: Scope, method: ast.Attribute, target: ast.expr) -> str:
    """The library whose sync method is meant, "" in doubt."""
    module, path = scope.module, attribute_path(method) or ast.unparse(method)
    if method.attr in SYNC_RESPONSE:
        used = [library for library in ("httpx", "httpx2", "aiohttp") if uses_library(module, library)]
        if method.attr == "json" and "aiohttp" in used or not used:
            return ""
        return used[0]
    if method.attr in SYNC_RESULT | SYNC_SESSION and module.imports_package("sqlalchemy"):
        is_result = ".execute.return_value" in path or "result" in path.rpartition(".")[0].lower()
        is_session = "session" in ast.unparse(method.value).rpartition(".")[2]
        return "SQLAlchemy" if is_result and method.attr in SYNC_RESULT or is_session and method.attr in SYNC_SESSION else ""
    return ""


def uses_library(module: Module, library: str) -> bool:
    """Whether a file visibly uses a library: it imports it, or names it in what it patches."""
    return module.imports_package(library) or library in module.patched_libraries


@rule("ATX309", "patched-asyncio-function", "the mock for `{0}` drops the coroutine that it is given; let a `side_effect` close it",
      calls="patch object setattr")  # fmt: skip
def patched_asyncio_function(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Nobody awaits or closes the coroutine: the warning comes with whichever test the collector runs in, or as its failure."""
    made = replacement(scope, call)
    if made is None or not takes_coroutine(made) or not is_bare_stand_in(scope, made):
        return
    test, reached = test_of(scope, call), calls_of_replaced(scope, made)
    if test is None or is_taken_care_of(scope, made) or side_effect_of(made) and any("close" in one.where.calls for one in reached):
        return  # where the stand-in raises, the code may close the coroutine then
    is_handed = is_handed_coroutine(made, test, reached) if reached else must_be_handed_coroutine(scope, made, test)
    if is_handed and not filters_warnings(test):
        yield call, ".".join(made.dotted.split(".")[-2:])[:40]


def filters_warnings(test: Function) -> bool:
    """Whether a test deals with warnings itself: then it knows of the coroutine that nobody awaits."""
    return bool({"filterwarnings", "simplefilter"} & test.calls.keys()) or test.mark("filterwarnings") is not None


RUNNER_FUNCTIONS = frozenset(("async_create_task", "async_create_background_task"))


def takes_coroutine(made: Replacement) -> bool:
    """Whether a replaced function is one that is handed a coroutine."""
    return knowledge.takes_coroutine(made.dotted) or made.name in RUNNER_FUNCTIONS


def is_bare_stand_in(scope: Scope, made: Replacement) -> bool:
    """Whether a mock takes the place of something that looks at no argument: without side effect, or with an exception for one."""
    call = made.call
    if made.mock is None and (made.new is not None or mock_function(scope, call.func) is None or keyword(call, "new_callable") is not None):
        return False
    if keyword(call, "wraps") is not None or made.mock is not None and made.mock.spec == "wraps":
        return False
    effect = side_effect_of(made)
    return effect is None or is_exception(scope, effect)


def side_effect_of(made: Replacement) -> ast.expr | None:
    """The side effect with which a stand-in is made."""
    own = side_effects(made.mock) if made.mock is not None else []
    return own[0][1] if own else keyword(made.call, "side_effect")


def is_exception(scope: Scope, effect: ast.expr) -> bool:
    """Whether a side effect is an exception: its class or an object of it."""
    name = ast.unparse(effect.func if isinstance(effect, ast.Call) else effect).rpartition(".")[2]
    return name.endswith(("Error", "Exception", "Cancelled", "Timeout", "Exit"))


def is_handed_coroutine(made: Replacement, test: Function, reached: list[Reached]) -> bool:
    """Whether calls hand what is replaced a coroutine: one for certain, and the others at least what a call gives."""
    handed = [(one.where, given) for one in reached for given in handed_over(one.where, one.call)]
    return all(isinstance(given, ast.Call) for _, given in handed) and any(
        makes_coroutine(where, given) and stand_ins_in(test, given.func, made) <= {"AsyncMock"} for where, given in handed
    )  # fmt: skip


# What takes nothing but coroutines.
COROUTINES_ONLY = RUNNER_FUNCTIONS | {"create_task", "run", "run_coroutine_threadsafe"}


def must_be_handed_coroutine(scope: Scope, made: Replacement, test: Function) -> bool:
    """Whether code that cannot be read hands over a coroutine for certain: nothing else is taken, and nothing else in the test is a mock."""
    home, _, name = made.dotted.rpartition(".asyncio.")
    if not home or name not in COROUTINES_ONLY or scope.module.first_party((home,)) or said_of_calls(scope, made) == "not called":
        return False
    if any(one.call is not made.call for one in replacements_in(test)) or not test.calls.keys().isdisjoint(MOCKS):
        return False
    fixtures = [find_fixture(test, name) for name in test.requested if name not in test.injections]
    return not any(fixture is None or fixture.names_mocks for fixture in fixtures)


def handed_over(scope: Scope, call: ast.Call) -> Iterator[ast.expr]:
    """What a function that takes coroutines is given as one: the first argument, for `gather` each."""
    given = [argument(call, 0, "coro")] if last_name(call.func) != "gather" else call.args
    for one in given:
        inside = scope.plain(one.value if isinstance(one, ast.Starred) else one)
        yield scope.plain(inside.elt) if isinstance(inside, COMPREHENSIONS) and not isinstance(inside, ast.DictComp) else inside


def makes_coroutine(where: Scope, call: ast.Call) -> bool:
    """Whether a call in the code makes a coroutine for certain, of nothing that a test hands over."""
    found = value(where, call)
    return found is not None and found.kind == "coroutine" and not is_parameters(where, call.func)


def is_parameters(scope: Scope, function: ast.expr) -> bool:
    """Whether what is called belongs to a parameter, but `self`: a test may hand over a mock, whatever the annotation says."""
    root = root_name(function)
    found = scope.lookup(root) if root is not None else None
    return found is not None and any(
        binding.how == "parameter" and not (isinstance(found[0], Function) and root.id == found[0].self_name and found[0].owner)
        for binding in found[1]
    )


def is_taken_care_of(scope: Scope, made: Replacement) -> bool:
    """Whether the test goes on to configure the mock of a patch, or takes out and closes what it was given."""
    used = {getattr(where.parent(use), "attr", ""): where for where, use in uses_of_stand_in(scope, made)}
    if "" in used or any(path.startswith(f"{name}.side_effect") for where, name in mock_names(scope, made.call) for path in where.stored):
        return True
    return any(name in used and takes_coroutine_out(used[name]) for name in ("call_args", "call_args_list", "mock_calls"))


def takes_coroutine_out(scope: Scope) -> bool:
    """Whether a function closes, runs or awaits a coroutine that it holds: `await mock.call_args[0][0]`."""
    if {"close", "run", "run_until_complete", "gather", "wait_for", "ensure_future", "create_task"} & scope.calls.keys():
        return True
    return any(not isinstance(one.value, ast.Call) for one in scope.every(ast.Await))


# Stand-ins: what a test says of one, and where the code that it runs calls what is replaced


def mock_names(scope: Scope, call: ast.Call) -> list[tuple[Scope, str]]:
    """The names under which the mock of a patch is known: of `with ... as`, an assignment, or the parameter injected."""
    above = scope.parent(call)
    if isinstance(above, SCOPES):
        function = scope.module.scopes.get(above)
        found = function.injections if isinstance(function, Function) else {}
        return [(function, name) for name, made in found.items() if made[1] is call]
    target = getattr(above, "optional_vars", None) or next(iter(getattr(above, "targets", ())), None)
    return [(scope, target.id)] if isinstance(target, ast.Name) else []


def uses_of_stand_in(scope: Scope, made: Replacement) -> list[tuple[Scope, ast.Name]]:
    """Where a test names a stand-in, apart from the call that puts it in place."""
    names = mock_names(scope, made.call) + ([(scope, made.new.id)] if isinstance(made.new, ast.Name) else [])
    return [
        (where, use) for where, name in names for use in where.uses(name) if made.call not in (where.parent(use), *where.ancestors(use))
    ]


def said_of_calls(scope: Scope, made: Replacement) -> str:
    """What a test says of a stand-in's calls: "called", "not called" (and nowhere that it is), "raises", or "" where it says nothing.

    An exception as side effect says that the code meets it ("raises"); an AssertionError, that it must not.
    """
    reads = [(where, read) for where, use in uses_of_stand_in(scope, made) if isinstance(read := where.parent(use), ast.Attribute)]
    if any(read.attr in CALL_ASSERTIONS or read.attr in AWAIT_READS for _, read in reads):
        return "called"
    counts = [ast.unparse(where.statement(read)) for where, read in reads if read.attr in CALL_READS]
    effect = side_effect_of(made)
    fails = "" if effect is None else ast.unparse(effect).partition("(")[0]
    refused = any(read.attr in ("assert_not_called", "assert_not_awaited") for _, read in reads)
    if refused or fails == "AssertionError" or any(re.search(r"\bnot\b|\b0\b|False", one) for one in counts):
        return "not called"
    return "called" if counts else fails and "raises"


class Run(NamedTuple):
    """A readable function that a test runs."""

    function: Function
    is_sure: bool  # no branch and no way out lies before
    is_caught: bool  # the test goes on after an exception


class Reached(NamedTuple):
    """A call that a test comes to, in its body or in readable code."""

    where: Function
    call: ast.Call


def calls_of_replaced(scope: Scope, made: Replacement) -> list[Reached]:
    """The calls of what is replaced that a test makes: in its body, in the functions that it calls and in those that they call.

    Those that it is sure to come to, if there are any. Else, where the test says that the stand-in is called, all that it may mean: what it
    asserts are the calls on its way, an exception that it gives it may be meant for any call in the same file.
    """
    said, test = said_of_calls(scope, made), test_of(scope, made.call)
    if test is None or not test.is_plain or said == "not called":
        return []
    sure, others = [], []
    for run in functions_run(test, made):
        for call in run.function.calls.get(made.name, ()):
            is_meant = is_call_of(run.function, call, made) and not stand_ins_in(test, getattr(call.func, "value", None), made)
            if is_meant and not _is_later(run.function, call, test, made.call):
                (sure if is_sure_to_run(run, call) else others).append(Reached(run.function, call))
    if sure or said == "":
        return sure
    every = {call for one in others for where in one.where.module.all_functions for call in where.calls.get(made.name, ())}
    return others if said == "called" or every == {one.call for one in others} else []


def test_of(scope: Scope, call: ast.Call) -> Function | None:
    """The test that a replacing call belongs to, by its body or its decorators."""
    above = scope.parent(call)
    return test_around(scope.module.scopes.get(above, scope) if isinstance(above, FUNCTIONS) else scope)


def functions_run(test: Function, made: Replacement) -> Iterator[Run]:
    """The test, the readable functions that it calls while something is replaced, and those that these call in turn.

    Further down only those of the same file and methods of the same object are looked for.
    """
    todo, seen = [(Run(test, True, False), 4)], set()
    while todo:
        run, steps = todo.pop()
        if run in seen or run.function is not test and any(True for _ in stands_in(test, called_as(run.function), made)):
            continue
        seen.add(run)
        yield run
        for call in (call for several in run.function.calls.values() for call in several if steps):
            is_near = run.function is test or isinstance(call.func, ast.Name) or is_own(run.function, call)
            function = function_run(run.function, call, made) if is_near and not _is_later(run.function, call, test, made.call) else None
            if function is not None and (run.function is test or function.module is run.function.module or function.owner is not None):
                is_caught = run.is_caught or run.function is test and is_caught_in(test, call)
                todo.append((Run(function, is_sure_to_run(run, call), is_caught), steps - 1))


def function_run(where: Scope, call: ast.Call, made: Replacement) -> Function | None:
    """The readable function that a call runs: for a class, the method that sets its objects up.

    An async one runs where it is awaited, or handed to somebody who is sure to await it: nobody who makes a task, no stand-in.
    """
    found, what = value(where, call.func), fate(where, call)
    if found is None or found.kind not in ("function", "class"):
        return None
    function = found.scope.find_method("__init__") if isinstance(found.scope, Class) else found.scope
    if not isinstance(function, Function) or function.is_lambda or function.is_generator:
        return None
    is_handed = isinstance(what.by, ast.Call) and last_name(what.by.func) not in ("create_task", "ensure_future", made.name)
    return function if not function.is_async or isinstance(what.by, ast.Await) or is_handed else None


def is_own(function: Function, call: ast.Call) -> bool:
    """Whether a call is one of a method of the same object."""
    return function.owner is not None and attribute_path(call.func).rpartition(".")[0] == function.self_name


def is_call_of(where: Scope, call: ast.Call, made: Replacement) -> bool:
    """Whether a call is one of what is replaced: a name that was imported before the patch still means the original."""
    owner, project = made.dotted.rpartition(".")[0], made.scope.module.project
    known, found = knowledge.patched_name(made.dotted), value(where, call.func)
    if isinstance(call.func, ast.Name):
        home = project.module(owner, made.scope.module) if project is not None and not known else None
        if home is None or home.path != where.module.path:
            return False
    if known:
        return where.dotted(call.func) == known
    if made.target is None or made.name in RUNNER_FUNCTIONS:
        return True
    return found is not None and (found.name, found.scope) == (made.target.name, made.target.scope)


def is_sure_to_run(run: Run, node: ast.AST) -> bool:
    """Whether a function that runs comes to a node: no branch is around it, and no way out further up.

    Where the test goes on after an exception, every call further up is a way out.
    """
    function, around = run.function, (node, *run.function.ancestors(node))
    if not run.is_sure or any(isinstance(above, (ast.IfExp, ast.BoolOp)) for above in around):
        return False
    for block, field in blocks(function, node):
        if type(block) in BRANCHING and not (field == "body" and (type(block) in TRIES or is_entered(function, block))):
            return False
        if function.is_test and catches(block) and block.body[0] not in around:
            return False
    calls = [one for name, several in function.calls.items() if name not in HARMLESS for one in several] if run.is_caught else []
    ways_out = function.every(ast.Return, ast.Raise, ast.Break, ast.Continue) + calls
    return all(end(one) > start(node) for one in ways_out)


HARMLESS = frozenset("range len isinstance print debug info getLogger".split())  # functions that do not raise


def is_entered(scope: Scope, loop: ast.AST) -> bool:
    """Whether the body of a loop runs once for certain: `while True`, `for ... in range(3)`, `for ... in (1, 2)`."""
    if isinstance(loop, ast.While):
        return bool(scope.constant(loop.test))
    found = getattr(loop, "iter", None)
    if isinstance(found, ast.Call) and scope.dotted(found.func) is None and last_name(found.func) == "range" and len(found.args) == 1:
        times = scope.constant(found.args[0])
        return isinstance(times, int) and times > 0
    return isinstance(found, (ast.Tuple, ast.List)) and bool(found.elts)


def is_caught_in(test: Function, node: ast.AST) -> bool:
    """Whether a test goes on after an exception at a node."""
    return any(field == "body" and catches(block) for block, field in blocks(test, node))


def catches(block: ast.AST) -> bool:
    """Whether a block takes exceptions for its own."""
    calls = [item.context_expr for item in getattr(block, "items", ()) if isinstance(item.context_expr, ast.Call)]
    names = ("raises", "assertRaises", "assertRaisesRegex", "suppress")
    return bool(getattr(block, "handlers", ())) or any(last_name(call.func) in names for call in calls)


def called_as(function: Function) -> str:
    """The name by which a function is called: for the method that sets objects up, the class's."""
    return function.owner.name if function.owner is not None and function.name == "__init__" else function.name


def stand_ins_in(test: Function, named: ast.expr | None, beside: Replacement) -> set[str]:
    """The kinds of what stands in for anything that an expression names, as in `stands_in`."""
    names = {*attribute_path(named).split("."), last_name(named)} if named is not None else set()
    return {kind for name in names for kind in stands_in(test, name, beside)}


def stands_in(test: Function, name: str, beside: Replacement) -> Iterator[str]:
    """The kinds of the mocks, "" for anything else, that a test or its fixtures put in the place of what has a name, beside a stand-in."""
    for scope in (test, *test.closest_fixtures):
        given = [(made.dotted, made.mock) for made in replacements_in(scope) if made.name == name]
        given += [
            (path, _written(scope, one)) for path, several in scope.stored.items() if path.rpartition(".")[2] == name for one in several
        ]
        for path, mock in given:
            if not f".{beside.dotted}".endswith(f".{path}"):
                yield getattr(mock, "kind", "")


def replacements_in(test: Scope) -> Iterator[Replacement]:
    """What is replaced in a function, by its body or its decorators."""
    calls = [(test, one) for name in ("patch", "object", "setattr") for one in test.calls.get(name, ())]
    if test.outer is not None:
        calls += [(test.outer, one) for one in getattr(test.node, "decorator_list", ()) if isinstance(one, ast.Call)]
    return (made for where, one in calls if (made := replacement(where, one)) is not None)


AWAIT_ASSERTIONS = frozenset(name for name in AWAIT_READS if name.startswith("assert")) | {"assert_not_awaited"}
MISSPELLED = {
    "awaited_once": "assert_awaited_once", "awaited_once_with": "assert_awaited_once_with", "awaited": "assert_awaited",
    "awaited_with": "assert_awaited_with", "has_awaits": "assert_has_awaits", "not_awaited": "assert_not_awaited",
    "any_await": "assert_any_await", "any_awaits": "assert_any_await",
}  # fmt: skip


@rule("ATX310", "misspelled-await-assertion", "`{0}` {1}; {2}",
      calls=" ".join((*MISSPELLED, *AWAIT_ASSERTIONS)), nodes=(ast.Expr, ast.Assert), of=(ast.Attribute, ast.UnaryOp, ast.Compare))  # fmt: skip
def misspelled_await_assertion(node: Any, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A mock makes up whatever is read from it: a name that is no assertion, or is not called, checks nothing."""
    if isinstance(node, ast.Call):
        yield from _judge_call(node, scope)
        return
    written = node.value if isinstance(node, ast.Expr) else _asserted(node.test)
    if isinstance(written, ast.Attribute):
        yield from _judge_read(node, scope, written)
    elif isinstance(node, ast.Expr) and isinstance(written, ast.Compare) and isinstance(written.left, ast.Attribute):
        if written.left.attr == "await_count":
            yield node, ast.unparse(written)[-40:], "is compared and forgotten", "write `assert` before it"


def _asserted(test: ast.expr) -> ast.expr:
    """What an assertion is about, negated or not."""
    return test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else test


def _judge_call(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A call of an assertion about awaits that is awaited itself, or of a name that is none as a whole statement or assertion."""
    if not isinstance(call.func, ast.Attribute):
        return
    name, statement = call.func.attr, scope.statement(call)
    if name in AWAIT_ASSERTIONS:
        if isinstance(above := scope.parent(call), ast.Await) and is_some_mock(scope, call.func.value):
            yield above, name, "returns None, which cannot be awaited", "remove the `await`"
    elif call in (getattr(statement, "value", None), _asserted(getattr(statement, "test", None))) and is_some_mock(scope, call.func.value):
        yield statement, name, "is no assertion, a mock accepts any name", f"use `{MISSPELLED[name]}`"


def _judge_read(node: ast.Expr | ast.Assert, scope: Scope, written: ast.Attribute) -> Iterator[tuple[Any, ...]]:
    """An attribute as a whole statement or assertion."""
    if written.attr in AWAIT_ASSERTIONS and not is_other_object(scope, written.value):
        yield node, written.attr, "is not called, so it checks nothing", "call it"
    elif written.attr in MISSPELLED and isinstance(node, ast.Assert) and is_some_mock(scope, written.value):
        yield node, written.attr, "is a child of the mock and always true", f"use `{MISSPELLED[written.attr]}()`"


def is_other_object(scope: Scope, expression: ast.expr) -> bool:
    """Whether an expression is certain to be no mock."""
    given = value(scope, expression)
    return given is not None and given.kind not in MOCKS


def is_some_mock(scope: Scope, expression: ast.expr) -> bool:
    """Whether an expression is a mock without a spec of names, though perhaps of a kind that is not known."""
    given = value(scope, expression)
    if given is not None:
        return given.kind in MOCKS and given.spec in ("", "wraps", "unknown")
    name = root_name(expression)
    if name is None or is_injected_by_patch(scope, name):
        return name is not None
    made = maker(scope, name)
    return made is not None and mock_function(made[0], made[1].func) in (*PATCHERS, "unittest.mock.create_autospec")


@rule("ATX311", "sync-stand-in-for-coroutine", "the code awaits `{0}`, but {1} cannot be awaited; use `AsyncMock`",
      calls="patch object setattr")  # fmt: skip
def sync_stand_in_for_coroutine(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Awaiting the stand-in's result raises a TypeError, which a `pytest.raises(Exception)` takes for success."""
    made = replacement(scope, call)
    if made is None or (given := what_cannot_be_awaited(scope, made)) == "" or not is_coroutine_function(made.target):
        return
    reached = calls_of_replaced(scope, made)
    if reached and all(fate(one.where, one.call).what == "awaited" for one in reached):
        yield call, made.name[:36], given


def what_cannot_be_awaited(scope: Scope, made: Replacement) -> str:
    """What a stand-in gives that is certain to be no awaitable, in words; "" if it may be one."""
    if isinstance(made.new, ast.Lambda):
        return f"`{ast.unparse(made.new.body)[:16]}`" if is_plainly_sync(made.new.body) else ""
    if made.mock is None or made.mock.kind == "AsyncMock" or made.mock.spec not in ("", "list"):
        return ""
    return "" if is_made_awaitable(scope, made.call, made.mock) else f"what a {made.mock.kind} gives"


def is_plainly_sync(expression: ast.expr) -> bool:
    """Whether an expression is a value that is certain to be no awaitable."""
    return isinstance(expression, (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Compare, ast.JoinedStr, *COMPREHENSIONS))


def is_made_awaitable(scope: Scope, call: ast.Call, mock: Value) -> bool:
    """Whether a plain mock gives what can be awaited: by a side effect, or by what it is told to return."""
    if side_effects(mock) or keyword(call, "side_effect") is not None or keyword(call, "wraps") is not None:
        return True
    given = keyword(call, "return_value") or next((keyword(made, "return_value") for _, made in mock.makers), None)
    if given is not None and not is_plainly_sync(given):
        return True
    return any(path.startswith(f"{name}.") and path.endswith(SET_UP) for where, name in mock_names(scope, call) for path in where.stored)


@rule("ATX312", "swallowing-aexit-mock", "`{0}` returns a mock, which is true and swallows every exception; add `return_value=None`",
      each="attribute", calls="AsyncMock MagicMock Mock patch object setattr", needs="sees_mocks")  # fmt: skip
def swallowing_aexit_mock(node: Any, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A true value from the exit method tells Python that the exception is dealt with: even `assert False` passes."""
    for name, exits in _exits(scope, node):
        given = mock_result(exits)
        if given is not None and given.kind in MOCKS and (exits.kind == "AsyncMock" or name == "__exit__"):
            if not is_left_by_hand(scope, node):
                yield node, name


EXITS = ("__aexit__", "__exit__")


# Words that say nothing of what a mock stands for.
VAGUE_WORDS = frozenset(
    "get make create factory fixture mock mocked fake async instance context ctx cm manager a an the my test magic".split()
)


def is_left_by_hand(scope: Scope, node: ast.Assign | ast.Call) -> bool:
    """Whether first-party code calls the exit method of such an object itself, which drops what the method returns.

    Such an object: the mock is put into an attribute of that name, or they have a word of their names in common.
    """
    root = root_name(node.targets[0]) if isinstance(node, ast.Assign) else None
    names = [root.id, *(path.rpartition(".")[2] for path in scope.aliases.get(root.id, ()))] if root is not None else []
    made = replacement(scope, node) if isinstance(node, ast.Call) else None
    names += made.dotted.split(".")[-2:-1] if made is not None else []
    names += [scope.name] if isinstance(scope, Function) and not scope.is_test else []  # it may well give the mock
    words = {word for name in names for word in words_of(name)}
    return bool(words) and any(words & words_of(left) for left in left_by_hand(scope.module))


def left_by_hand(module: Module) -> set[str]:
    """The names on which the first-party code that a file may use calls an exit method itself."""
    if module.reachable is not None:
        return {left for known in module.reachable for left in known.left}
    code = module.first_party(module.imports)
    calls = [call for one in code for where in one.all_scopes for exits in EXITS for call in where.calls.get(exits, ())]
    return {last_name(call.func.value) for call in calls if isinstance(call.func, ast.Attribute)}


def words_of(name: str) -> set[str]:
    """The words of a name that say what it is ("mock_clientSession": client, session)."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)} - VAGUE_WORDS


def _exits(scope: Scope, node: ast.Assign | ast.Call) -> Iterator[tuple[str, Value | None]]:
    """The mocks that an assignment or a call puts in place of an exit method."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Attribute) and target.attr in EXITS:
                if attribute_path(target).endswith("enter__.return_value." + target.attr):
                    continue  # the object that is entered, not the one whose exit method Python calls
                yield target.attr, _as_mock(value(scope, target if attribute_path(target) else node.value))
            elif isinstance(target, ast.Name) and target.id in EXITS and isinstance(scope, Class):
                yield target.id, _as_mock(value(scope, node.value))
            elif isinstance(target, ast.Attribute) and target.attr == "return_value" and getattr(target.value, "attr", "") in EXITS:
                yield target.value.attr, _as_mock(value(scope, target.value))
        return
    made = replacement(scope, node)
    if made is not None and made.name in EXITS:
        if not any(path.endswith(SET_UP) for where, name in mock_names(scope, node) for path in where.stored if path.startswith(name)):
            yield made.name, made.mock
    for word in node.keywords if mock_function(scope, node.func) else ():
        if word.arg in EXITS:
            yield word.arg, _as_mock(value(scope, word.value))


# --------------------------------------------------------------------------------------------------------------------
# ATX4 awaiting and asserting
# --------------------------------------------------------------------------------------------------------------------


@rule("ATX401", "unawaited-coroutine", "coroutine `{0}` is never awaited, so it does nothing; add `await`", each="loss")
def unawaited_coroutine(one: Loss, function: Function) -> Iterator[tuple[Any, ...]]:
    """Calling a coroutine function runs none of it: what it would have done or found wrong is missing, and the test passes."""
    if one.how == "dropped" and raising(function, one.call) is None:
        yield one.call, brief(one.call)


def losses(function: Function) -> Iterator[Loss]:
    """The coroutines that a test, fixture or helper of tests loses, unless it does so on purpose; mocks are ATX3's."""
    if not function.module.serves_tests or not function.losses or wants_unawaited(function):
        return
    for one in function.losses:
        if (
            one.value.kind != "async generator"
            and one.value.name != "AsyncMock"
            and not (raising(function, one.call) and may_raise_at_call(function, one.call))
            and not is_dead(function, one.call)
            and not is_never_run(function)
        ):
            yield one


def is_dead(scope: Scope, node: ast.AST) -> bool:
    """Whether a node stands in the branch that a literal constant switches off: `if NAME:` with `NAME = False`."""
    for block, field in blocks(scope, node):
        if isinstance(block, ast.If):
            is_negated = isinstance(block.test, ast.UnaryOp) and isinstance(block.test.op, ast.Not)
            constant = scope.constant(block.test.operand if is_negated else block.test)
            if isinstance(constant, bool) and (constant is is_negated) is (field == "body"):
                return True
    return scope.outer is not None and is_dead(scope.outer, scope.node)


# Words in the names of what may run a function that it is given.
RUNNING = re.compile(r"(^|_)(run|start|spawn|create|ensure|call|invoke|execute|gather|wait|submit|schedule|send|request|get|post)(_|$)")


def is_never_run(function: Function) -> bool:
    """Whether a function inside another is not run: nobody names it, or a sync test hands it to a helper of the file that runs nothing."""
    outer = function.outer
    if not isinstance(outer, Function) or function.is_lambda or function.decorators:
        return False
    uses = [(scope, fate(scope, use)) for scope, use in uses_with_scope(outer, function.name)]
    if outer.is_async:
        return not uses
    return all(what.what == "argument" and is_read_only(scope.definition(getattr(what.by, "func", None))) for scope, what in uses)


def is_read_only(helper: Function | Class | None) -> bool:
    """Whether a helper calls nothing that may run what it is given, by the names of what it calls."""
    return isinstance(helper, Function) and not helper.is_async and not any(RUNNING.search(name) for name in helper.calls)


def wants_unawaited(function: Function) -> bool:
    """Whether a function is about the warning "was never awaited", or about coroutines that are collected."""
    if any(mark.name == "filterwarnings" and "never awaited" in ast.unparse(mark.node) for mark in function.marks):
        return True
    if any(argument.arg == "recwarn" for argument in function.parameters) or function.calls_to("gc.collect"):
        return True
    return any(name in function.calls for name in ("warns", "catch_warnings", "assertWarns", "filterwarnings", "simplefilter"))


RAISING = ("pytest.raises", "pytest.RaisesGroup", "contextlib.suppress")
ASSERT_RAISES = ("assertRaises", "assertRaisesRegex", "assertRaisesRegexp")


def raising(scope: Scope, node: ast.AST) -> ast.Call | None:
    """The block around a node that takes an exception: pytest.raises, suppress, assertRaises."""
    for context in with_items(scope, node):
        if isinstance(context, ast.Call) and (scope.dotted(context.func) in RAISING or getattr(context.func, "attr", "") in ASSERT_RAISES):
            return context
    return None


def may_raise_at_call(scope: Scope, call: ast.Call) -> bool:
    """Whether the exception that a block takes may come from the call itself: arguments that do not fit, or a plain
    function that looks at its arguments before it gives a coroutine.
    """
    context, function = raising(scope, call), value(scope, call.func)
    return context is not None and "TypeError" in ast.unparse(context) or function is None or is_plain_function(function)


def is_plain_function(function: Value) -> bool:
    """Whether a function that gives a coroutine is a plain one, whose body runs when it is called."""
    if isinstance(function.scope, Function):
        return not function.scope.is_async
    callee = function.result if function.kind == "method" else knowledge.function(function.name)
    return callee is not None and (callee.plain or callee.kind != "coroutine")


@rule("ATX402", "assert-on-coroutine", "coroutine `{0}` is not awaited, and always true; add `await`", each="loss")
def assert_on_coroutine(one: Loss, function: Function) -> Iterator[tuple[Any, ...]]:
    """A coroutine object is true whatever the function would return: the assertion cannot fail."""
    if one.how == "truth":
        yield (one.call if one.by in function.ancestors(one.call) else one.by), brief(one.call)


@rule("ATX403", "unawaited-in-raises", "coroutine `{0}` is not awaited, so nothing of it can raise here; add `await`", each="loss")
def unawaited_in_raises(one: Loss, function: Function) -> Iterator[tuple[Any, ...]]:
    """Nothing of the coroutine runs: the exception never comes, or another line of the block raises in its place."""
    if one.how in ("dropped", "unused") and raising(function, one.call) is not None:
        yield one.call, brief(one.call, 36)


@rule("ATX404", "raises-given-coroutine-function", "`{0}` {1}; {2}",
      calls="raises assertRaises assertRaisesRegex", nodes=(ast.AsyncWith,))  # fmt: skip
def raises_given_coroutine_function(node: ast.Call | ast.AsyncWith, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """pytest.raises calls what it is given and awaits nothing: no exception comes. And it is a plain context manager."""
    if isinstance(node, ast.Call):
        yield from _given_coroutine_function(node, scope)
        return
    for item in node.items:
        context = item.context_expr
        if isinstance(context, ast.Call) and (name := sync_check(scope, context)):
            yield node, name, "is no async context manager", "use plain `with`"


TESTCASE_CHECKS = frozenset(
    f"self.{name}" for name in "assertRaises assertRaisesRegex assertWarns assertWarnsRegex assertLogs assertNoLogs subTest".split()
)


def sync_check(scope: Scope, call: ast.Call) -> str:
    """pytest's and unittest's context managers that check what a block does, by name; "" for anything else."""
    dotted = scope.dotted(call.func) or ""
    if dotted in ("pytest.raises", "pytest.warns", "pytest.deprecated_call", "pytest.RaisesGroup"):
        return dotted
    name = attribute_path(call.func)
    owner = scope.owner if name in TESTCASE_CHECKS and isinstance(scope, Function) else None
    return name if owner is not None and owner.is_testcase else ""


def _given_coroutine_function(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    index = 2 if getattr(call.func, "attr", "") == "assertRaisesRegex" else 1
    if len(call.args) <= index or not sync_check(scope, call) or "TypeError" in ast.unparse(call.args[0]):
        return
    function = value(scope, call.args[index])
    result = called(function)
    if function is not None and function.kind == "coroutine":
        yield call, ast.unparse(call.func), f"cannot call the coroutine `{brief(call.args[index], 24)}`", "await it in a `with` block"
    elif function is not None and result is not None and result.kind == "coroutine":
        is_lambda = isinstance(function.scope, Function) and function.scope.is_lambda
        if is_plain_function(function) and not is_lambda:
            return
        given = "what the lambda gives" if isinstance(call.args[index], ast.Lambda) else f"`{brief(call.args[index])}`"
        yield call, ast.unparse(call.func), f"never awaits {given}", "await it in a `with` block"


@rule("ATX405", "value-returned-from-async-test", "async test `{0}` returns {1}, which nobody looks at; {2}", each="test")
def value_returned_from_async_test(test: Function) -> Iterator[tuple[Any, ...]]:
    """pytest warns about sync tests that return something; of an async test nobody sees the value, and it passes."""
    if not test.is_coroutine_function or not test.is_plain:
        return
    for node in test.every(ast.Return):
        if node.value is not None and (what := _returned(test, node.value)) and not is_called_by_hand(test):
            yield node, brief_name(test.name, 28), *what


def is_called_by_hand(test: Function) -> bool:
    """Whether the file itself uses a test as a function."""
    return test.name in test.module.names


def _returned(test: Function, returned: ast.expr) -> tuple[str, str] | None:
    """What a test returns, and what it should do with it; None for what may be None."""
    if isinstance(returned, (ast.Compare, ast.BoolOp)) or isinstance(returned, ast.UnaryOp) and isinstance(returned.op, ast.Not):
        return "a condition", "`assert` it"
    if isinstance(returned, ast.Constant):
        return None if returned.value is None else ("a constant", "assert something")
    if isinstance(returned, (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.JoinedStr)) or isinstance(returned, COMPREHENSIONS):
        return "a value", "`assert` what it should be"
    given = value(test, returned)
    if given is None or given.kind not in ("coroutine", "task", "async generator"):
        return None
    return f"{'an' if given.kind[0] == 'a' else 'a'} {given.kind}", "iterate over it" if given.kind == "async generator" else "await it"


@rule("ATX406", "coroutine-never-awaited", "coroutine `{0}` {1}; add `await`", each="loss")
def coroutine_never_awaited(one: Loss, function: Function) -> Iterator[tuple[Any, ...]]:
    """A coroutine in a variable is not its result: unread it never runs, read it is the wrong object."""
    if one.how == "unused" and raising(function, one.call) is None:
        yield one.call, brief(one.call), "is bound to a name and never awaited"
    elif one.how == "result":
        yield one.call, brief(one.call), f"is {USED_AS.get(type(one.by), 'used as its result')}, but never awaited"


USED_AS = {ast.FormattedValue: "formatted as text", ast.For: "iterated", ast.AsyncFor: "iterated"}


@rule("ATX407", "sync-iteration-of-async-generator", "`{0}` is an async generator, {1}; {2}", each="function")
def sync_iteration_of_async_generator(function: Function) -> Iterator[tuple[Any, ...]]:
    """Only `async for` runs an async generator: everything else raises TypeError, or silently runs nothing."""
    if not function.module.serves_tests:
        return
    for one in function.losses:
        if one.value.kind == "async generator" and not is_tried_out(function, one.call) and not is_iterated_too(function, one.call):
            yield one.call, brief(one.call, 32), LOST_GENERATORS[one.how], "use `async for`"
    if function.nodes.keys().isdisjoint(ITERATING_NODES) and function.calls.keys().isdisjoint(function.module.iterating_names):
        return
    for expression, fact, remedy in _wrongly_used(function):
        if is_async_iterator(function, expression) and not is_tried_out(function, expression):
            yield expression, brief(expression, 32), fact, remedy


LOST_GENERATORS = {"dropped": "so nothing of it runs here", "truth": "which is always true"}


def is_tried_out(function: Function, node: ast.AST) -> bool:
    """Whether a fault is there to see that it raises: in a block that asks for it, or in a function of a test that does."""
    outer = function.outer
    raised = [call for name in ("raises", *ASSERT_RAISES) for call in outer.calls.get(name, ())] if isinstance(outer, Function) else []
    return is_expected(function, node) or any(re.search("TypeError|AttributeError", ast.unparse(call)) for call in raised)


def is_iterated_too(function: Function, made: ast.expr) -> bool:
    """Whether `async for` runs over what an expression gives, by its name: nothing of it is lost then."""
    what = fate(function, made)
    uses = _reached(function, what.by) if what.what == "assigned" else ()
    return any(fate(where, use).what == "async iterated" for where, use in uses)


def is_async_iterator(scope: Scope, expression: ast.expr) -> bool:
    """Whether an expression gives an object for `async for` only."""
    made = scope.plain(expression)
    if isinstance(made, ast.Call) and not scope.calls_variable(made):
        name = last_name(made.func)
        if not scope.module.may_be_coroutine(name) and name not in scope.module.library_names("async iterator", "async generator"):
            return False
    given = value(scope, expression)
    if given is None or given.kind not in ("async generator", "instance"):
        return False
    known = knowledge.known_class(given.name) if given.kind == "instance" and given.name else None
    return given.kind == "async generator" or known is not None and known.iterates


ITERATING_NODES = (ast.For, *COMPREHENSIONS)
ITERATING = frozenset("list tuple set sorted sum any all next iter max min enumerate zip dict frozenset".split())


def _wrongly_used(function: Function) -> Iterator[tuple[ast.expr, str, str]]:
    """The expressions of a function that would be wrong as async generators, with what is wrong and what to do."""
    loops = [node.iter for node in function.every(ast.For)]
    loops += [one.iter for node in function.every(*COMPREHENSIONS) for one in node.generators if not one.is_async]
    yield from ((one, "which `for` cannot iterate", "use `async for`") for one in loops if isinstance(one, (ast.Call, ast.Name)))
    for name in ITERATING & function.calls.keys():
        remedy = "use `anext`" if name == "next" else "use `async for`"
        for call in function.calls[name]:
            if function.dotted(call.func) == name and call.args and isinstance(call.args[0], (ast.Call, ast.Name)):
                yield call.args[0], f"which `{name}` cannot iterate", remedy
    for call in (call for name in function.module.async_generators & function.calls.keys() for call in function.calls[name]):
        if fate(function, call).what == "awaited":
            yield call, "which cannot be awaited", "use `async for`"


@rule("ATX408", "wrong-with", "`{0}` is {1}; {2}", each="function", nodes=(ast.With, ast.AsyncWith))
def wrong_with(node: Function | ast.With | ast.AsyncWith, scope: Scope | None = None) -> Iterator[tuple[Any, ...]]:
    """The two protocols do not mix: entering raises, and a sync manager as decorator is left before the coroutine runs."""
    if isinstance(node, Function):
        if node.is_async and node.decorators and not node.is_plain:
            yield from _wrong_decorator(node)
    elif isinstance(scope, Function) and not scope.is_lambda and scope.module.serves_tests:
        is_async = isinstance(node, ast.AsyncWith)
        way, wrong, right = ("sync", "a sync", "with") if is_async else ("async", "an async", "async with")
        for context in (item.context_expr for item in node.items):
            if not may_be_entered_by(scope, context, way) or entered_by(scope, context) != way:
                continue
            if is_async and isinstance(context, ast.Call) and sync_check(scope, context) or is_tried_out(scope, node):
                continue
            if is_async and is_coroutine_made_manager(value(scope, context)):
                yield node, brief(context), "a `contextmanager` over an `async def`", "use `asynccontextmanager`"
            else:
                yield node, brief(context), f"{wrong} context manager", f"use `{right}`"


def is_coroutine_made_manager(given: Value | None) -> bool:
    """Whether `contextlib.contextmanager` stands on an async generator function: no statement enters what that gives."""
    return given is not None and isinstance(given.scope, Function) and given.scope.is_async


def _wrong_decorator(function: Function) -> Iterator[tuple[Any, ...]]:
    """A context manager of readable code as decorator of a coroutine function."""
    if not function.is_coroutine_function or not function.module.serves_tests:
        return
    for decorator in reversed(function.decorators):
        manager = value(function.outer, decorator) if isinstance(decorator, ast.Call) else None
        if not is_inert(function.outer, decorator) and (manager is None or manager.kind != "context"):
            return  # it may make a plain function of the coroutine function, for those above it
        if manager is not None and manager.kind == "context" and isinstance(manager.scope, Function):
            yield decorator, brief(decorator, 24), f"left before async `{brief_name(function.name, 24)}` runs", "enter it inside, by `with`"


def may_be_entered_by(scope: Scope, context: ast.expr, way: str) -> bool:
    """A first, cheap look: whether a manager for "sync" or "async" statements alone is of this file or a library, by its name.

    So no other file must be read: the fault is loud anyway.
    """
    if not isinstance(context, ast.Call):
        return True
    kinds = ("async manager", "async context", "awaitable context") if way == "async" else ("sync manager", "context")
    name = last_name(context.func)
    return name in scope.module.library_names(*kinds) or name in scope.module.definitions or scope.calls_variable(context)


def entered_by(scope: Scope, context: ast.expr) -> str:
    """Which statement alone enters a context manager: "sync" (`with`) or "async"; "" for both and for what is not known."""
    given = value(scope, context)
    if given is None:
        return ""
    if given.kind == "instance":
        return _instance_entered_by(given)
    return {"context": "sync", "async context": "async", "awaitable context": "async"}.get(given.kind, "")


def _instance_entered_by(instance: Value) -> str:
    """The same for an object: a library's by the knowledge table, one of readable code by its methods."""
    if isinstance(instance.scope, Class):
        if instance.scope.roots or instance.scope.is_special:
            return ""
        has_sync, has_async = (instance.scope.find_method(name) is not None for name in ("__enter__", "__aenter__"))
        return "" if has_sync == has_async else "sync" if has_sync else "async"
    known = knowledge.known_class(instance.name)
    return known.enters if known is not None and known.enters != "both" else ""


# What takes a function to call and drops what it returns: index and name of the argument, and what to use instead.
CALLBACKS = {
    "addfinalizer": (0, "finalizer", "clean up after `yield` in an async fixture"),
    "addCleanup": (0, "function", "use `IsolatedAsyncioTestCase`"),
    "callback": (0, "callback", "use `push_async_callback` of `AsyncExitStack`"),
    "add_done_callback": (0, "fn", "give it a plain function"),
    **{name: (0, "callback", "give it a plain function that starts a task") for name in ("call_soon", "call_soon_threadsafe")},
    **{name: (1, "callback", "give it a plain function that starts a task") for name in ("call_later", "call_at", "add_signal_handler")},
    "run_in_executor": (1, "func", "await it directly"),
    "to_thread": (0, "func", "await it directly"),
    "run_sync": (0, "func", "await it directly"),
    "Thread": (1, "target", "give it `asyncio.run` and the coroutine"),
    "Timer": (1, "function", "give it `asyncio.run` and the coroutine"),
    "register": (0, "func", "give it `asyncio.run` and the coroutine"),
}
CALLBACK_FUNCTIONS = frozenset(("asyncio.to_thread", "anyio.to_thread.run_sync", "threading.Thread", "threading.Timer", "atexit.register"))
LOOP_CALLBACKS = frozenset("call_soon call_soon_threadsafe call_later call_at add_signal_handler run_in_executor".split())


@rule("ATX409", "async-callback-never-awaited", "`{0}` never awaits `{1}`; {2}", calls=" ".join(CALLBACKS))
def async_callback_never_awaited(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Whoever calls it back does not await it: the clean-up or callback never runs, and the test passes."""
    if not scope.module.serves_tests or not drops_result(scope, call):
        return
    name = scope.module.renamed.get(last_name(call.func), last_name(call.func))
    index, keyword_name, remedy = CALLBACKS[name]
    given = argument(call, index, keyword_name)
    function = given
    while isinstance(function, ast.Call) and scope.dotted(function.func) == "functools.partial" and function.args:
        function = function.args[0]
    made = value(scope, function)
    result = called(made)
    if result is not None and result.kind == "coroutine" and made is not None and not is_expected(scope, call):
        yield call, name, ast.unparse(given)[:25], remedy


def last_name(function: ast.expr) -> str:
    """The last segment of what a call calls."""
    return getattr(function, "attr", None) or getattr(function, "id", "")


def drops_result(scope: Scope, call: ast.Call) -> bool:
    """Whether a call hands a function to somebody who is known to call it and to drop what it returns."""
    dotted, name = scope.dotted(call.func), last_name(call.func)
    if dotted in CALLBACK_FUNCTIONS:
        what = fate(scope, call)
        if dotted.startswith("threading.") and may_be_replaced_thread(scope.module, name):
            return False
        return not dotted.endswith(("to_thread", "run_sync")) or what.what == "awaited" and fate(scope, what.by).what == "dropped"
    if not isinstance(call.func, ast.Attribute) or dotted is not None:
        return False
    receiver = value(scope, call.func.value)
    if name == "addfinalizer":
        return isinstance(call.func.value, ast.Name) and call.func.value.id == "request"
    if name == "addCleanup":
        owner = receiver.scope if receiver is not None and receiver.kind == "instance" else None
        return isinstance(owner, Class) and is_plain_testcase(owner)
    if name == "callback":
        return receiver is not None and receiver.name in ("contextlib.ExitStack", "contextlib.AsyncExitStack")
    if name == "add_done_callback":
        return (
            receiver is not None and receiver.kind == "task" or receiver is not None and receiver.name in ("asyncio.Task", "asyncio.Future")
        )
    if name not in LOOP_CALLBACKS or name == "run_in_executor" and not is_executor_result_dropped(scope, call):
        return False
    return receiver is not None and receiver.name == "asyncio.AbstractEventLoop"


def may_be_replaced_thread(module: Module, name: str) -> bool:
    """Whether code in sight replaces a class of `threading`, or the file is about Pyodide, where no thread starts."""
    if name in module.replaced_names or any(name in one.patched_libraries for one in module.with_conftests):
        return True
    return any("pyodide" in word.lower() for word in (*module.imports, *module.definitions))


def is_executor_result_dropped(scope: Scope, call: ast.Call) -> bool:
    what = fate(scope, call)
    return what.what == "dropped" or what.what == "awaited" and fate(scope, what.by).what == "dropped"


@rule("ATX410", "awaited-sync-call", "`{0}` of `{1}` is not to be awaited; {2}", nodes=(ast.Await,), of=(ast.Call,))
def awaited_sync_call(node: ast.Await, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """It fails with a TypeError about `await`; behind an AsyncMock it passes, and the code that it tests does not work."""
    call = node.value
    if not isinstance(call.func, ast.Attribute) or not scope.module.serves_tests:
        return
    if call.func.attr not in scope.module.library_names("sync", "context", "async context", "either context"):
        return
    if isinstance(call.func.value, ast.Name) and not scope.is_variable(call.func.value):
        return
    method = value(scope, call.func)
    if method is None or method.kind != "method" or is_expected(scope, node) or is_tampered(scope, call.func.value):
        return
    callee, owner = method.result, method.name.rpartition(".")[0]
    if knowledge.vain_await(callee):
        yield node, call.func.attr + "()", owner, "drop the `await`"
    elif callee.kind in ("async context", "context", "either context"):
        yield node, call.func.attr + "()", owner, "use `async with`" if callee.kind != "context" else "use `with`"


# What a test does when it ends or breaks something: what it leaves behind may well fail.
STOPPING = re.compile(r"cancel|stop|close|terminat|kill|shut|abort|disconnect|drain|exit|teardown|cleanup|crash|interrupt")


@rule("ATX411", "gather-hides-failures",
      "nobody reads what this `gather` returns, so failures are hidden; leave out `return_exceptions`",
      calls="gather")  # fmt: skip
def gather_hides_failures(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """What the coroutines raise, failed assertions included, is an element of a list at which nobody looks."""
    test = test_around(scope)
    if test is None or scope.dotted(call.func) != "asyncio.gather" or scope.constant(keyword(call, "return_exceptions")) is not True:
        return
    waiting = awaiting(scope, call)
    if waiting is None or not is_unread(scope, waiting) or not all(is_coroutine_argument(scope, given) for given in call.args):
        return
    if is_cleanup(scope, call) or stops_something(test) or raises_on_purpose(test):
        return
    if is_failure_lost(scope, call, coroutines_gathered(scope, call), names_bound(scope, fate(scope, waiting)) or ()):
        yield (call,)


def coroutines_gathered(scope: Scope, gather: ast.Call) -> list[ast.expr]:
    """The coroutines that `gather` is given: on the spot, in a list, in a comprehension, each perhaps in a task."""
    given = [scope.plain(one.value) if isinstance(one, ast.Starred) else one for one in gather.args]
    several = [made for one in given for made in getattr(one, "elts", [getattr(one, "elt", one)])]
    return [argument(one, 0, "coro") or one if spawns(scope, one) else one for one in several]


# Names of tests in which something is meant to fail.
FAILING = re.compile(r"error|exception|rais(es|ing)|fail(s|ed|ing)(_|$)|invalid|refus|reject")


def is_failure_lost(scope: Scope, wait: ast.Call, coroutines: list[ast.expr], told: Iterable[str]) -> bool:
    """Whether the failure of a coroutine is sure to be missed: it holds assertions, or it works and nothing is asserted afterwards.

    Assertions on the names `told` say nothing of that: they hold the tasks, or what the wait for them gives.
    """
    test, calls = test_around(scope), [scope.plain(one) for one in coroutines]
    if test is None or FAILING.search(test.name) or not calls or not all(isinstance(one, ast.Call) for one in calls):
        return False
    made = [function_called(scope, one) for one in calls]
    own = [one for one in made if one is not None and one.module.serves_tests]
    if any(one.every(ast.Raise) or re.search(r"/ 0(?![.\d])", ast.unparse(one.node)) for one in own):
        return False
    if any(one.assertions for one in own):
        return True
    return all(does_work(scope, call, one) for call, one in zip(calls, made)) and not is_effect_asserted(test, scope, wait, told)


def function_called(scope: Scope, call: ast.Call) -> Function | None:
    """The function or method that a call calls, if it can be read."""
    function = value(scope, call.func)
    made = function.scope if function is not None else scope.definition(call.func)
    return made if isinstance(made, Function) else None


# Methods of a test's own lists, events and queues.
KEEPING = frozenset("append add set is_set put_nowait acquire release".split())


def does_work(scope: Scope, call: ast.Call, made: Function | None) -> bool:
    """Whether a coroutine runs code under test: it is none of the tests' own, or calls something beside the standard library."""
    if made is None or not made.module.serves_tests:
        return is_called_outside(scope, call)
    return any(is_called_outside(made, one) for name, calls in made.calls.items() for one in calls if name not in KEEPING)


def is_called_outside(scope: Scope, call: ast.Call) -> bool:
    """Whether a call is none of a built-in function or of the standard library, and no mere wait."""
    if isinstance(call.func, ast.Name) and scope.lookup(call.func) is None:
        return not hasattr(builtins, call.func.id)
    root = (scope.dotted(call.func) or "").partition(".")[0]
    return last_name(call.func) not in ONLY_WAITS and root not in stdlib_module_names


CHECKING = frozenset("raises wait_for timeout timeout_at fail_after".split())


def is_effect_asserted(test: Function, scope: Scope, wait: ast.Call, told: Iterable[str]) -> bool:
    """Whether a test checks anything after a wait that the tasks may have brought about."""
    names = {
        *told,
        *(loop.target.id for loop in scope.every(ast.For) if isinstance(loop.target, ast.Name) and attribute_path(loop.iter) in told),
    }
    spared = [use for name in names for use in scope.uses(name)]
    for one in (test, *inner_scopes(test)):
        later = [check for check in getattr(one, "assertions", ()) if start(check) > start(wait)]
        if any(not any(check in one.ancestors(use) for use in spared) for check in later):
            return True
    helpers = test.module.asserting_helpers.keys() | {one.name for one in test.functions if one.assertions} | CHECKING
    called = [
        call for one in (test, *inner_scopes(test)) for name in (helpers - {scope.name}) & one.calls.keys() for call in one.calls[name]
    ]
    return any(start(call) > start(wait) for call in called)


def is_coroutine_argument(scope: Scope, given: ast.expr) -> bool:
    """Whether an argument of gather is made on the spot, by a call or several: no task that was there before."""
    if not isinstance(given, ast.Starred):
        return isinstance(given, ast.Call) and last_name(given.func) not in NO_COROUTINES
    several = scope.plain(given.value)
    if isinstance(several, (ast.List, ast.Tuple)):
        return all(isinstance(one, ast.Call) and not spawns(scope, one) for one in several.elts)
    made = getattr(several, "elt", None)
    return isinstance(made, ast.Call) and last_name(made.func) not in NO_COROUTINES and not spawns(scope, made)


NO_COROUTINES = frozenset(("run_in_executor", "submit"))


def is_cleanup(scope: Scope, node: ast.AST) -> bool:
    """Whether a node stands in an `except` or `finally` block."""
    return any(isinstance(block, ast.ExceptHandler) or field == "finalbody" for block, field in blocks(scope, node))


def stops_something(test: Function) -> bool:
    """Whether a test cancels, stops or breaks anything."""
    return any(STOPPING.search(name) for one in (test, *inner_scopes(test)) for name in one.calls)


def raises_on_purpose(test: Function) -> bool:
    """Whether a test brings code that raises: failures are what it is about."""
    if any(inner.every(ast.Raise) for inner in inner_scopes(test)) or any("side_effect" in path for path in test.stored):
        return True
    return any(keyword(call, "side_effect") is not None for calls in test.calls.values() for call in calls)


@rule("ATX412", "wait-hides-failures", "{0}", calls="wait as_completed")
def wait_hides_failures(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """`wait` raises nothing: the tasks that it waits for may all have failed, and a time limit may have passed."""
    dotted = scope.dotted(call.func)
    if test_around(scope) is None or dotted not in ("asyncio.wait", "asyncio.as_completed"):
        return
    tasks = list(tasks_given(scope, argument(call, 0, "fs")))
    if dotted == "asyncio.as_completed":
        if fate(scope, call).what == "iterated" and not is_outcome_read(scope, call):
            yield call, "nobody awaits what this `as_completed` yields, so failures are hidden; await each"
    elif any((given := value(scope, one)) is not None and given.kind == "coroutine" for one in tasks):
        if not is_expected(scope, call) and not depends_on_version(scope, call):
            yield call, "`asyncio.wait` takes no coroutines since Python 3.11; wrap each in a task, or use `gather`"
    elif tasks and awaiting(scope, call) is not None and all(is_own_task(scope, one) for one in tasks):
        if not is_cleanup(scope, call) and not is_expected_to_hang(scope, call) and all(hides_failure(scope, one, call) for one in tasks):
            if not is_wait_tried_out(scope, call) and is_failure_lost(scope, call, *coroutines_in(scope, call, tasks)):
                yield call, "nobody reads how the tasks in this `wait` ended, so failures are hidden; use `gather`"


def is_wait_tried_out(scope: Scope, wait: ast.Call) -> bool:
    """Whether a wait is the subject of its test, by its name or the file's, or only lets the tasks start: `timeout=0`."""
    test, path = test_around(scope), scope.module.path
    names = f"{path.stem if path else ''} {test.name if test else ''}"
    return "asyncio_wait" in names or scope.constant(keyword(wait, "timeout")) == 0


def coroutines_in(scope: Scope, wait: ast.Call, tasks: Iterable[ast.expr]) -> tuple[list[ast.expr], list[str]]:
    """The coroutines in the tasks of a wait, and the names that tell how these are: what holds them, what the wait gives."""
    made = [one[1] for task in tasks if (one := maker(scope, task)) is not None]
    given, waiting = argument(wait, 0, "fs"), awaiting(scope, wait)
    told = [one.id for one in (given, *tasks) if isinstance(one, ast.Name)]
    told += (names_bound(scope, fate(scope, waiting)) if waiting is not None else None) or ()
    return [call.args[0] if call.args else call for call in made], told


def depends_on_version(scope: Scope, node: ast.AST) -> bool:
    """Whether code runs on some versions of Python only."""
    return any(isinstance(block, ast.If) and "version_info" in ast.unparse(block.test) for block, _ in blocks(scope, node))


def tasks_given(scope: Scope, given: ast.expr | None) -> Iterator[ast.expr]:
    """The expressions that put tasks into a container."""
    name, given = given, scope.plain(given)
    if isinstance(given, ast.Call) and scope.dotted(given.func) in ("list", "set", "tuple") and len(given.args) <= 1:
        given = scope.plain(given.args[0]) if given.args else ast.List([])
    if isinstance(given, (ast.List, ast.Set, ast.Tuple)):
        yield from given.elts
    elif isinstance(given, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        yield given.elt
    for use in scope.uses(name.id) if isinstance(name, ast.Name) else ():
        read = scope.parent(use)
        if isinstance(read, ast.Attribute) and read.attr in ("append", "add") and isinstance(added := scope.parent(read), ast.Call):
            yield from added.args


def is_own_task(scope: Scope, task: ast.expr) -> bool:
    """Whether the function itself makes a task that an expression gives."""
    made = maker(scope, task)
    return made is not None and made[0] is scope and spawns(*made) and not is_guarded(*made)


def is_guarded(scope: Scope, call: ast.Call) -> bool:
    """Whether a wrapper of the project makes a task of more than the coroutine that it is given: that may deal with failures."""
    made = None if is_spawned(scope, call) else scope.definition(call.func)
    returned = [node.value for node in made.every(ast.Return)] if isinstance(made, Function) else []
    return any(
        isinstance(one, ast.Call) and is_spawned(made, one) and not isinstance(argument(one, 0, "coro"), ast.Name) for one in returned
    )


def is_expected_to_hang(scope: Scope, wait: ast.Call) -> bool:
    """Whether the test says that the tasks are not done when the time is up: `assert not done`, `assert pending`."""
    waiting = awaiting(scope, wait)
    done, pending = [*((waiting and names_bound(scope, fate(scope, waiting))) or ()), "-", "-"][:2]
    no = rf"assert not ({done}\b|\w+\.done\(\))|self\.assertFalse\((bool\()?({done}\b|\w+\.done\(\))"
    return any(re.match(rf"{no}|assert {pending}\b|self\.assert\w+\({pending}\b", ast.unparse(one))
               for one in statements_after(scope, scope.statement(wait))[:2])  # fmt: skip


# Coroutines that only wait: that they failed is no news.
ONLY_WAITS = frozenset(("sleep", "wait", "wait_closed"))


def hides_failure(scope: Scope, task: ast.expr, wait: ast.Call) -> bool:
    """Whether a task may fail without anybody seeing it; the last wait for it speaks, unless it was cancelled before."""
    made = maker(scope, task)
    coroutine = made[1].args[0] if made is not None and made[1].args else None
    if isinstance(coroutine, ast.Call) and (last_name(coroutine.func) in ONLY_WAITS or waits_for_event(scope, coroutine)):
        return False
    if any(start(one) < start(wait) for one in scope.calls.get("cancel", ())) or leaves_something(scope, coroutine, wait):
        return False
    if isinstance(task, ast.Name):
        if any(_is_cancelled_or_waited_again(scope, use, wait) for use in scope.uses(task.id)):
            return False
        return not any(is_outcome_read(where, use) for where, use in uses_with_scope(scope, task.id))
    return not is_outcome_read(scope, task)


def leaves_something(scope: Scope, coroutine: ast.expr | None, wait: ast.Call) -> bool:
    """Whether a coroutine function of the test sets a `nonlocal` name, or an event, that the test reads after the wait."""
    made = scope.definition(coroutine.func) if isinstance(coroutine, ast.Call) else None
    if not isinstance(made, Function) or made.outer is not scope:
        return False
    events = {root.id for call in made.calls.get("set", ()) if (root := root_name(call.func)) is not None and not call.args}
    later = [use for name in events for use in scope.uses(name) if getattr(scope.parent(use), "attr", "") == "is_set"]
    later += [use for name in (made.shared_names if made.nodes.get(ast.Nonlocal) else ()) for use in scope.uses(name)]
    return any(start(use) > start(wait) for use in later)


def _is_cancelled_or_waited_again(scope: Scope, use: ast.Name, wait: ast.Call) -> bool:
    above = scope.parent(use)
    if isinstance(above, ast.Attribute) and above.attr == "cancel":
        return start(use) < start(wait)
    return any(isinstance(one, ast.Call) and one is not wait and scope.dotted(one.func) == "asyncio.wait" and start(one) > start(wait)
               for one in scope.ancestors(use))  # fmt: skip


# Blocks that are left in silence when time runs out.
MOVING_ON = frozenset(f"{library}.move_on_{when}" for library in ("anyio", "trio") for when in ("after", "at"))


@rule("ATX413", "timeout-swallows-assertions",
      "`{0}` hides that time ran out, and no later check tells; let the timeout fail the test",
      nodes=(ast.With, ast.AsyncWith, ast.Try))  # fmt: skip
def timeout_swallows_assertions(node: ast.With | ast.AsyncWith | ast.Try, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A test that is too slow, or waits for what never comes, skips its own assertions and passes."""
    if not isinstance(scope, Function) or not scope.is_test or not scope.is_async or getattr(node, "orelse", ()) or is_looped(scope, node):
        return
    if any(isinstance(one.test, ast.Constant) and is_in_body(scope, one, node) for one in scope.every(ast.While)):
        return  # that only the timeout ends
    limit = swallows(scope, node, ("TimeoutError",)) or moves_on(scope, node)
    if limit and (may_be_cut_off(scope, node) or is_only_check(scope, node)) and not is_asserted_after(scope, node):
        yield node, limit


def moves_on(scope: Function, node: ast.AST) -> str:
    """The call that leaves a block in silence when time runs out; "" if there is none or its scope is looked at."""
    for item in getattr(node, "items", ()):
        call, name = item.context_expr, item.optional_vars
        if isinstance(call, ast.Call) and scope.dotted(call.func) in MOVING_ON:
            reads = scope.uses(name.id) if isinstance(name, ast.Name) else ()
            if all(getattr(scope.parent(use), "attr", "") in ("cancel", "deadline", "shield") for use in reads):
                return last_name(call.func)
    return ""


# A statement that fails whatever happened.
FAILS = r"assert False|(pytest|self)\.fail|self\.assert(True\((False|0|None)|False\((True|1))\b"


def may_be_cut_off(scope: Function, block: ast.AST) -> bool:
    """Whether an assertion in a block follows something awaited there."""
    waits = [one for one in scope.every(ast.Await, ast.AsyncFor, ast.AsyncWith) if is_in_body(scope, one, block)]
    asserted = [one for one in scope.every(ast.Assert, ast.Expr) if is_assertion(one) and is_in_body(scope, one, block)]
    if any(re.match(FAILS, ast.unparse(one)) for one in asserted):
        return False  # time is meant to run out before that
    awaited = [ast.unparse(one) for one in waits if isinstance(one, ast.Await)]
    if awaited == [re.sub("^assert not ", "", ast.unparse(one)) for one in asserted]:
        return False  # nothing is meant to come
    if is_meant_to_run_out(scope, block):
        return False
    return any(start(wait) < end(one) for wait in waits for one in asserted)


def is_meant_to_run_out(scope: Function, block: Any) -> bool:
    """Whether a block sleeps for ever, or longer than its own limit."""
    limits = [scope.constant(argument(item.context_expr, 0, "seconds")) for item in getattr(block, "items", ())
              if isinstance(item.context_expr, ast.Call)]  # fmt: skip
    least = min((one for one in limits if isinstance(one, (int, float))), default=float("inf"))
    sleeps = [call for name in ("sleep", "sleep_forever") for call in scope.calls.get(name, ()) if is_in_body(scope, call, block)]
    times = [scope.constant(argument(call, 0, "seconds")) if call.args else float("inf") for call in sleeps]
    return any(isinstance(one, (int, float)) and one >= least for one in times)


def is_only_check(scope: Function, block: ast.AST) -> bool:
    """Whether a test that asserts nothing waits in a block, by wait_for, for what is bound to come."""
    if (
        any(is_assertion(one) for part in (scope, *inner_scopes(scope)) for one in part.every(ast.Assert, ast.Expr))
        or "raises" in scope.calls
    ):
        return False
    waits = [call.args[0] for call in scope.calls_to("asyncio.wait_for") if call.args and is_in_body(scope, call, block)]
    return any(isinstance(one, ast.Call) and waits_for_event(scope, one) for one in waits)


def waits_for_event(scope: Scope, call: ast.Call) -> bool:
    """Whether a call waits until somebody acts on an asyncio primitive: `event.wait()`, `queue.get()`."""
    made = maker(scope, call.func.value) if isinstance(call.func, ast.Attribute) else None
    return made is not None and call.func.attr in WAITS.get(made[0].dotted(made[1].func) or "", ((), ()))[0]


def is_in_body(scope: Function, node: ast.AST, block: ast.AST) -> bool:
    return any(around is block and field == "body" for around, field in blocks(scope, node))


def is_asserted_after(scope: Function, block: Any) -> bool:
    """Whether anything that follows a block may fail when the block was cut off."""
    after = [one for one in scope.every(ast.Assert, ast.Expr) if start(one) > end(block) and is_assertion(one)]
    contexts = [one for one in scope.every(ast.With, ast.AsyncWith) if start(one) > end(block) and "raises" in ast.unparse(one.items[0])]
    return bool(after or contexts) or is_checked_later(scope, block)


# A warning of the kind that a filter must not hide; the name stands for any coroutine.
NEVER_AWAITED = "coroutine 'test_anything.<locals>.anything' was never awaited"


@rule("ATX414", "silenced-never-awaited-warning",
      "`{0}` hides every missing await; name the one coroutine in the filter",
      each="module", calls="filterwarnings simplefilter addinivalue_line")  # fmt: skip
def silenced_never_awaited_warning(subject: Module | ast.Call, scope: Scope | None = None) -> Iterator[tuple[Any, ...]]:
    """Every coroutine that is not awaited stays silent then, also under `-W error`, which would fail the test."""
    if isinstance(subject, Module):
        if is_top_conftest(subject) and all(hiding_filter(reading.lines("filterwarnings")) for reading in subject.project.readings):
            yield subject.node, hiding_filter(subject.project.readings[0].lines("filterwarnings"))[:40]
        return
    assert scope is not None
    if scope.module.serves_tests and (hidden := filter_written(subject, scope)) and not is_about_warnings(scope, subject):
        yield subject, hidden[:40]


def filter_written(call: ast.Call, scope: Scope) -> str:
    """A filter of warnings that a call or mark adds, as text, if it hides every coroutine that is not awaited."""
    name, words = last_name(call.func), [scope.constant(one) for one in call.args]
    if scope.dotted(call.func) == "pytest.mark.filterwarnings" or name == "addinivalue_line" and words[:1] == ["filterwarnings"]:
        return hiding_filter([text for text in words if isinstance(text, str) and text.strip(": ") != "ignore"])
    if not isinstance(scope, Function) or scope.dotted(call.func) not in ("warnings.filterwarnings", "warnings.simplefilter"):
        return ""  # pytest drops the filters that a module sets while it is imported
    if not scope.module.is_test_file and any(map(is_main, scope.module.every(ast.If))):
        return ""  # a script, which runs in a process of its own
    category = argument(call, 2 if name == "filterwarnings" else 1, "category")
    message = argument(call, 1, "message") if name == "filterwarnings" else None
    parts = [
        scope.constant(argument(call, 0, "action")),
        scope.constant(message) if message else "",
        ast.unparse(category) if category else "",
    ]
    if not all(isinstance(part, str) for part in parts) or len([*call.args, *call.keywords]) != sum(map(bool, parts)):
        return ""
    return "" if not parts[1] and is_caught(scope, call) else hiding_filter([":".join(parts)])


def is_main(branch: ast.If) -> bool:
    """`if __name__ == "__main__":`, which runs in a script alone."""
    return "__main__" in ast.unparse(branch.test)


def is_caught(scope: Scope, call: ast.Call) -> bool:
    """Whether a filter ends with a `catch_warnings` block around it."""
    return any("catch_warnings" in ast.unparse(context) for context in with_items(scope, call))


def hiding_filter(lines: Sequence[str]) -> str:
    """The filter, of several in pytest's notation, that hides every coroutine that is not awaited; the last one decides."""
    for line in reversed(lines):
        action, _, rest = line.partition(":")
        message, _, rest = rest.partition(":")
        category, _, module = rest.partition(":")
        if category.strip() not in ("", "RuntimeWarning", "Warning") or module.strip(": ") or not _may_match(message):
            continue
        return line if action.strip() == "ignore" else ""
    return ""


def _may_match(message: str) -> bool:
    try:
        return re.match(message, NEVER_AWAITED, re.IGNORECASE) is not None
    except (re.error, OverflowError, RecursionError, Warning):  # a Warning where warnings are errors
        return False


def is_about_warnings(scope: Scope, call: ast.Call) -> bool:
    """Whether the function that a filter serves is there for that warning, or expects what leaves coroutines behind."""
    above = scope.parent(call)
    served = scope.module.scopes.get(above, scope) if above is not None else scope
    if re.search(r"warn|(un|never_|not_)awaited", served.name) or {"raises", "warns", "assertRaises"} & served.calls.keys():
        return True
    return isinstance(served, Function) and "recwarn" in served.requested


@rule("ATX415", "coroutine-in-parametrize",
      "coroutine `{0}` can be awaited only once; pass the function, and call it in the test",
      each="module")  # fmt: skip
def coroutine_in_parametrize(module: Module) -> Iterator[tuple[Any, ...]]:
    """The second test that awaits it gets a RuntimeError (which `raises(RuntimeError)` takes for success)."""
    if not module.is_test_file and not module.is_conftest:
        return
    for scope in (module, *module.all_classes):
        yield from coroutine_constants(scope)
    for function in module.all_functions:
        for mark in function.marks if function.is_test or function.fixture else ():
            given = argument(mark.call, 1, "argvalues") if mark.name == "parametrize" and mark.call else None
            if mark.scope.module is module and (made := coroutine_among(mark.scope, given)):
                yield mark.node, ast.unparse(made)[:25]
        if function.fixture and (made := coroutine_of_fixture(function)):
            yield function.fixture.node, ast.unparse(made)[:25]


def coroutine_among(scope: Scope, given: ast.expr | None, depth: int = 4) -> ast.expr | None:
    """The first coroutine in a list of parameters, in tuples and `pytest.param` too."""
    given = scope.plain(given)
    parts = getattr(given, "elts", ())
    if isinstance(given, ast.Call) and scope.dotted(given.func) == "pytest.param":
        parts = given.args
    if parts:
        return next((made for one in parts if (made := coroutine_among(scope, one, depth - 1))), None) if depth else None
    if not isinstance(given, ast.Call) or not (scope.module.may_be_coroutine(last_name(given.func)) or scope.calls_variable(given)):
        return None
    made = value(scope, given)
    return given if made is not None and made.kind == "coroutine" else None


def coroutine_constants(scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Names of a module or class body that are bound to a coroutine and used by functions."""
    for name, binding in scope.constants.items():
        if not (made := coroutine_among(scope, binding.value)):
            continue
        uses = scope.uses(name) if isinstance(scope, Module) else []
        if isinstance(scope, Class) or any(isinstance(scope_of(scope.module, use), Function) for use in uses):
            yield binding.node, ast.unparse(made)[:25]


def coroutine_of_fixture(fixture: Function) -> ast.expr | None:
    """The coroutine in a fixture's `params`, or that a fixture of a wide scope hands to several tests."""
    if made := coroutine_among(fixture.outer, fixture.fixture.argument("params")):
        return made
    if fixture.is_async or fixture.fixture.scope not in ("class", "module", "package", "session"):
        return None
    given = [node.value for node in fixture.yields or fixture.every(ast.Return)]
    return next((one for one in given if (made := value(fixture, one)) is not None and made.kind == "coroutine"), None)


HANDLERS = frozenset(("asyncio.start_server", "asyncio.start_unix_server"))


@rule("ATX416", "assertion-in-forgotten-task", "`{0}` runs {1}: this assertion cannot fail the test; {2}", each="test")
def assertion_in_forgotten_task(test: Function) -> Iterator[tuple[Any, ...]]:
    """What a task or callback raises is a line in the log, unless somebody asks for it."""
    for function in helpers_called(test):
        where = runs_forgotten(test, function)
        if where and not is_watched(test) and not any(shows_later(test, function, one) for one in function.assertions):
            yield function.assertions[0], function.name[:25], where, "await it" if "task" in where else "assert in the test"


def is_watched(test: Function) -> bool:
    """Whether a test may look at what its tasks raise by other means: `asyncio.wait`, the loop's handler, the log."""
    return bool(test.calls_to("asyncio.wait")) or "set_exception_handler" in test.calls or "caplog" in test.requested


def helpers_called(test: Function) -> Iterator[Function]:
    """Functions inside a test, and functions of its module that it names, as far as they assert anything."""
    yield from (function for function in test.functions if function.assertions)
    helpers = test.module.asserting_helpers
    yield from (helpers[name] for name in (helpers.keys() & {name.id for name in test.facts.every_load} if helpers else ()))


def runs_forgotten(test: Function, function: Function) -> str:
    """How a function runs so that nobody sees how it ended: "in a task ...", "as a callback"; "" if anybody may."""
    if any(isinstance(test.parent(call), ast.Await) for call in test.calls.get(function.name, ()) if isinstance(call.func, ast.Name)):
        return ""  # most helpers: one look, before all uses in the file are gathered
    uses = [(scope_of(test.module, use), use) for use in _uses_inside(test, function)]
    if not uses or not function.is_plain:
        return ""
    found = {_forgotten_use(scope, use, function) for scope, use in uses}
    return "" if "" in found or not found else min(found)


def _uses_inside(test: Function, function: Function) -> list[ast.Name]:
    """Where a test and the functions inside it name a function of the test or of its module."""
    return test.uses(function.name) if function.outer is test else _nested_uses(test, function.name)


def _forgotten_use(scope: Scope, use: ast.Name, function: Function) -> str:
    what = fate(scope, use)
    if what.what == "called" and function.is_coroutine_function:
        started = fate(scope, what.by)
        if started.what != "argument" or not spawns(scope, started.by) or has_own_finding(scope, started.by):
            return ""
        return "" if is_outcome_read(scope, started.by) else "in a task nobody awaits"
    if what.what != "argument" or not isinstance(what.by, ast.Call):
        return ""
    if scope.dotted(what.by.func) in HANDLERS:
        return "as a callback"
    is_callback = last_name(what.by.func) in LOOP_CALLBACKS | {"add_done_callback"} and not isinstance(scope.parent(what.by), ast.Await)
    return "as a callback" if is_callback and not function.is_async and drops_result(scope, what.by) else ""


def has_own_finding(scope: Scope, call: ast.Call) -> bool:
    """Whether ATX605 reports the task that a call makes."""
    return any(True for _ in forgotten_task(call, scope))


def shows_later(test: Function, function: Function, assertion: ast.AST) -> bool:
    """Whether a failed assertion shows in what a function does not do any more: what follows touches the world outside."""
    loops = {part for above in function.ancestors(assertion) if isinstance(above, LOOPS) for part in above.body}
    done = [block for block, field in blocks(function, assertion) if isinstance(block, ast.Try) and field == "body" and block.finalbody]
    for use in (*function.facts.every_load, *function.facts.targets):
        is_after = start(use) > end(assertion) and not any(is_in_finally(function, use, block) for block in done)
        if (is_after or not loops.isdisjoint(function.ancestors(use))) and is_outside(function, use, never_reads(test)):
            return True
    return False


def is_in_finally(function: Function, node: ast.AST, block: ast.AST) -> bool:
    return any(around is block and field == "finalbody" for around, field in blocks(function, node))


def never_reads(test: Function) -> bool:
    """Whether a test opens its connection itself and reads nothing from it: what a handler does not answer is not missed."""
    return bool(test.calls_to("asyncio.open_connection")) and not any(name.startswith("read") for name in test.calls)


def is_outside(function: Function, use: ast.Name, deaf: bool) -> bool:
    """Whether a name stands for something that others see too: a variable of an outer scope, or a parameter unless the test is deaf to it."""
    found = function.lookup(use)
    if found is None:
        return use.id not in BUILTINS
    scope, bindings = found
    if scope is function:
        return any(binding.how == "other" or binding.how == "parameter" and not deaf for binding in bindings)
    return any(binding.how not in ("import", "definition") for binding in bindings)


# --------------------------------------------------------------------------------------------------------------------
# ATX5 HTTP clients and apps
# --------------------------------------------------------------------------------------------------------------------


TIME_LIMITS = frozenset((
    "asyncio.timeout", "asyncio.timeout_at", "async_timeout.timeout", "async_timeout.timeout_at",
    "anyio.fail_after", "anyio.move_on_after",
    "trio.fail_after", "trio.move_on_after", "asyncio.timeouts.timeout",
))  # fmt: skip


def has_time_limit(scope: Scope, node: ast.AST) -> bool:
    """Whether a timeout ends what a node waits for: a block around it, the test's mark, pytest-timeout's settings.

    What `wait_for` is given is not awaited itself, and none of the nodes that are asked about.
    """
    for context in with_items(scope, node):
        call = context if isinstance(context, ast.Call) else None
        dotted = scope.dotted(call.func) if call else None
        if dotted in TIME_LIMITS or dotted is None and "timeout" in ast.unparse(context).lower():
            return True
    return is_run_under_timeout(scope)


def is_run_under_timeout(scope: Scope) -> bool:
    """Whether pytest-timeout, or a base class of a suite's own, limits a test, as far as can be seen."""
    owner = scope.owner if isinstance(scope, Function) else None
    if owner and (owner.is_special or owner.roots and not owner.is_testcase):
        return True
    if isinstance(scope, Function) and any(not is_inert(scope.outer, decorator) for decorator in scope.decorators):
        return True
    if any(mark.name in ("timeout", "async_timeout") for mark in getattr(scope, "marks", ())):
        return True
    project = scope.module.project
    return project is not None and any(reading.has_timeout for reading in project.readings)


def is_expected(scope: Scope, node: ast.AST) -> bool:
    """Whether a node stands in a block that asks for an exception: what fails there does so on purpose."""
    for block, field in blocks(scope, node):
        if isinstance(block, ast.Try) and field == "body" and block.handlers:
            return True
    return any(
        re.search(r"raises|suppress|warns", ast.unparse(getattr(context, "func", context)), re.IGNORECASE)
        for context in with_items(scope, node)
    )


def replaces(scope: Scope, words: str) -> bool:
    """Whether anything that can be seen from a function patches a name that matches (`time.sleep`, by string or
    object).
    """
    for one in (scope, *(scope.closest_fixtures if isinstance(scope, Function) else ())):
        calls = [call for name in ("patch", "object", "setattr", "dict", "multiple") for call in one.calls.get(name, ())
                 if not is_http_request(one, call)]  # fmt: skip
        calls += [
            decorator for decorator in getattr(one, "decorators", ()) if "patch" in ast.unparse(getattr(decorator, "func", decorator))
        ]
        if any(re.search(words, ast.unparse(call)) for call in calls):
            return True
    return False


def is_http_request(scope: Scope, call: ast.Call) -> bool:
    """Whether a call called `patch` is one of an HTTP client, which sends a PATCH."""
    made = maker(scope, call.func.value) if isinstance(call.func, ast.Attribute) and call.func.attr == "patch" else None
    return made is not None and made[0].dotted(made[1].func) in HTTP_CLIENTS


def _fixtures_asked_for(function: Function) -> list[Function]:
    filled = parametrized(function, indirect=False)
    names = [name for name in function.requested if name not in filled]
    for mark in function.marks:
        if mark.name == "usefixtures" and mark.call:
            names += [name for given in mark.call.args if isinstance(name := mark.scope.constant(given), str)]
    return [fixture for name in names if (fixture := find_fixture(function, name)) is not None]


def _autouse(function: Function) -> list[Function]:
    several = [*function.module.with_conftests, *([function.owner] if function.owner else ())]
    return [fixture for one in several for fixture in one.autouse_fixtures]


HTTP_CLIENTS = {f"{library}.{name}" for library in ("httpx", "httpx2") for name in ("AsyncClient", "Client")}
MODERN = ("httpx", "0.28")  # the release that removed what earlier ones only warned of


@rule("ATX501", "removed-app-argument", "`{0}` takes no `app`; pass `transport={1}(app=...)`", calls="AsyncClient Client")
def removed_app_argument(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """httpx 0.28 removed the shortcut (httpx2 never had it): the client cannot be made, so every user of it errors."""
    if keyword(call, "app") is None or (dotted := scope.dotted(call.func)) not in HTTP_CLIENTS:
        return
    project = scope.module.project
    if not is_expected(scope, call) and not (project and dotted.startswith("httpx.") and project.kept_below(*MODERN)):
        yield call, dotted, "ASGITransport" if dotted.endswith("AsyncClient") else "WSGITransport"


REQUESTS = {"get": 0, "post": 0, "put": 0, "patch": 0, "delete": 0, "head": 0, "options": 0, "request": 1, "stream": 1}


@rule("ATX502", "relative-url-without-base-url", "`{0}` is relative and the client has no `base_url`; give it one",
      calls=" ".join(REQUESTS))  # fmt: skip
def relative_url_without_base_url(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """httpx refuses such a URL on any transport; httpx2 accepts it when a transport other than the network's is
    given.
    """
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    url = literal_start(scope, argument(call, REQUESTS[method], "url")) if method in REQUESTS else None
    if not scope.module.serves_tests:
        return
    if not url or not url.startswith("/") or url.startswith("//") or (made := maker(scope, call.func.value)) is None:
        return
    where, construction = made
    dotted = where.dotted(construction.func)
    given = {word.arg for word in construction.keywords}
    if dotted not in HTTP_CLIENTS or given & {"base_url", "app", None} or dotted.startswith("httpx2.") and given & {"transport", "mounts"}:
        return
    if not is_expected(scope, call) and not is_tampered(scope, call.func.value) and not is_tampered_where_made(where, construction):
        yield call, url[:40]


def literal_start(scope: Scope, expression: ast.expr | None) -> str | None:
    """The text that a string literal, or the literal beginning of an f-string, starts with."""
    if isinstance(expression, ast.JoinedStr) and expression.values:
        expression = expression.values[0]
    text = scope.constant(expression)
    return text if isinstance(text, str) else None


def is_tampered_where_made(where: Scope, construction: ast.Call) -> bool:
    """Whether the name that a construction is bound to is changed there."""
    above = where.parent(construction)
    target = getattr(above, "optional_vars", None) or next(iter(getattr(above, "targets", ())), None)
    return isinstance(target, ast.Name) and is_tampered(where, target)


def is_tampered(scope: Scope, expression: ast.expr) -> bool:
    """Whether an attribute of an object is assigned to or patched: it does not do what its class does."""
    if not isinstance(expression, ast.Name):
        return False
    if any(path.startswith(expression.id + ".") for path in scope.stored):
        return True
    patches = [call for name in ("object", "setattr", "multiple") for call in scope.calls.get(name, ())]
    return any(isinstance(given, ast.Name) and given.id == expression.id for call in patches for given in call.args[:1])


@rule("ATX503", "leaked-dependency-override",
      "override on shared app `{0}` is never removed; clear it in the fixture's teardown",
      nodes=(ast.Assign,))  # fmt: skip
def leaked_dependency_override(node: ast.Assign, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """The app outlives the test, and so does what was put into it: later tests get the stand-in, depending on the
    order.
    """
    targets = [target.value for target in node.targets if isinstance(target, ast.Subscript) and is_overrides(target.value)]
    if not targets or not isinstance(scope, Function):
        return
    if scope.is_test or scope.fixture and scope.fixture.scope in ("function", "class", "module"):
        for overrides in targets:
            if is_shared_app(scope, overrides.value) and not any(clears_overrides(one) for one in clearing_scopes(scope)):
                yield node, ast.unparse(overrides.value)


def is_overrides(expression: ast.AST) -> bool:
    return isinstance(expression, ast.Attribute) and expression.attr == "dependency_overrides"


def is_shared_app(scope: Scope, app: ast.expr) -> bool:
    """Whether an app is imported or made once per module."""
    while isinstance(app, ast.Attribute):
        app = app.value
    if not isinstance(app, ast.Name) or (found := scope.lookup(app)) is None:
        return False
    where, bindings = found
    return all(binding.how == "import" or binding.how == "assign" and isinstance(where, Module) for binding in bindings)


def clearing_scopes(function: Function) -> Iterator[Scope]:
    """Where what a test puts into an app may be taken out again: itself, what it calls here, its fixtures, xunit
    methods.
    """
    module, owner = function.module, function.owner
    yield function
    yield from function.closest_fixtures
    for other in module.functions + (owner.functions if owner else []):
        if other.name in function.calls or other.name.lower().startswith(("setup", "teardown", "asyncsetup", "asyncteardown")):
            yield other
    yield from function.functions
    for conftest in module.project.conftests if module.project else ():
        yield from (other for other in conftest.functions if other.name.startswith("pytest_") or other.name in function.calls)


def clears_overrides(scope: Scope) -> bool:
    """Whether a scope clears, restores or hands on the overrides of an app."""
    changes = [call.func for name in ("clear", "pop", "popitem") for call in scope.calls.get(name, ())]
    if any(isinstance(change, ast.Attribute) and is_overrides(change.value) for change in changes):
        return True
    if any(store.attr == "dependency_overrides" for store in scope.facts.stores):
        return True
    if any(isinstance(target, ast.Subscript) and is_overrides(target.value) for node in scope.every(ast.Delete) for target in node.targets):
        return True
    several = [
        call for name in ("setitem", "setattr", "dict", "object", "copy", "addfinalizer", "callback") for call in scope.calls.get(name, ())
    ]
    return any("dependency_overrides" in ast.unparse(call) for call in several)


# --------------------------------------------------------------------------------------------------------------------
# ATX6 loop, tasks, time
# --------------------------------------------------------------------------------------------------------------------


LOOP_MAKERS = frozenset(("asyncio.get_event_loop", "asyncio.get_running_loop", "asyncio.new_event_loop", "uvloop.new_event_loop"))
OWN_LOOP = frozenset(("asyncio.get_event_loop", "asyncio.get_running_loop"))
RUNNERS = frozenset(("asyncio.run", "anyio.run", "uvloop.run", "asyncio.runners.run"))


@rule("ATX601", "run-inside-running-loop", "`{0}` {1}; {2}", calls="run run_until_complete result apply")
def run_inside_running_loop(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A thread runs one loop at a time: the call raises (and `pytest.raises(RuntimeError)` takes that for success),
    or it waits for itself.
    """
    dotted = scope.dotted(call.func)
    if not (scope.module.is_test_file or scope.module.is_conftest):
        return
    if dotted == "nest_asyncio.apply" and not is_about_nesting(scope, call):
        yield call, dotted, "hides calls that fail inside a running loop", "await the coroutines instead"
    if not isinstance(scope, Function) or not scope.is_async or scope.module.imports_package("trio") or is_expected(scope, call):
        return
    if scope.is_test and is_plain_testcase(scope.owner):
        return  # it never runs, which is ATX102's
    if dotted in RUNNERS and not replaces(scope, dotted.replace(".", r"\.")):
        yield call, dotted, "raises RuntimeError inside a running loop", "await the coroutine instead"
    elif isinstance(call.func, ast.Attribute):
        yield from _run_of_object(call, scope, call.func.attr)


def is_about_nesting(scope: Scope, call: ast.Call) -> bool:
    """Whether a patch of the loop is what a test tries out, which its name or a mark says, or is made by a script."""
    test = test_around(scope)
    if test is not None and any("nest_asyncio" in text for text in (test.name, *(ast.unparse(mark.node) for mark in test.marks))):
        return True
    return any(isinstance(one, ast.If) and is_main(one) for one in scope.ancestors(call))


def _run_of_object(call: ast.Call, scope: Function, method: str) -> Iterator[tuple[Any, ...]]:
    """run_until_complete of a loop, Runner.run, and the result of a coroutine sent to the own loop."""
    receiver = maker(scope, call.func.value)
    if receiver is None or receiver[0] is not scope:
        return
    made = scope.dotted(receiver[1].func)
    if method == "run_until_complete" and made in LOOP_MAKERS or method == "run" and made == "asyncio.Runner":
        yield call, method, "raises RuntimeError inside a running loop", "await the coroutine instead"
    elif method == "result" and made == "asyncio.run_coroutine_threadsafe":
        loop = maker(scope, argument(receiver[1], 1, "loop"))
        if loop is not None and loop[0] is scope and scope.dotted(loop[1].func) in OWN_LOOP:
            yield (call, "run_coroutine_threadsafe().result", "waits for the loop that it blocks", "await the coroutine instead")


@rule("ATX602", "get-event-loop-in-sync-test",
      "sync code has no current loop once an async test has run; use `asyncio.run`",
      calls="get_event_loop")  # fmt: skip
def get_event_loop_in_sync_test(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """asyncio makes a loop on demand only until somebody has set one: alone the test passes, in the suite it fails."""
    if not isinstance(scope, Function) or scope.is_async or scope.dotted(call.func) != "asyncio.get_event_loop":
        return
    if not (scope.is_test or scope.fixture and scope.fixture.by == "pytest") or scope.owner and scope.owner.roots or not scope.is_plain:
        return
    project = scope.module.project
    if not scope.module.uses_pytest_asyncio or pinned_below(scope.module, "1.2"):
        return
    if project and project.declares("pytest") and not project.mentions("pytest-asyncio"):
        return  # its marks are there for another runner
    if not is_expected(scope, call) and not may_have_loop(scope) and not replaces(scope, "get_event_loop|asyncio"):
        yield (call,)


KNOWN_FIXTURES = frozenset(
    """request monkeypatch tmp_path tmpdir tmp_path_factory tmpdir_factory capsys capfd caplog recwarn mocker pytestconfig
    httpserver respx_mock freezer benchmark subtests cache record_property testdir pytester""".split()
)


def may_have_loop(function: Function) -> bool:
    """Whether a sync test may well have a current loop: it or a fixture of its sets one, or runs on the loop of an
    async fixture.
    """
    fixtures = function.closest_fixtures
    found = {fixture.fixture.name for fixture in fixtures}
    unknown = [name for one in (function, *fixtures) for name in one.requested if name not in found | KNOWN_FIXTURES
               and name not in parametrized(one) and name not in one.injected]  # fmt: skip
    if unknown or any(fixture.is_async or fixture.fixture.by == "pytest_asyncio" for fixture in fixtures):
        return True
    setting = ("set_event_loop", "new_event_loop", "set_event_loop_policy", "Runner")
    xunit = [one for one in function.module.functions + (function.owner.functions if function.owner else [])
             if one.name.lower().startswith("setup")]  # fmt: skip
    return any(name in one.calls for one in (function.module, function, *fixtures, *xunit) for name in setting)


OWN_PROCESS = frozenset(("subprocess", "forked"))  # marks of tests that run in a process of their own, which ends with them


@rule("ATX603", "unclosed-event-loop", "{0}; {1}", calls="new_event_loop")
def unclosed_event_loop(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A loop holds sockets: dropped, it warns in whichever test the collector runs; closed and left set, it fails
    the next get_event_loop().
    """
    if not isinstance(scope, Function) or not (scope.is_test or scope.fixture) or scope.dotted(call.func) not in LOOP_MAKERS:
        return
    if is_expected(scope, call) or replaces(scope, "event_loop") or any(mark.name in OWN_PROCESS for mark in scope.marks):
        return
    if scope.fixture and any(isinstance(block, ast.ExceptHandler) for block, _ in blocks(scope, call)):
        return  # made where there is none, one for all who come later
    kept = keeper(scope, call, ("close",), ("asyncio.set_event_loop",))
    if kept == "":
        if not any(is_loop_closed(one) for one in (*clearing_scopes(scope), *functions_called(scope))):
            yield call, "the new event loop is never closed", "close it in `finally`, or use `asyncio.Runner`"
    elif kept == "closed" and is_left_set(scope, call):
        yield (call, "the closed loop stays the current one", "add `asyncio.set_event_loop(None)`, or use `asyncio.Runner`")


def is_loop_closed(scope: Scope) -> bool:
    """Whether a scope closes the current loop or replaces it."""
    closed = [maker(scope, call.func.value) for call in scope.calls.get("close", ()) if isinstance(call.func, ast.Attribute)]
    return any(made is not None and made[0].dotted(made[1].func) in OWN_LOOP for made in closed)


def functions_called(scope: Scope) -> Iterator[Function]:
    """The functions that a scope calls by name, as far as they can be read."""
    for call in (call for calls in scope.calls.values() for call in calls):
        made = scope.definition(call.func)
        if isinstance(made, Function):
            yield made


def is_left_set(scope: Function, call: ast.Call) -> bool:
    """Whether the loop is made the current one, other tests may come, and no other call sets another afterwards."""
    if scope.fixture and scope.fixture.scope not in ("function", "class", "module"):
        return False
    setting = scope.calls_to("asyncio.set_event_loop")
    if len(setting) != 1 or not setting[0].args or any("set_event_loop" in inner.calls for inner in scope.functions):
        return False
    if any(isinstance(one, ast.Call) and re.search("loop|policy", last_name(one.func)) for one in with_items(scope, setting[0])):
        return False  # its end may put back what was there
    made = maker(scope, setting[0].args[0])
    return made is not None and made[1] is call


@rule("ATX604", "cancels-own-task",
      "`all_tasks()` includes the running task, which this {0}; leave out `asyncio.current_task()`",
      calls="all_tasks")  # fmt: skip
def cancels_own_task(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """The task cancels itself and then waits for itself: the teardown (or test) never returns, and says nothing."""
    if (
        not isinstance(scope, Function)
        or not scope.is_async
        or scope.dotted(call.func) not in ("asyncio.all_tasks", "asyncio.Task.all_tasks")
    ):
        return
    loop = maker(scope, argument(call, 0, "loop"))
    if (call.args or call.keywords) and (loop is None or scope.dotted(loop[1].func) not in OWN_LOOP):
        return
    if {"current_task", "get_name"} & (scope.calls.keys() | scope.module.renamed.keys()):
        return
    done = {_done_to_tasks(scope, one) for one in tasks_from(scope, call)} - {""}
    if done:
        yield call, min(done)  # "cancels" before "waits for"


def tasks_from(scope: Function, call: ast.Call) -> Iterator[ast.AST]:
    """The expressions that give the whole set of tasks: the call, plain copies of it, and the names bound to those."""
    todo: list[ast.AST] = [call]
    while todo:
        one = todo.pop()
        yield one
        what = fate(scope, one)
        if what.what == "assigned" and len(scope.bindings(what.by.id)) == 1:
            todo += scope.uses(what.by.id)
        elif what.what == "argument" and scope.dotted(getattr(what.by, "func", None)) in ("list", "set", "tuple"):
            todo.append(what.by)
        elif what.what == "iterated" and isinstance(what.by, ast.comprehension) and all(is_still_running(test) for test in what.by.ifs):
            above = scope.parent(what.by)
            if above is not None and ast.unparse(getattr(above, "elt", what.by)) == ast.unparse(what.by.target):
                todo.append(above)


def is_still_running(test: ast.expr) -> bool:
    """`not task.done()`: a condition that the running task meets as well."""
    return isinstance(test, ast.UnaryOp) and bool(re.fullmatch(r"not \w+\.(done|cancelled)\(\)", ast.unparse(test)))


def _done_to_tasks(scope: Function, tasks: ast.AST) -> str:
    """What is done to each of the tasks: "cancels", "waits for" or nothing of interest."""
    what = fate(scope, tasks)
    if what.what == "iterated":
        return "cancels" if _cancels_each(scope, what.by) else ""
    above = scope.parent(tasks)
    if isinstance(above, ast.Starred) and isinstance(waiting := scope.parent(above), ast.Call):
        return "waits for" if scope.dotted(waiting.func) == "asyncio.gather" else ""
    if what.what == "argument" and isinstance(what.by, ast.Call) and scope.dotted(what.by.func) == "asyncio.wait":
        return "waits for" if keyword(what.by, "timeout") is None and keyword(what.by, "return_when") is None else ""
    return ""


def _cancels_each(scope: Function, loop: Any) -> bool:
    """Whether a loop or comprehension cancels its variable, whatever task it holds."""
    if not isinstance(loop.target, ast.Name):
        return False
    for call in scope.calls.get("cancel", ()):
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id == loop.target.id:
            if isinstance(loop, ast.comprehension):
                return scope.parent(call) is scope.parent(loop) and all(is_still_running(test) for test in loop.ifs)
            around = list(scope.ancestors(call))
            tests = [one.test for one in around if isinstance(one, (ast.If, ast.IfExp, ast.While)) and loop in scope.ancestors(one)]
            return loop in around and all(is_still_running(test) for test in tests) and not _skips_some(scope, loop)
    return False


def _skips_some(scope: Function, loop: ast.AST) -> bool:
    """Whether a loop leaves out some of its elements by `continue`, `break` or `return`."""
    return any(loop in scope.ancestors(node) for node in scope.every(ast.Break, ast.Continue, ast.Return))


SPAWNERS = frozenset(("asyncio.create_task", "asyncio.ensure_future"))
ENDINGS = ("close", "aclose", "stop", "shutdown", "disconnect", "cancel", "terminate", "wait_closed")
READS_OF_TASKS = frozenset("done cancelled get_name set_name get_coro get_stack print_stack".split())
CONTROLS_OF_TASKS = READS_OF_TASKS | {"cancel", "uncancel", "cancelling"}


@rule("ATX605", "forgotten-task", "task `{0}` is never awaited or cancelled, so its failure is only logged; await it",
      calls="create_task ensure_future")  # fmt: skip
def forgotten_task(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """The loop cancels what is left at its end: the test passes although the task failed or never finished."""
    if not isinstance(scope, Function) or not (scope.is_test or scope.fixture) or not scope.is_async:
        return
    what = fate(scope, call)
    if (
        what.what != "assigned"
        or what.by.id.startswith("_")
        or not is_spawned(scope, call)
        or is_quick_helper(scope, call)
        or is_ended_by_owner(scope, call)
    ):
        return
    if not scope.uses(what.by.id):
        yield call, what.by.id


def is_spawned(scope: Scope, call: ast.Call) -> bool:
    """Whether a call makes a task of the running loop: asyncio's functions, or the method of a loop that was asked
    for.
    """
    if scope.dotted(call.func) in SPAWNERS:
        return not replaces(scope, "create_task|ensure_future")
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "create_task":
        return False
    made = maker(scope, call.func.value)
    return made is not None and made[0].dotted(made[1].func) in OWN_LOOP


def is_quick_helper(scope: Scope, call: ast.Call) -> bool:
    """A task over a function written inside the test, or over a plain sleep: it acts on what the test waits for
    anyhow.
    """
    coroutine = call.args[0] if call.args else None
    if not isinstance(coroutine, ast.Call):
        return False
    made = scope.definition(coroutine.func)
    return made is not None and made.outer is scope or scope.dotted(coroutine.func) == "asyncio.sleep"


def is_ended_by_owner(scope: Scope, call: ast.Call) -> bool:
    """Whether a task runs a method of an object that the test closes later: that ends what the object started."""
    coroutine = call.args[0] if call.args else None
    method = coroutine.func if isinstance(coroutine, ast.Call) else None
    if not isinstance(method, ast.Attribute):
        return False
    closing = (one for name in ENDINGS for one in scope.calls.get(name, ()) if start(one) > start(call))
    return any(isinstance(one.func, ast.Attribute) and ast.unparse(one.func.value) == ast.unparse(method.value) for one in closing)


@rule("ATX606", "blocking-sleep", "`time.sleep` blocks the event loop; use `await asyncio.sleep(...)`", calls="sleep")
def blocking_sleep(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """No other task runs meanwhile, and an `asyncio.timeout` around it cannot fire."""
    if (
        not isinstance(scope, Function)
        or not scope.is_async
        or not (scope.is_test or scope.fixture)
        or scope.dotted(call.func) != "time.sleep"
    ):
        return
    seconds = scope.constant(call.args[0]) if call.args else None
    if (
        isinstance(seconds, (int, float))
        and seconds <= 0.01
        or re.search(r"block|slow|lag|stall|watchdog|tick|(time|[^a]sync)_sleep", scope.name)
    ):
        return
    if scope.calls_to("asyncio.sleep", "anyio.sleep", "trio.sleep") or {"checkpoint", "open_nursery"} & scope.calls.keys():
        return  # whoever writes both kinds of sleep into one test means to block
    if scope.module.imports_package("trio") or call.args and "clock" in ast.unparse(call.args[0]):
        return
    if not replaces(scope, r"\bsleep\b|\btime\b") and not re.search("freez|travel|clock", " ".join(
            [*scope.requested, *map(ast.unparse, scope.decorators), *map(ast.unparse, with_items(scope, call))])):  # fmt: skip
        yield (call,)


@rule("ATX607", "timeout-marker-without-plugin",
      "nothing enforces `timeout` here: pytest-timeout is not among the dependencies; add it",
      each="test")  # fmt: skip
def timeout_marker_without_plugin(test: Function) -> Iterator[tuple[Any, ...]]:
    """Without the plugin the mark is a word like any other: a test that hangs, hangs."""
    mark, project = test.mark("timeout"), test.module.project
    if mark is None or project is None or not project.declares("pytest") or project.mentions("pytest-timeout"):
        return
    registered = [line for reading in project.readings for line in reading.lines("markers")]
    if not any(line.startswith("timeout") for line in registered) and not any(handles_timeout(one) for one in project.conftests):
        yield (mark.node,)


def handles_timeout(conftest: Module) -> bool:
    """Whether a conftest does anything with marks by itself: it may register or enforce this one."""
    names = ("addinivalue_line", "get_closest_marker", "iter_markers", "add_marker")
    return any(name in scope.calls for scope in (conftest, *conftest.all_functions) for name in names)


# --------------------------------------------------------------------------------------------------------------------
# ATX7 Kafka
# --------------------------------------------------------------------------------------------------------------------


KAFKA_CLIENTS = {
    **{f"aiokafka.{name}": ("stop",) for name in ("AIOKafkaProducer", "AIOKafkaConsumer")},
    "aiokafka.producer.AIOKafkaProducer": ("stop",),
    "aiokafka.consumer.AIOKafkaConsumer": ("stop",),
    "aiokafka.admin.AIOKafkaAdminClient": ("close",),
    **{f"confluent_kafka.{package}.{name}": ("close",) for package in ("aio", "experimental.aio") for name in ("AIOProducer", "AIOConsumer")},
}  # fmt: skip


@rule("ATX701", "kafka-client-not-stopped",
      "`{0}` is never stopped; await `{1}()` in `finally` or after the fixture's `yield`",
      calls="AIOKafkaProducer AIOKafkaConsumer AIOKafkaAdminClient AIOProducer AIOConsumer")  # fmt: skip
def kafka_client_not_stopped(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A client holds sockets and background tasks from its construction on, started or not."""
    dotted = scope.dotted(call.func) or ""
    if dotted not in KAFKA_CLIENTS or not isinstance(scope, Function) or not (scope.is_test or scope.fixture):
        return
    if is_expected(scope, call) or replaces(scope, dotted.rpartition(".")[2]):
        return
    kept = keeper(scope, call, KAFKA_CLIENTS[dotted])
    if kept == "" or kept in ("yielded", "returned") and not is_closed_by_users(scope, KAFKA_CLIENTS[dotted]):
        yield call, dotted.rpartition(".")[2], KAFKA_CLIENTS[dotted][0]


def is_closed_by_users(fixture: Function, closers: Iterable[str]) -> bool:
    """Whether any function of the file that requests a fixture closes what it gets, or enters it."""
    if not fixture.fixture:
        return True
    name = fixture.fixture.name
    return any(closes(function, name, closers) for function in fixture.module.all_functions
               if any(argument.arg == name for argument in function.parameters))  # fmt: skip


def closes(function: Function, name: str, closers: Iterable[str]) -> bool:
    """Whether a function closes or enters what a name holds."""
    fates = [fate(function, use) for use in function.uses(name)]
    return any(what.what in ("entered", "async entered") or getattr(what.by, "attr", "") in closers for what in fates)


@rule("ATX702", "unbounded-consumption",
      "`async for` over `{0}` never ends by itself; break, or wrap it in `asyncio.timeout`",
      nodes=(ast.AsyncFor,))  # fmt: skip
def unbounded_consumption(node: ast.AsyncFor, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A consumer waits for the next message for ever: one message too few, and the test hangs."""
    if not isinstance(scope, Function) or not scope.is_test or is_left(scope, node) or has_time_limit(scope, node):
        return
    made = maker(scope, node.iter)
    kind = made[0].dotted(made[1].func) if made else getattr(value(scope, node.iter), "name", None)
    if kind not in KAFKA_CLIENTS or any(
        name in scope.calls for name in ("create_task", "ensure_future", "start_soon", "gather", "call_later")
    ):
        return
    yield node, ast.unparse(node.iter)


def is_left(scope: Scope, loop: ast.AST) -> bool:
    """Whether anything inside a loop leaves it."""
    if any(loop in scope.ancestors(node) for node in scope.every(ast.Return, ast.Raise)):
        return True
    if any(innermost_loop(scope, node) is loop for node in scope.every(ast.Break)):
        return True
    return any(loop in scope.ancestors(call) for name in ("fail", "stop", "skip", "exit") for call in scope.calls.get(name, ()))


def innermost_loop(scope: Scope, node: ast.AST) -> ast.AST | None:
    return next((above for above in scope.ancestors(node) if isinstance(above, LOOPS)), None)


# --------------------------------------------------------------------------------------------------------------------
# ATX9 opt-in
# --------------------------------------------------------------------------------------------------------------------


@rule("ATX901", "redundant-marker", "`asyncio` mark on `{0}` is redundant in auto mode; remove it", each="test", needs="is_auto")
def redundant_marker(test: Function) -> Iterator[tuple[Any, ...]]:
    """In auto mode every async test is taken; a bare mark is redundant unless it resets an outer one (ATX112)."""
    if not test.is_coroutine_function or test.owner and test.owner.roots:
        return
    marks = [mark for mark in test.marks if mark.name == "asyncio"]
    if all(mark.is_bare for mark in marks) and neighbours_loop_scope(test) is None:
        yield from ((mark.node, test.name) for mark in marks if mark in test.own_marks)


@rule("ATX902", "missing-fixture-annotation", "async fixture `{0}` has no return annotation; write `{1}`", each="fixture")
def missing_fixture_annotation(fixture: Function) -> Iterator[tuple[Any, ...]]:
    """Without it the type checker sees nothing of what the fixture gives, in any test that requests it."""
    if fixture.is_async and fixture.is_plain and fixture.node.returns is None:
        yield fixture.node, short(fixture.name), "-> AsyncIterator[...]" if fixture.is_generator else "-> ..."


TEST_CLIENTS = frozenset(("fastapi.testclient.TestClient", "starlette.testclient.TestClient"))


@rule("ATX903", "sync-test-client",
      "sync `TestClient` blocks the test's own loop; use an async client with `ASGITransport`",
      each="function", needs="imports_app")  # fmt: skip
def sync_test_client(function: Function) -> Iterator[tuple[Any, ...]]:
    """The app runs on another loop in another thread: it deadlocks as soon as it waits for anything of the test's
    loop.
    """
    if not function.is_async or not (function.is_test or function.fixture):
        return
    for call in sorted((call for name in (*REQUESTS, "websocket_connect") for call in function.calls.get(name, ())), key=start):
        made = maker(function, call.func.value) if isinstance(call.func, ast.Attribute) else None
        if made is not None and made[0].dotted(made[1].func) in TEST_CLIENTS:
            yield ((made[1] if made[0] is function else call),)
            return
    yield from ((call, function.name) for call in function.calls_to(*TEST_CLIENTS)[:1] if fate(function, call).what == "entered")


@rule("ATX904", "sleep-before-assert", "`{0}` before an assertion is a race; wait for the event itself, under a timeout", calls="sleep")
def sleep_before_assert(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Too short, and the test fails on a slow day; long enough, and it is slow; and it proves no absence."""
    if not isinstance(scope, Function) or not scope.is_test or not scope.is_async or not call.args:
        return
    if scope.dotted(call.func) not in ("asyncio.sleep", "anyio.sleep") or scope.constant(call.args[0]) in (0, 0.0):
        return
    statement = scope.statement(call)
    if not isinstance(statement, ast.Expr) or fate(scope, call).what != "awaited" or replaces(scope, r"\bsleep\b"):
        return
    following = next(iter(statements_after(scope, statement)), None)
    if following is not None and is_assertion(following) and not is_looped(scope, statement) and not has_fake_clock(scope):
        yield call, ast.unparse(call)[:40]


def has_fake_clock(scope: Function) -> bool:
    """Whether the loop's clock is steered in sight, so that sleeping takes no time and races with nothing."""
    project = scope.module.project
    every = scope.module.with_conftests
    if any(one.imports_package("looptime", "async_solipsism", "aiotools") for one in every):
        return True
    if project is not None and (project.mentions("looptime") or project.mentions("async-solipsism")):
        return True
    words = " ".join([*scope.requested, *(mark.name for mark in scope.marks)])
    return re.search(r"looptime|clock|freez|time_machine|travel", words) is not None


def statements_after(scope: Scope, statement: ast.AST) -> list[ast.stmt]:
    """The statements that follow one in its own block."""
    above = scope.parent(statement)
    for field in ("body", "orelse", "finalbody"):
        block = getattr(above, field, None)
        if isinstance(block, list) and statement in block:
            return block[block.index(statement) + 1 :]
    return []


def is_assertion(statement: ast.stmt) -> bool:
    """`assert ...`, or a call of something named for that: a mock's or TestCase's assert method, `pytest.raises(E,
    f)`.
    """
    if isinstance(statement, ast.Assert):
        return True
    call = statement.value if isinstance(statement, ast.Expr) else None
    call = call.value if isinstance(call, ast.Await) else call
    name = last_name(call.func) if isinstance(call, ast.Call) else ""
    return name.startswith(("assert", "raises", "fail", "_assert", "check", "verify")) and name != "checkpoint"


def is_looped(scope: Scope, node: ast.AST) -> bool:
    return any(isinstance(above, LOOPS) for above in scope.ancestors(node))


# What waits until somebody acts on the object, and what in the test itself acts on it.
WAITS = {
    "asyncio.Event": (("wait",), ("set",)),
    "asyncio.Condition": (("wait",), ("notify", "notify_all")),
    "asyncio.Barrier": (("wait",), ("abort",)),
    **{f"asyncio.{name}": (("get", "join"), ("put", "put_nowait", "task_done")) for name in ("Queue", "PriorityQueue", "LifoQueue")},
}


@rule("ATX905", "unbounded-wait", "`{0}` may wait for ever; bound it with `asyncio.timeout` or pytest-timeout", calls="wait get join")
def unbounded_wait(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """When the code under test does not act, the suite hangs without a word of which test it was."""
    if not isinstance(scope, Function) or not scope.is_test or not scope.is_async or fate(scope, call).what != "awaited":
        return
    made = maker(scope, call.func.value) if isinstance(call.func, ast.Attribute) else None
    waits = WAITS.get(made[0].dotted(made[1].func) or "") if made else None
    if waits is None or call.func.attr not in waits[0] or has_time_limit(scope, call):
        return
    if not any(_acts_before(act, call) for name in waits[1] for act in scope.calls.get(name, ())):
        yield call, ast.unparse(call)[:40]


def _acts_before(act: ast.Call, wait: ast.Call) -> bool:
    """Whether a call acts on the same object as a later wait, both in the test's own body."""
    same = isinstance(act.func, ast.Attribute) and ast.unparse(act.func.value) == ast.unparse(wait.func.value)
    return same and start(act) < start(wait)


@rule(
    "ATX906", "unbounded-poll", "this loop polls for ever if the condition never holds; bound it with `asyncio.timeout`", nodes=(ast.While,)
)
def unbounded_poll(node: ast.While, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """The fault that the test is there to find makes it hang instead of fail."""
    if not isinstance(scope, Function) or not scope.is_test or not scope.is_async or has_time_limit(scope, node):
        return
    sleeps = [call for call in scope.calls_to("asyncio.sleep", "anyio.sleep") if innermost_loop(scope, call) is node]
    if not sleeps or any(node in scope.ancestors(one) for one in scope.every(ast.Raise, ast.AugAssign, ast.Assert)):
        return
    if not re.search(r"time|clock|deadline|attempt|retr|count|fail\(|raise", ast.unparse(node)) and not replaces(scope, r"\bsleep\b"):
        yield (node,)


@rule("ATX907", "early-exit-of-async-generator",
      "leaving `{0}` early defers its clean-up; use `async with aclosing(...)`",
      nodes=(ast.AsyncFor,))  # fmt: skip
def early_exit_of_async_generator(node: ast.AsyncFor, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """`break` leaves the generator suspended: its `finally` runs after the test, and is cut off at its first await."""
    if not isinstance(scope, Function) or not scope.is_test or not isinstance(node.iter, (ast.Call, ast.Name)):
        return
    given = value(scope, node.iter)
    if given is None or given.kind != "async generator" or not isinstance(given.scope, Function) or given.scope.module is not scope.module:
        return
    if not leaves_early(scope, node) or not any(needs_cleanup(given.scope, one) for one in given.scope.yields):
        return
    if isinstance(node.iter, ast.Name) and any(
            what.what == "argument" or getattr(what.by, "attr", "") == "aclose"
            for what in (fate(scope, use) for use in scope.uses(node.iter.id))):  # fmt: skip
        return
    yield node, given.scope.name + "()"


def leaves_early(scope: Scope, loop: ast.AST) -> bool:
    """Whether a `break` or `return` leaves a loop before its end."""
    if any(innermost_loop(scope, node) is loop for node in scope.every(ast.Break)):
        return True
    return any(loop in scope.ancestors(node) for node in scope.every(ast.Return))


def needs_cleanup(generator: Function, node: ast.AST) -> bool:
    """Whether something is undone when a generator is closed at this yield."""
    return any(
        field == "body" and (isinstance(block, (ast.With, ast.AsyncWith)) or isinstance(block, ast.Try) and block.finalbody)
        for block, field in blocks(generator, node)
    )


@rule("ATX908", "assertion-in-maybe-empty-stream",
      "asserts nothing if `{0}` yields nothing; assert on what it collected, after the loop",
      nodes=(ast.AsyncFor,))  # fmt: skip
def assertion_in_maybe_empty_stream(node: ast.AsyncFor, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A stream that broke and yields nothing passes."""
    if not isinstance(scope, Function) or not scope.is_test or node.orelse or is_retry(node):
        return
    inside = [one for one in scope.every(ast.Assert) if node in scope.ancestors(one)]
    if inside and isinstance(inside[0].test, ast.Constant):
        return  # `assert False`: the stream is to be empty
    after = [one for one in scope.every(ast.Assert, ast.Expr) if start(one) > end(node) and is_assertion(one)]
    if inside and not after and not is_expected(scope, node) and not is_looped(scope, node) and not is_checked_later(scope, node):
        yield inside[0], ast.unparse(node.iter)[:30]


def is_retry(loop: ast.AsyncFor) -> bool:
    """Whether each turn of a loop is an attempt that its body enters (tenacity's way): the first one is always made."""
    return any(
        isinstance(item.context_expr, ast.Name) and ast.unparse(loop.target) == item.context_expr.id
        for statement in loop.body
        if isinstance(statement, (ast.With, ast.AsyncWith))
        for item in statement.items
    )


def is_checked_later(scope: Function, loop: ast.AsyncFor) -> bool:
    """Whether anything that follows a loop may fail when the loop did not run: a raise, or names that the loop
    bound.
    """
    bound = {name for name in scope.binders if any(one.node is loop or loop in scope.ancestors(one.node) for one in scope.bindings(name))}
    used = (use for name in bound for use in scope.facts.loads.get(name, ()))
    return any(start(use) > end(loop) for use in used) or any(
        start(one) > end(loop) for one in scope.every(ast.Raise)) or "fail" in scope.calls  # fmt: skip


@rule("ATX909", "unprotected-yield",
      "if the `async with` body raises, what follows this `yield` is skipped; use `try ... finally`",
      each="function")  # fmt: skip
def unprotected_yield(function: Function) -> Iterator[tuple[Any, ...]]:
    """The exception is thrown in at the yield; a fixture is different, no test raises into it."""
    if not function.is_async_generator or not function.module.serves_tests or re.search("lifespan|startup", function.name):
        return
    if function.fixture or "contextlib.asynccontextmanager" not in [
            function.outer.dotted(decorator) for decorator in function.decorators]:  # fmt: skip
        return
    for one in function.yields:
        if not any(isinstance(block, ast.Try) and field == "body" for block, field in blocks(function, one)) and is_followed(function, one):
            yield (one,)


NO_CLEANUP = re.compile(
    r"^(_?log(ger|ging)?\.|print\()|cancel_scope\.cancel|commit|flush|(?<!a)wait|poll|assert|check|verify|expect|fail\(|raises",
    re.IGNORECASE,
)


def is_followed(function: Function, node: ast.AST) -> bool:
    """Whether anything is cleaned up after a node, in its block or the blocks around it.

    Assertions, waits and commits belong to the way on which nothing was raised; a task group cancels itself when
    its body raises.
    """
    after = list(_reached_after(function, node))
    if any(isinstance(following, ast.Raise) for following in after):
        return False
    return any(not isinstance(following, (ast.Assert, ast.Pass, ast.Return, *FUNCTIONS)) and not NO_CLEANUP.search(ast.unparse(following))
               for following in after)  # fmt: skip


def _reached_after(function: Function, node: ast.AST) -> Iterator[ast.stmt]:
    """The statements that follow a node, in its block and the blocks around it, up to the one that leaves the function."""
    statement = function.statement(node)
    for one in (statement, *function.ancestors(statement)):
        if not isinstance(one, ast.stmt) or one is function.node or isinstance(function.parent(one), LOOPS):
            continue
        for following in statements_after(function, one):
            yield following
            if isinstance(following, (ast.Return, ast.Raise)):
                return


@rule("ATX910", "future-as-return-value", "a `Future` as result of `{0}` belongs to one loop; use `AsyncMock` with the plain result",
      each="attribute", calls=SET_UP_CALLS, needs="sees_mocks")  # fmt: skip
def future_as_return_value(node: Any, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A future made in sync code fails once an async test has run, and an exception in it that nobody reads is silent."""
    for made in set_ups(scope, node):
        given = value(scope, made.given)
        if made.what == "return_value" and made.mock is not None and given is not None and given.name == "asyncio.Future":
            if made.mock.kind != "AsyncMock" and given.kind == "instance":
                yield node, _set_up_name(node)


def _set_up_name(node: ast.Assign | ast.Call) -> str:
    """How a message names the mock that is set up."""
    target = node.targets[0] if isinstance(node, ast.Assign) else node.func
    return mock_text(target.value if isinstance(node, ast.Assign) and isinstance(target, ast.Attribute) else target)


@rule("ATX911", "async-generator-as-return-value", "AsyncMock `{0}` gives `async for` a coroutine, no generator; use `MagicMock`",
      each="attribute", calls=SET_UP_CALLS, needs="sees_mocks")  # fmt: skip
def async_generator_as_return_value(node: Any, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Only code that awaits the call first gets the generator; `async for` over the call raises a TypeError."""
    for made in set_ups(scope, node):
        if made.mock is None or made.mock.kind != "AsyncMock":
            continue
        given = value(scope, made.given)
        gives = called(given) if made.what == "side_effect" else given
        if gives is not None and gives.kind == "async generator" and not is_awaited_first(scope, node, made.mock):
            yield node, _set_up_name(node)


def is_awaited_first(scope: Scope, node: ast.Assign | ast.Call, mock: Value) -> bool:
    """Whether the code in sight awaits a call of the mock, or enters it, before it iterates the result.

    First-party code that can be read and does not iterate such a call at all has its own way with it.
    """
    names = places_of(scope, node, mock)
    if "__aenter__" in names:
        return True
    code = [scope.module, *scope.module.first_party(scope.module.imports)]
    fates = {
        fate(where, call).what for one in code for where in (one, *one.all_scopes) for name in names for call in where.calls.get(name, ())
    }
    return "awaited" in fates or len(code) > 1 and "async iterated" not in fates


def places_of(scope: Scope, node: ast.Assign | ast.Call, mock: Value) -> set[str]:
    """The last segments of the names under which code may call a mock that is set up or made: its own, and what it replaces."""
    above = scope.parent(node)
    targets = node.targets if isinstance(node, ast.Assign) else getattr(above, "targets", ())
    paths = [attribute_path(target).removesuffix(".return_value").removesuffix(".side_effect") for target in targets]
    paths += [path for _, path in mock.paths]
    paths += [alias for path in paths for alias in scope.aliases.get(path, ())]
    makers = [*mock.makers, *([(scope, node)] if isinstance(node, ast.Call) else [])]
    paths += [made.dotted for where, call in makers if (made := replacement(where, call)) is not None]
    return {path.rpartition(".")[2] for path in paths if path} | ({above.arg or ""} if isinstance(above, ast.keyword) else set())


@rule("ATX912", "cancelled-not-awaited", "`{0}` is cancelled but not awaited, so its clean-up is cut off; await it", calls="cancel")
def cancelled_not_awaited(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """`cancel()` only asks: the task ends later, and what it raises meanwhile is hidden."""
    if (
        not isinstance(scope, Function)
        or not scope.is_async
        or not (scope.is_test or scope.fixture)
        or not isinstance(call.func, ast.Attribute)
    ):
        return
    task = call.func.value
    made = maker(scope, task)
    if made is None or made[0] is not scope or not isinstance(task, ast.Name) or not is_spawned(scope, made[1]):
        return
    following = statements_after(scope, scope.statement(call))
    if any(one in following for one in map(scope.statement, scope.every(ast.Await))):
        return  # the loop goes on, and the task with it
    if all(getattr(fate(one, use).by, "attr", "") in CONTROLS_OF_TASKS or fate(one, use).what == "truth"
           for one, use in uses_with_scope(scope, task.id)):  # fmt: skip
        yield call, task.id


@rule("ATX913", "dropped-delivery-future",
      "`send()` gives a future that nobody awaits, so delivery may fail unseen; use `send_and_wait()`",
      calls="send")  # fmt: skip
def dropped_delivery_future(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Awaiting `send()` only puts the message into the buffer."""
    if not isinstance(scope, Function) or not (scope.is_test or scope.fixture) or fate(scope, call).what != "awaited":
        return
    waited = scope.parent(call)
    made = maker(scope, call.func.value) if isinstance(call.func, ast.Attribute) and fate(scope, waited).what == "dropped" else None
    kind = made[0].dotted(made[1].func) if made else None
    if kind in ("aiokafka.AIOKafkaProducer", "aiokafka.producer.AIOKafkaProducer") and not is_expected(scope, call):
        if not {"commit_transaction", "transaction"} & scope.calls.keys():  # a commit waits for the deliveries and fails with them
            yield (call,)


@rule("ATX914", "unclosed-client", "`{0}` is never closed; use `async with`", calls="AsyncClient ClientSession")
def unclosed_client(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """Sockets stay open until the collector comes by, and its ResourceWarning hits another test."""
    dotted = scope.dotted(call.func) or ""
    if not isinstance(scope, Function) or not scope.is_test or dotted not in {*HTTP_CLIENTS, "aiohttp.ClientSession"}:
        return
    if {"transport", "mounts", "app"} & {word.arg for word in call.keywords} or is_expected(scope, call) or replaces(scope, "Client"):
        return
    sends = any(name in scope.calls for name in (*REQUESTS, "send"))  # before its first request httpx holds no socket
    if (sends or dotted.startswith("aiohttp.")) and keeper(scope, call, ("aclose", "close", "_close"), ()) == "":
        yield call, dotted


@rule(
    "ATX915",
    "async-test-without-await",
    "this async test awaits nothing; make it a plain function, or await what it is to test",
    each="test",
)
def async_test_without_await(test: Function) -> Iterator[tuple[Any, ...]]:
    """It needs no loop and gets one, and a reader looks for the await that is missing; `check` drops it beside other findings."""
    if not test.is_coroutine_function or test.every(ast.Await, ast.AsyncFor, ast.AsyncWith) or not test.is_plain:
        return
    if any(generator.is_async for one in test.every(*COMPREHENSIONS) for generator in one.generators):
        return
    if not is_stub(test) and not may_need_loop(test):
        yield (test.node,)


def is_stub(function: Function) -> bool:
    """A body without any statement that does something."""
    return not function.calls and not function.every(ast.Assert, ast.Assign)


# Packages whose objects, or whose users' objects, may ask for the running loop.
LOOP_PACKAGES = (
    "asyncio",
    "anyio",
    "trio",
    "aiohttp",
    "tornado",
    "twisted",
    "curio",
    "uvloop",
    "sniffio",
    "async_timeout",
    "asgiref",
    "aiokafka",
)


LOOPLESS_PACKAGES = frozenset(
    "pytest pydantic attr attrs yaml dateutil freezegun yarl multidict httpx fastapi starlette sqlalchemy jwt".split()
)
CONSTRUCTORS = frozenset("__init__ __new__ __post_init__ __enter__ model_post_init".split())


def may_need_loop(test: Function) -> bool:
    """Whether what a test calls or requests may need a running loop: async fixtures, unknown ones, code that cannot be read."""
    if test.owner and test.owner.roots and not test.owner.is_testcase:
        return True
    found = {name: find_fixture(test, name) for name in test.requested}
    given = parametrized(test) | set(test.injected) | KNOWN_FIXTURES
    if any(fixture is None and name not in given for name, fixture in found.items()):
        return True
    fixtures = test.closest_fixtures
    return any(fixture.is_async for fixture in fixtures) or not all(
        runs_without_loop(one) for one in (test, *fixtures, *inner_scopes(test))
    )


def runs_without_loop(scope: Scope, depth: int = 3) -> bool:
    """Whether nothing that a scope calls asks for a running loop, as far as it can be read; a test's own calls must be readable."""
    named = (scope.dotted(one) or "" for one in (*(uses[0] for uses in scope.facts.loads.values()), *scope.facts.targets))
    if any(name.partition(".")[0] in LOOP_PACKAGES for name in named if name):
        return False
    return depth == 0 or all(_does_without(scope, call.func, depth) for calls in scope.calls.values() for call in calls)


def _does_without(scope: Scope, function: ast.expr, depth: int) -> bool:
    given = value(scope, function)
    made = given.scope if given is not None and given.kind in ("function", "class") else None
    if isinstance(made, (Function, Class)):
        if isinstance(made, Class):
            return all(runs_without_loop(one, depth - 1) for base in made.ancestry if isinstance(base, Class)
                       for one in base.functions if one.name in CONSTRUCTORS)  # fmt: skip
        return not made.is_async and runs_without_loop(made, depth - 1)
    while isinstance(function, (ast.Attribute, ast.Subscript)):
        function = function.value
    if not isinstance(function, ast.Name):
        return True  # a method of what another call gives, or of a literal
    dotted = scope.dotted(function)
    if dotted is None:
        return function.id != "self" or not getattr(scope, "is_test", False)
    return dotted in BUILTINS or dotted.partition(".")[0] in stdlib_module_names | LOOPLESS_PACKAGES


LOCAL = re.compile(
    r"https?://(localhost|127\.|0\.0\.0\.0|10\.|192\.168\.|\[|[^./:]+([:/]|$)|[^/:]+\.(test|invalid|local|localhost|internal)\b)"
)


@rule("ATX916", "real-network-client",
      "`{0}` is a real host, so the test needs the network; give the client a transport",
      calls="AsyncClient Client " + " ".join(REQUESTS))  # fmt: skip
def real_network_client(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A test that leaves the machine fails when the other side does, and passes on what the other side says today."""
    if not isinstance(scope, Function) or not scope.is_async or not (scope.is_test or scope.fixture):
        return
    if scope.dotted(call.func) in HTTP_CLIENTS:
        if not scope.fixture and not sends_request(scope, call):
            return
        urls, made = addresses(scope, keyword(call, "base_url")), (scope, call)
    else:
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        made = maker(scope, call.func.value) if method in REQUESTS else None
        urls = addresses(scope, argument(call, REQUESTS[method], "url")) if made else []
    if made is None or made[0].dotted(made[1].func) not in HTTP_CLIENTS or {"transport", "mounts", "app", None} & {
            word.arg for word in made[1].keywords}:  # fmt: skip
        return
    remote = [url for url in urls if re.match(r"https?://[^/{]", url) and not LOCAL.match(url)]
    if remote and not is_expected(scope, call) and not has_http_mock(scope):
        yield call, re.sub(r"(https?://[^/]*).*", r"\1", remote[0])


def sends_request(scope: Function, made: ast.Call) -> bool:
    """Whether a function sends a request through the client that a call makes."""
    requests = [call.func.value for name in REQUESTS for call in scope.calls.get(name, ()) if isinstance(call.func, ast.Attribute)]
    return any((found := maker(scope, client)) is not None and found[1] is made for client in requests)


def addresses(scope: Function, url: ast.expr | None) -> list[str]:
    """The literal URLs that an expression may give; `request.param` stands for the fixture's own params."""
    if url is not None and attribute_path(url) == "request.param":
        return literal_values(scope, url)
    text = literal_start(scope, url)
    return [text] if text else []


def has_http_mock(function: Function) -> bool:
    """Whether anything in sight may answer instead of the network."""
    module = function.module
    if any(one.imports_package("respx", "pytest_httpx", "vcr", "aioresponses", "pook", "responses", "mocket", "httpretty")
           for one in module.with_conftests):  # fmt: skip
        return True
    if any(mark.name in ("vcr", "respx", "httpx_mock", "network", "integration", "e2e", "live", "online") for mark in function.marks):
        return True
    names = {name for one in (function, *function.closest_fixtures) for name in one.requested}
    return any(re.search("mock|vcr|respx|cassette|monkeypatch", name) for name in names) or replaces(
        function, "http|send|request|Client|get|post"
    )


@rule("ATX917", "lifespan-not-run",
      "`ASGITransport` does not run the lifespan of `{0}`; wrap the app in `LifespanManager`",
      calls="ASGITransport")  # fmt: skip
def lifespan_not_run(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """What the app opens at start-up is missing, so the test sees another app than the one that is deployed."""
    app = argument(call, 0, "app")
    if (
        not scope.module.serves_tests
        or (scope.dotted(call.func) or "").partition(".")[0] not in ("httpx", "httpx2")
        or not isinstance(app, ast.Name)
    ):
        return
    made = maker(scope, app) or maker_elsewhere(scope, app)
    module = scope.module
    several = module.with_conftests
    if made is None or not has_lifespan(made, app.id) or any(runs_lifespan(one) for one in several):
        return
    yield call, app.id


def maker_elsewhere(scope: Scope, name: ast.Name) -> tuple[Scope, ast.Call] | None:
    """The call that made what a name imports from a first-party module."""
    head, _, last = (scope.dotted(name) or "").rpartition(".")
    project = scope.module.project
    module = project.module(head, scope.module) if head and project else None
    bindings = module.bindings(last) if module else ()
    return maker(module, bindings[0].value) if len(bindings) == 1 and bindings[0].how == "assign" else None


def has_lifespan(made: tuple[Scope, ast.Call], name: str) -> bool:
    """Whether the call makes a FastAPI or Starlette app with something to do at start-up."""
    where, call = made
    if where.dotted(call.func) not in ("fastapi.FastAPI", "starlette.applications.Starlette", "fastapi.applications.FastAPI"):
        return False
    return any(keyword(call, word) is not None for word in ("lifespan", "on_startup"))


def runs_lifespan(module: Module) -> bool:
    """Whether anything in a file starts apps the way a server would."""
    wanted = ("LifespanManager", "lifespan_context", "TestClient", "startup", "router_startup", "lifespan")
    return any(name in scope.calls for scope in (module, *module.all_functions) for name in wanted)


@rule("ATX918", "set-up-beside-entered-mock",
      "`{0}` is only entered, which gives another mock; set up `{1}.return_value`",
      calls="patch object")  # fmt: skip
def set_up_beside_entered_mock(call: ast.Call, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """What is set up is ignored: the code works with a mock as it comes, and the error that it is to handle never happens."""
    made = replacement(scope, call)
    if made is None or not is_plain_patch(made):
        return
    for where, name in patched_as(scope, call):
        stored = stored_on(instance_reads(where, name, keyword(call, "return_value")))
        if stored and (method := entering_method(scope.module, made.dotted)):
            target, instance = min(stored, key=lambda one: start(one[0]))
            yield scope_of(scope.module, target).statement(target), brief_name(ast.unparse(instance), 30), method


def is_plain_patch(made: Replacement) -> bool:
    """Whether a patch puts a MagicMock in place of what is called, and sets up nothing but perhaps its result."""
    return made.new is None and all(isinstance(word.value, ast.Constant) for word in made.call.keywords if word.arg != "return_value")


def patched_as(scope: Scope, call: ast.Call) -> list[tuple[Scope, str]]:
    """The one name of a patch's mock; "" if it has none and nobody else can have it."""
    above = scope.parent(call)
    if isinstance(above, ast.withitem) and above.optional_vars is None or isinstance(above, ast.Expr):
        return [(scope, "")]
    return mock_names(scope, call) if len(getattr(above, "targets", (call,))) == 1 else []


def instance_reads(scope: Scope, name: str, given: ast.expr | None) -> list[tuple[Scope, ast.expr]]:
    """What stands for the result of a mock's calls: `C.return_value`, the mock set up as that; [] if it may be changed out of sight."""
    reads: list[tuple[Scope, ast.expr]] = []
    results = [given] if given is not None else []
    for where, use in uses_with_scope(scope, name):
        read = where.parent(use)
        if not isinstance(read, ast.Attribute) or read.attr.startswith("__") or read.attr in MOCK_CHANGES:
            return []
        if read.attr == "return_value" and isinstance(read.ctx, ast.Load):
            reads.append((where, read))
        elif read.attr == "return_value":
            assigned = where.parent(read)
            results.append(assigned.value if isinstance(assigned, ast.Assign) and len(assigned.targets) == 1 else read)
    own = [reads_of_own_mock(scope, one) for one in results]
    is_known = len(scope.bindings(name)) == len(name[:1]) and len(own) < 2 and None not in own
    return reads + [read for several in own for read in several or ()] if is_known else []


# What sets up a mock in other ways than by storing something on its result, or (of a patch) hands out the mock.
MOCK_CHANGES = frozenset(("side_effect", "configure_mock", "mock_add_spec", "attach_mock", "start"))


def reads_of_own_mock(scope: Scope, given: ast.expr) -> list[tuple[Scope, ast.expr]] | None:
    """The other uses of a name whose one value is a mock as it comes, made right here; None if the expression gives anything else."""
    made, uses = scope.plain(given), []
    if isinstance(given, ast.Name):
        if not is_bound_to(scope, given, made):
            return None
        uses = [(where, use) for where, use in uses_with_scope(scope, given.id) if use is not given]
    words = [word.arg or "**" for word in made.keywords] if isinstance(made, ast.Call) and not made.args else ["**"]
    if any(word in MOCK_ARGUMENTS or word.startswith(("__", "**", "return_value")) for word in words):
        return None
    return uses if (mock_function(scope, made.func) or "").removeprefix(MOCKED) in MOCKS else None


def is_bound_to(scope: Scope, name: ast.Name, made: ast.expr) -> bool:
    """Whether what an expression gives has this one name, which is bound nowhere else."""
    what = fate(scope, made)
    return what.what == "assigned" and what.by.id == name.id and len(scope.bindings(name.id)) == 1


def stored_on(reads: list[tuple[Scope, ast.expr]]) -> list[tuple[ast.expr, ast.expr]]:
    """What is stored below a mock, each with the mock as it is named there; [] if the mock itself may be reached by anything else."""
    found: list[tuple[ast.expr, ast.expr]] = []
    todo, names = list(reads), set()
    while todo:
        where, read = todo.pop()
        what, above = fate(where, read), where.parent(read)
        if isinstance(above, ast.Attribute):
            top = _top_of_chain(where, above)
            if not _is_harmless(above, top):
                return []
            found += [(top, read)] if isinstance(top.ctx, ast.Store) and above.attr not in EXITS else []
        elif what.what == "assigned" and isinstance(where, Function) and len(where.bindings(what.by.id)) == 1 and what.by.id not in names:
            names.add(what.by.id)
            todo += uses_with_scope(where, what.by.id)
        else:
            return []
    return found


def _top_of_chain(scope: Scope, read: ast.Attribute) -> ast.Attribute:
    """The longest chain of attributes that an attribute starts."""
    while isinstance(above := scope.parent(read), ast.Attribute):
        read = above
    return read


def _is_harmless(first: ast.Attribute, top: ast.Attribute) -> bool:
    """Whether a chain only stores something on the mock of a method, or says that nobody called it."""
    if first.attr in EXITS:
        return True
    return not first.attr.startswith("__") and (isinstance(top.ctx, ast.Store) or top.attr in ("assert_not_called", "assert_not_awaited"))


def entering_method(module: Module, dotted: str) -> str:
    """The method whose result the code works with, if a first-party module calls what it has by a name only to enter that; else ""."""
    head, _, name = dotted.rpartition(".")
    home = module.project.module(head, module, True) if module.project and head else None
    bindings = home.bindings(name) if home is not None else ()
    if home is None or len(bindings) != 1 or bindings[0].how not in ("import", "definition"):
        return ""
    if home.path != module.path and any(name in one.calls for one in (module, *module.all_scopes)):
        return ""  # the test makes one itself
    ways = {_way_entered(where, use) for where, use in uses_with_scope(home, name) if not _is_annotation(where, use)}
    return {"entered": "__enter__", "async entered": "__aenter__"}.get(ways.pop(), "") if len(ways) == 1 else ""


def _is_annotation(scope: Scope, use: ast.Name) -> bool:
    around = [use, *scope.ancestors(use)]
    return any(isinstance(above, ast.AnnAssign) and below is above.annotation for below, above in zip(around, around[1:]))


def _way_entered(scope: Scope, use: ast.Name) -> str:
    """How what a call gives is entered under a new name, and used for nothing else: "entered", "async entered"; "" if it is not."""
    made = fate(scope, use)
    several = [fate(scope, made.by)] if made.what == "called" else []
    if several and several[0].what == "assigned":
        name = several[0].by.id
        is_own = isinstance(scope, Function) and len(scope.bindings(name)) == 1 and name not in scope.shared_names
        several = [fate(*one) for one in uses_with_scope(scope, name)] if is_own else []
    ways = {one.what if isinstance(getattr(one.by, "optional_vars", None), ast.Name) else "" for one in several}
    return ways.pop() if len(ways) == 1 else ""


@rule("ATX919", "teardown-hides-failure", "`{0}` hides that `{1}` had failed before it was cancelled; {2}", nodes=(ast.Await,))
def teardown_hides_failure(node: ast.Await, scope: Scope) -> Iterator[tuple[Any, ...]]:
    """A worker that died at once did nothing of what the test relies on, and clean-up is the last place that could tell."""
    if not isinstance(scope, Function) or not is_teardown(scope, node):
        return
    how, awaited = hiding(scope, node)
    for task in awaited if how else ():
        reads = reads_of_task(scope, task)
        if not reads or not is_cancelled_in_teardown(reads, node) or not all(tells_nothing(*one, node) for one in reads):
            continue
        if not scope.is_test or not is_failure_in_play(scope):
            yield node, how, brief_name(ast.unparse(task), 20), (
                "look at its result" if how == "gather" else "suppress `CancelledError` alone"
            )
        return


def is_failure_in_play(test: Function) -> bool:
    """Whether a test brings code that raises, or another rule speaks of what it hides (ATX416)."""
    return raises_on_purpose(test) or any(True for _ in assertion_in_forgotten_task(test))


def is_teardown(scope: Function, node: ast.AST) -> bool:
    """Whether a node runs when a test is over: in the second half of a fixture, a `finally` of a test or fixture, or asyncTearDown."""
    if scope.name == "asyncTearDown":
        return scope.owner is not None and scope.owner.inherits(
            "unittest.IsolatedAsyncioTestCase", "unittest.async_case.IsolatedAsyncioTestCase"
        )
    if not scope.is_test and not scope.fixture:
        return False
    is_after_yield = scope.fixture is not None and bool(scope.yields) and start(node) > start(scope.yields[-1])
    return is_after_yield or not TRIES.isdisjoint(scope.nodes) and any(field == "finalbody" for _, field in blocks(scope, node))


def hiding(scope: Function, node: ast.Await) -> tuple[str, list[ast.expr]]:
    """How an await drops what tasks raised, and the tasks: "gather", "suppress(Exception)", "except Exception"; "" if it may not."""
    call = node.value
    if isinstance(call, ast.Call) and scope.dotted(call.func) == "asyncio.gather":
        is_dropped = scope.constant(keyword(call, "return_exceptions")) is True and is_unread(scope, node)
        return "gather" if is_dropped else "", [one.value if isinstance(one, ast.Starred) else one for one in call.args]
    if isinstance(call, ast.Call) and scope.dotted(call.func) in ("asyncio.wait_for", "asyncio.shield") and call.args:
        call = call.args[0]
    for block, field in blocks(scope, node):
        if field == "body" and (how := swallows(scope, block, ("Exception", "BaseException"))):
            return how, [call]
        if field == "body" and isinstance(block, ast.Try) and not all(map(_does_nothing, _handling(block))):
            break
    return "", []


def _handling(block: ast.Try) -> list[ast.stmt]:
    """What the handlers of a try block do."""
    return [statement for handler in block.handlers for statement in handler.body]


def reads_of_task(scope: Function, task: ast.expr) -> list[tuple[Scope, ast.expr]] | None:
    """Every place that reads a task, or a list of tasks, which the function or its TestCase starts; None for anything else."""
    if isinstance(task, ast.Name):
        bindings = scope.reaching(task.id, task)
        if len(bindings) == 1 and bindings[0].how == "for" and isinstance(bindings[0].value, ast.Name):
            task = bindings[0].value
        made = scope.plain(task)
        is_own = is_bound_to(scope, task, made) and task.id not in scope.shared_names and is_started(scope, made)
        return list(uses_with_scope(scope, task.id)) if is_own else None
    head, _, name = attribute_path(task).partition(".")
    if scope.owner is None or head not in [one.arg for one in scope.node.args.args[:1]]:
        return None
    made = scope.owner.attribute(name) if "." not in name else ()
    if not made or not all(where.name == "asyncSetUp" and is_started(where, one) for where, one in made):
        return None
    return [(where, read) for where, use in _selves_of(scope.module) if getattr(read := where.parent(use), "attr", "") == name
            and isinstance(read.ctx, ast.Load)]  # fmt: skip


def _selves_of(module: Module) -> Iterator[tuple[Scope, ast.Name]]:
    """Every `self` in the methods of a file."""
    for method in module.all_functions:
        if method.owner is not None and method.node.args.args:
            yield from uses_with_scope(method, method.node.args.args[0].arg)


def is_started(scope: Scope, made: ast.expr | None) -> bool:
    """Whether an expression starts a task that may fail, or a list of such tasks."""
    if isinstance(made, (ast.List, ast.Tuple)):
        return bool(made.elts) and all(is_started(scope, one) for one in made.elts)
    if isinstance(made, ast.ListComp):
        return is_started(scope, made.elt)
    if not isinstance(made, ast.Call) or not spawns(scope, made) or not made.args:
        return False
    coroutine = made.args[0]
    return isinstance(coroutine, ast.Call) and last_name(coroutine.func) not in ONLY_WAITS and not waits_for_event(scope, coroutine)


def is_cancelled_in_teardown(reads: list[tuple[Scope, ast.expr]], node: ast.Await) -> bool:
    """Whether one of the reads of a task cancels it when the test is over, before a node waits for it."""
    for where, read in reads:
        what = fate(where, read)
        if start(read) < start(node) and isinstance(where, Function) and is_teardown(where, read):
            if getattr(what.by, "attr", "") == "cancel" or what.what == "iterated" and _cancels_each(where, what.by):
                return True
    return False


def tells_nothing(scope: Scope, read: ast.expr, node: ast.Await) -> bool:
    """Whether reading a task, or a list of tasks, tells nobody how it ended: it is cancelled, waited for and dropped."""
    what = fate(scope, read)
    if what.what == "attribute":
        attribute = getattr(what.by, "attr", "")
        return (
            attribute in ("cancel", "cancelling", "uncancel", "get_name", "set_name")
            or attribute == "done"
            and _only_spares_cancel(scope, what.by)
        )
    if what.what == "iterated":
        name = getattr(what.by.target, "id", None)
        uses = list(uses_with_scope(scope, name)) if name else []
        return bool(uses) and all(fate(*one).what != "iterated" and tells_nothing(*one, node) for one in uses)
    if what.what == "compared":
        return all(isinstance(one, ast.Constant) and one.value is None for one in what.by.comparators)
    waiting = _await_of(scope, read)
    return (
        what.what == "truth" or waiting is node or waiting is not None and isinstance(scope, Function) and hiding(scope, waiting)[0] != ""
    )


def _only_spares_cancel(scope: Scope, done: ast.AST) -> bool:
    """Whether `task.done()` is only asked to leave out a `cancel()`: `if not task.done(): task.cancel()`."""
    block = scope.statement(done)
    if isinstance(block, ast.If) and is_still_running(block.test) and not block.orelse and len(block.body) == 1:
        return ast.unparse(block.body[0]) == ast.unparse(block.test.operand).replace(".done()", ".cancel()")
    return False


def _await_of(scope: Scope, read: ast.expr) -> ast.Await | None:
    """The await that waits for a task, alone or in a `gather`."""
    what = fate(scope, read)
    call = scope.parent(what.by) if isinstance(what.by, ast.Starred) else what.by
    is_gathered = isinstance(call, ast.Call) and scope.dotted(call.func) == "asyncio.gather"
    return awaiting(scope, call if is_gathered else read)
