"""Persons who cannot take the call: set by phone, command and calendar, told to callers and lamps, kept through a restart."""

import asyncio
import datetime
import json
import os
import signal
import time

from prompts import expect, expect_tone, prompt
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE

LAMP = "application/dialog-info+xml"
PIDF = "application/pidf+xml"
# A lamp follows within this time of the event.
AT_ONCE = 0.2


async def order(hotline, order):
    """An order over the control socket, as the program's own commands give it, without the time that a program takes to
    start. When it was given."""
    reader, writer = await asyncio.open_unix_connection(os.path.join(hotline.state, "control.sock"))
    began = time.monotonic()
    writer.write(json.dumps({"exchange": order}).encode() + b"\n")
    answer = json.loads(await reader.readline())
    writer.close()
    assert answer == {"reply": "done"}, answer
    return began


def away(extension, reason, until=None, **more):
    change = {"away": {"reason": reason, "until": until, **more}}
    return {"set-agent": {"extension": extension, "change": change}}


def ready(extension):
    return {"set-agent": {"extension": extension, "change": "ready"}}


def micros(after_s):
    return int((time.time() + after_s) * 1_000_000)


@scenario(weight=2)
async def lamps_follow_a_person_at_once(world):
    """dialog and presence lamps of a manager who goes away and comes back: each NOTIFY within 200 ms of the order"""
    hotline = await world.hotline(plan="persons")
    watcher = await world.desk(hotline, "1001", ready=False)
    await world.desk(hotline, "4001", ready=False)
    lamp = await watcher.ua.watch("dialog", "4001", LAMP)
    seen = await watcher.ua.watch("presence", "4001", PIDF)
    await seen.until("<basic>open</basic>")
    took = []
    for _ in range(10):
        await asyncio.sleep(0.3)
        for given, patterns in (
            (away("4001", "banquet"), ("<state>confirmed</state>", "<basic>closed</basic>.*meal")),
            (ready("4001"), ("<state>terminated</state>", "<basic>open</basic>")),
        ):
            since = [len(lamp.told), len(seen.told)]
            began = await order(hotline, given)
            told = [
                await watch.until(pattern, since=first)
                for watch, pattern, first in zip((lamp, seen), patterns, since)
            ]
            took += [said.at - began for said in told]
            await asyncio.sleep(0.2)
    took.sort()
    print(f"lamps: {len(took)} NOTIFYs, median {1000 * took[len(took) // 2]:.1f} ms, longest {1000 * took[-1]:.1f} ms")
    assert took[-1] < AT_ONCE, took


@scenario(weight=3)
async def pjsip_sees_a_person_go_and_come(world):
    """PJSIP: a buddy's presence follows a manager into a meeting, and out of it when its time is over"""
    hotline = await world.hotline(plan="persons")
    await world.desk(hotline, "4001", ready=False)
    phone = await world.desk(hotline, "1001", make="pjsip", ready=False)
    phone.tell(f"watch {hotline.uri('4001')}")
    await phone.wait("buddy", open=True)
    await order(hotline, away("4001", "meeting", micros(2.0)))
    await phone.wait("buddy", open=False)
    await phone.wait("buddy", open=True)


@scenario(weight=4)
async def a_code_on_the_phone_and_what_the_caller_hears(world):
    """*141 from baresip with the time of return, confirmed in words; the caller hears name, reason and return, and the
    delegate takes the call"""
    hotline = await world.hotline(plan="persons")
    manager = await world.desk(hotline, "4001", make="baresip", ready=False, auto=False)
    deputy = await world.desk(hotline, "3001", tone=SECOND_AGENT_TONE, ready=False)
    back = datetime.datetime.now() + datetime.timedelta(hours=3)
    await manager.dial(hotline.uri("*141"))
    await manager.in_call()
    await asyncio.sleep(1)
    for digit in back.strftime("%H%M"):
        await manager.press(digit)
        await asyncio.sleep(0.3)
    await manager.over()
    expect(await manager.heard(), "agent/state-meeting", "agent/back-before")
    caller = await world.caller()
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("topic/delegate"), timeout=25)
    await caller.press("2")
    await deputy.in_call()
    await asyncio.sleep(2.5)
    await caller.hang_up()
    await deputy.over()
    heard = await caller.heard()
    # The delegate was offered, or nothing would have been pressed; the key may have cut the words short.
    expect(heard, "person/sorry", "person/manager-wang", "person/in-a-meeting", "message/back-before")
    expect_tone(heard, SECOND_AGENT_TONE, what="the delegate")
    expect_tone(await deputy.heard(), CALLER_TONE, what="the caller")


