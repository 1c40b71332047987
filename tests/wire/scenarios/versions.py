"""Versions of the dialplan: tested before they are live, known by number, taken back, tried with some callers first."""

import asyncio
import json
import os
import time

from prompts import expect, expect_tone, prompt
from scenarios import scenario
from world import AGENT_TONE

PLAN = """
[hotline]
name = "Versions"
languages = ["zh-CN", "en-US"]
operator = "consultation"

[defaults]
first_digit = "20 s"

[numbers]
95500 = { flow = "main", title = "menu" }
95501 = { flow = "consultation", title = "straight to the queue" }

[[flow.main]]
menu = "main"

[menu.main]
prompts = "menu/listen"
[menu.main.keys]
1 = "GOAL"

[[flow.consultation]]
queue = { to = "consultation" }

[[flow.bye]]
hang_up = "goodbye/thanks"

[[flow.nice_day]]
hang_up = "goodbye/nice-day"

[skill.consultation]

[queue.consultation]
skills = { consultation = 1 }
service_target = "20 s"
max_wait = "10 min"
wrap_up = "1 s"
position = false
record = false

[agent.1001]
skills = { consultation = 5 }
"""

TEST = """
[test."key 1 leads to a goodbye"]
dials = "95500"
steps = ["menu/listen", { press = "1" }, "goodbye/thanks"]
ends = "flow-ended"
"""


class Folder:
    """A dialplan that the scenario changes."""

    def __init__(self, world):
        self.path = os.path.join(world.folder, "plan")
        os.makedirs(os.path.join(self.path, "tests"))
        self.leads_to("bye")
        self.write("tests/keys.toml", TEST)

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w", encoding="utf-8") as f:
            f.write(text)

    def leads_to(self, flow):
        self.write("plan.toml", PLAN.replace("GOAL", flow))


async def hears_after_key(world, hotline, number, name):
    """Who calls and presses 1 hears this."""
    caller = await world.caller(number)
    await caller.dial(hotline.uri("95500"))
    await caller.in_call()
    await caller.call.media.wait_heard(prompt("menu/listen"), timeout=30)
    await caller.press("1")
    await caller.over(timeout=30)
    expect(await caller.heard(), name)


async def history(hotline):
    return [json.loads(line) for line in (await hotline.command("versions", "--json")).splitlines()]


@scenario(weight=2)
async def a_version_is_tested_live_kept_and_taken_back(world):
    """a reload runs the tests, tells what changes, keeps the version; running calls keep theirs; rollback lasts over a start"""
    folder = Folder(world)
    hotline = await world.hotline("--dialplans", folder.path, plan=None)
    running = await world.caller("13800000001")
    await running.dial(hotline.uri("95500"))
    await running.in_call()
    await running.call.media.wait_heard(prompt("menu/listen"), timeout=30)

    folder.leads_to("nice_day")
    told = await hotline.command("diff", "--dialplans", folder.path, "--alone")
    assert "menu main: key 1 now leads to nice_day instead of bye" in told, told
    code, out, errors = await hotline.attempt("reload")
    assert code != 0 and "key 1 leads to a goodbye" in errors and "1 of 1 tests" in errors, (code, out, errors)
    assert [v["state"] for v in await history(hotline)] == ["live"]

    out = await hotline.command("reload", "--without-tests")
    assert "menu main: key 1 now leads to nice_day instead of bye" in out and "version 2 is live" in out, out
    await hears_after_key(world, hotline, "13800000002", "goodbye/nice-day")
    # It began with the version before.
    await running.press("1")
    await running.over(timeout=30)
    expect(await running.heard(), "goodbye/thanks")

    out = await hotline.command("rollback")
    assert "version 3 is live, whatever lies on disk" in out, out
    await hears_after_key(world, hotline, "13800000003", "goodbye/thanks")
    versions = await history(hotline)
    assert [(v["number"], v["state"], v["how"]) for v in versions] == [
        (1, "ended", "start"),
        (2, "ended", "reload"),
        (3, "live", {"rollback": {"of": 1}}),
    ], versions
    assert versions[1]["tests"] == "skipped" and versions[1]["by"] not in ("", "nobody"), versions
    assert versions[1]["changes"] == ["menu main: key 1 now leads to nice_day instead of bye"], versions

    # What was taken back stays so.
    await hotline.stop()
    await hotline.start()
    await hears_after_key(world, hotline, "13800000004", "goodbye/thanks")
    told = await hotline.command("versions", "--dialplans", folder.path, "--alone")
    assert "version 3 is live, and stays so" in told and "on disk lies something else" in told, told
    folder.write("tests/keys.toml", TEST.replace("goodbye/thanks", "goodbye/nice-day"))
    out = await hotline.command("reload")
    assert "1 tests passed" in out and "version 4 is live" in out, out
    await hears_after_key(world, hotline, "13800000005", "goodbye/nice-day")
    shown = await hotline.command("versions", "show", "4")
    assert "key 1 now leads to nice_day" in shown and "[numbers]" in shown, shown
    records = await hotline.until(hotline.calls, lambda calls: len(calls) == 5)
    assert [r["version"] for r in records] == [1, 2, 3, 3, 4], records


