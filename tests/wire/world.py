"""What a scenario has at hand: daemons, phones of every make, and a tidy end for all of them."""

import asyncio
import contextlib
import os
import sys
import traceback

import scripted
from baresip import BaresipPhone
from browser import BrowserPhone
from daemon import Daemon
from pjsip import PjsipPhone
from scripted_phone import ScriptedPhone
from sipp import Sipp

HERE = os.path.dirname(os.path.abspath(__file__))

# Who says what, in Hz: far apart, and no multiples of each other.
CALLER_TONE, AGENT_TONE, SECOND_AGENT_TONE = 440, 617, 857

PHONES = {"scripted": ScriptedPhone, "pjsip": PjsipPhone, "baresip": BaresipPhone}


class World:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.slot = int(os.environ.get("WIRE_SLOT", "0"))
        self.network = os.environ.get("WIRE_NETWORK", "127.77")
        self.daemons, self.phones = [], []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await asyncio.gather(*(phone.stop() for phone in self.phones), return_exceptions=True)
        for daemon in self.daemons:
            with contextlib.suppress(ProcessLookupError):
                await daemon.stop()

    def daemon(self, *arguments, plan="short", host=None, **options):
        """A daemon, not yet started, on a loopback address of its own. `plan` names a folder of `tests/wire/plans`."""
        number = len(self.daemons)
        folder = os.path.join(self.folder, f"daemon-{number}")
        os.makedirs(folder)
        host = host or f"{self.network}.{self.slot + 1}.{number + 1}"
        if plan:
            arguments = ("--dialplans", os.path.join(HERE, "plans", plan), *arguments)
        # A plan of the suite stands alone; `plan=None` is for what the program ships, or what the arguments say.
        if plan or "--dialplans" in arguments:
            arguments = ("--alone", *arguments)
        daemon = Daemon(self.binary, folder, host, arguments, **options)
        self.daemons.append(daemon)
        return daemon

    async def hotline(self, *arguments, **options):
        """A daemon that takes calls."""
        return await self.daemon(*arguments, **options).start()

    async def phone(self, make, user, tone, **options):
        """A phone that is switched on; it says a tone, or what `say` is."""
        phone = PHONES[make](user, options.pop("say", scripted.tone(tone)), **options)
        self.phones.append(phone)
        return await phone.start()

    async def caller(self, number="13800138000", make="scripted", **options):
        return await self.phone(make, number, CALLER_TONE, **options)

    async def sipp(self, daemon, service, **options):
        sipp = Sipp(daemon.address, service, **options)
        self.phones.append(sipp)
        return await sipp.start()

    async def desk(self, daemon, extension, make="scripted", tone=AGENT_TONE, ready=True, **options):
        """An agent's phone, registered; answers by itself unless `auto` says otherwise; signed on and ready."""
        options.setdefault("auto", 200 if make != "baresip" else True)
        password = daemon.password(extension)
        registrar = daemon.server(options.get("transport") or "udp")
        phone = await self.phone(make, extension, tone, registrar=registrar, password=password, **options)
        await phone.registered()
        if ready:
            await daemon.command("agent", "ready", extension)
        return phone

    async def browser(self, daemon, library, extension, tone=AGENT_TONE, ready=True, transport="ws"):
        """An agent's browser, registered by SIP.js or JsSIP; signed on and ready."""
        server = f"{transport}://{daemon.server(transport)}"
        phone = BrowserPhone(library, server, extension, daemon.password(extension), tone, self.folder)
        self.phones.append(phone)
        await phone.start()
        if ready:
            await daemon.command("agent", "ready", extension)
        return phone

    def tell_failure(self, error):
        traceback.print_exception(error, file=sys.stdout)
        for daemon in self.daemons:
            if daemon.runs:
                log = daemon.log().splitlines()
                print(f"-- the last of {len(log)} lines of the log of {daemon.address}:")
                print("\n".join(log[-60:]))
