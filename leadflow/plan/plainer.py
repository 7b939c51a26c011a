"""A strict schema without what Anthropic's structured outputs refuse: bounds, patterns and some formats become words in
the description, which the model reads and the answer is checked against all the same. Pure.
"""

from typing import Any

from leadflow.plan.schema import Schema

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_TAKEN = frozenset({"type", "enum", "anyOf", "properties", "required", "additionalProperties", "items", "description"})


def plainer(schema: Schema) -> Schema:
    """The schema as the provider takes it."""
    made: Schema = {}
    said: list[str] = []
    for name, value in schema.items():
        match name:
            case "properties":
                made[name] = {field: plainer(inner) for field, inner in value.items()}
            case "items":
                made[name] = plainer(value)
            case "anyOf":
                made[name] = [plainer(inner) for inner in value]
            case _ if name in _TAKEN or _is_taken(name, value):
                made[name] = value
            case _:
                said.append(f"{name}: {value}")
    if said:
        before = f"{made['description']} " if "description" in made else ""
        made["description"] = f"{before}({', '.join(said)})"
    return made


def _is_taken(name: str, value: Any) -> bool:
    return (name == "format" and value in _FORMATS) or (name == "minItems" and value in (0, 1))
