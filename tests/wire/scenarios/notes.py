"""What keeps an agent from the next caller, and what becomes of those who wait: notes after a call, calls of the desk's own,
an empty floor, a full line."""

import asyncio
import time

from prompts import HEARD, expect, prompt, score
from scenarios import scenario
from scenarios.desks import dial_code
from world import AGENT_TONE, SECOND_AGENT_TONE


async def state_of(hotline, extension):
    """As `hotline agent list` says it."""
    rows = [line.split() for line in (await hotline.command("agent", "list")).splitlines()]
    return next(row[1] for row in rows if row[0] == extension)


async def served(caller, hotline, desk, dialled="95501"):
    """One caller has talked with the desk and hangs up."""
    rung = len(desk.calls)
    await caller.dial(hotline.uri(dialled))
    await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
    assert len(desk.calls) == rung + 1
    await caller.hang_up()
    await desk.over()


@scenario(weight=3)
async def more_time_for_notes(world):
    """*15 adds to a wrap-up, once; it keeps all queues' callers away; *13 ends it; the same by command"""
    hotline = await world.hotline(plan="notes")
    desk = await world.desk(hotline, "1001")
    first, next_one = await world.caller("13800000001"), await world.caller("13800000002")
    await served(first, hotline, desk)
    began = time.monotonic()
    assert await state_of(hotline, "1001") == "wrap-up"
    # Of the queue whose calls leave no notes to write.
    await next_one.dial(hotline.uri("95502"))
    granted = await dial_code(desk, hotline, "*15")
    assert score(granted, "agent/not-done") < HEARD
    expect(await dial_code(desk, hotline, "*15"), "agent/not-done")
    await next_one.call.media.wait_tone(AGENT_TONE, timeout=20)
    took = time.monotonic() - began
    assert 11.5 < took < 14, f"four seconds and eight, and not {took:.1f}"
    await next_one.hang_up()
    await desk.over()
    # By command, and ended early.
    await served(first, hotline, desk)
    await hotline.command("agent", "more-time", "1001")
    code, _, errors = await hotline.attempt("agent", "more-time", "1001")
    assert code == 2 and "1001" in errors, (code, errors)
    began = time.monotonic()
    await next_one.dial(hotline.uri("95501"))
    await next_one.in_call()
    assert await state_of(hotline, "1001") == "wrap-up"
    await dial_code(desk, hotline, "*13")
    await next_one.call.media.wait_tone(AGENT_TONE, timeout=20)
    assert time.monotonic() - began < 10
    await next_one.hang_up()


@scenario(weight=2)
async def a_desks_own_calls_make_its_agent_busy(world):
    """an agent calls a colleague: neither is rung for a caller, who has the first of them as soon as they hang up"""
    hotline = await world.hotline(plan="notes")
    desk = await world.desk(hotline, "1001")
    other = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE)
    await desk.dial(hotline.uri("1002"))
    await other.in_call()
    await desk.call.media.wait_tone(SECOND_AGENT_TONE, timeout=30)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await caller.in_call()
    await asyncio.sleep(3)
    assert (len(desk.calls), len(other.calls)) == (1, 1), "who is in a call is never rung"
    assert [await state_of(hotline, who) for who in ("1001", "1002")] == ["talking", "talking"]
    began = time.monotonic()
    await desk.hang_up()
    for _ in range(100):
        if len(desk.calls) + len(other.calls) > 2:
            break
        await asyncio.sleep(0.05)
    assert time.monotonic() - began < 4, "nobody writes notes after a call of their own"
    assert len(desk.calls) + len(other.calls) == 3
    await asyncio.sleep(1)
    await caller.hang_up()


@scenario(weight=2)
async def the_last_agent_leaves_and_callers_are_in_line(world):
    """told, and offered a message; in the queue that serves to the end they wait, and are served"""
    hotline = await world.hotline(plan="notes")
    desk = await world.desk(hotline, "1001", auto=None)
    one, other = await world.caller("13800000001"), await world.caller("13800000002")
    await one.dial(hotline.uri("95501"))
    await desk.ringing()
    await other.dial(hotline.uri("95502"))
    await other.in_call()
    await hotline.command("agent", "sign-off", "1001")
    assert await desk.over() == "cancelled"
    await one.call.media.wait_heard(prompt("transfer/failed"), timeout=25)
    await one.call.media.wait_heard(prompt("message/record-now"), timeout=25)
    assert other.call.state != "ended"
    desk.auto = 200
    await hotline.command("agent", "ready", "1001")
    await other.call.media.wait_tone(AGENT_TONE, timeout=20)
    await other.hang_up()
    await one.hang_up()


@scenario
async def a_full_line_overflows(world):
    """one waits, the second is too many for that line and is served in the other"""
    hotline = await world.hotline(plan="notes")
    await world.desk(hotline, "1003", auto=None)
    await hotline.command("agent", "away", "1003", "meeting")
    desk = await world.desk(hotline, "1001")
    one, other = await world.caller("13800000001"), await world.caller("13800000002")
    await one.dial(hotline.uri("95503"))
    await one.in_call()
    await asyncio.sleep(1)
    await other.dial(hotline.uri("95503"))
    await other.call.media.wait_tone(AGENT_TONE, timeout=20)
    assert len(desk.calls) == 1 and one.call.state != "ended"
    await other.hang_up()
    await one.hang_up()
    records = await hotline.until(hotline.calls, lambda calls: len(calls) == 2)
    assert {record["queue"]["outcome"] for record in records} == {"served", "abandoned"}, records
