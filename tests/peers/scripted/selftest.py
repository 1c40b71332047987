"""The scripted phone against itself, sipp and baresip: proves the tool before it judges anything."""

import asyncio, hashlib, os, re, secrets, shutil, subprocess, tempfile, time
import numpy as np
from .audio import (
    decode,
    detect_dtmf,
    dtmf_audio,
    encode,
    match_prompt,
    read_wav,
    signature,
    silence,
    tone,
    tone_level,
    write_wav,
    xcorr_peak,
)
from .message import CallFailed
from .ua import UA


class MiniRegistrar:
    """digest-checking REGISTER server, enough to test the client side of this file"""

    def __init__(self, users, realm="selftest", alg="SHA-256"):
        self.users, self.realm, self.alg, self.contacts, self.nonce = (
            users,
            realm,
            alg,
            {},
            secrets.token_hex(8),
        )

    async def start(self):
        self.ua = UA("registrar")
        await self.ua.start()
        orig = self.ua._request

        async def handle(m):
            if m.method != "REGISTER":
                return await orig(m)
            a = m.get("authorization")
            user = re.search(r"sip:([^@>]+)@", m.get("to")).group(1)
            if not a:
                return self.ua.reply(
                    m,
                    401,
                    tag="r",
                    extra=[
                        (
                            "WWW-Authenticate",
                            f'Digest realm="{self.realm}", nonce="{self.nonce}", qop="auth", algorithm={self.alg}',
                        )
                    ],
                )
            p = {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)\s*=\s*("[^"]*"|[^,\s]+)', a)}
            H = hashlib.sha256 if self.alg == "SHA-256" else hashlib.md5
            h = lambda s: H(s.encode()).hexdigest()
            want = h(
                f"{h(f'{user}:{self.realm}:{self.users.get(user)}')}:{self.nonce}:{p['nc']}:{p['cnonce']}:auth:{h('REGISTER:' + p['uri'])}"
            )
            if want != p.get("response"):
                return self.ua.reply(m, 403, tag="r")
            self.contacts[user] = m.get("contact")
            self.ua.reply(m, 200, tag="r", extra=[("Contact", m.get("contact") + ";expires=" + m.get("expires", "60"))])

        self.ua._request = handle
        return self


# --------------------------------------------------------------------------- self-test
class Checks:
    def __init__(self):
        self.n = self.bad = 0

    def __call__(self, name, ok, info=""):
        self.n += 1
        self.bad += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {name}{'  ' + str(info) if info != '' else ''}", flush=True)
        return ok


