"""SIP over TCP, TLS, WS and WSS, over IPv6, and what happens to those who come slowly, wrongly or not at all welcome."""

import asyncio
import os
import shutil
import socket
import ssl
import struct
import time

import ports
from certificates import Authority
from prompts import expect, expect_music, expect_tone
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE

# The numbers of tests/wire/plans/short.
HOTLINE, STRAIGHT_TO_THE_QUEUE = "95500", "95501"


async def secured(world, *transports, **settings):
    """A daemon that also listens on these, with a certificate; and whom its peers believe."""
    hotline, authority = world.daemon(), Authority(world.folder)
    # These phones speak RTP whatever they come by: nobody is called as a browser.
    settings.setdefault("rtp__browsers", False)
    certificate = authority.sign("hotline", hotline.host, "hotline.test")
    await hotline.listens(*transports, certificate=certificate).set(**settings).start()
    return hotline, authority


async def a_whole_call(world, hotline, authority, caller_by, desk_by):
    """Registered, called through the menu, held, resumed, keyed from, hung up; both hear each other."""
    cafile = authority.path if authority else None
    desk = await world.desk(hotline, "1001", transport=desk_by, cafile=cafile)
    caller = await world.caller(transport=caller_by, cafile=cafile, registrar=hotline.server(caller_by))
    await caller.dial(hotline.uri(HOTLINE, transport=caller_by))
    await caller.in_call()
    await asyncio.sleep(4)
    await caller.press("1")
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    await desk.call.media.wait_tone(CALLER_TONE)
    began = time.monotonic()
    await desk.hold()
    await asyncio.sleep(5)
    resumed = time.monotonic()
    await desk.resume()
    await asyncio.sleep(1.5)
    held = caller.listen(began + 0.3, resumed)
    expect(held, "hold/on-hold")
    expect_music(held)
    expect_tone(caller.listen(resumed + 0.3), AGENT_TONE, what="the agent after the hold")
    await caller.hang_up()
    await desk.over()
    heard = await caller.heard()
    expect(heard, "greeting/welcome", "queue/connecting")
    expect_tone(await desk.heard(), CALLER_TONE, what="the caller")
    record = await hotline.call_recorded()
    assert record["end"] == "caller-hung-up" and record["queue"]["agent"] == "1001", record


@scenario(weight=2)
async def whole_call_over_tcp(world):
    """register, menu, agent, hold, resume over TCP on both sides"""
    await a_whole_call(world, await world.hotline(), None, "tcp", "tcp")


@scenario(weight=2)
async def whole_call_over_tls(world):
    """the same over TLS, the certificate believed by name"""
    await a_whole_call(world, *await secured(world, "tls"), "tls", "tls")


@scenario(weight=2)
async def whole_call_over_ws(world):
    """the same over WebSockets"""
    await a_whole_call(world, *await secured(world, "ws"), "ws", "ws")


@scenario(weight=2)
async def whole_call_over_wss(world):
    """the same over WebSockets in TLS"""
    await a_whole_call(world, *await secured(world, "wss"), "wss", "wss")


@scenario(weight=2)
async def tls_caller_udp_agent(world):
    """a caller over TLS, an agent over UDP"""
    await a_whole_call(world, *await secured(world, "tls"), "tls", "udp")


@scenario(weight=2)
async def udp_caller_wss_agent(world):
    """a caller over UDP, an agent over WSS whose host is a name that leads nowhere"""
    await a_whole_call(world, *await secured(world, "wss"), "udp", "wss")


@scenario(weight=2)
async def whole_call_over_ipv6(world):
    """registered and called on ::1 by UDP and TCP; the session descriptions and the voice are IPv6"""
    rtp = 12000 + 400 * world.slot
    hotline = world.daemon(host="::1", port=ports.free(host="::1"))
    await hotline.set(rtp__port_first=rtp, rtp__port_last=rtp + 99).start()
    desk = await world.desk(hotline, "1001", ip="::1")
    caller = await world.caller(ip="::1", transport="tcp")
    await caller.dial(hotline.uri(STRAIGHT_TO_THE_QUEUE, tcp=True))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    await desk.call.media.wait_tone(CALLER_TONE)
    invite = desk.call.invite_msg
    assert b"c=IN IP6 ::1" in invite.body, invite.body
    assert f"@{hotline.address}" in invite.get("contact"), invite.get("contact")
    await caller.hang_up()
    await desk.over()
    assert (await hotline.call_recorded())["end"] == "caller-hung-up"


