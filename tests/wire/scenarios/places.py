"""Places in line: kept for who drops, given back to whom a phone failed, kept without a telephone for a callback."""

import asyncio

from prompts import prompt
from scenarios import scenario
from scenarios.trunks import House
from world import AGENT_TONE, SECOND_AGENT_TONE


@scenario(weight=2)
async def who_drops_and_calls_again_keeps_the_place(world):
    """hangs up while waiting, calls again from the same number, and is served before who came after them"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    talking, first, second = [await world.caller(f"1380000000{n}") for n in (1, 2, 3)]
    await talking.dial(hotline.uri("95501"))
    await desk.in_call()
    await first.dial(hotline.uri("95501"))
    await asyncio.sleep(2)
    await second.dial(hotline.uri("95501"))
    await asyncio.sleep(2)
    await first.hang_up()
    await asyncio.sleep(1)
    await first.dial(hotline.uri("95501"))
    await asyncio.sleep(3)
    await talking.hang_up()
    await first.call.media.wait_tone(AGENT_TONE, timeout=30)
    assert second.call.state != "ended"
    await first.hang_up()
    await second.call.media.wait_tone(AGENT_TONE, timeout=30)
    await second.hang_up()


@scenario(weight=2)
async def an_agents_phone_that_dies_costs_nobody_the_call(world):
    """no audio from the agent's phone for 20 s: an apology, the next agent, one record, never a BYE to the caller"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE, delay=2.5)
    desk.call.media.close()
    await caller.call.media.wait_heard(prompt("transfer/sorry-please-wait"), timeout=40)
    await caller.call.media.wait_tone(SECOND_AGENT_TONE, timeout=20)
    assert len(second.calls) == 1 and caller.call.state != "ended", caller.call.state
    await caller.hang_up()
    record = await hotline.call_recorded()
    assert (record["queue"]["agent"], record["queue"]["outcome"]) == ("1002", "served"), record
    assert record["end"] == "caller-hung-up", record


PLAN = """
[hotline]
name = "Callbacks"
language = "zh-CN"

[numbers]
95501 = "main"

[[flow.main]]
queue = { to = "consultation", before = [], keys = { 1 = "callback" }, offer = "queue/offer-callback" }

[[flow.callback]]
callback = "consultation"

[queue.consultation]
skills = { consultation = 1 }
wrap_up = "0 s"
callback_to = ["1[3-9]xxxxxxxxx"]
callback_every = "5 s"

[skill.consultation]

[agent.1001]
skills = { consultation = 5 }
ready = true
"""


@scenario(weight=2)
async def callback_with_the_place_kept(world):
    """booked by a key; when the turn comes busy once, then a call; an agent only after 1; nobody is called twice"""
    house = House(world)
    carrier = await house.carrier(50, auto=None)
    address = house.address(50)
    hotline = await house.open(
        f'addresses = ["{address}"]\nserver = "sip:{address}"\nprobe_s = 0\noutbound = ["1."]\n',
        plan=PLAN,
    )
    desk = await house.desk()
    talking = await carrier.dial(hotline.uri("95501"))
    await desk.in_call()
    customer = await carrier.dial(hotline.uri("95501"))
    await asyncio.sleep(2)
    await customer.dtmf("1")
    await customer.media.wait_heard(prompt("callback/accepted"), timeout=30)
    await customer.wait_ended(30)
    assert "in line" in await hotline.command("callbacks")
    # The agent is free, the turn has come: busy first.
    carrier.auto = 486
    rung = len(desk.calls)
    await talking.bye()
    await carrier.until(lambda switch: len(switch.invites) >= 1, 15)
    await hotline.until(lambda: hotline.command("callbacks"), lambda text: "busy" in text, 15)
    carrier.auto = 200
    await carrier.until(lambda switch: len(switch.invites) >= 2, 20)
    await asyncio.sleep(1)
    called = carrier.call
    await called.media.wait_heard(prompt("callback/here-it-is"), timeout=30)
    assert len(desk.calls) == rung, "no agent before the customer has said that they are there"
    await called.dtmf("1")
    await called.media.wait_tone(AGENT_TONE, timeout=20)
    assert len(desk.calls) == rung + 1
    await desk.call.media.wait_tone(SECOND_AGENT_TONE)
    assert len(desk.calls) == rung + 1
    await called.bye()
    await asyncio.sleep(6)
    assert len(carrier.switch.invites) == 2
    listed = await hotline.command("callbacks")
    assert len(listed.splitlines()) == 1, listed
    assert "13800138000" not in hotline.log()


@scenario(weight=3)
async def a_callback_outlives_a_crash(world):
    """killed with a callback waiting: kept, and called once after the start; killed again, and nobody is called any more"""
    house = House(world)
    carrier = await house.carrier(50, auto=None)
    address = house.address(50)
    hotline = await house.open(
        f'addresses = ["{address}"]\nserver = "sip:{address}"\nprobe_s = 0\noutbound = ["1."]\n',
        plan=PLAN,
    )
    desk = await house.desk()
    await carrier.dial(hotline.uri("95501"))
    await desk.in_call()
    customer = await carrier.dial(hotline.uri("95501"))
    await asyncio.sleep(2)
    await customer.dtmf("1")
    await customer.media.wait_heard(prompt("callback/accepted"), timeout=30)
    await customer.wait_ended(30)
    assert "in line" in await hotline.command("callbacks")
    carrier.auto = 200
    await hotline.stop()
    await hotline.start()
    await carrier.until(lambda switch: len(switch.invites) >= 1, 30)
    await asyncio.sleep(1)
    called = carrier.call
    await called.media.wait_heard(prompt("callback/here-it-is"), timeout=30)
    await called.dtmf("1")
    await called.media.wait_tone(AGENT_TONE, timeout=20)
    await called.bye()
    listed = await hotline.until(lambda: hotline.command("callbacks"), lambda text: len(text.splitlines()) == 1)
    await hotline.stop()
    await hotline.start()
    await asyncio.sleep(8)
    assert len(carrier.switch.invites) == 1, listed
