"""Walking statements: the blocks and steps of a flow, without looking into expressions. Without recursion."""

from collections.abc import Iterator

from leadflow.syntax import tree


def inner_blocks(statement: tree.Statement) -> list[tuple[tree.Block, str, tree.Expr | None]]:
    """The blocks of a statement, with what messages call them and, for arms, what decides which is taken."""
    match statement:
        case tree.Step(action=tree.For() | tree.Repeat() | tree.Parallel() | tree.Race() | tree.Do() as action):
            return [(action.body, type(action).__name__.lower(), None)]
        case tree.If(condition=condition):
            found: list[tuple[tree.Block, str, tree.Expr | None]] = [(statement.then, "arm", condition)]
            other = statement.otherwise
            while isinstance(other, tree.If):
                found.append((other.then, "arm", condition))
                other = other.otherwise
            return [*found, (other, "arm", condition)] if other is not None else found
        case tree.Match():
            return [(arm.body, "arm", statement.subject) for arm in statement.arms]
        case _:
            return []


def statements_in(block: tree.Block) -> Iterator[tree.Statement]:
    """Every statement of a block and of the blocks in it, in the order of the text."""
    waiting: list[tree.Statement] = list(reversed(block.statements))
    while waiting:
        statement = waiting.pop()
        yield statement
        inner = [part for body, _, _ in inner_blocks(statement) for part in body.statements]
        waiting.extend(reversed(inner))


def steps_in(block: tree.Block) -> Iterator[tree.Step]:
    """Every step of a block and of the blocks in it, in the order of the text."""
    return (statement for statement in statements_in(block) if isinstance(statement, tree.Step))


def steps_of(decl: tree.FlowDecl) -> Iterator[tree.Step]:
    """Every step of a flow, and the one that tells that it failed."""
    yield from steps_in(decl.body)
    if (told := escalation_of(decl)) is not None:
        yield told


def undo_of(step: tree.Step) -> tree.Undo | None:
    """The `undo` clause of a step."""
    return next((clause for clause in step.clauses if isinstance(clause, tree.Undo)), None)


ESCALATE = "escalate"
"""The argument of a flow's `@on_failure` that says whom to tell, and the name of the step that is made of it."""


def escalation_of(decl: tree.FlowDecl) -> tree.Step | None:
    """The call of a flow's `@on_failure(escalate:)` as a step, which stands for itself beside the body."""
    for annotation in decl.annotations:
        if [part.text for part in annotation.path] == ["on_failure"]:
            for arg in annotation.args or ():
                if arg.name is not None and arg.name.text == ESCALATE and isinstance(arg.value, tree.Call):
                    return tree.Step(arg.name, None, arg.value, (), (), id=arg.id, span=arg.span)
    return None


def probe_of(step: tree.Step) -> tree.Call | None:
    """The call of a step's `@on_doubt(probe:)`."""
    for annotation in step.annotations:
        if [part.text for part in annotation.path] == ["on_doubt"]:
            for arg in annotation.args or ():
                if arg.name is not None and arg.name.text == "probe" and isinstance(arg.value, tree.Call):
                    return arg.value
    return None
