"""What the network, a file or the machine does wrong."""

import asyncio
import os
import re
import socket
import sqlite3
import sys

from scenarios import scenario

HERE = os.path.dirname(os.path.abspath(__file__))
TORTURE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "torture", "torture_run.py")


@scenario(weight=12)
async def torture_messages(world):
    """every RFC 4475 and RFC 5118 message gets what it must get, and the daemon lives"""
    hotline = await world.hotline()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        TORTURE,
        "--target",
        hotline.address,
        "--wait",
        "0.7",
        "--pid",
        str(hotline.process.pid),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    print(out.decode("utf-8", "replace"))
    assert process.returncode == 0, "a torture message was not answered as it must be"
    # Nothing of a malformed message is logged whole.
    assert "Warning: 399" not in hotline.log() and "v=0" not in hotline.log()


@scenario
async def noise_is_dropped(world):
    """random bytes, keep-alives, half messages, on UDP and TCP: the daemon answers calls as before"""
    hotline = await world.hotline()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for payload in (
            b"",
            b"\0",
            b"\r\n\r\n",
            b"INVITE",
            os.urandom(1400),
            b"SIP/2.0 200 OK\r\n\r\n",
            b"\xff" * 65000,
        ):
            s.sendto(payload, (hotline.host, hotline.port))
    held = []
    for payload in (
        b"\r\n\r\n",
        os.urandom(3000),
        b"INVITE sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"A" * 200000,
    ):
        connection = socket.create_connection((hotline.host, hotline.port), 3)
        try:
            connection.sendall(payload)
        except OSError:
            pass  # it closed on us: its right
        held.append(connection)
    await asyncio.sleep(0.5)
    assert await asyncio.to_thread(hotline.answers, 2.0) and hotline.running
    for connection in held:
        connection.close()


async def refuses_to_start(daemon, *words, sentence=True):
    """It ends with exit code 2 and says why: one sentence with these words, on standard error."""
    await daemon.start(ready=False)
    code = await daemon.ended()
    said = daemon.log().strip()
    assert code == 2, f"exit code {code}: {said}"
    for word in words:
        assert word in said, f"{word!r} is not in: {said}"
    if sentence:
        assert len(said.splitlines()) == 1, said
    assert "panicked" not in said and "Error {" not in said, said


@scenario
async def port_in_use(world):
    """the port is taken: one sentence, exit code 2"""
    daemon = world.daemon()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((daemon.host, daemon.port))
        await refuses_to_start(daemon, str(daemon.port), daemon.host, "in use")


@scenario
async def state_folder_not_writable(world):
    """the state folder cannot be made: one sentence, exit code 2"""
    daemon = world.daemon()
    with open(daemon.state, "w", encoding="utf-8"):
        pass  # a file where the folder should be: no right overcomes that
    await refuses_to_start(daemon, daemon.state)


@scenario
async def state_folder_in_use(world):
    """a second daemon on the same state folder: one sentence, exit code 2"""
    first = await world.hotline()
    second = world.daemon()
    second.arguments[second.arguments.index("--state") + 1] = first.state
    await refuses_to_start(second, first.state, "in use")
    assert first.running


@scenario
async def database_locked(world):
    """somebody else holds the database: one sentence, exit code 2"""
    daemon = await world.hotline()
    await daemon.stop()
    database = sqlite3.connect(os.path.join(daemon.state, "hotline.sqlite"), isolation_level=None)
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("BEGIN EXCLUSIVE")
    try:
        await refuses_to_start(daemon, "locked")
    finally:
        database.close()


@scenario
async def database_newer_than_the_program(world):
    """the database was written by a newer hotline: one sentence, exit code 2"""
    daemon = await world.hotline()
    await daemon.stop()
    database = sqlite3.connect(os.path.join(daemon.state, "hotline.sqlite"))
    database.execute("PRAGMA user_version = 9999")
    database.commit()
    database.close()
    await refuses_to_start(daemon, "newer")


@scenario
async def broken_dialplan(world):
    """a broken dialplan: every mistake at once with file, line and reason, exit code 2"""
    daemon = world.daemon(plan="broken")
    await refuses_to_start(daemon, "broken.toml", sentence=False)
    said = daemon.log()
    assert len(set(re.findall(r"broken\.toml:(\d+)", said))) >= 3, said
    assert "did you mean" in said, said


