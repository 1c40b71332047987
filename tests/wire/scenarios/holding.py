"""Hold and resume from the agent's phone: music and a phrase instead of silence, then the agent again."""

import asyncio
import time

from prompts import expect, expect_music, expect_tone
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE


async def held_and_resumed(world, desk_make, **hold):
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", desk_make)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    began = time.monotonic()
    await desk.hold(**hold)
    await asyncio.sleep(6)
    resumed = time.monotonic()
    await desk.resume()
    await asyncio.sleep(2)
    held = caller.listen(began + 0.3, resumed)
    expect(held, "hold/on-hold")
    expect_music(held)
    expect_tone(caller.listen(resumed + 0.3), AGENT_TONE, what="the agent after the hold")
    await caller.hang_up()
    await desk.over()
    if desk_make == "scripted":
        expect_tone(desk.listen(resumed + 0.3), CALLER_TONE, what="the caller after the hold")
    record = await hotline.call_recorded()
    kinds = [s["kind"] for s in record["stages"]]
    assert kinds[-4:] == ["talk", "hold", "talk", "hang-up"], record


@scenario(weight=2)
async def hold_by_the_scripted_phone(world):
    """sendonly, then sendrecv"""
    await held_and_resumed(world, "scripted")


@scenario(weight=2)
async def hold_by_pjsip(world):
    """hold and resume as PJSIP does it"""
    await held_and_resumed(world, "pjsip")


@scenario(weight=2)
async def hold_by_baresip(world):
    """hold and resume as baresip does it"""
    await held_and_resumed(world, "baresip")


@scenario(weight=2)
async def hold_inactive(world):
    """a=inactive is a hold as well"""
    await held_and_resumed(world, "scripted", mode="inactive")
