"""Browsers as phones: SIP.js and JsSIP in Chromium, their voice by ICE and DTLS-SRTP."""

import asyncio
import time

from prompts import expect, expect_music, expect_tone, prompt
from scenarios import scenario
from scripted import rms, tone_level, xcorr_peak
from world import AGENT_TONE, CALLER_TONE, SECOND_AGENT_TONE

# The numbers of tests/wire/plans/short. Its queue "complaint" rings for long: a browser takes its time.
HOTLINE, STRAIGHT_TO_THE_QUEUE = "95500", "95505"


async def browsers_hotline(world, **settings):
    return await world.daemon().listens("ws").set(**settings).start()


def heard_share(sound, name):
    """The share of a prompt's pieces of an eighth of a second that were heard, each where it belongs: a browser's jitter
    buffer stretches and shortens what comes while it gets to know the network."""
    reference, size, slack, heard = prompt(name), 1000, 800, []
    _, lag = xcorr_peak(sound, reference)
    for at in range(0, len(reference) - size + 1, size):
        piece = reference[at : at + size]
        if rms(piece) > 500:
            around = sound[max(0, lag + at - slack) : lag + at + size + slack]
            heard.append(len(around) >= size and xcorr_peak(around, piece)[0] > 0.7)
    return sum(heard) / len(heard)


async def hears(browser, name, patience=30.0):
    """Waits until the browser has heard a prompt to its last and from its first word, which may be two seconds ago."""
    began, best = time.monotonic() - 2, 0.0
    # Chromium, on a machine that is busy, leaves out pieces of what came; of another prompt it would have none.
    while best < 0.6:
        if time.monotonic() > began + patience:
            raise AssertionError(f"{name} was not heard: {best:.2f}")
        await asyncio.sleep(0.5)
        sound = await browser.listen(began)
        best = heard_share(sound, name) if len(sound) > len(prompt(name)) else 0.0


