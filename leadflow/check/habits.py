"""What authors call things who come from other languages and libraries, and what these are called here.

Data only. A word is looked up after ours were searched, so that none of them is taken from anybody.
"""

from collections.abc import Container
from types import MappingProxyType

from leadflow.plan.annotations import ROWS
from leadflow.plan.trial import failure_meant

FUNCTIONS_RENAMED = MappingProxyType(
    {
        **dict.fromkeys(("str", "toString", "to_string", "String", "text"), "string"),
        **dict.fromkeys(("length", "size"), "len"),
        **dict.fromkeys(("parseInt", "to_int", "integer"), "int"),
        **dict.fromkeys(("Number", "parseFloat", "to_float", "double"), "float"),
        **dict.fromkeys(("strip",), "trim"),
        **dict.fromkeys(("toUpperCase", "to_upper", "uppercase", "upcase"), "upper"),
        **dict.fromkeys(("toLowerCase", "to_lower", "lowercase", "downcase"), "lower"),
    }
)
"""Functions by the names that others give them."""

MODULES = frozenset({"json", "JSON", "math", "Math", "Object", "Number", "String"})
"""What holds functions elsewhere; here they stand alone."""

FUNCTIONS_OF_MODULES = MappingProxyType(
    {
        **dict.fromkeys(("dumps", "stringify"), "to_json"),
        **dict.fromkeys(("loads", "parse"), "parse_json"),
    }
)
"""Functions that are named so only where their module stands before them."""

_OUTSIDE = "what goes on outside is a step: 'step name = agent.action(…)'"
_LISTS = "a list is made from another by '[… for item in items if …]'"

FUNCTIONS_ELSEWHERE = MappingProxyType(
    {
        **dict.fromkeys(
            ("env", "getenv", "environ"),
            "a secret is 'secret(\"NAME\")'; other values come in as parameters of the flow",
        ),
        **dict.fromkeys(("now", "today", "utcnow", "datetime"), "the time is a step: 'step now = clock.now()'"),
        **dict.fromkeys(("uuid", "uuid4", "random", "rand"), "chance is a step: 'step id = random.uuid()'"),
        **dict.fromkeys(("map", "filter", "reduce", "forEach"), _LISTS),
        **dict.fromkeys(("format", "concat", "sprintf", "fmt"), 'a text takes values in holes: "${…}"'),
        **dict.fromkeys(("print", "log", "open", "fetch", "http", "call", "run", "exec", "sleep", "input"), _OUTSIDE),
    }
)
"""Functions that there are not, and what is there instead."""

NAMES_ELSEWHERE = MappingProxyType(
    {
        **dict.fromkeys(
            ("inputs", "input", "params", "args", "parameters", "vars", "variables"),
            "a parameter is read by its own name",
        ),
        **dict.fromkeys(("steps", "outputs", "output", "results", "nodes"), "a step is read by its own name"),
        **dict.fromkeys(("env", "environ", "secrets"), "a secret is 'secret(\"NAME\")', in settings"),
        **dict.fromkeys(
            ("self", "this", "ctx", "context", "state"),
            "a flow reads its parameters and the steps above, by their names",
        ),
    }
)
"""Names that other languages and systems always have, and how the same is read here."""

ANNOTATIONS_RENAMED = MappingProxyType(
    {
        **dict.fromkeys(("circuit_breaker", "circuitbreaker", "circuit"), "breaker"),
        **dict.fromkeys(("memoize", "memo", "cached", "caching"), "cache"),
        **dict.fromkeys(("rate_limit", "ratelimit", "rate", "throttle", "throttled"), "limit"),
        **dict.fromkeys(("cost_limit", "max_cost", "cost", "spend_limit", "spending"), "budget"),
        **dict.fromkeys(("retries", "retryable", "backoff"), "retry"),
        **dict.fromkeys(("deadline", "time_limit"), "timeout"),
        **dict.fromkeys(("max_parallel", "parallelism", "max_workers", "workers"), "concurrency"),
    }
)
"""Annotations by the names that others give them."""

