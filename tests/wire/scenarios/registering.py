"""The registrar, and who may call."""

import asyncio
import os
import socket
import struct

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


async def registers(phone, *contacts, expires=None, extra=(), cid="several", to=None):
    """A REGISTER with exactly these Contact values."""
    headers = [("Contact", contact) for contact in contacts] + list(extra)
    if expires is not None:
        headers.append(("Expires", str(expires)))
    ua = phone.ua
    return await ua.request(
        "REGISTER", f"sip:{ua.domain}", to=to or ua.aor, cid=cid, extra=headers, contact=False
    )


@scenario
async def several_contacts(world):
    """several phones of one agent: listed with their preference, taken back one by one and all at once"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", ready=False)
    reply = await registers(desk, "<sip:1001@192.0.2.1>;q=0.2", "<sip:1001@192.0.2.2>;q=0.9", expires=120)
    assert reply.code == 200, reply.build()
    order = [contact.split("@")[1].split(">")[0] for contact in reply.all("contact")]
    assert order[-2:] == ["192.0.2.2", "192.0.2.1"] and len(order) == 3, order

    reply = await registers(desk, "<sip:1001@192.0.2.1>", expires=0)
    assert reply.code == 200 and len(reply.all("contact")) == 2, reply.build()
    # One contact that cannot be, and nothing of the request happens.
    reply = await registers(desk, "<sip:1001@192.0.2.7>", "<sip:1001@192.0.2.8>;expires=1", expires=120)
    assert reply.code == 423 and int(reply.get("min-expires")) > 1, reply.build()
    # All of them, and only as the RFC has it (RFC 3261 10.3 step 6).
    for bad in (await registers(desk, "*", expires=60), await registers(desk, "*")):
        assert bad.code == 400, bad.build()
    assert len((await desk.ua.bindings()).all("contact")) == 2
    reply = await registers(desk, "*", expires=0)
    assert reply.code == 200 and not reply.all("contact"), reply.build()
    assert not (await desk.ua.bindings()).all("contact")


@scenario
async def somebody_elses_contacts(world):
    """an agent who has signed in changes nobody else's registration"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", ready=False)
    await world.desk(hotline, "1002", ready=False)
    stranger = f"sip:1002@{desk.ua.domain}"
    reply = await registers(desk, "<sip:1001@192.0.2.1>", expires=60, to=stranger)
    assert reply.code == 403, reply.build()
    reply = await registers(desk, "*", expires=0, to=stranger)
    assert reply.code == 403, reply.build()


