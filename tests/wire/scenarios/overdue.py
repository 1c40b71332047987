"""What becomes due while nobody looks: follow-up calls, complaints that are late, promises that nobody kept. Days pass by
setting the clock of what is in the store back, between two runs of the daemon."""

import contextlib
import json
import os
import sqlite3

from prompts import prompt
from scenarios import scenario
from scenarios.complaints import listed
from scenarios.posts import leave, told_by
from scenarios.promises import CUSTOMER, house_with_a_trunk, promises
from scenarios.trunks import House
from smtp_sink import SmtpSink

DAY = 24 * 3600 * 1_000_000
PATIENT = 40

PLAN = """
[hotline]
name = "Follow-ups"
language = "zh-CN"

[numbers]
95504 = "waiting"

[[flow.waiting]]
wait = { play = "notice/privacy" }

[agent.1001]
mailbox = true

[agent.1003]
mailbox = true

[complaints]
owner = "1001"
supervisor = "1003"
follow_up_to = ["1[3-9]xxxxxxxxx"]
"""


async def days_pass(hotline, change):
    """The daemon is killed, `change` works on its store, and it starts again."""
    await hotline.stop()
    with contextlib.closing(sqlite3.connect(os.path.join(hotline.state, "hotline.sqlite"))) as store, store:
        change(store)
    await hotline.start()


def complaint_back(*fields, by):
    """These times of the one complaint lie so much further back."""

    def change(store):
        ((said,),) = store.execute("SELECT said FROM complaints").fetchall()
        complaint = json.loads(said)
        for field in fields:
            assert isinstance(complaint[field], int), complaint
            complaint[field] -= by
        store.execute("UPDATE complaints SET said = ?", [json.dumps(complaint)])

    return change


async def followed_up(world, key, says):
    """A customer whose complaint is called solved is called a day later, asked, and presses this key."""
    house = House(world)
    carrier = await house.carrier(50, auto=None)
    address = house.address(50)
    trunk = f'addresses = ["{address}"]\nserver = "sip:{address}"\nprobe_s = 0\noutbound = ["1."]\n'
    hotline = await house.open(trunk, plan=PLAN)
    caller = await carrier.dial(hotline.uri("95504"))
    await caller.media.wait_heard(prompt("notice/privacy"), timeout=PATIENT)
    await caller.bye()
    record = await hotline.call_recorded()
    await hotline.command("complaint", "accept", f"c{record['call']}", "--category", "fees", "--owner", "1001")
    (case,) = [one["case"] for one in await listed(hotline, "complaints")]
    await hotline.command("complaint", "state", case, "solved")
    carrier.auto = 200
    await days_pass(hotline, complaint_back("solved", by=2 * DAY))
    await carrier.until(lambda switch: len(switch.invites) >= 1, PATIENT)
    called = carrier.call
    await called.media.wait_heard(prompt("complaint/is-it-solved"), timeout=PATIENT)
    await called.dtmf(key)
    await called.media.wait_heard(prompt(says), timeout=PATIENT)
    # The key is written down at once; the line is hung up on after the thanks.
    await called.wait_ended(PATIENT)
    assert len(carrier.switch.invites) == 1, "asked once"
    assert CUSTOMER not in hotline.log()
    return hotline, case


@scenario(weight=3)
async def complaint_follow_up_solved(world):
    """a day after it is called solved the customer is called and presses 1: closed"""
    hotline, case = await followed_up(world, "1", "complaint/thanks-closed")
    shown = await hotline.until(lambda: listed(hotline, "complaints", "--all"), lambda all: all[0]["state"] == "closed")
    assert [one["case"] for one in shown] == [case], shown


@scenario(weight=3)
async def complaint_follow_up_not_solved(world):
    """… presses 2: opened again, and its owner and who is above them have a slip"""
    hotline, case = await followed_up(world, "2", "complaint/reopened")
    await hotline.until(lambda: listed(hotline, "complaints"), lambda all: [one["state"] for one in all] == ["reopened"])

    async def told():
        return sorted(slip["mailbox"] for slip in await hotline.messages())

    await hotline.until(told, lambda boxes: boxes == ["1001", "1003"])


@scenario(weight=3)
async def complaint_that_is_late_is_mailed_to_the_supervisor(world):
    """nobody has answered within the hour: who is above the owner has a slip, and a mail that says which case it is"""
    daemon = world.daemon(plan="escalating")
    sink = await SmtpSink(daemon.host).start()
    hotline = await told_by(daemon, sink)
    await leave(world, hotline, "95501")
    (case,) = await hotline.until(
        lambda: listed(hotline, "complaints"), lambda all: all and all[0]["answer_due"] is not None
    )
    assert sink.mails == [], "in time nobody above hears of it"
    await days_pass(hotline, complaint_back("accepted", "answer_due", by=DAY // 8))
    recipients, mail = await sink.mail(timeout=60)
    assert recipients == ["supervisor@bank.example"], recipients
    assert case["case"] in mail["subject"] + mail.get_body().get_content(), mail.as_string()[:2000]
    slips = await hotline.until(hotline.messages, lambda slips: any(slip["mailbox"] == "1003" for slip in slips))
    about = next(slip["about"] for slip in slips if slip["mailbox"] == "1003")
    assert about["complaint"]["case"] == case["case"], about


@scenario(weight=2)
async def a_promise_that_nobody_kept_is_broken_and_reported(world):
    """it was due two days ago, while the house was closed: broken, nobody is called in the middle of some other day"""
    house, carrier, hotline = await house_with_a_trunk(world)
    await hotline.command("promises", "make", "1001", CUSTOMER, "--at", "2099-01-04T10:00:00Z")
    # Answered once it is on the disk.
    (made,) = await promises(hotline)
    assert made["state"] == "open", made

    def two_days_ago(store):
        then = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) - ?"
        store.execute(f"UPDATE promises SET made = {then}, due = {then}, by = {then}", [3 * DAY, 2 * DAY, 2 * DAY])

    await days_pass(hotline, two_days_ago)
    (ended,) = await hotline.until(lambda: promises(hotline), lambda all: all[0]["state"] != "open", PATIENT)
    assert (ended["state"], ended["tries"]) == ("broken", 0), ended
    assert carrier.switch.invites == [], "a customer is called two days late"
    report = await hotline.command("promises", "report", "--json")
    (line,) = [json.loads(line) for line in report.splitlines()]
    assert (line["made"], line["broken"]) == (1, 1), line
