"""Dialogs as real phones stretch them: reliable ringing, session timers, late SDP offers, glare, calls that are taken over."""

import asyncio

import scripted
from prompts import expect_tone
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE


def traced(phone):
    """Every message of this phone from now on, as (way, message): `rx` came to it, `tx` left it."""
    phone.ua.trace = []
    return lambda: [(way, scripted.Msg.parse(raw)) for _, way, raw in phone.ua.trace if raw.strip()]


def requests(messages, method, way="rx"):
    return [m for how, m in messages if how == way and m.is_req and m.method == method]


def answers(messages, method, way="rx"):
    return [m.code for how, m in messages if how == way and not m.is_req and m.method == method]


async def talk(world, **options):
    """A caller who talks with 1001: the hotline and the two phones."""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", **options)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    return hotline, desk, caller


async def heard_both_ways(caller, desk, tone):
    await caller.call.media.wait_tone(tone)
    await desk.call.media.wait_tone(CALLER_TONE)


@scenario(weight=2)
async def caller_that_requires_100rel(world):
    """Require: 100rel is served, whatever provisional response there is gets its PRACK"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    messages = traced(caller)
    await caller.dial(hotline.uri("95501"), extra=[("Require", "100rel")])
    await desk.in_call()
    await heard_both_ways(caller, desk, AGENT_TONE)
    provisional = [m for way, m in messages() if way == "rx" and not m.is_req and 100 < m.code < 200]
    assert all("100rel" in (m.get("require") or "") for m in provisional), [m.build() for m in provisional]
    assert all(code == 200 for code in answers(messages(), "PRACK")), answers(messages(), "PRACK")
    await caller.hang_up()
    await desk.over()


@scenario(weight=2)
async def agents_phone_that_rings_reliably(world):
    """180, then 183 with its SDP answer, both reliable: a PRACK for each, then audio both ways"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", auto=None)
    messages = traced(desk)

    async def rings(call):
        desk.calls.append(call)
        await call.ring(180, reliable=True)
        await asyncio.sleep(0.5)
        await call.ring(183, early=True, reliable=True)
        await asyncio.sleep(0.5)
        await call.answer(tx=desk.say)

    desk.ua.on_invite = rings
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await heard_both_ways(caller, desk, AGENT_TONE)
    acknowledged = [m.get("rack") for m in requests(messages(), "PRACK")]
    numbers = [m.get("rseq") for way, m in messages() if way == "tx" and not m.is_req and m.get("rseq")]
    assert [rack.split()[0] for rack in acknowledged] == numbers and len(numbers) == 2, (acknowledged, numbers)
    await caller.hang_up()
    await desk.over()


@scenario(weight=2)
async def pjsip_phones_that_require_100rel(world):
    """PJSIP on both sides, told to have every provisional response acknowledged"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", "pjsip", prack=True)
    caller = await world.caller(make="pjsip", prack=True)
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.in_call()
    await asyncio.sleep(3)
    await caller.hang_up()
    await desk.over()
    expect_tone(await caller.heard(), AGENT_TONE, what="the agent")
    expect_tone(await desk.heard(), CALLER_TONE, what="the caller")


@scenario(weight=2)
async def agent_goes_on_at_another_phone(world):
    """INVITE with Replaces from the agent's second phone: it has the caller, both heard; the first gets BYE"""
    hotline, first, caller = await talk(world)
    second = await world.phone(
        "scripted", "1001", SECOND_AGENT_TONE, registrar=hotline.address, password=hotline.password("1001")
    )
    await second.dial(hotline.uri("1001"), extra=[("Replaces", first.call.replaces_param())])
    await second.in_call()
    await first.over()
    await asyncio.sleep(1)
    await heard_both_ways(caller, second, SECOND_AGENT_TONE)
    await caller.hang_up()
    await second.over()
    record = await hotline.call_recorded()
    assert record["queue"]["outcome"] == "served", record


async def refusal(phone, uri, replaces):
    """The status with which an INVITE with this Replaces is refused."""
    await phone.dial(uri, extra=[("Replaces", replaces)])
    try:
        await phone.in_call()
    except scripted.CallFailed as e:
        return e.code
    raise AssertionError("taken over")


