"""Messages are mailed and told to a web hook, and passed on when nobody does anything about them."""

import asyncio
import json
import signal
import tempfile
import time

import scripted
from certificates import Authority
from hook_receiver import HookReceiver
from prompts import prompt
from scenarios import scenario
from smtp_sink import SmtpSink

SECRET = "a secret of sixteen and more"
SPOKEN = scripted.signature(21, 3.0)
CALLER = "13800138000"


async def told_by(daemon, sink, receiver=None, **settings):
    """The daemon started: it mails by this sink and tells this receiver."""
    mail = dict(mail__server=sink.address, mail__encryption="none", mail__from="hotline@bank.example")
    hook = dict(webhook__url=receiver.url, webhook__secret=SECRET) if receiver else {}
    return await daemon.set(**{**mail, **hook, **settings}).start()


async def leave(world, hotline, number):
    caller = await world.caller(CALLER)
    caller.say = scripted.silence(1)
    await caller.dial(hotline.uri(number))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("common/beep"), timeout=25)
    caller.call.media.play(SPOKEN, loop=False)
    await asyncio.sleep(3.5)
    await caller.hang_up()


def expect_attached(mail):
    (wav,) = [part.get_content() for part in mail.iter_attachments() if part.get_content_type() == "audio/wav"]
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(wav)
        file.flush()
        corr, _ = scripted.xcorr_peak(scripted.read_wav(file.name), SPOKEN)
    assert corr > 0.9, f"the attached recording correlates {corr:.2f} with what was said"


def expect_nothing_in_the_log(hotline):
    log = hotline.log()
    for confidential in (CALLER, "wang@bank.example", "desk@bank.example", SECRET):
        assert confidential not in log, confidential


@scenario(weight=2)
async def post_at_once(world):
    """at once: a mail with the recording, and a POST whose signature fits; nothing of it in the log"""
    daemon = world.daemon(plan="slips")
    sink = await SmtpSink(daemon.host).start()
    receiver = await HookReceiver(sink.host, SECRET).start()
    hotline = await told_by(daemon, sink, receiver)
    await leave(world, hotline, "95504")
    recipients, mail = await sink.mail()
    assert recipients == ["desk@bank.example"] and CALLER not in mail["subject"], (recipients, mail["subject"])
    assert CALLER in mail.get_body().get_content()
    expect_attached(mail)
    event = await receiver.event()
    assert event["event"] == "message.new" and event["message"]["box"] == "desk", event
    assert event["message"]["from"] == CALLER and not receiver.forged, event
    await asyncio.sleep(1)
    assert (len(sink.mails), len(receiver.events)) == (1, 1)
    expect_nothing_in_the_log(hotline)


@scenario(weight=3)
async def post_to_bad_servers(world):
    """a mail server that is down, answers 451 and hangs up in place of its answer, a web hook that is down, answers 500
    and nothing: each is told in the end, once, also through kill -9"""
    daemon = world.daemon(plan="slips")
    host = daemon.host
    sink = await SmtpSink(host, ["later", "drop"]).start()
    receiver = await HookReceiver(host, SECRET, [500, "drop"]).start()
    await sink.stop()
    await receiver.stop()
    hotline = await told_by(daemon, sink, receiver)
    await leave(world, hotline, "95504")
    await hotline.logged("not delivered: tried again")
    # What is not told yet survives.
    hotline.signal(signal.SIGKILL)
    await hotline.ended()
    await sink.start(sink.port)
    await receiver.start(receiver.port)
    await hotline.start()
    _, mail = await sink.mail(timeout=40)
    expect_attached(mail)
    await receiver.event(timeout=40)
    await asyncio.sleep(2)
    assert (len(sink.mails), sink.conversations) == (1, 3), (len(sink.mails), sink.conversations)
    assert (len(receiver.events), receiver.requests) == (1, 3), (receiver.events, receiver.requests)


