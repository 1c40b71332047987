#!/usr/bin/env python3
"""W3 past what the daemon can serve: finds the knee, then offers a quarter and half as much again.

    benches/load/overload.py [--binary PATH] [--hogs 3] [--seconds 10] [--json FILE]

The daemon has one core, sipp the other. sipp gives up at about 12,000 calls a second, before the daemon does: `--hogs`
busy loops share the daemon's core, which makes it a machine that is so many times slower. The knee is the highest
rate at which every call succeeded; goodput is the calls that succeeded in a second while a quarter and half as much
again was offered. Beside it, what a call costs `sipp -sn uas` on the same core at the same rate.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import mean

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import measure  # noqa: E402

SERVER_CORE, GENERATOR_CORE = "0", 1
TARGET = "127.9.9.1:5060"
# After the last transaction (64 x T1) what calls took is given back.
AFTERWARDS = 45
# What is offered past the knee, as shares of it.
PAST = (1.25, 1.5)


def clean(figures):
    """Every call succeeded, at the first attempt, at the rate that was asked for."""
    late = figures["calls_per_second"] < 0.9 * figures["rate"]
    return not figures["failed"] and not figures["retransmitted"] and not late


def knee(pid, seconds, first):
    """The highest clean rate, to a quarter of the first: up by doubling, then halfway between clean and not."""
    best, low, high = None, 0, None
    while high is None or high - low > first // 4:
        rate = (low + high) // 2 if high else max(first, 2 * low)
        figures = measure.sig(pid, TARGET, "sig", rate, seconds)
        say("clean    " if clean(figures) else "not clean", figures)
        if clean(figures):
            best, low = figures, rate
        else:
            high = rate
        time.sleep(3)
    return best


def say(what, figures):
    print(
        f"{what}  {figures['rate']:6} offered/s  {figures['ok'] / max(0.1, figures['took']):7.0f} ok/s"
        f"  {figures['failed']:6} refused or failed  {figures['retransmitted']:5} sent again"
        f"  {figures['cpu_ms_per_call']:.3f} ms CPU a call  {figures['kb'][0] // 1024} -> {figures['kb'][1] // 1024} MB",
        flush=True,
    )


def uas(rate, seconds):
    """CPU ms a call of sipp's own answering scenario."""
    command = ["taskset", "-c", SERVER_CORE, "sipp", "-sn", "uas", "-i", "127.9.9.1", "-p", "5060", "-nostdin"]
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        server = subprocess.Popen(command, **quiet)
        time.sleep(1)
        try:
            return measure.sig(server.pid, TARGET, "sig", rate, seconds)["cpu_ms_per_call"]
        finally:
            server.kill()
            server.wait()


def main():
    ap = argparse.ArgumentParser(description="goodput past the knee")
    ap.add_argument("--binary", default=os.path.join(HERE, "../../target/release/hotline"))
    ap.add_argument("--hogs", type=int, default=3)
    ap.add_argument("--seconds", type=int, default=10)
    ap.add_argument("--first", type=int, default=1000, help="the rate to begin with")
    ap.add_argument("--json")
    o = ap.parse_args()
    os.sched_setaffinity(0, {GENERATOR_CORE})
    hogs = [subprocess.Popen(["taskset", "-c", SERVER_CORE, "sh", "-c", "while :; do :; done"]) for _ in range(o.hogs)]
    with tempfile.TemporaryDirectory(prefix="hotline-load-") as state, open(f"{state}/log", "wb") as log:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE__")}
        command = ["taskset", "-c", SERVER_CORE, os.path.abspath(o.binary), "serve"]
        command += ["--config", f"{HERE}/hotline.toml", "--state", state]
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=HERE)
        try:
            time.sleep(4)
            idle = measure.status(server.pid)[0]
            best = knee(server.pid, o.seconds, o.first)
            if best is None:
                sys.exit("no clean rate: is the machine busy with something else?")
            past = []
            for share in PAST:
                time.sleep(AFTERWARDS)
                past.append(measure.sig(server.pid, TARGET, "sig", int(best["rate"] * share), o.seconds, give_up=True))
                say("past it  ", past[-1])
            time.sleep(AFTERWARDS)
            after = measure.status(server.pid)[0]
        finally:
            server.terminate()
            server.wait(30)
    beside = uas(min(best["rate"], 2000), o.seconds)
    for hog in hogs:
        hog.kill()
    kept = [mean(figures["goodput"]) / best["rate"] for figures in past]
    print(
        f"knee {best['rate']} calls/s ({best['cpu_ms_per_call']:.3f} ms CPU a call; sipp -sn uas {beside:.3f} ms);"
        + "".join(f" at {f['rate']}/s goodput {mean(f['goodput']):.0f}/s, {s:.0%} of it;" for f, s in zip(past, kept))
        + f" memory {idle // 1024} MB idle, {max(f['kb'][1] for f in past) // 1024} MB at the peak,"
        f" {after // 1024} MB afterwards"
    )
    if o.json:
        with open(o.json, "w") as f:
            json.dump({"knee": best, "past": past, "uas_cpu_ms": beside, "kb": [idle, after]}, f, indent=1)
    return 0 if min(kept) >= 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
