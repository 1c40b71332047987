"""What callers are promised: the person is rung at the time, then the customer; and who answers for a customer's matter."""

import asyncio
import datetime
import json
import time

from prompts import expect_tone, prompt
from scenarios import scenario
from scenarios.trunks import House
from world import AGENT_TONE, SECOND_AGENT_TONE

import scripted

PLAN = """
[hotline]
name = "Promises"
language = "zh-CN"
time_zone = "Asia/Shanghai"

[numbers]
95501 = "person"
95502 = "queue"

[[flow.person]]
dial = { to = "1001", before = [], offer = ["message", { say = "topic/callback-at", goto = "callback-at" }] }

[[flow.callback-at]]
callback_at = "consultation"

[[flow.queue]]
queue = { to = "consultation", before = [], owner = "contact" }

[queue.consultation]
skills = { consultation = 1 }
wrap_up = "0 s"
callback_to = ["1[3-9]xxxxxxxxx"]
callback_every = "5 s"

[skill.consultation]

[agent.1001]
skills = { consultation = 5 }
may_call = ["1[3-9]xxxxxxxxx"]
mailbox = true
ready = true
"""

CUSTOMER = "13800138000"
BEIJING = datetime.timezone(datetime.timedelta(hours=8))


async def house_with_a_trunk(world):
    house = House(world)
    carrier = await house.carrier(50, auto=None)
    address = house.address(50)
    trunk = f'addresses = ["{address}"]\nserver = "sip:{address}"\nprobe_s = 0\noutbound = ["1."]\n'
    hotline = await house.open(trunk, plan=PLAN)
    return house, carrier, hotline


async def promises(hotline):
    listed = await hotline.command("promises", "--all", "--json")
    return [json.loads(line) for line in listed.splitlines()]


async def the_agent_calls(carrier, desk, timeout):
    """Rung at the time; hears who is to be called and why; presses 1; the customer answers, and both hear each other."""
    await desk.in_call(timeout)
    await desk.call.media.wait_heard(prompt("promise/is-due"), timeout=20)
    await desk.call.media.wait_heard(prompt("promise/customers-number"), timeout=20)
    assert not carrier.switch.invites, "first the agent, then the customer"
    carrier.auto = 200
    await desk.press("1")
    await carrier.until(lambda switch: len(switch.invites) >= 1, 20)
    called = carrier.call
    await called.media.wait_tone(AGENT_TONE, timeout=20)
    await desk.call.media.wait_tone(SECOND_AGENT_TONE, timeout=20)
    await called.bye()


@scenario(weight=4)
async def a_promise_outlives_a_crash(world):
    """ordered for a time; killed before it; the agent is rung then and told, the customer answers: kept, once, and reported"""
    house, carrier, hotline = await house_with_a_trunk(world)
    desk = await house.desk()
    due = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=14)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await hotline.command("promises", "make", "1001", CUSTOMER, "--at", due)
    [made] = await hotline.until(lambda: promises(hotline), lambda listed: len(listed) == 1)
    assert (made["state"], made["owner"], made["kind"]) == ("open", "1001", "agent"), made
    await hotline.stop()
    await hotline.start()
    await the_agent_calls(carrier, desk, 60)
    [kept] = await hotline.until(lambda: promises(hotline), lambda listed: listed[0]["state"] != "open")
    assert (kept["state"], kept["promise"], kept["holder"]) == ("kept", made["promise"], "1001"), kept
    report = await hotline.command("promises", "report", "--persons", "--json")
    [line] = [json.loads(line) for line in report.splitlines()]
    assert (line["person"], line["made"], line["kept"], line["in_time_percent"]) == ("1001", 1, 1, 100), line
    await hotline.stop()
    await hotline.start()
    await asyncio.sleep(8)
    assert len(carrier.switch.invites) == 1, "nobody is called twice"
    assert CUSTOMER not in hotline.log() + hotline.log(1) + hotline.log(2)


