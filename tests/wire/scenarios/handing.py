"""More cells of the transfer matrix on real phones: PJSIP speaks with the target first, baresip does not. In each the
caller hears somebody or music all the time, and in the end whom they should."""

import asyncio
import contextlib
import json
import time

from prompts import expect, expect_music, expect_no_silence, prompt
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE

# Each target rings so long.
RING = {"call.transfer_ring_s": 2}


class Talk:
    """A caller who talks with agent 1001 at a phone of this make, and a colleague's phone."""

    def __init__(self, world, hotline, agent, caller):
        self.world, self.hotline, self.agent, self.caller = world, hotline, agent, caller

    @classmethod
    async def begin(cls, world, make, **options):
        hotline = await world.hotline(settings={**RING, **options.pop("settings", {})}, **options)
        agent = await world.desk(hotline, "1001", make)
        caller = await world.caller()
        await caller.dial(hotline.uri("95501"))
        await agent.in_call()
        await caller.call.media.wait_tone(AGENT_TONE)
        talk = cls(world, hotline, agent, caller)
        talk.since = time.monotonic()
        return talk

    async def colleague(self, extension="1002", **options):
        return await self.world.desk(self.hotline, extension, tone=SECOND_AGENT_TONE, **options)

    async def hears(self, tone):
        await self.caller.call.media.wait_tone(tone)

    async def over(self, *phones):
        """The caller hangs up, who was never left in silence."""
        await asyncio.sleep(0.5)
        expect_no_silence(self.caller.listen(self.since))
        await self.caller.hang_up()
        for phone in phones:
            await phone.over()

    async def consults(self, target):
        """PJSIP holds its caller and calls the colleague."""
        await self.agent.hold()
        await self.agent.dial(self.hotline.uri("1002"))
        await self.agent.in_call(1)
        await target.in_call()
        await target.call.media.wait_tone(AGENT_TONE)

    async def back(self):
        self.agent.tell("unhold 0")
        await self.hears(AGENT_TONE)


@scenario(weight=2)
async def attended_comes_back_by_pjsip(world):
    """PJSIP has spoken with the colleague, lets them go and has the caller again"""
    talk = await Talk.begin(world, "pjsip")
    second = await talk.colleague()
    await talk.consults(second)
    # The music alone, after the phrase.
    await asyncio.sleep(3)
    talk.agent.tell("hangup 1")
    await second.over()
    await talk.back()
    expect_music(talk.caller.listen(talk.since))
    await talk.over(talk.agent)


@scenario(weight=2)
async def attended_busy_by_pjsip(world):
    """the colleague is busy: PJSIP goes back to its caller, who has heard music"""
    talk = await Talk.begin(world, "pjsip")
    await talk.colleague(auto=486)
    await talk.agent.hold()
    await talk.agent.dial(talk.hotline.uri("1002"))
    await talk.agent.in_call(1)
    await asyncio.sleep(2)
    talk.agent.tell("hangup 1")
    await talk.back()
    await talk.over(talk.agent)


@scenario(weight=2)
async def attended_target_hangs_up_by_pjsip(world):
    """the colleague hangs up while they speak: the caller is still there"""
    talk = await Talk.begin(world, "pjsip")
    second = await talk.colleague()
    await talk.consults(second)
    await second.hang_up()
    await talk.agent.over(1)
    await talk.back()
    await talk.over(talk.agent)


@scenario(weight=2)
async def attended_caller_hangs_up_by_pjsip(world):
    """the caller gives up while PJSIP speaks with the colleague: the two speak on"""
    talk = await Talk.begin(world, "pjsip")
    second = await talk.colleague()
    await talk.consults(second)
    expect_no_silence(talk.caller.listen(talk.since))
    await talk.caller.hang_up()
    await talk.agent.over(0)
    began = time.monotonic()
    await asyncio.sleep(1.5)
    expect_no_silence(second.listen(began), what="the colleague")
    talk.agent.tell("hangup 1")
    await second.over()


@scenario(weight=2)
async def attended_recorded_by_pjsip(world):
    """a recorded talk has a segment with each of the two, and one record"""
    talk = await Talk.begin(world, "pjsip", plan="handing")
    second = await talk.colleague()
    await talk.consults(second)
    assert await talk.agent.attend() == 200
    await talk.hears(SECOND_AGENT_TONE)
    await second.call.media.wait_tone(CALLER_TONE)
    await talk.over(second)
    records = await talk.hotline.until(talk.hotline.calls, lambda calls: len(calls) >= 2)
    of_caller = next(record for record in records if record["dialled"] == "95501")
    assert len(of_caller["recordings"]) == 2, of_caller
    assert of_caller["queue"]["agent"] == "1001", of_caller


@scenario(weight=2)
async def attended_to_a_foreign_dialog_by_the_scripted_phone(world):
    """a Replaces that names a dialog of somebody else: 481, counted, and the two go on talking"""
    talk = await Talk.begin(world, "scripted")
    other = await world.caller("13700137000")
    await other.dial(talk.hotline.uri("95504"))
    await other.in_call()
    code, _ = await talk.agent.call.refer(talk.hotline.uri("1002"), replaces=other.call)
    assert code == 481, code
    await asyncio.sleep(1)
    await talk.hears(AGENT_TONE)
    status = await talk.hotline.command("status")
    assert "attended transfer to a foreign or unknown dialog" in status, status
    await talk.over(talk.agent)


