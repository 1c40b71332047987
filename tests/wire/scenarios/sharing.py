"""Several exchanges in one daemon: each has its share of the calls, all match in one queue core."""

import asyncio
import json
import signal

from scenarios import scenario
from world import AGENT_TONE, SECOND_AGENT_TONE

TWO = {"exchange.threads": 2}


def exchange_of(phone):
    """Whose call it is: what an exchange names begins with its number."""
    return int(phone.call.rtag.split(".")[0])


class Callers:
    """Callers with a number each, whose calls are where a scenario wants them: a call of the other exchange is hung up
    on, and the next one dials."""

    def __init__(self, world, hotline):
        self.world, self.hotline, self.number = world, hotline, 13800000000

    async def of(self, exchange, dialled="95501"):
        for _ in range(40):
            self.number += 1
            caller = await self.world.caller(str(self.number))
            await caller.dial(self.hotline.uri(dialled))
            await caller.in_call()
            if exchange_of(caller) == exchange:
                return caller
            await caller.hang_up()
        raise AssertionError(f"of 40 calls none is the exchange's {exchange}")


async def in_queue(hotline, name):
    """Who waits, who talks, who is ready."""
    queues = [json.loads(line) for line in (await hotline.command("queues", "--json")).splitlines()]
    return next((q["waiting"], q["talking"], q["ready"]) for q in queues if q["name"] == name)


@scenario(weight=3)
async def agent_of_another_exchange(world):
    """an agent's talk ends in one exchange, and the caller who waits in the other is the next they hear"""
    hotline = await world.hotline(settings=TWO)
    desk = await world.desk(hotline, "1001")
    callers = Callers(world, hotline)
    for talks, waits in [(0, 1), (1, 0)]:
        first = await callers.of(talks)
        await first.call.media.wait_tone(AGENT_TONE, timeout=20)
        assert exchange_of(desk) == talks, "an agent's leg is with its caller's"
        second = await callers.of(waits)
        rung = len(desk.calls)
        # Past the exchanges, out of the core that they share.
        await hotline.until(lambda: in_queue(hotline, "consultation"), lambda seen: seen == (1, 1, 0), timeout=20)
        assert len(desk.calls) == rung, "an agent in a call is never rung"
        assert await hotline.counter("calls") == 2, "of both"
        await first.hang_up()
        await second.call.media.wait_tone(AGENT_TONE, timeout=20)
        assert exchange_of(desk) == waits, "and the next one with theirs"
        await second.hang_up()
        await asyncio.sleep(0.5)
    served = [r for r in await hotline.calls() if (r.get("queue") or {}).get("agent") == "1001"]
    assert len(served) >= 4, served
    assert {r["call"] % 2 for r in served} == {0, 1}, served


@scenario(weight=2)
async def offer_of_another_exchange(world):
    """an agent goes away while their phone rings for callers of either exchange; the next agent has them"""
    hotline = await world.hotline(settings=TWO)
    callers = Callers(world, hotline)
    for exchange in (0, 1):
        first = await world.desk(hotline, "1001", auto=None)
        caller = await callers.of(exchange, "95505")
        await first.ringing()
        # The order is carried out by the first exchange, whoever has the call.
        await hotline.command("agent", "away", "1001")
        assert await first.over() == "cancelled"
        second = await world.desk(hotline, "1003", tone=SECOND_AGENT_TONE)
        await caller.call.media.wait_tone(SECOND_AGENT_TONE, timeout=20)
        await caller.hang_up()
        await second.over()
        await hotline.command("agent", "sign-off", "1003")


@scenario
async def end_of_all_exchanges(world):
    """told to stop at once, every exchange ends its calls, and each call has its record"""
    hotline = await world.hotline(settings=TWO)
    callers = Callers(world, hotline)
    one, other = await callers.of(0, "95504"), await callers.of(1, "95504")
    hotline.signal(signal.SIGTERM)
    await asyncio.sleep(1)
    assert hotline.running, "both calls go on"
    hotline.signal(signal.SIGTERM)
    await hotline.ended()
    assert (await one.over(), await other.over()) == ("remote bye", "remote bye")
    ends = [record["end"] for record in await hotline.calls()]
    assert ends.count("shutdown") == 2, ends


@scenario(weight=3)
async def taken_out_of_either_exchange(world):
    """*8 takes a caller who rings at a colleague's phone, and 701 one who is parked, whichever exchange has the call"""
    hotline = await world.hotline(settings=TWO)
    callers = Callers(world, hotline)
    first = await world.desk(hotline, "1001", auto=None)
    second = await world.desk(hotline, "1002", tone=SECOND_AGENT_TONE, ready=False)
    for exchange in (0, 1):
        # In this queue phones ring for long.
        caller = await callers.of(exchange, "95505")
        await first.ringing()
        first.rang.clear()
        await second.dial(hotline.uri("*8"))
        await caller.call.media.wait_tone(SECOND_AGENT_TONE, timeout=20)
        assert await first.over() == "cancelled"
        assert exchange_of(second) == exchange, "who fetches a caller has to be where the caller is"
        await second.call.dtmf("*6")
        await second.over(20)
        await first.dial(hotline.uri("701"))
        await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
        assert exchange_of(first) == exchange
        await caller.hang_up()
        await first.over()
        await hotline.command("agent", "ready", "1001")