@scenario(weight=13)
async def a_caller_chooses_when_they_are_called_back(world):
    """nobody is there; a time that is past, then one to come, read back and confirmed; called then, the person first"""
    house, carrier, hotline = await house_with_a_trunk(world)
    caller = await carrier.dial(hotline.uri("95501"))
    await caller.media.wait_heard(prompt("topic/callback-at"), timeout=30)
    await caller.dtmf("2")
    await caller.media.wait_heard(prompt("promise/at-what-time"), timeout=20)
    now = datetime.datetime.now(BEIJING)
    # The next minute but one: there is time to key it. Around midnight there is no such time today.
    then = now + datetime.timedelta(minutes=2)
    if then.date() != now.date():
        return
    await caller.dtmf("2461")
    await caller.media.wait_heard(prompt("promise/no-such-time"), timeout=20)
    await asyncio.sleep(1)
    await caller.dtmf(then.strftime("%H%M"))
    await caller.media.wait_heard(prompt("promise/we-call-at"), timeout=20)
    await caller.media.wait_heard(prompt("menu/confirm-or-reenter"), timeout=20)
    await caller.dtmf("1")
    await caller.media.wait_heard(prompt("promise/booked"), timeout=20)
    await caller.wait_ended(40)
    [made] = await promises(hotline)
    assert (made["state"], made["owner"], made["kind"]) == ("open", "1001", "time"), made
    desk = await house.desk()
    await the_agent_calls(carrier, desk, 200)
    [kept] = await hotline.until(lambda: promises(hotline), lambda listed: listed[0]["state"] != "open")
    assert kept["state"] == "kept", kept


@scenario(weight=4)
async def a_caller_chooses_a_later_day(world):
    """a time that is past today is tomorrow's; 3: a day later; read back with its day, confirmed, and on the disk for then"""
    _, carrier, hotline = await house_with_a_trunk(world)
    caller = await carrier.dial(hotline.uri("95501"))
    await caller.media.wait_heard(prompt("topic/callback-at"), timeout=40)
    await caller.dtmf("2")
    await caller.media.wait_heard(prompt("promise/at-what-time"), timeout=40)
    now = datetime.datetime.now(BEIJING)
    then = now - datetime.timedelta(hours=1)
    # In the first hour of a day it is still to come today.
    days = 2 if then.date() == now.date() else 1
    await caller.dtmf(then.strftime("%H%M"))
    await caller.media.wait_heard(prompt("promise/we-call-at"), timeout=40)
    await caller.media.wait_heard(prompt("promise/later-day"), timeout=40)
    again = time.monotonic()
    await caller.dtmf("3")
    await caller.media.wait_heard(prompt("promise/later-day"), timeout=40, since=again)
    await caller.dtmf("1")
    await caller.media.wait_heard(prompt("promise/booked"), timeout=40)
    (made,) = await promises(hotline)
    due = datetime.datetime.fromtimestamp(made["due"] / 1_000_000, BEIJING)
    assert due.strftime("%H%M") == then.strftime("%H%M"), made
    assert (due.date() - now.date()).days in (days, days + 1), made
    await caller.bye()


@scenario(weight=4)
async def an_agent_answers_for_a_customer(world):
    """in the talk the agent keys a promise and hears that it is noted, and the caller nothing of it; the matter has an owner"""
    house, carrier, hotline = await house_with_a_trunk(world)
    desk = await house.desk()
    caller = await carrier.dial(hotline.uri("95502"))
    await desk.in_call()
    await caller.media.wait_tone(AGENT_TONE, timeout=20)
    # The caller says nothing, so that the agent hears what we say and nothing else.
    caller.media.play(scripted.silence(1))
    await asyncio.sleep(1)
    await desk.press("*7")
    await asyncio.sleep(0.5)
    then = (datetime.datetime.now(BEIJING) + datetime.timedelta(hours=2)).strftime("%H%M")
    await desk.press(then)
    await desk.call.media.wait_heard(prompt("promise/noted"), timeout=20)
    [made] = await hotline.until(lambda: promises(hotline), lambda listed: len(listed) == 1)
    assert (made["state"], made["owner"], made["queue"]) == ("open", "1001", "consultation"), made
    await asyncio.sleep(2)
    await desk.press("*8")
    await desk.call.media.wait_heard(prompt("matter/yours"), timeout=20)
    await asyncio.sleep(1)
    heard = caller.media.heard()
    expect_tone(heard, AGENT_TONE, what="the caller")
    await caller.bye()
    await desk.over(20)
    listed = await hotline.until(
        lambda: hotline.command("matters", "--json"), lambda text: '"calls":1' in text
    )
    [matter] = [json.loads(line) for line in listed.splitlines()]
    assert (matter["owner"], matter["hops"]) == ("1001", ["1001", "1001 (took it)"]), matter
    assert CUSTOMER not in listed
    await hotline.command("promises", "settle", str(made["promise"]))
    [settled] = await hotline.until(lambda: promises(hotline), lambda listed: listed[0]["state"] != "open")
    assert settled["state"] == "passed on", settled
