"""What an endpoint says of its models, asked before a run finds out: with the agent's own credential, and for nothing.

Each of the wires answers `GET …/models`. An endpoint that has no such list is none the worse for it.
"""

from collections.abc import Mapping

from leadflow.agents.models.endpoint import HOMES, reached
from leadflow.agents.models.messages import VERSION
from leadflow.agents.wire import MOST_BYTES, credential_of, read_body, read_json
from leadflow.plan.plan import AgentSpec
from leadflow.run.errors import AuthFailed, BadResponse
from leadflow.run.ports import Transport

_REFUSED = (401, 403)


async def offered(spec: AgentSpec, secrets: Mapping[str, str], transport: Transport) -> tuple[str, ...] | None:
    """The models that the endpoint of an agent lists; None: it lists none.

    Raises:
        AuthFailed: it refuses the credential. BadResponse: what answers there is no such endpoint.
        CallError: it cannot be asked.
    """
    url, headers = reached(spec, HOMES[spec.kind], secrets)
    if spec.kind == "anthropic":
        headers["anthropic-version"] = VERSION
    async with transport.request("GET", f"{url}/models", headers=headers) as response:
        if response.status in _REFUSED:
            raise AuthFailed(f"it answers {response.status}{credential_of(spec)}", status=response.status)
        if response.status != 200:
            return None
        told = read_json(await read_body(response, MOST_BYTES), response.status)
    models = told.get("data") if isinstance(told, dict) else None
    if not isinstance(models, list):
        raise BadResponse("it answers with JSON that lists no models")
    names = tuple(str(model["id"]) for model in models if isinstance(model, dict) and "id" in model)
    return names or None