@scenario(weight=2)
async def a_canary_is_met_by_its_share_until_it_is_stopped(world):
    """reload --canary: its callers meet the new version, `canary stop` takes it back, `canary accept` makes it everybody's"""
    folder = Folder(world)
    hotline = await world.hotline("--dialplans", folder.path, plan=None)
    folder.leads_to("nice_day")
    code, _, errors = await hotline.attempt("canary", "stop")
    assert code != 0 and "there is no canary" in errors, errors
    out = await hotline.command("reload", "--canary", "100%", "--without-tests")
    assert "version 2 is tried with 100 % of new callers" in out, out
    await hears_after_key(world, hotline, "13800000001", "goodbye/nice-day")
    told = await hotline.command("versions", "--dialplans", folder.path, "--alone")
    assert "version 2 is tried with 100 % of new callers" in told and "canary accept" in told, told
    await hotline.command("canary", "stop")
    await hears_after_key(world, hotline, "13800000002", "goodbye/thanks")
    versions = await history(hotline)
    assert [v["state"] for v in versions] == ["live", "ended"] and versions[1]["ended"] == "stopped by hand", versions

    # A start does not put in force for all what was tried with some.
    await hotline.command("reload", "--canary", "100%", "--for", "2h", "--without-tests")
    await hotline.stop()
    await hotline.start()
    await hears_after_key(world, hotline, "13800000003", "goodbye/thanks")
    await hotline.command("reload", "--canary", "0.1%", "--without-tests")
    await hears_after_key(world, hotline, "13800000004", "goodbye/thanks")
    await hotline.command("canary", "accept")
    await hears_after_key(world, hotline, "13800000005", "goodbye/nice-day")
    versions = await history(hotline)
    assert [v["state"] for v in versions] == ["ended", "ended", "ended", "live"], versions


@scenario(weight=4)
async def a_reload_disturbs_nobody_in_line(world):
    """five callers wait and two talk: a reload drops none, their order stays, and the talk has no gap"""
    folder = Folder(world)
    hotline = await world.hotline("--dialplans", folder.path, plan=None)
    desk = await world.desk(hotline, "1001")
    talking = await world.caller("13800000000")
    await talking.dial(hotline.uri("95501"))
    await desk.in_call(timeout=30)

    async def in_line():
        lines = (await hotline.command("calls", "--running", "--json")).splitlines()
        return [c["call"] for c in map(json.loads, lines) if c["stage"] == "wait"]

    waiting, before = [], []
    for number in range(5):
        caller = await world.caller(f"138000001{number:02}")
        await caller.dial(hotline.uri("95501"))
        await caller.in_call()
        waiting.append(caller)
        # Who is to be the next in line comes when the one before stands there: the greeting ends for all in one moment else.
        before = await hotline.until(in_line, lambda calls, number=number: len(calls) == number + 1)
    began = time.monotonic()
    folder.leads_to("nice_day")
    for _ in range(3):
        await hotline.command("reload", "--without-tests")
    assert await in_line() == before
    # Enough to hear a gap, were there one.
    await asyncio.sleep(2)
    heard = talking.listen(began)
    expect_tone(heard, AGENT_TONE, what="the agent through the reloads")
    gaps = quiet(heard)
    # A loop that stood still, or a call that was rebuilt, would be silent for longer; a busy machine may be for less.
    assert gaps < 1.0, f"{gaps:.2f} s of silence in the talk"
    # First come, first served, as before.
    await talking.hang_up()
    await talking.over()
    for caller in waiting[:3]:
        assert await caller.call.media.wait_tone(AGENT_TONE, timeout=60)
        await caller.hang_up()
    for caller in waiting[3:]:
        assert caller.call.state != "ended"
        await caller.hang_up()


def quiet(samples, rate=8000, frame=160):
    """The longest stretch of frames without sound. Seconds."""
    longest = run = 0
    for at in range(0, len(samples) - frame, frame):
        loud = max(abs(int(s)) for s in samples[at : at + frame]) > 500
        run = 0 if loud else run + 1
        longest = max(longest, run)
    return longest * frame / rate
