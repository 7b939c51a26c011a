"""Values, types, expressions and plans that hypothesis draws: of every class of the plan, without meaning."""

from datetime import UTC, timedelta
from typing import get_args

from hypothesis import strategies as st

from leadflow.plan import expr, plan, policy, types
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.operators import MAX_INT
from leadflow.plan.types import Type, Value


def tuples(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[tuple[Value, ...]]:
    """Short lists."""
    return st.lists(inner, max_size=3).map(tuple)


NAMES = st.text(st.characters(min_codepoint=32), min_size=1, max_size=4) | st.sampled_from(["is", "$per", "$secret"])
COUNTS = st.integers(0, 5)
EFFECTS = st.sampled_from(types.EFFECTS)
DURATIONS = st.timedeltas(timedelta(0), timedelta(days=400))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-MAX_INT - 1, MAX_INT),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
    DURATIONS,
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-MAX_INT, MAX_INT).map(types.Money),
    NAMES.map(types.FileRef),
)
VALUES: st.SearchStrategy[Value] = st.recursive(
    SCALARS,
    lambda inner: tuples(inner) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


# --- types --------------------------------------------------------------------------------------------------------

PRIMS = st.sampled_from([types.Prim(name) for name in get_args(types.PrimName)])
CONSTRAINTS = st.lists(
    st.builds(types.Range, st.none() | COUNTS, st.none() | st.floats(0, 9))
    | st.builds(types.Length, st.none() | COUNTS, st.none() | COUNTS)
    | st.builds(types.Pattern, st.sampled_from(["a+", "[0-9]{1,3}|none"])),
    max_size=2,
).map(tuple)


def fields_of(
    inner: st.SearchStrategy[Type], defaults: st.SearchStrategy[Value]
) -> st.SearchStrategy[tuple[types.FieldType, ...]]:
    """Fields of a record, with names of their own."""
    default = st.just(types.MISSING) | defaults
    one = st.builds(types.FieldType, NAMES, inner, default, CONSTRAINTS, st.none() | NAMES)
    return st.lists(one, max_size=3, unique_by=lambda field: field.name).map(tuple)


TYPES: st.SearchStrategy[Type] = st.recursive(
    PRIMS | st.builds(types.LiteralType, NAMES),
    lambda inner: st.one_of(
        st.builds(types.OptionalType, inner),
        st.builds(types.ListType, inner),
        st.builds(types.MapType, inner),
        st.builds(types.RecordType, fields_of(inner, VALUES), st.none() | NAMES),
        st.lists(inner, min_size=2, max_size=3).map(lambda members: types.UnionType(tuple(members))),
    ),
    max_leaves=5,
)

# --- expressions --------------------------------------------------------------------------------------------------

GUARDS = st.none() | st.builds(expr.Guard, COUNTS, st.none() | st.lists(COUNTS, max_size=2).map(tuple))
LEAVES: st.SearchStrategy[expr.Expr] = st.one_of(
    st.builds(expr.Const, VALUES),
    st.builds(expr.Bound, COUNTS, COUNTS),
    st.builds(expr.NodeValue, COUNTS),
    st.builds(expr.LetValue, COUNTS),
    st.builds(expr.Local, COUNTS),
    st.builds(expr.RunValue, st.sampled_from(["id", "started", "flow"])),
)


def _bigger(inner: st.SearchStrategy[expr.Expr]) -> st.SearchStrategy[expr.Expr]:
    some = st.lists(inner, max_size=2).map(tuple)
    choices = st.lists(st.tuples(st.none() | tuples(SCALARS), inner), max_size=2).map(tuple)
    return st.one_of(
        st.builds(expr.Phi, st.lists(st.tuples(GUARDS, inner), max_size=2).map(tuple)),
        st.builds(
            expr.Template,
            st.lists(st.text(max_size=3) | inner, max_size=3).map(tuple),
            st.sampled_from(get_args(expr.SlotKind)),
        ),
        st.builds(expr.Member, inner, NAMES, st.booleans()),
        st.builds(expr.Index, inner, inner),
        st.builds(expr.ListOf, some),
        st.builds(expr.RecordOf, st.lists(st.tuples(NAMES, inner), max_size=2).map(tuple)),
        st.builds(expr.Comprehension, inner, COUNTS, inner, st.none() | inner),
        st.builds(expr.Binary, st.sampled_from(get_args(expr.BinaryOp)), inner, inner),
        st.builds(expr.Unary, st.sampled_from(["not", "-"]), inner),
        st.builds(expr.Choose, inner, choices),
        st.builds(expr.Apply, st.sampled_from(sorted(FUNCTIONS)), some),
        st.builds(expr.Fit, inner, TYPES),
    )


EXPRS: st.SearchStrategy[expr.Expr] = st.recursive(LEAVES, _bigger, max_leaves=6)

# --- plans --------------------------------------------------------------------------------------------------------

PLACES = st.builds(plan.Place, NAMES, COUNTS, COUNTS)
RATES = st.builds(policy.PerTime, COUNTS, DURATIONS)
REACTIONS = st.builds(policy.Reaction, st.sampled_from(get_args(policy.Does)), st.none() | COUNTS, st.none() | NAMES)
POLICIES: st.SearchStrategy[policy.Policy] = st.one_of(
    st.builds(
        policy.Retry, COUNTS, DURATIONS, st.floats(1, 9), DURATIONS, st.sampled_from(get_args(policy.Jitter)),
        st.none() | st.lists(st.sampled_from(policy.ERROR_CLASSES), max_size=2).map(tuple), st.none() | DURATIONS,
    ),
    st.builds(policy.Timeout, st.none() | DURATIONS, st.none() | DURATIONS, st.none() | DURATIONS),
    st.builds(policy.Fallback, st.lists(NAMES, max_size=2).map(tuple)),
    st.builds(policy.Optional),
    st.builds(policy.OnFailure, st.sampled_from(get_args(policy.Strategy))),
    st.builds(policy.Concurrency, COUNTS),
    st.builds(policy.Priority, COUNTS),
    st.builds(policy.Idempotent),
    st.builds(policy.Once),
    st.builds(policy.Breaker, st.none() | COUNTS, st.none() | st.floats(0.01, 1), DURATIONS, COUNTS),
    st.builds(policy.Limit, st.lists(RATES, max_size=2).map(tuple), st.none() | RATES, st.none() | COUNTS),
    st.builds(policy.Budget, st.none() | st.builds(types.Money, COUNTS), st.none() | COUNTS, st.none() | COUNTS),
    st.builds(policy.Cache, DURATIONS, st.none() | DURATIONS),
    st.builds(policy.Hedge, DURATIONS),
    st.builds(
        policy.OnError,
        st.lists(st.tuples(st.sampled_from(policy.ERROR_CLASSES), REACTIONS), max_size=2).map(tuple),
    ),
)  # fmt: skip
APPLIED = st.lists(st.builds(policy.Applied, NAMES, POLICIES, NAMES, NAMES), max_size=2).map(tuple)
ARGS = st.lists(st.tuples(NAMES, EXPRS), max_size=2).map(tuple)
AGENT_CALLS = st.builds(
    plan.AgentCall, NAMES, NAMES, ARGS, TYPES, st.booleans(), EFFECTS, st.booleans(), st.none() | EXPRS,
    st.none() | EXPRS,
)  # fmt: skip
FLOW_CALLS = st.builds(plan.FlowCall, NAMES, st.lists(EXPRS, max_size=2).map(tuple))
WORK: st.SearchStrategy[plan.Work] = st.one_of(
    AGENT_CALLS,
    FLOW_CALLS,
    st.builds(plan.For, EXPRS, st.none() | EXPRS, COUNTS),
    st.builds(plan.Repeat, EXPRS, EXPRS, COUNTS, EXPRS, st.none() | EXPRS),
    st.builds(plan.Parallel, COUNTS, st.none() | COUNTS),
    st.builds(plan.Race, COUNTS),
    st.builds(plan.Do, COUNTS),
    st.builds(plan.Branch, EXPRS, st.lists(st.none() | tuples(SCALARS), max_size=2).map(tuple), st.just(("a",))),
    st.builds(plan.Merge, st.lists(st.builds(expr.Guard, COUNTS), max_size=2).map(tuple)),
    st.builds(plan.Return, EXPRS),
    st.builds(plan.Yield, EXPRS),
    st.builds(plan.Fail, EXPRS),
)
NEEDS = st.lists(st.builds(plan.Need, COUNTS, st.sampled_from(get_args(plan.NeedWhy))), max_size=3).map(tuple)
NODES = st.builds(
    plan.Node,
    id=COUNTS, name=NAMES, scope=COUNTS, work=WORK, needs=NEEDS, guard=GUARDS, policies=APPLIED,
    catch=st.none() | st.builds(plan.Catch, EXPRS),
    undo=st.none() | st.builds(plan.Undo, st.none() | AGENT_CALLS | FLOW_CALLS, APPLIED, st.booleans()),
    effect=EFFECTS, type=TYPES, place=PLACES, level=COUNTS, rank=COUNTS, doc=st.none() | NAMES,
)  # fmt: skip
LETS = st.builds(plan.Let, NAMES, COUNTS, EXPRS, GUARDS, st.lists(COUNTS, max_size=2).map(tuple))
SCOPES = st.builds(
    plan.Scope, COUNTS, st.none() | COUNTS, st.none() | COUNTS, st.just(("a", "b")), st.just((1, 2)), st.just(())
)
FLOWS = st.builds(
    plan.FlowPlan, NAMES, fields_of(TYPES, VALUES), TYPES, st.lists(NODES, max_size=3).map(tuple),
    st.lists(SCOPES, max_size=2).map(tuple), st.lists(LETS, max_size=2).map(tuple), APPLIED, EFFECTS, PLACES,
    st.none() | NAMES,
)  # fmt: skip
SECRETS = st.builds(plan.Secret, NAMES, st.sampled_from(["raw", "bearer", "prefix"]), NAMES)
SETTINGS: st.SearchStrategy[plan.SettingValue] = st.recursive(
    VALUES | SECRETS,
    lambda inner: st.lists(inner, max_size=2).map(tuple) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=3,
)
AGENTS = st.builds(
    plan.AgentSpec, NAMES, NAMES, st.dictionaries(NAMES, SETTINGS, max_size=2), APPLIED, NAMES, st.none() | PLACES
)
PLANS = st.builds(
    plan.Plan,
    version=st.just(plan.PLAN_VERSION), edition=COUNTS, file=NAMES, profile=st.none() | NAMES,
    flows=st.dictionaries(NAMES, FLOWS, max_size=2), agents=st.dictionaries(NAMES, AGENTS, max_size=2),
    main=st.none() | NAMES, hash=NAMES,
)  # fmt: skip
