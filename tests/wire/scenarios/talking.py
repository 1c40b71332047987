"""A whole call: greeting, menu, queue, agent, both heard; every make of phone on either side."""

import asyncio

import scripted
from prompts import expect, expect_tone
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE

# The numbers of tests/wire/plans/short.
HOTLINE = "95500"


async def through_menu_and_queue(world, caller_make, desk_make, tcp=False):
    """The caller listens to the greeting, presses 1, waits, talks with 1001 and hangs up."""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", desk_make, tcp=tcp)
    caller = await world.caller(make=caller_make, tcp=tcp)
    await caller.dial(hotline.uri(HOTLINE, tcp))
    await caller.in_call()
    await asyncio.sleep(4)
    await caller.press("1")
    await desk.in_call()
    await asyncio.sleep(3)
    await caller.hang_up()
    await desk.over()
    heard = await caller.heard()
    expect(heard, "greeting/welcome", "queue/connecting")
    expect_tone(heard, AGENT_TONE, what="the agent")
    expect_tone(await desk.heard(), CALLER_TONE, what="the caller")
    record = await hotline.call_recorded()
    served = record["queue"]
    assert (served["name"], served["outcome"], served["agent"]) == ("consultation", "served", "1001"), record
    assert record["end"] == "caller-hung-up", record


@scenario(weight=2)
async def scripted_caller_scripted_agent_udp(world):
    """greeting, menu, queue, agent, both heard, over UDP"""
    await through_menu_and_queue(world, "scripted", "scripted")


@scenario(weight=2)
async def scripted_caller_scripted_agent_tcp(world):
    """the same over TCP, both sides"""
    await through_menu_and_queue(world, "scripted", "scripted", tcp=True)


@scenario(weight=2)
async def pjsip_caller_baresip_agent(world):
    """PJSIP calls, baresip answers"""
    await through_menu_and_queue(world, "pjsip", "baresip")


@scenario(weight=2)
async def baresip_caller_pjsip_agent(world):
    """baresip calls, PJSIP answers"""
    await through_menu_and_queue(world, "baresip", "pjsip")


@scenario(weight=2)
async def pjsip_caller_pjsip_agent_tcp(world):
    """PJSIP on both sides, over TCP"""
    await through_menu_and_queue(world, "pjsip", "pjsip", tcp=True)


async def sipp_through_menu_and_queue(world, tcp):
    """SIPp echoes: the agent hears itself through both legs. The agent hangs up, the hotline says goodbye."""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    sipp = await world.sipp(hotline, HOTLINE, keys="1", pause=3.5, tcp=tcp)
    await desk.in_call()
    await desk.call.media.wait_tone(AGENT_TONE)
    await desk.hang_up()
    await sipp.passed()
    record = await hotline.call_recorded()
    assert record["queue"]["outcome"] == "served", record
    assert record["end"] in ("agent-hung-up", "flow-ended"), record


@scenario(weight=2)
async def sipp_caller_udp(world):
    """SIPp calls and presses 1 from a capture; agent hangs up, goodbye, BYE to SIPp"""
    await sipp_through_menu_and_queue(world, tcp=False)


@scenario(weight=2)
async def sipp_caller_tcp(world):
    """the same over TCP"""
    await sipp_through_menu_and_queue(world, tcp=True)


@scenario
async def agent_hangs_up_first(world):
    """the agent hangs up: the caller hears a closing phrase before the line is closed"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await asyncio.sleep(1.5)
    await desk.hang_up()
    assert await caller.over() == "remote bye"
    expect(await caller.heard(), "goodbye/thanks")


@scenario
async def audio_flows_at_once_after_the_answer(world):
    """the caller hears the agent within 200 ms of the agent's 200, whatever was playing"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", auto=None)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.ringing()
    await asyncio.sleep(1)
    await desk.answer()
    await caller.call.media.wait_tone(AGENT_TONE)
    await asyncio.sleep(0.5)
    late = delay_of_tone(caller.call.media, AGENT_TONE, desk.call.t["answered"])
    # 60 ms is what the design asks for; the rest is this process' own scheduling and the block that a tone needs.
    assert late < 0.2, f"{late * 1000:.0f} ms"


def delay_of_tone(media, frequency, since):
    """Seconds until the first of the packets that carry the tone: blocks of 100 ms, stepped packet by packet."""
    for packet in media.rx:
        at = packet[0]
        if at > since and scripted.tone_level(media.heard(at, at + 0.1), frequency) > 0.8:
            return at - since
    raise AssertionError("the tone was never heard")
