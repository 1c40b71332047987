"""A PJSIP phone as an object: `pjsip_phone.py` in a process of its own, which is how PJSIP wants it."""

import asyncio
import json
import os
import sys
import tempfile
import time

import numpy as np

import ports
import scripted

HERE = os.path.dirname(os.path.abspath(__file__))


class PjsipPhone:
    """`say` is what the phone says, as int16 at 8 kHz, over and over. `codec`: the only one that it speaks."""

    def __init__(
        self,
        user,
        say,
        registrar=None,
        password="",
        auto=None,
        delay=0.5,
        tcp=False,
        transport=None,
        cafile=None,
        mwi=False,
        prack=False,
        srtp=None,
        codec=None,
        seconds=120,
    ):
        self.folder = tempfile.mkdtemp(prefix="pjsip-")
        self.port = ports.free()
        self.uri = f"sip:{user}@127.0.0.1:{self.port}"
        self.events = []
        scripted.write_wav(f"{self.folder}/say.wav", np.tile(say, 1 + 8000 * 60 // len(say)))
        self.arguments = ["--user", user, "--port", str(self.port), "--for", str(seconds)]
        self.arguments += ["--say", f"{self.folder}/say.wav", "--heard", f"{self.folder}/heard.wav"]
        if registrar:
            self.arguments += ["--registrar", registrar, "--password", password]
        if auto:
            self.arguments += ["--auto", str(auto), "--delay", str(delay)]
        if transport or tcp:
            self.arguments += ["--transport", transport or "tcp"]
        if cafile:
            self.arguments += ["--cafile", cafile]
        if mwi:
            self.arguments.append("--mwi")
        if prack:
            self.arguments.append("--prack")
        if srtp:
            self.arguments += ["--srtp", srtp]
        if codec:
            self.arguments += ["--codec", codec]

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            f"{HERE}/pjsip_phone.py",
            *self.arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.reader = asyncio.ensure_future(self._read())
        await self.wait("ready")
        return self

    async def _read(self):
        async for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"ev": "noise", "text": line.decode("utf-8", "replace").strip()}
            self.events.append({**event, "at": time.monotonic()})

    def tell(self, command):
        self.process.stdin.write(f"{command}\n".encode())

    async def wait(self, kind, timeout=30.0, **wanted):
        """The first event of this kind whose fields are as wanted."""
        end = time.monotonic() + timeout
        while True:
            for event in self.events:
                if event["ev"] == kind and all(event.get(k) == v for k, v in wanted.items()):
                    return event
            if time.monotonic() > end:
                raise AssertionError(f"PJSIP: no {kind} {wanted or ''} within {timeout} s, only {self.events}")
            await asyncio.sleep(0.05)

    async def registered(self):
        return await self.wait("reg", code=200)

    async def in_call(self, number=0):
        """The call is up."""
        return await self.wait("state", call=number, state="CONFIRMED")

    async def over(self, number=0, timeout=30.0):
        return await self.wait("state", timeout, call=number, state="DISCONNECTED")

    async def dial(self, uri):
        self.tell(f"call {uri}")

    async def press(self, digits):
        """Keys, by RFC 4733."""
        self.tell(f"dtmf -1 {digits}")
        await asyncio.sleep(0.3 * len(digits) + 0.2)

    async def press_by_info(self, digits):
        self.tell(f"info -1 {digits}")
        await asyncio.sleep(0.2 * len(digits) + 0.2)

    async def hold(self):
        self.tell("hold -1")
        await self.wait("media", status="local_hold")

    async def resume(self):
        self.tell("unhold -1")
        await asyncio.sleep(0.5)

    async def change_keys(self):
        """A re-INVITE with other keys, from another port."""
        self.tell("rekey -1")
        await asyncio.sleep(0.5)

    async def refer(self, uri):
        """Blind transfer: the peer shall call somebody else; the status that it reports last."""
        self.tell(f"refer -1 {uri}")
        return (await self.wait("referred", last=True))["code"]

    async def attend(self, first=0, second=1):
        """Attended transfer: the peers of the two calls shall talk with each other; the status that is reported last."""
        self.tell(f"attend {first} {second}")
        return (await self.wait("referred", last=True))["code"]

    async def text(self, uri, words):
        """A MESSAGE; the status of its answer."""
        self.tell(f"text {uri} {words}")
        return (await self.wait("text-sent"))["code"]

    async def hang_up(self):
        self.tell("hangup -1")

    async def stop(self):
        if self.process.returncode is None:
            self.tell("quit")
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        await self.reader

    async def heard(self, number=0):
        """What call `number` heard, at 8 kHz. Ends the phone: only then is the file whole."""
        await self.stop()
        return scripted.read_wav(f"{self.folder}/heard-{number}.wav")
