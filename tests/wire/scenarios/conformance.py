"""Other people's SIPp scenarios as they are, against `tests/conformance.toml`."""

import asyncio
import os
import re
import tempfile

import ports
from scenarios import scenario

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCENARIOS = os.path.join(TESTS, "peers", "sipp")
SERVICES = ("service", "echo", "playback", "answer", "test", "s", "bob", "555", "user2", "1234", "3434", "conference")


async def runs_clean(hotline, *arguments, calls=50):
    """Every call of this run of SIPp goes as its scenario says."""
    with tempfile.TemporaryDirectory() as folder:
        # Where `uac_pcap` looks for what it plays.
        os.symlink("/usr/share/sip-tester", f"{folder}/pcap")
        process = await asyncio.create_subprocess_exec(
            *("sipp", hotline.address, "-i", hotline.host, "-p", str(ports.free())),
            *("-mi", hotline.host, "-mp", str(ports.free(4)), "-nostdin", "-timeout", "60"),
            *("-m", str(calls), "-r", str(calls), *arguments),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
    done = re.findall(r"Successful call\s*\|.*?(\d+)\s*$", out.decode("latin1"), re.M)[-1:]
    assert process.returncode == 0 and done == [str(calls)], (
        f"sipp {' '.join(arguments)}: exit code {process.returncode}, {done} of {calls}: {errors.decode()[-600:]}"
    )


# Not `branchc` and `3pcc`: the one wants a registrar that asks nobody for a password, the other two SIPps.
@scenario(weight=10)
async def built_in_scenarios_of_sipp(world):
    """uac to every service, over UDP and TCP, uac_pcap, regexp, OPTIONS, REGISTER as alice: no call fails"""
    hotline = await world.hotline("--config", os.path.join(TESTS, "conformance.toml"), plan=None)
    for service in SERVICES:
        await runs_clean(hotline, "-sn", "uac", "-s", service, "-d", "100")
    await runs_clean(hotline, "-sn", "uac", "-s", "echo", "-t", "t1")
    await runs_clean(hotline, "-sn", "uac_pcap", "-s", "echo", calls=2)
    await runs_clean(hotline, "-sn", "regexp", "-s", "echo")
    await runs_clean(hotline, "-sf", f"{SCENARIOS}/options.xml")
    await runs_clean(hotline, "-sf", f"{SCENARIOS}/register.xml")
