"""The message box by phone: from the desk, and from outside with extension and PIN."""

import asyncio
import subprocess
import time

import scripted
from prompts import prompt
from scenarios import scenario

SPOKEN = scripted.signature(31, 3.0)
PIN = "246813"
CALLER = "13800138000"


async def leave(phone, hotline, number):
    """A message half-way, which is a message; returns it as it is listed."""
    before = len(await hotline.messages())
    phone.say = scripted.silence(1)
    await phone.dial(hotline.uri(number))
    await phone.in_call()
    await phone.call.media.wait_heard(prompt("common/beep"), timeout=25)
    phone.call.media.play(SPOKEN, loop=False)
    await asyncio.sleep(3.5)
    await phone.hang_up()
    # The newest is listed first.
    listed = await hotline.until(hotline.messages, lambda slips: len(slips) > before and slips[0]["state"] == "new")
    return listed[0]


def expect_spoken(samples):
    corr, _ = scripted.xcorr_peak(samples, SPOKEN)
    assert corr > 0.9, f"what is heard correlates {corr:.2f} with what was said"


async def when(phone, said, keys, timeout=40):
    """Keys this once it is said; returns when it began to listen."""
    began = time.monotonic() - 0.3
    await phone.call.media.wait_heard(prompt(said), timeout=timeout, since=began)
    await phone.press(keys)
    return began


@scenario(weight=7)
async def message_box_at_the_desk(world):
    """*98: how many, when and from whom, the message; again, save; the next: forward; the box of the colleague has it"""
    hotline = await world.hotline(plan="mailboxes")
    await leave(await world.caller(CALLER), hotline, "95503")
    await leave(await world.caller(CALLER), hotline, "95503")
    desk = await world.desk(hotline, "1003", ready=False, auto=None)
    await desk.dial(hotline.uri("*98"))
    await desk.in_call()
    began = await when(desk, "mailbox/to-listen-again", "1")
    expect_spoken(desk.listen(began))
    began = await when(desk, "mailbox/to-save", "2")
    expect_spoken(desk.listen(began))
    await when(desk, "mailbox/to-forward", "5")
    await when(desk, "mailbox/forward-to", "1002#")
    await desk.call.media.wait_heard(prompt("mailbox/no-more"), timeout=20, since=began)
    await desk.call.media.wait_heard(prompt("goodbye/thanks"), timeout=20, since=began)
    await desk.over(20)
    slips = await hotline.until(hotline.messages, lambda slips: any(slip["mailbox"] == "1002" for slip in slips))
    slips = sorted(slips, key=lambda slip: slip["slip"])
    assert [(slip["mailbox"], slip["state"]) for slip in slips] == [("1003", "open"), ("1002", "new")], slips


@scenario(weight=8)
async def message_box_from_outside(world):
    """extension and PIN; a wrong PIN and who has none are refused in the same words, the third ends the call; no digit
    of a PIN in log, record or trace"""
    daemon = world.daemon(plan="mailboxes")
    process = await asyncio.to_thread(
        subprocess.run, [daemon.binary, "pin"], input=PIN, text=True, capture_output=True, check=True
    )
    settings = f"{daemon.folder}/hotline.toml"
    with open(settings, "w", encoding="utf-8") as file:
        file.write(f'[account.1003]\npassword = "x1x2x3x4"\nmailbox_pin = "{process.stdout.strip()}"\n')
        file.write('[account.1002]\npassword = "x1x2x3x4"\n[trunk.carrier]\naddresses = ["127.0.0.1"]\n')
    daemon.arguments += ["--config", settings]
    hotline = await daemon.start()
    await leave(await world.caller(CALLER), hotline, "95503")

    async def key_in(phone, extension, pin):
        await when(phone, "mailbox/enter-extension", f"{extension}#")
        await when(phone, "mailbox/enter-pin", f"{pin}#")

    owner = await world.caller("13900139000")
    await owner.dial(hotline.uri("95598"))
    await owner.in_call()
    await key_in(owner, "1003", "111111")
    await key_in(owner, "1002", PIN)
    await key_in(owner, "1003", PIN)
    began = await when(owner, "mailbox/to-mark-done", "6")
    expect_spoken(owner.listen(began))
    await owner.call.media.wait_heard(prompt("mailbox/no-more"), timeout=20, since=began)
    await hotline.until(hotline.messages, lambda slips: slips == [])
    stranger = await world.caller("13900139001")
    await stranger.dial(hotline.uri("95598"))
    await stranger.in_call()
    for wrong in ("222222", "333333", "444444"):
        await key_in(stranger, "1003", wrong)
    await stranger.over(20)
    await hotline.call_recorded(2)
    everything = hotline.log() + await hotline.command("calls", "--json")
    for confidential in (PIN, "111111", "222222", "13900139001"):
        assert confidential not in everything, confidential


@scenario(weight=6)
async def message_box_and_lamp_of_a_real_phone(world):
    """PJSIP: a colleague's message lights the lamp, *98 plays it, 4 calls the colleague back, *98 and 6: the lamp is out"""
    hotline = await world.hotline(plan="mailboxes")
    colleague = await world.desk(hotline, "1003", ready=False)
    desk = await world.desk(hotline, "1002", make="pjsip", mwi=True, ready=False, auto=None)
    await leave(colleague, hotline, "95506")

    async def lamp(waiting, timeout=15):
        def last():
            return next((event["text"] for event in reversed(desk.events) if event["ev"] == "mwi"), "")

        end = time.monotonic() + timeout
        while f"Messages-Waiting: {waiting}" not in last():
            assert time.monotonic() < end, f"the lamp is told {last()!r}, not {waiting}"
            await asyncio.sleep(0.05)

    async def state(wanted):
        await hotline.until(hotline.messages, lambda slips: slips and slips[0]["state"] == wanted, 30)

    await lamp("yes")
    await desk.dial(hotline.uri("*98"))
    await desk.in_call()
    # Heard to its end: that much the store knows.
    await state("heard")
    await lamp("no")
    await desk.press("4")
    await state("open")
    await colleague.in_call(20)
    await asyncio.sleep(1)
    await desk.hang_up()
    await desk.over(0, 20)
    await desk.dial(hotline.uri("*98"))
    await desk.in_call(1)
    await asyncio.sleep(1)
    # Any key passes over how many there are.
    await desk.press("1")
    await desk.press("6")
    await hotline.until(hotline.messages, lambda slips: slips == [], 30)
    await asyncio.sleep(1)
    expect_spoken(await desk.heard())
