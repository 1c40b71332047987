"""The registrar, and who may call."""

import asyncio
import os

import scripted
from scenarios import scenario


async def refused(awaitable):
    """The status with which it is refused."""
    try:
        reply = await awaitable
    except scripted.CallFailed as e:
        return e.code
    raise AssertionError(f"accepted: {reply}")


@scenario
async def wrong_password_and_unknown_user_look_alike(world):
    """a wrong password and an unknown user get the same answers"""
    hotline = await world.hotline()

    async def answers(user, password):
        phone = scripted.UA(user, password, hotline.address)
        phone.trace = []
        await phone.start()
        code = await refused(phone.register(60))
        await phone.stop()
        replies = [scripted.Msg.parse(raw) for _, way, raw in phone.trace if way == "rx"]
        # Values differ from call to call; which headers there are, in which order, must not.
        return code, [(m.start, [name for name, _ in m.headers]) for m in replies]

    wrong, unknown = await answers("1001", "wrong"), await answers("7777", "wrong")
    assert wrong == unknown, (wrong, unknown)
    assert wrong[0] == 401, wrong


@scenario
async def registration_ends(world):
    """a registration is listed, is renewed, and is gone when it is taken back"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", ready=False)
    again = await desk.registered(expires=120)
    assert again.code == 200 and len(again.all("contact")) == 1, again.build()
    fetched = await desk.ua.bindings()
    assert len(fetched.all("contact")) == 1, fetched.build()
    gone = await desk.ua.unregister()
    assert gone.code == 200 and not gone.all("contact"), gone.build()
    fetched = await desk.ua.bindings()
    assert fetched.code == 200 and not fetched.all("contact"), fetched.build()


@scenario(weight=7)
async def registration_expires(world):
    """a phone that does not renew is not rung any more, and its agent is signed off"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", ready=False)
    reply = await desk.ua.register(60, refresh=False)
    granted = int(reply.get("contact").split("expires=")[1].split(";")[0])
    assert granted <= 60, reply.build()
    await hotline.logged("the phone is gone", timeout=granted + 5)
    fetched = await desk.ua.bindings()
    assert fetched.code == 200 and not fetched.all("contact"), fetched.build()


@scenario
async def too_short_a_registration(world):
    """a registration for a moment is answered 423 with Min-Expires"""
    hotline = await world.hotline()
    phone = scripted.UA("1001", hotline.password("1001"), hotline.address)
    await phone.start()
    try:
        await phone.register(1)
        raise AssertionError("accepted")
    except scripted.CallFailed as e:
        assert e.code == 423 and int(e.msg.get("min-expires")) > 1, e.msg and e.msg.build()
    finally:
        await phone.stop()


STRANGERS = """
[trunk.carrier]
addresses = ["192.0.2.0/24"]
"""


@scenario
async def strangers_are_refused(world):
    """with trunks configured, an INVITE from elsewhere is challenged or refused, and nothing is played"""
    path = os.path.join(world.folder, "hotline.toml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(STRANGERS)
    hotline = await world.hotline("--config", path)
    caller = await world.caller()
    await caller.dial(hotline.uri("95500"))
    code = await refused(caller.in_call())
    assert code == 401, code
    assert not caller.call.media.rx


@scenario
async def options_is_answered(world):
    """OPTIONS is answered 200 with what the hotline can do"""
    hotline = await world.hotline()
    caller = await world.caller()
    reply = await caller.ua.options(hotline.uri("95500"))
    assert reply.code == 200 and "INVITE" in reply.get("allow", ""), reply.build()
