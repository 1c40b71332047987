"""Urgent slips: who is in a meeting has a text, and may be one ring; the answer by text, key and feature code."""

import asyncio
import datetime
import time

import scripted
from hook_receiver import HookReceiver
from prompts import HEARD, expect, expect_music, expect_no_silence, expect_tone, prompt, score
from scenarios import scenario
from scenarios.texts import written
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE

SPOKEN = scripted.signature(33, 3.0)
SECRET = "a secret of sixteen and more"
CALLER = "13800138000"


async def asks(world, hotline, number="95500"):
    """A caller who chooses "urgent" and has said what it is about; what they heard is listened to from there."""
    caller = await world.caller(CALLER)
    caller.say = scripted.silence(1)
    await caller.dial(hotline.uri(number))
    await caller.in_call()
    began = time.monotonic()
    await caller.call.media.wait_heard(prompt("topic/urgent"), timeout=40)
    await caller.press("1")
    await caller.call.media.wait_heard(prompt("urgent/say-who-and-what"), timeout=25, since=began)
    await caller.call.media.wait_heard(prompt("common/beep"), timeout=25, since=began)
    caller.call.media.play(SPOKEN, loop=False)
    await asyncio.sleep(3.5)
    spoken = time.monotonic()
    await caller.press("#")
    caller.say = scripted.tone(CALLER_TONE)
    caller.call.media.play(caller.say, loop=True)
    return caller, spoken


async def told(caller, since, *names):
    """The caller hears these, each in its time, and is never left in silence from `since` on."""
    for name in names:
        await caller.call.media.wait_heard(prompt(name), timeout=40, since=since)
    sound = caller.listen(since)
    expect(sound, *names)
    expect_no_silence(sound)
    return sound


async def slip(hotline, state, timeout=30):
    """The one slip, as soon as it is in this state."""
    (found,) = await hotline.until(hotline.messages, lambda slips: [s["state"] for s in slips] == [state], timeout)
    assert found["urgent"] and found["mailbox"] in ("4001", "4002"), found
    return found


async def text_to(phone, number, timeout=40):
    """The text to a phone under PJSIP with this number, counted from the first."""
    end = time.monotonic() + timeout
    while True:
        texts = [event["body"] for event in phone.events if event["ev"] == "text"]
        if len(texts) > number:
            return texts[number]
        assert time.monotonic() < end, f"only {texts}"
        await asyncio.sleep(0.05)


@scenario(weight=5)
async def urgent_answered_by_a_text_from_pjsip(world):
    """a silent text and the web hook; what is no answer, a second answer, others' answers do nothing; "2 HHMM" is said to
    the caller in words and leaves a promise"""
    daemon = world.daemon(plan="urgent")
    receiver = await HookReceiver(daemon.host, SECRET).start()
    hotline = await daemon.set(webhook__url=receiver.url, webhook__secret=SECRET).start()
    manager = await world.desk(hotline, "4001", "pjsip", ready=False)
    colleague = await world.desk(hotline, "1001", ready=False)
    await hotline.command("agent", "away", "4001", "meeting")
    caller, since = await asks(world, hotline)
    text = await text_to(manager, 0)
    assert "急件" in text and "1 马上接听" in text, text
    assert CALLER not in text and "13*******00" in text, text
    event = await receiver.event()
    assert event["event"] == "message.new" and event["message"]["urgent"], event
    listed = await hotline.command("urgent")
    assert "4001" in listed and CALLER not in listed, listed
    # Nobody reads it faster than this is said, and the answer would cut it short.
    await told(caller, since, "message/urgent-sent")
    await asyncio.sleep(2)
    house = hotline.uri("hotline")
    # A stranger, a caller, a colleague whom nobody asks, a type that is no text, words that are no answer.
    assert await written(caller, house, "1") == 403
    assert await written(colleague, house, "1") == 200
    assert await written(colleague, house, "<b>1</b>", "text/html") == 415
    await asyncio.sleep(0.5)
    assert colleague.texts() == ["现在没有来电在等您的答复。"], colleague.texts()
    assert await manager.text(house, "maybe") == 200
    assert "1 马上接听" in await text_to(manager, 1)
    back = datetime.datetime.now() + datetime.timedelta(hours=2)
    manager.tell(f"text {house} 2 {back:%H%M}")
    assert f"{back:%H:%M}" in await text_to(manager, 2)
    sound = await told(
        caller, since, "message/urgent-sent", "person/manager-wang", "urgent/cannot-come", "urgent/calls-back-after"
    )
    expect_music(sound)
    manager.tell(f"text {house} 1")
    assert "没有来电" in await text_to(manager, 3)
    await caller.over(timeout=30)
    promised = await slip(hotline, "open")
    assert promised["keeping"]["due"], promised
    log = hotline.log()
    assert CALLER not in log and "maybe" not in log
    assert "urgent slips: answered" in await hotline.command("status")


