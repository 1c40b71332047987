"""How well is heard what was said: correlation and PESQ (ITU-T P.862, narrow band) on the loopback, against the source.

    tests/run fidelity

First every prompt of two announcements, in both languages and both laws of G.711; then a bridge between a caller in each
codec and an agent, each saying sentences of the other's language, both directions. All of it is to score 3.9, and
what goes through G.711 alone, as all prompts do, to correlate with its source by 0.99. About two minutes. Ends with `N passed, M failed` alone on a line.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import tomllib

import numpy as np
from pesq import pesq

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TESTS, "wire"), os.path.join(TESTS, "peers")]

import prompts  # noqa: E402
import scripted  # noqa: E402
from world import World  # noqa: E402

# Correlation with the source, and PESQ. The scale of narrow-band PESQ ends at 4.5.
PROMPT = (0.99, 3.9)
# Untouched, or by the table between the laws.
PASSED_ON = (0.99, 3.9)
# Encoded anew, or heard through the jitter buffer of a phone that is not ours: whoever puts in or leaves out a frame
# now and then is hardly noticed by an ear, and by PESQ, and shifts the wave form all the same.
ENCODED = (0.0, 3.9)
# Twice as long as what either of them says.
TALK_SECONDS = 30
# More than that, and the phones disturb each other.
BRIDGES_AT_ONCE = 2
# What the parties of a bridge say.
CALLER_SAYS = [("survey/scale-five", "en-US"), ("agent/state-choices", "en-US")]
AGENT_SAYS = [("survey/scale-five", "zh-CN"), ("message/choices", "zh-CN")]
# Make and codec of the caller and of the agent; what the agent and the caller hear is held to.
BRIDGES = [
    (("scripted", "PCMA"), ("scripted", "PCMA"), PASSED_ON, PASSED_ON),
    (("scripted", "PCMU"), ("scripted", "PCMA"), PASSED_ON, PASSED_ON),
    (("baresip", "G722"), ("scripted", "PCMA"), ENCODED, ENCODED),
    (("pjsip", "G722"), ("scripted", "PCMA"), ENCODED, ENCODED),
    (("baresip", "opus"), ("scripted", "PCMA"), ENCODED, ENCODED),
    (("baresip", "opus"), ("baresip", "opus"), ENCODED, ENCODED),
]


def speech(*sentences):
    """Sentences with pauses between them, as one person says them; int16 at 8 kHz."""
    pause = scripted.silence(0.4)
    return np.concatenate([part for sentence in sentences for part in (prompts.prompt(*sentence), pause)])


def quality(heard, said):
    """Correlation and PESQ of the stretch of `heard` that begins as `said` does."""
    beginning = said[: 2 * scripted.FS]
    _, lag = scripted.xcorr_peak(heard[: max(0, len(heard) - len(said)) + len(beginning)], beginning)
    stretch = heard[max(0, lag) : max(0, lag) + len(said)]
    if len(stretch) < len(beginning):
        return 0.0, 0.0
    score = float(pesq(scripted.FS, said / 32768, stretch / 32768, "nb"))
    return scripted.xcorr_peak(stretch, said)[0], score


class Verdicts:
    def __init__(self):
        self.good = self.bad = 0

    def judge(self, what, heard, said, wanted):
        correlation, score = quality(heard, said)
        reached = correlation >= wanted[0] and score >= wanted[1]
        self.good, self.bad = self.good + reached, self.bad + (not reached)
        asked = f"wanted {wanted[0]:.2f} and {wanted[1]:.1f}: {'ok' if reached else 'MISSED'}"
        print(f"  {what:54} correlation {correlation:6.4f}  PESQ {score:4.2f}  {asked}", flush=True)


async def announcements(world, hotline, verdicts):
    """All prompts of the plan, at once: a call for each language and law."""
    with open(f"{HERE}/plan/fidelity.toml", "rb") as f:
        flows = tomllib.load(f)["flow"]
    listeners = []
    for number, language, flow in (("95701", "zh-CN", "chinese"), ("95702", "en-US", "english")):
        names = next(step["play"] for step in flows[flow] if "play" in step)
        for law in ("PCMA", "PCMU"):
            caller = await world.caller()
            await caller.dial(hotline.uri(number), codecs=(law,))
            listeners.append((caller, names, language, law))
    for caller, names, language, law in listeners:
        await caller.over(90)
        heard = await caller.heard()
        for name in names:
            verdicts.judge(f"{language}/{name} by {law}", heard, prompts.prompt(name, language), PROMPT)


async def bridge(world, hotline, ours, theirs, agent_hears, caller_hears, verdicts):
    """A talk; both say their sentences over and over."""
    (caller_make, caller_codec), (agent_make, agent_codec) = ours, theirs
    desk = await world.desk(hotline, "1001", agent_make, codec=agent_codec, say=speech(*AGENT_SAYS))
    caller = await world.caller(make=caller_make, codec=caller_codec, say=speech(*CALLER_SAYS))
    await caller.dial(hotline.uri("95703"))
    await desk.in_call()
    await asyncio.sleep(TALK_SECONDS)
    await caller.hang_up()
    await desk.over()
    between = f"{caller_make} {caller_codec} and {agent_make} {agent_codec}"
    verdicts.judge(f"{between}: the agent hears", await desk.heard(), speech(*CALLER_SAYS), agent_hears)
    verdicts.judge(f"{between}: the caller hears", await caller.heard(), speech(*AGENT_SAYS), caller_hears)


async def run(binary, folder):
    verdicts = Verdicts()
    plan = ("--dialplans", f"{HERE}/plan")
    async with World(binary, folder) as world:
        print("announcements")
        await announcements(world, await world.hotline(*plan, plan=None), verdicts)

    turn = asyncio.Semaphore(BRIDGES_AT_ONCE)

    async def one(at, parties):
        where = os.path.join(folder, f"bridge-{at}")
        os.mkdir(where)
        async with turn, World(binary, where) as world:
            world.slot = at
            await bridge(world, await world.hotline(*plan, plan=None), *parties, verdicts)

    print("bridges")
    await asyncio.gather(*(one(at, parties) for at, parties in enumerate(BRIDGES)))
    return verdicts


def main():
    ap = argparse.ArgumentParser(prog="fidelity", description="how well is heard what was said")
    ap.add_argument("--binary", default="target/debug/hotline")
    o = ap.parse_args()
    folder = tempfile.mkdtemp(prefix="hotline-fidelity-")
    verdicts = asyncio.run(run(os.path.abspath(o.binary), folder))
    if not verdicts.bad:
        shutil.rmtree(folder)
    print(f"{verdicts.good} passed, {verdicts.bad} failed")
    return 1 if verdicts.bad else 0


if __name__ == "__main__":
    sys.exit(main())
