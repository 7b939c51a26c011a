"""The kind `http` against httpbin, a service that nobody here wrote: whole flows, and the server's own log beside them.

httpbin says what reached it, answers with any status, redirects, compresses, streams and dawdles. What it was asked is
written down by gunicorn's own hook before httpbin answers, so that R5 is judged by the other side. (Its access log is
written behind the answer: who asks at once finds a line missing.)
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from leadflow.agents.registry import find_kinds
from leadflow.pipeline import compile_source
from leadflow.run.driver import Result
from leadflow.runs import RunOptions, run_plan
from leadflow.settings import Project, Settings

AGENT = 'agent api: http {{ url: "{url}"  auth: bearer(secret("BIN_TOKEN"))  headers: {{ "X-Team": "desk" }} }}'
HOOKS = """
bind = "127.0.0.1:0"


def pre_request(worker, request):
    with open("asked.log", "a") as log:
        log.write(f"{request.method} {request.uri}\\n")
"""


@dataclass(frozen=True, slots=True)
class HttpBin:
    """A running httpbin."""

    url: str
    log: Path

    def asked(self, mark: str) -> list[str]:
        """Method and target of each request that holds this text, oldest first."""
        return [line for line in self.log.read_text().splitlines() if mark in line]


@pytest.fixture(scope="module")
def httpbin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpBin]:
    """httpbin under gunicorn, on a free port of loopback."""
    folder = tmp_path_factory.mktemp("httpbin")
    log, hooks, said = folder / "asked.log", folder / "hooks.py", ""
    log.touch()
    hooks.write_text(HOOKS)
    command = [sys.executable, "-m", "gunicorn", "--config", str(hooks), "--threads", "8", "httpbin:app"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder) as server:
        try:
            assert server.stderr is not None
            for line in server.stderr:
                said += line
                if found := re.search(r"Listening at: (http://[\d.:]+)", line):
                    yield HttpBin(found[1], log)
                    return
            raise RuntimeError(f"httpbin did not start: {said}")
        finally:
            server.terminate()


async def run(
    httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch, body: str, result: str = "json", agent: str = AGENT
) -> Result:
    """Run a flow of these steps with the agent `api`; what it gives is the last step's value, `a`."""
    monkeypatch.setenv("BIN_TOKEN", "s3cret-token")
    registry = find_kinds(())
    text = f"leadflow 1\n{agent.format(url=httpbin.url)}\nflow main() -> {result} {{\n{body}\n  return a\n}}\n"
    plan, report = compile_source("main.flow", text, catalogue=registry.catalogue)
    assert plan is not None, list(report)
    return await run_plan(plan, "main", {}, Project(Path(), Settings()), registry, RunOptions(durable=False))


async def value(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch, body: str, result: str = "json") -> object:
    """What such a flow gives."""
    done = await run(httpbin, monkeypatch, body, result)
    assert done.failure is None, done.failure
    return done.value


def _fields(told: object) -> Mapping[str, object]:
    assert isinstance(told, Mapping)
    return told


