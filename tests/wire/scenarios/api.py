"""The API: who may sign in and what they may; what is ordered by it happens on phones, what happens is told by it."""

import asyncio
import io
import json
import socket
import time
import wave

import numpy as np
import scripted
from api_client import PASSWORD, PORT, Api, add_user, program, served, signed_in
from certificates import Authority
from prompts import prompt
from scenarios import scenario
from scenarios.notes import state_of
from scenarios.urgent import asks, told
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE

CALLER = "13800138000"
MASKED = "13*******00"
SPOKEN = scripted.signature(35, 3.0)


@scenario
async def api_sign_in_and_out(world):
    """a wrong password, a right one, the word for changes, a second sign-in, sign-out; the sixth guess is not looked at"""
    hotline = await served(world)
    await add_user(hotline, "zhao.min", "agent", "1001")
    nobody, api = Api(hotline), Api(hotline)
    answer = await nobody.ask("GET", "/agents", expect=401)
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.json["code"] == "signed-out", answer
    wrong, unknown = await nobody.sign_in("zhao.min", "wrong horse", 401), await nobody.sign_in("nobody", "x", 401)
    assert wrong.json == unknown.json, (wrong, unknown)
    answer = await api.sign_in("zhao.min")
    assert "HttpOnly; SameSite=Strict" in answer.headers["Set-Cookie"] and answer.json["extension"] == "1001", answer
    for header, value in {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}.items():
        assert answer.headers[header] == value, answer.headers
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], answer.headers
    assert answer.headers["X-Request-Id"], answer.headers
    forged = await api.ask("PUT", "/agents/1001/presence", {"state": "ready"}, {"X-CSRF-Token": "guess"}, expect=403)
    assert forged.json["code"] == "csrf", forged
    other = Api(hotline)
    await other.sign_in("zhao.min")
    answer = await api.ask("GET", "/agents", expect=401)
    assert answer.json["code"] == "elsewhere", answer
    await other.ask("DELETE", "/session", expect=204)
    assert (await other.ask("GET", "/session", expect=401)).json["code"] == "signed-out"
    # Two were in vain already; those that were not do not count.
    for _ in range(3):
        await nobody.sign_in("guess", "wrong horse", 401)
    answer = await nobody.sign_in("zhao.min", PASSWORD, 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 31, answer.headers
    deeds = await hotline.command("audit")
    assert "sign-in" in deeds and "wrong" in deeds and "sign-out" in deeds and "403 csrf" not in deeds, deeds
    log = hotline.log()
    assert PASSWORD not in log and "wrong horse" not in log and "hls_" not in log


@scenario
async def api_over_tls(world):
    """HTTPS with the daemon's certificate: a cookie for TLS only; a reload brings another certificate; the page is there"""
    daemon, authority = world.daemon(), Authority(world.folder)
    certificate = authority.sign("hotline", daemon.host)
    daemon.set(tls__certificate=certificate[0], tls__key=certificate[1])
    hotline = await daemon.set(web__https=f"{daemon.host}:{PORT}").start()
    await add_user(hotline, "root", "administrator")
    api = Api(hotline, authority.path)
    answer = await api.sign_in("root")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-hotline=hls_") and cookie.endswith("; Secure"), cookie
    assert answer.headers["Strict-Transport-Security"], answer.headers
    page = await asyncio.to_thread(page_of, api)
    assert "<title>" in page and "/page.js" in page, page
    second = Authority(world.folder, "second")
    for path, fresh in zip(certificate, second.sign("hotline", daemon.host)):
        with open(fresh, encoding="ascii") as file, open(path, "w", encoding="ascii") as old:
            old.write(file.read())
    live = await api.ask("POST", "/dialplan", {"task": "reload"}, expect=200)
    api.authority = second.path
    (version, *_) = await api.get("/dialplan/versions")
    assert version["version"] == live.json["version"], (live, version)
    assert (await api.get("/session"))["role"] == "administrator"


def page_of(api):
    connection = api.connection()
    connection.request("GET", "/")
    return connection.getresponse().read().decode()


@scenario
async def api_roles_and_scopes(world):
    """each role has its routes, a token no more than its scopes; what is revoked is refused at once; the document is whole"""
    hotline = await served(world)
    await add_user(hotline, "boss", "supervisor", "1003")
    agent, auditor = await signed_in(hotline, "agent", "1001"), await signed_in(hotline, "auditor")
    reads = await program(hotline, "boss", "agents:read", "calls:read")
    assert {line["extension"] for line in await reads.get("/agents")} >= {"1001", "1002", "1003"}
    for api, method, path, body, code in [
        (reads, "PUT", "/agents/1001/presence", {"state": "ready"}, "scope"),
        (reads, "GET", "/messages", None, "scope"),
        (agent, "PUT", "/agents/1002/presence", {"state": "ready"}, "own"),
        (agent, "GET", "/status", None, "role"),
        (auditor, "PUT", "/agents/1001/presence", {"state": "ready"}, "role"),
        (auditor, "POST", "/dialplan", {"task": "reload"}, "role"),
    ]:
        answer = await api.ask(method, path, body, expect=403)
        assert answer.json["code"] == code, (path, answer)
    refused = [deed for deed in await auditor.get("/deeds") if deed["outcome"].startswith("403")]
    assert len(refused) == 6 and {deed["by"] for deed in refused} == {"session", "token 1"}, refused
    await hotline.command("token", "revoke", "1")
    assert (await reads.ask("GET", "/agents", expect=401)).json["code"] == "token"
    document = await Api(hotline).get("/openapi.json")
    assert document["openapi"] == "3.1.0" and len(document["paths"]) > 30, document["info"]
    assert (await Api(hotline).ask("GET", "/health")).status == 204


@scenario
async def api_presence_moves_lamp_and_list(world):
    """an agent goes into a meeting by the API: the lamp, the list and the stream follow; what cannot be is refused in words"""
    hotline = await served(world)
    watcher = await world.desk(hotline, "1002", ready=False)
    await world.desk(hotline, "1001")
    api = await signed_in(hotline, "agent", "1001")
    lamp = await watcher.ua.watch("dialog", "1001", "application/dialog-info+xml")
    await lamp.until('state="full"')
    stream = await api.events()
    await stream.until("hello")
    order = {"state": "away", "reason": "meeting", "until": "2099-01-01T09:00:00+08:00", "delegate": "1003"}
    await api.ask("PUT", "/agents/1001/presence", order, expect=204)
    await lamp.until("<state>confirmed</state>", 20)
    presence = await stream.until("presence", person="1001", away="meeting")
    assert presence["until"] == "2099-01-01T01:00:00.000Z" and presence["delegate"] == "1003", presence
    assert await state_of(hotline, "1001") == "away"
    shown = await api.get("/agents/1001")
    assert (shown["state"], shown["reason"]) == ("away", "meeting"), shown
    await api.ask("PUT", "/agents/1001/presence", {"state": "ready"}, expect=204)
    await lamp.until("<state>terminated</state>", 20)
    assert await state_of(hotline, "1001") == "ready"
    answer = await api.ask("PUT", "/agents/1001/presence", {**order, "until": "2001-01-01T09:00:00Z"}, expect=409)
    code, _, errors = await hotline.attempt("agent", "away", "1001", "meeting", "--until", "2001-01-01T09:00:00Z")
    assert code == 2 and answer.json["detail"] in errors, (answer, errors)
    stream.close()


@scenario(weight=2)
async def api_call_in_the_stream(world):
    """a call is seen by its number, answered, and after a break in the stream; the supervisor moves the caller on"""
    hotline = await served(world)
    desk = await world.desk(hotline, "1001")
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE, ready=False)
    boss, auditor = await signed_in(hotline, "supervisor", "1003"), await signed_in(hotline, "auditor")
    agent = await signed_in(hotline, "agent", "1001")
    stream = await boss.events()
    await stream.until("hello")
    caller = await world.caller(CALLER)
    await caller.dial(hotline.uri("95501"))
    joined = await stream.until("joined")
    assert joined["from"] == MASKED and joined["queue"] == "consultation", joined
    call = joined["call"]
    await stream.until("offered", call=call, agent="1001")
    stream.close()
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
    stream = await boss.events(stream.last)
    assert (await stream.until("hello"))["resumed"]
    answered = await stream.until("answered", call=call, agent="1001")
    assert answered["waited_ms"] >= 0, answered
    for api, shown in [(boss, CALLER), (agent, CALLER), (auditor, MASKED)]:
        (line,) = await api.get("/running")
        assert (line["call"], line["from"], line["agent"]) == (call, shown, "1001"), line
    refused = await agent.ask("POST", f"/running/{call + 100}/transfer", {"to": "1002"})
    assert refused.status == 404, refused
    for paused in (True, False):
        await agent.ask("PUT", f"/running/{call}/recording", {"paused": paused}, expect=204)
    refused = await boss.ask("PATCH", f"/running/{call}/place", {"priority_s": 30}, expect=409)
    code, _, errors = await hotline.attempt("queue", "priority", str(call), "30")
    assert code == 2 and refused.json["detail"] in errors, (refused, errors)
    why = await boss.get(f"/running/{call}/why")
    assert why[0]["chosen"] == "1001", why
    await agent.ask("POST", f"/running/{call}/transfer", {"to": "1002"}, expect=204)
    await second.in_call()
    await caller.call.media.wait_tone(SECOND_AGENT_TONE, timeout=20)
    await second.call.media.wait_tone(CALLER_TONE, timeout=20)
    await caller.hang_up()
    await second.over()
    await hotline.call_recorded()
    (record,) = await boss.get("/calls")
    assert record["from"] == CALLER, record
    stages = [(stage["kind"], stage["detail"]) for stage in record["stages"]]
    assert {("talk", "1001"), ("record", "paused"), ("record", "resumed")} <= set(stages), stages
    (record,) = await auditor.get("/calls")
    assert record["from"] == MASKED, record
    lost = await boss.events("elsewhere-7")
    assert (await lost.until("lost"))["lost"] is None
    for open_stream in (stream, lost):
        open_stream.close()


