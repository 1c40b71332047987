"""One call of the scripted phone: both roles, hold, transfer, digits."""

import asyncio, random, re, secrets, time
from .audio import CODECS
from .message import CallFailed, Msg, REASONS, T1, T2, uri_of


class Call:
    # What it says in its 2xx that it takes.
    allow = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REFER, NOTIFY, PRACK, MESSAGE"

    def __init__(self, ua, uac):
        self.ua, self.uac = ua, uac
        self.cid = secrets.token_hex(10)
        self.ltag = secrets.token_hex(5)
        self.rtag = None
        self.route = []
        self.cseq = random.randrange(1, 1000)
        self.rcseq = 0
        self.state = "calling" if uac else "incoming"
        self.acks = {}
        self.answered = asyncio.Event()
        self.ringing = asyncio.Event()
        self.ended = asyncio.Event()
        self.t_start = time.monotonic()
        self.t = {}
        self.final = None
        self.end_reason = None
        self.provs = []
        self.notifies = []
        self._nq = asyncio.Queue()
        self.sdp_ver = 1
        self.local_dir = "sendrecv"
        self.invite_msg = None
        self.remote_hold = False
        self.info_rx = []
        self.replaces = None
        self.no_ack = False
        self.no_bye_reply = False
        self._rseq = random.randrange(1, 1000)
        self._prack = {}
        self.refer_rx = []
        self._se = None
        self.reinvites = 0
        self.mediaq = None
        self._inv_tx = None
        self.end_msg = None
        self.headers_rx = {}

    def _end(self, why, msg=None):
        if self.state == "ended":
            return
        self.state = "ended"
        self.end_reason = why
        self.end_msg = msg
        self.t["ended"] = time.monotonic()
        if self._se:
            self._se.cancel()
        self.media.close()
        self.ended.set()

    # -- UAC
    async def _uac(self, uri, sdp, extra, direction):
        ua = self.ua
        auth = []
        tries = 0
        self.local_dir = direction
        try:
            while True:
                self.cseq += 1
                ex = extra + auth + ua.headers + [("Supported", "100rel, replaces, timer")]
                if ua.session_expires:
                    ex += [("Session-Expires", str(ua.session_expires)), ("Min-SE", "90")]
                m = ua.req(
                    "INVITE",
                    uri,
                    self.local,
                    f"<{uri}>",
                    self.cid,
                    self.cseq,
                    extra=ex,
                    body=self.media.sdp(direction) if sdp else b"",
                )
                self._inv_tx = m
                addr = ua.dest(uri)
                self._addr = addr
                self.t["invite"] = time.monotonic()
                r = await ua.transact(m, addr, on_prov=self._prov)
                if r.code >= 300:
                    a = Msg(
                        f"ACK {uri} SIP/2.0",
                        [
                            ("Via", m.all("via")[0]),
                            ("Max-Forwards", "70"),
                            ("From", self.local),
                            ("To", r.get("to")),
                            ("Call-ID", self.cid),
                            ("CSeq", f"{self.cseq} ACK"),
                        ],
                    )
                    ua.tx(a.build(), addr)
                    if r.code in (401, 407) and ua.password is not None and tries < 2:
                        tries += 1
                        auth = ua._auth(r, "INVITE", uri)
                        continue
                    if r.code == 422 and tries < 3:
                        tries += 1
                        ua.session_expires = int(r.get("min-se", "90"))
                        continue
                    self.final = r
                    self._end(f"{r.code}", r)
                    self.answered.set()
                    self.ringing.set()
                    return
                break
            self.final = r
            self._confirm(r)
            if not sdp:
                self.media.apply(r.body)
                self._send_ack(r, self.media.sdp())
            else:
                self._send_ack(r)
                r.body and self.media.apply(r.body)
            self.state = "answered"
            self.t["answered"] = time.monotonic()
            self.media.start()
            self.answered.set()
            self.ringing.set()
            self._timer(r)
        except CallFailed as e:
            self.final = e
            self._end(f"{e.code}", None)
            self.answered.set()
            self.ringing.set()

    def _confirm(self, r):
        self.rtag = r.tag("to")
        self.remote = r.get("to")
        self.route = list(reversed(r.all("record-route")))
        c = r.all("contact")
        self.target = uri_of(c[0]) if c else self.target

    def _send_ack(self, r, body=b""):
        if self.no_ack:
            return
        a = self.ua.req("ACK", self.target, self.local, r.get("to"), self.cid, r.cseq, route=self.route, body=body)
        raw, addr = a.build(), self.ua.dest(self.target, self.route)
        self.acks.setdefault(r.cseq, {})[r.tag("to")] = (raw, addr)
        self.ua.tx(raw, addr)

    async def _kill_fork(self, r):
        tgt = uri_of(r.all("contact")[0])
        rt = list(reversed(r.all("record-route")))
        addr = self.ua.dest(tgt, rt)
        self.ua.tx(self.ua.req("ACK", tgt, self.local, r.get("to"), self.cid, r.cseq, route=rt).build(), addr)
        await self.ua.transact(self.ua.req("BYE", tgt, self.local, r.get("to"), self.cid, r.cseq + 1, route=rt), addr)

    def _prov(self, r):
        self.provs.append(r.code)
        self.t.setdefault(f"{r.code}", time.monotonic())
        if r.code >= 180:
            self.ringing.set()
            self.state = "ringing" if self.state == "calling" else self.state
        if r.body and b"m=audio" in r.body:
            self.media.apply(r.body)
            self.media.start()
        if r.get("rseq") and "100rel" in (r.get("require") or "").lower():
            self._confirm(r)
            self.cseq += 1
            k = (r.tag("to"), r.get("rseq"))
            if k in self._prack:
                return
            self._prack[k] = 1
            p = self.ua.req(
                "PRACK",
                self.target,
                self.local,
                r.get("to"),
                self.cid,
                self.cseq,
                route=self.route,
                extra=[("RAck", f"{r.get('rseq')} {r.get('cseq')}")],
            )
            return self.ua.transact(p, self.ua.dest(self.target, self.route))

    async def wait_ringing(self, timeout=10):
        await asyncio.wait_for(self.ringing.wait(), timeout)
        self._chk()

    async def wait_answer(self, timeout=30):
        try:
            await asyncio.wait_for(self.answered.wait(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"not answered within {timeout}s, state={self.state}, provisional={self.provs}")
        self._chk()
        return self

    def _chk(self):
        if self.state == "ended" and isinstance(self.final, CallFailed):
            raise self.final
        if self.state == "ended" and isinstance(self.final, Msg) and self.final.code >= 300:
            raise CallFailed(self.final.code, self.final.start, self.final)

    async def wait_ended(self, timeout=30):
        try:
            await asyncio.wait_for(self.ended.wait(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"call still {self.state} after {timeout}s")
        return self.end_reason

    def cancel_request(self):
        m = self._inv_tx
        return Msg(
            f"CANCEL {m.ruri} SIP/2.0",
            [
                ("Via", m.all("via")[0]),
                ("Max-Forwards", "70"),
                ("From", m.get("from")),
                ("To", m.get("to")),
                ("Call-ID", self.cid),
                ("CSeq", f"{m.cseq} CANCEL"),
            ],
        )

    async def cancel(self):
        r = await self.ua.transact(self.cancel_request(), self._addr)
        await asyncio.wait_for(self.ended.wait(), 35)
        return r

    # -- UAS
    async def ring(self, code=180, early=False, reliable=False):
        self.state = "ringing"
        body = b""
        ex = []
        if early and self.invite_msg.body:
            self.media.apply(self.invite_msg.body)
            body = self._answer_sdp()
            self.media.start()
        if reliable:
            self._rseq += 1
            ex = [("Require", "100rel"), ("RSeq", str(self._rseq))]
        self.ua.reply(self.invite_msg, code, extra=ex, body=body, tag=self.ltag, contact=True)

    def _answer_sdp(self):
        d = self.media.remote_sdp
        a = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}.get(d["dir"], self.local_dir)
        extra = "".join(
            f"m={m['kind']} 0 {m['proto']} {' '.join(map(str, m['pts'])) or '0'}\r\n"
            for m in d["media"]
            if m is not next(x for x in d["media"] if x["kind"] == "audio")
        )
        te = any(v.lower().startswith("telephone-event/8000") for v in d["rtpmap"].values())
        s = self.media.sdp(a, ver=self.sdp_ver, te=te, codecs=[self.media.codec]).decode()
        if self.media.pt != CODECS[self.media.codec][0]:
            s = s.replace(f" {CODECS[self.media.codec][0]} ", f" {self.media.pt} ").replace(
                f"rtpmap:{CODECS[self.media.codec][0]} ", f"rtpmap:{self.media.pt} "
            )
        return (s + extra).encode()

    async def answer(self, tx=None, code=200, extra=()):
        if self.state == "ended":
            return
        m = self.invite_msg
        if tx is not None:
            self.media.play(tx)
        if m.body:
            d = self.media.apply(m.body)
            if d is None:
                return await self.reject(488)
            body = self._answer_sdp()
        else:
            body = self.media.sdp()
        await self._final(m, code, body, extra)
        self.state = "answered"
        self.t["answered"] = time.monotonic()
        self.media.start()
        self.answered.set()

    async def _final(self, m, code, body=b"", extra=()):
        raw = self.ua.reply(
            m,
            code,
            body=body,
            tag=self.ltag,
            contact=True,
            extra=[
                ("Allow", self.allow),
                ("Supported", "replaces, timer"),
            ]
            + list(extra),
        )
        self._wait_ack = asyncio.Event()
        ev = self._wait_ack

        async def rexmit():
            iv = T1
            end = time.monotonic() + 64 * T1
            while time.monotonic() < end and self.state != "ended":
                try:
                    await asyncio.wait_for(ev.wait(), iv)
                    return
                except asyncio.TimeoutError:
                    if self.ua.t.reliable and code >= 300:
                        return
                    self.ua.log("retransmit", code)
                    self.ua.tx(raw, m.src)
                    iv = min(T2, iv * 2)
            if self.state != "ended" and code < 300:
                self.ua.log("no ACK")
                self.no_ack_seen = True
                await self.bye()

        self.ua.spawn(rexmit())

    def _ack(self, m):
        if hasattr(self, "_wait_ack"):
            self._wait_ack.set()
        if m.body and self.invite_msg and not self.invite_msg.body and m.cseq == self.invite_msg.cseq:
            self.media.apply(m.body)
        self.t.setdefault("ack", time.monotonic())

    async def reject(self, code=486, extra=()):
        await self._final(self.invite_msg, code, extra=extra)
        self._end(f"{code}")

    # -- in dialog
    async def dialog_request(self, method, extra=(), body=b"", ctype=None, timeout=None):
        self.cseq += 1
        auth = []
        addr = self.ua.dest(self.target, self.route)
        for _ in range(2):
            m = self.ua.req(
                method,
                self.target,
                self.local,
                self.remote,
                self.cid,
                self.cseq,
                route=self.route,
                extra=list(extra) + auth,
                body=body,
                ctype=ctype,
            )
            r = await self.ua.transact(m, addr, timeout=timeout)
            if method == "INVITE":
                if r.code < 300:
                    c = r.all("contact")
                    self.target = uri_of(c[0]) if c else self.target
                    self._send_ack(r)
                else:
                    self.ua.tx(
                        Msg(
                            f"ACK {self.target} SIP/2.0",
                            [
                                ("Via", m.all("via")[0]),
                                ("Max-Forwards", "70"),
                                ("From", self.local),
                                ("To", r.get("to")),
                                ("Call-ID", self.cid),
                                ("CSeq", f"{self.cseq} ACK"),
                            ]
                            + [("Route", x) for x in self.route],
                        ).build(),
                        addr,
                    )
            if r.code in (401, 407) and self.ua.password is not None and not auth:
                auth = self.ua._auth(r, method, self.target)
                self.cseq += 1
                continue
            return r

    async def bye(self, timeout=8):
        if self.state == "ended":
            return None
        if self.state != "answered":
            return await (self.cancel() if self.uac else self.reject(480))
        try:
            r = await self.dialog_request("BYE", timeout=timeout)
        except CallFailed as e:
            r = e
        self._end("local bye", None)
        return r

    async def reinvite(self, direction="sendrecv", timeout=20, late_offer=False):
        self.sdp_ver += 1
        self.local_dir = direction
        r = await self.dialog_request(
            "INVITE",
            body=(self.media.sdp(direction, ver=self.sdp_ver, codecs=[self.media.codec]) if not late_offer else b""),
            timeout=timeout,
        )
        if r.code != 200:
            raise CallFailed(r.code, "re-INVITE " + r.start, r)
        if r.body:
            self.media.apply(r.body)
        self.media.sending = self.media.sending and direction in ("sendrecv", "sendonly")
        return r

    async def hold(self, mode="sendonly"):
        return await self.reinvite(mode)

    async def resume(self):
        return await self.reinvite("sendrecv")

    async def update(self, extra=()):
        return await self.dialog_request("UPDATE", extra=extra)

    async def dtmf(self, digits, method="rfc4733"):
        if method == "rfc4733":
            await self.media.dtmf4733(digits)
        elif method == "inband":
            await self.media.dtmf_inband(digits)
        else:
            for d in digits:
                plain = method == "info-plain"
                r = await self.dialog_request(
                    "INFO",
                    body=(d if plain else f"Signal={d}\r\nDuration=160\r\n").encode(),
                    ctype="application/dtmf" if plain else "application/dtmf-relay",
                )
                if r.code != 200:
                    raise CallFailed(r.code, "INFO", r)
                await asyncio.sleep(0.1)

    def replaces_param(self, other_side=True):
        """Replaces value that names this call as seen by its far end"""
        return f"{self.cid};to-tag={self.rtag};from-tag={self.ltag}"

    async def refer(self, target, replaces=None, timeout=30, wait=True):
        """blind transfer; with replaces=<Call> attended transfer.  Returns (REFER code, [sipfrag codes])"""
        from urllib.parse import quote

        rt = f"<{target}?Replaces={quote(replaces.replaces_param(), safe='')}>" if replaces else f"<{target}>"
        self._nq = asyncio.Queue()
        r = await self.dialog_request(
            "REFER",
            extra=[
                ("Refer-To", rt),
                ("Referred-By", f"<{self.ua.aor}>"),
                ("Supported", "norefersub, replaces"),
            ],
        )
        codes = []
        if r.code >= 300 or not wait:
            return r.code, codes
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                c, term = await asyncio.wait_for(self._nq.get(), end - time.monotonic())
            except asyncio.TimeoutError:
                break
            if c:
                codes.append(c)
            if (c and c >= 200) or term:
                break
        return r.code, codes

    async def _in_dialog(self, m):
        ua = self.ua
        if m.method in ("INVITE", "UPDATE"):
            c = m.all("contact")
            self.target = uri_of(c[0]) if c else self.target
            ex = []
            if m.get("session-expires"):
                ex = [
                    ("Session-Expires", m.get("session-expires").split(";")[0] + ";refresher=uac"),
                    ("Require", "timer"),
                ]
            if m.method == "INVITE":
                self.reinvites += 1
            if m.body:
                d = self.media.apply(m.body)
                self.sdp_ver += 1
                self.remote_hold = bool(d) and (d["dir"] in ("sendonly", "inactive") or d["ip"] == "0.0.0.0")
                body = self._answer_sdp()
                self.media.start()
            else:
                body = self.media.sdp(self.local_dir) if m.method == "INVITE" else b""
            if m.method == "UPDATE":
                ua.reply(m, 200, body=body, contact=True, extra=ex)
            else:
                self.late_offer = not m.body
                self.invite_msg = m if not m.body else self.invite_msg
                await self._final(m, 200, body, ex)
        elif m.method == "BYE":
            self.t["bye_rx"] = time.monotonic()
            if not self.no_bye_reply:
                ua.reply(m, 200)
            self._end("remote bye", m)
        elif m.method == "INFO":
            s = re.search(rb"Signal\s*=\s*([0-9A-D*#])", m.body)
            self.info_rx.append(s.group(1).decode() if s else m.body.decode("latin1"))
            ua.reply(m, 200)
        elif m.method == "NOTIFY":
            ua.reply(m, 200)
            f = re.match(rb"SIP/2.0 (\d+)", m.body)
            code = int(f.group(1)) if f else None
            self.notifies.append(code)
            self._nq.put_nowait((code, "terminated" in (m.get("subscription-state") or "")))
        elif m.method == "PRACK":
            ua.reply(m, 200)
        elif m.method == "REFER":
            from urllib.parse import unquote

            ua.reply(m, 202, contact=True)
            tgt = uri_of(m.get("refer-to"))
            self.refer_rx.append(tgt)
            ex = []
            if "?" in tgt:
                tgt, hs = tgt.split("?", 1)
                ex = [(k, unquote(v)) for k, v in (h.split("=", 1) for h in hs.split("&"))]
            await self._notify(100, "active;expires=60")
            c = await ua.invite(tgt, tx=self.media.src, extra=ex)
            self.referred = c
            try:
                await c.wait_answer(30)
                await self._notify(200, "terminated;reason=noresource")
            except (CallFailed, AssertionError) as e:
                await self._notify(getattr(e, "code", 408), "terminated;reason=noresource")
        else:
            ua.reply(m, 501)

    async def _notify(self, code, state):
        try:
            await self.dialog_request(
                "NOTIFY",
                extra=[("Event", "refer"), ("Subscription-State", state)],
                body=f"SIP/2.0 {code} {REASONS.get(code, 'X')}\r\n".encode(),
                ctype="message/sipfrag;version=2.0",
                timeout=5,
            )
        except CallFailed:
            pass

    def _timer(self, r):
        se = r.get("session-expires")
        if not se or "refresher=uac" not in se:
            return
        s = int(se.split(";")[0])

        async def run():
            while self.state == "answered":
                await asyncio.sleep(s / 2)
                x = await self.dialog_request(
                    "UPDATE",
                    extra=[("Session-Expires", f"{s};refresher=uac"), ("Supported", "timer")],
                    timeout=10,
                )
                self.ua.log("session refresh", x.code)

        self._se = self.ua.spawn(run())
