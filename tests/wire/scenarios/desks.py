"""Agents: feature codes on their own phones, the command line, what their displays show."""

import asyncio

from prompts import expect
from scenarios import scenario


async def dial_code(desk, hotline, code):
    """Dials a feature code from the desk's phone and listens to the end."""
    call = await desk.ua.invite(hotline.uri(code), tx=desk.say)
    await call.wait_answer(10)
    await call.wait_ended(20)
    return call.media.heard()


@scenario(weight=2)
async def feature_codes_sign_on_and_off(world):
    """*11 signs on and makes ready, with a spoken confirmation; then the phone rings; *10 signs off"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", ready=False)
    expect(await dial_code(desk, hotline, "*11"), "agent/signed-in")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.hang_up()
    await desk.over()
    expect(await dial_code(desk, hotline, "*10"), "agent/signed-out")
    await caller.dial(hotline.uri("95501"))
    await caller.in_call()
    await asyncio.sleep(4)
    await caller.hang_up()
    assert len(desk.calls) == 1, "a signed-off agent was rung"
    # Two feature codes and two callers.
    record = await hotline.call_recorded(3)
    assert record["queue"]["outcome"] == "nobody-signed-on", record


@scenario
async def agent_command(world):
    """`hotline agent`: ready, away with a reason, signed off; the list says so"""
    hotline = await world.hotline()
    await world.desk(hotline, "1001", ready=False)
    await hotline.command("agent", "ready", "1001")
    assert "ready" in await hotline.command("agent", "list")
    await hotline.command("agent", "away", "1001", "meeting")
    assert "meeting" in await hotline.command("agent", "list")
    code, _, errors = await hotline.attempt("agent", "ready", "7777")
    assert code == 2 and "7777" in errors, (code, errors)


@scenario
async def display_shows_queue_and_caller(world):
    """the agent's phone shows the queue's title and the caller"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", auto=None)
    caller = await world.caller("13912345678", display="Li Lei")
    await caller.dial(hotline.uri("95501"))
    call = await desk.ringing()
    shown = call.invite_msg.get("from")
    assert "13912345678" in shown and ("consult" in shown.lower() or "咨询" in shown), shown
    await caller.hang_up()
