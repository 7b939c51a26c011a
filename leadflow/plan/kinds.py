"""The catalogue: what each kind of agent accepts, as data, so that the checker knows kinds without importing any.

A `Kind` row is all that the checker sees of a kind. The rows of built-ins stand here, so that `check` loads no adapter;
a package that brings a kind of its own publishes its row with it. Rows of kinds that this version does not run yet
stand in `LATER`: they are checked, and refused by `run`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from leadflow.plan.expr import SlotKind
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FILE,
    FLOAT,
    INT,
    JSON,
    MONEY,
    SECRET,
    STRING,
    TIME,
    Effect,
    FieldType,
    ListType,
    LiteralType,
    MapType,
    RecordType,
    Type,
    UnionType,
    Value,
    optional,
)
from leadflow.record import record


@record
class SettingRow:
    """One setting of an agent kind. Settings are constant expressions."""

    name: str
    type: Type
    required: bool = False
    slot: SlotKind = "text"
    """`secret`: only `secret(…)` and what is made of one; `url`: no holes; `header`: a map of header values, each
    text or secret."""
    what: Literal["value", "tools", "agents"] = "value"
    """`tools`: a list of tools, `agent.action`s and flows, or `agent.tools`; `agents`: a list of agent names."""
    low: float | None = None
    high: float | None = None
    doc: str = ""


@record
class ParamRow:
    """One parameter of an action."""

    name: str
    type: Type
    required: bool = False
    positional: bool = False
    slot: SlotKind = "text"
    doc: str = ""


@record
class ActionRow:
    """One thing an agent of a kind can do."""

    name: str
    params: tuple[ParamRow, ...]
    result: Type
    """The type of the step's value when the step declares none."""
    effect: Effect
    declared: bool = True
    """True when a step may declare another type: the answer is asked for and validated as that type."""
    any_args: bool = False
    """True when further arguments of any type and name are passed on (a Python function's)."""
    asks_model: bool = False
    """True for a model call: its effect is joined with those of the agent's tools (rule C8)."""
    approves: bool = False
    """True when it returns only after a person's yes (rule C9)."""
    doc: str = ""


@record
class Kind:
    """A kind of agent."""

    name: str
    """A word for built-ins, dotted for plug-ins (rule E8)."""
    settings: tuple[SettingRow, ...]
    actions: Mapping[str, ActionRow]
    open_action: ActionRow | None = None
    """What any other action name means (a function of a Python module, a tool of an MCP server); None: an error."""
    effect_lists: Mapping[str, Effect] | None = None
    """Settings that list actions with their effect: `reads: ["search"]`."""
    runs: bool = True
    """False: checked, and refused by `run` in this version."""
    doc: str = ""
    facts: Mapping[str, Value] | None = None
    """What each agent of the kind is told beside its settings: what a server said of its tools."""

    def setting(self, name: str) -> SettingRow | None:
        """The setting of that name, or None."""
        return next((row for row in self.settings if row.name == name), None)

    def action(self, name: str) -> ActionRow | None:
        """The action of that name, the open action for any other, or None."""
        return self.actions.get(name, self.open_action)


Catalogue = Mapping[str, Kind]
"""Kinds by name. A name `mcp.NAME` is looked up as `mcp` when it is not there itself."""


SERVER = "mcp"
"""What the kind of each server of tools begins with."""


def find_kind(catalogue: Catalogue, name: str) -> Kind | None:
    """The row of a written kind; `mcp.NAME` falls back to the row `mcp`."""
    head, dot, _ = name.partition(".")
    return catalogue.get(name) or (catalogue.get(head) if dot and head == SERVER else None)


# --- rows shared by model kinds, and the kinds that are checked but not run yet -----------------------------------


def _actions(*rows: ActionRow) -> Mapping[str, ActionRow]:
    return {row.name: row for row in rows}


PROMPT = ParamRow("prompt", STRING, required=True, positional=True, doc="what the model is asked")
SYSTEM = ParamRow("system", STRING, doc="the system message of this call")
TEMPERATURE = ParamRow("temperature", FLOAT, doc="0 to 2")
MAX_TOKENS = ParamRow("max_tokens", INT, doc="most tokens of the answer")

FILES = ParamRow("files", ListType(FILE), doc="pictures, PDFs and texts of the project that go with it")

ASK = ActionRow("ask", (PROMPT, FILES, SYSTEM, TEMPERATURE, MAX_TOKENS), STRING, "read", asks_model=True,
                doc="Text, or the step's declared type.")  # fmt: skip
CHAT = ActionRow("chat", (ParamRow("history", JSON, required=True, positional=True), SYSTEM, TEMPERATURE, MAX_TOKENS),
                 STRING, "read", asks_model=True, doc="An answer to an explicit history.")  # fmt: skip