@scenario(weight=4)
async def urgent_in_one_ring(world):
    """one ring: baresip lifts it, hears the caller's words and the answers, presses 1 and talks with the caller"""
    hotline = await world.hotline(plan="urgent")
    manager = await world.desk(hotline, "4002", "baresip", ready=False, auto=False)
    await hotline.command("agent", "away", "4002", "visitor")
    caller, since = await asks(world, hotline, "95501")
    await manager.wait("CALL_INCOMING", 40)
    await manager.tell("accept")
    await manager.in_call()
    # The whole slip: the words before it, the three seconds that were said, the first answers.
    await asyncio.sleep(9)
    await manager.press("1")
    await asyncio.sleep(3)
    sound = caller.listen(since)
    expect(sound, "message/urgent-sent")
    expect_tone(sound, AGENT_TONE, what="the manager")
    await caller.hang_up()
    await manager.over()
    heard = await manager.heard()
    expect(heard, "agent/urgent-call", "topic/urgent-now")
    assert scripted.xcorr_peak(heard, SPOKEN)[0] > 0.8, "the slip was not heard"
    expect_tone(heard, CALLER_TONE, what="the caller")
    await hotline.until(hotline.messages, lambda slips: slips == [])


@scenario(weight=4)
async def urgent_put_through_by_feature_code(world):
    """*171: that call ends, the phone rings, the two talk; the caller hears that it is being answered"""
    hotline = await world.hotline(plan="urgent")
    manager = await world.desk(hotline, "4001", ready=False)
    await hotline.command("agent", "away", "4001", "meeting")
    caller, since = await asks(world, hotline)
    await told(caller, since, "message/urgent-sent")
    assert manager.texts(), "the question came with it"
    await manager.dial(hotline.uri("*171"))
    await manager.in_call()
    await manager.over(timeout=30)
    await manager.ringing(30)
    await manager.in_call()
    await asyncio.sleep(2.5)
    sound = caller.listen(since)
    expect(sound, "message/urgent-sent", "message/urgent-will-answer")
    expect_no_silence(sound)
    expect_tone(sound, AGENT_TONE, what="the manager")
    await caller.hang_up()
    await manager.over()
    expect_tone(await manager.heard(), CALLER_TONE, what="the caller")
    await hotline.until(hotline.messages, lambda slips: slips == [])


@scenario(weight=5)
async def urgent_without_an_answer(world):
    """nobody answers in time: the delegate talks with the caller; who hangs up while waiting has left the slip"""
    hotline = await world.hotline(plan="urgent")
    manager = await world.desk(hotline, "4002", ready=False, auto=None)
    deputy = await world.desk(hotline, "3001", tone=SECOND_AGENT_TONE, ready=False)
    await hotline.command("agent", "away", "4002", "meeting")
    caller, since = await asks(world, hotline, "95501")
    # It rings once, and nobody lifts it.
    await manager.ringing(30)
    await manager.over(timeout=30)
    await deputy.in_call(60)
    await asyncio.sleep(2)
    sound = caller.listen(since)
    expect(sound, "message/urgent-sent", "urgent/still-asking", "urgent/no-answer")
    expect_music(sound)
    expect_no_silence(sound)
    expect_tone(sound, SECOND_AGENT_TONE, what="the delegate")
    await caller.hang_up()
    await deputy.over()
    expect_tone(await deputy.heard(), CALLER_TONE, what="the caller")
    assert any("未收到您的答复" in text for text in manager.texts()), manager.texts()
    kept = await slip(hotline, "new")
    again, _ = await asks(world, hotline, "95501")
    await manager.ringing(30)
    await again.hang_up()
    await hotline.until(hotline.messages, lambda slips: len(slips) == 2)
    while not any("来电者已挂断" in text for text in manager.texts()):
        await asyncio.sleep(0.1)
    assert kept["confirmed"] is False and kept["length_ms"] >= 2000, kept


@scenario(weight=4)
async def urgent_to_a_phone_without_texts(world):
    """the manager's phone knows no MESSAGE: the caller is told at once that nobody answers, and leaves a message"""
    hotline = await world.hotline(plan="urgent")
    manager = await world.desk(hotline, "4001", ready=False, auto=None)
    manager.ua.takes_texts = False
    await hotline.command("agent", "away", "4001", "meeting")
    caller, since = await asks(world, hotline)
    await caller.call.media.wait_heard(prompt("urgent/no-answer"), timeout=40, since=since)
    # Whoever is waited for is asked after nine seconds, and again: nobody was.
    assert score(caller.listen(since), "urgent/still-asking") < HEARD, "the caller was kept waiting for nothing"
    await caller.call.media.wait_heard(prompt("common/beep"), timeout=40, since=since)
    await caller.hang_up()
    assert "urgent slips: no phone takes the text" in await hotline.command("status")
    await hotline.until(hotline.messages, lambda slips: any(slip["urgent"] for slip in slips))
