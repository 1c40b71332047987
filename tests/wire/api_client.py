"""The hotline's API as a browser and as a program use it: Python's own HTTP client, nothing of ours."""

import asyncio
import http.client
import json
import os
import queue
import socket
import ssl
import subprocess
import threading
import time

PORT = 8080
PASSWORD = "correct horse battery"


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    def __repr__(self):
        return f"{self.status} {self.body[:400]!r}"


class Api:
    """One who asks: nobody at first, then whoever signs in, or has a token."""

    def __init__(self, daemon, authority=None):
        self.daemon, self.authority = daemon, authority
        self.cookie, self.csrf, self.token = None, None, None

    def connection(self, timeout=30):
        if self.authority:
            context = ssl.create_default_context(cafile=self.authority)
            return http.client.HTTPSConnection(self.daemon.host, PORT, timeout=timeout, context=context)
        return http.client.HTTPConnection(self.daemon.host, PORT, timeout=timeout)

    def headers(self, method="GET", more=None):
        headers = {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        elif self.cookie:
            headers["Cookie"] = self.cookie
            if method not in ("GET", "HEAD") and self.csrf:
                headers["X-CSRF-Token"] = self.csrf
        return {**headers, **(more or {})}

    def _ask(self, method, path, body, headers):
        connection = self.connection()
        headers = self.headers(method, headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, f"/api/v1{path}", body, headers)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    async def ask(self, method, path, body=None, headers=None, expect=None):
        answer = await asyncio.to_thread(self._ask, method, path, body, headers)
        assert expect is None or answer.status == expect, f"{method} {path}: {answer}"
        return answer

    async def get(self, path, **options):
        return (await self.ask("GET", path, expect=200, **options)).json

    async def sign_in(self, name, password=PASSWORD, expect=200):
        answer = await self.ask("POST", "/session", {"name": name, "password": password}, expect=expect)
        if answer.status == 200:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
            self.csrf = answer.json["csrf"]
        return answer

    async def events(self, last=None):
        stream = Stream(self, last)
        await asyncio.to_thread(stream.open)
        return stream


class Stream:
    """Server-sent events, read by a thread of its own."""

    def __init__(self, api, last=None):
        self.api, self.last, self.heard = api, last, queue.SimpleQueue()
        self.connection = api.connection(timeout=120)

    def open(self):
        headers = self.api.headers(more={"Last-Event-ID": self.last} if self.last else None)
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        event = {}
        try:
            while line := self.response.readline():
                line = line.decode().rstrip("\n")
                if not line:
                    if event:
                        self.heard.put(event)
                    event = {}
                elif not line.startswith(":"):
                    key, _, value = line.partition(": ")
                    event[key] = value
        except (OSError, ValueError, AttributeError):
            pass
        self.heard.put(None)

    async def until(self, name, timeout=30, **fields):
        """The next event of this name with these fields; what comes before it is passed over."""
        end = time.monotonic() + timeout
        passed = []
        while True:
            try:
                event = await asyncio.to_thread(self.heard.get, True, max(end - time.monotonic(), 0.01))
            except queue.Empty:
                raise AssertionError(f"no event {name} with {fields} within {timeout} s, only {passed}") from None
            assert event is not None, f"the stream ended before {name} with {fields}: {passed}"
            self.last = event.get("id", self.last)
            data = json.loads(event["data"])
            if event["event"] == name and all(data.get(key) == value for key, value in fields.items()):
                return data
            passed.append((event["event"], data))

    def close(self):
        # Closing would wait for the thread that reads.
        self.socket.shutdown(socket.SHUT_RDWR)


async def add_user(daemon, name, role, extension=None, password=PASSWORD):
    order = ["user", "add", name, "--role", role, "--state", daemon.state]
    order += ["--extension", extension] if extension else []
    done = await asyncio.to_thread(
        subprocess.run, [daemon.binary, *order], input=f"{password}\n", text=True, capture_output=True, env=daemon.shell
    )
    assert done.returncode == 0, done.stderr


async def served(world, plan="short", **options):
    """A daemon that serves the web on its own loopback address."""
    daemon = world.daemon(plan=plan, **options)
    return await daemon.set(web__http=f"{daemon.host}:{PORT}").start()


async def signed_in(daemon, role, extension=None, name=None):
    """A user of this role, in a browser."""
    name = name or f"{role}-{os.urandom(3).hex()}"
    await add_user(daemon, name, role, extension)
    api = Api(daemon)
    await api.sign_in(name)
    return api


async def program(daemon, user, *scopes):
    """A program of that user's, with a token made at the command line."""
    order = ["token", "add", "--user", user, "--title", "wire"]
    for scope in scopes:
        order += ["--scope", scope]
    api = Api(daemon)
    api.token = (await daemon.command(*order)).strip()
    return api
