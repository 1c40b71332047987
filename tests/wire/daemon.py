"""The hotline's daemon as a process: started, asked, told to stop, looked at."""

import asyncio
import json
import os
import signal
import socket
import time

READY_SECONDS = 60


class Daemon:
    """`hotline serve` on a state folder of its own. `settings` go in as HOTLINE__SECTION__KEY."""

    def __init__(self, binary, folder, host, arguments=(), settings=None, environment=None, port=5060):
        self.binary, self.folder, self.host, self.port = binary, folder, host, port
        self.state = os.path.join(folder, "state")
        self.arguments = ["serve", "--state", self.state, "--listen", self.address, *arguments]
        # What an administrator's shell has: the commands of the suite run in it.
        self.shell = {k: v for k, v in os.environ.items() if not k.startswith(("HOTLINE__", "NOTIFY_", "WATCHDOG_"))}
        self.environment = dict(self.shell)
        if "WIRE_EXCHANGES" in os.environ:
            self.environment["HOTLINE__EXCHANGE__THREADS"] = os.environ["WIRE_EXCHANGES"]
        self.environment.update(
            {f"HOTLINE__{k.replace('.', '__').upper()}": str(v) for k, v in (settings or {}).items()}
        )
        self.environment.update(environment or {})
        self.process = None
        self.runs = 0

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def uri(self, number, tcp=False, transport=None):
        named = transport or ("tcp" if tcp else "udp")
        parameter = {"udp": "", "wss": ";transport=ws"}.get(named, f";transport={named}")
        return f"sip:{number}@{self.server(named)}{parameter}"

    # Where these are listened on, once `listens` has said so.
    PORTS = {"tls": 5061, "ws": 5080, "wss": 5443}

    def server(self, transport):
        return f"{self.host}:{self.PORTS[transport]}" if transport in self.PORTS else self.address

    def set(self, **settings):
        """As `settings`, for what is known only once the host is: `listen__tls=…`."""
        self.environment.update({f"HOTLINE__{k.upper()}": str(v) for k, v in settings.items()})
        return self

    def listens(self, *transports, certificate=None):
        """Also on these. `certificate`: its path and its key's."""
        if certificate:
            self.set(tls__certificate=certificate[0], tls__key=certificate[1])
        return self.set(**{f"listen__{transport}": self.server(transport) for transport in transports})

    async def start(self, ready=True):
        """Starts it; waits until it answers OPTIONS unless told not to."""
        self.runs += 1
        with open(f"{self.folder}/out-{self.runs}", "wb") as out, open(f"{self.folder}/log-{self.runs}", "wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                self.binary,
                *self.arguments,
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=log,
            )
        end = time.monotonic() + READY_SECONDS
        while ready and not await asyncio.to_thread(self.answers):
            if self.process.returncode is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode}: {self.log()[-2000:]}")
            if time.monotonic() > end:
                raise AssertionError(f"the daemon does not answer OPTIONS after {READY_SECONDS} s")
        return self

    def answers(self, patience=0.3):
        """Whether it answers OPTIONS over UDP."""
        tag = os.urandom(6).hex()
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.bind((self.host, 0))
            s.settimeout(patience)
            sent_by = f"{self.address.rsplit(':', 1)[0]}:{s.getsockname()[1]}"
            lines = [
                f"OPTIONS sip:{self.address} SIP/2.0",
                f"Via: SIP/2.0/UDP {sent_by};branch=z9hG4bK{tag};rport",
                "Max-Forwards: 70",
                f"From: <sip:ping@{self.address}>;tag={tag}",
                f"To: <sip:{self.address}>",
                f"Call-ID: {tag}",
                "CSeq: 1 OPTIONS",
                "Content-Length: 0",
            ]
            try:
                s.sendto("".join(f"{line}\r\n" for line in [*lines, ""]).encode(), (self.host, self.port))
                return s.recv(65536).startswith(b"SIP/2.0 ")
            except OSError:
                time.sleep(0.05)
                return False

    def password(self, user):
        """The one that was made up for this account at the first start without a configuration file."""
        with open(f"{self.state}/demo-accounts.json", encoding="utf-8") as f:
            return json.load(f)[user]

    @property
    def running(self):
        return self.process is not None and self.process.returncode is None

    def signal(self, number):
        self.process.send_signal(number)

    async def ended(self, timeout=30.0):
        """Its exit code."""
        try:
            return await asyncio.wait_for(self.process.wait(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"the daemon is still there after {timeout} s") from None

    async def stop(self):
        """At once and without ceremony."""
        if self.running:
            self.signal(signal.SIGKILL)
            await self.process.wait()

    # -- what it says

    def log(self, run=None):
        return self._text(f"log-{run or self.runs}")

    def out(self, run=None):
        return self._text(f"out-{run or self.runs}")

    def _text(self, name):
        with open(f"{self.folder}/{name}", encoding="utf-8", errors="replace") as f:
            return f.read()

    async def logged(self, text, timeout=30.0, since=0):
        """Waits for a line of the log that contains `text`; returns the line."""
        end = time.monotonic() + timeout
        while True:
            for line in self.log()[since:].splitlines():
                if text in line:
                    return line
            if time.monotonic() > end:
                raise AssertionError(f"the log does not say {text!r} within {timeout} s")
            await asyncio.sleep(0.1)

    # -- its commands

    async def command(self, *arguments, expect=0):
        """`hotline ARGUMENTS` on this daemon's state folder; what it prints on standard output."""
        code, out, errors = await self.attempt(*arguments)
        if code != expect:
            raise AssertionError(f"hotline {' '.join(arguments)}: exit code {code}: {out}{errors}")
        return out

    async def attempt(self, *arguments):
        process = await asyncio.create_subprocess_exec(
            self.binary,
            *arguments,
            "--state",
            self.state,
            env=self.shell,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode(), errors.decode()

    async def calls(self):
        """The records, as `hotline calls --json` prints them, the first call first."""
        lines = (await self.command("calls", "--json")).splitlines()
        # Of several exchanges each numbers its own calls.
        return sorted((json.loads(line) for line in lines), key=lambda record: (record["started"], record["call"]))

    async def counter(self, name):
        """How often `hotline status` says that something was lost or refused for this reason."""
        words = (await self.command("status")).split()
        return int(words[words.index(name) + 1]) if name in words else 0

    async def counted(self, name, number=1, timeout=30.0):
        async def ask():
            return await self.counter(name)

        return await self.until(ask, lambda count: count >= number, timeout)

    async def messages(self):
        return [json.loads(line) for line in (await self.command("messages", "--json")).splitlines()]

    async def until(self, ask, wanted, timeout=30.0):
        """Asks again and again until the answer is as wanted: records and slips are written behind the call."""
        end = time.monotonic() + timeout
        while True:
            answer = await ask()
            if wanted(answer):
                return answer
            if time.monotonic() > end:
                raise AssertionError(f"still {answer} after {timeout} s")
            await asyncio.sleep(0.2)

    async def call_recorded(self, number=0):
        """The record of the call with this number, counted from the first, once it is written."""
        return (await self.until(self.calls, lambda calls: len(calls) > number))[number]
