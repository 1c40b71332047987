"""The scripted phone with the same verbs as the other phones have."""

import asyncio

import scripted


class ScriptedPhone:
    """`say` is what the phone says, as int16 at 8 kHz, over and over. `auto`: it answers by itself with this status,
    `delay` seconds after it began to ring; without, it rings until it is told. `codec`: the only one that it speaks."""

    def __init__(
        self,
        user,
        say,
        registrar=None,
        password=None,
        auto=None,
        delay=0.3,
        tcp=False,
        display=None,
        ip="127.0.0.1",
        transport=None,
        cafile=None,
        srtp=False,
        codec=None,
    ):
        self.say, self.auto, self.delay = say, auto, delay
        self.ua = scripted.UA(
            user,
            password,
            registrar,
            ip=ip,
            transport=transport or ("tcp" if tcp else "udp"),
            cafile=cafile,
            display=display,
            codecs=(codec,) if codec else ("PCMA", "PCMU"),
            srtp=srtp,
        )
        self.ua.on_invite = self._incoming
        self.calls = []  # in and out, in order
        self.rang = asyncio.Event()

    @property
    def uri(self):
        return f"sip:{self.ua.user}@{self.ua.ip}:{self.ua.port}"

    @property
    def call(self):
        """The last call."""
        return self.calls[-1]

    async def start(self):
        await self.ua.start()
        return self

    async def registered(self, expires=300):
        return await self.ua.register(expires)

    async def _incoming(self, call):
        self.calls.append(call)
        await call.ring()
        self.rang.set()
        if self.auto:
            await asyncio.sleep(self.delay)
            await (call.answer(tx=self.say) if self.auto == 200 else call.reject(self.auto))

    async def ringing(self, timeout=30.0):
        """An incoming call rings; returns it."""
        try:
            await asyncio.wait_for(self.rang.wait(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"{self.ua.user} did not ring within {timeout} s") from None
        self.rang.clear()
        return self.call

    async def answer(self):
        await self.call.answer(tx=self.say)

    async def dial(self, uri, **options):
        self.calls.append(await self.ua.invite(uri, tx=self.say, **options))
        return self.call

    async def in_call(self, timeout=30.0):
        for _ in range(int(timeout * 20)):
            if self.calls:
                return await self.call.wait_answer(timeout)
            await asyncio.sleep(0.05)
        raise AssertionError(f"{self.ua.user} has no call after {timeout} s")

    async def press(self, digits):
        await self.call.dtmf(digits)

    async def press_by_info(self, digits):
        await self.call.dtmf(digits, "info")

    async def hold(self, mode="sendonly"):
        await self.call.hold(mode)

    async def resume(self):
        await self.call.resume()

    def texts(self):
        """What was written to it, in order."""
        return [what[2] for what in self.ua.events if what[1] == "message"]

    async def hang_up(self):
        await self.call.bye()

    async def over(self, timeout=30.0):
        return await self.call.wait_ended(timeout)

    def listen(self, since=0.0, until=None):
        """What the last call heard so far; `since` and `until` are `time.monotonic()`."""
        return self.call.media.heard(since, until)

    async def heard(self):
        return self.listen()

    async def stop(self):
        await self.ua.stop()
