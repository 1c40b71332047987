"""Callers who are parked and fetched, who are picked up while a colleague's phone rings, who are on hold for long; agents
who call out; and who hangs up first."""

import asyncio
import time

from prompts import expect, expect_music, expect_no_silence, prompt
from scenarios import scenario
from scenarios.trunks import House
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE

LAMP = "application/dialog-info+xml"


async def talking(world, make, **settings):
    """A caller who talks with agent 1001 at a phone of this make."""
    hotline = await world.hotline(settings=settings)
    desk = await world.desk(hotline, "1001", make)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    return hotline, desk, caller, time.monotonic()


@scenario(weight=2)
async def park_by_pjsip_and_fetch_by_baresip(world):
    """PJSIP transfers to 700 and hears the slot; the lamp on it is lit; baresip dials it and has the caller"""
    hotline, first, caller, since = await talking(world, "pjsip")
    watcher = await world.desk(hotline, "1003", ready=False, auto=None)
    lamp = await watcher.ua.watch("dialog", "701", LAMP)
    await lamp.until('version="0" state="full"')
    began = time.monotonic()
    first.tell(f"refer -1 {hotline.uri('700')}")
    lit = await lamp.until("<state>confirmed</state>", 20)
    assert (await first.wait("referred", last=True))["code"] == 200
    await first.over()
    assert "701" in (await first.wait("text"))["body"]
    second = await world.desk(hotline, "1002", "baresip", tone=SECOND_AGENT_TONE, auto=False)
    await second.dial(hotline.uri("701"))
    await caller.call.media.wait_tone(SECOND_AGENT_TONE)
    await lamp.until("<state>terminated</state>", 20)
    expect_music(caller.listen(since))
    await asyncio.sleep(0.5)
    expect_no_silence(caller.listen(since))
    expect(await first.heard(), "park/parked-at", "digit/7")
    print(f"slot's lamp: {1000 * (lit.at - began):.0f} ms after the REFER")
    await caller.hang_up()
    await second.over()


@scenario(weight=2)
async def parked_caller_is_recalled(world):
    """parked by *6 and fetched by nobody: after the plan's ten seconds the phone of who parked them rings"""
    hotline, first, caller, since = await talking(world, "scripted")
    await first.call.dtmf("*6")
    await first.over()
    first.rang.clear()
    await first.ringing(20)
    await caller.call.media.wait_tone(AGENT_TONE)
    expect_no_silence(caller.listen(since))
    await caller.hang_up()
    record = await hotline.call_recorded()
    details = [stage["detail"] for stage in record["stages"]]
    assert "parked at 701 by 1001" in details and "recall: rings 1001" in details, details


@scenario(weight=2)
async def picked_up_by_group_and_by_person(world):
    """*8 at PJSIP and *81001 at baresip take a call that rings at 1001; who is of another group does not"""
    hotline = await world.hotline()
    rung = await world.desk(hotline, "1001", auto=None)
    foreigner = await world.desk(hotline, "1003", ready=False)
    for make, code in (("pjsip", "*8"), ("baresip", "*81001")):
        caller = await world.caller()
        await caller.dial(hotline.uri("95501"))
        await rung.ringing()
        await foreigner.dial(hotline.uri(code))
        await foreigner.call.wait_ended(30)
        assert rung.call.state in ("incoming", "ringing"), rung.call.state
        auto = None if make == "pjsip" else False
        colleague = await world.desk(hotline, "1002", make, tone=SECOND_AGENT_TONE, ready=False, auto=auto)
        since = time.monotonic()
        await colleague.dial(hotline.uri(code))
        await caller.call.media.wait_tone(SECOND_AGENT_TONE)
        await rung.over()
        expect_no_silence(caller.listen(since))
        await caller.hang_up()
        await colleague.over()
        await colleague.stop()


@scenario(weight=2)
async def hold_for_long_reminds_pjsip(world):
    """PJSIP holds: a text and a ring remind it, the caller hears an apology over the music"""
    hotline = await world.hotline(settings={"call.hold_reminder_s": 2, "call.hold_apology_s": 5})
    first = await world.desk(hotline, "1001", "pjsip", auto=None)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await first.wait("incoming")
    first.tell("answer 0")
    await caller.call.media.wait_tone(AGENT_TONE)
    since = time.monotonic()
    await first.hold()
    await first.wait("text")
    await first.wait("incoming", call=1)
    await caller.call.media.wait_heard(prompt("hold/sorry-long"), timeout=30)
    expect_no_silence(caller.listen(since))
    first.tell("unhold 0")
    await caller.call.media.wait_tone(AGENT_TONE)
    await first.over(1)
    await caller.hang_up()


@scenario(weight=2)
async def who_answers_the_reminder_has_the_caller(world):
    """the scripted phone answers the ring: the caller is at that line, and the line that held is hung up"""
    hotline, first, caller, since = await talking(world, "scripted", **{"call.hold_reminder_s": 2})
    held = first.call
    await first.hold()
    await held.wait_ended(30)
    assert len(first.calls) == 2 and first.call is not held
    await caller.call.media.wait_tone(AGENT_TONE)
    await first.call.media.wait_tone(CALLER_TONE)
    expect_no_silence(caller.listen(since))
    await caller.hang_up()
    await first.over()


@scenario
async def the_caller_hangs_up_first(world):
    """after the goodbye we wait for the caller's BYE; then we hang up"""
    hotline = await world.hotline(settings={"call.caller_hangs_up_within_s": 3})
    caller = await world.caller()
    await caller.dial(hotline.uri("95502"))
    await caller.call.media.wait_heard(prompt("goodbye/thanks"), timeout=30)
    said = time.monotonic()
    await caller.over()
    assert 2.0 < time.monotonic() - said < 5.0, time.monotonic() - said


@scenario(weight=2)
async def an_agent_calls_a_customer_by_order(world):
    """`hotline call 1001 NUMBER`: the desk rings, then the customer, who sees the bank's number; recorded, and on record"""
    house = House(world)
    carrier = await house.carrier(50)
    hotline = await house.open(
        f'server = "sip:{house.address(50)}"\nprobe_s = 0\noutbound = ["1[3-9]xxxxxxxxx"]\ncaller_id = "4008123123"'
    )
    desk = await house.desk()
    refused = await hotline.attempt("call", "1001", "01065881234")
    assert refused[0] != 0 and "may not call" in refused[2], refused
    await hotline.command("call", "1001", "13900139000")
    await desk.in_call()
    await desk.call.media.wait_tone(SECOND_AGENT_TONE)
    await carrier.call.media.wait_tone(AGENT_TONE)
    assert "4008123123" in carrier.switch.invites[0].get("from"), carrier.switch.invites[0].get("from")
    await carrier.hang_up()
    await desk.over()
    record = await hotline.call_recorded()
    assert record["outside"]["answered"] and len(record["recordings"]) == 1, record
