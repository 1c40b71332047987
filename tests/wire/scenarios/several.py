"""An agent with several calls at once: the next caller rings while all others are on hold."""

import asyncio
import time

from prompts import expect_music, expect_tone
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE


@scenario(weight=2)
async def the_next_caller_rings_during_a_hold(world):
    """the operator puts the first on hold and has the second; who talks is not rung; each hears whom they should"""
    hotline = await world.hotline(plan="several")
    desk = await world.desk(hotline, "1001")

    async def dials(number):
        caller = await world.caller(number)
        await caller.dial(hotline.uri("95501"))
        await caller.in_call()
        return caller

    async def rung(count):
        for _ in range(300):
            if len(desk.calls) >= count:
                return await desk.call.wait_answer(10)
            await asyncio.sleep(0.05)
        raise AssertionError(f"the desk was rung {len(desk.calls)} times")

    first = await dials("13800000001")
    await first.call.media.wait_tone(AGENT_TONE, timeout=20)
    second = await dials("13800000002")
    await asyncio.sleep(2)
    assert len(desk.calls) == 1, "who talks is not rung"

    await desk.calls[0].hold()
    await rung(2)
    await second.call.media.wait_tone(AGENT_TONE, timeout=20)
    began = time.monotonic()
    await asyncio.sleep(6)
    expect_tone(second.listen(began + 0.5), AGENT_TONE, what="the agent, by the second caller")
    expect_tone(desk.calls[1].media.heard(began + 0.5, None), CALLER_TONE, what="the second caller, by the agent")
    expect_music(first.listen(began))
    line = next(line for line in (await hotline.command("agent", "list")).splitlines() if line.startswith("1001"))
    assert "talking" in line, line

    await second.hang_up()
    await desk.calls[1].wait_ended()
    third = await dials("13800000003")
    await rung(3)
    await third.call.media.wait_tone(AGENT_TONE, timeout=20)
    await third.hang_up()
    await desk.calls[2].wait_ended()

    await desk.calls[0].resume()
    resumed = time.monotonic()
    fourth = await dials("13800000004")
    await asyncio.sleep(3)
    expect_tone(first.listen(resumed + 0.5), AGENT_TONE, what="the agent, by the first caller again")
    assert len(desk.calls) == 3, "who talks again is not rung"
    await first.hang_up()
    await rung(4)
    await fourth.call.media.wait_tone(AGENT_TONE, timeout=20)
    await fourth.hang_up()
    await hotline.until(hotline.calls, lambda records: len(records) >= 4, timeout=30)
    agents = [(record.get("queue") or {}).get("agent") for record in await hotline.calls()]
    assert agents.count("1001") == 4, agents
