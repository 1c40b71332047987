"""A hotline's floor: sixty callers, ten agents, each with a tone of their own, for as long as one likes.

    python3 tests/floor [--binary target/debug/hotline] [--seed N] [--keep] [MINUTES]

Two of the agents and two of the callers are phones that nobody here wrote (baresip, PJSIP). Agents refuse, do not
answer, go away while they are rung, sign off and on, and their phones die without a word; callers give up and call
again. Judged by what the phones saw and heard: who heard whom, that nobody was rung or offered twice at once or rung while
they rest, that nobody was overtaken in their queue; and, each second, by the daemon's own lists: nobody waits beside a ready agent.

Ends with `N passed, M failed` alone on a line, one for each kind of fault; exit status 0 when all passed.
"""

import argparse
import asyncio
import collections
import os
import random
import shutil
import sys
import tempfile
import time

# Ports of phones: another stretch than those who run beside us.
os.environ.setdefault("WIRE_SLOT", str(os.getpid() % 8))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "peers"), os.path.join(ROOT, "tests", "wire")]

import phones  # noqa: E402  (after the peers are on the path)
from baresip import BaresipPhone  # noqa: E402
from control import Control  # noqa: E402
from daemon import Daemon  # noqa: E402
from ledger import Ledger  # noqa: E402
from pjsip import PjsipPhone  # noqa: E402
from scripted.rtp import Pacer  # noqa: E402
from tones import Tones, house_sounds  # noqa: E402

AGENTS = [str(1001 + n) for n in range(10)]
# The last two digits are all that the daemon's lists show of a number.
CALLERS = [f"138000000{n:02}" for n in range(60)]
REAL_AGENTS = {"1002": PjsipPhone, "1009": BaresipPhone}
REAL_CALLERS = {CALLERS[10]: PjsipPhone, CALLERS[40]: BaresipPhone}
SKILLS = {
    "consultation": {"1001", "1002", "1003", "1004", "1005", "1007", "1008", "1009", "1010"},
    "complaint": {"1004", "1005", "1006", "1007", "1009"},
    "vip": {"1007", "1008", "1010"},
}
# After so many looks, a second apart, a caller beside an agent who is free has been forgotten.
LOOKS = 3