EMBED = ActionRow("embed", (ParamRow("text", STRING, required=True, positional=True),), ListType(FLOAT), "read",
                  declared=False, doc="The text's vector.")  # fmt: skip

PRICE = RecordType((FieldType("input", MONEY), FieldType("output", optional(MONEY))))
"""What a model charges for a million tokens that it reads, and that it writes (a model of vectors writes none)."""


def _one_of(*words: str) -> Type:
    return UnionType(tuple(LiteralType(word) for word in words))


TAKES = RecordType(
    (
        FieldType("schemas", optional(BOOL)),
        FieldType("tools", optional(BOOL)),
        FieldType("streams", optional(BOOL)),
        FieldType("reasoning", optional(BOOL)),
        FieldType("limit", optional(_one_of("max_tokens", "max_completion_tokens"))),
    )
)
"""What an endpoint takes (`Profile` of `agents/models/turns.py`); what is not said is as the provider's own is."""

LOOP = RecordType(
    (
        FieldType("turns", optional(INT)),
        FieldType("calls", optional(INT)),
        FieldType("repeats", optional(INT)),
        FieldType("tokens", optional(INT)),
        FieldType("money", optional(MONEY)),
        FieldType("time", optional(DURATION)),
        FieldType("result", optional(INT)),
    )
)
"""How far a model may go with its tools in one step (`plan.looping`)."""
_LOOP = SettingRow("loop", LOOP, low=1, doc="bounds of one step: `{ turns: 10, calls: 50, time: 10m }`")

MODEL_SETTINGS: tuple[SettingRow, ...] = (
    SettingRow("model", STRING, required=True, doc="the provider's name of the model"),
    SettingRow("key", SECRET, slot="secret", doc="the provider's API key"),
    SettingRow("base_url", STRING, slot="url", doc="address of a compatible endpoint"),
    SettingRow("takes", TAKES, doc="what that endpoint takes: `{ schemas: false, streams: false }`"),
    SettingRow("system", STRING, doc="the system message of every call"),
    SettingRow("max_tokens", INT, low=1, high=10_000_000, doc="most tokens of an answer"),
    SettingRow("max_input_tokens", INT, low=1, high=10_000_000,
               doc="most tokens of a request, counted as its bytes; a longer one is not sent"),
    SettingRow("prompt_cache", BOOL, doc="ask the provider to keep what all calls begin with"),
    SettingRow("price", PRICE, low=0, doc="for a million tokens: `{ input: $0.25, output: $2 }`"),
    SettingRow("headers", MapType(STRING), slot="header"),
    SettingRow("tools", JSON, what="tools"),
    _LOOP,
)  # fmt: skip

OPENAI = Kind(
    "openai",
    (
        *MODEL_SETTINGS,
        SettingRow("temperature", FLOAT, low=0, high=2),
        SettingRow("api", _one_of("chat", "responses"), doc="how it is spoken to; `chat` completions unless said"),
    ),
    _actions(ASK, CHAT, EMBED),
    doc="A model of OpenAI, or of any compatible server.",
)
ANTHROPIC = Kind(
    "anthropic",
    tuple(replace(row, required=True) if row.name == "max_tokens" else row for row in MODEL_SETTINGS),
    _actions(*(replace(row, params=tuple(p for p in row.params if p is not TEMPERATURE)) for row in (ASK, CHAT))),
    doc="A model of Anthropic. Its interface has no temperature, and wants `max_tokens`.",
)


def _http(name: str, effect: Effect, *, body: bool) -> ActionRow:
    content = (ParamRow("json", JSON, doc="the body, as JSON"), ParamRow("body", STRING, doc="the body, as text"))
    return ActionRow(
        name,
        (
            ParamRow("path", STRING, required=True, positional=True, slot="path", doc="added to the agent's url"),
            ParamRow("query", MapType(JSON), slot="query", doc="none values are left out"),
            *(content if body else ()),
            ParamRow("headers", MapType(STRING), slot="header"),
        ),
        JSON,
        effect,
        doc="The answer's JSON, or its text when the step declares `string`.",
    )


# --- tools that leadflow brings -----------------------------------------------------------------------------------


def _text(name: str, doc: str) -> ParamRow:
    return ParamRow(name, STRING, required=True, positional=True, doc=doc)


_FOLDER = Kind(
    "folder",
    (
        SettingRow("root", STRING, required=True, doc='a folder of the project, from the flow on: `"notes"`'),
        SettingRow("max_size", INT, low=1, doc="most bytes of a file; 1MB unless said"),
    ),
    _actions(
        ActionRow("read_file", (_text("path", "from the root on"),), STRING, "read", declared=False,
                  doc="The text of a file."),
        ActionRow("list_files", (ParamRow("path", STRING, positional=True, doc="a folder, from the root on"),),
                  ListType(STRING), "read", declared=False, doc="The names in a folder; a folder's ends with `/`."),
        ActionRow("write_file",
                  (_text("path", "from the root on"), _text("text", "what the file holds from then on"),
                   ParamRow("append", BOOL, doc="at the end of what is there")),
                  RecordType((FieldType("path", STRING), FieldType("bytes", INT))), "write", declared=False,
                  doc="Write a file as a whole; folders that are missing are made."),
    ),
    doc="The files below one folder of the project; links are not followed.",
)  # fmt: skip

