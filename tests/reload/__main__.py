"""A reload under many waiting callers: none dropped, nobody overtaken, running calls on the version they began with.

    python3 tests/reload [--binary target/debug/hotline] [--steps 10000] [CALLERS]

SIPp brings the callers (1,000), who wait in line and hear music; beside them two scripted phones talk through the
hotline, and one caller stands in a menu of the old plan. Then the dialplan is reloaded a few times, the last time with so
many steps more. Printed are how long each reload took and the longest silence in the talk meanwhile; judged is only what
must hold on any machine. Ends with `N passed, M failed` alone on a line; exit status 0 when all passed.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time

os.environ.setdefault("WIRE_SLOT", str(os.getpid() % 8))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "peers"), os.path.join(ROOT, "tests", "wire")]

import ports  # noqa: E402  (after the peers are on the path)
from prompts import prompt  # noqa: E402
from scenarios.versions import PLAN, quiet  # noqa: E402
from world import AGENT_TONE, World  # noqa: E402

# New calls a second: half of what a debug build takes in without strain.
RATE = 40
# Callers who are served after the reloads, to see in which order.
SERVED = 15


def long_plan(steps):
    """A flow of so many steps, ten to a flow, which one number leads to."""
    text = ['[numbers]\n95509 = "long_0"\n']
    flows = steps // 10
    for flow in range(flows):
        text += [f'[[flow.long_{flow}]]\nplay = "greeting/welcome"\n'] * 9
        last = f'goto = "long_{flow + 1}"' if flow + 1 < flows else 'hang_up = "goodbye/thanks"'
        text.append(f"[[flow.long_{flow}]]\n{last}\n")
    return "\n".join(text)


async def waiting_callers(world, hotline, count):
    """SIPp with so many callers, who stay until they are hung up on."""
    with open(os.path.join(HERE, "waits.xml"), encoding="utf-8") as f:
        text = f.read()
    path = os.path.join(world.folder, "waits.xml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    command = ["sipp", hotline.address, "-sf", path, "-s", "95501", "-i", "127.0.0.1", "-p", str(ports.free())]
    command += ["-mi", "127.0.0.1", "-m", str(count), "-l", str(count), "-r", str(RATE), "-nostdin", "-timeout", "900"]
    quiet_ends = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, stdin=quiet_ends, stdout=quiet_ends, stderr=quiet_ends)


async def in_line(hotline):
    queues = json.loads((await hotline.command("queue", "--json")).splitlines()[0])
    return queues["waiting"]


async def run(options, world):
    folder = os.path.join(world.folder, "plan")
    os.makedirs(folder)

    def leads_to(flow):
        with open(os.path.join(folder, "plan.toml"), "w", encoding="utf-8") as f:
            f.write(PLAN.replace("GOAL", flow).replace('max_wait = "10 min"', 'max_wait = "1 h"'))

    leads_to("bye")
    # SIPp's callers say nothing.
    settings = {"media.rtp_timeout_s": 3600}
    hotline = world.daemon("--dialplans", folder, plan=None, settings=settings)
    await hotline.start()
    desk = await world.desk(hotline, "1001")
    talking = await world.caller("13900000000")
    await talking.dial(hotline.uri("95501"))
    await desk.in_call(timeout=30)
    in_menu = await world.caller("13900000001")
    await in_menu.dial(hotline.uri("95500"))
    await in_menu.in_call()
    await in_menu.call.media.wait_heard(prompt("menu/listen"), timeout=30)

    sipp = await waiting_callers(world, hotline, options.callers)
    try:
        began = time.monotonic()
        while (waiting := await in_line(hotline)) < options.callers:
            assert time.monotonic() - began < 300 and sipp.returncode is None, f"{waiting} of {options.callers} wait"
            await asyncio.sleep(1)
        print(f"{options.callers} callers wait after {time.monotonic() - began:.0f} s")
        leads_to("nice_day")
        silences = []
        for number in range(4):
            if number == 3:
                with open(os.path.join(folder, "long.toml"), "w", encoding="utf-8") as f:
                    f.write(long_plan(options.steps))
            at, log = time.monotonic(), len(hotline.log())
            out = await hotline.command("reload", "--without-tests")
            took = time.monotonic() - at
            await asyncio.sleep(1)
            silences.append(quiet(talking.listen(at)))
            steps = f", {options.steps} steps more" if number == 3 else ""
            print(f"reload {number + 1}{steps}: {took:.3f} s ({inside(hotline.log()[log:])}); "
                  f"longest silence in the talk {silences[-1] * 1000:.0f} ms; {out.splitlines()[-1]}")
        assert await in_line(hotline) == options.callers, f"{await in_line(hotline)} of {options.callers} wait"
        assert sipp.returncode is None
        # The menu is that of the version before.
        await in_menu.press("1")
        await in_menu.over(timeout=30)
        await in_menu.call.media.wait_heard(prompt("goodbye/thanks"), timeout=5)
        assert max(silences) < 1.0, f"{max(silences):.2f} s of silence in the talk"
        # Who came first is served first.
        last = desk.call
        await talking.hang_up()

        async def served():
            return [record for record in await hotline.calls() if (record["queue"] or {}).get("outcome") == "served"]

        for _ in range(SERVED):
            end = time.monotonic() + 60
            while desk.call is last or desk.call.state != "answered":
                assert time.monotonic() < end, f"nobody is put through: {desk.call.state}"
                await asyncio.sleep(0.1)
            last = desk.call
            await desk.hang_up()
        records = [r for r in await hotline.until(served, lambda all: len(all) >= SERVED, 60) if r["from"] != "139****0000"]
        order = [r["queue"]["entered"] for r in records]
        assert order == sorted(order), order
        assert {r["version"] for r in records} == {1}, "they began with the first version"
        left = await in_line(hotline)
        assert left >= options.callers - SERVED - 2, f"{left} still wait"
    finally:
        if sipp.returncode is None:
            sipp.kill()
        await sipp.wait()


def inside(log):
    """From `reload begins` to `reloaded`, by the daemon's own clock."""
    stamp = re.compile(r"T(\d\d):(\d\d):(\d\d\.\d+)")
    times = {}
    for line in log.splitlines():
        found = stamp.search(line)
        for word in ("reload begins", "reloaded"):
            if found and word in line:
                hours, minutes, seconds = found.groups()
                times[word] = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    if len(times) < 2:
        return "the log does not say"
    return f"{(times['reloaded'] - times['reload begins']) * 1000:.0f} ms inside"


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=os.path.join(ROOT, "target", "debug", "hotline"))
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("callers", nargs="?", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reload-") as folder:
        async with World(os.path.abspath(options.binary), folder) as world:
            try:
                await run(options, world)
            except (AssertionError, OSError) as error:
                world.tell_failure(error)
                print("0 passed, 1 failed")
                return 1
    print("1 passed, 0 failed")
    return 0


sys.exit(asyncio.run(main()))
