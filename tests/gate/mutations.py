"""Small mistakes, made in a module on purpose: what a test that looks at it has to notice.

A mutation changes one place of a syntax tree: a comparison, a boundary, a number, a truth, an operation, an argument
of what is built, or it leaves out a statement. What would only crash (a name that is not assigned) is not made, since
any test notices that. Texts are left alone, since messages are goldens or prose; so are annotations, docstrings,
slots, and what only says a type.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
OPERATIONS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "popleft": "pop", "heappush": "heappop"}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of one place."""

    line: int
    function: str
    """What it stands in; empty for the module."""
    before: str
    after: str
    """Its text; empty for a statement that is left out."""

    @property
    def key(self) -> str:
        """What it is called, whatever line it stands on."""
        return f"{self.function}: {self.before} -> {self.after or 'nothing'}"


Found = tuple[Mutation, Callable[[], None]]
"""A mutation, and what makes it in the tree that it was found in."""


def mutations(tree: ast.Module) -> Iterator[Found]:
    """Every mutation of a module, in the order of its text. Made in the tree itself: use one per tree."""
    yield from _of_body(tree, "")


def mutated(text: str, number: int) -> ast.Module:
    """The tree of a text with its mutation of that number made."""
    tree = ast.parse(text)
    for at, (_, make) in enumerate(list(mutations(tree))):
        if at == number:
            make()
            return ast.fix_missing_locations(tree)
    raise IndexError(f"there are not {number} mutations")


def _of_body(node: ast.AST, function: str) -> Iterator[Found]:
    """The mutations of all that stands in a node."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _of(child, function, node, name)


def _of(node: ast.AST, function: str, parent: ast.AST, field: str) -> Iterator[Found]:
    if _says_no_more_than_types(node):
        return
    inside = function
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        inside = f"{function}.{node.name}" if function else node.name
    if isinstance(node, ast.stmt):
        yield from _left_out(node, function, parent, field)
    if isinstance(node, ast.expr):
        yield from _changed(node, function, parent, field)
    yield from _of_body(node, inside)


def _says_no_more_than_types(node: ast.AST) -> bool:
    """Imports, docstrings, aliases of types, slots, protocols: nothing that runs, or nothing that can go wrong."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.arguments(defaults=[], kw_defaults=[]):
            return True
        case ast.Expr(value=ast.Constant()) | ast.JoinedStr():
            return True
        case ast.ClassDef(bases=[*_, ast.Name(id="Protocol")]):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case ast.Assign(targets=[ast.Name(id="__slots__" | "__all__")]):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "cast"))):
            return True
    return False


def _found(node: ast.expr | ast.stmt, function: str, after: str, make: Callable[[], None]) -> Found:
    return Mutation(node.lineno, function, _told(node), after), make


def _told(node: ast.AST) -> str:
    lines = ast.unparse(node).splitlines()
    return lines[0] if len(lines) == 1 else lines[0] + " …"


def _left_out(node: ast.stmt, function: str, parent: ast.AST, field: str) -> Iterator[Found]:
    """A statement that is not there."""
    where = getattr(parent, field)
    match node:
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Delete() | ast.Continue() | ast.Break():
            pass
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) if not function.endswith("__init__"):
            pass
        case _:
            return
    at = next(number for number, each in enumerate(where) if each is node)

    def leave_out() -> None:
        where[at] = ast.copy_location(ast.Pass(), node)

    yield _found(node, function, "", leave_out)


def _changed(node: ast.expr, function: str, parent: ast.AST, field: str) -> Iterator[Found]:
    """An expression that is another one."""
    for other in _others(node):
        yield _found(node, function, _told(other), _setter(node, other, parent, field))
    is_condition = field == "test" and isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert)
    if is_condition and isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr):
        other = ast.copy_location(ast.UnaryOp(ast.Not(), node), node)
        yield _found(node, function, _told(other), _setter(node, other, parent, field))
    match parent:  # what is built is given: a record, or something by name
        case ast.Call(func=ast.Name(id=name)) if field == "args" and name[0].isupper():
            is_given = True
        case _:
            is_given = isinstance(parent, ast.keyword)
    if is_given and not isinstance(node, ast.Constant | ast.JoinedStr | ast.Starred | ast.Lambda):
        other = ast.copy_location(ast.Constant(None), node)
        yield _found(node, function, f"None for {_told(node)}", _setter(node, other, parent, field))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _others(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left, [op], [right]):
            for kind in COMPARISONS[type(op)]:
                yield ast.copy_location(ast.Compare(left, [kind()], [right]), node)
        case ast.BoolOp(op, values):
            yield ast.copy_location(ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values), node)
        case ast.UnaryOp(ast.Not(), operand) | ast.UnaryOp(ast.USub(), operand):
            yield operand
        case ast.BinOp(left, op, right) if type(op) in OPERATIONS and not (_is_text(left) or _is_text(right)):
            yield ast.copy_location(ast.BinOp(left, OPERATIONS[type(op)](), right), node)
        case ast.Constant(bool() as value):
            yield ast.copy_location(ast.Constant(not value), node)
        case ast.Constant(int() | float() as value):
            yield ast.copy_location(ast.Constant(value + 1), node)
        case ast.Call(ast.Name(id=name), args, keywords) if name in NAMES:
            yield ast.copy_location(ast.Call(ast.Name(NAMES[name], ast.Load()), args, keywords), node)
        case ast.Call(ast.Attribute(value, name), args, keywords) if name in NAMES:
            yield ast.copy_location(ast.Call(ast.Attribute(value, NAMES[name], ast.Load()), args, keywords), node)
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)


def _setter(node: ast.expr, other: ast.expr, parent: ast.AST, field: str) -> Callable[[], None]:
    def change() -> None:
        value = getattr(parent, field)
        if isinstance(value, list):
            value[next(number for number, each in enumerate(value) if each is node)] = other
        else:
            setattr(parent, field, other)

    return change
