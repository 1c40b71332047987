#!/usr/bin/env python3
"""How soon lamps follow: from what happens to the NOTIFY at the phone that watches.

    benches/load/lamps.py [--binary target/release/hotline] [--rounds 30] [--most 200]

A colleague watches an agent's lamp (dialog) while calls come and go, and a manager's message lamp (message-summary) while
a message is forwarded to and fro. Figures at median, 99th percentile and maximum, in milliseconds:

    rings, talks, over   from the agent's phone ringing, answering and hanging up
    messages             from the start of `hotline messages forward`: the command's own start is in it

Exit status 1 where a 99th percentile is above --most.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "peers"), os.path.join(ROOT, "tests", "wire"), HERE]

from transfer_gap import at_rank  # noqa: E402  (after the path)

LAMP = "application/dialog-info+xml"
BOX = "application/simple-message-summary"
PLAN = """
[hotline]
name = "Lamps"
language = "zh-CN"

[numbers]
95501 = "line"
95503 = "message"

[[flow.line]]
queue = { to = "line", before = [] }

[[flow.message]]
message = { person = "1003", ask = [], longest = "20 s", silence = "2 s" }

[queue.line]
skills = { line = 1 }
wrap_up = "0 s"

[skill.line]

[agent.1001]
skills = { line = 5 }

[agent.1002]

[agent.1003]
mailbox = true
"""


async def phones(daemon):
    import scripted
    from scripted_phone import ScriptedPhone

    async def desk(extension):
        options = dict(registrar=daemon.address, password=daemon.password(extension), auto=None)
        phone = await ScriptedPhone(extension, scripted.tone(617), **options).start()
        await phone.registered()
        return phone

    agent, colleague, manager = [await desk(extension) for extension in ("1001", "1002", "1003")]
    await daemon.command("agent", "ready", "1001")
    caller = await ScriptedPhone("13800138000", scripted.tone(440)).start()
    return agent, colleague, manager, caller


async def calls(daemon, agent, colleague, caller, rounds, found):
    lamp = await colleague.ua.watch("dialog", "1001", LAMP)
    await lamp.until('state="full"', 20)
    for _ in range(rounds):
        since = len(lamp.told)
        await caller.dial(daemon.uri("95501"))
        await agent.ringing(30)
        rang = time.monotonic()
        early = await lamp.until("<state>early</state>", 20, since)
        answered = time.monotonic()
        await agent.answer()
        confirmed = await lamp.until("<state>confirmed</state>", 20, since)
        await asyncio.sleep(0.3)
        hung_up = time.monotonic()
        await agent.hang_up()
        over = await lamp.until("<state>terminated</state>", 20, since)
        found["rings"].append(early.at - rang)
        found["talks"].append(confirmed.at - answered)
        found["over"].append(over.at - hung_up)
        await caller.over(30)


async def messages(daemon, manager, caller, rounds, found):
    import scripted
    from prompts import prompt

    box = await manager.ua.watch("message-summary", "1003", BOX)
    await box.until("Messages-Waiting: no", 20)
    caller.say = scripted.silence(1)
    await caller.dial(daemon.uri("95503"))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("common/beep"), timeout=30)
    caller.call.media.play(scripted.signature(7, 3.0), loop=False)
    await asyncio.sleep(3.5)
    await caller.hang_up()
    await box.until("Voice-Message: 1/0", 30)
    [slip] = await daemon.messages()
    for turn in range(rounds):
        since, began = len(box.told), time.monotonic()
        await daemon.command("messages", "forward", f"m{slip['slip']}", "--to", "counter" if turn % 2 == 0 else "1003")
        told = await box.until("Voice-Message: 0/0" if turn % 2 == 0 else "Voice-Message: 1/0", 20, since)
        found["messages"].append(told.at - began)


async def measure(o):
    from daemon import Daemon

    found = {"rings": [], "talks": [], "over": [], "messages": []}
    with tempfile.TemporaryDirectory(prefix="hotline-lamps-") as folder:
        dialplans = os.path.join(folder, "plan")
        os.makedirs(dialplans)
        with open(os.path.join(dialplans, "plan.toml"), "w", encoding="utf-8") as f:
            f.write(PLAN)
        arguments = ("--alone", "--dialplans", dialplans)
        daemon = await Daemon(os.path.abspath(o.binary), folder, "127.99.8.1", arguments).start()
        everybody = await phones(daemon)
        agent, colleague, manager, caller = everybody
        try:
            await calls(daemon, agent, colleague, caller, o.rounds, found)
            await messages(daemon, manager, caller, o.rounds, found)
        finally:
            for phone in everybody:
                await phone.stop()
            await daemon.stop()
    return found


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--binary", default=os.path.join(ROOT, "target", "release", "hotline"))
    ap.add_argument("--rounds", type=int, default=30)
    ap.add_argument("--most", type=float, default=200.0, help="milliseconds at the 99th percentile")
    o = ap.parse_args()
    worst = 0.0
    for what, values in asyncio.run(measure(o)).items():
        values = [1000 * value for value in values]
        middle, high, most = at_rank(values, 0.5), at_rank(values, 0.99), max(values)
        worst = max(worst, high)
        print(f"{what:<9} {len(values):4} times: median {middle:6.1f}, 99 % {high:6.1f}, most {most:6.1f} ms")
    print(f"load average {os.getloadavg()[0]:.1f}")
    sys.exit(worst > o.most)


if __name__ == "__main__":
    main()