@scenario(weight=2)
async def blind_busy_by_baresip(world):
    """the colleague is busy: baresip hangs up when its transfer fails, is rung again and has the caller"""
    talk = await Talk.begin(world, "baresip")
    await talk.colleague(auto=486)
    await talk.agent.tell("transfer", talk.hotline.uri("1002"))
    await asyncio.sleep(2)
    await talk.agent.in_call(1)
    await talk.hears(AGENT_TONE)
    await talk.over(talk.agent)


@scenario(weight=2)
async def blind_no_answer_by_baresip(world):
    """nobody comes to the colleague's phone: it stops ringing; baresip hangs up when its transfer fails, is rung again and has the caller"""
    talk = await Talk.begin(world, "baresip")
    second = await talk.colleague(auto=None)
    await talk.agent.tell("transfer", talk.hotline.uri("1002"))
    await second.ringing()
    await asyncio.sleep(3)
    await talk.agent.in_call(1)
    await talk.hears(AGENT_TONE)
    await talk.over(talk.agent)


@scenario(weight=2)
async def blind_refused_by_baresip(world):
    """the colleague declines (603): baresip hangs up when its transfer fails, is rung again and has the caller"""
    talk = await Talk.begin(world, "baresip")
    await talk.colleague(auto=603)
    await talk.agent.tell("transfer", talk.hotline.uri("1002"))
    await asyncio.sleep(2)
    await talk.agent.in_call(1)
    await talk.hears(AGENT_TONE)
    await talk.over(talk.agent)


@scenario(weight=2)
async def blind_to_a_line_by_baresip(world):
    """to a line: whoever it gives the caller to has them, and sees who handed them on"""
    talk = await Talk.begin(world, "baresip")
    second = await talk.colleague("1003")
    await talk.agent.tell("transfer", talk.hotline.uri("95505"))
    await second.in_call()
    await talk.hears(SECOND_AGENT_TONE)
    await talk.agent.over()
    invite = second.call.invite_msg
    assert "sip:1001@" in invite.get("referred-by"), invite.build()
    assert "13800138000" in invite.get("subject"), invite.build()
    await talk.over(second)


@scenario(weight=2)
async def blind_caller_hangs_up_by_baresip(world):
    """the caller gives up while the colleague's phone rings: it stops, and baresip is free"""
    talk = await Talk.begin(world, "baresip")
    second = await talk.colleague(auto=None)
    await talk.agent.tell("transfer", talk.hotline.uri("1002"))
    await second.ringing()
    expect_no_silence(talk.caller.listen(talk.since))
    await talk.caller.hang_up()
    await second.over()
    await talk.agent.wait("TRANSFER_FAILED")


@scenario(weight=2)
async def blind_screened_by_baresip(world):
    """the colleague hears who it is, and the caller music, until 1 is pressed; another time 2 refuses"""
    talk = await Talk.begin(world, "baresip")
    second = await talk.colleague("1003")
    for key in "21":
        began = time.monotonic()
        await talk.agent.tell("transfer", talk.hotline.uri("1003"))
        await second.ringing()
        await second.in_call()
        await second.call.media.wait_heard(prompt("agent/accept-choices"), timeout=25)
        expect(second.call.media.heard(began), "transfer/screen-before", "transfer/screen-caller")
        # Who refuses is hung up on while the key is still down.
        with contextlib.suppress(asyncio.TimeoutError):
            await second.press(key)
        if key == "2":
            await talk.agent.in_call(1)
        await talk.hears(AGENT_TONE if key == "2" else SECOND_AGENT_TONE)
    await second.call.media.wait_tone(CALLER_TONE)
    await talk.over(second)


@scenario(weight=3)
async def a_matter_is_offered_to_who_was_handed_the_caller(world):
    """the caller hangs up after a talk that was handed on: its agent hears whose the matter is, presses 1, and has it"""
    talk = await Talk.begin(world, "scripted", plan="matters")
    second = await talk.colleague()
    await talk.agent.call.dtmf("*11002#")
    await second.in_call()
    await talk.hears(SECOND_AGENT_TONE)
    since = time.monotonic()
    await talk.caller.hang_up()
    await second.call.media.wait_heard(prompt("matter/take-it"), timeout=40, since=since)
    expect(second.call.media.heard(since), "matter/is-with")
    await second.press("1")
    await second.call.media.wait_heard(prompt("matter/yours"), timeout=40, since=since)
    await second.over()
    record = await talk.hotline.call_recorded()
    assert any(stage["detail"] == "1002 takes the matter" for stage in record["stages"]), record

    async def owner():
        lines = (await talk.hotline.command("matters", "--json")).splitlines()
        return [json.loads(line)["owner"] for line in lines]

    await talk.hotline.until(owner, lambda owners: owners == ["1002"])
