"""In the queue: giving up, nobody answering, nobody there, closed."""

import asyncio
import os
import time

from prompts import expect, expect_music, expect_tone, prompt
from scenarios import scenario
from world import AGENT_TONE, HERE, SECOND_AGENT_TONE


@scenario
async def caller_gives_up_in_the_queue(world):
    """music while waiting; the caller hangs up; the record says abandoned; the agent's phone stops ringing"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", auto=None)
    caller = await world.caller()
    # In this queue phones ring for long.
    await caller.dial(hotline.uri("95505"))
    await desk.ringing()
    await asyncio.sleep(6)
    await caller.hang_up()
    assert await desk.over() == "cancelled"
    expect_music(await caller.heard())
    record = await hotline.call_recorded()
    assert record["queue"]["outcome"] == "abandoned" and record["end"] == "caller-hung-up", record
    assert [s["kind"] for s in record["stages"]][-2:] == ["offer", "hang-up"], record


@scenario
async def next_agent_when_the_first_does_not_answer(world):
    """no answer: the caller hears an apology, the next agent's phone rings, the first is rung no more"""
    hotline = await world.hotline()
    first = await world.desk(hotline, "1001", auto=None)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await first.ringing()
    # Time enough for the apology: the answer ends it.
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE, delay=2.5)
    await second.in_call()
    assert first.call.state == "ended", first.call.state
    await asyncio.sleep(1.5)
    heard = await caller.heard()
    expect(heard, "transfer/sorry-please-wait")
    expect_tone(heard, SECOND_AGENT_TONE, what="the second agent")
    await caller.hang_up()
    record = await hotline.call_recorded()
    assert (record["queue"]["agent"], record["queue"]["offers"]) == ("1002", 2), record


@scenario
async def busy_agent_is_passed_over(world):
    """486 from an agent's phone: the next agent gets the caller"""
    hotline = await world.hotline()
    await world.desk(hotline, "1001", auto=486)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await asyncio.sleep(2)
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE)
    await second.in_call()
    await caller.hang_up()
    record = await hotline.call_recorded()
    assert record["queue"]["agent"] == "1002", record


@scenario
async def nobody_signed_on_leads_to_a_message(world):
    """nobody is signed on: an apology and the offer to leave a message"""
    hotline = await world.hotline()
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("message/record-now"), timeout=25)
    expect(await caller.heard(), "transfer/failed")
    await caller.hang_up()
    record = await hotline.call_recorded()
    assert record["queue"]["outcome"] == "nobody-signed-on", record


@scenario
async def closed_hours(world):
    """outside the hours: the caller is told so and hears goodbye"""
    hotline = await world.hotline()
    caller = await world.caller()
    await caller.dial(hotline.uri("95502"))
    assert await caller.over(25) == "remote bye"
    expect(await caller.heard(), "closed/after-hours", "goodbye/thanks")
    record = await hotline.call_recorded()
    assert record["end"] == "flow-ended", record


def plan_that_closes(world, patience):
    """A folder with a plan whose service closes at a full minute, so many seconds from now at the earliest; and when."""
    now = time.time()
    closes = (int(now + patience) // 60 + 1) * 60
    # In a time zone in which it is about noon: a day has its end elsewhere.
    west = time.gmtime(now).tm_hour - 12
    at = time.strftime("%H:%M", time.gmtime(closes - 3600 * west))
    with open(os.path.join(HERE, "plans", "short", "short.toml"), encoding="utf-8") as file:
        plan = file.read()
    plan = plan.replace('language = "zh-CN"', f'language = "zh-CN"\ntime_zone = "Etc/GMT{west:+d}"', 1)
    for queue, left in (("consultation", "tell"), ("complaint", "serve")):
        rules = f'calendar = "today"\nleft_in_line = "{left}"\ncomfort_every = "5 s"\nmax_wait = "never"'
        plan = plan.replace(f"[queue.{queue}]", f"[queue.{queue}]\n{rules}")
    folder = os.path.join(world.folder, "closing")
    os.makedirs(folder)
    with open(os.path.join(folder, "closing.toml"), "w", encoding="utf-8") as file:
        file.write(f'{plan}\n[calendar.today]\nopen = {{ mon-sun = "00:00-{at}" }}\n')
    return folder, closes


@scenario(weight=9)
async def closing_time_finds_callers_in_line(world):
    """the service closes while two wait: one queue tells its caller so and takes a message, the other serves to the end"""
    folder, closes = plan_that_closes(world, patience=25)
    hotline = await world.hotline("--dialplans", folder, plan=None)
    desk = await world.desk(hotline, "1001")
    # Signed on, so that callers may hope.
    await hotline.command("agent", "away", "1001")
    told, served = await world.caller("13800000001"), await world.caller("13800000002")
    await told.dial(hotline.uri("95501"))
    await served.dial(hotline.uri("95505"))
    await asyncio.sleep(max(0, closes - 2 - time.time()))
    for caller in (told, served):
        expect_music(caller.listen(time.monotonic() - 6))
        assert caller.call.state == "answered", caller.call.state
    await told.call.media.wait_heard(prompt("closed/leave-message"), timeout=30)
    assert time.time() > closes, "not before it is closed"
    expect(await told.heard(), "closed/after-hours")
    await told.hang_up()
    await hotline.command("agent", "ready", "1001")
    await served.call.media.wait_tone(AGENT_TONE, timeout=30)
    assert len(desk.calls) == 1
    await served.hang_up()
    await desk.over()
    await hotline.until(hotline.calls, lambda calls: len(calls) == 2, timeout=20)
    outcomes = {record["queue"]["name"]: record["queue"]["outcome"] for record in await hotline.calls()}
    assert outcomes == {"consultation": "closed", "complaint": "served"}, outcomes


@scenario(weight=2)
async def callers_are_served_in_order(world):
    """one agent, two callers: the second hears its place and is served when the first has gone"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    first = await world.caller("13800000001")
    second = await world.caller("13800000002")
    await first.dial(hotline.uri("95501"))
    await desk.in_call()
    await second.dial(hotline.uri("95501"))
    await asyncio.sleep(6)
    assert len(desk.calls) == 1, "an agent in a call is never rung"
    expect(await second.heard(), "queue/position-next")
    await first.hang_up()
    await second.call.media.wait_tone(AGENT_TONE, timeout=20)
    await second.hang_up()
