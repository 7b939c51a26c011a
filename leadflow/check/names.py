"""Which names each file declares and imports (rule D5): what is declared twice, and what an import does not find."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from leadflow.check.messages.names import duplicate, list_and_name, not_in_module, shadowing
from leadflow.check.program import (
    AgentSymbol,
    BrokenSymbol,
    ConstSymbol,
    FlowSymbol,
    ModuleScope,
    ModuleSymbol,
    PolicySymbol,
    Program,
    Symbol,
    ToolSymbol,
    TypeSymbol,
)
from leadflow.diagnostics import Span
from leadflow.plan.annotations import MARKS, ROWS
from leadflow.syntax import tree

T = TypeVar("T")

BUILT_IN_TYPES = ("string", "int", "float", "bool", "duration", "money", "time", "file", "json", "list", "map", "none")


def declare(program: Program, uses: Mapping[int, str]) -> None:
    """Fill `program.scopes`.

    Args:
        uses: the module that each `use` leads to, by the node's id; those that lead nowhere are missing, and have
            been reported.
    """
    for module in program.modules.values():
        program.scopes[module.name] = ModuleScope(module)
    owned: dict[str, dict[str, Span]] = {}
    for scope in program.scopes.values():
        owned[scope.module.name] = _own(program, scope)
    for scope in program.scopes.values():
        for item in scope.module.tree.items:
            if isinstance(item, tree.Use):
                _import(program, scope, item, uses.get(item.id))


# --- own declarations ---------------------------------------------------------------------------------------------


def _own(program: Program, scope: ModuleScope) -> dict[str, Span]:
    types: dict[str, Span] = {}
    policies: dict[str, Span] = {}
    tests: dict[str, Span] = {}
    for item in scope.module.tree.items:
        match item:
            case tree.RecordDecl(name=name) | tree.AliasDecl(name=name):
                if name.text in BUILT_IN_TYPES:
                    program.report(shadowing(name.span, name.text, what="type", outer="a built-in type", first=None))
                elif _is_new(program, types, name.text, name.span, what="type"):
                    scope.types[name.text] = TypeSymbol(scope.key(name.text), item, scope)
            case tree.PolicyDecl(name=name):
                if name.text in ROWS or name.text in MARKS:
                    outer = "a built-in annotation"
                    program.report(shadowing(name.span, name.text, what="policy", outer=outer, first=None))
                elif _is_new(program, policies, name.text, name.span, what="policy"):
                    scope.policies[name.text] = PolicySymbol(scope.key(name.text), item, scope)
            case tree.TestDecl(name=text) | tree.ProfileDecl(name=text):
                what = "test" if isinstance(item, tree.TestDecl) else "profile"
                label = (text.plain or "") if isinstance(text, tree.Text) else text.text
                _is_new(program, tests, label, text.span, what=what)
            case (
                tree.AgentDecl(name=name)
                | tree.ToolDecl(name=name)
                | tree.FlowDecl(name=name)
                | tree.ConstDecl(name=name)
            ):
                symbol = _symbol(scope, item)
                if _is_new(program, scope.places, name.text, name.span, what=_word(symbol)):
                    scope.values[name.text] = symbol
            case _:
                pass
    return types


def _symbol(scope: ModuleScope, item: tree.AgentDecl | tree.ToolDecl | tree.FlowDecl | tree.ConstDecl) -> Symbol:
    key = scope.key(item.name.text)
    match item:
        case tree.AgentDecl():
            return AgentSymbol(key, item, scope)
        case tree.ToolDecl():
            return ToolSymbol(key, item, scope)
        case tree.FlowDecl():
            return FlowSymbol(key, item, scope)
        case tree.ConstDecl():
            return ConstSymbol(key, item, scope)


def _word(symbol: Symbol) -> str:
    words: dict[type, str] = {AgentSymbol: "agent", ToolSymbol: "tool", FlowSymbol: "flow", ConstSymbol: "constant"}
    return words.get(type(symbol), "import")


def _is_new(program: Program, places: dict[str, Span], name: str, span: Span, *, what: str) -> bool:
    first = places.setdefault(name, span)
    if first is not span:
        program.report(duplicate(span, name, what=what, first=first))
    return first is span


# --- imports ------------------------------------------------------------------------------------------------------


def _import(program: Program, scope: ModuleScope, use: tree.Use, target: str | None) -> None:
    source = program.scopes.get(target) if target is not None else None
    if use.names is None:
        name = use.alias or (use.path[-1] if use.path else None)
        local = name.text if name is not None else _stem(use)
        symbol: Symbol = BrokenSymbol() if source is None else ModuleSymbol(source, use)
        if local and _is_new(program, scope.places, local, (name or use).span, what="import"):
            scope.values[local] = symbol
        elif local:
            scope.used.add(local)
        return
    if use.alias is not None:
        program.report(list_and_name(use.alias.span, use.alias.text))
    for used in use.names:
        local = (used.alias or used.name).text
        found = _take(source, used.name.text)
        if source is not None and not found:
            known = program.known(_declared(source))
            program.report(not_in_module(used.name.span, used.name.text, module=_path(use), known=known))
        if _is_hidden(program, used, found):
            scope.used.add(local)
            continue
        if _is_new(program, scope.places, local, (used.alias or used.name).span, what="import"):
            _put(scope, local, found)
            continue
        scope.used.add(local)  # it has two meanings, which was said; whether one of them is read is not clear
        if found:
            _put_beside(scope, local, found)


def _is_hidden(program: Program, used: tree.UsedName, found: "_Found | None") -> bool:
    """True for a type or policy under a name that is built in, which is reported: nobody could ever read it."""
    name = used.alias or used.name
    _, type_, policy = found or (None, None, None)
    outer = None
    if type_ is not None and name.text in BUILT_IN_TYPES:
        outer = "a built-in type"
    elif policy is not None and (name.text in ROWS or name.text in MARKS):
        outer = "a built-in annotation"
    if outer is not None:
        program.report(shadowing(name.span, name.text, what="import", outer=outer, first=None))
    return outer is not None


def _stem(use: tree.Use) -> str:
    path = (use.file.plain or "") if use.file is not None else ""
    return path.rsplit("/", 1)[-1].removesuffix(".flow").removesuffix(".json").removesuffix(".schema")


def _path(use: tree.Use) -> str:
    if use.file is not None:
        return use.file.plain or ""
    return ".".join(part.text for part in use.path)


def _declared(source: ModuleScope) -> list[str]:
    """What a file declares itself."""
    values = [name for name, symbol in source.values.items() if getattr(symbol, "home", None) is source]
    types = [name for name, symbol in source.types.items() if symbol is not None and symbol.home is source]
    policies = [name for name, symbol in source.policies.items() if symbol is not None and symbol.home is source]
    return list(dict.fromkeys([*values, *types, *policies]))


_Found = tuple[Symbol | None, TypeSymbol | None, PolicySymbol | None]


def _take(source: ModuleScope | None, name: str) -> _Found | None:
    """What a file declares under a name, as a value, a type and a policy; None when it declares nothing."""
    if source is None:
        return None
    value = source.values.get(name)
    type_, policy = source.types.get(name), source.policies.get(name)
    found = (
        value if getattr(value, "home", None) is source else None,
        type_ if type_ is not None and type_.home is source else None,
        policy if policy is not None and policy.home is source else None,
    )
    return found if any(part is not None for part in found) else None


def _put(scope: ModuleScope, local: str, found: _Found | None) -> None:
    if found is None:
        scope.values[local] = BrokenSymbol()
        scope.types.setdefault(local, None)
        scope.policies.setdefault(local, None)
        return
    value, type_, policy = found
    if value is not None:
        scope.values[local] = value
    _put_beside(scope, local, (None, type_, policy))


def _put_beside(scope: ModuleScope, local: str, found: _Found) -> None:
    _, type_, policy = found
    if type_ is not None:
        scope.types.setdefault(local, type_)
    if policy is not None:
        scope.policies.setdefault(local, policy)


def find_type(program: Program, scope: ModuleScope, path: tuple[tree.Ident, ...]) -> TypeSymbol | bool | None:
    """The declared type of a path; False when there is none, None when that has been reported."""
    return _find(program, scope, path, lambda home: home.types)


def find_policy(program: Program, scope: ModuleScope, path: tuple[tree.Ident, ...]) -> PolicySymbol | bool | None:
    """The bundle of a path; False when there is none, None when that has been reported."""
    return _find(program, scope, path, lambda home: home.policies)


def _find(
    program: Program,
    scope: ModuleScope,
    path: tuple[tree.Ident, ...],
    table: Callable[[ModuleScope], Mapping[str, T | None]],
) -> T | bool | None:
    name = path[-1].text
    if len(path) == 1:
        home = scope
    else:
        owner = scope.values.get(path[0].text)
        if isinstance(owner, BrokenSymbol):
            return None
        if len(path) != 2 or not isinstance(owner, ModuleSymbol):
            return False
        scope.used.add(path[0].text)
        home = owner.scope
    names = table(home)
    if name not in names:
        return False
    if home is scope:
        scope.used.add(name)
    symbol = names[name]
    decl = getattr(symbol, "decl", None)
    if decl is not None:
        program.used.add(decl.id)
    return symbol
