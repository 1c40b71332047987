"""Callers at the bad end of the link: each calls from an address of their own, keys digits, and hangs up.

    callers.py --server 10.99.0.1:5060 --calls 700 --at-once 30 --digits 6 --seed 1 --to FILE

What each of them did goes to FILE as JSON. Runs in the namespace of the callers.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers"))

import scripted  # noqa: E402
from scripted import message  # noqa: E402

# The namespace holds nobody else.
message.SAFE = ("10.99.",)

# As people key, in milliseconds: how long a key is down, and the pause before the next.
PRESS_MS, PAUSE_MS = (80, 100, 120, 160, 200), (60, 100, 160)
# A caller who is not through by then gives up (RFC 3261's timer B).
PATIENCE = 32
# Of so many callers one sends keys by INFO; the others by RFC 4733, every other one with the ends of a press apart.
INFO_EVERY = 4


def options():
    ap = argparse.ArgumentParser()
    ap.add_argument("--server", required=True)
    ap.add_argument("--calls", type=int, required=True)
    ap.add_argument("--at-once", type=int, required=True)
    ap.add_argument("--digits", type=int, required=True)
    ap.add_argument("--seed", type=int, required=True)
    ap.add_argument("--to", required=True)
    return ap.parse_args()


async def one(number, server, digits, dice):
    address = f"10.99.{128 + number // 250}.{1 + number % 250}"
    means = "info" if number % INFO_EVERY == 0 else "rfc4733"
    keys = "".join(dice.choice("0123456789") for _ in range(digits))
    told = dict(address=address, number=f"1{number:010}", means=means, answered=False, keyed="", seconds=None, why=None)
    phone = await scripted.UA(told["number"], server=server, ip=address).start()
    began = time.monotonic()
    call = await phone.invite(f"sip:95500@{server}", tx=scripted.tone(440))
    told["call_id"] = call.cid
    try:
        await call.wait_answer(PATIENCE + 2)
        told.update(answered=True, seconds=round(time.monotonic() - began, 3))
        await asyncio.sleep(dice.uniform(0.1, 1.0))
        for key in keys:
            if means == "info":
                await call.dtmf(key, "info")
            else:
                await call.media.dtmf4733(key, dice.choice(PRESS_MS), dice.choice(PAUSE_MS), apart=number % 2 == 1)
            told["keyed"] += key
        await asyncio.sleep(1)
        told["held"] = call.state == "answered"
        await call.bye(timeout=PATIENCE)
    except (scripted.CallFailed, AssertionError, TimeoutError, asyncio.TimeoutError) as e:
        told["why"] = f"{type(e).__name__}: {e}"
    await phone.stop()
    return told


async def main():
    o = options()
    dice = random.Random(o.seed)
    numbers, told = iter(range(o.calls)), []

    async def slot(wait):
        await asyncio.sleep(wait)
        for number in numbers:
            told.append(await one(number, o.server, o.digits, random.Random(dice.random())))

    await asyncio.gather(*(slot(0.1 * at) for at in range(o.at_once)))
    with open(o.to, "w", encoding="utf-8") as f:
        json.dump(told, f)


asyncio.run(main())
