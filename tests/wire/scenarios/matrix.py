"""The transfer matrix on real phones, cell by cell: PJSIP speaks with the target first, baresip hands on without a word, to a
person or to a line; each fate, the caller held before or not, the talk recorded or not. The cells of `EVERY_RUN` run with
the suite, all others by `tests/run wire cell_`. In each the caller hears a voice or music all the time, and in the end whom
they should; the record says whom the queue had given them to, and has as many recordings as there were talks."""

import asyncio
import time

from prompts import expect_no_silence
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE

WAYS = ("attended", "blind", "queue")
FATES = {
    "answers": "the colleague answers and has the caller",
    "busy": "the colleague is busy (486)",
    "refuses": "the colleague declines (603)",
    "no_answer": "nobody comes to the colleague's phone",
    "vanishes": "the colleague's phone has lost its power",
    "caller_hangs_up": "the caller gives up meanwhile",
    "agent_hangs_up": "the agent hangs up meanwhile",
    "comes_back": "the agent takes the caller back, or is rung again",
}
# Those that no scenario of its own tells (`handing`, `transfers`).
EVERY_RUN = {
    ("attended", "refuses", False, False),
    ("attended", "no_answer", False, False),
    ("attended", "vanishes", False, True),
    ("attended", "agent_hangs_up", False, False),
    ("blind", "answers", True, True),
    ("blind", "vanishes", False, False),
    ("blind", "agent_hangs_up", False, False),
    ("blind", "comes_back", True, False),
    ("queue", "answers", False, True),
}
PATIENT = 40
# So long a target rings.
RING_S = 4
RING = {"call.transfer_ring_s": RING_S}


