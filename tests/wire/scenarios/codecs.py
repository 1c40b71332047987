"""Codecs with real phones: each of a caller with each of an agent, heard both ways; forwarded where they are equal and
encoded anew where they are not."""

import asyncio
import re

from prompts import expect_tone
from scenarios import scenario

CODECS = ("PCMA", "PCMU", "G722", "opus")
# In G.711 voices pass from one law to the other by a table.
G711 = ("PCMA", "PCMU")
EXTENSIONS = ("1001", "1002", "1003", "1004")
# Who says what, in Hz: no two alike, no multiples of each other, all of them in the band of G.711.
CALLERS, AGENTS = (430, 530, 630, 730), (1010, 1130, 1270, 1410)
TALK_SECONDS = 2.5


async def each_with_each(world, callers, agents, encrypted=()):
    """`callers`, `agents`: the make of the phone for each codec. In four rounds of four calls at once every caller talks
    with every agent. `encrypted`: makes whose phones take nothing but SRTP."""
    mode = "mandatory" if encrypted else "off"
    hotline = await world.daemon(plan="codecs").set(rtp__srtp=mode, log__filter="info").start()
    secret = {"pjsip": "mandatory", "baresip": "srtp-mand"}

    def options(make, codec):
        return {"codec": codec, **({"srtp": secret[make]} if make in encrypted else {})}

    desks = await asyncio.gather(
        *(
            world.desk(hotline, extension, make, tone=tone, **options(make, codec))
            for extension, make, codec, tone in zip(EXTENSIONS, agents, CODECS, AGENTS)
        )
    )
    phones = await asyncio.gather(
        *(
            world.phone(make, f"1380013800{at}", tone, **options(make, codec))
            for at, (make, codec, tone) in enumerate(zip(callers, CODECS, CALLERS))
        )
    )
    for shift in range(len(CODECS)):
        pairs = [(phone, desks[(at + shift) % len(desks)]) for at, phone in enumerate(phones)]
        for phone, desk in pairs:
            await phone.dial(hotline.uri(f"9560{1 + desks.index(desk)}"))
        for phone, desk in pairs:
            await desk.in_call(shift)
            await phone.in_call(shift)
        await asyncio.sleep(TALK_SECONDS)
        for phone, _ in pairs:
            await phone.hang_up()
        for phone, desk in pairs:
            await asyncio.gather(desk.over(shift), phone.over(shift))
        # Wherever the daemon still clears up: what was translated is told when a leg is closed.
        await hotline.until(hotline.calls, lambda calls: len(calls) == 4 * (shift + 1))
        told = legs(hotline)[8 * shift :]
        translated = sorted(bool(int(count)) for count in told)
        mixed = sum(not alike(at, (at + shift) % 4) for at in range(4))
        assert translated == [False] * (8 - 2 * mixed) + [True] * 2 * mixed, (shift, told)
    for at, phone in enumerate(phones):
        for shift in range(len(CODECS)):
            to = (at + shift) % len(desks)
            mix = f"{CODECS[at]} with {CODECS[to]}"
            expect_tone(await phone.heard(shift), AGENTS[to], what=f"{mix}: the agent")
            expect_tone(await desks[to].heard(shift), CALLERS[at], what=f"{mix}: the caller")
    for record in await hotline.calls():
        assert record["end"] == "caller-hung-up", record
    return hotline


def alike(ours, theirs):
    return ours == theirs or CODECS[ours] in G711 and CODECS[theirs] in G711


def legs(hotline):
    """How many frames were encoded anew for each leg that is closed, in the order in which they were."""
    return re.findall(r"audio quality.*translated: (\d+)", plain(hotline.log()))


def plain(log):
    """The log without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", log)


@scenario(weight=4)
async def codecs_of_real_phones_each_with_each(world):
    """PCMA, PCMU, G.722 and Opus callers with agents of each: both heard, 10 of 16 mixes translated"""
    await each_with_each(
        world, callers=("pjsip", "baresip", "pjsip", "baresip"), agents=("baresip", "pjsip", "baresip", "baresip")
    )


@scenario(weight=4)
async def codecs_of_real_phones_each_with_each_encrypted(world):
    """the same with the makes changed round, all of it by SRTP"""
    await each_with_each(
        world,
        callers=("baresip", "pjsip", "baresip", "baresip"),
        agents=("pjsip", "baresip", "pjsip", "baresip"),
        encrypted=("pjsip", "baresip"),
    )