@scenario(weight=2)
async def api_plays_a_message(world):
    """its sound as a whole and in parts; each hearing is among the deeds; done by the API is done everywhere"""
    hotline = await served(world)
    caller = await world.caller(CALLER)
    caller.say = scripted.silence(1)
    await caller.dial(hotline.uri("95507"))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("common/beep"), timeout=25)
    caller.call.media.play(SPOKEN, loop=False)
    await asyncio.sleep(3.5)
    await caller.hang_up()
    await hotline.until(hotline.messages, lambda slips: [slip["state"] for slip in slips] == ["new"])
    owner, stranger = await signed_in(hotline, "agent", "1003"), await signed_in(hotline, "agent", "1001")
    auditor = await signed_in(hotline, "auditor", name="auditor")
    (message,) = await owner.get("/messages")
    assert message["from"] == CALLER and message["mailbox"] == "1003", message
    assert await stranger.get("/messages") == []
    path = f"/messages/{message['message']}"
    assert (await stranger.ask("GET", f"{path}/audio", expect=403)).json["code"] == "own"
    whole = await owner.ask("GET", f"{path}/audio", expect=200)
    assert whole.headers["Content-Type"] == "audio/wav" and whole.headers["Accept-Ranges"] == "bytes", whole.headers
    with wave.open(io.BytesIO(whole.body)) as wav:
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
    assert scripted.xcorr_peak(samples, SPOKEN)[0] > 0.9, "what is played is not what was said"
    part = await auditor.ask("GET", f"{path}/audio", headers={"Range": "bytes=100-1099"}, expect=206)
    assert part.body == whole.body[100:1100], part.headers
    assert part.headers["Content-Range"] == f"bytes 100-1099/{len(whole.body)}", part.headers
    await owner.ask("GET", f"{path}/audio", headers={"Range": f"bytes={len(whole.body)}-"}, expect=416)
    lines = (await hotline.command("audit", "--object", f"{path}/audio", "--json")).splitlines()
    heard = [(deed["who"].split("-")[0], deed["outcome"]) for deed in map(json.loads, lines)]
    assert heard == [("agent", "403 own"), ("agent", "done"), ("auditor", "done"), ("agent", "done")], heard
    await owner.ask("PATCH", path, {"state": "done"}, expect=200)
    await hotline.until(hotline.messages, lambda slips: slips == [])
    assert CALLER not in hotline.log()


