"""Callers and agents at the bad end of the link, each with an address of their own: a caller keys digits or talks with an
agent, and hangs up.

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
# Of so many callers one talks with an agent instead.
TALK_EVERY = 6
AGENTS = range(1001, 1011)
# What agents say, in Hz; the callers are below.
AGENT_TONE = 1500
# Connected within, and heard for so long, in seconds.
CONNECT_WITHIN, LISTEN = 30, 1.0
# So much of what is heard is the tone: what a bad line swallows is silence.
HEARD = 0.5
# Of so many others one sends keys by INFO; the others by RFC 4733, every other one with the ends of a press apart.
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


def caller_tone(slot):
    return 300 + 30 * slot


async def desks(server):
    """The agents' phones, registered."""
    phones = []
    for extension in AGENTS:
        address = f"10.99.200.{extension - AGENTS[0] + 1}"
        phone = await scripted.UA(str(extension), "lossy", server, ip=address).start()
        phone.on_invite = answer
        phones.append(phone)
    await asyncio.gather(*(phone.register(3600) for phone in phones))
    return phones


async def answer(call):
    await call.ring()
    await asyncio.sleep(0.5)
    await call.answer(tx=scripted.tone(AGENT_TONE))


async def talks(call, agents, tone):
    """Whether the caller hears an agent, and an agent this caller."""
    end = time.monotonic() + CONNECT_WITHIN
    while time.monotonic() < end and call.state == "answered":
        since = time.monotonic()
        await asyncio.sleep(LISTEN)
        mine = scripted.tone_level(call.media.heard(since), AGENT_TONE) > HEARD
        heard = (c.media.heard(since) for phone in agents for c in phone.calls.values() if c.state == "answered")
        if mine and any(scripted.tone_level(sound, tone) > HEARD for sound in heard):
            return True
    return False


async def one(number, slot, server, agents, digits, dice):
    address = f"10.99.{128 + number // 250}.{1 + number % 250}"
    talk = number % TALK_EVERY == 0
    means = "talk" if talk else "info" if number % INFO_EVERY == 0 else "rfc4733"
    keys = "" if talk else "".join(dice.choice("0123456789") for _ in range(digits))
    told = dict(address=address, number=f"1{number:010}", means=means, answered=False, keyed="", seconds=None, why=None)
    phone = await scripted.UA(told["number"], server=server, ip=address).start()
    began = time.monotonic()
    call = await phone.invite(f"sip:{95501 if talk else 95500}@{server}", tx=scripted.tone(caller_tone(slot)))
    told["call_id"] = call.cid
    try:
        await call.wait_answer(PATIENCE + 2)
        told.update(answered=True, seconds=round(time.monotonic() - began, 3))
        if talk:
            told["talked"] = await talks(call, agents, caller_tone(slot))
        else:
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

    agents = await desks(o.server)

    async def slot(at):
        await asyncio.sleep(0.1 * at)
        for number in numbers:
            told.append(await one(number, at, o.server, agents, o.digits, random.Random(dice.random())))

    await asyncio.gather(*(slot(at) for at in range(o.at_once)))
    with open(o.to, "w", encoding="utf-8") as f:
        json.dump(told, f)


asyncio.run(main())
