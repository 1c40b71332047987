"""SRTP with keys in the session description: in each mix of encrypted and plain legs, over each way of offering it; who
is refused; hold and resume. PJSIP and baresip have it by libsrtp and by their own description of keys."""

import asyncio
import re
import time

import scripted
from certificates import Authority
from prompts import expect, expect_music, expect_tone
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE

# The number of tests/wire/plans/short that leads straight to the queue.
QUEUE = "95501"


async def encrypting(world, mode):
    """A daemon that encrypts also where the signalling can be read."""
    settings = {"rtp__srtp": mode, "rtp__srtp_keys_in_clear": "true", "log__filter": "info,hotline::call=debug"}
    return await world.daemon().set(**settings).start()


def suites(hotline):
    """What was agreed for each encrypted leg, in order, as the log has it."""
    return re.findall(r'suite="?(\w+)', hotline.log())


async def both_heard(world, mode, caller_make, desk_make, caller=None, desk=None, hold=False, changes=None):
    """A call straight to the agent; each hears the other. `caller`, `desk`: how they encrypt. `changes`: which of them
    takes other keys in mid-talk."""
    hotline = await encrypting(world, mode)
    desk = await world.desk(hotline, "1001", desk_make, **({"srtp": desk} if desk else {}))
    caller = await world.caller(make=caller_make, **({"srtp": caller} if caller else {}))
    await caller.dial(hotline.uri(QUEUE))
    await desk.in_call()
    await asyncio.sleep(3)
    if hold:
        await desk.hold()
        await asyncio.sleep(5)
        await desk.resume()
        await asyncio.sleep(3)
    if changes:
        await {"caller": caller, "desk": desk}[changes].change_keys()
        await asyncio.sleep(3)
    await caller.hang_up()
    await desk.over()
    heard = await caller.heard()
    expect_tone(heard, AGENT_TONE, what="the agent")
    if changes:
        # What was heard last: by the new keys.
        expect_tone(heard[-int(1.5 * 8000) :], AGENT_TONE, what="the agent by the new keys")
        expect_tone((await desk.heard())[-int(1.5 * 8000) :], CALLER_TONE, what="the caller by the new keys")
    if hold:
        expect(heard, "hold/on-hold")
        expect_music(heard)
        # The last of what was heard is the agent, after the hold.
        expect_tone(heard[-int(2.5 * 8000) :], AGENT_TONE, what="the agent after the hold")
    expect_tone(await desk.heard(), CALLER_TONE, what="the caller")
    record = await hotline.call_recorded()
    assert record["end"] == "caller-hung-up", record
    return suites(hotline), record


@scenario(weight=2)
async def srtp_caller_plain_agent(world):
    """PJSIP calls by RTP/SAVP; the agent's phone knows nothing of it"""
    agreed, _ = await both_heard(world, "optional", "pjsip", "scripted", caller="mandatory")
    assert len(agreed) == 1, agreed


@scenario(weight=2)
async def plain_caller_srtp_agent(world):
    """the agent's baresip takes the keys of an RTP/AVP offer; the caller speaks in the clear"""
    agreed, _ = await both_heard(world, "optional", "scripted", "baresip", desk="srtp")
    assert len(agreed) == 1, agreed


@scenario(weight=2)
async def srtp_pjsip_caller_baresip_agent(world):
    """nothing but SRTP: RTP/SAVP on both legs"""
    agreed, _ = await both_heard(world, "mandatory", "pjsip", "baresip", caller="mandatory", desk="srtp-mand")
    assert len(agreed) == 2, agreed


@scenario(weight=2)
async def srtp_baresip_caller_pjsip_agent(world):
    """the same the other way round"""
    agreed, _ = await both_heard(world, "mandatory", "baresip", "pjsip", caller="srtp-mand", desk="mandatory")
    assert len(agreed) == 2, agreed


@scenario(weight=2)
async def srtp_best_effort_on_both_sides(world):
    """baresip offers RTP/AVP with keys, PJSIP answers such an offer of ours"""
    agreed, _ = await both_heard(world, "optional", "baresip", "pjsip", caller="srtp", desk="optional")
    assert len(agreed) == 2, agreed


@scenario(weight=2)
async def srtp_hold_and_resume_by_pjsip(world):
    """encrypted on both legs; PJSIP holds and resumes"""
    _, record = await both_heard(
        world, "mandatory", "pjsip", "pjsip", caller="mandatory", desk="mandatory", hold=True
    )
    assert [s["kind"] for s in record["stages"]][-4:] == ["talk", "hold", "talk", "hang-up"], record


@scenario(weight=2)
async def srtp_hold_and_resume_by_baresip(world):
    """the same by baresip, whose caller speaks in the clear"""
    _, record = await both_heard(world, "optional", "scripted", "baresip", desk="srtp", hold=True)
    assert [s["kind"] for s in record["stages"]][-4:] == ["talk", "hold", "talk", "hang-up"], record


@scenario(weight=2)
async def srtp_pjsip_agent_takes_other_keys_in_mid_talk(world):
    """a re-INVITE with another key: both are heard before and after, and we take another key, too"""
    agreed, _ = await both_heard(
        world, "mandatory", "baresip", "pjsip", caller="srtp-mand", desk="mandatory", changes="desk"
    )
    assert len(agreed) == 3, agreed


@scenario(weight=2)
async def srtp_pjsip_caller_takes_other_keys_in_mid_talk(world):
    """the same by a caller whose agent speaks in the clear"""
    agreed, _ = await both_heard(world, "optional", "pjsip", "scripted", caller="mandatory", changes="caller")
    assert len(agreed) == 2, agreed


async def refused(world, mode, **caller):
    """The caller's offer gets a 488; the value of its Warning."""
    hotline = await encrypting(world, mode)
    caller = await world.caller(**caller)
    try:
        await caller.dial(hotline.uri(QUEUE))
        await caller.in_call()
    except scripted.CallFailed as failed:
        assert failed.code == 488, failed
        return failed.msg.get("warning")
    raise AssertionError("the call was taken")


@scenario
async def srtp_mandatory_refuses_a_call_in_the_clear(world):
    """488, and a Warning says why"""
    warning = await refused(world, "mandatory")
    assert warning and warning.startswith("302 ") and "SRTP is required" in warning, warning


@scenario
async def srtp_off_refuses_a_call_that_is_only_encrypted(world):
    """488, and a Warning says why"""
    warning = await refused(world, "off", srtp=True)
    assert warning and warning.startswith("302 ") and "RTP/AVP" in warning, warning


@scenario(weight=2)
async def srtp_over_tls_without_a_setting(world):
    """optional by default: keys are offered over TLS and not over UDP, and stand neither in the log nor in a trace"""
    hotline, authority = world.daemon(), Authority(world.folder)
    certificate = authority.sign("hotline", hotline.host, "hotline.test")
    await hotline.listens("tls", certificate=certificate).set(log__filter="debug").start()
    desk = await world.desk(hotline, "1001", "pjsip", transport="tls", cafile=authority.path, srtp="optional")
    caller = await world.caller()
    await caller.dial(hotline.uri(QUEUE))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    began = time.monotonic()
    await asyncio.sleep(1.5)
    expect_tone(caller.listen(began), AGENT_TONE, what="the agent")
    assert len(suites(hotline)) == 1, suites(hotline)
    trace = await hotline.command("sip", "trace", "--detail")
    assert "a=crypto:1 " in trace and "inline:" not in trace, trace
    assert "inline:" not in hotline.log(), "a key in the log"
    await caller.hang_up()
    await desk.over()
    expect_tone(await desk.heard(), CALLER_TONE, what="the caller")