_WEB_ANSWER = RecordType((FieldType("status", INT), FieldType("headers", MapType(STRING)), FieldType("body", STRING)))
_WEB_HEADERS = ParamRow("headers", MapType(STRING), slot="header")
_WEB = Kind(
    "web",
    (
        SettingRow("hosts", ListType(STRING), doc="the only hosts that may be asked; any public one unless said"),
        SettingRow("private", ListType(STRING), doc='what may be asked although it is not public: `"10.0.0.0/8"`'),
        SettingRow("max_size", INT, low=1, doc="most bytes of an answer, decompressed; 1MB unless said"),
    ),
    _actions(
        ActionRow("http_get", (_text("url", "the whole address"), _WEB_HEADERS), _WEB_ANSWER, "read", declared=False,
                  doc="Ask an address; redirects are not followed."),
        ActionRow("http_request",
                  (_text("url", "the whole address"),
                   ParamRow("method", _one_of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), doc="GET unless said"),
                   _WEB_HEADERS, ParamRow("json", JSON, doc="the body, as JSON"),
                   ParamRow("body", STRING, doc="the body, as text")),
                  _WEB_ANSWER, "write", declared=False, doc="Send a request of any kind; redirects are not followed."),
    ),
    doc="Requests to any address; private ones are denied unless they are declared.",
)  # fmt: skip

_METRICS = RecordType(
    (FieldType("count", INT), FieldType("sum", FLOAT),
     *(FieldType(name, optional(FLOAT)) for name in ("min", "max", "mean", "median", "stddev", "p90", "p99")))
)  # fmt: skip
_FINDING = RecordType((FieldType("line", INT), FieldType("column", INT), FieldType("message", STRING)))
_SECTION = RecordType(
    (
        FieldType("heading", STRING),
        FieldType("text", optional(STRING)),
        FieldType("figures", optional(MapType(JSON)), doc="a line for each"),
        FieldType("rows", optional(ListType(MapType(JSON))), doc="a table"),
    )
)
_TOOLBOX = Kind(
    "toolbox",
    (),
    _actions(
        ActionRow("json_parse", (_text("text", "JSON"),), JSON, "pure", doc="What a text of JSON says."),
        ActionRow("json_stringify",
                  (ParamRow("value", JSON, required=True, positional=True),
                   ParamRow("indent", INT, doc="spaces for each level; on one line unless said")),
                  STRING, "pure", declared=False, doc="A value as a text of JSON."),
        ActionRow("calculate_metrics", (ParamRow("values", ListType(FLOAT), required=True, positional=True),),
                  _METRICS, "pure", declared=False, doc="Count, sum, mean and the like of numbers."),
        ActionRow("validate_code",
                  (_text("code", "what is looked at, and never run"),
                   ParamRow("language", _one_of("python", "json", "toml"), required=True)),
                  RecordType((FieldType("valid", BOOL), FieldType("errors", ListType(_FINDING)))), "pure",
                  declared=False, doc="Whether a text is code of a language, and where it is not."),
        ActionRow("generate_report",
                  (_text("title", ""), ParamRow("sections", ListType(_SECTION), required=True),
                   ParamRow("summary", STRING)),
                  STRING, "pure", declared=False, doc="A report in Markdown."),
    ),
    doc="Helpers that change nothing and ask nobody.",
)  # fmt: skip

_QUESTION = (
    ParamRow("question", STRING, required=True, positional=True, doc="what the person is asked"),
    ParamRow("show", JSON, doc="what the person has to see: shown with the question"),
    ParamRow("expires", DURATION, doc="how long an answer counts"),
    ParamRow("assignee", STRING, doc="who shall answer"),
)
_APPROVE = ActionRow("approve", _QUESTION, BOOL, "read", declared=False, approves=True,
                     doc="True on yes; a no is the failure `refused` (rule C9).")  # fmt: skip
_ASK_PERSON = ActionRow("ask", _QUESTION, STRING, "read", doc="A person's answer: text, or the step's declared type.")

