"""The kind `process`: a program that the operator allows by name in `leadflow.toml`, started without a shell.

A flow names the command and gives arguments and input; what is started is the operator's decision alone. Its output is
JSON, or text where the step declares `string`.
"""

from typing import cast

from leadflow.agents.wire import MOST_BYTES, read_json
from leadflow.plan.forms import to_json_text
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import STRING
from leadflow.run.errors import BadResponse, NotAllowed, ProcessFailed
from leadflow.run.ports import Agent, Exited, Reply, Request, Uses, World
from leadflow.run.redact import one_line


class ProcessKind:
    """Builds agents for allowed programs."""

    row = BUILT_IN["process"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent for one command.

        Raises:
            NotAllowed: the operator does not allow it.
        """
        name = str(spec.settings["command"])
        if name not in world.commands:
            allowed = ", ".join(sorted(world.commands)) or "none"
            raise NotAllowed(
                f"agent '{spec.name}': the command '{name}' is not allowed; "
                f"leadflow.toml allows {allowed} (add it under [commands])"
            )
        return ProcessAgent(
            spec.name, world.commands[name], cast(int, spec.settings.get("max_size", MOST_BYTES)), world
        )


class ProcessAgent:
    """Runs one program, once per call."""

    def __init__(self, name: str, argv: tuple[str, ...], most: int, world: World) -> None:
        self._name, self._argv, self._most, self._world = name, argv, most, world

    async def call(self, request: Request) -> Reply:
        """Run the program to its end.

        Raises:
            ProcessFailed: it ended with a code other than 0.
        """
        further = cast(tuple[str, ...], request.args.get("args", ()))
        if any("\0" in word for word in further):
            raise NotAllowed(f"{self._name}.run: an argument holds a NUL")
        given = request.args.get("input")
        stdin = b"" if given is None else (given if isinstance(given, str) else to_json_text(given)).encode()
        ended = await self._world.spawner.run(
            (*self._argv, *further), stdin=stdin, env=self._world.env, cwd=self._world.root, limit=self._most
        )
        if ended.code != 0:
            raise ProcessFailed(f"{self._name}.run {self._why(ended)}")
        if request.result == STRING and request.declared:
            return Reply(ended.stdout.decode("utf-8", "replace"))
        if not ended.stdout.strip():
            return Reply(None)
        try:
            return Reply(read_json(ended.stdout, None))
        except BadResponse as problem:
            raise BadResponse(
                f"{self._name}.run: {problem.message}; declare the step's type `string` to take text"
            ) from None

    async def aclose(self) -> None:
        """Nothing is held between calls."""

    def _why(self, ended: Exited) -> str:
        how = f"was killed by signal {-ended.code}" if ended.code < 0 else f"ended with code {ended.code}"
        lines = [line for line in ended.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        return how + (f": {one_line(lines[-1], self._world.hidden, 200)}" if lines else "")
