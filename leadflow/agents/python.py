"""The kind `python`: the functions of a file of the project are the agent's actions.

The file is loaded when a run starts, never by `check`, and only from below the project's root. Functions that are not
`async` run in threads of their own, so that a blocking one cannot stall the run (case T7). What a function is given
is its own copy; what it returns is validated like any other answer.

A function raises `leadflow.Transient` to ask for another attempt and `leadflow.Permanent` to forbid one; anything else
it raises is its own failure, and not repeated. After a `ConnectionError` or `TimeoutError` nobody knows whether a
function that writes has done what it was asked for.
"""

import asyncio
import importlib.util
import inspect
import logging
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from leadflow.diagnostics import did_you_mean
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import FileRef, Value
from leadflow.plan.words import call_words
from leadflow.run.errors import CallError, FunctionCutOff, FunctionFailed, NotAllowed, Permanent, WrongUse
from leadflow.run.ports import Agent, Reply, Request, Uses, World

_log = logging.getLogger("leadflow")


class PythonKind:
    """Builds agents from files; a file that several agents name is loaded once."""

    row = BUILT_IN["python"]

    def __init__(self) -> None:
        self._modules: dict[Path, ModuleType] = {}

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent whose actions are the functions of its file.

        Raises:
            NotAllowed: the file is missing or lies outside of the project.
            Permanent: the file cannot be loaded, or has not the functions that the flow calls.
        """
        path = locate(spec, world.root)
        if path not in self._modules:
            self._modules[path] = _load(path, spec.name, world.root)
        module = self._modules[path]
        if spec.calls is None:  # a tool says again what its agent said
            _warn_of_strangers(module, path, spec)
        functions = {name: found for name in uses if (found := _function(module, name)) is not None}
        wrong = [*_missing(module, uses.keys() - functions.keys(), spec.name)]
        for name, function in functions.items():
            wrong += [misfit for shape in uses[name] for misfit in _misfits(function, name, shape, spec.name)]
        if wrong:
            problem = Permanent("; ".join(one.message for one in wrong), sent=False)
            problem.wrong = tuple(wrong)
            raise problem
        return PythonAgent(spec.name, functions, world.root)


class PythonAgent:
    """Calls functions, `async` ones on the loop and others in threads."""

    def __init__(self, name: str, functions: Mapping[str, Callable[..., object]], root: Path) -> None:
        self._name, self._root = name, root.resolve()
        self._functions = functions
        self._is_async = {action: inspect.iscoroutinefunction(call) for action, call in functions.items()}

    async def call(self, request: Request) -> Reply:
        """Call the function that the action names.

        Raises:
            CallError: as the function raised it; FunctionFailed for what else it raised, with the place.
        """
        function = self._functions[request.action]
        given, named = _arguments(request.args)
        name = call_words(self._name, request.action)
        try:
            if self._is_async[request.action]:
                return Reply(_plain(await cast(Awaitable[object], function(*given, **named))))
            return Reply(_plain(await _in_thread(function, given, named, name)))
        except CallError:
            raise
        except (Exception, SystemExit) as problem:  # what a function says of itself is the author's to read
            kind = FunctionCutOff if isinstance(problem, ConnectionError | TimeoutError) else FunctionFailed
            raise kind(f"{name}: {_told(problem, self._root)}") from problem

    async def aclose(self) -> None:
        """Nothing is held."""


def locate(spec: AgentSpec, root: Path) -> Path:
    """The file of an agent's functions.

    Raises:
        NotAllowed: it is missing, or lies outside of the project.
    """
    written = str(spec.settings["module"])
    relative = Path(written) if written.endswith(".py") else Path(*written.split(".")).with_suffix(".py")
    beside = Path(spec.place.file).parent if spec.place else Path()
    path = (root / beside / relative).resolve()
    if not path.is_relative_to(root.resolve()):
        raise NotAllowed(f"agent '{spec.name}': the module '{written}' lies outside of the project ({root})")
    if not path.is_file():
        hint = did_you_mean(path.name, (other.name for other in path.parent.glob("*.py")))
        said = f"agent '{spec.name}': there is no file '{beside / relative}' for its module '{written}'"
        raise NotAllowed(said + hint)
    return path


def _load(path: Path, agent: str, root: Path) -> ModuleType:
    """Run a file as a module. Files beside it can be imported by it: its folder goes to the end of the search path."""
    name = "leadflow_project." + "_".join(path.with_suffix("").parts[1:])
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Permanent(f"agent '{agent}': {path.name} is no Python file")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        del sys.modules[name]
        what = _told(problem, root.resolve())
        raise Permanent(f"agent '{agent}': loading {path.name} failed: {what}", sent=False) from problem
    return module


def _told(problem: BaseException, root: Path) -> str:
    """An exception on one line, with the innermost place in the project: `KeyError: 'q' (desk.py:5, in lookup)`."""
    said = " ".join(f"{type(problem).__name__}: {problem}".split())
    places = [
        f" ({Path(frame.f_code.co_filename).relative_to(root)}:{line}, in {frame.f_code.co_name})"
        for frame, line in traceback.walk_tb(problem.__traceback__)
        if Path(frame.f_code.co_filename).is_relative_to(root)
    ]
    return said + (places[-1] if places else "")


def _function(module: ModuleType, name: str) -> Callable[..., object] | None:
    found = None if name.startswith("_") else getattr(module, name, None)
    return cast(Callable[..., object], found) if callable(found) else None


def _missing(module: ModuleType, names: Iterable[str], agent: str) -> Iterator[WrongUse]:
    """The functions that a flow calls and the file does not have."""
    there = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    own = [name for name in there if getattr(vars(module)[name], "__module__", None) == module.__name__]
    for name in sorted(names):
        said = f"agent '{agent}': {Path(str(module.__file__)).name} has no function '{name}'"
        yield WrongUse(name, None, said + (did_you_mean(name, there) or f"; it has {', '.join(own) or 'none'}"))


def _warn_of_strangers(module: ModuleType, path: Path, spec: AgentSpec) -> None:
    """Say which functions the agent's settings name that are not there: a slip, and another function goes without."""
    there = [name for name, value in vars(module).items() if callable(value)]
    for setting in spec.settings.keys() & (PythonKind.row.effect_lists or {}).keys():
        named = spec.settings[setting]
        for name in named if isinstance(named, tuple) else ():
            if not hasattr(module, str(name)):
                hint = did_you_mean(str(name), there)
                _log.warning("agent '%s': %s names '%s', which %s does not have%s",
                             spec.name, setting, name, path.name, hint)  # fmt: skip


