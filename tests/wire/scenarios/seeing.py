"""What an operator sees of the wire: ladders, from the ring and live; and what Homer gets."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct

from scenarios import scenario

CALLER = "13812345678"


async def a_call(world, hotline):
    """Menu, queue, agent, both hang up: INVITE to last BYE. The agent's desk."""
    desk = await world.desk(hotline, "1001")
    caller = await world.caller(CALLER)
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await asyncio.sleep(4)
    await caller.press("1")
    await desk.in_call()
    await asyncio.sleep(1)
    await caller.hang_up()
    await desk.over()
    await hotline.call_recorded()


async def listen(hotline, *arguments):
    """`hotline sip trace --follow` with these arguments, running."""
    return await asyncio.create_subprocess_exec(
        hotline.binary,
        "sip",
        "trace",
        "--follow",
        *arguments,
        "--state",
        hotline.state,
        env=hotline.shell,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def arrows(ladder):
    """(call, arrow, what) of each line with an arrow."""
    found = []
    for line in ladder.splitlines():
        if not ("->|" in line or "|<-" in line):
            continue
        side = 1 if line.split("|")[1].startswith(("-", "<")) else 2
        drawn = line.split("|")[side]
        found.append((line[9:16].strip(), "<" if drawn.startswith("<") else ">", drawn.strip("-<> ").split("  ")[0]))
    return found


def in_order(found, *wanted):
    """Each of `wanted` is in `found`, in this order."""
    rest = iter(found)
    for one in wanted:
        assert any(one == other for other in rest), f"{one} is missing or out of order in {found}"


@scenario(weight=2)
async def a_call_is_traced_live_and_from_the_ring(world):
    """the ladder of a call has both legs, both ways of asking, and no number in the clear"""
    hotline = await world.hotline()
    live = await listen(hotline, "--number", CALLER)
    await asyncio.sleep(0.5)
    await a_call(world, hotline)
    # Of several exchanges any may have the first call.
    number = f"c{(await hotline.call_recorded())['call']}"
    ladder = await hotline.command("sip", "trace", "--call", number)
    print(ladder)
    found = arrows(ladder)
    assert {call for call, _, _ in found} == {number}, found
    names = [what.split(" ")[:-1] if what[0].isdigit() else what.split(" ")[:1] for _, _, what in found]
    # The caller's leg and then the agent's, in one ladder.
    in_order(names, *(2 * [["INVITE"], ["200", "INVITE"], ["ACK"]]), ["BYE"], ["BYE"])
    invites = [what for _, _, what in found if what.startswith("INVITE ")]
    assert len(invites) == 2, invites
    assert sum(what.startswith("BYE") for _, _, what in found) == 2, found
    assert "1001" in ladder and "loopback" in ladder and "PCMA" in ladder, ladder
    assert all(len(line) <= 100 for line in ladder.splitlines()), ladder
    detail = await hotline.command("sip", "trace", "--number", CALLER, "--detail")
    assert "INVITE sip:" in detail and "m=audio" in detail and "Digest" not in detail, detail
    assert arrows(detail) == found, detail
    for text in (ladder, detail):
        assert CALLER not in text and CALLER[3:] not in text, text
    registered = await hotline.command("sip", "trace", "--detail")
    assert "REGISTER" in registered and "response=***" in registered, registered
    assert hotline.password("1001") not in registered
    await asyncio.sleep(0.5)
    # Not SIGINT, which whoever runs in the background ignores.
    live.send_signal(signal.SIGTERM)
    seen = (await live.communicate())[0].decode()
    assert [what for _, _, what in arrows(seen)] == [what for _, _, what in found], seen
    assert CALLER[3:] not in seen, seen
    code, _, errors = await hotline.attempt("sip", "trace", "--unmasked")
    assert code == 2 and "trace.unmasked" in errors, errors


@scenario
async def whole_messages_only_where_allowed(world):
    """with trace.unmasked, `--unmasked` shows numbers, and the log says who looked"""
    hotline = await world.hotline(settings={"trace.unmasked": "true"})
    caller = await world.caller(CALLER)
    await caller.dial(hotline.uri("95501"))
    await caller.in_call()
    await caller.hang_up()
    assert CALLER in await hotline.command("sip", "trace", "--unmasked")
    assert CALLER not in await hotline.command("sip", "trace", "--detail")
    assert f"user={os.getuid()}" in await hotline.logged("a trace without masks")


@scenario(weight=2)
async def a_listener_that_does_not_read_holds_nobody_up(world):
    """one stops, one is killed: calls and answers go on, and what was lost is said"""
    hotline = await world.hotline()
    stopped, killed = await listen(hotline, "--detail"), await listen(hotline)
    await asyncio.sleep(0.5)
    stopped.send_signal(signal.SIGSTOP)
    killed.kill()
    await killed.wait()
    noise = b"\r\n".join(
        (
            f"OPTIONS sip:{hotline.address} SIP/2.0".encode(),
            b"Via: SIP/2.0/UDP %s:9;branch=z9hG4bK%d" % (hotline.host.encode(), 1),
            b"From: <sip:a@h>;tag=1",
            b"To: <sip:b@h>",
            b"Call-ID: noise",
            b"CSeq: 1 OPTIONS",
            b"Subject: " + b"x" * 300,
            b"",
            b"",
        )
    )
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for number in range(8000):
                s.sendto(noise.replace(b"z9hG4bK1", b"z9hG4bK%d" % number), (hotline.host, hotline.port))
                if number % 50 == 0:
                    await asyncio.sleep(0.01)
        assert await asyncio.to_thread(hotline.answers, 2.0)
        await a_call(world, hotline)
        status = await hotline.command("status")
        assert "trace_dropped" in status, status
        stopped.send_signal(signal.SIGCONT)
        seen = b""
        # Who is slow for too long is left: then the end comes instead of the sentence.
        while b"came faster" not in seen and not stopped.stdout.at_eof():
            seen = seen[-200:] + await asyncio.wait_for(stopped.stdout.read(65536), 15)
    finally:
        with contextlib.suppress(ProcessLookupError):
            stopped.kill()
        # What it had still to say is in the pipe, and keeps its end from being seen.
        await stopped.communicate()


def decoded(packet):
    """The chunks of a HEP3 packet by type."""
    magic, length = struct.unpack(">4sH", packet[:6])
    assert magic == b"HEP3" and length == len(packet), packet[:6]
    chunks, at = {}, 6
    while at < length:
        vendor, kind, size = struct.unpack(">HHH", packet[at : at + 6])
        assert vendor == 0 and size >= 6 and kind not in chunks, (vendor, kind, size)
        chunks[kind] = packet[at + 6 : at + size]
        at += size
    assert at == length
    return chunks


@scenario(weight=2)
async def homer_gets_each_message_once(world):
    """HEP v3: every message with its addresses, its time and its call, exactly once"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as homer:
        homer.bind(("127.0.0.1", 0))
        homer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        homer.setblocking(False)
        server = f"127.0.0.1:{homer.getsockname()[1]}"
        hotline = await world.hotline(settings={"hep.server": server, "hep.id": 2001, "hep.password": "capture"})
        await a_call(world, hotline)
        await asyncio.sleep(0.5)
        packets = []
        while True:
            try:
                packets.append(decoded(homer.recv(65536)))
            except BlockingIOError:
                break
    ring = [json.loads(line) for line in (await hotline.command("sip", "trace", "--json", "--limit", "9999")).splitlines()]
    assert len(packets) == len(ring) > 15, (len(packets), len(ring))
    own = socket.inet_aton(hotline.host)
    for chunks, line in zip(packets, ring):
        assert chunks[1] == b"\x02" and chunks[2] == b"\x11" and chunks[11] == b"\x01", chunks
        assert struct.unpack(">I", chunks[12])[0] == 2001 and chunks[14] == b"capture", chunks
        source, target = (3, 4) if line["sent"] else (4, 3)
        assert chunks[source] == own and socket.inet_ntoa(chunks[target]) == line["peer"].rsplit(":", 1)[0], line
        assert struct.unpack(">H", chunks[7 if line["sent"] else 8])[0] == hotline.port, line
        micros = struct.unpack(">I", chunks[9])[0] * 1_000_000 + struct.unpack(">I", chunks[10])[0]
        assert micros == line["at"], (micros, line)
    calls = [chunks for chunks in packets if chunks[15].startswith(b"BYE ")]
    number = f"c{(await hotline.call_recorded())['call']}".encode()
    assert len(calls) == 2 and all(chunks[17] == number for chunks in calls), calls
    assert any(CALLER.encode() in chunks[15] for chunks in packets)
    assert CALLER not in hotline.log()
