"""Command line: `python3 -m scripted call|agent|load|selftest|score`; `-h` lists the options."""

import argparse, asyncio, collections, json, sys, time
from .audio import match_prompt, read_wav, rms, tone, tone_level, write_wav
from .message import CallFailed, Msg
from .rtp import Pacer
from .selftest import selftest
from .ua import UA


async def run_steps(call, steps, ua):
    for s in [x.strip() for x in steps.split(";") if x.strip()]:
        op, *a = s.split(":")
        t = time.monotonic()
        if op == "answer":
            await call.wait_answer(float(a[0]) if a else 30)
        elif op == "ringing":
            await call.wait_ringing(float(a[0]) if a else 10)
        elif op == "hear":
            print(
                "   ",
                await call.media.wait_heard(
                    read_wav(a[0]), float(a[1]) if len(a) > 1 else 0.9, float(a[2]) if len(a) > 2 else 20
                ),
            )
        elif op == "tone":
            await call.media.wait_tone(float(a[0]), timeout=float(a[1]) if len(a) > 1 else 10)
        elif op == "notone":
            assert tone_level(call.media.heard(time.monotonic() - 1), float(a[0])) < 0.05, f"tone {a[0]} is heard"
        elif op == "silence":
            n = float(a[0])
            await asyncio.sleep(n)
            assert rms(call.media.heard(time.monotonic() - n)) < 60, "not silent"
        elif op == "dtmf":
            await call.dtmf(a[0], a[1] if len(a) > 1 else "rfc4733")
        elif op == "wait":
            await asyncio.sleep(float(a[0]))
        elif op == "hold":
            await call.hold(*(a[:1]))
        elif op == "resume":
            await call.resume()
        elif op == "refer":
            rc, codes = await call.refer(":".join(a))
            assert rc == 202 and codes[-1:] == [200], f"REFER {rc} {codes}"
        elif op == "bye":
            await call.bye()
        elif op == "ended":
            await call.wait_ended(float(a[0]) if a else 30)
        elif op == "expect":
            try:
                await call.wait_answer(35)
                code = 200
            except CallFailed as e:
                code = e.code
            assert code == int(a[0]), f"got {code}"
        else:
            raise SystemExit(f"unknown step {s}")
        print(f"ok   {s}  ({time.monotonic() - t:.2f} s)", flush=True)


