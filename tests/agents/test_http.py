"""The kind `http`: what is sent, what comes back, and what each status means."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from leadflow.agents.http import HttpKind
from leadflow.agents.transport import HttpTransport
from leadflow.plan.plan import AgentSpec, Secret, SettingValue
from leadflow.plan.types import JSON, STRING, Money, Type, Value
from leadflow.run.errors import (
    AuthFailed,
    BadResponse,
    CallError,
    Forbidden,
    NotAllowed,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    Rejected,
    ServerError,
)
from leadflow.run.ports import Agent, Request
from leadflow.run.quota import Left, Quota
from tests.agents.servers import api
from tests.agents.worlds import world


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    """A transport, closed afterwards."""
    made = HttpTransport()
    yield made
    await made.aclose()


def agent(
    transport: HttpTransport, url: SettingValue, settings: Mapping[str, SettingValue] | None = None, **secrets: str
) -> Agent:
    """The agent `crm`."""
    spec = AgentSpec("crm", "http", {"url": url, **(settings or {})}, (), "crm", None)
    return HttpKind().build(spec, {}, world(Path(), transport=transport, secrets=secrets))


def ask(action: str, path: str, *, result: Type = JSON, key: str | None = None, **args: Value) -> Request:
    """One attempt of `crm.action(path, …)`."""
    declared = result != JSON
    return Request(action, {"path": path, **args}, result, declared, "run", "f/s", 1, key, True, timedelta(seconds=5))


async def echo(request: web.BaseRequest) -> web.Response:
    """Says what it was asked."""
    shown = ("authorization", "x-api-key", "idempotency-key", "content-type", "user-agent")
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "body": (await request.read()).decode(),
            "headers": {name.lower(): value for name, value in request.headers.items() if name.lower() in shown},
        }
    )


async def told(transport: HttpTransport, request: Request, **settings: SettingValue) -> Mapping[str, object]:
    """What the echo says of a request."""
    async with api(echo) as (url, seen):
        reply = await agent(transport, url, settings, K="s3cret").call(request)
        assert len(seen.requests) == 1
    assert isinstance(reply.value, dict)
    return reply.value


async def test_l7_what_is_left_of_a_quota_is_told(transport: HttpTransport) -> None:
    """L7: the headers of an answer say how many requests are left, and until when."""

    async def serve(_: web.BaseRequest) -> web.Response:
        return web.json_response(1, headers={"X-RateLimit-Remaining-Requests": "3", "X-RateLimit-Reset-Requests": "2s"})

    async with api(serve) as (url, _):
        reply = await agent(transport, url).call(ask("get", "/x"))
    assert Quota(Left(3, timedelta(seconds=2))) == reply.quota


@pytest.mark.parametrize("action", ["get", "post", "put", "patch", "delete", "options"])
async def test_every_verb_is_sent_as_itself(transport: HttpTransport, action: str) -> None:
    """The action is the method."""
    assert (await told(transport, ask(action, "/x")))["method"] == action.upper()


async def test_head_gives_status_and_headers(transport: HttpTransport) -> None:
    """HEAD has no body, so its head is the answer."""
    async with api(echo) as (url, _):
        reply = await agent(transport, url).call(ask("head", "/x"))
    assert isinstance(reply.value, dict)
    assert reply.value["status"] == 200
    assert "content-type" in reply.value["headers"]


@pytest.mark.parametrize(
    ("path", "query", "sent"),
    [
        ("/a b", {}, "/a%20b"),
        ("a", {}, "/a"),
        ("", {}, "/"),
        ("/t/..%2Fadmin%3Fx%3D", {}, "/t/..%2Fadmin%3Fx%3D"),
        ("/é#x", {}, "/%C3%A9%23x"),
        ("/s", {"q": "a&b=c d", "n": 2, "no": None, "yes": True}, "/s?q=a%26b%3Dc%20d&n=2&yes=true"),
        ("/s?a=1", {"tag": ("x", "y")}, "/s?a=1&tag=x&tag=y"),
        ("/s", {"most": Money(500_000)}, "/s?most=USD%200.50"),
    ],
)
async def test_paths_and_queries_are_encoded_once(
    transport: HttpTransport, path: str, query: Mapping[str, Value], sent: str
) -> None:
    """What a template has encoded stays; what is written raw is encoded; none is left out."""
    assert (await told(transport, ask("get", path, query=query)))["path"] == sent


async def test_bodies(transport: HttpTransport) -> None:
    """`json` is sent as JSON, `body` as text, and both at once are refused."""
    data: Value = {"id": "é", "cost": Money(10_000), "tags": ("a",)}
    as_json = await told(transport, ask("post", "/x", json=data))
    assert as_json["body"] == '{"id":"é","cost":"USD 0.01","tags":["a"]}'
    as_text = await told(transport, ask("post", "/x", body="héllo"))
    assert as_text["body"] == "héllo"
    assert isinstance(as_json["headers"], dict)
    assert isinstance(as_text["headers"], dict)
    assert as_json["headers"]["content-type"] == "application/json"
    assert as_text["headers"]["content-type"] == "text/plain; charset=utf-8"
    with pytest.raises(NotAllowed, match="not both"):
        await told(transport, ask("post", "/x", json=1, body="1"))


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        ({"auth": Secret("K", "bearer")}, "authorization", "Bearer s3cret"),
        ({"auth": Secret("K", "basic", "ada")}, "authorization", "Basic YWRhOnMzY3JldA=="),
        ({"auth": Secret("K", "prefix", "token ")}, "authorization", "token s3cret"),
        ({"headers": {"X-API-Key": Secret("K")}}, "x-api-key", "s3cret"),
    ],
)
async def test_credentials(
    transport: HttpTransport, settings: dict[str, SettingValue], header: str, value: str
) -> None:
    """Bearer, basic, a word of one's own, and an API key in a named header."""
    headers = (await told(transport, ask("get", "/x"), **settings))["headers"]
    assert isinstance(headers, dict)
    assert headers[header] == value


