"""SIP messages and digest (RFC 3261, RFC 7616) as a tester needs them: forgiving in, exact out."""

import hashlib, re, secrets, time

T1, T2, T4 = 0.5, 4.0, 5.0
SAFE = ("127.", "::1", "localhost")  # traffic goes nowhere else


def safe(host):
    if not str(host).startswith(SAFE):
        raise ValueError(f"refusing to send to {host}: loopback or own test namespace only")
    return host


COMPACT = dict(
    v="via",
    f="from",
    t="to",
    i="call-id",
    m="contact",
    l="content-length",
    c="content-type",
    s="subject",
    k="supported",
    e="content-encoding",
    o="event",
    u="allow-events",
    r="refer-to",
    b="referred-by",
    x="session-expires",
    d="request-disposition",
)


def split_commas(v):
    out, cur, q, a = [], "", False, 0
    i = 0
    while i < len(v):
        ch = v[i]
        if q:
            if ch == "\\":
                cur += v[i : i + 2]
                i += 2
                continue
            if ch == '"':
                q = False
        elif ch == '"':
            q = True
        elif ch == "<":
            a += 1
        elif ch == ">":
            a -= 1
        elif ch == "," and a <= 0:
            out.append(cur.strip())
            cur = ""
            i += 1
            continue
        cur += ch
        i += 1
    if cur.strip():
        out.append(cur.strip())
    return out


class Msg:
    def __init__(self, start, headers=None, body=b""):
        self.start, self.headers, self.body, self.t = start, headers or [], body, time.monotonic()
        self.src = None

    @classmethod
    def parse(cls, raw):
        head, _, body = raw.partition(b"\r\n\r\n")
        text = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace"))
        lines = text.split("\r\n")
        m = cls(lines[0])
        m.body = body
        for l in lines[1:]:
            n, _, v = l.partition(":")
            n = n.strip()
            m.headers.append((n, v.strip()))
        cl = m.get("content-length")
        if cl and cl.isdigit():
            m.body = body[: int(cl)]
        return m

    def get(self, name, d=None):
        name = name.lower()
        for n, v in self.headers:
            n = n.lower()
            if COMPACT.get(n, n) == name:
                return v
        return d

    def all(self, name):
        name = name.lower()
        out = []
        for n, v in self.headers:
            n = n.lower()
            if COMPACT.get(n, n) == name:
                out += split_commas(v)
        return out

    @property
    def is_req(self):
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self):
        return self.start.split(" ")[0] if self.is_req else self.get("cseq", "0 ?").split()[-1]

    @property
    def ruri(self):
        return self.start.split(" ")[1]

    @property
    def code(self):
        return 0 if self.is_req else int(self.start.split(" ")[1])

    @property
    def cseq(self):
        return int(self.get("cseq", "0 ?").split()[0])

    @property
    def branch(self):
        m = re.search(r";\s*branch\s*=\s*([^;,\s]+)", (self.all("via") or [""])[0])
        return m.group(1) if m else ""

    @property
    def call_id(self):
        return self.get("call-id", "")

    def tag(self, h):
        m = re.search(r";\s*tag\s*=\s*([^;,\s>]+)", re.sub(r"<[^>]*>", "", self.get(h, "")))
        return m.group(1) if m else None

    def build(self):
        h = [(n, v) for n, v in self.headers if n.lower() not in ("content-length", "l")] + [
            ("Content-Length", str(len(self.body)))
        ]
        return (self.start + "\r\n" + "".join(f"{n}: {v}\r\n" for n, v in h) + "\r\n").encode() + self.body


def uri_of(v):
    m = re.search(r"<([^>]*)>", v)
    return m.group(1) if m else v.split(";")[0].strip()


def parse_hostport(s, dport=5060):
    m = re.match(r"^(\[[^\]]+\]|[^:;?]+)(?::(\d+))?", s)
    return m.group(1).strip("[]"), int(m.group(2) or dport)


def uri_hostport(u):
    s = re.sub(r"^sips?:", "", u)
    s = s.split("@")[-1]
    return parse_hostport(s, 5061 if u.startswith("sips:") else 5060)


class CallFailed(Exception):
    def __init__(self, code, reason="", msg=None):
        super().__init__(f"{code} {reason}")
        self.code, self.reason, self.msg = code, reason, msg


def digest_header(chal, method, uri, user, password, nc=1, body=b""):
    p = {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)\s*=\s*("(?:[^"\\]|\\.)*"|[^,\s]+)', chal)}
    alg = p.get("algorithm", "MD5")
    H = {
        "MD5": hashlib.md5,
        "SHA-256": hashlib.sha256,
        "SHA-512-256": lambda b=b"": hashlib.new("sha512_256", b),
    }[alg.upper().replace("-SESS", "")]
    h = lambda s: H(s.encode()).hexdigest()
    cn = secrets.token_hex(8)
    a1 = h(f"{user}:{p['realm']}:{password}")
    if alg.upper().endswith("-SESS"):
        a1 = h(f"{a1}:{p['nonce']}:{cn}")
    a2 = h(f"{method}:{uri}")
    qops = [q.strip() for q in p.get("qop", "").split(",")]
    o = f'Digest username="{user}", realm="{p["realm"]}", nonce="{p["nonce"]}", uri="{uri}", algorithm={alg}'
    if "auth" in qops:
        r = h(f"{a1}:{p['nonce']}:{nc:08x}:{cn}:auth:{a2}")
        o += f', response="{r}", qop=auth, nc={nc:08x}, cnonce="{cn}"'
    else:
        o += f', response="{h(a1 + ":" + p["nonce"] + ":" + a2)}"'
    if "opaque" in p:
        o += f', opaque="{p["opaque"]}"'
    return o


REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    422: "Session Interval Too Small",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
}