@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete"])
async def test_what_is_sent_arrives(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """Verb, query, headers and body as the server read them; the credential it says again is blotted out."""
    given = "" if verb == "get" else ', json: { name: "Zoë", tags: ["a", "b"] }'
    step = f"""  @idempotent(key: "order-7")
  step a = api.{verb}("/anything/orders/a b", query: {{ q: "x&y=1", tag: ["p", "q"] }}{given})"""
    told = _fields(await value(httpbin, monkeypatch, step))
    headers = _fields(told["headers"])
    assert verb.upper() == told["method"]
    assert str(told["url"]).endswith("/anything/orders/a%20b?q=x%26y%3D1&tag=p&tag=q")
    assert {"q": "x&y=1", "tag": ["p", "q"]} == _plain(told["args"])
    assert ("Bearer ***", "desk") == (headers["Authorization"], headers["X-Team"])
    if verb != "get":
        assert {"name": "Zoë", "tags": ["a", "b"]} == _plain(told["json"])
        assert "order-7" == headers["Idempotency-Key"]


def _plain(told: object) -> object:
    """Lists for tuples."""
    return json.loads(json.dumps(told))


async def test_bearer_and_basic_open_doors(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server itself checks the credential; what it says again of it is blotted out of the result."""
    step = '  step a: { authenticated: bool, token: string } = api.get("/bearer")'
    assert {"authenticated": True, "token": "***"} == await value(
        httpbin, monkeypatch, step, "{ authenticated: bool, token: string }"
    )
    basic = 'agent api: http {{ url: "{url}"  auth: basic("ada", secret("BIN_TOKEN")) }}'
    done = await run(
        httpbin,
        monkeypatch,
        '  step a: { authenticated: bool, user: string } = api.get("/basic-auth/ada/s3cret-token")',
        "{ authenticated: bool, user: string }",
        basic,
    )
    assert {"authenticated": True, "user": "ada"} == done.value
    wrong = await run(httpbin, monkeypatch, '  step a = api.get("/basic-auth/ada/another")', agent=basic)
    assert wrong.failure is not None
    assert "permission.auth" == wrong.failure.error


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_packed_answers_are_unpacked(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch, coding: str) -> None:
    """Both codings that are asked for."""
    told = _fields(await value(httpbin, monkeypatch, f'  step a = api.get("/{coding}")'))
    assert told["gzipped" if coding == "gzip" else "deflated"] is True


async def test_a_coding_that_was_not_asked_for_is_no_answer(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch) -> None:
    """httpbin sends brotli whatever it is asked; that is said, and not read as text."""
    done = await run(httpbin, monkeypatch, '  step a = api.get("/brotli")')
    assert done.failure is not None
    assert "agent.bad_response" == done.failure.error
    assert "packed as 'br', which was not asked for" in done.failure.message


async def test_texts_of_the_world_arrive(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch) -> None:
    """UTF-8 in a page, in pieces, and as a value with a type."""
    page = await value(httpbin, monkeypatch, '  step a: string = api.get("/encoding/utf8")', "string")
    assert "∮ E⋅da = Q" in str(page)
    show = '  step a: { slideshow: { title: string, slides: list[{ title: string }] } } = api.get("/json")'
    told = await value(httpbin, monkeypatch, show, "{ slideshow: { title: string, slides: list[{ title: string }] } }")
    assert "Sample Slide Show" == _fields(_fields(told)["slideshow"])["title"]


async def test_what_is_no_json_is_told(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of lines, a page, and an image, where a typed value was declared."""
    for path, said in (("/stream/3", "JSON"), ("/html", "an HTML page"), ("/image/png", "JSON"), ("/bytes/64", "JSON")):
        done = await run(httpbin, monkeypatch, f'  step a: {{ id: int }} = api.get("{path}")', "{ id: int }")
        assert done.failure is not None, path
        assert "agent.bad_response" == done.failure.error, path
        assert said in done.failure.message, path


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [
        (400, "agent.rejected", 1),
        (401, "permission.auth", 1),
        (403, "permission.denied", 1),
        (404, "agent.rejected", 1),
        (409, "agent.rejected", 1),
        (422, "agent.rejected", 1),
        (429, "resource.rate", 3),
        (500, "agent.server", 3),
        (502, "agent.server", 3),
        (503, "resource.overloaded", 3),
        (504, "agent.server", 3),
    ],
)
async def test_r5_each_status_is_tried_as_often_as_its_class_says(
    httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch, status: int, error: str, requests: int
) -> None:
    """R5: the server's log has one request of each attempt that the policy allows."""
    step = f'  @retry(3, backoff: 1ms)\n  step a = api.get("/status/{status}", query: {{ of: "classes" }})'
    before = len(httpbin.asked(f"/status/{status}?of=classes"))
    done = await run(httpbin, monkeypatch, step)
    assert done.failure is not None
    assert error == done.failure.error
    assert requests == len(httpbin.asked(f"/status/{status}?of=classes")) - before


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_told_and_not_followed(
    httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """The credential goes to nobody but whom the flow names: where it points to is said, and not asked."""
    target = quote(f"{httpbin.url}/anything/stolen-{code}", safe="")
    done = await run(httpbin, monkeypatch, f'  step a = api.get("/redirect-to?url={target}&status_code={code}")')
    assert done.failure is not None
    assert "redirect" in done.failure.message
    assert [] == httpbin.asked(f"GET /anything/stolen-{code}")


async def test_cookies_are_not_kept(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one step is given by a server, the next does not bring back: calls know only what the flow gives them."""
    steps = """  step first: { Path: string } = api.get("/response-headers?Set-Cookie=session%3D7&Path=x")
  step a: { cookies: map[string] } = api.get("/cookies?after=${first.Path}")"""
    assert {"cookies": {}} == await value(httpbin, monkeypatch, steps, "{ cookies: map[string] }")


async def test_a_slow_answer_is_cut_at_its_time(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt's time, and the time between two bytes."""
    late = await run(httpbin, monkeypatch, '  @timeout(attempt: 200ms)\n  step a = api.get("/delay/2")')
    assert late.failure is not None
    assert "timeout.attempt" == late.failure.error
    dripping = '  @timeout(idle: 200ms)\n  step a: string = api.get("/drip?duration=4&numbytes=4&delay=0")'
    idle = await run(httpbin, monkeypatch, dripping, "string")
    assert idle.failure is not None
    assert "timeout.idle" == idle.failure.error


async def test_a_large_answer_is_cut_at_its_size(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch) -> None:
    """`max_size` counts what arrives, told or not told beforehand."""
    small = 'agent api: http {{ url: "{url}"  max_size: 1_000 }}'
    for path in ("/bytes/5000", "/stream-bytes/5000"):
        done = await run(httpbin, monkeypatch, f'  step a: string = api.get("{path}")', "string", small)
        assert done.failure is not None, path
        assert "longer than 1,000 bytes" in done.failure.message, path


async def test_head_and_answers_without_a_body(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEAD gives status and headers; an empty answer is none."""
    head = "{ status: int, headers: map[string] }"
    told = _fields(await value(httpbin, monkeypatch, f'  step a: {head} = api.head("/etag/seven")', head))
    assert (200, "seven") == (told["status"], _fields(told["headers"])["etag"])
    assert await value(httpbin, monkeypatch, '  step a: json = api.get("/status/204")') is None


async def test_no_word_of_a_failure_holds_the_credential(httpbin: HttpBin, monkeypatch: pytest.MonkeyPatch) -> None:
    """httpbin says again what it is told: the secret comes back in its answer, and is blotted out of a failure."""
    path = "/response-headers?said=s3cret-token"
    done = await run(httpbin, monkeypatch, f'  step a: {{ id: int }} = api.get("{path}")', "{ id: int }")
    assert done.failure is not None
    assert "s3cret-token" not in json.dumps(done.failure.message)