async def test_the_idempotency_key_is_sent(transport: HttpTransport) -> None:
    """R3: the key of the call is a header of the request."""
    headers = (await told(transport, ask("post", "/x", key="k-1")))["headers"]
    assert isinstance(headers, dict)
    assert headers["idempotency-key"] == "k-1"


@pytest.mark.parametrize("headers", [{"X": "a\r\nEvil: 1"}, {"X\n": "a"}, {"X Y": "a"}, {"": "a"}, {"X": "a\0"}])
async def test_headers_cannot_break_their_line(transport: HttpTransport, headers: Mapping[str, Value]) -> None:
    """Nothing is sent with a malformed header."""
    with pytest.raises(NotAllowed):
        await told(transport, ask("get", "/x", headers=headers))


@pytest.mark.parametrize("url", ["ftp://x", "crm.example.com", "", "file:///etc/passwd"])
async def test_the_url_must_be_one(transport: HttpTransport, url: str) -> None:
    """An agent that cannot be reached is found before the run starts."""
    with pytest.raises(NotAllowed, match="http://"):
        agent(transport, url)


async def test_a_missing_secret_is_found_at_the_start(transport: HttpTransport) -> None:
    """The name of the variable is told."""
    with pytest.raises(NotAllowed, match="environment variable NONE is not set"):
        agent(transport, "http://x", {"auth": Secret("NONE", "bearer")})


STATUSES: list[tuple[int, dict[str, str], type[CallError], float | None]] = [
    (301, {"Location": "/y"}, Rejected, None),
    (400, {}, Rejected, None),
    (401, {}, AuthFailed, None),
    (403, {}, Forbidden, None),
    (404, {}, Rejected, None),
    (408, {}, ServerError, None),
    (409, {}, Rejected, None),
    (409, {"Retry-After": "2"}, ServerError, 2.0),
    (413, {}, Rejected, None),
    (422, {}, Rejected, None),
    (425, {}, ServerError, None),
    (429, {"Retry-After": "7"}, RateLimited, 7.0),
    (429, {"Retry-After": "nan"}, RateLimited, None),
    (500, {}, ServerError, None),
    (503, {"Retry-After": "1.5"}, Overloaded, 1.5),
    (529, {}, Overloaded, None),
]


@pytest.mark.parametrize(("status", "headers", "failure", "wait"), STATUSES)
async def test_what_a_status_means(
    transport: HttpTransport, status: int, headers: dict[str, str], failure: type[CallError], wait: float | None
) -> None:
    """Each status is one failure, with the wait that the server asked for."""

    async def refuse(request: web.BaseRequest) -> web.Response:
        return web.json_response({"error": {"message": "no\nluck"}}, status=status, headers=headers)

    async with api(refuse) as (url, _):
        with pytest.raises(failure) as problem:
            await agent(transport, url).call(ask("get", "/secret?token=x"))
    assert type(problem.value) is failure
    assert problem.value.status == status
    asked = problem.value.retry_after
    assert (asked and asked.total_seconds()) == wait
    assert "token" not in str(problem.value)
    asked_for = f"crm.get: GET {url}/secret" if status == 404 else "crm.get"
    assert f"{asked_for} answered {status}" in str(problem.value)
    assert ("no luck" in str(problem.value)) == (status != 301)


