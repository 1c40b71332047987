"""Who is not let in: guessers, scanners, floods; and what each phone is asked for."""

import asyncio
import os
import re
import socket

import scripted
from scenarios import scenario
from scenarios.registering import refused
from scripted.message import digest_header

HOUSE = """
[trunk.carrier]
addresses = ["192.0.2.0/24"]

[account.1001]
password = "swordfish"

[account.1002]
password = "marlin"
"""


async def house(world, **options):
    """A hotline that trusts no address which a test can have."""
    path = os.path.join(world.folder, "hotline.toml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(HOUSE)
    return await world.hotline("--config", path, **options)


class Stranger:
    """A bare socket on an address of its own."""

    def __init__(self, hotline, ip):
        self.hotline, self.number = hotline, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((ip, 0))
        self.at = "{}:{}".format(*self.socket.getsockname())

    def send(self, method, user, agent="Desk Phone 7", more=()):
        self.number += 1
        tag = f"{os.getpid()}-{self.at}-{self.number}".replace(":", "-")
        lines = [
            f"{method} sip:{self.hotline.address} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.at};branch=z9hG4bK{tag};rport",
            "Max-Forwards: 70",
            f"From: <sip:{user}@{self.hotline.address}>;tag={tag}",
            f"To: <sip:{user}@{self.hotline.address}>",
            f"Call-ID: {tag}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:{user}@{self.at}>",
            f"User-Agent: {agent}",
            *more,
            "Content-Length: 0",
        ]
        data = "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
        self.socket.sendto(data, (self.hotline.host, self.hotline.port))

    async def ask(self, *request, patience=2.0, **options):
        """The answer, or None where there is none."""
        self.send(*request, **options)
        self.socket.settimeout(patience)
        try:
            return scripted.Msg.parse(await asyncio.to_thread(self.socket.recv, 65536))
        except TimeoutError:
            return None


async def guess(hotline, ip, user, password, attempts):
    """The statuses that a guesser gets; None for no answer."""
    stranger, statuses = Stranger(hotline, ip), []
    for _ in range(attempts):
        asked = await stranger.ask("REGISTER", user, patience=1.0)
        if asked is None:
            statuses.append(None)
            continue
        challenge, uri = challenges(asked)[0], f"sip:{hotline.address}"
        value = digest_header(challenge, "REGISTER", uri, user, password)
        reply = await stranger.ask("REGISTER", user, patience=1.0, more=[f"Authorization: {value}"])
        statuses.append(reply and reply.code)
    return statuses


def challenges(reply):
    """Whole headers: a challenge has commas of its own."""
    return [value for name, value in reply.headers if name.lower() == "www-authenticate"]


def offered(reply):
    return [re.search(r"algorithm=([\w-]+)", challenge).group(1) for challenge in challenges(reply)]


@scenario
async def a_guesser_is_met_with_silence(world):
    """after five wrong passwords nothing is answered to that address, and the owner registers elsewhere as ever"""
    hotline = await house(world)
    statuses = await guess(hotline, "127.0.0.31", "1001", "wrong", 7)
    assert statuses == [401] * 5 + [None] * 2, statuses
    stranger = Stranger(hotline, "127.0.0.31")
    assert await stranger.ask("OPTIONS", "1001", patience=1.0) is None, "whatever is asked"
    owner = await world.phone(
        "scripted", "1001", 440, registrar=hotline.address, password="swordfish", ip="127.0.0.32"
    )
    assert (await owner.registered()).code == 200
    status = await hotline.command("status")
    assert "silent source" in status and re.search(r"silenced +1", status), status


@scenario
async def a_guesser_beside_good_phones(world):
    """where somebody has signed in from an address, silence comes over the guessed user only"""
    hotline = await house(world)
    colleague = await world.phone(
        "scripted", "1002", 440, registrar=hotline.address, password="marlin", ip="127.0.0.33"
    )
    assert (await colleague.registered()).code == 200
    statuses = await guess(hotline, "127.0.0.33", "1001", "wrong", 6)
    assert statuses == [401] * 5 + [None], statuses
    assert (await colleague.registered()).code == 200


@scenario
async def a_scanner_hears_nothing(world):
    """a scanner's User-Agent gets no answer, nor, once it came over a stream, does anything else from its address"""
    hotline = await house(world)
    scanner, neighbour = Stranger(hotline, "127.0.0.34"), Stranger(hotline, "127.0.0.35")
    assert (await scanner.ask("OPTIONS", "100")).code == 200
    assert await scanner.ask("OPTIONS", "100", agent="friendly-scanner", patience=1.0) is None
    assert (await scanner.ask("REGISTER", "1001")).code == 401, "a datagram's address may be forged"
    scan = "OPTIONS sip:h SIP/2.0\r\nUser-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n"
    with socket.create_connection((hotline.host, hotline.port), 3, ("127.0.0.34", 0)) as stream:
        stream.sendall(scan.encode())
        await hotline.logged("a scanner: met with silence")
    assert await scanner.ask("REGISTER", "1001", patience=1.0) is None
    assert (await neighbour.ask("OPTIONS", "100")).code == 200


@scenario
async def a_flood_is_cut_to_size(world):
    """a thousand requests at once from one address: some are answered, the others cost nothing and nobody"""
    hotline = await house(world)
    flooder, neighbour = Stranger(hotline, "127.0.0.36"), Stranger(hotline, "127.0.0.37")
    for _ in range(1000):
        flooder.send("REGISTER", "1001")
    assert (await neighbour.ask("REGISTER", "1001")).code == 401
    await asyncio.sleep(0.5)
    flooder.socket.setblocking(False)
    answers = 0
    while True:
        try:
            flooder.socket.recv(65536)
            answers += 1
        except BlockingIOError:
            break
    assert 100 <= answers < 500, answers
    status = await hotline.command("status")
    assert "dropped: too many requests from a stranger" in status, status


@scenario
async def each_phone_is_asked_for_what_it_knows(world):
    """SHA-256 first and MD5 after it; MD5 alone to a phone that fails otherwise; no Server header to anybody"""
    hotline = await house(world)
    stranger = Stranger(hotline, "127.0.0.38")
    reply = await stranger.ask("REGISTER", "1001")
    assert reply.code == 401 and offered(reply) == ["SHA-256", "MD5"], reply.build()
    old = await stranger.ask("REGISTER", "1001", agent="baresip v1.0.0 (x86_64/linux)")
    assert old.code == 401 and offered(old) == ["MD5"], old.build()
    broken = await stranger.ask("OPTIONS", "1001", more=["CSeq: 1 BYE"])
    for answer in (reply, old, broken):
        assert not answer.all("server") and not answer.all("user-agent"), answer.build()


@scenario
async def phones_sign_in_with_either_algorithm(world):
    """baresip 1.0 by MD5, PJSIP and the scripted phone by what they know best, all with one setting"""
    hotline = await world.hotline()
    for make, extension in (("baresip", "1001"), ("pjsip", "1002"), ("scripted", "1003")):
        await world.desk(hotline, extension, make=make, ready=False)


@scenario
async def sha_256_alone_keeps_old_phones_out(world):
    """with digest = SHA-256 nothing weaker is offered, whatever the phone calls itself"""
    hotline = await house(world, settings={"security.digest": "SHA-256"})
    stranger = Stranger(hotline, "127.0.0.39")
    old = await stranger.ask("REGISTER", "1001", agent="baresip v1.0.0 (x86_64/linux)")
    assert offered(old) == ["SHA-256"], old.build()
    phone = scripted.UA("1001", "swordfish", hotline.address)
    await phone.start()
    assert (await phone.register(60)).code == 200
    phone.password = "wrong"
    assert await refused(phone.register(60)) == 401
    await phone.stop()
