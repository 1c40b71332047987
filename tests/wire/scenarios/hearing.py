"""How well each party is heard, as the operator sees it; and packets as long as a phone asks for."""

import asyncio
import json

from prompts import expect
from scenarios import scenario


async def running(hotline):
    lines = (await hotline.command("calls", "--running", "--json")).splitlines()
    return [json.loads(line) for line in lines]


@scenario
async def quality_is_shown_live_and_recorded(world):
    """5 % of the caller's packets are lost, and it reports loss and a round trip of its own: live, then in the record"""
    hotline = await world.hotline(environment={"HOTLINE__MEDIA__RTCP_INTERVAL_MS": "1000"})
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await caller.in_call()
    caller.call.media.drop_every = 20
    caller.call.media.reports = (7, 0.12)
    await desk.in_call()

    def complete(calls):
        legs = calls[0]["legs"] if calls else []
        return len(legs) == 2 and legs[0]["round_trip_ms"] is not None and legs[0]["lost"] > 15

    async def ask():
        return await running(hotline)

    legs = (await hotline.until(ask, complete, timeout=25))[0]["legs"]
    assert [leg["party"] for leg in legs] == ["loopback", "1001"], legs
    table = await hotline.command("calls", "--running")
    assert "% lost)" in table and "1001 4.4" in table, table

    await caller.hang_up()
    await desk.over()

    async def recorded():
        return (await hotline.call_recorded())["legs"]

    theirs, ours = await hotline.until(recorded, lambda legs: len(legs) == 2)
    assert (theirs["leg"], theirs["codec"], ours["codec"]) == (0, "PCMA", "PCMA"), theirs
    share = theirs["lost"] / (theirs["lost"] + theirs["received"])
    assert 0.04 < share < 0.06, theirs
    assert theirs["peer_lost"] == 7 and theirs["peer_jitter_ms"] == 10, theirs
    assert 100 <= theirs["round_trip_ms"] <= 250, theirs
    assert 330 <= theirs["mos_x100"] <= 420 and ours["mos_x100"] > 420 and ours["lost"] == 0, (theirs, ours)
    page = await hotline.command("calls", f"c{(await hotline.call_recorded())['call']}")
    assert "round trip" in page and "PCMA" in page, page


async def asks_for(world, ptime):
    hotline = await world.hotline()
    caller = await world.caller()
    caller.ua.ptime = ptime
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await asyncio.sleep(3)
    expect(await caller.heard(), "greeting/welcome")
    packets = caller.call.media.rx
    octets = {len(packet[6]) for packet in packets}
    assert octets == {ptime * 8}, octets
    steps = {(after[2] - before[2]) & 0xFFFFFFFF for before, after in zip(packets, packets[1:])}
    assert steps == {ptime * 8}, steps
    await caller.hang_up()


@scenario
async def packets_of_10_ms(world):
    """a=ptime:10 in the caller's offer: the greeting comes in such packets"""
    await asks_for(world, 10)


@scenario
async def packets_of_30_ms(world):
    """a=ptime:30, which is no multiple of our frames"""
    await asks_for(world, 30)


@scenario
async def packets_of_60_ms(world):
    """a=ptime:60"""
    await asks_for(world, 60)
