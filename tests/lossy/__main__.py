"""Calls over lossy networks: the real binary at one end, callers who key digits and agents at the other.

    tests/run lossy [--profile lan wifi bad awful] [--calls 800] [--digits 6] [--at-once 30] [--seed 1]

Of each profile of tests/peers/line.py: the share of calls that were set up, of those for an agent in which both heard each
other (two bad lines, then), and of the digits that the daemon understood as they were
keyed, that are missing, or came too often, each with its 95 % interval (Wilson). What the daemon understood is read from its
call records. Needs root and /dev/net/tun. About two minutes a profile. Ends with `N passed, M failed` alone on a line: a
wanted share counts as reached when what was measured is not below it.
"""

import argparse
import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from link import Link
from line import PROFILES  # link.py has put the folder of the peers on the path

HERE = os.path.dirname(os.path.abspath(__file__))

# Shares that are wanted: of calls set up, and of digits that counted exactly once.
CALLS = {"lan": 0.999, "wifi": 0.995, "bad": 0.99, "awful": 0.90}
TALKS = {"lan": 0.995, "wifi": 0.99, "bad": 0.98, "awful": 0.80}
DIGITS = {"lan": 0.999, "wifi": 0.99, "bad": 0.99, "awful": None}
# And of presses by RFC 4733 of which at least one packet arrived, whatever the link is like.
KNOWABLE = 0.999
# After the last caller, for the records of those whose BYE was lost (the daemon hears nothing of them for 20 s).
RECORDS_SECONDS = 60


def options():
    ap = argparse.ArgumentParser(prog="lossy", description="calls over lossy networks")
    ap.add_argument("--binary", default="target/debug/hotline")
    ap.add_argument("--profile", nargs="*", default=list(PROFILES), choices=list(PROFILES))
    ap.add_argument("--calls", type=int, default=800, help="of each profile")
    ap.add_argument("--digits", type=int, default=6, help="of each call")
    ap.add_argument("--at-once", type=int, default=30)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--keep", action="store_true", help="keep the folder with the daemon's log and records")
    return ap.parse_args()


def main():
    o = options()
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        sys.exit("the lossy link needs root and /dev/net/tun")
    folder = tempfile.mkdtemp(prefix="hotline-lossy-")
    good = bad = 0
    for name in o.profile:
        where = os.path.join(folder, name)
        os.mkdir(where)
        for passed in report(name, *run(name, where, o)):
            good, bad = good + passed, bad + (not passed)
    if o.keep or bad:
        print(f"logs and records: {folder}")
    else:
        shutil.rmtree(folder)
    print(f"{good} passed, {bad} failed")
    return 1 if bad else 0


def run(name, folder, o):
    """The calls of one profile: what the callers did, the daemon's records by Call-ID, and the link as it was."""
    state, told = os.path.join(folder, "state"), os.path.join(folder, "told.json")
    with Link(PROFILES[name], o.seed) as link, open(f"{folder}/log", "wb") as log:
        within = ["ip", "netns", "exec"]
        command = [os.path.abspath(o.binary), "serve", "--config", f"{HERE}/hotline.toml", "--state", state]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("HOTLINE__", "NOTIFY_"))}
        daemon = subprocess.Popen([*within, link.near, *command], stdout=log, stderr=log, env=environment)
        try:
            link.carry(until=lambda until=time.monotonic() + 3: time.monotonic() > until)
            if daemon.poll() is not None:
                with open(f"{folder}/log", encoding="utf-8") as f:
                    sys.exit(f"the daemon did not start:\n{f.read()}")
            command = [sys.executable, f"{HERE}/callers.py", "--server", f"{link.NEAR}:5060", "--to", told]
            for option in ("calls", "at_once", "digits", "seed"):
                command += [f"--{option.replace('_', '-')}", str(getattr(o, option))]
            callers = subprocess.Popen([*within, link.far, *command])
            link.carry(until=lambda: callers.poll() is not None)
            if callers.returncode:
                sys.exit(f"the callers broke off with {callers.returncode}")
            with open(told, encoding="utf-8") as f:
                calls = json.load(f)
            answered = sum(call["answered"] for call in calls)
            end = time.monotonic() + RECORDS_SECONDS
            link.carry(until=lambda: len(records(state)) >= answered or time.monotonic() > end)
            overflowed = link.overflowed()
        finally:
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
        return calls, records(state), link, overflowed


_asked = [0.0, []]


def records(state):
    """Call-ID and keys of each call that was recorded; asked for once a second at most."""
    if time.monotonic() - _asked[0] > 1:
        with sqlite3.connect(f"file:{state}/hotline.sqlite?mode=ro", uri=True) as db:
            _asked[1] = db.execute("SELECT sip_call_id, keys FROM calls").fetchall()
        _asked[0] = time.monotonic()
    return _asked[1]


