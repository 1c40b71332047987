"""SIP.js and JsSIP in a real browser (Chromium, headless): `web/browser.mjs` in a process of its own."""

import asyncio
import base64
import json
import os
import shutil
import time
import wave

import numpy
import scripted

HERE = os.path.dirname(os.path.abspath(__file__))
RATE = 48000


def microphone(path, frequency):
    """A second of a tone, which the browser's microphone says over and over."""
    with wave.open(path, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(RATE)
        f.writeframes(scripted.tone(frequency, fs=RATE).tobytes())
    return path


class BrowserPhone:
    """`library` is `sip.js` or `jssip`. The same verbs as the other phones have, but it answers only when it is told to."""

    def __init__(self, library, server, user, password, tone, folder):
        self.library, self.server, self.user, self.password = library, server, user, password
        self.tone, self.folder = tone, folder
        self.process, self.waiting, self.last = None, {}, 0

    async def start(self):
        if "WEB_PHONES" not in os.environ or not shutil.which(os.environ.get("CHROMIUM", "chromium")):
            raise AssertionError("no packages of tests/peers/web or no Chromium: tests/run installs them")
        sound = microphone(f"{self.folder}/microphone-{self.user}.wav", self.tone)
        self.process = await asyncio.create_subprocess_exec(
            "node",
            f"{HERE}/web/browser.mjs",
            self.library,
            self.server,
            self.user,
            self.password,
            sound,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=64 * 1024 * 1024,
        )
        self.reader = asyncio.create_task(self._read())
        await self.order("open", patience=60)
        return self

    async def _read(self):
        while line := await self.process.stdout.readline():
            answer = json.loads(line)
            self.waiting.pop(answer["id"]).set_result(answer)
        for left in self.waiting.values():
            left.set_result({"error": "the browser has ended"})

    async def order(self, order, *given, patience=30):
        self.last += 1
        answer = self.waiting[self.last] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": self.last, "order": order, "with": given})
        self.process.stdin.write(f"{line}\n".encode())
        try:
            answer = await asyncio.wait_for(answer, patience)
        except asyncio.TimeoutError:
            raise AssertionError(f"{self.library}: {order} took more than {patience} s") from None
        if "error" in answer:
            raise AssertionError(f"{self.library}: {order}: {answer['error']}")
        return answer["result"]

    async def _until(self, wanted, patience):
        end = time.monotonic() + patience
        while (state := await self.order("state")) != wanted:
            if time.monotonic() > end:
                raise AssertionError(f"{self.library}: the call is {state} ({await self.order('why')}), not {wanted}")
            await asyncio.sleep(0.1)

    async def ringing(self, patience=30.0):
        await self._until("ringing", patience)

    async def answer(self):
        await self.order("answer")

    async def dial(self, uri, headers=()):
        await self.order("dial", uri, list(headers))

    async def in_call(self, patience=30.0):
        await self._until("talking", patience)

    async def over(self, patience=30.0):
        await self._until("over", patience)

    async def press(self, digits):
        await self.order("press", digits)

    async def hold(self):
        await self.order("hold")

    async def resume(self):
        await self.order("resume")

    async def restart_ice(self):
        """Looks for the way anew, as after a change of the network."""
        await self.order("restartIce")

    async def hang_up(self):
        await self.order("hangUp")

    async def connection(self):
        """Codec, encryption and state, as the browser's statistics say."""
        return await self.order("connection")

    async def listen(self, since=None, until=None):
        """What it heard; `since` and `until` are `time.monotonic()`."""
        wall = time.time() - time.monotonic()
        since, until = [None if at is None else (at + wall) * 1000 for at in (since, until)]
        heard = await self.order("heard", since or 0, *([until] if until else []))
        return numpy.frombuffer(base64.b64decode(heard), numpy.int16)

    async def hears(self, frequency, patience=30.0):
        """Waits until half a second of a tone was heard, from now on."""
        began = time.monotonic()
        while True:
            await asyncio.sleep(0.7)
            sound = await self.listen(max(began, time.monotonic() - 3))
            pieces = [sound[at : at + scripted.FS // 2] for at in range(0, len(sound) - scripted.FS // 2, 800)]
            if any(scripted.tone_level(piece, frequency) > 0.8 for piece in pieces):
                return
            if time.monotonic() > began + patience:
                raise AssertionError(f"{self.library}: no {frequency} Hz in {len(sound) / scripted.FS:.1f} s")

    async def stop(self):
        if self.process and self.process.returncode is None:
            self.process.stdin.close()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self.process:
            await self.reader