def _misfits(function: Callable[..., object], name: str, shape: tuple[str, ...], agent: str) -> Iterator[WrongUse]:
    """What is wrong with the arguments of a call."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions do not tell
        return
    given = [word for word in shape if word.isdigit()]
    named = {word: None for word in shape if not word.isdigit()}
    try:
        signature.bind(*given, **named)
    except TypeError as problem:
        yield WrongUse(name, shape, f"agent '{agent}': {name}{signature}: {problem}")


def _arguments(args: Mapping[str, Value]) -> tuple[list[Any], dict[str, Any]]:
    given = [_own(value) for name, value in args.items() if name.isdigit()]
    return given, {name: _own(value) for name, value in args.items() if not name.isdigit()}


def _own(value: Value) -> Any:
    """A copy in plain Python that the function may change."""
    if isinstance(value, FileRef):
        return value.path
    if isinstance(value, tuple) and type(value) is tuple:
        return [_own(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _own(item) for name, item in value.items()}
    return value


def _plain(result: object) -> object:
    """Dataclasses and pydantic models as dicts; all else as it is."""
    if is_dataclass(result) and not isinstance(result, type):
        return asdict(result)
    dump = getattr(result, "model_dump", None)
    if callable(dump):
        return dump()
    if isinstance(result, list):
        return [_plain(item) for item in result]
    return result


async def _in_thread(function: Callable[..., object], given: list[Any], named: dict[str, Any], name: str) -> object:
    """The result of a call in a daemon thread: abandoned, not awaited, when the caller is cancelled, because a
    thread cannot be stopped; it then cannot keep the process from ending either."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[object] = loop.create_future()

    def settle(result: object, problem: BaseException | None) -> None:
        if done.done():
            return
        if problem is None:
            done.set_result(result)
        else:
            done.set_exception(problem)

    def work() -> None:
        result: object = None
        problem: BaseException | None = None
        try:
            result = function(*given, **named)
        except StopIteration as stopped:  # a future refuses it
            problem = RuntimeError(f"{name} raised StopIteration")
            problem.__cause__ = stopped
        except KeyboardInterrupt:  # nobody's Ctrl-C: those reach the main thread only
            problem = RuntimeError(f"{name} raised KeyboardInterrupt")
        except BaseException as raised:
            problem = raised
        try:
            loop.call_soon_threadsafe(settle, result, problem)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    threading.Thread(target=work, name=name, daemon=True).start()
    return await done
