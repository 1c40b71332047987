"""One RTP session: paced sending, RFC 4733 digits, a recording on the time line of the RTP time stamps."""

import asyncio, base64, collections, random, re, secrets, socket, struct, time
import numpy as np
from .audio import (
    CODECS,
    DTMF_EV,
    EV_DTMF,
    FRAME,
    FS,
    decode,
    dtmf_audio,
    encode,
    match_prompt,
    rms,
    silence,
    tone_level,
)
from .message import safe
from .srtp import Srtp


class Pacer:
    """one timer for every stream in the process"""

    streams: set = set()
    task = None
    late_ms = 0.0
    # When its ticks were late, and by how many seconds: what a phone says stood still for so long.
    late: list = []

    @classmethod
    def add(cls, s):
        cls.streams.add(s)
        if cls.task is None or cls.task.done():
            cls.task = asyncio.ensure_future(cls._run())

    @classmethod
    async def _run(cls):
        nxt = time.monotonic()
        while cls.streams:
            for s in list(cls.streams):
                s._tick()
            nxt += 0.02
            d = nxt - time.monotonic()
            if d < -0.2:
                nxt = time.monotonic()
                cls.late = [*cls.late[-9999:], (nxt, -d)]
                cls.late_ms = max(cls.late_ms, -d * 1000)
            await asyncio.sleep(max(0, d))