class Floor:
    def __init__(self, options, folder):
        self.random = random.Random(options.seed)
        self.minutes = options.minutes
        host = f"127.{64 + os.getpid() % 128}.9.1"
        arguments = ["--alone", "--dialplans", os.path.join(HERE, "plan")]
        # A phone that died talking is noticed within seconds, so that many can die.
        self.daemon = Daemon(options.binary, folder, host, arguments, settings={"media.rtp_timeout_s": 6})
        self.tones = Tones(len(AGENTS) + len(CALLERS), house_sounds(ROOT))
        places = list(range(len(AGENTS) + len(CALLERS)))
        agents = dict(zip(AGENTS, places[3::7]))
        rest = [at for at in places if at not in agents.values()]
        callers = dict(zip(CALLERS, rest))
        self.ledger = Ledger(agents, callers)
        self.ears = phones.Ears(self.tones, self.ledger)
        self.closing = False
        self.tasks = []
        self.looks = collections.Counter()

    def spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.append(task)
        task.add_done_callback(self._tell)
        return task

    def _tell(self, task):
        if not task.cancelled() and task.exception():
            self.ledger.fault(time.monotonic(), f"the test itself: {task.exception()!r}")

    def pause(self):
        """Rush and calm in turn: a full line for two minutes, agents who wait for callers for one."""
        rush = (time.monotonic() - self.ledger.began) % 180 < 120
        return self.random.uniform(1, 12) if rush else self.random.uniform(20, 60)

    def tone(self, who):
        return int(self.tones.frequencies[self.ledger.tone_of[who]])

    async def open(self):
        await self.daemon.start()
        self.control = Control(self.daemon)
        self.ports = (await self.control.status())["rtp_ports_free"]
        self.agents = [
            phones.RealAgent(self, who, self.tone(who), REAL_AGENTS[who])
            if who in REAL_AGENTS
            else phones.Agent(self, who, self.tone(who))
            for who in AGENTS
        ]
        self.callers = [
            phones.RealCaller(self, who, self.tone(who), REAL_CALLERS[who])
            if who in REAL_CALLERS
            else phones.Caller(self, who, self.tone(who))
            for who in CALLERS
        ]
        for person in self.agents + self.callers:
            await person.start()

    async def run(self):
        self.spawn(self.ears.run())
        for person in self.agents + self.callers:
            if hasattr(person, "watch"):
                self.spawn(person.watch())
            if hasattr(person, "shifts"):
                self.spawn(person.shifts())
        lives = [self.spawn(caller.live()) for caller in self.callers]
        end = time.monotonic() + 60 * self.minutes
        told = time.monotonic()
        while time.monotonic() < end:
            await asyncio.sleep(1)
            await self.look()
            if time.monotonic() - told > 60:
                told = time.monotonic()
                print(f"{(told - self.ledger.began) / 60:5.1f} min  {dict(self.ledger.counts)}", flush=True)
                print(f"           {len(self.ledger.faults)} faults, load {os.getloadavg()[0]:.1f}", flush=True)
        self.closing = True
        # Everybody ends what they have begun.
        await asyncio.wait(lives, timeout=150)
        for task in self.tasks[1:]:
            task.cancel()
        await asyncio.sleep(1.5)
        await self.rest()
        for person in self.agents + self.callers:
            if hasattr(person, "watch"):
                await person.stop()

    async def look(self):
        """The daemon's own lists: is anybody forgotten?"""
        began = time.monotonic()
        calls, agents = await self.control.calls(), await self.control.agents()
        ready = {agent["extension"] for agent in agents if agent["state"] == "ready" and agent["reachable"]}
        now = time.monotonic()
        ready = {extension for extension in ready if not self.is_dead(extension, now)}
        seen = collections.Counter()
        for call in calls:
            if call["stage"] != "wait":
                continue
            number = CALLERS[int(call["from"][-2:])]
            for extension in ready & SKILLS[call["queue"]]:
                if not self.barred(extension, number, now):
                    seen[call["call"], extension] = self.looks[call["call"], extension] + 1
        self.looks = seen
        for (call, extension), looks in seen.items():
            if looks == LOOKS:
                self.ledger.fault(now, f"call {call} is forgotten beside {extension}, who is ready")
        self.ledger.counts["looks at the daemon's lists"] += 1
        if now - began > 1:
            self.ledger.excused["looks that took more than a second"] += 1

    def is_dead(self, extension, now):
        """Whose phone died may be listed as ready until that is noticed."""
        return any(began <= now < ended + 33 for began, ended in self.ledger.dead[extension])

    def barred(self, extension, number, now):
        rings = self.ledger.rings[extension][-20:]
        return any(r.number == number and r.ended and not r.answered and now - r.ended < 33 for r in rings)

    async def rest(self):
        """Everybody has hung up: nothing is left, and nobody has two records or none."""
        await asyncio.sleep(1)
        status = await self.control.status()
        now = time.monotonic()
        if status["calls"] or status["rtp_ports_free"] != self.ports:
            self.ledger.fault(now, f"left over: {status['calls']} calls, {self.ports - status['rtp_ports_free']} RTP ports")
        visits = sum(len(visits) for visits in self.ledger.visits.values())
        records = (await self.daemon.command("calls", "--json", "--latest", "1000000")).splitlines()
        if len(records) != visits:
            self.ledger.fault(now, f"{visits} calls were answered, {len(records)} records were written")
        self.counters = [f"{name} {count}" for name, count in status["counters"] if count]

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await self.daemon.stop()


def verdict(floor):
    floor.ledger.judge()
    ledger = floor.ledger
    print("\n".join(f"  {what:44} {count:7}" for what, count in sorted(ledger.counts.items())))
    print("\n".join(f"  excused: {what:35} {count:7}" for what, count in sorted(ledger.excused.items())))
    print("  the daemon's counters: " + ", ".join(getattr(floor, "counters", [])))
    print(f"  latest tick of the phones' own audio {Pacer.late_ms:.0f} ms; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for fault in sorted(ledger.faults)[:60]:
        print(f"FAULT {fault}")
    print(f"{int(not ledger.faults)} passed, {len(ledger.faults)} failed")
    return bool(ledger.faults)


async def main():
    ap = argparse.ArgumentParser(prog="floor", description="sixty callers and ten agents on real phones")
    ap.add_argument("minutes", nargs="?", type=float, default=20)
    ap.add_argument("--binary", default=os.environ.get("HOTLINE_BINARY", "target/debug/hotline"))
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--keep", action="store_true", help="keep the daemon's folder though nothing failed")
    options = ap.parse_args()
    options.binary = os.path.abspath(options.binary)
    folder = tempfile.mkdtemp(prefix="hotline-floor-")
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = folder
    floor = Floor(options, folder)
    try:
        await floor.open()
        await floor.run()
    finally:
        await floor.close()
    failed = verdict(floor)
    if failed or options.keep:
        print(f"its folder: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
