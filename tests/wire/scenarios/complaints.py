"""A complaint has a number that is heard, kept and found again; a caller rates a talk."""

import asyncio
import json
import time

import scripted
from prompts import HEARD, expect, prompt, score
from scenarios import scenario
from scenarios.mailboxes import when
from world import AGENT_TONE, CALLER_TONE

CUSTOMER, STRANGER = "13800138000", "13900139000"


async def listed(hotline, *arguments):
    return [json.loads(line) for line in (await hotline.command(*arguments, "--json")).splitlines()]


def expect_number(heard, case):
    """That it is accepted, and every digit of its number."""
    expect(heard, "complaint/accepted", "complaint/number-is", "complaint/number-again", f"digit/{case[-1]}-end")
    expect(heard, *(f"digit/{digit}" for digit in sorted(set(case[:-1]))))


async def asks(phone, hotline, keys):
    """Keys these numbers, one after the other; what the phone hears then."""
    await phone.dial(hotline.uri("95502"))
    await phone.in_call()
    began = time.monotonic()
    for number in keys:
        began = await when(phone, "menu/enter-complaint-number", f"{number}#")
    return began


@scenario(weight=6)
async def complaint_by_message_is_found_by_its_number(world):
    """the number is on disk before it is said, digit by digit; keyed in, it tells the customer state and day, a stranger the
    state; a wrong digit is nobody's case"""
    hotline = await world.hotline(plan="complaints")
    caller = await world.caller(CUSTOMER)
    caller.say = scripted.silence(1)
    await caller.dial(hotline.uri("95501"))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("common/beep"), timeout=25)
    caller.call.media.play(scripted.signature(41, 3.0), loop=False)
    await asyncio.sleep(3.5)
    await caller.press("#")
    began = await when(caller, "message/to-accept", "1")
    await caller.call.media.wait_heard(prompt("complaint/number-is"), timeout=30, since=began)
    # The caller hears it: by now it is on disk.
    cases = await listed(hotline, "complaints")
    assert len(cases) == 1 and cases[0]["category"] == "fees" and cases[0]["state"] == "accepted", cases
    case = cases[0]["case"]
    await caller.call.media.wait_heard(prompt("goodbye/thanks"), timeout=60, since=began)
    expect_number(caller.listen(began), case)
    await caller.over(20)
    # Owner and days are reckoned once it is there.
    known = await hotline.until(lambda: listed(hotline, "complaints"), lambda cases: cases[0]["result_due"] is not None)
    assert known[0]["owner"] == "1001" and known[0]["answer_due"] < known[0]["result_due"], known

    wrong = case[:-2] + str((int(case[-2]) + 1) % 10) + case[-1]
    began = await asks(caller, hotline, [wrong, case])
    await caller.call.media.wait_heard(prompt("complaint/due-after"), timeout=40, since=began)
    expect(caller.listen(began), "complaint/accepted", "complaint/due-before", "complaint/due-after")
    await caller.over(30)
    stranger = await world.caller(STRANGER)
    began = await asks(stranger, hotline, [case])
    await stranger.call.media.wait_heard(prompt("goodbye/thanks"), timeout=40, since=began)
    heard = stranger.listen(began)
    expect(heard, "complaint/accepted")
    assert score(heard, "complaint/due-after") < HEARD, "a stranger hears the day"
    await stranger.over(20)
    # Once solved it is told so.
    await hotline.command("complaint", "state", case, "solved")
    began = await asks(caller, hotline, [case])
    await caller.call.media.wait_heard(prompt("complaint/status-resolved"), timeout=40, since=began)
    await caller.hang_up()


@scenario(weight=6)
async def complaint_in_a_talk_and_a_low_mark(world):
    """*9: both hear the number over their talk, and each other; the agent hangs up: the caller rates with 1 and says that it is
    not solved; the supervisor has a slip, the record has it all"""
    hotline = await world.hotline(plan="complaints")
    # Signed on and away: somebody is there, and nobody is rung yet.
    desk = await world.desk(hotline, "1001")
    await hotline.command("agent", "away", "1001")
    caller = await world.caller(CUSTOMER)
    await caller.dial(hotline.uri("95503"))
    await caller.call.media.wait_heard(prompt("queue/connecting"), timeout=25)
    call = (await listed(hotline, "calls", "--running"))[0]["call"]
    await hotline.command("note", str(call), "wants the branch manager")
    await hotline.command("agent", "ready", "1001")
    await caller.call.media.wait_tone(AGENT_TONE, timeout=25)
    await desk.call.media.wait_tone(CALLER_TONE, timeout=25)
    # Whoever is rung sees what was noted before.
    assert "wants the branch manager" in desk.call.invite_msg.get("subject"), desk.call.invite_msg.build()
    began = time.monotonic()
    # Speech-like silence on both sides: what is laid over the talk is heard alone.
    desk.call.media.play(scripted.silence(60), loop=True)
    caller.call.media.play(scripted.silence(60), loop=True)
    await desk.press("*9")
    for phone in (caller, desk):
        await phone.call.media.wait_heard(prompt("complaint/number-again"), timeout=30, since=began)
    case = (await listed(hotline, "complaints"))[0]
    assert case["owner"] == "1001", case
    await asyncio.sleep(6)
    began = time.monotonic()
    await desk.hang_up()
    began = await when(caller, "survey/scale-five", "1")
    began = await when(caller, "survey/resolved", "2")
    await caller.call.media.wait_heard(prompt("goodbye/thanks"), timeout=30, since=began)
    await caller.over(20)
    slips = await hotline.until(hotline.messages, lambda slips: any(slip["mailbox"] == "1003" for slip in slips))
    about = next(slip["about"] for slip in slips if slip["mailbox"] == "1003")
    assert about == {"survey": {"mark": 1, "agent": "1001"}}, about
    record = await hotline.call_recorded()
    assert record["complaint"] == case["case"] and record["survey"]["mark"] == 1, record
    assert record["survey"]["solved"] is False and record["notes"][0]["text"] == "wants the branch manager", record
    table = await hotline.command("surveys")
    assert "1001" in table and "complaint" in table, table
