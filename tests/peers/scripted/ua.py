"""The scripted phone: registration, requests, calls in and out; misbehaves on request."""

import asyncio, random, re, secrets, sys, time
from .call import Call
from .message import (
    CallFailed,
    Msg,
    REASONS,
    T1,
    T2,
    digest_header,
    parse_hostport,
    safe,
    uri_hostport,
    uri_of,
)
from .rtp import Rtp
from .transport import StreamT, UdpT, WsT
from .watch import Watch


class UA:
    def __init__(
        self,
        user,
        password=None,
        server=None,
        ip="127.0.0.1",
        port=0,
        transport="udp",
        domain=None,
        display=None,
        auth_user=None,
        codecs=("PCMU", "PCMA"),
        srtp=False,
        cafile=None,
        ws_path="/",
        outbound_proxy=None,
        verbose=False,
        session_expires=None,
        headers=None,
    ):
        self.ptime = 20  # milliseconds a packet that its calls ask for
        self.user, self.password, self.ip, self.port, self.codecs, self.srtp, self.cafile, self.ws_path = (
            user,
            password,
            ip,
            port,
            codecs,
            srtp,
            cafile,
            ws_path,
        )
        if isinstance(server, str):
            server = parse_hostport(server, 5061 if transport == "tls" else 5060)
        self.server = server
        self.proxy = parse_hostport(outbound_proxy) if outbound_proxy else None
        self.domain = domain or (server[0] if server else ip)
        if ":" in self.domain:
            self.domain = f"[{self.domain}]"
        self.auth_user = auth_user or user
        self.display = display or user
        self.transport = transport.lower()
        self.t = {"udp": UdpT, "tcp": StreamT}.get(self.transport, None)
        self.t = (
            UdpT(self)
            if self.transport == "udp"
            else (
                StreamT(self)
                if self.transport == "tcp"
                else StreamT(self, True) if self.transport == "tls" else WsT(self, self.transport == "wss")
            )
        )
        self.ct, self.st, self.calls, self.verbose, self.events = {}, {}, {}, verbose, []
        self.on_invite = None
        self.on_message = None
        self.watches = {}
        self.cseq = random.randrange(1, 1000)
        self.reg_cid = secrets.token_hex(8)
        self.nonce_cache = {}
        self.deaf = False
        self.takes_texts = True
        self.session_expires = session_expires
        self.headers = headers or []
        self._reg_task = None
        self.extra_contact = ""
        # Nobody can connect to what lives in a browser: its host is a name that leads nowhere (RFC 7118, appendix B).
        self.host = f"{secrets.token_hex(6)}.invalid" if self.transport in ("ws", "wss") else None
        self.trace = None
        self.bg = set()

    def log(self, *a):
        self.events.append((time.monotonic(), *a))
        if self.verbose:
            print(f"{time.monotonic():.3f} [{self.user}]", *a, file=sys.stderr)

    async def start(self):
        await self.t.start()
        return self

    async def stop(self):
        if self._reg_task:
            self._reg_task.cancel()
        for c in list(self.calls.values()):
            if c.state not in ("ended",):
                try:
                    await asyncio.wait_for(
                        c.bye() if c.state == "answered" else c.cancel() if c.uac else c.reject(480), 3
                    )
                except Exception:
                    pass
            c.media.close()
        self.deaf = True
        for t in list(self.bg):
            t.cancel()
        await asyncio.sleep(0)
        self.t.close()

    async def __aenter__(self):
        return await self.start()

    async def __aexit__(self, *a):
        await self.stop()

    def spawn(self, c):
        t = asyncio.ensure_future(c)
        self.bg.add(t)
        t.add_done_callback(self.bg.discard)
        return t

    @property
    def contact(self):
        # RFC 7118 §5.5: the parameter is `ws` over TLS as well.
        tp = {"udp": "", "wss": ";transport=ws"}.get(self.transport, f";transport={self.transport}")
        return f"<sip:{self.user}@{self.sent_by}{tp}>"

    @property
    def sent_by(self):
        h = f"[{self.ip}]" if ":" in self.ip else self.ip
        return self.host or f"{h}:{self.port}"

    @property
    def aor(self):
        return f"sip:{self.user}@{self.domain}"

    def dest(self, uri, route=None):
        if self.transport in ("ws", "wss"):
            return self.server
        if route:
            return uri_hostport(uri_of(route[0]))
        if self.proxy:
            return self.proxy
        return uri_hostport(uri)

    # -- low level
    def tx(self, data, addr):
        if self.deaf:
            return
        safe(addr[0])
        if self.trace is not None:
            self.trace.append((time.monotonic(), "tx", data))
        self.log(">>", data.split(b"\r\n", 1)[0].decode("utf-8", "replace"))
        self.t.send(data, addr)

    def new_via(self):
        b = "z9hG4bK" + secrets.token_hex(8)
        return b, f"SIP/2.0/{self.t.proto} {self.sent_by};branch={b};rport"

    def req(self, method, ruri, frm, to, cid, cseq, route=(), extra=(), body=b"", ctype=None, contact=True):
        b, via = self.new_via()
        h = [
            ("Via", via),
            ("Max-Forwards", "70"),
            ("From", frm),
            ("To", to),
            ("Call-ID", cid),
            ("CSeq", f"{cseq} {method}"),
        ]
        if contact:
            h.append(("Contact", self.contact + self.extra_contact))
        h += (
            [("Route", r) for r in route]
            + [
                ("User-Agent", "rtp_caller/1"),
                ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY, PRACK, MESSAGE"),
            ]
            + list(extra)
        )
        if body:
            h.append(("Content-Type", ctype or "application/sdp"))
        return Msg(f"{method} {ruri} SIP/2.0", h, body)

    async def transact(self, m, addr, on_prov=None, timeout=None):
        """send a request, retransmit, return the final response (Msg); raises CallFailed(408) on time-out"""
        q = asyncio.Queue()
        key = (m.branch, m.method)
        self.ct[key] = q
        raw = m.build()
        inv = m.method == "INVITE"
        self.tx(raw, addr)
        dl = time.monotonic() + (timeout or 64 * T1)
        iv = T1
        nxt = time.monotonic() + iv
        got = False
        try:
            while True:
                now = time.monotonic()
                wait = (dl if self.t.reliable or (got and inv) else min(dl, nxt)) - now
                try:
                    r = await asyncio.wait_for(q.get(), max(0.001, wait))
                except asyncio.TimeoutError:
                    if time.monotonic() >= dl:
                        raise CallFailed(408, f"no final response to {m.method}")
                    if not self.t.reliable and not (got and inv):
                        self.tx(raw, addr)
                        self.log("retransmit", m.method)
                        iv = iv * 2 if inv else min(T2, iv * 2)
                        nxt = time.monotonic() + iv
                    continue
                if r.code < 200:
                    got = True
                    if inv:
                        dl = time.monotonic() + (timeout or 180)
                    if on_prov:
                        x = on_prov(r)
                        if asyncio.iscoroutine(x):
                            self.spawn(x)
                    continue
                return r
        finally:
            if not inv:
                self.ct.pop(key, None)

    def _auth(self, r, m, ruri, body=b""):
        out = []
        for hn, an in (("www-authenticate", "Authorization"), ("proxy-authenticate", "Proxy-Authorization")):
            ch = [v for n, v in r.headers if n.lower() == hn]
            ch = [c for c in ch if re.search(r"algorithm\s*=\s*\"?SHA-256", c, re.I)] or [
                c for c in ch if "algorithm" not in c.lower() or re.search(r"algorithm\s*=\s*\"?MD5", c, re.I)
            ]
            if ch:
                n = re.search(r'nonce="([^"]*)"', ch[0])
                n = n.group(1) if n else ""
                self.nonce_cache[n] = nc = self.nonce_cache.get(n, 0) + 1
                out.append((an, digest_header(ch[0], m, ruri, self.auth_user, self.password or "", nc)))
        return out

    async def request(
        self,
        method,
        ruri,
        to=None,
        cid=None,
        extra=(),
        body=b"",
        ctype=None,
        timeout=None,
        addr=None,
        contact=True,
    ):
        """out-of-dialog non-INVITE request, with one digest retry"""
        cid = cid or secrets.token_hex(8)
        ftag = secrets.token_hex(4)
        frm = f'"{self.display}" <{self.aor}>;tag={ftag}'
        auth = []
        for _ in range(3):
            self.cseq += 1
            m = self.req(
                method,
                ruri,
                frm,
                f"<{to or ruri}>",
                cid,
                self.cseq,
                extra=list(extra) + auth + self.headers,
                body=body,
                ctype=ctype,
                contact=contact,
            )
            r = await self.transact(
                m,
                addr or (self.dest(ruri) if method != "REGISTER" else (self.proxy or self.server)),
                timeout=timeout,
            )
            if (
                r.code in (401, 407)
                and self.password is not None
                and (
                    not auth
                    or "stale=true" in (r.get("www-authenticate", "") + r.get("proxy-authenticate", "")).lower()
                )
            ):
                auth = self._auth(r, method, ruri)
                continue
            return r
        return r

    async def register(self, expires=300, refresh=True):
        r = await self.request(
            "REGISTER", f"sip:{self.domain}", to=self.aor, cid=self.reg_cid, extra=[("Expires", str(expires))]
        )
        if r.code != 200:
            raise CallFailed(r.code, "REGISTER", r)
        if self._reg_task:
            self._reg_task.cancel()
            self._reg_task = None
        if expires and refresh:
            g = [
                int(x) for c in r.all("contact") if f"{self.port}" in c for x in re.findall(r"expires\s*=\s*(\d+)", c)
            ] or [int(r.get("expires", expires))]

            async def again():
                await asyncio.sleep(max(1, g[0] * 0.8))
                await self.register(expires)

            self._reg_task = asyncio.ensure_future(again())
        return r

    async def bindings(self):
        """the answer to a REGISTER without a Contact, which names all there are (RFC 3261 10.2.3)"""
        return await self.request("REGISTER", f"sip:{self.domain}", to=self.aor, contact=False)

    async def unregister(self):
        return await self.register(0, False)

    async def watch(self, package, user, accept, expires=300):
        """subscribes to somebody at our server; raises CallFailed where it is refused"""
        watch = Watch(self, package, f"sip:{user}@{self.server[0]}:{self.server[1]}", accept)
        r = await watch.ask(expires)
        if r.code != 200:
            raise CallFailed(r.code, "SUBSCRIBE", r)
        return watch

    async def publish(self, document, expires=300, etag=None):
        """our own presence (RFC 3903)"""
        headers = [("Event", "presence"), ("Expires", str(expires))] + ([("SIP-If-Match", etag)] if etag else [])
        uri = f"sip:{self.user}@{self.server[0]}:{self.server[1]}"
        return await self.request("PUBLISH", uri, extra=headers, body=document, ctype="application/pidf+xml")

    async def options(self, uri=None, timeout=5):
        return await self.request("OPTIONS", uri or f"sip:{self.server[0]}:{self.server[1]}", timeout=timeout)

    async def invite(
        self,
        uri,
        tx=None,
        sdp=True,
        extra=(),
        codecs=None,
        direction="sendrecv",
        srtp=None,
        wait_prov=None,
        display=None,
        from_uri=None,
        events=True,
    ):
        c = Call(self, uac=True)
        c.media = Rtp(self.ip, codecs or self.codecs, self.srtp if srtp is None else srtp)
        c.media.ptime = self.ptime
        c.media.events = events
        c.remote_uri = uri
        if tx is not None:
            c.media.play(tx)
        c.local = f'"{display or self.display}" <{from_uri or self.aor}>;tag={c.ltag}'
        c.remote = f"<{uri}>"
        c.target = uri
        self.calls[c.cid] = c
        c.task = self.spawn(c._uac(uri, sdp, list(extra), direction))
        return c

    # -- receive
    def _rx(self, raw, addr):
        if self.deaf:
            return
        if self.trace is not None:
            self.trace.append((time.monotonic(), "rx", raw))
        if not raw.strip(b"\r\n\0 "):
            return
        try:
            m = Msg.parse(raw)
        except Exception as e:
            self.log("unparsable", repr(e))
            return
        m.src = addr
        self.log("<<", m.start)
        if not m.is_req:
            return self._resp(m)
        key = (m.branch, "INVITE" if m.method == "ACK" else m.method, m.cseq)
        if m.method == "ACK":
            c = self.find(m)
            if c:
                c._ack(m)
            if key in self.st:
                self.st[key]["ack"].set()
            return
        if key in self.st:
            if self.st[key]["last"]:
                self.tx(self.st[key]["last"], addr)
            return
        self.st[key] = dict(last=None, ack=asyncio.Event(), t=time.monotonic())
        if len(self.st) > 20000:
            old = time.monotonic() - 40
            self.st = {k: v for k, v in self.st.items() if v["t"] > old}
        self.spawn(self._request(m))

    def find(self, m):
        c = self.calls.get(m.call_id)
        return c

    def _resp(self, m):
        q = self.ct.get((m.branch, m.method))
        if m.method == "INVITE" and 200 <= m.code < 300:
            c = self.calls.get(m.call_id)
            if c and m.cseq in c.acks and m.tag("to") in c.acks[m.cseq]:
                self.tx(*c.acks[m.cseq][m.tag("to")])
                return  # retransmitted 2xx
            if c and c.acks.get(m.cseq) and m.tag("to") != c.rtag:
                self.spawn(c._kill_fork(m))
                return
        if q:
            q.put_nowait(m)

    def reply(self, req, code, reason=None, extra=(), body=b"", ctype="application/sdp", tag=None, contact=False):
        h = [("Via", v) for v in req.all("via")]
        if h:  # RFC 3581 on behalf of the peer
            v = h[0][1]
            src = req.src
            v = re.sub(r";rport(?!=)", f";rport={src[1]}", v)
            if ";received=" not in v and ";rport=" in v:
                v += f";received={src[0]}"
            h[0] = ("Via", v)
        to = req.get("to", "")
        if tag and ";tag=" not in to and code > 100:
            to += f";tag={tag}"
        h += [("Record-Route", r) for r in req.all("record-route")] + [
            ("From", req.get("from", "")),
            ("To", to),
            ("Call-ID", req.call_id),
            ("CSeq", req.get("cseq", "")),
        ]
        if contact:
            h.append(("Contact", self.contact))
        h += [("Server", "rtp_caller/1")] + list(extra)
        if body:
            h.append(("Content-Type", ctype))
        raw = Msg(f"SIP/2.0 {code} {reason or REASONS.get(code, 'X')}", h, body).build()
        key = (req.branch, req.method, req.cseq)
        if key in self.st:
            self.st[key]["last"] = raw
        self.tx(raw, req.src)
        return raw

    async def _request(self, m):
        c = self.find(m)
        tt = m.tag("to")
        if m.method == "OPTIONS":
            return self.reply(
                m,
                200,
                extra=[("Accept", "application/sdp"), ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS")],
                tag=secrets.token_hex(4),
            )
        if m.method == "MESSAGE" and not self.takes_texts:
            return self.reply(m, 405, tag=secrets.token_hex(4))
        if m.method == "MESSAGE":
            self.log("message", m.body.decode("utf-8", "replace"))
            if self.on_message:
                self.on_message(m)
            return self.reply(m, 200, tag=secrets.token_hex(4))
        if m.method == "INVITE" and not tt:
            return await self._new_call(m)
        if m.method == "NOTIFY" and m.call_id in self.watches:
            self.reply(m, 200)
            return self.watches[m.call_id].notified(m)
        if m.method == "CANCEL":
            if c and not c.uac and c.state in ("incoming", "ringing"):
                self.reply(m, 200, tag=c.ltag)
                self.reply(c.invite_msg, 487, tag=c.ltag)
                c._end("cancelled", m)
            else:
                self.reply(m, 481)
            return
        if not c or (tt and tt != c.ltag):
            if m.method == "NOTIFY":
                return self.reply(m, 200 if not tt else 481)
            return self.reply(m, 481, tag=secrets.token_hex(4))
        await c._in_dialog(m)

    async def _new_call(self, m):
        c = Call(self, uac=False)
        c.cid = m.call_id
        c.invite_msg = m
        c.media = Rtp(self.ip, self.codecs, "SAVP" in (m.body.decode("latin1") if m.body else "") or self.srtp)
        c.media.ptime = self.ptime
        c.local = m.get("to") + f";tag={c.ltag}"
        c.remote = m.get("from")
        c.rtag = m.tag("from")
        c.target = uri_of((m.all("contact") or [m.get("from")])[0])
        c.route = m.all("record-route")
        c.rcseq = m.cseq
        c.cseq = random.randrange(1, 1000)
        c.state = "incoming"
        self.calls[c.cid] = c
        c.remote_number = uri_of(m.get("from"))
        rp = m.get("replaces")
        if rp:
            cid = rp.split(";")[0].strip()
            old = self.calls.get(cid)
            if not old:
                self.reply(m, 481, tag=c.ltag)
                c._end("481", None)
                return
            await c.answer(tx=old.media.src)
            self.replaced = (old, c)
            self.spawn(old.bye())
            if self.on_invite:
                c.replaces = old
                await self.on_invite(c)
            return
        self.reply(m, 100)
        if self.on_invite:
            await self.on_invite(c)
        else:
            await c.reject(480)
