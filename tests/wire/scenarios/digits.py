"""Digits: by each way, wrong ones, missing ones."""

import asyncio

from prompts import expect
from scenarios import scenario


async def presses_one(world, press):
    """A caller who presses 1 as `press` does it reaches 1001."""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await asyncio.sleep(1)
    await press(caller)
    await desk.in_call()
    await caller.hang_up()
    record = await hotline.call_recorded()
    assert record["keys"].count("1") <= 1 and len(record["keys"]) == 1, record


@scenario
async def digit_by_rfc_4733(world):
    """one press by RFC 4733, over the greeting: it is taken at once, and once"""
    await presses_one(world, lambda caller: caller.press("1"))


@scenario
async def digit_by_info(world):
    """one press by SIP INFO (application/dtmf-relay)"""
    await presses_one(world, lambda caller: caller.press_by_info("1"))


@scenario
async def digit_by_rfc_4733_with_losses(world):
    """a press whose beginning and one of whose three ends are lost is one digit all the same"""

    async def press(caller):
        media = caller.call.media
        send, seen = media._pkt, [0]

        def lossy(pt, payload, ts, marker=False):
            if pt == media.te_pt:
                seen[0] += 1
                if seen[0] in (1, 2, 6):
                    media.seq = (media.seq + 1) & 0xFFFF
                    return
            send(pt, payload, ts, marker)

        media._pkt = lossy
        await caller.press("1")

    await presses_one(world, press)


@scenario
async def wrong_digits_then_a_person(world):
    """a wrong key is named as such, the third leads to a person"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    for _ in range(3):
        await asyncio.sleep(2.5)
        await caller.press("7")
    await desk.in_call()
    expect(await caller.heard(), "error/invalid-key", "error/too-many-tries")
    await caller.hang_up()


@scenario(weight=3)
async def no_digits_then_a_person(world):
    """who presses nothing is told so, and the third time gets a person"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await desk.in_call(timeout=60)
    expect(await caller.heard(), "error/no-input")
    await caller.hang_up()