BUILT_IN: Catalogue = {
    kind.name: kind
    for kind in (
        Kind(
            "python",
            (
                SettingRow("module", STRING, required=True, doc='a file beside the flow: `"desk.py"`, `"tools.desk"`'),
                SettingRow("reads", ListType(STRING), doc="functions that change nothing outside"),
                SettingRow("pure", ListType(STRING), doc="functions that depend on their arguments only"),
                SettingRow("dangerous", ListType(STRING), doc="functions that need a person's yes"),
            ),
            {},
            ActionRow("", (), JSON, "write", any_args=True, doc="A function of the file, by its name."),
            {"reads": "read", "pure": "pure", "dangerous": "dangerous"},
            doc="Functions of a Python file of the project.",
        ),
        Kind(
            "http",
            (
                SettingRow("url", STRING, required=True, slot="url", doc="what paths are added to"),
                SettingRow("auth", SECRET, slot="secret", doc="`bearer(secret(…))` or `basic(user, secret(…))`"),
                SettingRow("headers", MapType(STRING), slot="header", doc="sent with each request"),
                SettingRow("max_size", INT, low=1, doc="most bytes of an answer, decompressed; 10MB unless said"),
                SettingRow("dangerous", ListType(STRING), doc="verbs that need a person's yes"),
            ),
            _actions(
                *(_http(name, "read", body=False) for name in ("get", "head", "options")),
                *(_http(name, "write", body=True) for name in ("post", "put", "patch", "delete")),
            ),
            effect_lists={"dangerous": "dangerous"},
            doc="An HTTP API.",
        ),
        OPENAI,
        ANTHROPIC,
        Kind(
            "process",
            (
                SettingRow("command", STRING, required=True, doc="a name under [commands] in leadflow.toml"),
                SettingRow("reads", ListType(STRING), doc="actions that change nothing outside"),
                SettingRow("dangerous", ListType(STRING), doc="actions that need a person's yes"),
                SettingRow("max_size", INT, low=1, doc="most bytes of an output; 10MB unless said"),
            ),
            _actions(
                ActionRow(
                    "run",
                    (
                        ParamRow("args", ListType(STRING), positional=True),
                        ParamRow("input", JSON, doc="its standard input"),
                    ),
                    JSON,
                    "write",
                    doc="The program's output: JSON, or text when the step declares `string`.",
                )
            ),
            effect_lists={"reads": "read", "dangerous": "dangerous"},
            doc="A program that the operator allows; never a shell.",
        ),
        _FOLDER,
        _WEB,
        _TOOLBOX,
        Kind(
            "mcp",
            (
                SettingRow("reads", ListType(STRING), doc="tools that change nothing outside"),
                SettingRow("dangerous", ListType(STRING), doc="tools that need a person's yes"),
            ),
            {},
            ActionRow("", (), JSON, "write", any_args=True, doc="A tool of the server, by its name."),
            {"reads": "read", "dangerous": "dangerous"},
            doc="A server of the Model Context Protocol that the operator allows; its tools stand in its lock.",
        ),
        Kind(
            "human",
            (
                SettingRow("assignee", STRING, doc="who shall answer: a name for people, not checked"),
                SettingRow("expires", DURATION, doc="how long an answer counts; without it, for ever"),
            ),
            _actions(_APPROVE, _ASK_PERSON),
            doc="People.",
        ),
        Kind(
            "role",
            (
                SettingRow("via", JSON, required=True, what="agents", doc="models, asked in order"),
                SettingRow("system", STRING, doc="the system message of every call"),
                SettingRow("tools", JSON, what="tools"),
                _LOOP,
            ),
            _actions(ASK, CHAT),
            doc="A role that is played by the first model of a chain that can.",
        ),
    )
}
"""The kinds that this version runs. The adapters are in `leadflow/agents/`, one file each; a role has none, because the
plan has the models that play it."""


LATER: Catalogue = {
    kind.name: kind
    for kind in (
        Kind("pool", (SettingRow("of", JSON, required=True, what="agents"), SettingRow("route", STRING)),
             _actions(ASK, CHAT), runs=False, doc="Agents that share the load."),
        Kind("events", (), _actions(ActionRow("wait", (ParamRow("name", STRING, required=True, positional=True),),
             JSON, "read")), runs=False, doc="Events from outside."),
    )
}  # fmt: skip

PREDECLARED: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("clock", (), _actions(
            ActionRow("now", (), TIME, "read", declared=False, doc="The time now, recorded in the run."),
            ActionRow("sleep", (ParamRow("for", DURATION, required=True, positional=True),), JSON, "read",
                      declared=False, doc="Wait."),
        ), doc="Time, as steps (rule E7)."),
        Kind("random", (), _actions(
            ActionRow("uuid", (), STRING, "read", declared=False, doc="A new UUID, recorded in the run."),
            ActionRow("int", (ParamRow("low", INT, required=True, positional=True),
                              ParamRow("high", INT, required=True, positional=True)), INT, "read", declared=False),
        ), doc="Chance, as steps (rule E7)."),
    )
}  # fmt: skip
"""Agents that every file has without declaring them, outermost (rule D5)."""
