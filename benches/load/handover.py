#!/usr/bin/env python3
"""From an agent's BYE to the next caller's INVITE, as it was on the wire: wrap-up 0, callers waiting.

    benches/load/handover.py [--binary target/release/hotline] [--handovers 1000]

Agents answer at once and hang up at once; callers who were served call again, so that the line is always full. The times
are the kernel's, from a capture of the daemon's SIP packets by dumpcap (Debian: tshark; needs root or its group), so that
nothing the phones take is in them: a BYE that comes from a phone, and the first INVITE to the same phone after it. Prints
median, 99th percentile and maximum in microseconds; exit status 1 where the 99th is above --most.
"""

import argparse
import asyncio
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "peers"), os.path.join(ROOT, "tests", "wire")]

PLAN = """
[hotline]
name = "Hand-over"
language = "zh-CN"

[numbers]
95501 = "main"

[[flow.main]]
queue = { to = "consultation", before = [] }

[queue.consultation]
skills = { consultation = 1 }
wrap_up = "0 s"
record = false

[skill.consultation]
"""


class Agent:
    def __init__(self, user, callers):
        self.user, self.callers = user, callers
        self.done = 0

    async def start(self, daemon):
        self.ua = scripted.UA(self.user, daemon.password(self.user), daemon.address, codecs=("PCMA", "PCMU"))
        self.ua.on_invite = self.rung
        await self.ua.start()
        await self.ua.register()
        await daemon.command("agent", "ready", self.user)

    async def rung(self, call):
        await call.answer()
        await asyncio.sleep(0.05)
        if call.state == "answered":
            self.done += 1
            number = re.search(r"sip:(\d+)@", call.invite_msg.get("from")).group(1)
            await call.bye()
            self.callers[number].set()


async def caller(number, served, daemon):
    ua = await scripted.UA(number, codecs=("PCMA", "PCMU")).start()
    while True:
        served.clear()
        call = await ua.invite(daemon.uri(95501))
        await call.wait_answer(10)
        over = asyncio.ensure_future(call.ended.wait())
        await asyncio.wait({over, asyncio.ensure_future(served.wait())}, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        await call.bye()
        ua.calls.pop(call.cid, None)


async def play(options, folder, daemon):
    await daemon.start()
    capture = subprocess.Popen(
        ["dumpcap", "-q", "-i", "lo", "-P", "-w", f"{folder}/sip.pcap", "-f", f"udp port 5060 and host {daemon.host}"],
        stderr=subprocess.PIPE,
    )
    while b"File:" not in capture.stderr.readline():
        if capture.poll() is not None:
            sys.exit(f"dumpcap does not capture: {capture.stderr.read().decode()}")
    callers = {f"1380000{n:04}": asyncio.Event() for n in range(options.callers)}
    agents = [Agent(str(1001 + n), callers) for n in range(options.agents)]
    lives = [asyncio.ensure_future(caller(number, served, daemon)) for number, served in callers.items()]
    await asyncio.sleep(1)
    for agent in agents:
        await agent.start(daemon)
    end = time.monotonic() + 300
    while sum(agent.done for agent in agents) < options.handovers:
        await asyncio.sleep(0.2)
        if time.monotonic() > end:
            break
        for life in lives:
            if life.done():
                life.result()
    # What is captured is written every second or so.
    await asyncio.sleep(2)
    capture.terminate()
    capture.wait()
    for life in lives:
        life.cancel()
    ports = {agent.ua.port for agent in agents}
    await daemon.stop()
    return ports


def packets(path):
    """`(seconds, source port, destination port, first octets)` of a file by libpcap, from Ethernet's loopback."""
    with open(path, "rb") as f:
        data = f.read()
    fine = {0xA1B2C3D4: 1e6, 0xA1B23C4D: 1e9}[struct.unpack("<I", data[:4])[0]]
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack("<IIII", data[at : at + 16])
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        udp = 14 + 4 * (frame[14] & 15)
        source, destination = struct.unpack("!HH", frame[udp : udp + 4])
        yield seconds + fraction / fine, source, destination, frame[udp + 8 : udp + 20]


def handovers(path, phones):
    """The times between in microseconds."""
    since, took = {}, []
    for at, source, destination, words in packets(path):
        if source in phones and words.startswith(b"BYE "):
            since.setdefault(source, at)
        elif destination in phones and words.startswith(b"INVITE ") and destination in since:
            took.append(1e6 * (at - since.pop(destination)))
    return sorted(took)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--binary", default="target/release/hotline")
    ap.add_argument("--handovers", type=int, default=1000)
    ap.add_argument("--agents", type=int, default=3)
    ap.add_argument("--callers", type=int, default=30)
    ap.add_argument("--most", type=float, default=1000.0, metavar="MICROSECONDS", help="for the 99th percentile")
    options = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix="hotline-handover-") as folder:
        os.mkdir(f"{folder}/plan")
        agents = "".join(f"[agent.{1001 + n}]\nskills = {{ consultation = 5 }}\n" for n in range(options.agents))
        with open(f"{folder}/plan/plan.toml", "w", encoding="utf-8") as f:
            f.write(PLAN + agents)
        daemon = Daemon(
            os.path.abspath(options.binary),
            folder,
            f"127.{64 + os.getpid() % 128}.9.2",
            ("--alone", "--dialplans", f"{folder}/plan"),
            settings={"log.filter": "warn"},
        )
        phones = asyncio.run(play(options, folder, daemon))
        took = handovers(f"{folder}/sip.pcap", phones)
    if len(took) < options.handovers // 2:
        sys.exit(f"only {len(took)} hand-overs were seen")
    at = lambda share: took[min(len(took) - 1, int(share * len(took)))]
    print(
        f"{len(took)} hand-overs, BYE to INVITE: median {at(0.5):.0f} us, 99 % {at(0.99):.0f} us, longest {took[-1]:.0f} us;"
        f" load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    return int(at(0.99) > options.most)


if __name__ == "__main__":
    # With numpy, which the phones need: tests/run has it in an environment of its own.
    import scripted  # noqa: E402
    from daemon import Daemon  # noqa: E402

    sys.exit(main())
