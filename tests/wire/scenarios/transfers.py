"""Calls that an agent hands on: by the phone's REFER, by keys, by an order."""

import asyncio

from prompts import expect_tone
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE


async def talking(world, make="scripted"):
    """A caller who talks with agent 1001, at a phone of this make."""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", make)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    return hotline, desk, caller


@scenario(weight=2)
async def blind_transfer_by_pjsip(world):
    """PJSIP sends its caller to a colleague: NOTIFY 200, BYE, and the two hear each other"""
    hotline, first, caller = await talking(world, "pjsip")
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
    assert any(stage["detail"] == "blind by 1001 to 1002" for stage in record["stages"]), record


@scenario
async def blind_transfer_to_nowhere_by_pjsip(world):
    """a number that the plan does not serve: 404, and the two go on talking"""
    hotline, desk, caller = await talking(world, "pjsip")
    assert await desk.refer(hotline.uri("4711")) == 404
    await asyncio.sleep(1)
    await caller.call.media.wait_tone(AGENT_TONE)
    await caller.hang_up()
    await desk.over()


@scenario(weight=2)
async def attended_transfer_by_pjsip(world):
    """PJSIP holds its caller, speaks with a colleague and joins the two: each hears the other, PJSIP is free"""
    hotline, first, caller = await talking(world, "pjsip")
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE)
    await first.hold()
    await first.dial(hotline.uri("1002"))
    await first.in_call(1)
    await second.in_call()
    await second.call.media.wait_tone(AGENT_TONE)
    assert await first.attend() == 200
    await first.over(0)
    await first.over(1)
    await caller.call.media.wait_tone(SECOND_AGENT_TONE)
    await second.call.media.wait_tone(CALLER_TONE)
    await caller.hang_up()
    await second.over()
    records = await hotline.until(hotline.calls, lambda calls: len(calls) >= 2)
    stages = [stage["detail"] for record in records for stage in record["stages"]]
    assert "attended by 1001 to 1002" in stages, records
    assert sorted(record["end"] for record in records) == ["caller-hung-up", "transferred"], records


@scenario(weight=2)
async def blind_transfer_by_baresip(world):
    """baresip sends its caller to a colleague: the two hear each other, baresip is free"""
    hotline, first, caller = await talking(world, "baresip")
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE)
    await first.tell("transfer", hotline.uri("1002"))
    await second.in_call()
    await caller.call.media.wait_tone(SECOND_AGENT_TONE)
    await second.call.media.wait_tone(CALLER_TONE)
    await first.over()
    await caller.hang_up()
    await second.over()


@scenario(weight=2)
async def blind_transfer_to_the_busy_by_pjsip(world):
    """the colleague is busy: the phone is told 486, and caller and agent talk on"""
    hotline, first, caller = await talking(world, "pjsip")
    await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE, auto=486)
    assert await first.refer(hotline.uri("1002")) == 486
    await asyncio.sleep(1)
    await caller.call.media.wait_tone(AGENT_TONE)
    await caller.hang_up()
    await first.over()


@scenario(weight=2)
async def attended_transfer_by_keys(world):
    """a phone without transfer: *2 and the extension, a word with the colleague while music plays, and it hangs up"""
    hotline, first, caller = await talking(world)
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE)
    await first.call.dtmf("*21002#")
    await second.in_call()
    await first.call.media.wait_tone(SECOND_AGENT_TONE)
    await second.call.media.wait_tone(AGENT_TONE)
    await first.hang_up()
    await caller.call.media.wait_tone(SECOND_AGENT_TONE)
    await second.call.media.wait_tone(CALLER_TONE)
    await caller.hang_up()
    await second.over()
    record = await hotline.call_recorded()
    assert any(stage["detail"] == "attended by 1001 to 1002" for stage in record["stages"]), record


@scenario(weight=2)
async def transfer_by_order(world):
    """`hotline transfer CALL EXTENSION` moves the caller; who answers has them"""
    hotline, first, caller = await talking(world)
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE)
    call = (await hotline.command("calls", "--running")).splitlines()[1].split()[0]
    await hotline.command("transfer", call, "1002")
    await second.in_call()
    await caller.call.media.wait_tone(SECOND_AGENT_TONE)
    await first.over()
    await caller.hang_up()
    await second.over()
