"""A receiver of the web hook (HTTP/1.1) that checks each signature; and refuses where it is told to."""

import asyncio
import hashlib
import hmac
import json
import time


class HookReceiver:
    """`moods` are taken one a request, then all is accepted: a status to answer, or `drop` for no answer. A redirection
    points `elsewhere`."""

    def __init__(self, host, secret, moods=(), elsewhere=""):
        self.host, self.secret, self.moods, self.elsewhere = host, secret, list(moods), elsewhere
        self.events, self.requests, self.forged = [], 0, 0
        self.arrived = asyncio.Event()
        self.server = self.port = None

    async def start(self, port=0):
        self.server = await asyncio.start_server(self.serve, self.host, port)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def stop(self):
        if self.server:
            self.server.close()

    @property
    def url(self):
        return f"http://{self.host}:{self.port}/messages"

    async def event(self, number=0, timeout=30):
        async with asyncio.timeout(timeout):
            while len(self.events) <= number:
                self.arrived.clear()
                await self.arrived.wait()
        return self.events[number]

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")[1:]
            headers = dict((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
            body = await reader.readexactly(int(headers["content-length"]))
            self.requests += 1
            mood = self.moods.pop(0) if self.moods else 200
            if mood == "drop":
                return
            if mood == 200:
                self.take(headers, body)
            where = f"Location: {self.elsewhere}\r\n" if 300 <= mood < 400 else ""
            writer.write(f"HTTP/1.1 {mood} so\r\n{where}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def take(self, headers, body):
        parts = dict(part.split("=", 1) for part in headers["hotline-signature"].split(","))
        expected = hmac.new(self.secret.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(parts["t"])) < 60
        if not (fresh and hmac.compare_digest(expected, parts["v1"])):
            self.forged += 1
            return
        self.events.append(json.loads(body))
        self.arrived.set()
