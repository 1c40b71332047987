"""Calls that an agent's phone moves: blind transfer by REFER."""

import asyncio

from prompts import expect_tone
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE


@scenario(weight=2)
async def blind_transfer_by_pjsip(world):
    """PJSIP sends its caller to a colleague: NOTIFY 200, BYE, and the two hear each other"""
    hotline = await world.hotline()
    first = await world.desk(hotline, "1001", "pjsip")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await first.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE)
    assert await first.refer(hotline.uri("1002")) == 200
    await first.over()
    await second.in_call()
    await asyncio.sleep(2)
    await caller.call.media.wait_tone(SECOND_AGENT_TONE)
    await caller.hang_up()
    await second.over()
    expect_tone(await second.heard(), CALLER_TONE, what="the caller")
    record = await hotline.call_recorded()
    assert any(stage["detail"] == "transferred by 1001 to 1002" for stage in record["stages"]), record


@scenario
async def blind_transfer_to_nowhere_by_pjsip(world):
    """a number that the plan does not serve: 404, and the two go on talking"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", "pjsip")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    assert await desk.refer(hotline.uri("4711")) == 404
    await asyncio.sleep(1)
    await caller.call.media.wait_tone(AGENT_TONE)
    await caller.hang_up()
    await desk.over()
