"""What one party hears and the other does not: an agent who is told who calls, music out of a folder, a recording's tone."""

import asyncio
import os
import time
import wave

import numpy as np
import scripted
from prompts import prompt, score
from scenarios import scenario
from scenarios.recording import channels, path_of
from world import AGENT_TONE, CALLER_TONE

# The folder's recordings, in hertz: far from the parties' tones.
STATION = (530, 710, 1010)
SECONDS = 2
RECORDING_BEEP = 1400


def prompts_with_music(world):
    """A folder of prompts whose music is three tones of two seconds each."""
    root = os.path.join(world.folder, "prompts")
    os.makedirs(f"{root}/common/music")
    for number, hertz in enumerate(STATION):
        with wave.open(f"{root}/common/music/{number}.wav", "wb") as file:
            file.setparams((1, 2, scripted.FS, 0, "NONE", ""))
            turns = 2 * np.pi * hertz * np.arange(SECONDS * scripted.FS) / scripted.FS
            file.writeframes((6000 * np.sin(turns)).astype("<i2").tobytes())
    return root


async def told(world, number, **options):
    """A caller for whom the agent's phone has just answered."""
    hotline = await world.hotline("--prompts", prompts_with_music(world), plan="told", **options)
    desk = await world.desk(hotline, "1001", delay=1.5)
    caller = await world.caller()
    await caller.dial(hotline.uri(number))
    await desk.in_call()
    return hotline, caller, desk


def loudest(sound, hertz, window=800):
    """The best share of a tone in any tenth of a second."""
    places = range(0, max(1, len(sound) - window), window // 4)
    return max((scripted.tone_level(sound[at : at + window], hertz) for at in places), default=0.0)


@scenario
async def an_agent_is_told_who_calls_before_they_are_joined(world):
    """the agent alone hears the service, the caller music meanwhile; then both hear each other, and that is recorded"""
    hotline, caller, desk = await told(world, "95501")
    words = prompt("agent/call-consult")
    await desk.call.media.wait_heard(words)
    await caller.call.media.wait_tone(AGENT_TONE, share=0.9)
    await desk.call.media.wait_tone(CALLER_TONE, share=0.9)
    await asyncio.sleep(2)
    whisper = len(words) / scripted.FS
    by_agent = desk.call.media.heard()
    before = by_agent[: int(0.8 * whisper * scripted.FS)]
    assert scripted.tone_level(before, CALLER_TONE) < 0.1, "the agent heard the caller before they were joined"
    by_caller = await caller.heard()
    assert score(by_caller, "agent/call-consult") < 0.5, "the caller heard what the agent was told"
    assert max(loudest(by_caller, hertz) for hertz in STATION) > 0.9, "no music"
    await caller.hang_up()
    record = await hotline.call_recorded()
    assert record["queue"]["outcome"] == "served", record
    assert record["queue"]["waited_ms"] >= 1000 * (1.5 + 0.8 * whisper), record
    path = path_of(hotline, record["recordings"][0])
    await hotline.until(lambda: asyncio.to_thread(os.path.exists, path), bool)
    left, right = channels(path)
    seconds = len(left) / scripted.FS
    assert abs(seconds - record["queue"]["talked_ms"] / 1000) < 0.5, f"{seconds:.1f} s of {record}"
    for sound, tone in ((left, CALLER_TONE), (right, AGENT_TONE)):
        assert scripted.tone_level(sound[scripted.FS // 2 :], tone) > 0.8, tone


@scenario
async def a_caller_gone_while_the_agent_is_told_was_not_served(world):
    """hung up in the whisper: abandoned, the agent's phone is hung up, and the next caller is taken"""
    hotline, caller, desk = await told(world, "95502")
    await asyncio.sleep(0.6)
    await caller.hang_up()
    assert await desk.over() == "remote bye"
    record = await hotline.call_recorded()
    assert (record["queue"]["outcome"], record["end"]) == ("abandoned", "caller-hung-up"), record
    assert record["recordings"] == [], record
    again = await world.caller("13800000002")
    await again.dial(hotline.uri("95501"))
    await again.call.media.wait_tone(AGENT_TONE, timeout=20)
    await again.hang_up()


@scenario
async def music_out_of_a_folder_is_played_round_and_round(world):
    """one recording after the other, each from its beginning, without a gap"""
    hotline = await world.hotline("--prompts", prompts_with_music(world), plan="told")
    desk = await world.desk(hotline, "1001", auto=None)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.ringing()
    await asyncio.sleep((len(STATION) + 1.5) * SECONDS)
    sound = await caller.heard()
    step, order = scripted.FS // 10, []
    for at in range(0, len(sound) - step, step):
        here = [hertz for hertz in STATION if scripted.tone_level(sound[at : at + step], hertz) > 0.8]
        order.extend(hertz for hertz in here if order[-1:] != [hertz])
    assert len(order) >= len(STATION) + 1, order
    for before, after in zip(order, order[1:]):
        assert STATION.index(after) == (STATION.index(before) + 1) % len(STATION), order
    await caller.hang_up()


@scenario
async def both_hear_that_they_are_recorded(world):
    """a tone at the beginning and every two seconds, to both, and none of it in the recording"""
    settings = {"recording.beep": "true", "recording.beep_every_s": 2}
    hotline = await world.hotline(plan="recorded", settings=settings)
    desk = await world.desk(hotline, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    since = time.monotonic()
    await asyncio.sleep(6.5)
    for phone in (caller, desk):
        sound = phone.call.media.heard(since)
        window = scripted.FS // 10
        levels = [
            scripted.tone_level(sound[at : at + window], RECORDING_BEEP) > 0.1
            for at in range(0, len(sound) - window, window)
        ]
        begins = sum(1 for before, here in zip([False, *levels], levels) if here and not before)
        assert begins in (2, 3, 4), f"{begins} tones: {levels}"
    await caller.hang_up()
    record = await hotline.call_recorded()
    path = path_of(hotline, record["recordings"][0])
    await hotline.until(lambda: asyncio.to_thread(os.path.exists, path), bool)
    for sound in channels(path):
        assert loudest(sound[scripted.FS :], RECORDING_BEEP) < 0.05, "the tone is in the recording"
