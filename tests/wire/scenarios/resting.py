"""Agents who do not take a caller, as their phones see it, and as who follows the floor is told."""

import asyncio
import contextlib
import json
import time

from scenarios import scenario
from world import AGENT_TONE


class Follower:
    """`hotline events` as a supervisor runs it, until it is stopped."""

    def __init__(self, hotline):
        self.hotline, self.events = hotline, []

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            self.hotline.binary,
            "events",
            "--json",
            "--state",
            self.hotline.state,
            env=self.hotline.shell,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.reader = asyncio.ensure_future(self._read())
        return self

    async def _read(self):
        async for line in self.process.stdout:
            self.events.append(json.loads(line)["event"])

    def of(self, kind):
        return [event[kind] for event in self.events if kind in event]

    async def until(self, kind, wanted, timeout=30.0):
        """Waits for an event of this kind."""
        end = time.monotonic() + timeout
        while True:
            for event in self.of(kind):
                if wanted(event):
                    return event
            if time.monotonic() > end:
                raise AssertionError(f"no such {kind}: {self.events}")
            await asyncio.sleep(0.05)

    async def ended(self, timeout=30.0):
        """Its exit code, and what it complained of."""
        code = await asyncio.wait_for(self.process.wait(), timeout)
        await self.reader
        return code, (await self.process.stderr.read()).decode()

    async def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()


async def follow(world, hotline):
    follower = await Follower(hotline).start()
    world.phones.append(follower)
    # Followed from the next event on: an agent who signs off and on is one.
    for _ in range(50):
        await hotline.command("agent", "ready", "1003")
        await hotline.command("agent", "sign-off", "1003")
        if follower.events:
            return follower
        await asyncio.sleep(0.1)
    raise AssertionError("hotline events says nothing")


@scenario(weight=3)
async def who_does_not_take_a_caller_rests(world):
    """603: not rung for 10 s, by the lists and the events, then again; 486: 30 s, which `ready` ends"""
    hotline = await world.hotline()
    follower = await follow(world, hotline)
    desk = await world.desk(hotline, "1001", auto=603)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.ringing()
    refused = time.monotonic()
    told = await follower.until("agent", lambda e: e["agent"] == "1001" and e["state"] == "resting")
    assert told["until"], told
    listed = (await hotline.command("agent", "list")).splitlines()
    assert any(line.split()[:3] == ["1001", "resting", "until"] for line in listed), listed
    status = (await hotline.command("status")).splitlines()
    assert any(line.split()[:4] == ["agent", "1001", "resting", "until"] for line in status), status
    desk.auto = 486
    await desk.ringing(20)
    assert 9.5 < time.monotonic() - refused < 13, time.monotonic() - refused
    assert len(desk.calls) == 2
    await asyncio.sleep(12)
    assert len(desk.calls) == 2, "a busy phone rests for longer"
    desk.auto = 200
    second = await world.caller("13800000002")
    await second.dial(hotline.uri("95501"))
    await second.in_call()
    await hotline.command("agent", "ready", "1001")
    await second.call.media.wait_tone(AGENT_TONE, timeout=20)
    whys = [event["why"] for event in follower.of("not-taken")]
    assert whys == ["refused", "busy"], whys
    await second.hang_up()
    await caller.hang_up()


@scenario(weight=2)
async def events_are_followed(world):
    """`hotline events`: a call from joined to answered; the hotline ends, and so does the stream; started again, followed again"""
    hotline = await world.hotline()
    follower = await follow(world, hotline)
    desk = await world.desk(hotline, "1001")
    for turn in range(2):
        caller = await world.caller(f"1380000000{turn}")
        await caller.dial(hotline.uri("95501"))
        await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
        joined = await follower.until("joined", lambda e: e["queue"] == "consultation")
        assert joined["from"].endswith(f"{turn}") and "138000" not in joined["from"], joined
        answered = await follower.until("answered", lambda e: e["agent"] == "1001")
        assert answered["call"] == joined["call"], (answered, joined)
        kinds = [kind for event in follower.events for kind in event]
        assert kinds.index("joined") < kinds.index("offered") < kinds.index("answered"), kinds
        assert follower.of("service-level")[-1]["percent"] == 100, follower.of("service-level")
        await caller.hang_up()
        if turn == 0:
            hotline.signal(15)
            await hotline.ended()
            code, complaint = await follower.ended()
            assert (code, complaint) == (0, ""), (code, complaint)
            await hotline.start()
            await desk.registered()
            follower = await follow(world, hotline)
            await hotline.command("agent", "ready", "1001")
    # Who has seen enough: no failure, and the daemon goes on.
    follower.process.terminate()
    await follower.ended()
    assert await hotline.command("status")
