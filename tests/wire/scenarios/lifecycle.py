"""Reload, drain, stop; what the service manager hears; callers that vanish."""

import asyncio
import os
import shutil
import signal
import time

import scripted
from prompts import expect, expect_tone
from scenarios import scenario
from service import Manager, Stalled, threads
from world import AGENT_TONE


def own_plan(world, name="short"):
    """A copy of a plan that the scenario may change."""
    source = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "plans", name)
    folder = os.path.join(world.folder, "plan")
    shutil.copytree(source, folder)
    return folder


@scenario
async def broken_reload_keeps_the_old_plan(world):
    """SIGHUP with a broken dialplan: the mistake is logged, the old plan goes on serving"""
    folder = own_plan(world)
    hotline = await world.hotline("--dialplans", folder, plan=None)
    with open(os.path.join(folder, "broken.toml"), "w", encoding="utf-8") as f:
        f.write("[[flow.broken]]\nplya = 'greeting/welcome'\n")
    hotline.signal(signal.SIGHUP)
    await hotline.logged("broken.toml")
    caller = await world.caller()
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await asyncio.sleep(3.5)
    expect(await caller.heard(), "greeting/welcome")


@scenario
async def reload_changes_new_calls_only(world):
    """SIGHUP with a changed dialplan: a new number works, a running call goes on"""
    folder = own_plan(world)
    hotline = await world.hotline("--dialplans", folder, plan=None)
    desk = await world.desk(hotline, "1001")
    running = await world.caller("13800000001")
    await running.dial(hotline.uri("95501"))
    await desk.in_call()
    other = await world.caller("13800000002")
    await other.dial(hotline.uri("95599"))
    try:
        await other.in_call()
        raise AssertionError("95599 is not there yet")
    except scripted.CallFailed as e:
        assert e.code == 404, e.code
    with open(os.path.join(folder, "more.toml"), "w", encoding="utf-8") as f:
        f.write('[numbers]\n95599 = "nice_day"\n\n[[flow.nice_day]]\nhang_up = "goodbye/nice-day"\n')
    hotline.signal(signal.SIGHUP)
    await asyncio.sleep(1)
    await other.dial(hotline.uri("95599"))
    await other.in_call()
    await other.over()
    expect(await other.heard(), "goodbye/nice-day")
    now = time.monotonic()
    await asyncio.sleep(1)
    expect_tone(running.listen(now), AGENT_TONE, what="the agent of the running call")


@scenario(weight=2)
async def drain_and_stop(world):
    """SIGTERM: new calls get 503 with Retry-After, the running one finishes, then exit code 0"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    running = await world.caller("13800000001")
    await running.dial(hotline.uri("95501"))
    await desk.in_call()
    hotline.signal(signal.SIGTERM)
    await asyncio.sleep(0.5)
    late = await world.caller("13800000002")
    await late.dial(hotline.uri("95501"))
    try:
        await late.in_call()
        raise AssertionError("a new call was taken while draining")
    except scripted.CallFailed as e:
        assert e.code == 503 and e.msg.get("retry-after"), e.msg.build()
    now = time.monotonic()
    await asyncio.sleep(2)
    assert hotline.running
    expect_tone(running.listen(now), AGENT_TONE, what="the agent while draining")
    await running.hang_up()
    assert await hotline.ended() == 0
    records = await hotline.calls()
    assert any(r["end"] == "caller-hung-up" for r in records), records


@scenario
async def second_signal_ends_at_once(world):
    """a second SIGTERM: the running call is hung up on and recorded, the daemon ends within seconds"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    hotline.signal(signal.SIGTERM)
    await asyncio.sleep(1)
    hotline.signal(signal.SIGTERM)
    await hotline.ended()
    await caller.over()
    records = await hotline.calls()
    assert [r["end"] for r in records] == ["shutdown"], records