@scenario(weight=2)
async def callers_move_no_call(world):
    """a foreign Replaces is 481, an agent's by a caller 403, a caller's REFER 403: the two go on talking"""
    hotline, desk, caller = await talk(world)
    thief = await world.caller("13900139000")
    assert await refusal(thief, hotline.uri("95501"), "none@192.0.2.1;to-tag=a;from-tag=b") == 481
    assert await refusal(thief, hotline.uri("95501"), desk.call.replaces_param()) == 403
    assert await caller.call.refer(hotline.uri("95503"), wait=False) == (403, [])
    await asyncio.sleep(1)
    await heard_both_ways(caller, desk, AGENT_TONE)
    await caller.hang_up()
    await desk.over()


@scenario(weight=2)
async def session_that_the_caller_refreshes(world):
    """60 s are too short: 422 with Min-SE, then 90 s; an UPDATE and a re-INVITE refresh it"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    caller.ua.session_expires = 60
    messages = traced(caller)
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.in_call()
    assert 422 in answers(messages(), "INVITE"), answers(messages(), "INVITE")
    assert caller.call.final.get("session-expires", "").startswith("90"), caller.call.final.build()
    refresh = [("Session-Expires", "90;refresher=uac"), ("Supported", "timer")]
    reply = await caller.call.update(extra=refresh)
    assert reply.code == 200 and reply.get("session-expires") == "90;refresher=uac", reply.build()
    await caller.call.reinvite()
    await heard_both_ways(caller, desk, AGENT_TONE)
    await caller.hang_up()
    await desk.over()


@scenario(weight=4)
async def session_that_the_hotline_refreshes(world):
    """the agent's phone wants 1800 s at least (422), then grants 20 s: refreshed each 10 s, and nobody hangs up"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", auto=None)
    messages = traced(desk)

    async def rings(call):
        desk.calls.append(call)
        if len(desk.calls) == 1:
            await call.reject(422, extra=[("Min-SE", "1800")])
        else:
            await call.ring()
            # Less than RFC 4028 allows a phone to grant, so that nobody has to wait.
            await call.answer(tx=desk.say, extra=[("Session-Expires", "20;refresher=uac"), ("Require", "timer")])

    desk.ua.on_invite = rings
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    for _ in range(100):
        if len(desk.calls) == 2:
            break
        await asyncio.sleep(0.1)
    await desk.in_call()
    asked = [m.get("session-expires") for m in requests(messages(), "INVITE")]
    assert len(asked) == 2 and int(asked[1].split(";")[0]) >= 1800, asked
    await asyncio.sleep(24)
    assert len(requests(messages(), "UPDATE")) == 2, [m.start for _, m in messages()]
    await heard_both_ways(caller, desk, AGENT_TONE)
    await caller.hang_up()
    await desk.over()


@scenario(weight=2)
async def caller_that_offers_late(world):
    """INVITE without SDP: the offer comes in our 200, the answer in the ACK; both heard"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"), sdp=False)
    await desk.in_call()
    await heard_both_ways(caller, desk, AGENT_TONE)
    await caller.hang_up()
    await desk.over()


@scenario(weight=4)
async def reinvites_that_cross(world):
    """the phone's re-INVITE meets ours: 491 to both, ours comes again, and the two are still heard"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", auto=None)
    crossed = []

    async def rings(call):
        desk.calls.append(call)
        taken = call._in_dialog

        async def crosses(m):
            if m.method != "INVITE" or crossed:
                return await taken(m)
            crossed.append(m)
            try:
                await call.reinvite()
            except scripted.CallFailed as e:
                crossed.append(e.code)
            desk.ua.reply(m, 491)

        call._in_dialog = crosses
        # Without UPDATE a session is refreshed by re-INVITE.
        call.allow = "INVITE, ACK, BYE, CANCEL, OPTIONS"
        await call.ring()
        await call.answer(tx=desk.say, extra=[("Session-Expires", "30;refresher=uac"), ("Require", "timer")])

    desk.ua.on_invite = rings
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    for _ in range(250):
        if desk.call.reinvites:
            break
        await asyncio.sleep(0.1)
    assert crossed[1:] == [491], crossed
    assert desk.call.reinvites == 1, "ours did not come again"
    await heard_both_ways(caller, desk, AGENT_TONE)
    await caller.hang_up()
    await desk.over()
