"""Trunks: registered with, looked after, called through, believed or not."""

import asyncio
import os

from carrier import Carrier
from nameserver import NAPTR, SRV, A, NameServer
from prompts import expect_tone
from scenarios import scenario
from world import AGENT_TONE, SECOND_AGENT_TONE

import scripted

PLAN = """
[hotline]
name = "Trunks"
language = "zh-CN"
operator = "waiting"

[numbers]
95504 = "waiting"
"+861095504" = "waiting"

[[flow.waiting]]
wait = { play = "notice/privacy" }

[agent.1001]
may_call = ["1[3-9]xxxxxxxxx"]
"""

PASSWORD = "desk password"


class House:
    """A hotline with one trunk, its carrier on the next addresses, a name server, a desk."""

    def __init__(self, world):
        self.world = world

    def address(self, number):
        return f"{self.world.network}.{self.world.slot + 1}.{number}"

    async def carrier(self, number, accounts=None, **options):
        options.setdefault("auto", 200)
        carrier = Carrier("13800138000", scripted.tone(SECOND_AGENT_TONE), self.address(number), accounts, **options)
        self.world.phones.append(carrier)
        return await carrier.start()

    async def names(self, zone):
        server = await NameServer(zone, self.address(99)).start()
        self.world.phones.append(server)
        return server

    async def open(self, trunk, further="", plan=PLAN):
        folder = os.path.join(self.world.folder, "house")
        os.makedirs(folder)
        with open(os.path.join(folder, "plan.toml"), "w", encoding="utf-8") as f:
            f.write(plan)
        config = os.path.join(self.world.folder, "hotline.toml")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f'[trunk.carrier]\n{trunk}\n[account.1001]\npassword = "{PASSWORD}"\n')
            f.write(f'[dns]\nservers = ["{self.address(99)}:5353"]\n{further}')
        self.hotline = await self.world.hotline("--config", config, "--dialplans", folder, plan=None)
        return self.hotline

    async def desk(self):
        desk = await self.world.phone(
            "scripted", "1001", AGENT_TONE, registrar=self.hotline.address, password=PASSWORD, auto=200
        )
        await desk.registered()
        return desk


async def refused(dialled, code):
    try:
        await dialled
    except scripted.CallFailed as e:
        assert e.code == code, e.code
        return
    raise AssertionError(f"taken, and not refused with {code}")


@scenario(weight=2)
async def trunk_registers_refreshes_and_leaves(world):
    """REGISTER with SHA-256, 423 -> longer, refresh at 80 %, one Call-ID, rising CSeq, Expires: 0 at the end"""
    house = House(world)
    carrier = await house.carrier(50, {"bank": "secret"})
    carrier.switch.script, carrier.switch.grant = [(423, 120)], 10
    await house.open(
        f'register = "sip:4008@{house.address(50)}"\nauth_user = "bank"\nauth_password = "secret"\n'
        "register_expires_s = 60\nprobe_s = 0"
    )
    registers = carrier.switch.registers
    # 401, 423, 401 again for the longer one, 200; then the refresh after 8 s.
    await carrier.until(lambda switch: len(switch.registers) >= 5, 20)
    assert len({m.call_id for m in registers}) == 1
    numbers = [m.cseq for m in registers]
    assert numbers == sorted(set(numbers)), numbers
    assert "algorithm=SHA-256" in registers[1].get("authorization"), registers[1].build()
    assert [m.get("expires") for m in registers[:4]] == ["60", "60", "120", "120"]
    status = await house.hotline.command("status")
    assert "trunk carrier" in status and "registered for" in status, status
    # The carrier's calls come to what we registered, from where we registered.
    stranger = await house.carrier(51)
    await stranger.dial(house.hotline.uri("95504"))
    await refused(stranger.in_call(), 401)
    await carrier.dial(house.hotline.uri("95504"))
    await carrier.in_call()
    await carrier.hang_up()
    house.hotline.signal(15)
    await carrier.until(lambda switch: switch.registers[-1].get("expires") == "0", 10)
    await house.hotline.ended()