def report(name, calls, recorded, link, overflowed):
    """Prints the figures of a profile; for each that is wanted whether it was reached."""
    lost = 100 * link.lost / max(1, link.sent)
    answered = [call for call in calls if call["answered"]]
    times = sorted(call["seconds"] for call in answered) or [math.nan]
    print(f"\n{name}: {link.sent} packets, {lost:.2f} % lost")
    took = f"median {times[len(times) // 2]:.2f} s, longest {times[-1]:.1f} s"
    yield says("the link itself kept pace", overflowed == 0)
    yield share(f"calls set up ({took})", len(answered), len(calls), CALLS[name])
    held = sum(call.get("held", False) for call in answered)
    yield share("of these still up after the digits", held, len(answered), CALLS[name])
    talks = [call for call in answered if call["means"] == "talk"]
    yield share("calls for an agent: both heard", sum(c.get("talked", False) for c in talks), len(talks), TALKS[name])
    understood = {}
    for call_id, keys in recorded:
        understood.setdefault(call_id, []).append(keys)
    yield says("calls with one record each", all(len(understood.get(c["call_id"], ())) == 1 for c in answered))
    extra = swapped = 0
    for means in ("rfc4733", "info"):
        keyed = right = missing = 0
        for call in answered:
            if call["means"] == means:
                mine = compare(call["keyed"], (understood.get(call["call_id"]) or [""])[0])
                keyed, right, missing = keyed + len(call["keyed"]), right + mine[0], missing + mine[1]
                extra, swapped = extra + mine[2], swapped + mine[3]
        yield share(f"digits by {means}, each counted once", right, keyed, DIGITS[name])
        share(f"digits by {means} that are missing", missing, keyed)
    yield from knowable(answered, understood, link)
    keyed = sum(len(call["keyed"]) for call in answered)
    share("digits in another order, as the network changed it", swapped, keyed)
    share("digits that came twice, or that nobody keyed", extra, keyed)
    yield says("no digit came twice", extra == 0)
    for why in sorted({call["why"] for call in calls if call["why"]}):
        print(f"  {sum(call['why'] == why for call in calls):6} x {why}")


def knowable(answered, understood, link):
    """Of a press whose packets were all lost nobody can know: of all others the daemon did."""
    arrived = {}
    for (address, _), whether in link.presses.items():
        arrived[address] = arrived.get(address, 0) + whether
    callers = [call for call in answered if call["means"] == "rfc4733"]
    of = sum(arrived.get(call["address"], 0) for call in callers)
    known = sum(
        min(len((understood.get(call["call_id"]) or [""])[0]), arrived.get(call["address"], 0)) for call in callers
    )
    yield share("digits by rfc4733 of which any packet arrived", known, of, KNOWABLE)


def share(what, hits, of, wanted=None):
    low, high = wilson(hits, of)
    reached = not wanted or (of > 0 and hits / of >= wanted)
    verdict = "" if wanted is None else f"  wanted {100 * wanted:.1f} %: {'ok' if reached else 'MISSED'}"
    print(f"  {what:62} {hits:6} of {of:6} = {100 * hits / max(1, of):7.3f} % [{100 * low:.3f}, {100 * high:.3f}]{verdict}")
    return reached


def says(what, true):
    print(f"  {what:62} {'ok' if true else 'MISSED'}")
    return true


def wilson(hits, of, z=1.96):
    """The 95 % interval of a share."""
    if of == 0:
        return 0.0, 1.0
    p, n = hits / of, of
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def compare(keyed, understood):
    """Digits right, missing, too many and changed in order, by the fewest changes that make one of the other."""
    rows, columns = len(keyed) + 1, len(understood) + 1
    # For each pair of beginnings: changes, right, missing, extra, swapped.
    best = {(0, 0): (0, 0, 0, 0, 0)}

    def then(i, j, *more):
        return tuple(a + b for a, b in zip(best[i, j], more))

    for i in range(rows):
        for j in range(columns):
            ways = []
            if i:
                ways.append(then(i - 1, j, 1, 0, 1, 0, 0))
            if j:
                ways.append(then(i, j - 1, 1, 0, 0, 1, 0))
            if i and j and keyed[i - 1] == understood[j - 1]:
                ways.append(then(i - 1, j - 1, 0, 1, 0, 0, 0))
            if i > 1 and j > 1 and keyed[i - 2 : i] == understood[j - 2 : j][::-1]:
                ways.append(then(i - 2, j - 2, 1, 2, 0, 0, 1))
            if ways:
                best[i, j] = min(ways, key=lambda way: (way[0], -way[1]))
    return best[rows - 1, columns - 1][1:]


if __name__ == "__main__":
    sys.exit(main())
