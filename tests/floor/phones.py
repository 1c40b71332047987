"""The people on the floor: callers and agents, with phones of three makes, and what they do out of order."""

import asyncio
import glob
import os
import re
import socket
import time

import numpy as np

import scripted
from baresip import BaresipPhone
from pjsip import PjsipPhone
from scripted.rtp import Rtp

EAR_SECONDS = 0.5
# So long whoever refused a call is left alone, by what the phone said.
RESTS = {603: 10, 486: 30}


def number_of(party):
    """The user of a URI or a From."""
    found = re.search(r"sips?:([^@;>]+)@", party or "")
    return found.group(1) if found else ""


class Ears:
    """Listens to everybody's RTP piece by piece and forgets it: nobody's hour lies in memory."""

    def __init__(self, tones, ledger):
        self.tones, self.ledger = tones, ledger
        self.open = []

    def listen(self, who, call):
        self.open.append([who, call, time.monotonic()])

    async def run(self):
        while True:
            await asyncio.sleep(0.1)
            now = time.monotonic()
            for ear in list(self.open):
                who, call, since = ear
                media = call.media
                if now - since < EAR_SECONDS and not media.closed:
                    continue
                packets, media.rx[:] = list(media.rx), []
                if packets:
                    media.rx.extend(packets)
                    sound = media.heard()
                    media.rx.clear()
                    self.ledger.piece(who, (packets[0][0] - 0.02, packets[-1][0], self.tones.heard(sound)))
                ear[2] = now
                if media.closed:
                    self.open.remove(ear)


class Agent:
    """Ten of a hundred of whose calls do not go by the book."""

    # How often, of a hundred calls.
    REFUSES, BUSY, SILENT, AWAY, DIES_RINGING, DIES_TALKING = 4, 2, 4, 3, 1.5, 2.5

    def __init__(self, floor, extension, tone):
        self.floor, self.extension = floor, extension
        self.say = scripted.tone(tone)
        self.random = floor.random
        self.port = 0
        self.alive = False

    async def start(self):
        daemon = self.floor.daemon
        self.ua = scripted.UA(
            self.extension, daemon.password(self.extension), daemon.address, port=self.port, codecs=("PCMA", "PCMU")
        )
        self.ua.on_invite = self._rung
        await self.ua.start()
        self.port = self.ua.port
        await self.ua.register()
        self.alive = True
        await self.ready()

    async def ready(self):
        self.floor.ledger.absent.pop(self.extension, None)
        self.floor.ledger.readied[self.extension] = time.monotonic()
        await self.floor.control.change(self.extension, "ready")

    async def leave(self, how):
        """`away` or `sign-off`: from now on the phone is silent."""
        await self.floor.control.change(self.extension, how)
        self.floor.ledger.absent[self.extension] = time.monotonic()

    async def shifts(self):
        """Signs off and on again."""
        while True:
            await asyncio.sleep(self.random.uniform(60, 180))
            if self.alive:
                self.floor.ledger.counts["signed off and on"] += 1
                await self.leave("sign-off")
                await asyncio.sleep(self.random.uniform(2, 10))
                if self.alive:
                    await self.ready()

    async def _rung(self, call):
        ledger, draw = self.floor.ledger, self.random.uniform(0, 100)
        ring = ledger.rung(self.extension, number_of(call.invite_msg.get("from")), call=call)
        await call.ring()
        for chance, act in (
            (self.REFUSES, lambda: self._refuse(call, ring, 603)),
            (self.BUSY, lambda: self._refuse(call, ring, 486)),
            (self.SILENT, lambda: self._until_over(call, ring, "not answered", 12)),
            (self.AWAY, lambda: self._goes_away(call, ring)),
            (self.DIES_RINGING, lambda: self._die(ring, "phone died ringing")),
            (100, lambda: self._answer(call, ring)),
        ):
            if draw < chance:
                return await act()
            draw -= chance

    async def _refuse(self, call, ring, status):
        await asyncio.sleep(self.random.uniform(0.1, 1.5))
        if call.state != "ended":
            self.floor.ledger.over(ring, "refused")
            ring.rests = RESTS[status]
            return await call.reject(status)
        self.floor.ledger.over(ring, "cancelled")

    async def _until_over(self, call, ring, how, seconds):
        await call.wait_ended(seconds)
        self.floor.ledger.over(ring, how, call.t["ended"])
        # Two in a row, and the phone counts as deserted until somebody says otherwise.
        await asyncio.sleep(self.random.uniform(1, 4))
        if self.alive and self.extension not in self.floor.ledger.absent:
            await self.ready()

    async def _goes_away(self, call, ring):
        await asyncio.sleep(self.random.uniform(0.05, 1.0))
        await self.leave("away")
        if call.state == "answered":
            return
        try:
            await call.wait_ended(2)
        except AssertionError:
            self.floor.ledger.fault(time.monotonic(), f"{ring} rings on after the agent went away")
        self.floor.ledger.over(ring, "went away ringing")
        await asyncio.sleep(self.random.uniform(1, 6))
        await self.ready()

    async def _answer(self, call, ring):
        ledger = self.floor.ledger
        await asyncio.sleep(self.random.choice((0.0, self.random.uniform(0.1, 2.0))))
        if call.state == "ended":
            return ledger.over(ring, "cancelled", call.t["ended"])
        await call.answer(tx=self.say)
        if call.state == "ended":
            return ledger.over(ring, "cancelled", call.t["ended"])
        ledger.answered(ring, call.t["answered"])
        self.floor.ears.listen(self.extension, call)
        draw = self.random.uniform(0, 100)
        if draw < self.DIES_TALKING:
            await asyncio.sleep(self.random.uniform(1, 6))
            if call.state != "ended":
                visit = ledger.visit(ring.number)
                if visit:
                    visit.cut_off = True
                return await self._die(ring, "phone died talking")
        elif draw < 35:
            try:
                await call.wait_ended(self.random.uniform(3, 9))
            except AssertionError:
                # From here on the next caller may come before the answer to our BYE has.
                ledger.over(ring, "agent hung up")
                await call.bye()
        if call.state != "ended":
            await call.ended.wait()
        ledger.over(ring, "caller hung up", call.t["ended"])

    async def _die(self, ring, how):
        """The phone loses its power: no BYE, no answer. Mostly something still listens where it was and tells us what
        it is sent, sometimes nobody is there at all."""
        ledger = self.floor.ledger
        self.alive = False
        ledger.over(ring, how)
        ledger.absent.pop(self.extension, None)
        began = time.monotonic()
        self.ua.deaf = True
        if self.ua._reg_task:
            self.ua._reg_task.cancel()
        for call in list(self.ua.calls.values()):
            call._end("dead")
        for task in list(self.ua.bg):
            if task is not asyncio.current_task():
                task.cancel()
        self.ua.t.close()
        await asyncio.sleep(0)
        grave = None
        if self.random.random() < 0.75:
            grave = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            grave.setblocking(False)
            grave.bind(("127.0.0.1", self.port))
        ledger.dead[self.extension].append((began, began + 1e9))
        await asyncio.sleep(self.random.uniform(3, 25))
        if grave:
            grave.close()
        ledger.dead[self.extension][-1] = (began, time.monotonic())
        await self.start()