@scenario
async def service_manager_is_told(world):
    """READY, RELOADING, READY, STOPPING on the notify socket"""
    manager = Manager(world.folder)
    hotline = await world.hotline(environment=manager.environment)
    await manager.hears("READY")
    began = time.monotonic()
    hotline.signal(signal.SIGHUP)
    reloading = await manager.hears("RELOADING", since=began)
    assert int(reloading["MONOTONIC_USEC"]) > 0, reloading
    await manager.hears("READY", since=reloading["at"])
    hotline.signal(signal.SIGTERM)
    await manager.hears("STOPPING")
    assert await hotline.ended() == 0
    manager.close()


@scenario
async def broken_reload_ends_with_ready(world):
    """a reload that fails tells the service manager READY all the same: the old plan serves"""
    folder = own_plan(world)
    manager = Manager(world.folder)
    hotline = await world.hotline("--dialplans", folder, plan=None, environment=manager.environment)
    await manager.hears("READY")
    with open(os.path.join(folder, "broken.toml"), "w", encoding="utf-8") as f:
        f.write("nonsense\n")
    began = time.monotonic()
    hotline.signal(signal.SIGHUP)
    reloading = await manager.hears("RELOADING", since=began)
    await manager.hears("READY", since=reloading["at"])
    manager.close()


@scenario(weight=2)
async def watchdog_stops_with_any_stalled_loop(world):
    """WATCHDOG=1 comes while all loops turn; stop the exchange or any media thread, and it stays away"""
    manager = Manager(world.folder, watchdog_seconds=1.0)
    hotline = await world.hotline(environment=manager.environment)
    await manager.hears("WATCHDOG")
    watched = [tid for tid, name in threads(hotline.process.pid).items() if name.startswith(("media", "exchange"))]
    assert len(watched) >= 3, threads(hotline.process.pid)
    for tid in watched:
        with Stalled(tid):
            await asyncio.sleep(1.2)  # the period in which it stalled may still have been good
            silent_from = time.monotonic()
            await asyncio.sleep(1.6)
            fed = manager.count("WATCHDOG", silent_from)
            assert fed == 0, f"{threads(hotline.process.pid)[tid]} stood still and the watchdog was fed {fed} times"
        await manager.hears("WATCHDOG", since=time.monotonic())
    manager.close()


@scenario(weight=2)
async def vanished_caller_is_given_up(world):
    """a caller whose phone goes silent and deaf is given up after the RTP time-out; the agent is free again"""
    hotline = await world.hotline(settings={"media.rtp_timeout_s": 3})
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await asyncio.sleep(1)
    caller.call.media.close()
    caller.ua.deaf = True
    await desk.over()
    record = await hotline.call_recorded()
    assert record["end"] == "no-audio", record


@scenario
async def no_ack_ends_the_call(world):
    """a caller that never sends an ACK gets the 200 again and again, then a BYE; the record says so"""
    hotline = await world.hotline(settings={"sip.t1_ms": 20})
    caller = await world.caller()
    call = await caller.dial(hotline.uri("95504"))
    call.no_ack = True
    await caller.in_call()
    await caller.over()
    record = await hotline.call_recorded()
    assert "dialog-lost" in str(record["end"]), record


@scenario
async def caller_cancels_before_the_answer(world):
    """CANCEL right behind the INVITE: 487, or 200 and BYE where the answer was faster; one record, nothing left"""
    hotline = await world.hotline()
    caller = await world.caller()
    call = await caller.dial(hotline.uri("95504"))
    while call._inv_tx is None:
        await asyncio.sleep(0)
    reply = await caller.ua.transact(call.cancel_request(), call._addr)
    assert reply.code in (200, 481), reply.start
    await asyncio.sleep(0.5)
    if call.state == "answered":
        await caller.hang_up()
    else:
        assert call.final.code == 487, call.final.start
    record = await hotline.call_recorded()
    assert record["end"] in ("caller-cancelled", "caller-hung-up"), record
    assert len(await hotline.calls()) == 1