@scenario(weight=3)
async def a_delegate_who_is_away_has_a_delegate(world):
    """the delegate is away: the delegate's delegate takes the call; a circle is refused when it is ordered"""
    hotline = await world.hotline(plan="persons")
    last = await world.desk(hotline, "1001", ready=False)
    await world.desk(hotline, "3001", ready=False)
    await hotline.command("agent", "away", "4001", "out", "--place", "总行")
    await hotline.command("agent", "away", "3001", "visitor")
    _, _, why = await hotline.attempt("agent", "away", "1001", "out", "--delegate", "1001")
    assert "circle" in why, why
    _, _, why = await hotline.attempt("agent", "away", "1001", "out", "--until", "2020-01-01T00:00:00Z")
    assert "past" in why, why
    caller = await world.caller()
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("topic/delegate"), timeout=25)
    await caller.press("2")
    await last.in_call()
    await asyncio.sleep(2)
    await caller.hang_up()
    expect(await caller.heard(), "person/out")
    expect_tone(await last.heard(), CALLER_TONE, what="the caller")


@scenario(weight=3)
async def found_by_name_and_asked_for_again(world):
    """a name spelled on the keys finds one of two; who served a caller last is asked first the next time"""
    hotline = await world.hotline(plan="persons")
    agent = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await caller.in_call()
    await asyncio.sleep(1)
    for key in "93#":
        await caller.press(key)
        await asyncio.sleep(0.3)
    await agent.in_call()
    await asyncio.sleep(1.5)
    await caller.hang_up()
    await agent.over()
    expect_tone(await caller.heard(), AGENT_TONE, what="Wang Fang")
    again = await world.caller("13800138001")
    for number, served in ((1, True), (2, False)):
        await again.dial(hotline.uri("95502"))
        await again.in_call()
        # Past "we are connecting you", where the queue says that.
        await asyncio.sleep(6)
        await again.hang_up()
        await agent.over()
        await asyncio.sleep(1.5)
        record = await hotline.call_recorded(number)
        assert bool(record["queue"]) == served, record


@scenario(weight=2)
async def a_meeting_outlives_a_restart(world):
    """away until a time with whereabouts and delegate: kept through kill -9, over when its time is"""
    hotline = await world.hotline(plan="persons")
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=12)
    arguments = ("--until", until.isoformat(), "--place", "三号楼", "--delegate", "1001")
    await hotline.command("agent", "away", "4001", "important-meeting", *arguments)
    await asyncio.sleep(0.5)
    hotline.signal(signal.SIGKILL)
    await hotline.ended()
    await hotline.start()
    listed = await hotline.command("agent", "list")
    line = next(line for line in listed.splitlines() if line.startswith("4001"))
    assert "important-meeting" in line and "三号楼" in line and "calls to 1001" in line, line

    async def state():
        listed = await hotline.command("agent", "list")
        return "away" in next(line for line in listed.splitlines() if line.startswith("4001"))

    await hotline.until(state, lambda is_away: not is_away, timeout=40)


@scenario(weight=2)
async def a_calendar_file(world):
    """a meeting of the office calendar: away by it; a spoilt export leaves the old one, a wrong event costs itself"""
    folder = os.path.join(world.folder, "calendars")
    os.makedirs(folder)
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = lambda hours: (now + datetime.timedelta(hours=hours)).strftime("%Y%m%dT%H%M%SZ")
    event = lambda uid, begin: f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:{begin}\r\nDTEND:{stamp(2)}\r\nEND:VEVENT\r\n"
    calendar = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{event(1, 'soon')}{event(2, stamp(-1))}END:VCALENDAR\r\n"
    path = os.path.join(folder, "4001.ics")
    with open(path, "w", newline="") as file:
        file.write(calendar)
    hotline = await world.hotline(
        plan="persons", settings={"presence.calendars": folder, "presence.every_s": "1"}
    )
    await hotline.logged("4001.ics:5: ")

    async def line():
        listed = await hotline.command("agent", "list")
        return next(line for line in listed.splitlines() if line.startswith("4001"))

    await hotline.until(line, lambda line: "meeting" in line and "calendar" in line)
    with open(path, "w", newline="") as file:
        file.write(calendar[:-20])
    await hotline.logged("the calendar that is known stays")
    assert "meeting" in await line()
    # Said by hand to be there, though the calendar says otherwise.
    await hotline.command("agent", "ready", "4001")
    assert "away" not in await line()
    os.remove(path)
    await hotline.logged("the calendar file is gone")
