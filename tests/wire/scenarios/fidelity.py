"""What reaches the ear is what was said: correlation with the source, by the sample."""

import asyncio

import prompts
import scripted
from scenarios import scenario

# Through G.711 and nothing else it is 0.9998; one frame lost, doubled or out of place makes it 0.6.
UNTOUCHED = 0.99


def expect_untouched(heard, said, what):
    found, _ = scripted.xcorr_peak(heard, said)
    assert found >= UNTOUCHED, f"{what}: {found:.4f} in {len(heard) / scripted.FS:.1f} s"


async def untouched(world, law, other):
    """A prompt to the caller, and a sentence of the caller to the agent and of the agent to the caller."""
    hotline = await world.hotline()
    asks, answers = (prompts.prompt("message/choices", language) for language in ("en-US", "zh-CN"))
    desk = await world.desk(hotline, "1001", codec=other, say=answers)
    caller = await world.caller(codec=law, say=asks)
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await asyncio.sleep(3.5)
    await caller.press("1")
    await desk.in_call()
    await asyncio.sleep(2 * len(asks) / scripted.FS)
    await caller.hang_up()
    heard = await caller.heard()
    expect_untouched(heard, prompts.prompt("greeting/welcome"), "the greeting")
    expect_untouched(heard, answers, "the agent")
    expect_untouched(await desk.heard(), asks, "the caller")


@scenario(weight=2)
async def what_is_said_is_heard_by_the_sample(world):
    """a prompt and both directions of a talk correlate with their source by 0.99 and more, PCMA on both legs"""
    await untouched(world, "PCMA", "PCMA")


@scenario(weight=2)
async def what_is_said_is_heard_by_the_sample_between_laws(world):
    """the same between PCMU and PCMA"""
    await untouched(world, "PCMU", "PCMA")
