#!/usr/bin/env python3
"""What registrations cost: memory of so many phones, CPU of each REGISTER, and how soon a restart has them back.

    benches/load/registrations.py --binary target/release/hotline

Every phone signs in with digest (REGISTER, 401, REGISTER, 200), once and then again at the rate, each by sipp.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DAEMON, PHONES = "127.9.9.1", "127.9.9.2"

SETTINGS = """
[listen]
udp = ["{daemon}:5060"]
tcp = []
[registrar]
# sipp signs the same phone in from another port each time.
most = 1000000
[security]
# sipp knows no other.
digest = ["MD5"]
# All phones share one address here.
stranger_requests_per_s = 0
strangers_requests_per_s = 0
known_requests_per_s = 0
[log]
filter = "warn"
"""


def memory_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        user, system = f.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def hotline(options, folder, *arguments):
    command = [options.binary, *arguments, "--state", f"{folder}/state"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def start(options, folder):
    log = open(f"{folder}/log", "ab")
    command = [options.binary, "serve", "--config", f"{folder}/hotline.toml", "--state", f"{folder}/state"]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
    while time.monotonic() < began + 60:
        try:
            hotline(options, folder, "status")
            return process, time.monotonic() - began
        except subprocess.CalledProcessError:
            if process.poll() is not None:
                sys.exit(f"the daemon ended: see {folder}/log")
            time.sleep(0.02)
    sys.exit("the daemon does not start")


def sipp(options, folder, rate, calls):
    """How many failed, and how many were sent more than once."""
    command = ["sipp", f"{DAEMON}:5060", "-i", PHONES, "-t", "un", "-max_socket", "5000", "-sf", f"{HERE}/sipp/register.xml"]
    command += ["-inf", f"{folder}/phones.csv", "-r", str(rate), "-m", str(calls), "-l", "20000"]
    command += ["-trace_stat", "-stf", f"{folder}/stat.csv", "-fd", "1", "-nostdin"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300, check=False)
    with open(f"{folder}/stat.csv", encoding="latin-1") as f:
        rows = [line.rstrip("\n").split(";") for line in f]
    last = dict(zip(rows[0], rows[-1]))
    os.unlink(f"{folder}/stat.csv")
    return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), int(last["Retransmissions(C)"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--phones", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=1_000, help="sign-ins a second; each is two REGISTERs")
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/hotline.toml", "w", encoding="utf-8") as f:
            f.write(SETTINGS.format(daemon=DAEMON))
            f.writelines(f'[account.{n:05}]\npassword = "pw{n}"\n' for n in range(options.phones))
        with open(f"{folder}/phones.csv", "w", encoding="ascii") as f:
            f.write("SEQUENTIAL\n")
            f.writelines(f"{n:05};[authentication username={n:05} password=pw{n}]\n" for n in range(options.phones))
        daemon, _ = start(options, folder)
        try:
            time.sleep(1)
            idle = memory_mib(daemon.pid)
            good, bad, again = sipp(options, folder, 300, options.phones)
            print(f"{good} phones registered, {bad} failed, {again} messages repeated")
            print(f"resident memory: {idle:.1f} MiB idle, {memory_mib(daemon.pid):.1f} MiB with them")
            before, began = cpu_seconds(daemon.pid), time.monotonic()
            good, bad, again = sipp(options, folder, options.rate, options.rate * options.seconds)
            cpu, wall = cpu_seconds(daemon.pid) - before, time.monotonic() - began
            print(f"{2 * good / wall:.0f} REGISTERs a second for {wall:.0f} s: {bad} failed, {again} messages repeated")
            print(f"CPU: {cpu / max(2 * good, 1) * 1e6:.0f} us a REGISTER, {100 * cpu / wall:.0f} % of a core")
            print(f"resident memory: {memory_mib(daemon.pid):.1f} MiB")
            time.sleep(2)
            daemon.kill()
            daemon.wait()
            daemon, seconds = start(options, folder)
            time.sleep(0.5)
            status = hotline(options, folder, "status")
            print(f"after kill -9, ready again in {seconds:.2f} s, {memory_mib(daemon.pid):.1f} MiB")
            print("\n".join(line for line in status.splitlines() if "regist" in line))
        finally:
            daemon.kill()
            daemon.wait()


if __name__ == "__main__":
    main()