_ARGUMENTS = {
    **dict.fromkeys(("delay", "wait", "interval", "sleep", "base_delay"), "backoff"),
    **dict.fromkeys(("times", "count", "max_attempts", "retries", "tries", "n", "max_retries"), "attempts"),
    **dict.fromkeys(("max_delay", "max_wait", "cap"), "max"),
    **dict.fromkeys(("seconds", "duration", "timeout", "limit"), "total"),
    **dict.fromkeys(("message", "text", "input", "content", "question", "user", "user_prompt"), "prompt"),
    **dict.fromkeys(("instructions", "system_prompt", "system_message", "role"), "system"),
    **dict.fromkeys(("data", "payload"), "json"),
    **dict.fromkeys(("params", "query_params"), "query"),
    **dict.fromkeys(("threshold", "failure_threshold", "max_failures", "errors"), "failures"),
    **dict.fromkeys(("reset", "cooldown", "reset_timeout", "recovery_timeout", "recovery_time"), "recovery"),
    **dict.fromkeys(("failure_rate", "error_rate"), "ratio"),
    **dict.fromkeys(("usd", "dollars", "max_usd", "max_cost", "cost", "amount", "max_money"), "money"),
    **dict.fromkeys(("max_age", "expires", "expiry", "expire"), "ttl"),
}

_RATES = MappingProxyType(
    {
        **dict.fromkeys(
            ("rpm", "rps", "requests", "calls", "per", "period", "window", "requests_per_minute"),
            "a rate is one value: '@limit(60 per minute)'",
        ),
        **dict.fromkeys(("tpm", "tokens_per_minute"), "a rate is one value: '@limit(tokens: 100_000 per minute)'"),
    }
)

_ELSEWHERE = {
    **dict.fromkeys(
        ("depends_on", "after", "needs", "requires"), "what a step waits for besides is written 'after other'"
    ),
    **dict.fromkeys(("model", "tools", "api_key", "key"), "it is a setting of the agent, not of a call"),
    **dict.fromkeys(("output", "schema", "response_format", "type"), "the type is written 'step name: Type = …'"),
    **dict.fromkeys(("stream", "streaming"), "leadflow streams by itself where somebody listens"),
    **dict.fromkeys(("retries", "max_retries"), "'@retry(…)' is written above it"),
}


def argument_meant(name: str, known: Container[str]) -> str | None:
    """The argument that others call so, where there is one."""
    ours = _ARGUMENTS.get(name)
    if "permission" in known and "network" in known and (failure := failure_meant(name)) is not None:
        ours = failure[0].partition(".")[0]  # `@on_error` goes by the class of a failure
    return ours if ours in known else None


_SETTINGS = {
    **dict.fromkeys(("api_key", "apiKey", "token", "secret"), ("key",)),
    **dict.fromkeys(("temp",), ("temperature",)),
    **dict.fromkeys(("max_output_tokens", "max_completion_tokens", "maxOutputTokens"), ("max_tokens",)),
    **dict.fromkeys(("base_url", "api_base", "baseURL", "endpoint", "address", "host"), ("base_url", "url")),
    **dict.fromkeys(("system_prompt", "instructions", "prompt", "role"), ("system",)),
    **dict.fromkeys(("functions", "actions"), ("tools",)),
}
"""By kind of agent, one of them is there."""
_KINDS = {
    **dict.fromkeys(("gpt", "chatgpt", "openai_chat", "llm", "model", "chat"), "openai"),
    **dict.fromkeys(("claude",), "anthropic"),
    **dict.fromkeys(("rest", "api", "webhook", "https"), "http"),
    **dict.fromkeys(("user", "person", "approval"), "human"),
    **dict.fromkeys(("shell", "command", "bash", "exec"), "process"),
}


def setting_meant(name: str, known: Container[str]) -> str | None:
    """The setting that others call so, where there is one."""
    return next((ours for ours in _SETTINGS.get(name, ()) if ours in known), None)


def kind_meant(name: str) -> str | None:
    """The kind of agent that others call so."""
    return _KINDS.get(name)


def setting_elsewhere(name: str) -> str | None:
    """What to know of a setting that others have and no agent needs."""
    return _ELSEWHERE.get(name) if name in ("stream", "streaming") else None


def argument_elsewhere(name: str, *, owner: str) -> str | None:
    """Where to write what others write as an argument or a setting."""
    if owner.startswith("'@"):
        return _RATES.get(name) if owner == "'@limit'" else None
    return f"'@{name}(…)' is written above it" if name in ROWS else _ELSEWHERE.get(name)