@scenario
async def path_of_proxies(world):
    """the Path of proxies comes back to a phone that knows it, and one that does not is told so"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", ready=False)
    path = ("Path", "<sip:192.0.2.9;lr>")
    reply = await registers(desk, desk.ua.contact, expires=60, extra=[path, ("Supported", "path")])
    assert reply.code == 200 and reply.get("path") == "<sip:192.0.2.9;lr>", reply.build()
    reply = await registers(desk, desk.ua.contact, expires=60, extra=[path])
    assert reply.code == 420 and reply.get("unsupported") == "path", reply.build()


FLOW = ';reg-id=1;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


@scenario(weight=2)
async def flows(world):
    """a phone that keeps a stream open is told how often to use it, is rung over it, and is gone when it closes"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", ready=False, tcp=True, auto=None)
    outbound = [("Supported", "path, outbound")]
    await desk.ua.unregister()
    reply = await registers(desk, desk.ua.contact + FLOW, expires=300, extra=outbound)
    assert reply.code == 200 and "outbound" in reply.get("require", ""), reply.build()
    assert 10 <= int(reply.get("flow-timer")) <= 300, reply.build()
    await hotline.command("agent", "ready", "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await desk.ringing()
    await caller.hang_up()
    await desk.over()
    desk.ua.t.close()
    await hotline.logged("the phone is gone")


@scenario(weight=3)
async def second_flow(world):
    """a phone with two flows has its pings answered, rings over one of them, and over the other when that is cut"""
    hotline = await world.hotline()
    legs = []
    for number in (1, 2):
        leg = await world.desk(hotline, "1001", ready=False, tcp=True, auto=None)
        await leg.ua.unregister()
        contact = leg.ua.contact + FLOW.replace("reg-id=1", f"reg-id={number}")
        reply = await registers(leg, contact, expires=300, extra=[("Supported", "path, outbound")])
        assert reply.code == 200 and len(reply.all("contact")) == number, reply.build()
        await leg.ua.t.ping()
        legs.append(leg)
    first, second = legs
    await hotline.command("agent", "ready", "1001")
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await second.ringing()
    assert not first.rang.is_set(), "one phone, two flows: it rings once"
    await caller.hang_up()
    await second.over()
    second.ua.t.close()
    await first.ua.t.ping()
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await first.ringing()
    await first.answer()
    await asyncio.gather(caller.in_call(), first.in_call())
    await caller.hang_up()
    await first.over()


@scenario(weight=3)
async def restart(world):
    """after kill -9 and a new start phones of every make are rung without registering anew"""
    hotline = await world.hotline()
    makes = {"1001": "pjsip", "1002": "baresip"}
    desks = {user: await world.desk(hotline, user, make=make) for user, make in makes.items()}
    refreshing = await world.desk(hotline, "1003", ready=False)
    await asyncio.sleep(1)
    await hotline.stop()
    await hotline.start()
    assert "restored=3" in await hotline.logged("registrations of before")
    for user, desk in desks.items():
        for other in desks:
            await hotline.command("agent", "ready" if other == user else "sign-off", other)
        caller = await world.caller()
        await caller.dial(hotline.uri("95501"))
        await asyncio.gather(caller.in_call(), desk.in_call())
        await caller.hang_up()
        await desk.over()
    # A refresh with what was agreed before the restart is challenged as stale, which no user hears of.
    reply = await refreshing.registered()
    assert reply.code == 200 and len(reply.all("contact")) == 1, reply.build()


@scenario(weight=3)
async def all_phones_ring(world):
    """two phones of one agent ring together; the first that answers has the caller, the other one stops"""
    hotline = await world.hotline()
    desk = await world.desk(hotline, "1001", auto=None)
    home = await world.desk(hotline, "1001", auto=None, ready=False)
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await asyncio.gather(desk.ringing(), home.ringing())
    await home.answer()
    await asyncio.gather(caller.in_call(), home.in_call())
    await desk.over()
    assert desk.call.state == "ended", desk.call.state
    await caller.hang_up()
    await home.over()
    record = await hotline.call_recorded()
    assert record["queue"]["outcome"] == "served" and record["queue"]["offers"] == 1, record


SILENCE = {"registrar.probe_every_s": 2, "registrar.probe_within_s": 1}


@scenario(weight=2)
async def silent_phone(world):
    """a phone that has died is found out by OPTIONS and its agent offered nobody; its first word brings them back"""
    hotline = await world.hotline(settings=SILENCE)
    desk = await world.desk(hotline, "1001")
    baresip = await world.desk(hotline, "1002", make="baresip")
    desk.ua.deaf = True
    await hotline.logged("the phone is gone", timeout=40)
    lists = (await hotline.command("agent", "list")).splitlines()
    state = {user: next(line for line in lists if user in line) for user in ("1001", "1002")}
    assert "signed-off" in state["1001"] and "ready" in state["1002"], lists
    caller = await world.caller()
    await caller.dial(hotline.uri("95501"))
    await asyncio.gather(caller.in_call(), baresip.in_call())
    await caller.hang_up()
    desk.ua.deaf = False
    await hotline.logged("the phone answers again", timeout=30)


@scenario
async def keep_alive_over_udp(world):
    """a STUN binding request on the SIP port is answered with the address that it came from"""
    hotline = await world.hotline()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(3)
        transaction = os.urandom(12)
        s.sendto(struct.pack(">HHI", 1, 0, 0x2112A442) + transaction, (hotline.host, hotline.port))
        reply = await asyncio.to_thread(s.recv, 100)
        port = s.getsockname()[1]
    kind, length, cookie = struct.unpack(">HHI", reply[:8])
    assert (kind, length, cookie, reply[8:20]) == (0x0101, 12, 0x2112A442, transaction), reply
    _, _, _, family, masked, address = struct.unpack(">HHBBHI", reply[20:])
    assert (family, masked ^ 0x2112, address ^ 0x2112A442) == (1, port, 0x7F000001), reply
