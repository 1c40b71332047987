#!/usr/bin/env python3
"""Send the RFC 4475 / RFC 5118 torture messages (or any folder of raw SIP messages) to a UAS and hold the answers against expected.toml.
usage: torture_run.py --target 127.0.0.1:5060 [--strict] [--only NAME] [--corpus DIR] [--pid PID] [--json out.json]
Python >= 3.11 stdlib only.  Loopback only: it refuses any other target.

Each message is sent unchanged in one datagram from 127.0.0.99:<port in its top Via, default 5060> - so the answer arrives whether the
daemon answers to the source port or to the Via's sent-by port (RFC 3261 18.2.2).  After each message an OPTIONS ping must be answered
(the daemon is alive).  INVITEs that are answered get ACK + BYE, INVITEs that only ring get CANCEL, failures get ACK.
With --corpus every file of a folder is sent and only liveness is checked (use it for fuzz seeds).  With --pid the resident size and
thread count before and after are shown.  Exit 0 = all pass.
Leave 40 s (or restart the daemon) between two runs: the messages carry fixed branches, so a second run looks like retransmissions.
"""

import argparse, json, os, re, socket, sys, time, tomllib

HERE = os.path.dirname(os.path.abspath(__file__))


def hdr(raw, *names):
    h = re.sub(rb"\r\n[ \t]+", b" ", raw.split(b"\r\n\r\n", 1)[0])
    for l in h.split(b"\r\n")[1:]:
        n, _, v = l.partition(b":")
        if n.strip().lower().decode("latin1") in names:
            return v.strip()


def via_port(raw):
    # Over UDP 5060 where the Via names none, whatever transport it claims (RFC 3261 18.2.2).
    v = hdr(raw, "via", "v") or b""
    m = re.match(rb"SIP\s*/\s*2\.0\s*/\s*(\w+)\s+(\[[^\]]*\]|[^\s:;,]+)\s*(?::\s*(\d+))?", v)
    p = int(m.group(3)) if m and m.group(3) else 5060
    return p if 0 < p < 65536 else 5060


class Peer:
    def __init__(self, ip):
        self.ip, self.socks = ip, {}

    def sock(self, port):
        if port not in self.socks:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((self.ip, port))
            self.socks[port] = s
        return self.socks[port]

    def drain(self):
        for s in self.socks.values():
            s.setblocking(False)
            try:
                while True:
                    s.recvfrom(65536)
            except OSError:
                pass


