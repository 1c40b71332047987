"""kill -9 while a message is taken and kept: what the caller was told is recorded is there, and what had reached the disk."""

import asyncio
import os
import random
import signal
import subprocess

import scripted
from prompts import prompt
from scenarios import scenario

SPOKEN = scripted.signature(41, 4.0)
RATE = 8000
PEERS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "peers")

RECORDING, STORE = "recordings/", "hotline.sqlite-wal"


async def preload(world):
    """The library that kills at a named point, built once for this scenario."""
    library = os.path.join(world.folder, "kill_at.so")
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", library, os.path.join(PEERS, "kill_at.c"), "-ldl"]
    await asyncio.to_thread(subprocess.run, command, check=True)
    return library


class Visit:
    """A caller who leaves a message, on a hotline of their own that does not live to the end of it."""

    def __init__(self, world, number, **environment):
        self.world, self.number = world, number
        self.hotline = world.daemon(environment=environment)
        self.began = None

    async def speaks(self):
        await self.hotline.start()
        self.caller = await self.world.caller(f"1380013{self.number:04}")
        self.caller.say = scripted.silence(1)
        await self.caller.dial(self.hotline.uri("95503"))
        await self.caller.in_call()
        self.media = self.caller.call.media
        await self.media.wait_heard(prompt("common/beep"), timeout=30)
        self.media.play(SPOKEN, loop=False)

    async def confirms(self):
        await asyncio.sleep(len(SPOKEN) / RATE + 0.5)
        await self.caller.press("#")
        await self.media.wait_heard(prompt("message/to-accept"), timeout=30)
        await self.caller.press("1")

    def was_told(self):
        return scripted.xcorr_peak(self.caller.listen(), prompt("message/saved"))[0] > 0.8

    async def what_is_left(self):
        """The slips after a start without what killed it."""
        await self.hotline.ended(30)
        self.hotline.environment.pop("LD_PRELOAD", None)
        await self.hotline.start()
        return await self.hotline.messages()

    async def expect_kept(self, slips, seconds):
        """One message, and of its sound at least so much."""
        assert len(slips) == 1 and slips[0]["state"] == "new", slips
        _, path, _ = await self.hotline.attempt("messages", "path", str(slips[0]["slip"]))
        corr, _ = scripted.xcorr_peak(scripted.read_wav(path.strip()), SPOKEN[: int(seconds * RATE)])
        assert corr > 0.8, f"the first {seconds} s of what was said are in {path.strip()} by {corr:.2f}"


async def killed_at(world, library, number, point, late):
    """Dies at this point; `late`: counted from when the caller accepts the message."""
    armed = f"{world.folder}/armed-{number}"
    visit = Visit(world, number, LD_PRELOAD=library, KILL_AT=point, KILL_ARMED=armed)

    def arm():
        open(armed, "w", encoding="utf-8").close()

    await visit.speaks()
    if late:
        await asyncio.sleep(len(SPOKEN) / RATE + 0.5)
        await visit.caller.press("#")
        await visit.media.wait_heard(prompt("message/to-accept"), timeout=30)
        arm()
        await visit.caller.press("1")
    else:
        await asyncio.sleep(3)
        arm()
        await asyncio.sleep(len(SPOKEN) / RATE - 2.5)
        await visit.caller.press("#")
    slips = await visit.what_is_left()
    try:
        await visit.expect_kept(slips, 2)
        # Nobody is told before it is on disk as a message that the caller has accepted.
        assert slips[0]["confirmed"] or not visit.was_told(), slips
    except AssertionError as error:
        raise AssertionError(f"{point}: {error}") from None


async def at_points(world, points, late):
    library = await preload(world)
    # A few at a time: a machine that is too busy to speak in time proves nothing.
    for some in (points[at : at + 3] for at in range(0, len(points), 3)):
        visits = [killed_at(world, library, points.index(point), point, late) for point in some]
        await asyncio.gather(*visits)


@scenario(weight=9)
async def message_survives_kills_while_recorded(world):
    """kill -9 before and after write, fsync and rename of the recording, and fsync of its folder: it is listed and playable"""
    steps = ["write:before:1", "write:after:1", "fsync:before:1", "fsync:after:1", "rename:before:1", "rename:after:1"]
    # The second fsync under the folder is the folder's own.
    await at_points(world, [f"{step}:{RECORDING}" for step in [*steps, "fsync:before:2", "fsync:after:2"]], late=False)


@scenario(weight=7)
async def message_survives_kills_while_kept(world):
    """kill -9 before and after write and fsync of the slip that the caller accepted: listed, and confirmed if they were told"""
    steps = ["write:before:1", "write:after:1", "write:after:2", "fsync:before:1", "fsync:after:1"]
    await at_points(world, [f"{step}:{STORE}" for step in steps], late=True)


@scenario(weight=9)
async def message_survives_kills_at_random_moments(world):
    """kill -9 at random moments between the tone and the thanks: never told and lost, nothing lost that reached the disk"""
    chance = random.Random(20261122)
    moments = sorted(chance.uniform(2.5, 22) for _ in range(6))

    async def one(number, moment):
        visit = Visit(world, number)
        await visit.speaks()
        talks = asyncio.create_task(visit.confirms())
        await asyncio.sleep(moment)
        visit.hotline.signal(signal.SIGKILL)
        told = visit.was_told()
        talks.cancel()
        slips = await visit.what_is_left()
        try:
            # The header is brought up to date about once a second; what is younger may be lost.
            await visit.expect_kept(slips, min(moment - 1.5, 3.5))
            assert slips[0]["confirmed"] or not told, slips
        except AssertionError as error:
            raise AssertionError(f"killed {moment:.1f} s after the tone: {error}") from None

    for some in (moments[at : at + 3] for at in range(0, len(moments), 3)):
        await asyncio.gather(*(one(moments.index(moment), moment) for moment in some))
