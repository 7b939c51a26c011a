"""The checker on one page: names, types and constants, agents, effects, flows, triggers and tests, lint.

Pure: it is given the parsed files and the catalogue, and opens nothing.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from leadflow.check.agents import declare_agents, read_profile
from leadflow.check.checked import CallInfo, Checked
from leadflow.check.context import Context
from leadflow.check.declarations import declare_types_and_consts
from leadflow.check.effects import find_effects
from leadflow.check.flows import check_flow, declare_signatures
from leadflow.check.gather import gathered
from leadflow.check.lint import is_library, lint_files
from leadflow.check.loader import Loaded
from leadflow.check.locks import with_missing_locks
from leadflow.check.names import declare
from leadflow.check.policies import check_bundle
from leadflow.check.program import Agent, BrokenSymbol, FlowSymbol, ModuleSymbol, Program
from leadflow.check.tools import check_repeats, check_tools, list_tools, tool_words
from leadflow.check.trials import check_trials
from leadflow.check.unrun import check_unrun
from leadflow.diagnostics import Diagnostic, Report, Span, did_you_mean
from leadflow.plan.kinds import PREDECLARED, Catalogue
from leadflow.plan.plan import AgentSpec, Place
from leadflow.syntax import tree


class UnknownProfile(LookupError):
    """A profile was asked for that the program does not have."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        hint = did_you_mean(name, known) or (f"; there is {', '.join(known)}" if known else ", nor any other")
        super().__init__(f"there is no profile '{name}'{hint}")
        self.known = tuple(known)


def check(
    loaded: Loaded,
    catalogue: Catalogue,
    report: Report,
    *,
    profile: str | None = None,
    missing: Sequence[Diagnostic] = (),
) -> Checked:
    """Check a program, without a profile and under each of its profiles (rule E9); all findings go to `report`.

    Args:
        profile: the profile whose program is returned.
        missing: what there is to say of locks that are missing, which is told along with what follows from it.

    Returns:
        What is known of the program under the given profile. It is complete when `report` has no errors.

    Raises:
        UnknownProfile: the program has no profile of that name. This is the caller's mistake, not the author's.
    """
    names = profiles(loaded)
    if profile is not None and profile not in names:
        raise UnknownProfile(profile, names)
    if report.has_errors:
        for lock in missing:
            report(lock)
        return _check_broken(loaded, catalogue, report)
    plain = Report()
    base = _check(loaded, catalogue, plain, profile=None, base_calls={})
    lint_files(base)
    chosen = base
    for name in names:
        found = Report()
        program = _check(loaded, catalogue, found, profile=name, base_calls=base.calls)
        _pass_on(found, plain, name)
        if name == profile:
            chosen = program
    for finding in with_missing_locks(base, gathered(plain, _declarations(loaded)), missing):
        report(finding)
    return _result(chosen, base.alone)


_SHAKY = frozenset(
    (
        *(201, 204, 205, 206, 209, 211, 213, 214, 216, 218, 303, 306, 309, 310, 312, 315, 316, 317, 321, 324, 325, 330),
        *(401, 403, 407, 414, 460),
    )
)
"""Numbers of findings that may only say that a part of the text could not be read."""
_SHAKY_NEAR = frozenset((215, 240, 301, 302, 305, 319, 331, 333, 335, 402, 404, 405, 406, 413, 432, 435, 441))
"""Numbers of findings that may only say so when they, or what they point at, stand in the same declaration."""


def _check_broken(loaded: Loaded, catalogue: Catalogue, report: Report) -> Checked:
    """Check files that could not be read in full: what is surely wrong is said along with what could not be read."""
    found = Report()
    program = _check(loaded, catalogue, found, profile=None, base_calls={})
    declaration = _declarations(loaded)
    unread = {declaration(finding.span) for finding in report if finding.code.startswith("FLOW1")}
    for finding in gathered(found, declaration):
        number = int(finding.code[4:])
        places = (finding.span, *(label.span for label in finding.labels))
        is_near = number in _SHAKY_NEAR and any(declaration(place) in unread for place in places)
        if finding.severity == "error" and number not in _SHAKY and not is_near:
            report(finding)
    return _result(program, ())


