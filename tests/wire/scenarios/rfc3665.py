"""The registrations of RFC 3665 §2 as ladders, message by message."""

import scripted
from scenarios import scenario


def ladder(phone):
    """What went over the wire since the last ladder, each message in a word."""
    messages = [(way, scripted.Msg.parse(raw)) for _, way, raw in phone.trace]
    phone.trace.clear()
    return [m.method if way == "tx" else m.code for way, m in messages]


async def bob(hotline, password):
    phone = scripted.UA("1001", password, hotline.address)
    phone.trace = []
    return await phone.start()


async def registers(phone, *contacts, challenge=None, expires=None):
    """A REGISTER with exactly these contacts; with the answer to a challenge of before, where there is one."""
    uri = f"sip:{phone.domain}"
    extra = [("Contact", contact) for contact in contacts]
    extra += [("Expires", str(expires))] if expires is not None else []
    extra += phone._auth(challenge, "REGISTER", uri) if challenge else []
    reply = await phone.request("REGISTER", uri, to=phone.aor, cid=phone.reg_cid, extra=extra, contact=False)
    return reply, [contact.split(";")[0] for contact in reply.all("contact")]


@scenario
async def rfc3665_registration_flows(world):
    """§2.1 to §2.4: new registration, another contact, the list, cancellation; one challenge serves them all"""
    hotline = await world.hotline()
    phone = await bob(hotline, hotline.password("1001"))
    desk, mobile = phone.contact, "<sip:1001@192.0.2.4>"
    answered = phone._auth

    def remembers(challenge, *request):
        remembers.challenge = challenge
        return answered(challenge, *request)

    phone._auth = remembers
    reply, contacts = await registers(phone, desk, expires=3600)
    assert ladder(phone) == ["REGISTER", 401, "REGISTER", 200]
    assert contacts == [desk], reply.build()

    challenge = remembers.challenge
    reply, contacts = await registers(phone, mobile, challenge=challenge)
    assert ladder(phone) == ["REGISTER", 200]
    assert sorted(contacts) == sorted([desk, mobile]), reply.build()

    reply, contacts = await registers(phone, challenge=challenge)
    assert ladder(phone) == ["REGISTER", 200]
    assert sorted(contacts) == sorted([desk, mobile]), reply.build()

    reply, contacts = await registers(phone, "*", challenge=challenge, expires=0)
    assert ladder(phone) == ["REGISTER", 200]
    assert contacts == [], reply.build()
    await phone.stop()


@scenario
async def rfc3665_unsuccessful_registration(world):
    """§2.5: a wrong password is challenged anew, and nothing is bound"""
    hotline = await world.hotline()
    phone = await bob(hotline, "wrong")
    reply, _ = await registers(phone, phone.contact)
    assert ladder(phone) == ["REGISTER", 401, "REGISTER", 401]
    assert reply.get("www-authenticate"), reply.build()
    phone.password = hotline.password("1001")
    _, contacts = await registers(phone)
    assert contacts == [], contacts
    await phone.stop()
