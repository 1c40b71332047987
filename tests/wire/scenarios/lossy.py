"""Calls over a line that loses. The whole of it, with the shares that are wanted, is `tests/run lossy`."""

import asyncio
import random

from line import PROFILES, Way
from scenarios import scenario
from scenarios.keys import keyed

CALLERS, KEYS = 16, "4477120"


class Line:
    """Lies between a scripted phone and the network: SIP and RTP, both directions."""

    def __init__(self, profile, seed):
        dice = random.Random(seed)
        self.there, self.back = Way(profile, dice), Way(profile, dice)
        self.loop = asyncio.get_running_loop()
        # Time stamps of presses of which a packet has arrived.
        self.presses = set()

    def under(self, phone):
        """The phone's SIP goes over this line."""
        send, take = phone.ua.t.send, phone.ua._rx
        phone.ua.t.send = lambda *message: self.carry(self.there, send, *message)
        phone.ua._rx = lambda *message: self.carry(self.back, take, *message)

    def under_media(self, media):
        media.sock = _Socket(media.sock, self, media.te_pt)

    def carry(self, way, deliver, *what):
        """Delivers it when it arrives: never, once or twice."""
        times = way.arrivals(self.loop.time())
        for due in times:
            self.loop.call_at(due, deliver, *what)
        return bool(times)


class _Socket:
    """A phone's RTP socket at the end of a line."""

    def __init__(self, socket, line, events):
        self.socket, self.line, self.events = socket, line, events

    def __getattr__(self, name):
        return getattr(self.socket, name)

    def sendto(self, packet, to):
        if self.line.carry(self.line.there, self._send, packet, to) and packet[1] & 0x7F == self.events:
            self.line.presses.add(packet[4:8])

    def _send(self, packet, to):
        if self.socket.fileno() >= 0:
            self.socket.sendto(packet, to)


@scenario(weight=2)
async def calls_and_digits_over_a_bad_line(world):
    """5 % loss in bursts, delays, duplicates, overtaking: each call is set up; of each press whatever arrived counts once"""
    hotline = await world.hotline(plan="keys")

    async def one(at):
        number = f"1390000{at:04}"
        line = Line(PROFILES["bad"], at)
        caller = await world.phone("scripted", number, 440)
        line.under(caller)
        await caller.dial(hotline.uri("95500"))
        line.under_media(caller.call.media)
        await caller.in_call(timeout=34)
        for key in KEYS:
            await caller.call.media.dtmf4733(key, 100, 100, apart=at % 2 == 1)
        await asyncio.sleep(1)
        assert caller.call.state == "answered", f"{number}: {caller.call.state}"
        await caller.call.bye(timeout=32)
        return number, len(line.presses)

    arrived = dict(await asyncio.gather(*(one(at) for at in range(CALLERS))))
    understood = await hotline.until(lambda: keyed(hotline, CALLERS), lambda found: len(found) == CALLERS, 30)
    counted = {number: len(keys) for number, keys in understood.items()}
    assert counted == arrived, f"presses that arrived: {arrived}; counted: {counted}"
    assert all(set(keys) <= set(KEYS) for keys in understood.values()), understood