class Rtp:
    MAXRX = 50 * 60 * 30  # 30 minutes

    def __init__(self, ip, codec_pref=("PCMU", "PCMA"), srtp=False):
        self.ip, self.codecs, self.codec = ip, list(codec_pref), codec_pref[0]
        for _ in range(200):
            p = random.randrange(20000, 60000, 2)
            try:
                self.sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
                self.sock.bind((ip, p))
                self.rsock = socket.socket(self.sock.family, socket.SOCK_DGRAM)
                self.rsock.bind((ip, p + 1))
                break
            except OSError:
                self.sock.close()
        else:
            raise OSError("no RTP port")
        self.port = p
        for s in (self.sock, self.rsock):
            s.setblocking(False)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        loop = asyncio.get_running_loop()
        loop.add_reader(self.sock, self._read)
        loop.add_reader(self.rsock, self._read_rtcp)
        self.remote = None
        self.pt, self.te_pt = 0, 101
        self.events = True  # false: speaks of no telephone events
        self.pt_map = {0: "PCMU", 8: "PCMA", 96: "L16"}
        self.seq, self.ts, self.ssrc = (
            random.randrange(65536),
            random.randrange(1 << 31),
            random.getrandbits(32),
        )
        self.src, self.pos, self.loop_src = silence(1), 0, True
        # Of what is repeated in whole frames, each frame is encoded once: {codec: [octets]}.
        self.frames = {}
        self.q = collections.deque()
        self.sending = True
        self.first = True
        self.rx = []
        self.dtmf_rx = []
        self._ev_last = None
        self.rtcp_rx = []
        self.tx_count = 0
        self.bad = 0
        self.auth_fail = 0
        self.t0 = time.monotonic()
        self._next_rtcp = self.t0 + 1
        self.closed = False
        self.paused_clock = False
        self.ptime = 20  # milliseconds a packet that it asks for
        self.drop_every = 0  # of its own audio packets, each so-manieth is lost on the way
        # What it reports of our stream: (packets lost, round trip in seconds). Sender reports alone where it is none.
        self.reports = None
        self.crypto_local = secrets.token_bytes(30) if srtp else None
        self.stx = self.srx = None
        self.marks = {}

    # -- sending
    def play(self, x, loop=True):
        self.src, self.pos, self.loop_src = np.asarray(x, np.int16), 0, loop
        self.frames = {}

    def start(self):
        Pacer.add(self)

    def _next_frame(self):
        n = len(self.src)
        if n == 0 or (not self.loop_src and self.pos >= n):
            return np.zeros(FRAME, np.int16)
        if self.loop_src:
            f = self.src.take(range(self.pos, self.pos + FRAME), mode="wrap")
            self.pos = (self.pos + FRAME) % n
        else:
            f = self.src[self.pos : self.pos + FRAME]
            self.pos += FRAME
            if len(f) < FRAME:
                f = np.concatenate([f, np.zeros(FRAME - len(f), np.int16)])
        return f

    def _next_payload(self):
        if not self.loop_src or len(self.src) % FRAME or self.pos % FRAME or not len(self.src):
            return encode(self.codec, self._next_frame())
        if self.codec not in self.frames:
            cut = range(0, len(self.src), FRAME)
            self.frames[self.codec] = [encode(self.codec, self.src[at : at + FRAME]) for at in cut]
        payload = self.frames[self.codec][self.pos // FRAME]
        self.pos = (self.pos + FRAME) % len(self.src)
        return payload

    def _pkt(self, pt, payload, ts, marker=False):
        p = struct.pack("!BBHII", 0x80, (0x80 if marker else 0) | pt, self.seq, ts & 0xFFFFFFFF, self.ssrc) + payload
        self.seq = (self.seq + 1) & 0xFFFF
        if self.drop_every and self.seq % self.drop_every == 0:
            return
        if self.stx:
            p = self.stx.protect(p)
        try:
            self.sock.sendto(p, self.remote)
            self.tx_count += 1
        except OSError:
            pass

    def _tick(self):
        if self.closed:
            Pacer.streams.discard(self)
            return
        if self.remote and self.sending:
            if self.q:
                ev = self.q[0]
                if ev["kind"] == "gap":
                    ev["n"] -= 1
                    if ev["n"] <= 0:
                        self.q.popleft()
                        ev["fut"] and not ev["fut"].done() and ev["fut"].set_result(None)
                    self._pkt(self.pt, self._next_payload(), self.ts)
                else:
                    if ev["d"] == 0:
                        ev["ts"] = self.ts
                    ev["d"] += FRAME
                    last = ev["d"] >= ev["dur"]
                    for _ in range(3 if last and not ev["apart"] else 1):
                        self._pkt(
                            self.te_pt,
                            struct.pack("!BBH", ev["ev"], (0x80 if last else 0) | 10, min(ev["d"], ev["dur"])),
                            ev["ts"],
                            marker=ev["d"] == FRAME and not last,
                        )
                    if last and (not ev["apart"] or ev["d"] >= ev["dur"] + 2 * FRAME):
                        self.q.popleft()
            else:
                self._pkt(self.pt, self._next_payload(), self.ts, self.first)
                self.first = False
        self.ts += FRAME
        now = time.monotonic()
        if now > self._next_rtcp and self.remote and self.sending:
            self._next_rtcp = now + 5 * random.uniform(0.5, 1.5)
            self._send_rtcp()

    def _send_rtcp(self, bye=False):
        ntp = time.time() + 2208988800
        cname = b"rtp-caller@loopback"
        block = self._report_block()
        sr = struct.pack(
            "!BBHIIIIII",
            0x81 if block else 0x80,
            200,
            12 if block else 6,
            self.ssrc,
            int(ntp),
            int((ntp % 1) * (1 << 32)),
            self.ts & 0xFFFFFFFF,
            self.tx_count & 0xFFFFFFFF,
            (self.tx_count * 160) & 0xFFFFFFFF,
        )
        sr += block
        it = struct.pack("!BB", 1, len(cname)) + cname + b"\0"
        it += b"\0" * (-len(it) % 4)
        sd = struct.pack("!BBHI", 0x81, 202, 1 + len(it) // 4, self.ssrc) + it
        p = sr + sd + (struct.pack("!BBHI", 0x81, 203, 1, self.ssrc) if bye else b"")
        if self.stx:
            p = self.stx.protect_rtcp(p)
        try:
            self.rsock.sendto(p, (self.remote[0], self.remote[1] + 1))
        except OSError:
            pass

    def _report_block(self):
        """RFC 3550 6.4.1: about the stream that it hears, with when the newest sender report of it came"""
        if self.reports is None:
            return b""
        lost, round_trip = self.reports
        now = time.monotonic()
        srs = [(at, d) for at, d in self.rtcp_rx if len(d) >= 28 and d[1] == 200 and now - at >= round_trip]
        if not srs or not self.rx:
            return b""
        at, d = srs[-1]
        ssrc, ntp, fraction = struct.unpack("!III", d[4:16])
        delay = now - at - round_trip
        middle = (ntp & 0xFFFF) << 16 | fraction >> 16
        return struct.pack("!IIIIII", ssrc, lost, self.rx[-1][1], 80, middle, int(delay * 65536))

    async def dtmf4733(self, digits, ms=120, gap_ms=100, apart=False):
        """`apart`: the three ends one frame from another (RFC 4733 2.5.1.4) instead of all at once, as many phones do"""
        fut = asyncio.get_running_loop().create_future()
        for i, d in enumerate(digits.upper()):
            self.q.append(dict(kind="ev", ev=DTMF_EV[d], d=0, dur=ms * 8, ts=0, apart=apart))
            self.q.append(dict(kind="gap", n=max(1, gap_ms // 20), fut=fut if i == len(digits) - 1 else None))
        await asyncio.wait_for(fut, 2 + len(digits))

    async def dtmf_inband(self, digits):
        a = dtmf_audio(digits, 0.12, 0.1)
        keep = (self.src, self.pos, self.loop_src)
        self.play(a, False)
        await asyncio.sleep(len(a) / FS + 0.05)
        self.src, self.pos, self.loop_src = keep
        self.frames = {}

    # -- receiving
    def _read(self):
        for _ in range(64):
            try:
                d, a = self.sock.recvfrom(2048)
            except (BlockingIOError, ConnectionError):
                return
            except OSError:
                return
            now = time.monotonic()
            if len(d) < 12 or d[0] >> 6 != 2:
                self.bad += 1
                continue
            if self.srx:
                d = self.srx.unprotect(d)
                if d is None:
                    self.auth_fail += 1
                    continue
            b1, seq, ts, ssrc = d[1], *struct.unpack("!HII", d[2:12])
            pt = b1 & 127
            if 72 <= pt <= 76:
                self.rtcp_rx.append((now, d))
                continue  # rtcp-mux
            h = 12 + 4 * (d[0] & 15)
            if d[0] & 16 and len(d) >= h + 4:
                h += 4 + 4 * struct.unpack("!H", d[h + 2 : h + 4])[0]
            pl = d[h:]
            if d[0] & 32 and pl:
                pl = pl[: -pl[-1]] if 0 < pl[-1] <= len(pl) else pl
            if pt == self.te_pt and len(pl) >= 4:
                key = (ssrc, ts, pl[0])
                if key != self._ev_last:
                    self._ev_last = key
                    self.dtmf_rx.append((now, EV_DTMF.get(pl[0], "?")))
            if len(self.rx) < self.MAXRX:
                self.rx.append((now, seq, ts, ssrc, pt, b1 >> 7, pl, a))

    def _read_rtcp(self):
        try:
            while True:
                d, a = self.rsock.recvfrom(2048)
                self.rtcp_rx.append((time.monotonic(), d))
        except OSError:
            pass

    def mark(self, name):
        self.marks[name] = time.monotonic()

    def heard(self, since=0.0, until=None):
        """what was heard as int16 8 kHz on the RTP time line; `since`/`until` are time.monotonic() instants or mark names"""
        since = self.marks.get(since, since)
        until = self.marks.get(until, until) if until is not None else None
        pk = [
            p
            for p in self.rx
            if p[0] >= since and (until is None or p[0] <= until) and p[4] in self.pt_map and p[4] != self.te_pt
        ]
        out = []
        i = 0
        while i < len(pk):  # one run per SSRC change / timestamp jump > 5 s
            j = i
            base = pk[i][2]
            run = [pk[i]]
            while (
                j + 1 < len(pk)
                and pk[j + 1][3] == pk[i][3]
                and abs(((pk[j + 1][2] - run[-1][2] + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)) < 40000
            ):
                j += 1
                run.append(pk[j])
            off = [((p[2] - base + (1 << 31)) & 0xFFFFFFFF) - (1 << 31) for p in run]
            lo = min(off)
            aud = [decode(self.pt_map[p[4]], p[6]) for p in run]
            buf = np.zeros(max(o - lo + len(a) for o, a in zip(off, aud)), np.int16)
            for o, a in zip(off, aud):
                buf[o - lo : o - lo + len(a)] = a
            out.append(buf)
            i = j + 1
        return np.concatenate(out) if out else np.zeros(0, np.int16)

    def digits(self):
        return "".join(d for _, d in self.dtmf_rx)

    def stats(self, since=0.0):
        pk = [p for p in self.rx if p[0] >= self.marks.get(since, since)]
        if not pk:
            return dict(packets=0)
        ss = collections.OrderedDict()
        for p in pk:
            ss.setdefault(p[3], []).append(p)
        lost = dup = ooo = 0
        jit = 0.0
        gap = 0.0
        for s, l in ss.items():
            seen = set()
            ext = []
            hi = l[0][1]
            cyc = 0
            for p in l:
                d = (p[1] - hi + 32768) % 65536 - 32768
                e = (
                    hi + cyc + d
                    if False
                    else (ext[-1] if ext else p[1]) + ((p[1] - (ext[-1] if ext else p[1]) + 32768) % 65536 - 32768)
                )
                if e in seen:
                    dup += 1
                elif ext and e < max(ext[-20:]):
                    ooo += 1
                seen.add(e)
                ext.append(e)
            lost += max(seen) - min(seen) + 1 - len(seen)
            J = 0.0
            pr = None
            for p in l:
                if p[4] == self.te_pt:
                    continue
                tr = p[0] * FS - p[2]
                if pr is not None:
                    D = abs(tr - pr)
                    if D < 40000:
                        J += (D - J) / 16
                pr = tr
            jit = max(jit, J / FS * 1000)
        t = [p[0] for p in pk]
        gap = float(np.max(np.diff(t))) if len(t) > 1 else 0
        return dict(
            packets=len(pk),
            ssrcs=len(ss),
            lost=lost,
            dup=dup,
            reordered=ooo,
            jitter_ms=round(jit, 2),
            max_gap_ms=round(gap * 1000, 1),
            secs=round(t[-1] - t[0], 3),
            pts=sorted({p[4] for p in pk}),
            sources=sorted({f"{p[7][0]}:{p[7][1]}" for p in pk}),
            rtcp=len(self.rtcp_rx),
            auth_fail=self.auth_fail,
        )

    def first_audio(self, level=100):
        """monotonic instant of the first packet that is not silence"""
        for p in self.rx:
            if p[4] in self.pt_map and rms(decode(self.pt_map[p[4]], p[6])) > level:
                return p[0]

    async def wait_heard(self, prompt, min_corr=0.9, timeout=30.0, since=0.0):
        """wait until `prompt` has been heard; returns match_prompt(); raises AssertionError with the best match"""
        end = time.monotonic() + timeout
        best = None
        while True:
            h = self.heard(since)
            if len(h) >= len(prompt) * 0.9:
                best = match_prompt(h, prompt)
                if best["corr"] >= min_corr or (best["heard"] and min_corr <= 0.9):
                    return best
            if time.monotonic() > end:
                raise AssertionError(f"prompt not heard within {timeout}s: best={best}, stats={self.stats()}")
            await asyncio.sleep(0.25)

    async def wait_tone(self, f, share=0.5, timeout=30.0, win=0.5):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if tone_level(self.heard(time.monotonic() - win), f) >= share:
                return True
            await asyncio.sleep(0.1)
        raise AssertionError(f"tone {f} Hz not heard within {timeout}s: {self.stats()}")

    async def wait_digits(self, want, timeout=30):
        end = time.monotonic() + timeout
        while want not in self.digits():
            if time.monotonic() > end:
                raise AssertionError(f"DTMF {want!r} not received, got {self.digits()!r}")
            await asyncio.sleep(0.05)

    def close(self):
        if self.closed:
            return
        if self.remote and self.sending and self.tx_count:
            self._send_rtcp(bye=True)
        self.closed = True
        loop = asyncio.get_event_loop()
        for s in (self.sock, self.rsock):
            loop.remove_reader(s)
            s.close()

    # -- SDP
    def sdp(self, direction="sendrecv", sid=None, ver=1, te=True, extra="", codecs=None):
        cl = codecs or self.codecs
        te = te and self.events
        pts = [str(CODECS[c][0]) for c in cl] + ([str(self.te_pt)] if te else [])
        fam = "IP6" if ":" in self.ip else "IP4"
        s = f"v=0\r\no=rc {sid or self.ssrc} {ver} IN {fam} {self.ip}\r\ns=-\r\nc=IN {fam} {self.ip}\r\nt=0 0\r\n"
        s += f"m=audio {self.port} {'RTP/SAVP' if self.crypto_local else 'RTP/AVP'} {' '.join(pts)}\r\n"
        for c in cl:
            s += f"a=rtpmap:{CODECS[c][0]} {c}/{CODECS[c][1]}\r\n"
        if te:
            s += f"a=rtpmap:{self.te_pt} telephone-event/8000\r\na=fmtp:{self.te_pt} 0-16\r\n"
        if self.crypto_local:
            s += f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(self.crypto_local).decode()}\r\n"
        return (s + f"a=ptime:{self.ptime}\r\na={direction}\r\n" + extra).encode()

    def apply(self, sdp, answer=True):
        d = parse_sdp(sdp)
        self.remote_sdp = d
        if not d or d["port"] == 0:
            self.remote = None
            return d
        self.remote = (safe(d["ip"]), d["port"]) if d["ip"] not in ("0.0.0.0", "::") else None
        for pt in d["pts"]:
            n = d["rtpmap"].get(pt, {0: "PCMU/8000", 8: "PCMA/8000"}.get(pt, "?")).split("/")
            if n[0].upper() in CODECS and n[0].upper() in self.codecs and n[1] == "8000":
                self.codec, self.pt = n[0].upper(), pt
                self.pt_map[pt] = self.codec
                break
        for pt, m in d["rtpmap"].items():
            if m.lower().startswith("telephone-event/8000"):
                self.te_pt = pt
        self.sending = d["dir"] in ("sendrecv", "recvonly") and d["ip"] not in ("0.0.0.0", "::")
        if self.crypto_local and d["crypto"]:
            suite, key = d["crypto"][0]
            self.srx = Srtp(key, 4 if suite.endswith("32") else 10)
            self.stx = self.stx or Srtp(self.crypto_local)
        return d


def parse_sdp(b):
    if not b:
        return None
    ip = session_direction = None
    cur = None
    d = None
    others = []
    for l in b.decode("utf-8", "replace").replace("\r\n", "\n").split("\n"):
        if l.startswith("m="):
            f = l[2:].split()
            cur = dict(
                kind=f[0],
                port=int(f[1].split("/")[0]),
                proto=f[2],
                pts=[int(x) for x in f[3:] if x.isdigit()],
                ip=ip,
                rtpmap={},
                dir=None,
                crypto=[],
                attrs=[],
            )
            if f[0] == "audio" and d is None:
                d = cur
            others.append(cur)
        elif l.startswith("c="):
            a = l.split()[-1].split("/")[0]
            if cur:
                cur["ip"] = a
            else:
                ip = a
        elif l.startswith("a="):
            tgt = cur
            v = l[2:]
            if v in ("sendrecv", "sendonly", "recvonly", "inactive"):
                if tgt:
                    tgt["dir"] = v
                else:
                    session_direction = v
            if tgt is not None:
                tgt["attrs"].append(v)
                m = re.match(r"rtpmap:(\d+) (\S+)", v)
                if m:
                    tgt["rtpmap"][int(m.group(1))] = m.group(2)
                m = re.match(r"crypto:\d+ (AES_CM_128_HMAC_SHA1_(?:80|32)) inline:([A-Za-z0-9+/=]+)", v)
                if m:
                    tgt["crypto"].append((m.group(1), base64.b64decode(m.group(2))))
    if d:
        d["dir"] = d["dir"] or session_direction or "sendrecv"
        d["media"] = others
    return d
