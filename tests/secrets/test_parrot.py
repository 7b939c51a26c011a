"""Z14: the values of secrets are found nowhere (cases 129 to 131 of the bad inputs).

Each kind is given a canary as its credential, by an upstream that says it again in every way in which it could: as
it is, as JSON, in a URL, in Base64, in an answer, in a failure, in a name. Then every byte that leadflow wrote is
searched: what it printed, the journal, the listings of kept runs, what it draws of them.
"""

import json
import sys
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from aiohttp import web

from leadflow import RunOptions, Status
from leadflow import load as program
from leadflow.agents.discreet import hide
from leadflow.run.redact import all_forms, one_line
from tests.agents.mcp.links import HOSTILE
from tests.agents.servers import answering, api
from tests.cli.session import leadflow

CANARY = 'cnry-7"f3/a9+x%z=&K_0'
"""Every form of it differs from the others."""


def encodings(secret: str) -> Iterator[str]:
    """How a secret may travel. Written down anew: what the house thinks of as forms is under test."""
    yield secret
    yield json.dumps(secret)
    yield json.dumps(json.dumps(secret))
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield secret.encode().hex()
    yield secret.encode().hex().upper()
    for before in ("", "u", "us", "user:"):
        yield b64encode((before + secret).encode()).decode()
        yield urlsafe_b64encode((before + secret + "!").encode()).decode()


def traces(secret: str) -> Iterator[bytes]:
    """What is left in bytes in which one of them stands: its middle, which nothing around it changes."""
    for text in encodings(secret):
        plain = text.strip('\\"')
        yield (plain if plain == text.strip('"') and "=" not in text[-3:] else plain[4:-6]).encode()
    for before in ("", "u", "us", "user:"):
        yield b64encode((before + secret).encode())[8:-6]


def said(request: web.BaseRequest) -> str:
    """The credential that came with a request."""
    written = request.headers.get("Authorization") or request.headers.get("x-api-key") or ""
    return written.removeprefix("Bearer ")


async def parrot(request: web.BaseRequest) -> web.StreamResponse:
    """An upstream that says again what it was sent, whatever it is asked."""
    token = said(request)
    every = list(encodings(token))
    text = f"you are {token}: {' '.join(every)}"
    match request.path.rpartition("/")[2]:
        case "completions":
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            return web.json_response({"id": token, "model": token, "choices": [choice], "usage": usage})
        case "messages":
            content = [{"type": "text", "text": text}]
            usage = {"input_tokens": 1, "output_tokens": 1}
            told = {"id": token, "type": "message", "role": "assistant", "model": token, "content": content}
            return web.json_response({**told, "stop_reason": "end_turn", "usage": usage})
        case "text":
            return web.Response(text=text)
        case "refused":
            return web.json_response({"error": {"message": text, "code": token}}, status=400, reason="No")
        case "broken":
            return web.Response(text=f'{{"said": "{token}', content_type="application/json")
        case _:
            return web.json_response({"said": every, token: {token: token}, "deep": [[[{"a": token}]]]})


FLOW = """leadflow 1
agent crm: http { url: "URL"  auth: bearer(secret("CANARY_KEY")) }
agent fast: openai { model: "m"  base_url: "URL/v1"  key: secret("CANARY_KEY")  max_tokens: 9 }
agent calm: anthropic { model: "m"  base_url: "URL"  key: secret("CANARY_KEY")  max_tokens: 9 }
agent desk: process { command: "tell"  reads: ["run"] }
agent tool: mcp.parrot { reads: ["echo"] }

flow main() -> json {
  step a = crm.get("/json")
  step b: string = crm.get("/text")
  step c: json = crm.get("/refused") catch e => e.message
  step d: json = crm.get("/broken") catch e => e.message
  step f = fast.ask("who am I?")
  step g = calm.ask("who am I?")
  step h: json = desk.run()
  step i: json = tool.echo(text: "who am I?")
  step j: json = fast.ask("a number") catch e => e.message
  return { a: a, b: b, c: c, d: d, f: f, g: g, h: h, i: i, j: j }
}

flow fails() -> json {
  step c: json = crm.get("/refused")
  return c
}
"""