class Caller:
    """Calls, waits, talks, calls again; now and then gives up, and calls again at once."""

    def __init__(self, floor, number, tone):
        self.floor, self.number = floor, number
        self.say = scripted.tone(tone)
        self.random = floor.random

    async def start(self):
        self.ua = scripted.UA(self.number, codecs=("PCMA", "PCMU"))
        await self.ua.start()

    async def live(self):
        await asyncio.sleep(self.random.uniform(0, 20))
        while not self.floor.closing:
            queue, service = self.random.choices(
                (("consultation", 95501), ("complaint", 95502), ("vip", 95503)), (70, 18, 12)
            )[0]
            gives_up = self.random.random() < 0.12
            await self.visit(queue, service, self.random.uniform(1, 8) if gives_up else self.random.uniform(40, 90))
            if gives_up:
                await asyncio.sleep(self.random.uniform(0.3, 3))
                await self.visit(queue, service, 90)
            await asyncio.sleep(self.floor.pause())

    async def visit(self, queue, service, patience):
        ledger = self.floor.ledger
        served = asyncio.get_running_loop().create_future()
        ledger.waiters[self.number].append(served)
        call = await self.ua.invite(self.floor.daemon.uri(service), tx=self.say)
        try:
            await call.wait_answer(10)
        except (AssertionError, scripted.CallFailed) as e:
            ledger.fault(time.monotonic(), f"{self.number} was not answered: {e}")
            return
        ledger.joined(self.number, queue, call.t["answered"])
        self.floor.ears.listen(self.number, call)
        over = asyncio.ensure_future(call.ended.wait())
        await asyncio.wait({over, served}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if served.done() and call.state != "ended":
            await asyncio.wait({over}, timeout=self.random.uniform(4, 14))
        if call.state != "ended":
            ledger.left(self.number)
            await call.bye()
        else:
            ledger.left(self.number, call.t["ended"])
        over.cancel()
        self.ua.calls.pop(call.cid, None)


class RealAgent:
    """A phone that somebody else wrote; answers by itself. What its recordings hold is judged when it is over."""

    def __init__(self, floor, extension, tone, make):
        self.floor, self.extension, self.make = floor, extension, make
        options = {"auto": True} if make is BaresipPhone else {"auto": 200, "delay": 0.4, "seconds": 7200}
        daemon = floor.daemon
        self.phone = make(
            extension, scripted.tone(tone), registrar=daemon.address, password=daemon.password(extension), **options
        )
        self.seen, self.rings, self.talks = 0, {}, []

    async def start(self):
        await self.phone.start()
        await self.phone.registered()
        await self.floor.control.change(self.extension, "ready")

    async def watch(self):
        while True:
            await asyncio.sleep(0.05)
            await self.look()

    async def look(self):
        ledger = self.floor.ledger
        for what, key, party, at in new_events(self):
            if what == "rung":
                self.rings[key] = ledger.rung(self.extension, number_of(party), at)
            elif what == "answered":
                # Who answers at once does not always tell that it rang.
                if key not in self.rings:
                    self.rings[key] = ledger.rung(self.extension, number_of(party), at)
                ledger.answered(self.rings[key], at)
                self.talks.append((key, at))
                if self.floor.random.random() < 0.3:
                    self.floor.spawn(self._hang_up(self.rings[key]))
            elif what == "over" and key in self.rings:
                ring = self.rings.pop(key)
                ledger.over(ring, "caller hung up" if ring.answered else "cancelled", at)

    async def _hang_up(self, ring):
        await asyncio.sleep(self.floor.random.uniform(3, 9))
        if not ring.over:
            self.floor.ledger.over(ring, "agent hung up")
            await self.phone.hang_up()

    async def stop(self):
        await self.look()
        await self.phone.stop()
        recordings(self, self.extension)


class RealCaller:
    def __init__(self, floor, number, tone, make):
        self.floor, self.number, self.make = floor, number, make
        options = {"seconds": 7200} if make is PjsipPhone else {}
        self.phone = make(number, scripted.tone(tone), **options)
        self.random = floor.random
        self.seen, self.talks = 0, []
        self.answered, self.over = asyncio.Event(), asyncio.Event()

    async def start(self):
        await self.phone.start()

    async def watch(self):
        while True:
            await asyncio.sleep(0.05)
            for what, key, _, at in new_events(self):
                if what == "answered":
                    self.floor.ledger.joined(self.number, "consultation", at)
                    self.talks.append((key, at))
                    self.answered.set()
                elif what == "over":
                    self.floor.ledger.left(self.number, at)
                    self.over.set()

    async def live(self):
        await asyncio.sleep(self.random.uniform(0, 20))
        while not self.floor.closing:
            served = asyncio.get_running_loop().create_future()
            self.floor.ledger.waiters[self.number].append(served)
            self.answered.clear()
            self.over.clear()
            await self.phone.dial(self.floor.daemon.uri(95501))
            over = asyncio.ensure_future(self.over.wait())
            await asyncio.wait({over, served}, timeout=70, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({over}, timeout=self.random.uniform(4, 12))
            if not self.over.is_set():
                await self.phone.hang_up()
                await asyncio.wait({over}, timeout=5)
            over.cancel()
            await asyncio.sleep(self.floor.pause())

    async def stop(self):
        await self.phone.stop()
        recordings(self, self.number)


def new_events(person):
    """`(what, which call, the other party, when)`, in the words of no phone in particular."""
    events, person.seen = person.phone.events[person.seen :], len(person.phone.events)
    for event in events:
        if person.make is PjsipPhone:
            what = {"incoming": "rung"}.get(event["ev"]) or (
                {"CONFIRMED": "answered", "DISCONNCTD": "over", "DISCONNECTED": "over"}.get(event.get("state"))
                if event["ev"] == "state"
                else None
            )
            key = event.get("call")
            party = event.get("remote")
        else:
            what = {"CALL_INCOMING": "rung", "CALL_ESTABLISHED": "answered", "CALL_CLOSED": "over"}.get(event.get("type"))
            key, party = event.get("id"), event.get("peeruri")
        if what:
            yield what, key, party, event["at"]


def recordings(person, who):
    """Puts what a phone recorded on everybody's time line."""
    ledger, tones = person.floor.ledger, person.floor.tones
    if person.make is PjsipPhone:
        files = [(f"{person.phone.folder}/heard-{key}.wav", at) for key, at in person.talks]
    else:
        # Named by the second in which they began; each belongs to the talk that began then.
        files = []
        for path in sorted(glob.glob(f"{person.phone.folder}/dump-*-dec.wav")):
            to_ours = time.monotonic() - time.time()
            ended = os.path.getmtime(path) + to_ours
            named = time.mktime(time.strptime(os.path.basename(path)[5:24], "%Y-%m-%d-%H-%M-%S")) + to_ours
            length = len(scripted.read_wav(path)) / scripted.FS
            near = min(person.talks, key=lambda talk: abs(talk[1] - named - 0.5), default=None)
            if near and abs(near[1] - named - 0.5) < 3:
                files.append((path, near[1]))
                # On a busy machine it leaves out what it could not get in time.
                if ended - named - 1 - length > 0.5:
                    ledger.unheard.add((who, near[1]))
    for path, at in files:
        if not os.path.exists(path):
            ledger.fault(at, f"{who} recorded nothing in a call")
            continue
        for span in tones.timeline(np.asarray(scripted.read_wav(path)), at):
            ledger.piece(who, span)