async def main_async(o):
    if o.cmd == "selftest":
        return await selftest(o)
    mk = lambda user, **k: UA(
        user,
        o.password,
        o.server,
        ip=o.ip,
        transport=o.transport,
        domain=o.domain,
        verbose=o.verbose,
        srtp=o.srtp,
        codecs=tuple(o.codecs.split(",")),
        **k,
    )
    if o.cmd == "agent":
        ua = await mk(o.user, port=o.port).start()
        n = [0]
        print("listening", f"{o.ip}:{ua.port}", flush=True)
        if o.server:
            print("registered", (await ua.register(300)).code)

        async def on(c):
            n[0] += 1
            print("incoming", c.remote_number, flush=True)
            if o.reject:
                return await c.reject(o.reject)
            await c.ring()
            if o.vanish:
                ua.deaf = True
                return
            if o.answer_after < 0:
                return
            await asyncio.sleep(o.answer_after)
            await c.answer(tx=read_wav(o.wav) if o.wav else tone(o.tone))
            await c.wait_ended(86400)
            print("ended", c.end_reason, json.dumps(c.media.stats()), "digits", c.media.digits(), flush=True)
            if o.rec:
                write_wav(o.rec.replace("%n", str(n[0])), c.media.heard())

        ua.on_invite = on
        await asyncio.sleep(o.secs)
        await ua.stop()
        return 0
    if o.cmd == "call":
        ua = await mk(o.user).start()
        if o.register:
            print("registered", (await ua.register(300)).code)
        call = await ua.invite(o.uri, tx=read_wav(o.wav) if o.wav else tone(o.tone))
        rc = 0
        try:
            await run_steps(call, o.steps, ua)
        except (AssertionError, CallFailed, asyncio.TimeoutError) as e:
            print("FAIL", repr(e))
            rc = 1
        if o.rec:
            write_wav(o.rec, call.media.heard())
        tt = {k: round(v - call.t["invite"], 3) for k, v in call.t.items()}
        fa = call.media.first_audio()
        print(
            json.dumps(
                dict(
                    times=tt,
                    first_audio=round(fa - call.t["invite"], 3) if fa else None,
                    media=call.media.stats(),
                    digits=call.media.digits(),
                    end=call.end_reason,
                )
            )
        )
        await ua.stop()
        return rc
    if o.cmd == "load":
        res = collections.Counter()
        setup = []
        lost = pk = 0
        ncalls = min(o.calls, 2000)

        async def one(i):
            nonlocal lost, pk
            ua = await mk(f"{o.user}{i}").start()
            try:
                c = await ua.invite(o.uri, tx=tone(300 + 20 * (i % 150)))
                await c.wait_answer(20)
                setup.append(c.t["answered"] - c.t["invite"])
                await asyncio.sleep(o.hold)
                s = c.media.stats()
                lost += s.get("lost", 0)
                pk += s["packets"]
                r = await c.bye()
                res["ok" if isinstance(r, Msg) and r.code == 200 else "bye-failed"] += 1
            except CallFailed as e:
                res[f"{e.code}"] += 1
            except AssertionError:
                res["timeout"] += 1
            finally:
                await ua.stop()

        ts = []
        for i in range(ncalls):
            ts.append(asyncio.ensure_future(one(i)))
            await asyncio.sleep(1 / o.rate)
        await asyncio.gather(*ts)
        setup.sort()
        q = lambda p: round(setup[int(p * (len(setup) - 1))] * 1000, 1) if setup else None
        print(
            json.dumps(
                dict(
                    results=dict(res),
                    setup_ms=dict(p50=q(0.5), p95=q(0.95), p99=q(0.99), max=q(1)),
                    rtp_packets=pk,
                    rtp_lost=lost,
                    pacer_late_ms=round(Pacer.late_ms, 1),
                )
            )
        )
        return 0 if set(res) <= {"ok"} else 1


def main():
    ap = argparse.ArgumentParser(description="scripted SIP+RTP caller / agent", prog="scripted")
    sp = ap.add_subparsers(dest="cmd", required=True)

    def common(p):
        p.add_argument("--user", default="1001")
        p.add_argument("--password")
        p.add_argument("--server")
        p.add_argument("--ip", default="127.0.0.1")
        p.add_argument("--transport", default="udp")
        p.add_argument("--domain")
        p.add_argument("--tone", type=int, default=440)
        p.add_argument("--wav")
        p.add_argument("--rec")
        p.add_argument("--srtp", action="store_true")
        p.add_argument("--codecs", default="PCMU,PCMA")
        p.add_argument("-v", "--verbose", action="store_true")

    p = sp.add_parser("call")
    p.add_argument("uri")
    p.add_argument("--steps", default="answer; wait:3; bye")
    p.add_argument("--register", action="store_true")
    common(p)
    p = sp.add_parser("agent")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--answer-after", type=float, default=1.0)
    p.add_argument("--reject", type=int)
    p.add_argument("--vanish", action="store_true")
    p.add_argument("--for", dest="secs", type=float, default=60)
    common(p)
    p = sp.add_parser("load")
    p.add_argument("uri")
    p.add_argument("--calls", type=int, default=10)
    p.add_argument("--rate", type=float, default=5)
    p.add_argument("--hold", type=float, default=5)
    common(p)
    p = sp.add_parser("selftest")
    p.add_argument("--sipp", action="store_true")
    p.add_argument("--baresip", action="store_true")
    p = sp.add_parser("score")
    p.add_argument("heard")
    p.add_argument("prompt")
    o = ap.parse_args()
    if o.cmd == "score":
        print(json.dumps(match_prompt(read_wav(o.heard), read_wav(o.prompt))))
        return 0
    return asyncio.run(main_async(o))


if __name__ == "__main__":
    sys.exit(main())