async def a_call_to_a_browser(world, library):
    hotline = await browsers_hotline(world)
    agent = await world.browser(hotline, library, "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri(HOTLINE))
    await caller.in_call()
    await asyncio.sleep(4)
    await caller.press("2")
    await agent.ringing()
    await agent.answer()
    await agent.in_call()
    await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
    await agent.hears(CALLER_TONE)
    connection = await agent.connection()
    # The codec of the caller: nothing is transcoded.
    assert connection["codec"] == "audio/PCMA" and connection["state"] == "connected", connection
    assert "AES" in connection["srtp"], connection

    began = time.monotonic()
    await agent.hold()
    await asyncio.sleep(4)
    held = caller.listen(began + 0.5)
    expect(held, "hold/on-hold")
    expect_music(held)
    await agent.resume()
    resumed = time.monotonic()
    await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
    await agent.hears(CALLER_TONE)

    await agent.press("5")
    await caller.call.media.wait_digits("5", timeout=20)
    # The way found anew, as after a change of the network: the call goes on.
    await agent.restart_ice()
    await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
    await agent.hears(CALLER_TONE)
    expect_tone(caller.listen(resumed + 0.5), AGENT_TONE, what="the agent")

    await agent.hang_up()
    await agent.over()
    record = await hotline.call_recorded()
    assert record["queue"]["agent"] == "1001", record
    for counter in ("browser_refused", "browser_forged"):
        assert await hotline.counter(counter) == 0, counter


async def a_call_of_a_browser(world, library):
    hotline = await browsers_hotline(world)
    agent = await world.desk(hotline, "1002")
    caller = await world.browser(hotline, library, "1001", tone=CALLER_TONE, ready=False)
    await caller.dial(f"sip:{HOTLINE}@{hotline.host}")
    await caller.in_call()
    # From its first word: what is to be played waits for the handshake.
    await hears(caller, "greeting/welcome")
    await caller.press("1")
    await agent.in_call(30)
    await agent.call.media.wait_tone(CALLER_TONE, timeout=20)
    await caller.hears(AGENT_TONE)
    await agent.hold()
    await hears(caller, "hold/on-hold")
    await agent.resume()
    await caller.hears(AGENT_TONE)
    await agent.hang_up()
    record = await hotline.call_recorded()
    assert record["queue"]["agent"] == "1002", record


@scenario(weight=4)
async def sip_js_browser_as_caller(world):
    """SIP.js in Chromium calls: the greeting from its first word, a key, a desk phone in G.711, held and resumed"""
    await a_call_of_a_browser(world, "sip.js")


@scenario(weight=4)
async def jssip_browser_as_caller(world):
    """the same with JsSIP"""
    await a_call_of_a_browser(world, "jssip")


@scenario(weight=4)
async def browser_with_another_certificate(world):
    """a browser whose certificate is not the one that it announced: no keys, no voice in either direction"""
    hotline = await browsers_hotline(world)
    agent = await world.browser(hotline, "jssip", "1001")
    await agent.order("forge")
    caller = await world.caller()
    await caller.dial(hotline.uri(STRAIGHT_TO_THE_QUEUE))
    await agent.ringing()
    await agent.answer()
    await hotline.counted("browser_refused")
    began = time.monotonic()
    await asyncio.sleep(3)
    assert not len(caller.listen(began)) or tone_level(caller.listen(began), AGENT_TONE) < 0.1
    connection = await agent.connection()
    assert not connection.get("received") and connection["state"] != "connected", connection
    await caller.hang_up()


@scenario(weight=4)
async def page_loaded_anew(world):
    """the page of an agent is loaded anew in mid-call: it comes back by Replaces, with another certificate, to the same caller"""
    hotline = await browsers_hotline(world)
    agent = await world.browser(hotline, "jssip", "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri(STRAIGHT_TO_THE_QUEUE))
    await agent.ringing()
    await agent.answer()
    await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
    dialog = await agent.order("dialog")
    await agent.order("reload", patience=60)
    await agent.dial(f"sip:rejoin@{hotline.host}", [f"Replaces: {dialog}"])
    await agent.in_call()
    await caller.call.media.wait_tone(AGENT_TONE, timeout=20)
    await agent.hears(CALLER_TONE)
    await agent.hang_up()
    record = await hotline.call_recorded()
    assert record["queue"]["agent"] == "1001", record


async def a_transfer_to_a_browser(world, library):
    hotline = await browsers_hotline(world)
    second = await world.browser(hotline, library, "1002", tone=SECOND_AGENT_TONE)
    first = await world.desk(hotline, "1001", "pjsip")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await first.in_call()
    await caller.call.media.wait_tone(AGENT_TONE)
    await first.hold()
    await first.dial(hotline.uri("1002"))
    await second.ringing()
    await second.answer()
    await first.in_call(1)
    await second.hears(AGENT_TONE)
    assert await first.attend() == 200
    # Its dialog is that of another leg of ours now, which shows another certificate: keys of its own.
    await second.hears(CALLER_TONE)
    await caller.call.media.wait_tone(SECOND_AGENT_TONE, timeout=20)
    await caller.hang_up()
    await second.over()
    records = await hotline.until(hotline.calls, lambda calls: len(calls) >= 2)
    assert sorted(record["end"] for record in records) == ["caller-hung-up", "transferred"], records


@scenario(weight=4)
async def attended_transfer_to_a_sip_js_browser(world):
    """PJSIP speaks with a colleague in Chromium and joins them with its caller: both hear each other"""
    await a_transfer_to_a_browser(world, "sip.js")


@scenario(weight=4)
async def attended_transfer_to_a_jssip_browser(world):
    """the same with JsSIP"""
    await a_transfer_to_a_browser(world, "jssip")


@scenario(weight=4)
async def sip_js_browser_as_agent(world):
    """a caller in G.711 through the menu to SIP.js in Chromium: both hear, hold, a key, the way found anew, hang-up"""
    await a_call_to_a_browser(world, "sip.js")


@scenario(weight=4)
async def jssip_browser_as_agent(world):
    """the same with JsSIP"""
    await a_call_to_a_browser(world, "jssip")