async def selftest(args):
    ck = Checks()
    # audio maths
    x = signature(1, 2.0)
    y = decode("PCMU", encode("PCMU", x))
    c, lag = xcorr_peak(np.concatenate([silence(0.7), y, silence(0.3)]), x)
    ck("ulaw round trip correlation > 0.99 at the right lag", c > 0.99 and lag == 5600, f"{c:.4f} {lag}")
    y = decode("PCMA", encode("PCMA", x))
    ck("alaw round trip", xcorr_peak(y, x)[0] > 0.99)
    ck(
        "another signature does not match",
        xcorr_peak(signature(2, 2.0), x)[0] < 0.1,
        f"{xcorr_peak(signature(2, 2.0), x)[0]:.3f}",
    )
    ck(
        "in-band DTMF decoder",
        detect_dtmf(dtmf_audio("159*0#D")) == "159*0#D",
        detect_dtmf(dtmf_audio("159*0#D")),
    )
    ck("tone detector", tone_level(tone(617), 617) > 0.95 and tone_level(tone(617), 440) < 0.01)
    # loop-back: agent answers caller; everything both ways
    reg = await MiniRegistrar({"8001": "pw1", "8002": "pw2"}).start()
    srv = f"127.0.0.1:{reg.ua.port}"
    a, b, d = UA("1001"), UA("8001", "pw1", srv, auth_user="8001"), UA("8002", "pw2", srv)
    for u in (a, b, d):
        await u.start()
    r = await b.register(60)
    ck("REGISTER with digest SHA-256", r.code == 200)
    await d.register(60)
    bad = UA("8001", "wrong", srv)
    await bad.start()
    try:
        await bad.register(60)
        ck("wrong password refused", False)
    except CallFailed as e:
        ck("wrong password refused", e.code == 403, e.code)
    inc = {}

    async def ans(c, name, hz, delay=0.2):
        inc[name] = c
        await c.ring()
        await asyncio.sleep(delay)
        await c.answer(tx=tone(hz))

    async def on_b(c):
        await ans(c, "b", 617)

    async def on_d(c):
        inc["d"] = c
        if not c.replaces:
            await ans(c, "d", 857)

    b.on_invite, d.on_invite = on_b, on_d
    call = await a.invite(f"sip:8001@127.0.0.1:{b.port}", tx=tone(440))
    await call.wait_answer(5)
    await asyncio.sleep(0.6)
    ck(
        "two-way audio",
        tone_level(call.media.heard(), 617) > 0.9 and tone_level(inc["b"].media.heard(), 440) > 0.9,
    )
    ck("180 before 200", 180 in call.provs)
    await call.dtmf("12*#")
    await asyncio.sleep(0.1)
    ck("RFC 4733 digits", inc["b"].media.digits() == "12*#", inc["b"].media.digits())
    await call.dtmf("7", "info")
    ck("SIP INFO digit", inc["b"].info_rx == ["7"])
    t = time.monotonic()
    await call.dtmf("49", "inband")
    await asyncio.sleep(0.2)
    ck("in-band digits", detect_dtmf(inc["b"].media.heard(t)) == "49", detect_dtmf(inc["b"].media.heard(t)))
    await call.hold()
    await asyncio.sleep(0.15)
    t = time.monotonic()
    await asyncio.sleep(0.5)
    n1 = len([p for p in call.media.rx if p[0] > t])
    ck("hold: far end stops sending", n1 == 0 and inc["b"].remote_hold, n1)
    await call.resume()
    t = time.monotonic()
    await asyncio.sleep(0.5)
    ck("resume: audio back", tone_level(call.media.heard(t), 617) > 0.8)
    # blind transfer: b asks a to call d
    rc, codes = await inc["b"].refer(f"sip:8002@127.0.0.1:{d.port}")
    ck("blind transfer REFER 202 then NOTIFY 200", rc == 202 and codes[-1:] == [200], (rc, codes))
    await inc["b"].bye()
    await asyncio.sleep(0.5)
    ref = call.referred
    ck("transferred call has audio", tone_level(ref.media.heard(), 857) > 0.8)
    await ref.bye()
    # attended: a<->b, b consults d, b REFERs a to d with Replaces
    call = await a.invite(f"sip:8001@127.0.0.1:{b.port}", tx=tone(440))
    await call.wait_answer(5)
    bc = inc["b"]
    await bc.hold()
    cons = await b.invite(f"sip:8002@127.0.0.1:{d.port}", tx=tone(617))
    await cons.wait_answer(5)
    first_d = inc["d"]
    rc, codes = await bc.refer(f"sip:8002@127.0.0.1:{d.port}", replaces=cons)
    await asyncio.sleep(0.5)
    ck(
        "attended transfer with Replaces",
        rc == 202 and codes[-1:] == [200] and first_d.state == "ended",
        (rc, codes, first_d.state),
    )
    ck(
        "after attended transfer both hear each other",
        tone_level(call.referred.media.heard(), 857) > 0.8 and tone_level(inc["d"].media.heard(), 440) > 0.8,
    )
    ck("replaced leg was hung up", cons.state == "ended", cons.end_reason)
    await bc.bye()
    await call.referred.bye()

    # cancel, busy, PRACK + early media, late offer, session timer
    async def ringonly(c):
        inc["r"] = c
        await c.ring()

    b.on_invite = ringonly
    call = await a.invite(f"sip:8001@127.0.0.1:{b.port}")
    await call.wait_ringing(5)
    await call.cancel()
    ck("CANCEL gives 487", call.final.code == 487 and inc["r"].end_reason == "cancelled")

    async def busy(c):
        await c.reject(486)

    b.on_invite = busy
    call = await a.invite(f"sip:8001@127.0.0.1:{b.port}")
    try:
        await call.wait_answer(5)
        ck("486", False)
    except CallFailed as e:
        ck("486 busy", e.code == 486)

    async def early(c):
        inc["e"] = c
        c.media.play(tone(950))
        await c.ring(183, early=True, reliable=True)
        await asyncio.sleep(0.6)
        await c.answer()

    b.on_invite = early
    call = await a.invite(f"sip:8001@127.0.0.1:{b.port}")
    await call.wait_answer(5)
    await asyncio.sleep(0.1)
    ck(
        "183 early media with PRACK",
        tone_level(call.media.heard(0, call.t["answered"]), 950) > 0.8 and call._prack,
    )
    await call.bye()
    b.on_invite = on_b
    call = await a.invite(f"sip:8001@127.0.0.1:{b.port}", sdp=False, tx=tone(440))
    await call.wait_answer(5)
    await asyncio.sleep(0.5)
    ck("late offer (SDP in ACK)", tone_level(inc["b"].media.heard(), 440) > 0.8)
    await call.bye()
    st = call.media.stats()
    ck("statistics", st["lost"] == 0 and st["ssrcs"] == 1, st)

    # vanish
    async def vanish(c):
        await c.ring()
        b.deaf = True

    b.on_invite = vanish
    call = await a.invite(f"sip:8001@127.0.0.1:{b.port}")
    await call.wait_ringing(5)
    await asyncio.sleep(0.3)
    ck("vanished agent stays silent", call.state == "ringing")
    b.deaf = False
    # SRTP
    try:
        import cryptography  # noqa

        s1, s2 = UA("1", srtp=True), UA("2", srtp=True)
        await s1.start()
        await s2.start()
        b2 = {}

        async def sa(c):
            b2["c"] = c
            await c.answer(tx=tone(700))

        s2.on_invite = sa
        c2 = await s1.invite(f"sip:2@127.0.0.1:{s2.port}", tx=tone(440))
        await c2.wait_answer(5)
        await asyncio.sleep(0.5)
        ck(
            "SDES-SRTP both ways",
            tone_level(c2.media.heard(), 700) > 0.9
            and tone_level(b2["c"].media.heard(), 440) > 0.9
            and c2.media.auth_fail == 0,
        )
        await c2.bye()
    except ImportError:
        print("skip SDES-SRTP (no cryptography)")
    # TCP
    t1, t2 = UA("1", transport="tcp"), UA("2", transport="tcp")
    await t2.start()
    t1.server = ("127.0.0.1", t2.port)
    await t1.start()

    async def ta(c):
        await c.answer(tx=tone(700))

    t2.on_invite = ta
    ct = await t1.invite(f"sip:2@127.0.0.1:{t2.port};transport=tcp")
    await ct.wait_answer(5)
    await asyncio.sleep(0.4)
    ck("call over TCP", tone_level(ct.media.heard(), 700) > 0.9)
    ck("BYE over TCP", (await ct.bye()).code == 200)
    if args.sipp and shutil.which("sipp"):
        tmp = tempfile.mkdtemp()
        p = subprocess.Popen(
            [
                "sipp",
                "-sn",
                "uas",
                "-i",
                "127.0.0.1",
                "-p",
                "5079",
                "-mi",
                "127.0.0.1",
                "-mp",
                "16000",
                "-rtp_echo",
                "-nostdin",
                "-trace_err",
            ],
            cwd=tmp,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        try:
            await asyncio.sleep(1)
            sig = signature(7, 2.0)
            c3 = await a.invite("sip:service@127.0.0.1:5079", tx=sig)
            await c3.wait_answer(5)
            m = await c3.media.wait_heard(sig, 0.9, 8)
            ck("sipp -sn uas -rtp_echo echoes our audio", m["corr"] > 0.9, m)
            r = await c3.bye()
            ck("sipp answers BYE", r.code == 200)
        finally:
            p.terminate()
            p.wait(5)
    if args.baresip and shutil.which("baresip"):
        tmp = tempfile.mkdtemp()
        wavf = os.path.join(tmp, "prompt.wav")
        pr = signature(11, 3.0)
        write_wav(wavf, np.concatenate([pr] * 10))
        open(os.path.join(tmp, "config"), "w").write(
            "sip_listen 127.0.0.1:5078\nnet_interface 127.0.0.1\nsnd_path "
            + tmp
            + "\naudio_source aufile,"
            + wavf
            + "\nmodule_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule sndfile.so\nmodule_app account.so\nmodule_app menu.so\nmodule ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:5077\nrtp_ports 17000-17100\n"
        )
        open(os.path.join(tmp, "accounts"), "w").write(
            "<sip:8009@127.0.0.1:5078>;regint=0;answermode=auto;audio_codecs=PCMU\n"
        )
        open(os.path.join(tmp, "contacts"), "w").close()
        p = subprocess.Popen(
            ["baresip", "-f", tmp, "-4"],
            stdout=open(os.path.join(tmp, "log"), "w"),
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            await asyncio.sleep(2)
            sig = signature(12, 2.0)
            c4 = await a.invite("sip:8009@127.0.0.1:5078", tx=sig)
            await c4.wait_answer(8)
            m = await c4.media.wait_heard(pr, 0.9, 10)
            ck("baresip's wav microphone is heard", m["corr"] > 0.9, m)
            await c4.hold()
            await asyncio.sleep(0.3)
            await c4.resume()
            await asyncio.sleep(0.3)
            ck("baresip hold / resume", c4.state == "answered")
            await asyncio.sleep(1.5)
            await c4.bye()
            await asyncio.sleep(0.7)
            heard = [f for f in os.listdir(tmp) if f.endswith("-dec.wav")]
            hs = (
                max((match_prompt(read_wav(os.path.join(tmp, f)), sig)["corr"] for f in heard), default=0)
                if heard
                else 0
            )
            ck("baresip recorded our audio", hs > 0.9, hs)
        except Exception as e:
            ck("baresip", False, repr(e) + open(os.path.join(tmp, "log")).read()[-400:])
        finally:
            p.terminate()
            p.wait(5)
    for u in (a, b, d, bad):
        u.deaf = False
        await u.stop()
    print(f"{ck.n - ck.bad} passed, {ck.bad} failed")
    return 1 if ck.bad else 0