async def test_an_empty_purse_is_no_rate(transport: HttpTransport) -> None:
    """A 429 that says `insufficient_quota` is never waited for."""

    async def poor(request: web.BaseRequest) -> web.Response:
        return web.json_response({"error": {"code": "insufficient_quota", "message": "pay"}}, status=429)

    async with api(poor) as (url, _):
        with pytest.raises(QuotaExhausted):
            await agent(transport, url).call(ask("get", "/"))


async def test_what_an_upstream_says_is_blotted_and_cut(transport: HttpTransport) -> None:
    """A secret that an upstream echoes does not reach the failure; neither do control characters or long pages."""

    async def gossip(request: web.BaseRequest) -> web.Response:
        return web.Response(text=f"\x1b[31mbad key {request.headers['Authorization']} " + "x" * 5000, status=401)

    async with api(gossip) as (url, _):
        with pytest.raises(AuthFailed) as problem:
            await agent(transport, url, {"auth": Secret("K", "bearer")}, K="s3cret").call(ask("get", "/"))
    assert "s3cret" not in str(problem.value)
    assert "\x1b" not in str(problem.value)
    assert len(str(problem.value)) < 400


async def test_no_part_of_a_secret_is_left_where_the_words_are_cut(transport: HttpTransport) -> None:
    """What an upstream says is blotted first and cut then, wherever the secret stands."""
    for before in range(290, 310):

        async def gossip(request: web.BaseRequest, before: int = before) -> web.Response:
            return web.Response(text="x" * before + request.headers["Authorization"][7:], status=401)

        async with api(gossip) as (url, _):
            with pytest.raises(AuthFailed) as problem:
                await agent(transport, url, {"auth": Secret("K", "bearer")}, K="QRSTUVWX").call(ask("get", "/"))
        assert not set("QRSTUVWX") & set(str(problem.value))


ANSWERS: list[tuple[str, str, Type, object]] = [
    ("application/json", '{"a": [1]}', JSON, {"a": [1]}),
    ("text/plain", "hello", JSON, "hello"),
    ("text/plain", '{"a": 1}', STRING, '{"a": 1}'),
    ("application/json", "", JSON, None),
]


@pytest.mark.parametrize(("kind", "text", "result", "value"), ANSWERS)
async def test_answers(transport: HttpTransport, kind: str, text: str, result: Type, value: object) -> None:
    """JSON, text where the server or the step says so, none where there is nothing."""

    async def say(request: web.BaseRequest) -> web.Response:
        return web.Response(text=text, content_type=kind)

    async with api(say) as (url, _):
        assert (await agent(transport, url).call(ask("get", "/", result=result))).value == value


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"a": 1', b'{"a": NaN}', b"[" * 100_000, b"1" * 6000, b'"\xff"', b'{"a": 1, "a": 2}']
)
async def test_unreadable_answers_are_bad_responses(transport: HttpTransport, body: bytes) -> None:
    """Bad inputs 89-93 and 104: HTML with 200, cut JSON, no number, endless nesting, bad UTF-8."""

    async def say(request: web.BaseRequest) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async with api(say) as (url, _):
        with pytest.raises(BadResponse):
            await agent(transport, url).call(ask("get", "/"))


@pytest.mark.parametrize(
    ("status", "problem"), [(503, Overloaded), (429, RateLimited), (404, Rejected), (302, Rejected)]
)
async def test_a_refusal_is_one_however_much_it_says(
    transport: HttpTransport, status: int, problem: type[CallError]
) -> None:
    """The page of a proxy may be longer than an answer: its status counts, and no more than its beginning is read."""

    async def say(request: web.BaseRequest) -> web.Response:
        return web.Response(status=status, body=b"too busy " + bytes(20_000_000), headers={"Retry-After": "7"})

    async with api(say) as (url, _):
        with pytest.raises(problem) as refused:
            await agent(transport, url, {"max_size": 100}).call(ask("get", "/"))
    assert status == refused.value.status


async def test_the_size_of_an_answer_is_capped(transport: HttpTransport) -> None:
    """The agent's own cap holds."""

    async def say(request: web.BaseRequest) -> web.Response:
        return web.Response(text="x" * 101)

    async with api(say) as (url, _):
        with pytest.raises(BadResponse, match="longer than 100 bytes"):
            await agent(transport, url, {"max_size": 100}).call(ask("get", "/"))
