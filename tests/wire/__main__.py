"""The wire suite: the real binary, driven by phones that nobody here wrote.

    python3 tests/wire [--binary target/debug/hotline] [--jobs 4] [--list] [--keep] [NAME ...]

Every scenario starts a daemon of its own on a loopback address of its own and runs in a process of its own, several at
a time. What a listener heard is found by correlating the RTP that arrived with the prompt files. A scenario that fails
shows what it saw and the end of its daemon's log. NAME selects the scenarios whose names contain it.

Ends with `N passed, M failed` alone on a line; exit status 0 when all passed.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "peers"))

import scenarios  # noqa: E402  (after the peers are on the path)
from world import World  # noqa: E402

# A scenario that is not over by then hangs: the longest takes about a minute on a busy machine.
LIMIT_SECONDS = 150


def options():
    ap = argparse.ArgumentParser(prog="wire", description="drives the real binary with real phones")
    ap.add_argument("--binary", default=os.environ.get("HOTLINE_BINARY", "target/debug/hotline"))
    ap.add_argument("--jobs", type=int, default=int(os.environ.get("WIRE_JOBS", "4")), help="scenarios at a time")
    ap.add_argument("--exchanges", metavar="N", help="so many exchanges in each daemon, where the scenario sets nothing")
    ap.add_argument("--list", action="store_true", help="names and sentences, nothing runs")
    ap.add_argument("--keep", action="store_true", help="keep every scenario's folder, not only of those that failed")
    ap.add_argument("--one", metavar="NAME", help=argparse.SUPPRESS)
    ap.add_argument("--folder", help=argparse.SUPPRESS)
    ap.add_argument("names", nargs="*")
    return ap.parse_args()


def main():
    o = options()
    if o.exchanges:
        os.environ["WIRE_EXCHANGES"] = o.exchanges
    every = scenarios.collect()
    if o.one:
        return asyncio.run(run_here(every[o.one], o))
    chosen = [s for s in every.values() if s.is_wanted(o.names)]
    if o.list:
        for s in chosen:
            print(f"{s.name:44} {s.sentence}")
        return 0
    if not chosen:
        sys.exit(f"no scenario is named like {' or '.join(o.names)}; --list shows them")
    if not os.access(o.binary, os.X_OK):
        sys.exit(f"{o.binary} is not a program: build it with cargo build, or name another with --binary")
    return run_all(chosen, o)


async def run_here(scenario, o):
    """One scenario, in this process."""
    async with World(os.path.abspath(o.binary), o.folder) as world:
        try:
            await asyncio.wait_for(scenario.run(world), LIMIT_SECONDS)
        except Exception as e:  # whatever it is, it is why the scenario failed
            world.tell_failure(e)
            return 1
    return 0


def run_all(chosen, o):
    slots = SimpleQueue()
    for slot in range(o.jobs):
        slots.put(slot)
    # A network for each run: two of them may overlap.
    network = f"127.{64 + os.getpid() % 128}"
    top = tempfile.mkdtemp(prefix="hotline-wire-")
    failed = []

    def run(scenario):
        slot, began = slots.get(), time.monotonic()
        folder = os.path.join(top, scenario.name)
        os.mkdir(folder)
        command = [sys.executable, HERE, "--one", scenario.name, "--binary", o.binary, "--folder", folder]
        try:
            done = subprocess.run(
                command,
                env={
                    **os.environ,
                    "WIRE_SLOT": str(slot),
                    "WIRE_NETWORK": network,
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "TMPDIR": folder,
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=LIMIT_SECONDS + 30,
            )
            good, output = done.returncode == 0, done.stdout
        except subprocess.TimeoutExpired as e:
            good, output = False, f"{e.stdout or ''}\nstill running after {LIMIT_SECONDS + 30} s"
        finally:
            slots.put(slot)
        print(f"{'ok  ' if good else 'FAIL'} {scenario.name:44} {time.monotonic() - began:5.1f} s  {scenario.sentence}")
        if not good:
            failed.append(scenario.name)
            print("\n".join(f"     | {line}" for line in output.strip().splitlines()))
            print(f"     its folder: {folder}")
        elif not o.keep:
            shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.flush()

    # The longest first: the suite ends when the last one does.
    with ThreadPoolExecutor(o.jobs) as pool:
        for outcome in [pool.submit(run, s) for s in sorted(chosen, key=lambda s: -s.weight)]:
            outcome.result()
    if not failed and not o.keep:
        shutil.rmtree(top, ignore_errors=True)
    print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
