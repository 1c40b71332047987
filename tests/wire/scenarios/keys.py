"""Keys by every means, on every loss: each press counts once. What was understood is read from the call records."""

import asyncio
import sqlite3
import struct

import scripted
from scenarios import scenario
from scripted.audio import DTMF_EV, dtmf_audio

# Of tests/wire/plans/keys: a menu that takes every key.
MENU = "95500"
# Some of them twice in a row.
KEYS = "1223990854667"
FRAME = 160


async def keyed(hotline, calls):
    """The keys of so many calls by the caller's number, once all records are written."""

    async def ask():
        with sqlite3.connect(f"file:{hotline.state}/hotline.sqlite?mode=ro", uri=True) as db:
            return dict(db.execute("SELECT from_number, keys FROM calls").fetchall())

    return await hotline.until(ask, lambda found: len(found) >= calls)


async def each_once(world, means, **options):
    """`means`: what to call a way of pressing, and how it is done with a caller and a key. All callers call at once."""
    hotline = await world.hotline(plan="keys")

    async def one(number, press):
        caller = await world.phone("scripted", number, 0)
        await caller.dial(hotline.uri(MENU), **options)
        await caller.in_call()
        await asyncio.sleep(0.5)
        for key in KEYS:
            await press(caller.call, key)
        await asyncio.sleep(0.5)
        await caller.hang_up()

    numbers = {f"1390000{at:04}": name for at, name in enumerate(means)}
    await asyncio.gather(*(one(number, means[name]) for number, name in numbers.items()))
    understood = await keyed(hotline, len(means))
    wrong = {name: understood[number] for number, name in numbers.items() if understood[number] != KEYS}
    assert not wrong, f"not {KEYS}: {wrong}"


def losing(lost):
    """Presses of 120 ms and three ends, without the packets for which `lost(number of this packet, whether it is an end)`
    holds."""

    async def press(call, key):
        media = call.media
        await through(media, lambda at, end: 0 if lost(at, end) else 1, key)

    return press


async def through(media, copies, key, **options):
    """A press of which each packet is sent as often as `copies(its number, whether it is an end)` says."""
    send, seen = media._pkt, [0]

    def change(pt, payload, ts, marker=False):
        if pt != media.te_pt:
            return send(pt, payload, ts, marker)
        number = media.seq
        for _ in range(copies(seen[0], payload[1] & 0x80 != 0)):
            media.seq = number
            send(pt, payload, ts, marker)
        media.seq = (number + 1) & 0xFFFF
        seen[0] += 1

    media._pkt = change
    try:
        await media.dtmf4733(key, **options)
    finally:
        del media._pkt


async def backwards(call, key):
    """The packets of a press arrive in the reverse order."""
    media = call.media
    send, held = media._pkt, []

    def change(pt, payload, ts, marker=False):
        if pt != media.te_pt:
            return send(pt, payload, ts, marker)
        held.append((media.seq, payload, ts, marker))
        media.seq = (media.seq + 1) & 0xFFFF
        if payload[1] & 0x80 and sum(bool(packet[1][1] & 0x80) for packet in held) == 3:
            after = media.seq
            for media.seq, *packet in reversed(held):
                send(pt, *packet)
            media.seq = after

    media._pkt = change
    try:
        await media.dtmf4733(key)
    finally:
        del media._pkt


async def with_its_tone(call, key):
    """Telephone events, and the tone in the voice beside them, as gateways leak it."""
    media = call.media
    media.play(dtmf_audio(key, 0.12, 0.1), False)
    began = media.ts
    for frame in range(1, 9):
        end = frame > 6
        payload = struct.pack("!BBH", DTMF_EV[key], 0x80 * end | 10, min(frame, 6) * FRAME)
        media._pkt(media.te_pt, payload, began, marker=frame == 1)
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.12)


async def with_info(call, key):
    await asyncio.gather(call.media.dtmf4733(key), call.dtmf(key, "info"))
    await asyncio.sleep(0.1)


async def tone_with_info(call, key):
    await asyncio.gather(call.dtmf(key, "inband"), call.dtmf(key, "info"))
    await asyncio.sleep(0.1)


@scenario(weight=1)
async def each_press_once_by_events_and_info(world):
    """thirteen keys by RFC 4733 whole and damaged, by both bodies of INFO, and by two means at once"""
    await each_once(
        world,
        {
            "events": lambda call, key: call.media.dtmf4733(key),
            "short presses, ends apart": lambda call, key: call.media.dtmf4733(key, 60, 60, apart=True),
            "the start is lost": losing(lambda at, end: at < 3),
            "all ends are lost": losing(lambda at, end: end),
            "only one end arrives": losing(lambda at, end: at != 6),
            "only one packet arrives": losing(lambda at, end: at != 2),
            "each packet three times": lambda call, key: through(call.media, lambda at, end: 3, key),
            "backwards": backwards,
            "INFO dtmf-relay": lambda call, key: call.dtmf(key, "info"),
            "INFO dtmf": lambda call, key: call.dtmf(key, "info-plain"),
            "events and INFO": with_info,
            "events and tones": with_its_tone,
        },
    )


@scenario(weight=1)
async def each_press_once_by_tones(world):
    """thirteen keys as tones in the voice, from phones that speak of no telephone events; with INFO beside them"""
    await each_once(
        world,
        {
            "tones": lambda call, key: call.dtmf(key, "inband"),
            "tones and INFO": tone_with_info,
            "INFO alone": lambda call, key: call.dtmf(key, "info"),
        },
        events=False,
    )


@scenario(weight=1)
async def each_press_once_by_real_phones(world):
    """PJSIP by RFC 4733 and INFO, baresip beside G.711 and beside Opus, whose events count at 48 kHz"""
    hotline = await world.hotline(plan="keys")

    async def one(number, make, press, **options):
        caller = await world.phone(make, number, 440, **options)
        await caller.dial(hotline.uri(MENU))
        await caller.in_call()
        await asyncio.sleep(0.5)
        await press(caller)
        await asyncio.sleep(1)
        await caller.hang_up()
        await caller.over()

    async def slowly(caller):
        # The library sends what is dialled one after another, each for 160 ms.
        await caller.press(KEYS)
        await asyncio.sleep(1)

    await asyncio.gather(
        one("13900000001", "pjsip", slowly),
        one("13900000002", "pjsip", lambda caller: caller.press_by_info(KEYS)),
        one("13900000003", "pjsip", slowly, codec="G722"),
        one("13900000004", "baresip", lambda caller: caller.press(KEYS)),
        one("13900000005", "baresip", lambda caller: caller.press(KEYS), codec="opus"),
    )
    understood = await keyed(hotline, 5)
    assert set(understood.values()) == {KEYS}, understood
