"""A supervisor listens to two who talk, whispers to the agent, barges in: who hears whom, exactly."""

import asyncio
import time

import scripted
from scenarios import scenario
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE

CALLER, AGENT, SUPERVISOR = CALLER_TONE, AGENT_TONE, SECOND_AGENT_TONE


def heard(phone, since):
    """The tones that were heard in the last two seconds: each counts from a tenth of the power on."""
    sound = phone.listen(max(since, time.monotonic() - 2.0))
    levels = {tone: scripted.tone_level(sound, tone) for tone in (CALLER, AGENT, SUPERVISOR)}
    doubtful = {tone: level for tone, level in levels.items() if 0.02 < level < 0.2}
    assert not doubtful, f"neither heard nor unheard: {levels}"
    return {tone for tone, level in levels.items() if level >= 0.2}


async def talking(world, **settings):
    """A caller and the agent 1001 who talk, and the desk 1002 that answers by itself; the call's number."""
    hotline = await world.hotline(settings=settings)
    agent = await world.desk(hotline, "1001")
    supervisor = await world.desk(hotline, "1002", tone=SUPERVISOR, ready=False)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await agent.in_call()
    await caller.call.media.wait_tone(AGENT)
    row = (await hotline.command("calls", "--running")).splitlines()[1].split()
    assert (row[3], row[5]) == ("talk", "1001"), row
    return hotline, caller, agent, supervisor, row[0]


@scenario(weight=3)
async def listen_whisper_barge(world):
    """each manner after the other in one call; the two who talk go on when the supervisor is gone; the record names it"""
    hotline, caller, agent, supervisor, call = await talking(world)
    phones = (caller, agent, supervisor)
    expected = {
        "": ({AGENT}, {CALLER}, {CALLER, AGENT}),
        "--whisper": ({AGENT}, {CALLER, SUPERVISOR}, {CALLER, AGENT}),
        "--barge": ({AGENT, SUPERVISOR}, {CALLER, SUPERVISOR}, {CALLER, AGENT}),
    }
    for manner, each in expected.items():
        await hotline.command("listen", call, "--as", "1002", *filter(None, [manner]))
        await supervisor.in_call()
        since = time.monotonic() + 0.5
        await asyncio.sleep(3)
        assert tuple(heard(phone, since) for phone in phones) == each, manner or "listen"
    await supervisor.hang_up()
    since = time.monotonic() + 0.5
    await asyncio.sleep(4)
    assert (heard(caller, since), heard(agent, since)) == ({AGENT}, {CALLER}), "as before"
    lost = [phone.call.media.stats()["lost"] for phone in (caller, agent)]
    assert lost == [0, 0], f"packets missing at caller and agent: {lost}"
    await caller.hang_up()
    record = await hotline.call_recorded()
    stages = [s["detail"] for s in record["stages"] if s["kind"] == "supervise"]
    assert stages == ["listen by 1002", "whisper by 1002", "barge by 1002", "1002 is gone"], record


@scenario(weight=2)
async def supervision_ends_with_the_call_and_the_desk_is_free(world):
    """the caller hangs up: the supervisor's phone is hung up too, and can be rung for the next call"""
    hotline, caller, agent, supervisor, call = await talking(world)
    for refused, why in (
        (("listen", "c99", "--as", "1002"), "no call"),
        (("listen", call, "--as", "1001"), "talks in the call itself"),
        (("listen", call, "--as", "9999"), "no agent"),
        (("listen", call, "--as", "1003"), "cannot be reached"),
    ):
        code, _, errors = await hotline.attempt(*refused)
        assert code != 0 and why in errors, (refused, errors)
    await hotline.command("listen", call, "--as", "1002")
    await supervisor.in_call()
    await caller.hang_up()
    assert await supervisor.over() == "remote bye"
    await agent.over()
    again = await world.caller("13800000002")
    await again.dial(hotline.uri("95501"))
    await again.call.media.wait_tone(AGENT)
    row = (await hotline.command("calls", "--running")).splitlines()[1].split()
    await hotline.command("listen", row[0], "--as", "1002", "--whisper")
    await supervisor.in_call()
    await again.hang_up()
    assert await supervisor.over() == "remote bye"


@scenario(weight=2)
async def supervision_is_announced_where_the_settings_say_so(world):
    """a tone to both when the supervisor joins"""
    beep = scripted.read_wav(f"{world_root()}/prompts/common/beep.wav")
    hotline, caller, agent, supervisor, call = await talking(world, **{"call.announce_supervisor": "both"})
    await hotline.command("listen", call, "--as", "1002")
    await supervisor.in_call()
    since = time.monotonic() - 1
    await asyncio.sleep(2.5)
    frequency = max(range(300, 2000, 10), key=lambda f: scripted.tone_level(beep, f))
    for phone in (caller, agent):
        sound = phone.listen(since)
        best = max(scripted.tone_level(sound[at : at + 800], frequency) for at in range(0, len(sound) - 800, 200))
        assert best > 0.2, f"the tone of {frequency} Hz was not heard: {best:.2f}"
    await caller.hang_up()


def world_root():
    import prompts

    return prompts.ROOT