@scenario(weight=4)
async def api_answers_an_urgent_slip(world):
    """the person who is asked sees it in the stream and by its route, and puts the caller through"""
    hotline = await served(world, plan="urgent")
    manager = await world.desk(hotline, "4001", ready=False)
    await hotline.command("agent", "away", "4001", "meeting")
    api, colleague = await signed_in(hotline, "agent", "4001"), await signed_in(hotline, "agent", "1001")
    stream = await api.events()
    await stream.until("hello")
    caller, since = await asks(world, hotline)
    asked = await stream.until("urgent", timeout=40, person="4001", state="asked")
    await told(caller, since, "message/urgent-sent")
    (line,) = await api.get("/urgent")
    assert (line["call"], line["person"], line["from"]) == (asked["call"], "4001", MASKED), line
    assert await colleague.get("/urgent") == []
    answer = await colleague.ask("PUT", "/urgent/4001/answer", {"answer": "now"}, expect=403)
    assert answer.json["code"] == "own", answer
    await api.ask("PUT", "/urgent/4001/answer", {"answer": "perhaps"}, expect=400)
    await api.ask("PUT", "/urgent/4001/answer", {"answer": "now"}, expect=204)
    await manager.ringing(30)
    await manager.in_call()
    await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
    await manager.call.media.wait_tone(CALLER_TONE, timeout=20)
    await caller.hang_up()
    await manager.over()
    answer = await api.ask("PUT", "/urgent/4001/answer", {"answer": "now"}, expect=409)
    assert "no caller waits" in answer.json["detail"], answer
    stream.close()