@scenario(weight=2)
async def certificate_reloaded_within_a_call(world):
    """a new certificate by SIGHUP: the call over the old one goes on, new streams get the new one, a wrong one is refused"""
    hotline, authority = await secured(world, "tls")
    path, key = hotline.environment["HOTLINE__TLS__CERTIFICATE"], hotline.environment["HOTLINE__TLS__KEY"]
    desk = await world.desk(hotline, "1001", transport="tls", cafile=authority.path)
    caller = await world.caller(transport="tls", registrar=hotline.server("tls"), cafile=authority.path)
    await caller.dial(hotline.uri(STRAIGHT_TO_THE_QUEUE, transport="tls"))
    await desk.in_call()

    first = await asyncio.to_thread(shown_certificate, hotline, authority.path)
    fresh, fresh_key = authority.sign("fresh", hotline.host)
    os.replace(fresh_key, key)
    # The key alone: it is not that of the certificate.
    code, _, errors = await hotline.attempt("reload")
    assert code == 2 and "the key is not that of the certificate" in errors, errors
    assert await asyncio.to_thread(shown_certificate, hotline, authority.path) == first
    os.replace(fresh, path)
    await hotline.command("reload")
    assert await asyncio.to_thread(shown_certificate, hotline, authority.path) != first

    now = time.monotonic()
    await asyncio.sleep(1.5)
    expect_tone(caller.listen(now), AGENT_TONE, what="the agent after the reload")
    await desk.hang_up()
    await caller.over()


def shown_certificate(hotline, cafile):
    context = ssl.create_default_context(cafile=cafile)
    with socket.create_connection((hotline.host, 5061), 5) as plain:
        with context.wrap_socket(plain, server_hostname=hotline.host) as secure:
            return secure.getpeercert(binary_form=True)


@scenario
async def tls_start_errors(world):
    """a missing file, a file without a certificate, another's key, no certificate at all: one sentence each; an open key and an expiring certificate: a warning"""
    authority = Authority(world.folder)
    certificate, key = authority.sign("hotline", "127.0.0.1")
    _, other_key = authority.sign("other", "127.0.0.1")
    cases = [
        ((f"{world.folder}/none.pem", key), "cannot read", "none.pem"),
        ((key, key), "holds no certificate", key),
        ((certificate, other_key), "the key is not that of the certificate", certificate),
        ((certificate, certificate), "does not hold a private key", certificate),
        (None, "listen.tls", "tls.certificate"),
    ]
    for pair, *words in cases:
        daemon = await world.daemon().listens("tls", certificate=pair).start(ready=False)
        said = (daemon.log() if await daemon.ended() == 2 else "it started").strip()
        assert all(word in said for word in words) and len(said.splitlines()) == 1, said
    os.chmod(key, 0o644)
    daemon = await world.daemon().listens("tls", certificate=(certificate, key)).start()
    assert "chmod 600" in daemon.log() and "expires within two weeks" in daemon.log(), daemon.log()