def ping(target, timeout=2.0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.98", 0))
    p = s.getsockname()[1]
    s.settimeout(0.5)
    b = os.urandom(6).hex()
    end = time.time() + timeout
    m = (
        f"OPTIONS sip:ping@{target[0]}:{target[1]} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.98:{p};branch=z9hG4bK{b};rport\r\nMax-Forwards: 70\r\nFrom: <sip:ping@127.0.0.98>;tag={b}\r\nTo: <sip:ping@{target[0]}>\r\n"
        f"Call-ID: {b}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:ping@127.0.0.98:{p}>\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    try:
        while time.time() < end:
            s.sendto(m, target)
            try:
                d, _ = s.recvfrom(65536)
                if d.startswith(b"SIP/2.0"):
                    return True
            except OSError:
                pass
    finally:
        s.close()
    return False


def finish(s, target, raw, resp, method):
    """clean up after an INVITE: ACK (+BYE) or CANCEL, copying the answer's own headers"""
    code = int(resp.split(b" ")[1])
    g = lambda *n: hdr(resp, *n) or b""
    ruri = raw.split(b"\r\n", 1)[0].split(b" ")[1] if b" " in raw else b"sip:x"
    num = (re.match(rb"\s*(\d+)", g("cseq")) or [0, b"1"])[1]
    ct = re.search(rb"<([^>]*)>", g("contact", "m"))
    uri = ct.group(1) if ct else b"sip:x@%s" % target[0].encode()

    def m(meth, u, branch, cs):
        return (
            b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.99:%d;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s %s\r\nContent-Length: 0\r\n\r\n"
            % (meth, u, s.getsockname()[1], branch, g("from", "f"), g("to", "t"), g("call-id", "i"), cs, meth)
        )

    br = lambda: b"z9hG4bK" + os.urandom(6).hex().encode()
    if code < 200:
        s.sendto(
            re.sub(rb"^INVITE", b"CANCEL", raw.split(b"\r\n\r\n")[0], 1).replace(b"INVITE\r\n", b"CANCEL\r\n")
            + b"\r\n\r\n",
            target,
        )
    elif code < 300:
        s.sendto(m(b"ACK", uri, br(), num), target)
        s.sendto(m(b"BYE", uri, br(), b"%d" % (int(num) + 1)), target)
    else:
        v = hdr(raw, "via", "v") or b""
        s.sendto(
            b"ACK %s SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s ACK\r\nContent-Length: 0\r\n\r\n"
            % (ruri, v, g("from", "f"), g("to", "t"), g("call-id", "i"), num),
            target,
        )


def send_one(peer, target, raw, wait):
    s = peer.sock(via_port(raw))
    peer.drain()
    s.sendto(raw, target)
    end = time.time() + wait
    got = []
    mine = hdr(raw, "call-id", "i")
    while time.time() < end:
        s.settimeout(max(0.01, end - time.time()))
        try:
            d, a = s.recvfrom(65536)
        except OSError:
            break
        if d.startswith(b"SIP/2.0 "):
            if mine and hdr(d, "call-id", "i") not in (
                mine,
                None,
            ):  # late answer to an earlier message: clean up, do not count
                if d[8:9] > b"1" and b"INVITE" in (hdr(d, "cseq") or b""):
                    finish(s, target, raw, d, b"INVITE")
                continue
            cm = (hdr(d, "cseq") or b"").split()[-1:]
            if cm in ([b"BYE"], [b"CANCEL"]) and not raw.startswith(cm[0]):
                continue  # answers to our own clean-up
            c = int(d[8:11])
            got.append(c)
            if raw.startswith(b"INVITE") or b"INVITE" in (hdr(d, "cseq") or b""):
                if c >= 200:
                    finish(s, target, raw, d, b"INVITE")
            if c >= 200:
                end = min(end, time.time() + 0.3)
        elif not d.startswith(b"SIP/2.0"):
            got.append("request:" + d.split(b" ")[0].decode("latin1")[:12])
            if d.startswith((b"BYE", b"OPTIONS", b"NOTIFY")):
                s.sendto(
                    b"SIP/2.0 200 OK\r\n"
                    + b"".join(
                        b"%s: %s\r\n" % (n.encode(), hdr(d, n) or b"") for n in ("via", "from", "to", "call-id", "cseq")
                    )
                    + b"Content-Length: 0\r\n\r\n",
                    a,
                )
    if raw.startswith(b"INVITE") and got and not any(isinstance(c, int) and c >= 200 for c in got):
        finish(s, target, raw, b"SIP/2.0 100 x\r\n\r\n", b"INVITE")
    return got


def rss(pid):
    t = open(f"/proc/{pid}/status").read()
    return {k: int(re.search(k + r":\s+(\d+)", t).group(1)) for k in ("VmRSS", "Threads")}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--target", required=True)
    ap.add_argument("--strict", action="store_true")
    ap.add_argument("--only")
    ap.add_argument("--corpus")
    ap.add_argument("--wait", type=float, default=1.2)
    ap.add_argument("--pid", type=int)
    ap.add_argument("--json")
    ap.add_argument("--limit", type=int, default=5000)
    o = ap.parse_args()
    h, p = o.target.rsplit(":", 1)
    target = (h, int(p))
    if not h.startswith("127."):
        sys.exit("loopback targets only")
    peer = Peer("127.0.0.99")
    bad = n = strict_ok = 0
    rows = []
    if not ping(target):
        sys.exit("target does not answer OPTIONS")
    before = rss(o.pid) if o.pid else None
    if o.corpus:
        files = sorted(os.path.join(d, f) for d, _, fs in os.walk(o.corpus) for f in fs)[: o.limit]
        for f in files:
            raw = open(f, "rb").read()[:65000]
            n += 1
            try:
                got = send_one(peer, target, raw, min(o.wait, 0.15))
            except (OSError, ValueError, IndexError) as e:
                got = [str(e)]  # a reply too odd to clean up after
            if not ping(target, 3):
                bad += 1
                print("FAIL dead or deaf after", f, got)
                break
            rows.append(dict(file=f, got=got))
    else:
        for m in tomllib.load(open(os.path.join(HERE, "expected.toml"), "rb"))["msg"]:
            if o.only and o.only not in m["file"]:
                continue
            raw = open(os.path.join(HERE, m["file"]), "rb").read()
            n += 1
            got = send_one(peer, target, raw, o.wait)
            fin = [c for c in got if isinstance(c, int) and c >= 200]
            name = lambda c, l: (("none" in l) if c is None else (str(c) in l or (200 <= c < 300 and "2xx" in l)))
            c = fin[0] if fin else None
            ok = name(c, m["allow"])
            best = name(c, m["best"])
            alive = ping(target, 3)
            one = len(set(fin)) <= 1 and not [
                g for g in got if isinstance(g, str) and not g.startswith(("request:BYE", "request:OPTIONS"))
            ]
            strict_ok += best
            good = alive and one and (best if o.strict else ok)
            bad += not good
            rows.append(
                dict(file=m["file"], validity=m["validity"], got=got, allow=m["allow"], best=m["best"], ok=good)
            )
            print(
                f"{'ok  ' if good else 'FAIL'} {m['section']:9} {m['file']:44} {m['validity']:10} got {got or 'nothing'} want {'/'.join(m['best'])}{'' if alive else '  DEAD'}",
                flush=True,
            )
            if not alive:
                break
    if o.pid:
        print("process before", before, "after", rss(o.pid))
    if o.json:
        json.dump(rows, open(o.json, "w"), indent=1)
    print(f"(exactly as the RFC names it: {strict_ok})" if not o.corpus else "")
    print(f"{n - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
