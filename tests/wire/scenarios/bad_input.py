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