@scenario(weight=4)
async def post_to_lying_servers(world):
    """a mail server that says nothing, is none, or answers what nobody asked; a web hook that sends elsewhere: tried
    again, told once in the end, and callers are served meanwhile"""
    daemon = world.daemon(plan="slips")
    sink = await SmtpSink(daemon.host, ["silent", "nonsense", "unsaid"]).start()
    elsewhere = await HookReceiver(daemon.host, SECRET).start()
    receiver = await HookReceiver(daemon.host, SECRET, [302], elsewhere=elsewhere.url).start()
    hotline = await told_by(daemon, sink, receiver, mail__timeout_s="2", webhook__timeout_s="2")
    await leave(world, hotline, "95504")
    await hotline.logged("not delivered: tried again")
    await leave(world, hotline, "95503")
    # Whose message is overdue meanwhile is told as well.
    told, number = [], 0
    while not {"desk@bank.example", "wang@bank.example"} <= set(told):
        recipients, _ = await sink.mail(number, timeout=60)
        told.append(recipients[0])
        number += 1
    assert told.count("desk@bank.example") == told.count("wang@bank.example") == 1, told
    await receiver.event(1, timeout=30)
    assert elsewhere.requests == 0, "the secret's signature went where a redirection pointed"
    expect_nothing_in_the_log(hotline)


@scenario(weight=3)
async def post_to_a_server_that_dribbles(world):
    """an octet each half second, for ever: the conversation is given up as a whole, and the next try arrives"""
    daemon = world.daemon(plan="slips")
    sink = await SmtpSink(daemon.host, ["dribble"]).start()
    hotline = await told_by(daemon, sink, mail__timeout_s="1")
    await leave(world, hotline, "95504")
    await hotline.logged("the mail server takes too long", timeout=40)
    recipients, _ = await sink.mail(timeout=60)
    assert recipients == ["desk@bank.example"] and sink.conversations == 2, (recipients, sink.conversations)


@scenario(weight=2)
async def post_refused_for_good(world):
    """550: no second try, an error in the log and a counter; the message is in its box"""
    daemon = world.daemon(plan="slips")
    sink = await SmtpSink(daemon.host, ["refuse"]).start()
    hotline = await told_by(daemon, sink)
    await leave(world, hotline, "95504")
    await hotline.logged("not delivered and given up", timeout=20)
    await hotline.counted("posts_given_up")
    assert sink.conversations == 1 and len(await hotline.messages()) == 1
    expect_nothing_in_the_log(hotline)


@scenario(weight=2)
async def post_over_tls(world):
    """STARTTLS with an authority of our own; a server that cannot prove its name gets nothing"""
    daemon = world.daemon(plan="slips")
    host = daemon.host
    ours, others = Authority(daemon.folder), Authority(daemon.folder, "others")
    sink = await SmtpSink(host, certificate=others.sign("sink", host)).start()
    hotline = await told_by(daemon, sink, mail__encryption="starttls", tls__ca=ours.path)
    await leave(world, hotline, "95504")
    await hotline.logged("invalid peer certificate")
    assert sink.mails == []
    sink.certificate = ours.sign("sink", host)
    _, mail = await sink.mail(timeout=40)
    expect_attached(mail)
    assert sink.secured


@scenario(weight=3)
async def post_of_what_is_overdue(world):
    """reminded of at half its time, then the delegate's with a mail to them; lists, search, forwarding, done"""
    daemon = world.daemon(plan="slips")
    sink = await SmtpSink(daemon.host).start()
    hotline = await told_by(daemon, sink)
    await leave(world, hotline, "95503")
    for number, (to, word) in enumerate([("wang", "new"), ("wang", "open"), ("li", "overdue")]):
        recipients, mail = await sink.mail(number, timeout=25)
        assert recipients == [f"{to}@bank.example"] and word in mail["subject"], (recipients, mail["subject"])
    (slip,) = await hotline.messages()
    assert slip["mailbox"] == "1002" and slip["keeping"]["passed"] == ["1003"], slip
    listed = await hotline.command("messages", "--search", "1002")
    assert "m1" in listed and CALLER not in listed, listed
    assert "m1" not in await hotline.command("messages", "--search", "nobody")
    await hotline.command("messages", "forward", "m1", "--to", "desk")
    recipients, mail = await sink.mail(3)
    assert recipients == ["desk@bank.example"] and "new" in mail["subject"], (recipients, mail["subject"])
    shown = json.loads(await hotline.command("messages", "--json", "show", "m1"))
    assert shown["keeping"]["passed"] == ["1003", "1002"] and shown["state"] == "new", shown
    await hotline.command("messages", "open", "m1")
    await hotline.command("messages", "done", "m1")
    assert await hotline.messages() == []
    began = time.monotonic()
    while time.monotonic() < began + 3:
        assert len(sink.mails) == 4, "what is done is not mentioned again"
        await asyncio.sleep(0.5)
