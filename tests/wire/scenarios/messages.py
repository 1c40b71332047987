"""A message is taken: whole, half-way, and through a crash."""

import asyncio
import os
import signal
import time

import scripted
from prompts import expect, prompt
from scenarios import scenario

BOX = "95503"
# What the caller says: speech-like noise that is found again in the recording by correlation.
SPOKEN = scripted.signature(7, 3.0)


async def invited(world, hotline):
    """A caller who has heard the tone and speaks."""
    caller = await world.caller()
    caller.say = scripted.silence(1)
    await caller.dial(hotline.uri(BOX))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("common/beep"), timeout=25)
    caller.call.media.play(SPOKEN, loop=False)
    return caller


def expect_spoken(wav):
    """The recording is what the caller said."""
    corr, _ = scripted.xcorr_peak(scripted.read_wav(wav), SPOKEN)
    assert corr > 0.9, f"{wav}: the recording correlates {corr:.2f} with what was said"


@scenario(weight=3)
async def message_left_whole(world):
    """recorded, played back, confirmed with 1, saved on disk; listed; the WAV is what the caller said"""
    hotline = await world.hotline()
    caller = await invited(world, hotline)
    await asyncio.sleep(3.5)
    await caller.press("#")
    began = time.monotonic()
    await caller.call.media.wait_heard(prompt("message/to-accept"), timeout=25, since=began)
    played_back = caller.listen(began)
    assert scripted.xcorr_peak(played_back, SPOKEN)[0] > 0.9, "the message was not played back"
    await caller.press("1")
    await caller.call.media.wait_heard(prompt("message/saved"), timeout=30, since=began)
    # The caller has been told: by now it is on disk.
    slips = await hotline.messages()
    assert len(slips) == 1 and slips[0]["confirmed"] and slips[0]["state"] == "new", slips
    expect_spoken(recording(hotline, slips[0]))
    await caller.hang_up()
    record = await hotline.call_recorded()
    assert "message" in [s["kind"] for s in record["stages"]], record


@scenario(weight=4)
async def message_slip_with_every_question(world):
    """who, the own number called right with 1, what about, urgent, added to with 3; all of it read back and kept"""
    hotline = await world.hotline()
    caller = await world.caller()
    caller.say = scripted.silence(1)
    await caller.dial(hotline.uri("95508"))
    await caller.in_call()
    media = caller.call.media

    async def speak(spoken):
        await media.wait_heard(prompt("common/beep"), timeout=30, since=time.monotonic() - 0.3)
        media.play(spoken, loop=False)
        await asyncio.sleep(len(spoken) / 8000 + 0.5)
        await caller.press("#")

    async def when(said, key, timeout=40):
        await media.wait_heard(prompt(said), timeout=timeout, since=time.monotonic() - 0.3)
        await caller.press(key)

    name, further = scripted.signature(11, 2.0), scripted.signature(12, 2.5)
    await speak(name)
    await when("message/number-right", "1")
    await speak(SPOKEN)
    await when("message/is-urgent", "1")
    await when("message/to-add", "3")
    await speak(further)
    began = time.monotonic()
    await when("message/to-accept", "1", 60)
    played_back = caller.listen(began)
    for spoken in (name, SPOKEN, further):
        assert scripted.xcorr_peak(played_back, spoken)[0] > 0.9, "not played back"
    await media.wait_heard(prompt("message/saved"), timeout=30, since=began)
    (slip,) = await hotline.messages()
    assert slip["confirmed"] and slip["urgent"] and slip["who"] and len(slip["recordings"]) == 2, slip
    assert slip["number"], slip
    _, text, _ = await hotline.attempt("messages", "path", str(slip["slip"]))
    for path, spoken in zip(text.split(), (name, SPOKEN, further)):
        corr, _ = scripted.xcorr_peak(scripted.read_wav(path), spoken)
        assert corr > 0.9, f"{path}: {corr:.2f}"
        assert os.stat(path).st_mode & 0o077 == 0, f"{path} is readable by others"


@scenario(weight=2)
async def message_hung_up_half_way(world):
    """the caller hangs up while recording: what was said is kept, listed as not confirmed"""
    hotline = await world.hotline()
    caller = await invited(world, hotline)
    await asyncio.sleep(3.5)
    await caller.hang_up()
    slips = await hotline.until(hotline.messages, lambda slips: slips and slips[0]["state"] == "new")
    assert not slips[0]["confirmed"], slips
    expect_spoken(recording(hotline, slips[0]))


@scenario(weight=2)
async def message_survives_a_killed_daemon(world):
    """kill -9 while recording: after a restart the message is listed and its WAV is playable"""
    hotline = await world.hotline()
    await invited(world, hotline)
    # The header is brought up to date about once a second; what is younger may be lost.
    await asyncio.sleep(5.5)
    hotline.signal(signal.SIGKILL)
    await hotline.ended()
    await hotline.start()
    slips = await hotline.until(hotline.messages, lambda slips: slips and slips[0]["state"] == "new")
    expect_spoken(recording(hotline, slips[0]))


@scenario(weight=2)
async def nothing_said_is_no_message(world):
    """silence is no message: the caller is asked again, then hears goodbye; nothing is listed"""
    hotline = await world.hotline()
    caller = await world.caller()
    caller.say = scripted.silence(1)
    await caller.dial(hotline.uri(BOX))
    assert await caller.over(60) == "remote bye"
    expect(await caller.heard(), "message/too-short")
    assert await hotline.messages() == []


def recording(hotline, slip):
    """The file of a slip's recording."""
    name = f"{slip['recordings'][0]}"
    folder = os.path.join(hotline.state, "recordings")
    for at, _, files in os.walk(folder):
        for file in files:
            if name in file and file.endswith(".wav"):
                return os.path.join(at, file)
    raise AssertionError(f"no recording {name} in {folder}")
