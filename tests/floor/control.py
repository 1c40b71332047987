"""The daemon's control socket, as the `hotline` command uses it, without a process for each question."""

import asyncio
import json


class Control:
    def __init__(self, daemon):
        self.path = f"{daemon.state}/control.sock"
        self.lock = asyncio.Lock()
        self.reader = self.writer = None

    async def ask(self, order):
        async with self.lock:
            for last in (False, True):
                try:
                    if self.writer is None:
                        self.reader, self.writer = await asyncio.open_unix_connection(self.path, limit=1 << 22)
                    self.writer.write(json.dumps(order).encode() + b"\n")
                    line = await asyncio.wait_for(self.reader.readline(), 10)
                    if not line:
                        raise ConnectionError("closed")
                    return json.loads(line)
                except BaseException as error:
                    # It closes what is idle for a minute; and whoever is cancelled leaves an answer behind that is not the next one's.
                    if self.writer:
                        self.writer.close()
                    self.writer = None
                    if last or not isinstance(error, ConnectionError):
                        raise

    async def agents(self):
        return (await self.ask({"exchange": "agents"}))["reply"]["agents"]

    async def calls(self):
        return (await self.ask({"exchange": "calls"}))["reply"]["calls"]

    async def status(self):
        return (await self.ask("status"))["status"]["exchange"]

    async def change(self, extension, change):
        """`ready`, `sign-on`, `sign-off`, or `away` for a break."""
        change = {"away": {"reason": "break", "until": None}} if change == "away" else change
        answer = await self.ask({"exchange": {"set-agent": {"extension": extension, "change": change}}})
        if answer != {"reply": "done"}:
            raise AssertionError(f"{extension} {change}: {answer}")
