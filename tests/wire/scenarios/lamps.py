"""Lamps, messages waiting and presence, seen from the phones that watch."""

import asyncio
import signal
import time

import scripted
from prompts import prompt
from scenarios import scenario

LAMP = "application/dialog-info+xml"
BOX = "application/simple-message-summary"
PIDF = "application/pidf+xml"
MEETING = b"<presence><person><activities><meeting/></activities></person></presence>"
OPEN = b"<presence><tuple><status><basic>open</basic></status></tuple></presence>"


@scenario(weight=2)
async def lamp_of_a_colleague(world):
    """dialog-info: early while a colleague's phone rings, confirmed while they talk, over afterwards; no number in it"""
    hotline = await world.hotline()
    agent = await world.desk(hotline, "1001", auto=None)
    watcher = await world.desk(hotline, "1002", ready=False)
    lamp = await watcher.ua.watch("dialog", "1001", LAMP)
    await lamp.until('version="0" state="full"')
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await agent.ringing()
    rang = time.monotonic()
    early = await lamp.until("<state>early</state>", 20)
    began = time.monotonic()
    await agent.answer()
    confirmed = await lamp.until("<state>confirmed</state>", 20)
    await asyncio.sleep(0.5)
    ended = time.monotonic()
    await agent.hang_up()
    over = await lamp.until("<state>terminated</state>", 20)
    assert not any("13800138000" in told.body for told in lamp.told), lamp.told
    took = [round(1000 * x, 1) for x in (early.at - rang, confirmed.at - began, over.at - ended)]
    print(f"lamp: early, confirmed, over: {took} ms after the agent's phone")


@scenario(weight=4)
async def message_waiting_lamp(world):
    """message-summary: on when a message is saved, on after a restart, off when it is heard"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1003", ready=False)
    box = await desk.ua.watch("message-summary", "1003", BOX)
    await box.until("Messages-Waiting: no.*Voice-Message: 0/0")
    caller = await world.caller()
    caller.say = scripted.silence(1)
    await caller.dial(hotline.uri("95507"))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("common/beep"), timeout=25)
    caller.call.media.play(scripted.signature(7, 3.0), loop=False)
    await asyncio.sleep(3.5)
    hung_up = time.monotonic()
    await caller.hang_up()
    told = await box.until("Messages-Waiting: yes.*Voice-Message: 1/0", 30)
    print(f"message lamp: on {1000 * (told.at - hung_up):.0f} ms after the caller hung up, recording and slip on disk")
    hotline.signal(signal.SIGTERM)
    await box.until("terminated;reason=deactivated", 20)
    await hotline.ended()
    await hotline.start()
    box = await desk.ua.watch("message-summary", "1003", BOX)
    await box.until("Messages-Waiting: yes.*Voice-Message: 1/0")
    [slip] = await hotline.messages()
    assert slip["taken"].endswith("Z"), slip
    await hotline.command("messages", "heard", f"m{slip['slip']}")
    await box.until("Messages-Waiting: no.*Voice-Message: 0/1")


@scenario(weight=1)
async def presence_published_and_watched(world):
    """PUBLISH makes its own person away and back, and watchers are told; somebody else's is refused"""
    hotline = await world.hotline()
    person = await world.desk(hotline, "1001")
    watcher = await world.desk(hotline, "1002", ready=False)
    seen = await watcher.ua.watch("presence", "1001", PIDF)
    await seen.until("<basic>open</basic>")
    published = await person.ua.publish(MEETING)
    assert published.code == 200 and published.get("sip-etag"), published.build()
    await seen.until("<basic>closed</basic>.*meeting")
    since = len(seen.told)
    assert (await person.ua.publish(OPEN, etag="nothing")).code == 412
    assert (await person.ua.publish(OPEN, etag=published.get("sip-etag"))).code == 200
    await seen.until("<basic>open</basic>", since=since)


@scenario(weight=4)
async def pjsip_watches(world):
    """PJSIP: a buddy's presence follows the agent; its message lamp is told of a message"""
    hotline = await world.hotline()
    await world.desk(hotline, "1001")
    phone = await world.desk(hotline, "1003", make="pjsip", ready=False, mwi=True)
    phone.tell(f"watch {hotline.uri('1001')}")
    await phone.wait("buddy", open=True)
    await hotline.command("agent", "away", "1001", "meeting")
    await phone.wait("buddy", open=False)
    told = await phone.wait("mwi")
    assert "Messages-Waiting: no" in told["text"], told