def project(folder: Path, url: str) -> None:
    """A project in which everything is given the canary."""
    server = [sys.executable, "-S", str(HOSTILE), "tells", "CANARY_TOKEN"]
    program = "import json, os; print(json.dumps({'mine': os.environ['CANARY_TOKEN']}))"
    (folder / "leadflow.toml").write_text(
        f'[process]\npass_env = ["CANARY_TOKEN"]\n[commands]\ntell = [{sys.executable!r}, "-S", "-c", {program!r}]\n'
        f'[mcp.parrot]\ncommand = {server!r}\nenv = ["CANARY_TOKEN"]\n'
    )
    (folder / "main.flow").write_text(FLOW.replace("URL", url))


def found_in(outputs: Mapping[str, bytes]) -> list[str]:
    """Where a trace of the canary is."""
    return [f"{where}: {trace!r}" for where, data in outputs.items() for trace in traces(CANARY) if trace in data]


def test_z14_the_canary_is_found_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In nothing that is printed or kept, of a run that ends well and of one that fails (cases 129, 130)."""
    monkeypatch.setenv("CANARY_KEY", CANARY)
    monkeypatch.setenv("CANARY_TOKEN", CANARY)
    outputs: dict[str, bytes] = {}

    def typed(line: str) -> int:
        ran = leadflow(*line.split(), folder=tmp_path)
        outputs[line] = (ran.stdout + ran.stderr).encode()
        return ran.code

    with answering(parrot) as (url, seen):
        project(tmp_path, url)
        codes = [typed(line) for line in ("mcp pin parrot", "run main.flow main", "run main.flow fails --json")]
        assert [0, 0, 1] == codes, outputs
        for line in ("mcp diff", "doctor main.flow", "config show", "explain main.flow main.a", "runs ls --json"):
            typed(line)
    assert CANARY in {said(request) for request in seen.requests}
    for run in json.loads(outputs["runs ls --json"]):
        assert (0, 0) == (typed(f"runs show {run['run']}"), typed(f"runs logs {run['run']}"))
    kept = [path for path in (tmp_path / ".leadflow").rglob("*") if path.is_file()]
    outputs |= {str(path): path.read_bytes() for path in kept}
    assert b"***" in outputs["run main.flow main"]
    assert [] == found_in(outputs)


def test_z14_the_search_finds_what_is_planted() -> None:
    """The canary in any form in any output would be told; another value is not."""
    for text in encodings(CANARY):
        assert [] != found_in({"planted": f"... {text} ...".encode()}), text
    for text in encodings("another-value-of-that-length"):
        assert [] == found_in({"planted": f"... {text} ...".encode()})


def test_129_a_value_without_secrets_is_the_same_value() -> None:
    """Nothing is copied where nothing is hidden; names are looked at, too; what is no text is left alone."""
    forms = all_forms((CANARY,))
    value = {"a": ["b", ("c", 1)], "d": {"e": None}}
    assert hide(value, forms) is value
    assert {"***": ["x ***", ("***", 1)]} == hide({CANARY: [f"x {CANARY}", (CANARY, 1)]}, forms)


def test_131_what_is_too_short_to_be_told_from_text_is_not_hidden() -> None:
    """Blotting out a single letter would blot out everything: `doctor` warns instead."""
    assert ("a banana", ()) == (one_line("a banana", ["a"]), all_forms(("a", "")))


async def test_131_a_weak_secret_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A run says which variable is too short to be hidden, once, by its name."""
    monkeypatch.setenv("CANARY_KEY", "ab")
    flow = 'leadflow 1\nagent crm: http { url: "URL"  auth: bearer(secret("CANARY_KEY")) }\n'
    flow += 'flow main() -> json {\n  step a = crm.get("/json")\n  return a\n}\n'
    async with api(parrot) as (url, _):
        (tmp_path / "main.flow").write_text(flow.replace("URL", url))
        result = await program(tmp_path / "main.flow").run(options=RunOptions(durable=False))
    assert result.status is Status.DONE
    assert ["the secret CANARY_KEY is shorter than 4 characters: nothing hides it in what is said"] == [
        record.getMessage() for record in caplog.records
    ]