def _declarations(loaded: Loaded) -> Callable[[Span], tuple[str, int]]:
    """Which declaration a place lies in."""
    starts = {module.source.name: [item.span.start for item in module.tree.items] for module in loaded.modules.values()}
    return lambda span: (span.file, bisect_right(starts.get(span.file, ()), span.start))


def profiles(loaded: Loaded) -> list[str]:
    """The names of the profiles of the project's files."""
    trees = (module.tree for module in loaded.modules.values() if not is_library(module.name))
    names = (item.name.text for file in trees for item in file.items if isinstance(item, tree.ProfileDecl))
    return list(dict.fromkeys(names))


def _pass_on(found: Report, report: Report, profile: str) -> None:
    """Report the errors that only a profile has, with its name."""
    known = {(d.code, d.span, d.message) for d in report}
    for diagnostic in found:
        if diagnostic.severity == "error" and (diagnostic.code, diagnostic.span, diagnostic.message) not in known:
            report(replace(diagnostic, message=f"with profile '{profile}': {diagnostic.message}"))


def _check(
    loaded: Loaded, catalogue: Catalogue, report: Report, *, profile: str | None, base_calls: Mapping[int, CallInfo]
) -> Program:
    """All phases, in order, under one profile."""
    program = Program(loaded.main, loaded.modules, catalogue, report, profile, base_calls=base_calls)
    declare(program, loaded.uses)
    read_profile(program)
    declare_types_and_consts(program)
    for scope in program.scopes.values():
        for item in scope.module.tree.items:
            if isinstance(item, tree.PolicyDecl):
                check_bundle(Context(program, scope, "setting"), item)
    declare_agents(program)
    declare_signatures(program)
    flows = {
        symbol.key: symbol
        for scope in program.scopes.values()
        for symbol in scope.values.values()
        if isinstance(symbol, FlowSymbol) and symbol.home is scope
    }
    check_tools(program)
    for key in find_effects(program):
        check_flow(program, flows[key])
    check_repeats(program)
    check_unrun(program)
    check_trials(program)
    return program


def _result(program: Program, alone: Sequence[Diagnostic]) -> Checked:
    used = {getattr(call, "agent", "") for call in program.calls.values()}
    agents = {
        key: _spec(agent)
        for key, agent in program.agents.items()
        if agent.kind is not None and not agent.missing and (key not in PREDECLARED or agent.home or key in used)
    }
    return Checked(
        main=program.main,
        modules=program.modules,
        profile=program.profile,
        flows={key: program.flows[key] for key in sorted(program.flows, key=lambda key: program.flows[key].decl.id)},
        agents=agents,
        refs=program.refs,
        calls=program.calls,
        steps=program.steps,
        types=program.types,
        fits=program.fits,
        constants=program.constants,
        needs=program.needs,
        declared=program.declared,
        fills=program.fills,
        tools=list_tools(program),
        mocks=program.mocks,
        starts=program.starts,
        samples=program.samples,
        names=_names(program),
        alone=tuple(alone),
    )


def _names(program: Program) -> Mapping[str, str]:
    """What the main file calls what it imports."""
    names: dict[str, str] = {}
    for name, symbol in program.scopes[program.main.name].values.items():
        if isinstance(symbol, ModuleSymbol):
            names[symbol.scope.module.name] = name
        elif not isinstance(symbol, BrokenSymbol) and "." in symbol.key:
            names[symbol.key] = name
    return names


def _spec(agent: Agent) -> AgentSpec:
    """An agent as the plan has it."""
    place = None
    if agent.home is not None and agent.span is not None:
        at = agent.home.module.source.position(agent.span.start)
        place = Place(agent.span.file, at.line, at.column)
    settings = {name: setting.folded for name, setting in sorted(agent.settings.items())}
    settings |= (agent.kind.facts if agent.kind is not None else None) or {}
    calls = None if agent.tool is None else tool_words(agent.tool.decl.target)
    return AgentSpec(agent.key, agent.kind_name, settings, tuple(agent.shared), agent.shares, place, calls)
