"""A baresip phone (Debian: baresip-core 1.0) as an object, steered over its TCP control port.

Its microphone is a WAV file, which must have exactly the codec's rate and channels and must be long, for at its end
baresip hangs up. It binds the loopback only with `net_interface 127.0.0.1`, and takes its SIP port + 1 for TLS.
"""

import asyncio
import glob
import json
import os
import tempfile
import time

import numpy as np

import ports
import scripted

MODULES = ["g711", "g722", "opus", "sndfile", "aufile", "uuid", "srtp"]
APPLICATIONS = ["account", "menu", "ctrl_tcp"]
# Its own names for codecs, and what the microphone's file must have for each: samples a second and channels.
CODECS = {
    "PCMA": ("PCMA/8000/1", 8000, 1),
    "PCMU": ("PCMU/8000/1", 8000, 1),
    "G722": ("G722/16000/1", 16000, 1),
    "opus": ("opus/48000/2", 48000, 2),
}


class BaresipPhone:
    """`say` is what the phone says, as int16 at 8 kHz, over and over. `auto`: it answers at once. `srtp`: baresip's word
    for it, `srtp` (RTP/AVP with keys) or `srtp-mand`."""

    def __init__(
        self, user, say, registrar=None, password="", auto=True, codec="PCMA", tcp=False, transport=None, cafile=None, srtp=None
    ):
        self.folder = tempfile.mkdtemp(prefix="baresip-")
        self.port = ports.free(16)
        self.uri = f"sip:{user}@127.0.0.1:{self.port}"
        self.events, self.token = [], 0
        name, rate, channels = CODECS[codec]
        say = np.repeat(scripted.resample(say, scripted.FS, rate), channels)
        say = np.tile(say, 1 + rate * channels * 120 // len(say))
        scripted.write_wav(f"{self.folder}/say.wav", say, rate, channels)
        config = [
            f"sip_listen 127.0.0.1:{self.port}",
            "net_interface 127.0.0.1",
            f"audio_source aufile,{self.folder}/say.wav",
            "module_path /usr/lib/baresip/modules",
            f"snd_path {self.folder}",
            *(f"module {name}.so" for name in MODULES),
            *(f"module_app {name}.so" for name in APPLICATIONS),
            f"ctrl_tcp_listen 127.0.0.1:{self.port + 3}",
            f"rtp_ports {self.port + 4}-{self.port + 15}",
            *([f"sip_cafile {cafile}"] if cafile else []),
        ]
        transport = transport or ("tcp" if tcp else "udp")
        server = registrar or f"127.0.0.1:{self.port}"
        account = [f"<sip:{user}@{server}{'' if transport == 'udp' else f';transport={transport}'}>"]
        account.append(f"auth_pass={password};regint=300" if registrar else "regint=0")
        account.append("answermode=auto" if auto else "answermode=manual")
        account.append(f"audio_codecs={name}")
        account += [f"mediaenc={srtp}"] if srtp else []
        self._write("config", "\n".join(config) + "\n")
        self._write("accounts", ";".join(account) + "\n")
        self._write("contacts", "")

    def _write(self, name, text):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as f:
            f.write(text)

    def log(self):
        with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as f:
            return f.read()

    async def start(self):
        with open(f"{self.folder}/log", "wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                "baresip", "-f", self.folder, "-4", stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        for _ in range(300):
            await asyncio.sleep(0.1)
            try:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port + 3)
                break
            except OSError:
                pass
        else:
            raise AssertionError(f"baresip did not start: {self.log()[-600:]}")
        self.pump = asyncio.ensure_future(self._read())
        return self

    async def _read(self):
        """Events and replies come as netstrings of JSON."""
        try:
            while True:
                length = int((await self.reader.readuntil(b":"))[:-1])
                event = json.loads(await self.reader.readexactly(length))
                self.events.append({**event, "at": time.monotonic()})
                await self.reader.readexactly(1)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass

    async def tell(self, command, parameters=""):
        """`dial URI`, `accept`, `hangup`, `hold`, `resume`, `sndcode DIGIT` …; returns baresip's reply."""
        self.token += 1
        token = f"t{self.token}"
        message = json.dumps({"command": command, "params": parameters, "token": token}).encode()
        self.writer.write(b"%d:%s," % (len(message), message))
        return await self._event(lambda e: e.get("token") == token, f"reply to {command}", 20)

    async def wait(self, kind, timeout=30.0, number=0):
        return await self._event(lambda e: e.get("type") == kind, kind, timeout, number)

    async def _event(self, wanted, what, timeout, number=0):
        """The event of this `number`, counted from the first, of those that are wanted."""
        end = time.monotonic() + timeout
        while True:
            found = [event for event in self.events if wanted(event)]
            if len(found) > number:
                return found[number]
            if time.monotonic() > end:
                seen = [e.get("type") for e in self.events if "type" in e]
                raise AssertionError(f"baresip: no {what} within {timeout} s, only {seen}: {self.log()[-400:]}")
            await asyncio.sleep(0.05)

    async def registered(self):
        """It registers as it starts, often before anybody listens for its events: its log tells."""
        end = time.monotonic() + 30
        while "200 OK" not in self.log():
            if time.monotonic() > end:
                raise AssertionError(f"baresip is not registered: {self.log()[-600:]}")
            await asyncio.sleep(0.05)

    async def in_call(self, number=0):
        """Call `number`, counted from the first, is up."""
        return await self.wait("CALL_ESTABLISHED", number=number)

    async def over(self, number=0, timeout=30.0):
        return await self.wait("CALL_CLOSED", timeout, number)

    async def dial(self, uri):
        await self.tell("dial", uri)

    async def hold(self):
        await self.tell("hold")

    async def resume(self):
        await self.tell("resume")

    async def hang_up(self):
        await self.tell("hangup")

    async def press(self, digits):
        """Keys, by RFC 4733."""
        for digit in digits:
            await self.tell("sndcode", digit)
            await asyncio.sleep(0.25)

    async def stop(self):
        if self.process.returncode is None:
            try:
                await asyncio.wait_for(self.tell("quit"), 2)
            except (AssertionError, asyncio.TimeoutError, ConnectionError):
                pass
            try:
                await asyncio.wait_for(self.process.wait(), 4)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        await self.pump

    async def heard(self, number=-1):
        """What call `number` heard, counted from the first; the last one. Ends the phone: only then is the file whole."""
        await self.stop()
        files = sorted(glob.glob(f"{self.folder}/dump-*-dec.wav"), key=os.path.getmtime)
        if not files or number >= len(files):
            raise AssertionError(f"baresip recorded {len(files)} calls: {self.log()[-600:]}")
        return scripted.read_wav(files[number])