@scenario(weight=2)
async def agent_calls_outside(world):
    """the agent's right, 407, both hear each other, the bank's number is shown, the record says outside"""
    house = House(world)
    carrier = await house.carrier(50, {"bank": "secret"})
    hotline = await house.open(
        f'server = "sip:{house.address(50)}"\nauth_user = "bank"\nauth_password = "secret"\nprobe_s = 0\n'
        'outbound = ["1[3-9]xxxxxxxxx"]\ncaller_id = "01095504"\n'
        'outbound_rewrite = [{ number = "1.", put = "0" }]'
    )
    desk = await house.desk()
    call = await desk.dial(hotline.uri("13800138000"))
    await desk.in_call()
    await carrier.in_call()
    await asyncio.sleep(2.5)
    await carrier.hang_up()
    await desk.over(20)
    first, second = carrier.switch.invites
    assert "proxy-authorization" not in first.build().decode().lower()
    assert second.ruri.startswith("sip:013800138000@"), second.ruri
    assert "01095504@" in second.get("from"), second.get("from")
    expect_tone(call.media.heard(), SECOND_AGENT_TONE, what="the called party")
    expect_tone(await carrier.heard(), AGENT_TONE, what="the agent")
    record = await hotline.call_recorded()
    assert (record["dialled"], record["origin"]) == ("outside", "1001"), record
    outside = record["outside"]
    assert outside["trunk"] == "carrier" and outside["answered"] and outside["talked_ms"] > 1500, outside
    for what, text in (("the log", hotline.log()), ("hotline calls", await hotline.command("calls"))):
        assert "13800138000" not in text, what


@scenario
async def outside_calls_need_a_right(world):
    """a number that the agent may not call is 403, a caller's word is worth nothing"""
    house = House(world)
    carrier = await house.carrier(50)
    hotline = await house.open(
        f'addresses = ["{house.address(50)}"]\nserver = "sip:{house.address(50)}"\nprobe_s = 0\n'
        'outbound = ["1.", "0."]\n'
    )
    desk = await house.desk()
    for number in ("01065881234", "138001380000"):
        await desk.dial(hotline.uri(number))
        await refused(desk.in_call(), 403)
    await carrier.dial(hotline.uri("13800138000"))
    await refused(carrier.in_call(), 404)
    assert not carrier.switch.invites
    assert "no right to call that number" in await hotline.command("status")


@scenario(weight=2)
async def early_media_is_heard(world):
    """what the network says before anybody answers is heard at the desk"""
    house = House(world)
    carrier = await house.carrier(50, auto=None)

    async def announce(call):
        carrier.calls.append(call)
        call.media.play(carrier.say)
        await call.ring(183, early=True)
        carrier.rang.set()

    carrier.ua.on_invite = announce
    hotline = await house.open(f'server = "sip:{house.address(50)}"\nprobe_s = 0\noutbound = ["1."]\n')
    desk = await house.desk()
    call = await desk.dial(hotline.uri("13800138000"))
    await desk.in_call()
    await carrier.ringing()
    await asyncio.sleep(2)
    await carrier.call.reject(486)
    await desk.over(20)
    expect_tone(call.media.heard(), SECOND_AGENT_TONE, what="the network")
    record = await hotline.call_recorded()
    assert not record["outside"]["answered"], record


@scenario(weight=2)
async def srv_finds_the_second_target(world):
    """NAPTR and SRV by name; the first target is dead, the second one answers"""
    house = House(world)
    first, second = house.address(50), house.address(51)
    names = await house.names(
        {
            (NAPTR, "carrier.test"): [(10, 10, "s", "SIP+D2U", "_sip._udp.carrier.test")],
            (SRV, "_sip._udp.carrier.test"): [(10, 0, 5060, "a.carrier.test"), (20, 0, 5060, "b.carrier.test")],
            (A, "a.carrier.test"): [(first,)],
            (A, "b.carrier.test"): [(second,)],
        }
    )
    dead = await house.carrier(50)
    dead.switch.dead = True
    carrier = await house.carrier(51)
    hotline = await house.open('server = "sip:carrier.test"\nprobe_s = 0\noutbound = ["1."]\n')
    desk = await house.desk()
    call = await desk.dial(hotline.uri("13800138000"))
    await desk.in_call()
    await carrier.in_call(20)
    await asyncio.sleep(2)
    await desk.hang_up()
    await carrier.over()
    assert not dead.calls and names.asked[0] == (NAPTR, "carrier.test"), names.asked
    expect_tone(call.media.heard(), SECOND_AGENT_TONE, what="the called party")
    # 503 is as good as silence, and quicker.
    dead.switch.dead, dead.switch.refuse_invites_with = False, 503
    await desk.dial(hotline.uri("13900139000"))
    await carrier.until(lambda switch: len(switch.invites) >= 2, 3)
    assert len(dead.switch.invites) == 1
    await desk.hang_up()


