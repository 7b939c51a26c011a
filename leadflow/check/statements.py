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


def undo_of(step: tree.Step) -> tree.Undo | None:
    """The `undo` clause of a step."""
    return next((clause for clause in step.clauses if isinstance(clause, tree.Undo)), None)


def probe_of(step: tree.Step) -> tree.Call | None:
    """The call of a step's `@on_doubt(probe:)`."""
    for annotation in step.annotations:
        if [part.text for part in annotation.path] == ["on_doubt"]:
            for arg in annotation.args or ():
                if arg.name is not None and arg.name.text == "probe" and isinstance(arg.value, tree.Call):
                    return arg.value
    return None
