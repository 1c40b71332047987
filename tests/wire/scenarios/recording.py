"""The recording of a talk: both channels, pauses, a crash, a disk that takes no more."""

import asyncio
import os
import signal
import wave

import numpy as np
import scripted
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE

TALK = "95501"


async def talking(world, **settings):
    hotline = await world.hotline(plan="recorded", settings=settings)
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri(TALK))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    return hotline, caller, desk


def path_of(hotline, recording, end=".wav"):
    return os.path.join(hotline.state, "recordings", "000000", f"r{recording}{end}")


def channels(path):
    """Left and right, as a player reads them: no more than the header says."""
    with wave.open(path) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, scripted.FS, 2)
        frames = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.int16)
    return frames[0::2], frames[1::2]


def stretches(sound, tone):
    """How many seconds the tone is there and how many it is not, one after the other."""
    here = [
        scripted.tone_level(sound[at : at + 800], tone) > 0.8 for at in range(0, len(sound) - 800, 800)
    ]
    found = []
    for one in here:
        if found and found[-1][0] == one:
            found[-1][1] += 0.1
        else:
            found.append([one, 0.1])
    return [(one, round(seconds, 1)) for one, seconds in found if seconds > 0.25]


@scenario(weight=2)
async def recording_is_paused_and_resumed(world):
    """by order and by the agent's key: blank at its place on both channels, and the record says when"""
    hotline, caller, desk = await talking(world, **{"call.pause_recording_key": "*7"})
    call = (await hotline.command("calls", "--running")).splitlines()[1].split()[0]
    await asyncio.sleep(2)
    await hotline.command("recording", "pause", call)
    await asyncio.sleep(2)
    await hotline.command("recording", "resume", call)
    await asyncio.sleep(2)
    await desk.press("*7")
    await asyncio.sleep(2)
    await desk.press("*7")
    await asyncio.sleep(1.5)
    code, _, errors = await hotline.attempt("recording", "pause", "c99")
    assert code != 0 and "no call c99" in errors, errors
    await caller.hang_up()
    record = await hotline.call_recorded()
    details = [s["detail"] for s in record["stages"] if s["kind"] == "record"]
    assert details == ["paused", "resumed"] * 2, record
    path = path_of(hotline, record["recordings"][0])
    await hotline.until(lambda: asyncio.to_thread(os.path.exists, path), bool)
    for sound, tone in zip(channels(path), (CALLER_TONE, AGENT_TONE)):
        found = stretches(sound, tone)
        assert [one for one, _ in found][-5:] == [True, False, True, False, True], found
        assert all(1.5 < seconds < 4 for _, seconds in found[-4:-1]), found


@scenario(weight=2)
async def recording_survives_a_killed_daemon(world):
    """kill -9 in a talk: at most a second is lost, playable as it lies and whole after the next start"""
    hotline, caller, desk = await talking(world)
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(5)
    talked = asyncio.get_running_loop().time() - began
    hotline.signal(signal.SIGKILL)
    await hotline.ended()
    part = path_of(hotline, 1, ".wav.part")
    left, right = channels(part)
    assert len(left) >= (talked - 1.5) * scripted.FS, f"{len(left) / scripted.FS:.2f} s of {talked:.2f} s"
    await hotline.start()
    left, right = channels(path_of(hotline, 1))
    lost = talked - len(left) / scripted.FS
    assert lost <= 1.0, f"{lost:.2f} s of {talked:.2f} s are lost"
    for sound, tone in ((left, CALLER_TONE), (right, AGENT_TONE)):
        assert scripted.tone_level(sound[-scripted.FS :], tone) > 0.8, tone


@scenario(weight=2)
async def a_full_disk_ends_the_recording_and_not_the_call(world):
    """the disk takes no more: an alarm in log, status and record, and the two talk on"""
    hotline = await world.hotline(plan="recorded")
    desk = await world.desk(hotline, "1001")
    # Whatever is written to this file fails as on a full disk (ENOSPC).
    # The first recording's number is 1 or, by the second of two exchanges, 2.
    for number in (1, 2):
        part = path_of(hotline, number, ".wav.part")
        os.makedirs(os.path.dirname(part), mode=0o700, exist_ok=True)
        os.symlink("/dev/full", part)
    caller = await world.caller()
    await caller.dial(hotline.uri(TALK))
    await desk.in_call()
    await hotline.logged("cannot be written any further")
    await hotline.counted("recordings_failed")
    await caller.call.media.wait_tone(AGENT_TONE, share=0.9)
    await desk.call.media.wait_tone(CALLER_TONE, share=0.9)
    await asyncio.sleep(1)
    lost = [phone.call.media.stats()["lost"] for phone in (caller, desk)]
    assert lost == [0, 0], lost
    await caller.hang_up()
    record = await hotline.call_recorded()
    details = [s["detail"] for s in record["stages"] if s["kind"] == "record"]
    assert details == ["given up: it cannot be written"], record
    assert record["end"] == "caller-hung-up", record