@scenario(weight=2)
async def trunk_health(world):
    """OPTIONS: a silent trunk is down and carries nothing, an answer brings it back; inbound always works"""
    house = House(world)
    carrier = await house.carrier(50)
    hotline = await house.open(
        f'addresses = ["{house.address(50)}"]\nserver = "sip:{house.address(50)}"\nprobe_s = 2\noutbound = ["1."]\n'
    )
    desk = await house.desk()
    await carrier.until(lambda switch: switch.options_seen >= 1)
    await hotline.until(lambda: hotline.command("status"), lambda text: "up, 0 calls" in text)
    carrier.switch.dead = True
    await hotline.until(lambda: hotline.command("status"), lambda text: "down, 0 calls" in text, 40)
    carrier.switch.dead = False
    invites = len(carrier.switch.invites)
    carrier.switch.options_seen = 0
    await hotline.until(lambda: hotline.command("status"), lambda text: "up, 0 calls" in text, 20)
    assert carrier.switch.options_seen >= 1 and len(carrier.switch.invites) == invites
    await desk.dial(hotline.uri("13800138000"))
    await carrier.in_call()
    await desk.hang_up()


@scenario
async def trunk_limits(world):
    """more calls than agreed are 503 with Retry-After, and counted"""
    house = House(world)
    carrier = await house.carrier(50)
    hotline = await house.open(f'addresses = ["{house.address(50)}"]\nmost_calls = 2\nprobe_s = 0\n')
    for _ in range(2):
        await carrier.dial(hotline.uri("95504"))
        await carrier.in_call()
    await carrier.dial(hotline.uri("95504"))
    try:
        await carrier.in_call()
        raise AssertionError("a third call was taken")
    except scripted.CallFailed as e:
        assert e.code == 503 and int(e.msg.get("retry-after")) > 0, e.msg and e.msg.build()
    status = await hotline.command("status")
    assert "2 of 2 calls" in status and "too many calls on the trunk" in status, status


@scenario
async def who_calls_by_a_trunk(world):
    """P-Asserted-Identity from a trusted trunk only, numbers as the house writes them, Diversion in the record"""
    house = House(world)
    trusted, other = await house.carrier(50), await house.carrier(51)
    rules = 'rewrite = [{ number = "00.", strip = 2, put = "+" }, { number = "0.", strip = 1, put = "+86" }]\nprobe_s = 0\n'
    hotline = await house.open(
        f'addresses = ["{house.address(50)}"]\ntrusted = true\n{rules}',
        f'[trunk.other]\naddresses = ["{house.address(51)}"]\n{rules}',
    )
    headers = [
        ("P-Asserted-Identity", "<sip:0086-10-65881234@carrier.test>"),
        ("Privacy", "id"),
        ("Diversion", "<sip:01065887777@carrier.test>;reason=no-answer"),
    ]
    for carrier in (trusted, other):
        await carrier.dial(hotline.uri("01095504"), extra=headers)
        await carrier.in_call()
        await carrier.hang_up()
    first, second = await hotline.call_recorded(0), await hotline.call_recorded(1)
    assert first["withheld"] and second["withheld"]
    assert first["dialled"] == "+861095504", first
    assert [d["reason"] for d in first["diverted"]] == ["no-answer"], first
    shown = await hotline.command("calls", first["call"] if isinstance(first["call"], str) else str(first["call"]))
    assert "from withheld by carrier" in shown and "(no-answer)" in shown, shown
    for number in ("65881234", "65887777"):
        assert number not in shown and number not in hotline.log()
