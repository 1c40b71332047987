#!/usr/bin/env python3
"""What one workload costs a running server.

    measure.py media --pid PID --target IP:PORT --user ivr|queue [--calls 200] [--hold 30] [--agents-port 5090]
    measure.py sig   --pid PID --target IP:PORT --user sig       [--rate 100] [--seconds 10]

`media` drives callgen: callers (and agents, where --agents-port is given) that send and receive RTP. `sig` drives sipp:
INVITE, 200, ACK, BYE. CPU is what all threads ran, from /proc/PID/task/*/schedstat. Prints one JSON
object. The target is anything that speaks SIP over UDP on the loopback. $CALLGEN names the built load generator.
"""

import argparse
import csv
import json
import os
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Callers and agents: an address of their own, so that no other traffic mixes in.
GENERATOR = "127.9.9.2"


def cpu_seconds(pid):
    """Of all threads, to the nanosecond: clock ticks of 10 ms are too coarse for a short window. The server ends no thread."""
    used = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
            used += int(f.read().split()[0])
    return used / 1e9


def status(pid):
    """Resident memory in KB and the number of threads."""
    with open(f"/proc/{pid}/status") as f:
        fields = dict(line.split(":", 1) for line in f if ":" in line)
    return int(fields["VmRSS"].split()[0]), int(fields["Threads"])


def udp_errors():
    """Datagrams that the kernel dropped because a receive buffer was full."""
    with open("/proc/net/snmp") as f:
        names, values = [line.split() for line in f if line.startswith("Udp:")]
    return int(values[names.index("RcvbufErrors")])


class Sampler(threading.Thread):
    """The server's CPU, memory and threads every quarter of a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.rows, self.began, self.stopped = pid, [], time.monotonic(), False
        self.start()

    def run(self):
        while not self.stopped:
            try:
                self.rows.append((time.monotonic() - self.began, cpu_seconds(self.pid), *status(self.pid)))
            except (OSError, KeyError):
                return
            time.sleep(0.25)

    def at(self, seconds):
        return min(self.rows, key=lambda row: abs(row[0] - seconds))

    def peak(self):
        return max(row[2] for row in self.rows), max(row[3] for row in self.rows)


def media(pid, target, user, calls=200, hold=30.0, agents_port=0):
    """All calls arrive within ten seconds; the steady window begins two seconds after the last of them."""
    ramp = 10.0
    window = (ramp + 2, hold - 0.5)
    idle_kb, idle_threads = status(pid)
    dropped, cpu = udp_errors(), cpu_seconds(pid)
    sampler = Sampler(pid)
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [os.environ.get("CALLGEN", "callgen"), "sip", "--ip", GENERATOR, "--target", target, "--user", user]
        command += ["--calls", str(calls), "--rate", str(calls / ramp), "--hold", str(hold), "--json", out.name]
        command += ["--win-from", str(window[0]), "--win-to", str(window[1]), "--uas-port", str(agents_port)]
        subprocess.run(command, check=True)
        generator = json.load(out)
    sampler.stopped = True
    first, last = sampler.at(window[0]), sampler.at(window[1])
    up = max(1, generator["peak_up"])
    steady = (last[1] - first[1]) / (last[0] - first[0]) / up
    peak_kb, peak_threads = sampler.peak()
    return {
        "calls": calls,
        "ok": generator["ok"],
        "failed": generator["failed"],
        "us_per_call_second": round(steady * 1e6, 1),
        "kb_per_call": round((peak_kb - idle_kb) / up, 1),
        "threads": [idle_threads, peak_threads],
        "server_cpu_s": round(cpu_seconds(pid) - cpu, 2),
        "datagrams_dropped": udp_errors() - dropped,
        "generator": generator,
    }


def elapsed(row):
    hours, minutes, seconds = row["ElapsedTime(C)"].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(float(seconds))


def sig(pid, target, user, rate=100, seconds=10, give_up=False):
    """`give_up`: a call that is refused or late is over, and the next one comes at its time all the same.

    `goodput`: calls that ended well in each second while new ones were offered.
    """
    calls = rate * seconds
    cpu, idle = cpu_seconds(pid), status(pid)
    sampler = Sampler(pid)
    with tempfile.TemporaryDirectory() as folder:
        statistics = f"{folder}/statistics.csv"
        command = ["sipp", target, "-sf", f"{HERE}/sipp/sig_uac.xml", "-s", user, "-i", GENERATOR, "-p", "6060"]
        command += ["-r", str(rate), "-m", str(calls), "-l", str(max(200, rate * 4)), "-timeout", str(seconds + 20)]
        command += ["-nostdin", "-trace_stat", "-stf", statistics, "-fd", "1", "-buff_size", "4194304"]
        if give_up:
            command += ["-recv_timeout", "4000"]
        began = time.monotonic()
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took = time.monotonic() - began
        with open(statistics, newline="") as f:
            rows = list(csv.reader(f, delimiter=";"))
    by_second = [dict(zip(rows[0], row)) for row in rows[1:]]
    last = by_second[-1]
    ok = int(last["SuccessfulCall(C)"])
    offered = [row for row in by_second if 1 <= elapsed(row) <= seconds]
    time.sleep(1)
    sampler.stopped = True
    return {
        "rate": rate,
        "ok": ok,
        "failed": int(last["FailedCall(C)"]),
        "retransmitted": int(last["Retransmissions(C)"]),
        "took": round(took, 2),
        "calls_per_second": round(ok / took, 1),
        "goodput": [int(row["SuccessfulCall(P)"]) for row in offered],
        "cpu_ms_per_call": round((cpu_seconds(pid) - cpu) * 1000 / max(1, ok), 3),
        "threads": [idle[1], sampler.peak()[1]],
        "kb": [idle[0], sampler.peak()[0]],
    }


def main():
    ap = argparse.ArgumentParser(description="what one workload costs a running server")
    ap.add_argument("kind", choices=["media", "sig"])
    ap.add_argument("--pid", type=int, required=True)
    ap.add_argument("--target", required=True)
    ap.add_argument("--user", required=True)
    ap.add_argument("--calls", type=int, default=200)
    ap.add_argument("--hold", type=float, default=30)
    ap.add_argument("--agents-port", type=int, default=0)
    ap.add_argument("--rate", type=int, default=100)
    ap.add_argument("--seconds", type=int, default=10)
    o = ap.parse_args()
    if o.kind == "media":
        print(json.dumps(media(o.pid, o.target, o.user, o.calls, o.hold, o.agents_port)))
    else:
        print(json.dumps(sig(o.pid, o.target, o.user, o.rate, o.seconds)))


if __name__ == "__main__":
    main()
