"""SIP.js and JsSIP, the libraries of browser phones, under node: `web/phone.mjs` in a process of its own."""

import asyncio
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))


async def web_phone(library, server, user, password, cafile=None, *, to):
    """Signs in at `ws://…` or `wss://…`, asks OPTIONS, sends `to` a MESSAGE, signs off; every answer's request and
    status."""
    environment = dict(os.environ)
    if "WEB_PHONES" not in environment:
        raise AssertionError("WEB_PHONES names no folder with the packages of tests/peers/web: tests/run installs them")
    if cafile:
        environment["NODE_EXTRA_CA_CERTS"] = cafile
    process = await asyncio.create_subprocess_exec(
        "node",
        f"{HERE}/web/phone.mjs",
        library,
        server,
        user,
        password,
        to,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 0, f"{library}: {out.decode()}{errors.decode()}"
    answers = [json.loads(line) for line in out.decode().splitlines()]
    return [(answer["request"], answer["status"]) for answer in answers]