class Cell:
    def __init__(self, world, way, fate, held, recorded):
        self.world, self.way, self.fate, self.held, self.recorded = world, way, fate, held, recorded

    async def play(self):
        self.hotline = await self.world.hotline(plan="matrix_recorded" if self.recorded else "matrix", settings=RING)
        make = "pjsip" if self.way == "attended" else "baresip"
        self.agent = await self.world.desk(self.hotline, "1001", make)
        # Who answers a line is one of its agents; the others are called by extension.
        self.extension = "1003" if self.way == "queue" else "1002"
        answers = {"answers": 200, "busy": 486, "refuses": 603, "agent_hangs_up": None, "comes_back": None}
        if self.way == "attended":
            answers.update(agent_hangs_up=200, comes_back=200, caller_hangs_up=200)
        options = dict(tone=SECOND_AGENT_TONE, auto=answers.get(self.fate))
        self.target = await self.world.desk(self.hotline, self.extension, **options)
        self.caller = await self.world.caller()
        await self.caller.dial(self.hotline.uri("95501"))
        await self.caller.call.media.wait_tone(AGENT_TONE, timeout=PATIENT)
        self.since = time.monotonic()
        if self.held:
            await self.agent.hold()
            await asyncio.sleep(1)
        if self.fate == "vanishes":
            # Without a word: its registration stays.
            self.target.ua.deaf = True
        await getattr(self, self.way)()
        await self.check()

    # -- PJSIP: a call of its own to the colleague first

    async def attended(self):
        await self.agent.dial(self.hotline.uri(self.extension))
        await self.agent.wait("state", PATIENT, call=1, state="CONFIRMED")
        if self.fate in ("answers", "caller_hangs_up", "agent_hangs_up", "comes_back"):
            # The hotline has answered PJSIP before the colleague's phone rings.
            await self.target.in_call(PATIENT)
            await self.target.call.media.wait_tone(AGENT_TONE, timeout=PATIENT)
        if self.fate == "answers":
            assert await self.agent.attend() == 200
            await self.has(self.target, SECOND_AGENT_TONE)
        elif self.fate == "caller_hangs_up":
            await self.leaves()
            self.agent.tell("hangup 1")
            await self.target.over(PATIENT)
        elif self.fate == "agent_hangs_up":
            self.agent.tell("hangup 1")
            await self.target.over(PATIENT)
            self.agent.tell("hangup 0")
            # The flow's own goodbye, and then the end.
            await self.caller.over(PATIENT)
        else:
            # The house regrets in the agent's ear; the agent goes back.
            await asyncio.sleep(RING_S + 2)
            self.agent.tell("hangup 1")
            self.agent.tell("unhold 0")
            await self.has(self.agent, AGENT_TONE)

    # -- baresip: REFER

    async def blind(self):
        await self.agent.tell("transfer", self.hotline.uri(self.extension))
        if self.fate == "answers":
            await self.has(self.target, SECOND_AGENT_TONE)
        elif self.fate == "caller_hangs_up":
            await self.target.ringing(PATIENT)
            await self.leaves()
        elif self.fate == "agent_hangs_up":
            await self.target.ringing(PATIENT)
            await self.agent.tell("hangup")
            await self.target.answer()
            await self.has(self.target, SECOND_AGENT_TONE)
        else:
            # Its phone hangs up when the transfer has failed, is rung again and has the caller.
            await self.agent.wait("CALL_ESTABLISHED", PATIENT, number=1)
            await self.has(self.agent, AGENT_TONE)

    async def queue(self):
        await self.agent.tell("transfer", self.hotline.uri("95505"))
        if self.fate == "answers":
            await self.has(self.target, SECOND_AGENT_TONE)
        elif self.fate == "caller_hangs_up":
            await self.target.ringing(PATIENT)
            await self.leaves()
        elif self.fate in ("agent_hangs_up", "comes_back"):
            # Whoever hands on to a line has let go.
            await self.target.ringing(PATIENT)
            await self.target.answer()
            await self.has(self.target, SECOND_AGENT_TONE)
        else:
            # The line says what it says where nobody comes, and the caller is not cut off.
            await asyncio.sleep(6)
            expect_no_silence(self.caller.listen(self.since))
            await self.leaves()

    async def has(self, phone, tone):
        """The caller hears this phone, and it the caller."""
        if phone is self.target:
            await self.target.in_call(PATIENT)
        await self.caller.call.media.wait_tone(tone, timeout=PATIENT)
        if phone is self.target:
            await self.target.call.media.wait_tone(CALLER_TONE, timeout=PATIENT)
        await asyncio.sleep(0.5)
        await self.leaves()

    async def leaves(self):
        expect_no_silence(self.caller.listen(self.since))
        await self.caller.hang_up()

    async def check(self):
        def of_caller(records):
            return [record for record in records if record["dialled"] == "95501"]

        records = await self.hotline.until(self.hotline.calls, lambda records: len(of_caller(records)) == 1, PATIENT)
        (record,) = of_caller(records)
        visit = record["queue"]
        given_to = self.extension if self.way == "queue" and self.has_target() else "1001"
        if self.way != "queue" or self.has_target():
            assert (visit["outcome"], visit["agent"]) == ("served", given_to), record
        talks = 2 if self.has_target() or self.way == "blind" and self.fate != "caller_hangs_up" else 1
        recorded = len(record["recordings"])
        # The line that the caller is handed to records nothing.
        expected = min(talks, 1) if self.way == "queue" else talks
        assert recorded == (expected if self.recorded else 0), (recorded, expected, record)

    def has_target(self):
        ways = {"attended": ("answers",), "blind": ("answers", "agent_hangs_up")}
        return self.fate in ways.get(self.way, ("answers", "agent_hangs_up", "comes_back"))


def named(way, fate, held, recorded):
    def whether(text, is_so):
        return f"_{text}" if is_so else ""

    async def cell(world):
        await Cell(world, way, fate, held, recorded).play()

    make = "PJSIP after a word with them" if way == "attended" else "baresip by REFER"
    to = "a line" if way == "queue" else "a colleague"
    cell.__name__ = f"cell_{way}_{fate}{whether('held', held)}{whether('recorded', recorded)}"
    cell.__doc__ = f"to {to}, {make}: {FATES[fate]}{', held before' if held else ''}{', recorded' if recorded else ''}"
    return cell


for _way in WAYS:
    for _fate in FATES:
        for _held in (False, True):
            for _recorded in (False, True):
                _cell = (_way, _fate, _held, _recorded)
                scenario(named(*_cell), weight=3, on_demand=_cell not in EVERY_RUN)