@scenario
async def missing_prompt(world):
    """a dialplan names a prompt that is not there: the mistake names it, exit code 2"""
    daemon = world.daemon(plan="missing-prompt")
    await refuses_to_start(daemon, "greeting/no-such-prompt", "missing.toml", sentence=False)


@scenario
async def unknown_setting(world):
    """an unknown key in the configuration file: named with file and line, exit code 2"""
    path = os.path.join(world.folder, "hotline.toml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("[media]\nrtp_timeout_s = 20\nrtp_timeuot_s = 30\n")
    daemon = world.daemon("--config", path)
    await refuses_to_start(daemon, "rtp_timeuot_s", sentence=False)


def hostile_requests(number):
    """Requests whose values would forge a line of the log, colour a terminal, or say a customer's number."""
    escape = b"\x1b[31m\x1b]0;owned\x07"
    values = [
        b"plain\r\n folded\r\n FORGED line",
        b"lone\rFORGED",
        escape + b"FORGED",
        b"nul\0FORGED",
        b"\xff\xfe\xc2\x9bFORGED",
        b"\\x1b%0d%0aFORGED" + b"long" * 1500,
    ]
    for method in (b"OPTIONS", b"INVITE", b"REGISTER", b"MESSAGE", b"SUBSCRIBE", b"FORGE\x1bD"):
        for at, value in enumerate(values):
            quoted = value.replace(b"\r\n", b" ").replace(b"\r", b"").replace(b"\0", b"")
            yield b"\r\n".join(
                [
                    b"%s sip:%s@127.0.0.1 SIP/2.0" % (method, number if at % 2 else b"1001" + escape),
                    b"Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK%s%d" % (method[:5], at),
                    b'From: "%s" <sip:%s@127.0.0.1>;tag=%d' % (quoted, number, at),
                    b"To: <sip:%s@127.0.0.1>" % number,
                    b"Call-ID: hostile-%s-%d" % (method[:5], at),
                    b"CSeq: 1 %s" % method,
                    b"Max-Forwards: 70",
                    b'Contact: "%s" <sip:%s@127.0.0.1:9>' % (value, number),
                    b"User-Agent: %s" % value,
                    b"Subject: %s" % value,
                    b"Event: %s" % value,
                    b'Authorization: Digest username="%s", realm="%s", nonce="%s", uri="sip:h", response="%s"'
                    % ((quoted[:200],) * 4),
                    b"P-Asserted-Identity: <sip:%s@127.0.0.1>" % number,
                    b"Content-Length: 0",
                    b"",
                    b"",
                ]
            )


@scenario(weight=2)
async def hostile_values_reach_no_log(world):
    """ANSI escapes, line ends, NUL, invalid UTF-8 and customers' numbers in headers: neither log nor trace has them"""
    number = "13912345678"
    for form in ("human", "json"):
        hotline = await world.hotline(settings={"log.format": form, "log.filter": "trace"})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for request in hostile_requests(number.encode()):
                s.sendto(request, (hotline.host, hotline.port))
        with socket.create_connection((hotline.host, hotline.port), 3) as s:
            try:
                s.sendall(b"".join(hostile_requests(number.encode())))
            except OSError:
                pass  # it closed on us: its right
        # What is logged of calls that are taken.
        desk = await world.desk(hotline, "1001")
        caller = await world.caller(number, display="\x1b[31mFORGED \x7f\t\x9b")
        await caller.dial(hotline.uri("95500"))
        await caller.in_call()
        await caller.press("91")
        await desk.in_call()
        await caller.hang_up()
        await hotline.call_recorded()
        await hotline.logged("audio quality")
        with open(f"{hotline.folder}/log-{hotline.runs}", "rb") as log:
            said = log.read().splitlines()
        for unwanted in (b"\x1b", b"\0", b"\x07", b"\xc2\x9b", b"\xff", b"FORGED", number.encode()):
            lines = [line for line in said if unwanted in line]
            assert not lines, f"{unwanted!r} is in {lines[:3]}"
        # The administrator's terminal is shown the messages themselves, and no order in them.
        seen = await hotline.command("sip", "trace", "--detail")
        assert "FORGED" in seen, seen[:2000]
        for unwanted in ("\x1b", "\0", "\x07", "\x9b", number):
            assert unwanted not in seen, unwanted
        await desk.stop()
        await hotline.stop()
