"""SIPp (Debian: sip-tester) as a caller that presses keys and echoes what it hears."""

import asyncio
import os
import tempfile

import ports

HERE = os.path.dirname(os.path.abspath(__file__))
# Exit codes: 0 every call went as the scenario says, 1 a call did not, 254 and 255 SIPp could not start.
COULD_NOT_START = (254, 255)


class Sipp:
    """One run of a scenario from `sipp/`; `keys` are pressed `pause` seconds after the answer."""

    def __init__(self, target, service, scenario="caller", number="13800138000", keys="1", pause=2.0, tcp=False):
        self.folder = tempfile.mkdtemp(prefix="sipp-")
        with open(f"{HERE}/sipp/{scenario}.xml", encoding="utf-8") as f:
            text = f.read().replace("PAUSE_MS", str(int(pause * 1000)))
            text = text.replace("KEYS", "\n".join(self.key(k) for k in keys))
        with open(f"{self.folder}/scenario.xml", "w", encoding="utf-8") as f:
            f.write(text)
        self.command = ["sipp", target, "-sf", "scenario.xml", "-s", service, "-key", "number", number]
        self.command += ["-i", "127.0.0.1", "-p", str(ports.free()), "-mi", "127.0.0.1", "-mp", str(ports.free(4))]
        self.command += ["-m", "1", "-rtp_echo", "-nostdin", "-timeout", "90", "-trace_err"]
        self.command += ["-t", "t1"] if tcp else []
        if os.geteuid() != 0:  # the keys leave through a raw socket
            self.command = ["sudo", "-n", *self.command]

    @staticmethod
    def key(digit):
        name = {"*": "star", "#": "pound"}.get(digit, digit)
        play = f'<nop><action><exec play_pcap_audio="/usr/share/sip-tester/dtmf_2833_{name}.pcap"/></action></nop>'
        return f'  {play}\n  <pause milliseconds="400"/>'

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        return self

    async def passed(self, timeout=60.0):
        """Waits until the scenario has run to its end as it is written."""
        _, errors = await asyncio.wait_for(self.process.communicate(), timeout)
        if self.process.returncode != 0:
            kind = "did not start" if self.process.returncode in COULD_NOT_START else "saw something else"
            raise AssertionError(f"sipp {kind}: {errors.decode('utf-8', 'replace')[-600:]} {self.trace()[-600:]}")

    def trace(self):
        texts = []
        for name in sorted(n for n in os.listdir(self.folder) if n.endswith(".log")):
            with open(f"{self.folder}/{name}", encoding="utf-8", errors="replace") as f:
                texts.append(f.read())
        return "\n".join(texts)

    async def stop(self):
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()
