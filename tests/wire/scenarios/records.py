"""What a call leaves behind: a record with its stages, and no number anywhere else."""

import asyncio
import json
import re
from datetime import datetime
from zoneinfo import ZoneInfo

from scenarios import scenario


@scenario
async def every_call_leaves_one_record(world):
    """answered, abandoned, refused: one record each, stages in order of time, with why it ended"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await asyncio.sleep(1)
    await caller.hang_up()
    served = await hotline.call_recorded(0)
    kinds = [s["kind"] for s in served["stages"]]
    assert kinds == ["arrive", "listen", "wait", "offer", "talk", "hang-up"], kinds
    times = [s["at"] for s in served["stages"]]
    assert times == sorted(times) and served["started"] <= served["answered"] <= served["ended"], served
    await caller.dial(hotline.uri("95504"))
    await caller.in_call()
    await caller.hang_up()
    second = await hotline.call_recorded(1)
    assert second["queue"] is None and second["dialled"] == "95504", second
    assert served["call"] != second["call"]


@scenario
async def numbers_are_masked(world):
    """no number of a caller, no key pressed and no password is in the log or in `hotline calls`"""
    number = "13912345678"
    hotline = await world.hotline(environment={"RUST_LOG": "trace", "HOTLINE__LOG__FILTER": "trace"})
    desk = await world.desk(hotline, "1001")
    caller = await world.caller(number)
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await caller.press("9")
    await caller.press("1")
    await desk.in_call()
    await caller.hang_up()
    await hotline.call_recorded()
    for what, text in (
        ("the log", hotline.log()),
        ("the banner", hotline.out()),
        ("hotline calls", await hotline.command("calls")),
    ):
        assert number not in text, f"{what} shows the caller's number"
        assert hotline.password("1001") not in text, f"{what} shows a password"
    assert re.search(r"13\*+78", await hotline.command("calls")), await hotline.command("calls")


@scenario
async def calls_are_shown_to_people(world):
    """`hotline calls` names queue, agent and why the call ended; `hotline calls ID` its stages"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.hang_up()
    await hotline.call_recorded()
    table = await hotline.command("calls")
    for word in ("consultation", "1001", "caller-hung-up"):
        assert word in table, table


@scenario
async def recorded_calls_are_rehearsed(world):
    """`hotline rehearse --recorded` takes a day's calls out of the daemon's own records, by the dialplan's clock"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.hang_up()
    served = await hotline.call_recorded()
    entered = datetime.fromtimestamp(served["queue"]["entered"] / 1e6, ZoneInfo("Asia/Shanghai"))
    told = await hotline.command("rehearse", "--recorded", str(entered.date()), "--days", "2", "--json")
    (outcome,) = json.loads(told)["outcomes"]
    (line,) = outcome["classes"]
    assert line["queue"] == "consultation", line
    assert line["figures"]["calls"] == {"mean": 1.0, "half_width": 0.0}, line
    _, _, errors = await hotline.attempt("rehearse", "--recorded", "2001-01-01")
    assert "nobody waited in a queue on 2001-01-01" in errors, errors