@scenario(weight=2)
async def api_bad_input_costs_nobody_a_call(world):
    """ten megabytes of JSON, readers that never read, a head that never ends, a stream whose token is revoked: a call runs"""
    hotline = await served(world, settings={"web.head_within_s": "2", "web.connections_per_source": "40"})
    desk = await world.desk(hotline, "1001")
    boss = await signed_in(hotline, "supervisor", "1003", name="boss")
    watching = await program(hotline, "boss", "events:read")
    stream = await watching.events()
    await stream.until("hello")
    idle = [reader_that_never_reads(hotline, watching.token) for _ in range(20)]
    slow = socket.create_connection((hotline.host, PORT))
    slow.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n")
    answer = await boss.ask("PUT", "/agents/1001/presence", b"x" * 100_000, {"Content-Type": "application/json"})
    assert (answer.status, answer.json["code"]) == (413, "too-long"), answer
    assert await asyncio.to_thread(ten_megabytes, hotline, boss) in (413, None)
    caller = await world.caller(CALLER)
    began = time.monotonic()
    await caller.dial(hotline.uri("95501"))
    await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
    await desk.call.media.wait_tone(CALLER_TONE, timeout=20)
    print(f"talking after {time.monotonic() - began:.1f} s")
    await stream.until("answered", agent="1001")
    await hotline.command("token", "revoke", "1")
    assert (await stream.until("bye", timeout=40))["code"] == "token"
    slow.settimeout(30)
    assert slow.recv(1000) == b"", "who never says what they want is left"
    crowd = [socket.create_connection((hotline.host, PORT)) for _ in range(40)]
    await hotline.counted("web_refused")
    for open_socket in [*idle, *crowd, slow]:
        open_socket.close()
    assert (await boss.get("/session"))["user"] == "boss"
    await caller.hang_up()
    await desk.over()


def reader_that_never_reads(hotline, token):
    idle = socket.socket()
    idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    idle.connect((hotline.host, PORT))
    idle.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return idle


def ten_megabytes(hotline, api):
    """The status, or nothing where the connection was closed before all was sent."""
    connection = api.connection()
    try:
        headers = api.headers("POST", {"Content-Type": "application/json"})
        connection.request("POST", "/api/v1/complaints", b"[" * 10_000_000, headers)
        return connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        return None
    finally:
        connection.close()