@scenario
async def old_tls_is_refused(world):
    """a client that knows TLS 1.1 at most is refused and counted; 1.2 and 1.3 are served"""
    hotline, authority = await secured(world, "tls")

    def handshake(most):
        context = ssl.create_default_context(cafile=authority.path)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, most
        with socket.create_connection((hotline.host, 5061), 5) as plain:
            with context.wrap_socket(plain, server_hostname=hotline.host) as secure:
                return secure.version()

    assert await asyncio.to_thread(handshake, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert await asyncio.to_thread(handshake, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    try:
        version = await asyncio.to_thread(handshake, ssl.TLSVersion.TLSv1_1)
        raise AssertionError(f"{version} was served")
    except (ssl.SSLError, ConnectionError):
        pass
    await hotline.counted("tls_failed")


@scenario
async def client_certificates(world):
    """"required": a phone with a certificate of the house gets in, one without does not"""
    house = Authority(world.folder, "house")
    hotline, authority = await secured(
        world, "tls", tls__client_certificates="required", tls__client_ca=house.path
    )

    def options(certificate=None):
        context = ssl.create_default_context(cafile=authority.path)
        if certificate:
            context.load_cert_chain(*certificate)
        with socket.create_connection((hotline.host, 5061), 5) as plain:
            with context.wrap_socket(plain, server_hostname=hotline.host) as secure:
                secure.sendall(options_request(hotline, "TLS"))
                return secure.recv(4096)

    answer = await asyncio.to_thread(options, house.sign("phone", "phone.test"))
    assert answer.startswith(b"SIP/2.0 200 "), answer
    try:
        answer = await asyncio.to_thread(options)
        assert not answer, answer
    except (ssl.SSLError, ConnectionError):
        pass
    await hotline.counted("tls_failed")


def options_request(hotline, transport):
    lines = [
        f"OPTIONS sip:{hotline.address} SIP/2.0",
        f"Via: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bK{os.urandom(6).hex()}",
        "Max-Forwards: 70",
        "From: <sip:a@127.0.0.1>;tag=a",
        f"To: <sip:{hotline.address}>",
        f"Call-ID: {os.urandom(6).hex()}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def upgrade(host, protocol="sip", path="/", extra=""):
    named = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{named}{extra}\r\n"
    ).encode()


def frame(payload, opcode=1, final=True):
    """A client's frame; a mask of zeros is a mask."""
    n = len(payload)
    length = struct.pack("!B", 0x80 | n) if n < 126 else struct.pack("!BH", 0xFE, n)
    return struct.pack("!B", (0x80 if final else 0) | opcode) + length + bytes(4) + payload


async def said(reader, timeout=5.0):
    """Everything until the other side closes or has said nothing for so long."""
    heard = b""
    try:
        while piece := await asyncio.wait_for(reader.read(65536), timeout):
            heard += piece
    except (asyncio.TimeoutError, ConnectionError):
        pass
    return heard


@scenario
async def websocket_door(world):
    """no upgrade 426, no `sip` 400, wrong path 404, foreign origin 403; a message in fragments, in binary, a keep-alive, one too long"""
    hotline = world.daemon().listens("ws")
    await hotline.set(websocket__path="/sip", websocket__origins="https://desk.test").start()

    async def ask(request, *frames):
        reader, writer = await asyncio.open_connection(hotline.host, 5080)
        writer.write(request)
        heard = await reader.readuntil(b"\r\n\r\n")
        for piece in frames:
            writer.write(piece)
        heard += await said(reader, 0.7)
        writer.close()
        return heard

    refused = [
        (b"GET /sip HTTP/1.1\r\nHost: a\r\n\r\n", b"426 "),
        (upgrade("a", protocol=None, path="/sip"), b"400 "),
        (upgrade("a", protocol="chat", path="/sip"), b"400 "),
        (upgrade("a", path="/other"), b"404 "),
        (upgrade("a", path="/sip", extra="Origin: https://evil.test\r\n"), b"403 "),
        (b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bKa\r\n\r\n", b"HTTP/1.1 4"),
    ]
    for request, status in refused:
        heard = await ask(request)
        assert status in heard.split(b"\r\n", 1)[0], (request, heard)
    assert await hotline.counter("ws_refused") == len(refused)

    door = upgrade("a", protocol="chat, sip", path="/sip", extra="Origin: https://Desk.test\r\n")
    message = options_request(hotline, "WS")
    # One message, one frame: it needs no Content-Length.
    bare = message.replace(b"Content-Length: 0\r\n", b"")
    for frames in (
        [frame(message)],
        [frame(bare, opcode=2)],
        [frame(bare[:40], final=False), frame(b"", opcode=9), frame(bare[40:], opcode=0)],
    ):
        heard = await ask(door, *frames)
        assert b" 101 " in heard and b"\r\nsec-websocket-protocol: sip\r\n" in heard.lower(), heard
        assert b"SIP/2.0 200 " in heard, heard
    # A keep-alive is answered by a frame of its own (RFC 5626), a ping by a pong, a Close by a Close.
    assert (await ask(door, frame(b"\r\n\r\n"))).endswith(b"\x81\x02\r\n")
    assert (await ask(door, frame(b"x", opcode=9))).endswith(b"\x8a\x01x")
    assert (await ask(door, frame(struct.pack("!H", 1000), opcode=8))).endswith(b"\x88\x02\x03\xe8")
    # 1009: too big to process; 1007: no UTF-8 in a text (RFC 6455 §7.4.1).
    too_long = struct.pack("!BBQ", 0x81, 0xFF, 70000) + bytes(70004)
    assert (await ask(door, too_long)).endswith(struct.pack("!H", 1009))
    assert (await ask(door, frame(b"\xff\xfe"))).endswith(struct.pack("!H", 1007))
    assert await hotline.counter("tcp_malformed") == 2


@scenario(weight=4)
async def slow_streams_are_closed(world):
    """octets that trickle in win no time: TCP, fragments between pings, and the handshakes of TLS and WS, all closed within 35 s; a browser that answers no ping as well"""
    hotline, authority = await secured(world, "tls", "ws", websocket__ping_s=5)
    began = time.monotonic()

    async def trickle(port, first, drop, request=None):
        """`first`, then `drop` every second until it is closed; after how long."""
        reader, writer = await asyncio.open_connection(hotline.host, port)
        try:
            if request:
                writer.write(request)
                await reader.readuntil(b"\r\n\r\n")
            writer.write(first)
            closed = asyncio.ensure_future(said(reader, 60))
            while not closed.done():
                writer.write(drop)
                await asyncio.sleep(1)
        except ConnectionError:
            pass
        writer.close()
        return time.monotonic() - began

    fragment = frame(b"O", final=False)
    slow = {
        "TCP": trickle(5060, b"OPTIONS sip:a SIP/2.0\r\n", b"X"),
        "TLS handshake": trickle(5061, b"\x16\x03\x01\x02\x00\x01", b"\x00"),
        "HTTP": trickle(5080, b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
        # Between the fragments a pong each time: a sign of life, and not of the message.
        "fragments": trickle(5080, fragment, frame(b"P", opcode=0, final=False) + frame(b"", opcode=10), upgrade("a")),
        "no pong": trickle(5080, b"", b"", upgrade("a")),
    }
    took = dict(zip(slow, await asyncio.gather(*slow.values())))
    print(took)
    assert all(seconds < 35 for seconds in took.values()), took
    assert took["fragments"] > 25 and took["TCP"] > 25, took
    counters = {name: await hotline.counter(name) for name in ("tcp_slow", "tls_slow", "ws_slow", "ws_silent")}
    assert counters == {"tcp_slow": 2, "tls_slow": 1, "ws_slow": 1, "ws_silent": 1}, counters
    assert await asyncio.to_thread(hotline.answers, 2.0)


@scenario
async def too_many_streams(world):
    """more streams from one source than allowed are closed and counted, others are served; those that leave make room"""
    hotline = await world.daemon().set(listen__tcp_streams_per_source=3).start()

    async def open_from(address):
        return await asyncio.open_connection(hotline.host, 5060, local_addr=(address, 0))

    held = [await open_from("127.0.0.1") for _ in range(3)]
    reader, writer = await open_from("127.0.0.1")
    assert await said(reader, 3) == b"" and reader.at_eof(), "the fourth was kept"
    writer.close()
    await hotline.counted("tcp_refused_source")
    other, writer = await open_from("127.0.0.2")
    writer.write(options_request(hotline, "TCP"))
    assert b" 200 OK" in await asyncio.wait_for(other.read(4096), 3)
    for _, leaving in held:
        leaving.close()
    await asyncio.sleep(0.5)
    reader, writer = await open_from("127.0.0.1")
    writer.write(options_request(hotline, "TCP"))
    assert b" 200 OK" in await asyncio.wait_for(reader.read(4096), 3)


@scenario
async def address_lists(world):
    """who is denied is not answered on UDP, TCP or WS; everybody else is"""
    hotline = world.daemon().listens("ws")
    await hotline.set(security__deny="127.0.0.3, 2001:db8::/32").start()

    async def by_udp(address):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((address, 0))
            s.setblocking(False)
            s.sendto(options_request(hotline, "UDP").replace(b":9;", b":9;rport;"), (hotline.host, 5060))
            try:
                return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(s, 4096), 1)
            except asyncio.TimeoutError:
                return b""

    async def by_stream(address, port, first):
        try:
            reader, writer = await asyncio.open_connection(hotline.host, port, local_addr=(address, 0))
            writer.write(first)
            heard = await said(reader, 1)
            writer.close()
            return heard
        except ConnectionError:
            return b""

    for address, served in (("127.0.0.2", True), ("127.0.0.3", False)):
        heard = [
            await by_udp(address),
            await by_stream(address, 5060, options_request(hotline, "TCP")),
            await by_stream(address, 5080, upgrade("a")),
        ]
        assert [bool(answer) for answer in heard] == [served] * 3, (address, heard)
    assert await hotline.counter("sources_denied") == 3


async def over_tls_by(world, caller_make, desk_make):
    """Menu, queue, agent, both heard; both believe the authority of the hotline's certificate."""
    hotline, authority = await secured(world, "tls")
    how = {"transport": "tls", "cafile": authority.path}
    desk = await world.desk(hotline, "1001", desk_make, **how)
    caller = await world.caller(make=caller_make, **how)
    await caller.dial(hotline.uri(HOTLINE, transport="tls"))
    await caller.in_call()
    await asyncio.sleep(4)
    await caller.press("1")
    await desk.in_call()
    await asyncio.sleep(3)
    await caller.hang_up()
    await desk.over()
    heard = await caller.heard()
    expect(heard, "greeting/welcome", "queue/connecting")
    expect_tone(heard, AGENT_TONE, what="the agent")
    expect_tone(await desk.heard(), CALLER_TONE, what="the caller")
    assert (await hotline.call_recorded())["end"] == "caller-hung-up"


@scenario(weight=2)
async def baresip_and_pjsip_over_tls(world):
    """baresip calls, PJSIP answers, both over TLS"""
    await over_tls_by(world, "baresip", "pjsip")


@scenario(weight=2)
async def pjsip_and_baresip_over_tls(world):
    """PJSIP calls, baresip answers, both over TLS"""
    await over_tls_by(world, "pjsip", "baresip")


@scenario
async def trunk_must_prove_its_name(world):
    """we connect over TLS: a certificate for the host that the URI names gets the INVITE, another one nothing but a warning"""
    authority, stranger = Authority(world.folder), Authority(world.folder, "stranger")
    cases = [
        (authority.sign("right", "127.0.0.1"), True),
        (authority.sign("elsewhere", "other.test"), False),
        (stranger.sign("unknown", "127.0.0.1"), False),
    ]
    for number, (certificate, believed) in enumerate(cases):
        asked, port = [], ports.free()

        # The contact is asked by OPTIONS as well, at moments of its own: before the INVITE or in one read with it.
        async def take(reader, writer, asked=asked):
            while read := await reader.read(65536):
                asked.append(read)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server = await asyncio.start_server(take, "127.0.0.1", port, ssl=context)
        plan = plan_with_contact(f"{world.folder}/plan-{number}", f"sip:1001@127.0.0.1:{port};transport=tls")
        hotline = await world.daemon(plan=plan).set(tls__ca=authority.path).start()
        await hotline.command("agent", "ready", "1001")
        caller = await world.caller()
        await caller.dial(hotline.uri(STRAIGHT_TO_THE_QUEUE))
        if believed:
            heard = await hotline.until(lambda: asyncio.sleep(0, b"".join(asked)), lambda read: b"INVITE" in read)
            invite = heard[heard.index(b"INVITE") :]
            assert invite.startswith(b"INVITE sip:1001@127.0.0.1"), asked
            assert b"Via: SIP/2.0/TLS" in invite and b";transport=tls>" in invite, asked
        else:
            await hotline.logged("a TLS peer is not believed")
            await hotline.counted("tcp_connect_failed")
            assert not asked, asked
        await caller.hang_up()
        server.close()
        await hotline.stop()


def plan_with_contact(folder, contact):
    """The short plan with a fixed contact for 1001."""
    shutil.copytree(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "plans", "short"), folder)
    path = f"{folder}/short.toml"
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("[agent.1001]\n", f'[agent.1001]\ncontact = "{contact}"\n'))
    return folder
