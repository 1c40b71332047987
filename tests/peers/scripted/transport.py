"""UDP, TCP, TLS, WS and WSS under one `send`."""

import asyncio, base64, os, re, time
import ssl as _ssl, struct
from .message import CallFailed


class Transport:
    proto = "UDP"
    reliable = False

    async def start(self): ...
    def send(self, data, addr): ...
    def close(self): ...
class UdpT(Transport, asyncio.DatagramProtocol):
    def __init__(self, ua):
        self.ua = ua

    async def start(self):
        loop = asyncio.get_running_loop()
        self.tr, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.ua.ip, self.ua.port))
        self.ua.port = self.tr.get_extra_info("sockname")[1]

    def datagram_received(self, data, addr):
        self.ua._rx(data, addr)

    def error_received(self, e):
        self.ua.log("icmp", str(e))

    def send(self, data, addr):
        if not self.tr.is_closing():
            self.tr.sendto(data, addr)

    def close(self):
        self.tr.close()


class StreamT(Transport):
    """TCP / TLS: one outbound connection to the server plus a listener for calls to our Contact (TCP only)"""

    reliable = True

    def __init__(self, ua, tls=False):
        self.ua, self.tls, self.proto, self.w, self.srv = ua, tls, "TLS" if tls else "TCP", {}, None
        self.default = None

    async def start(self):
        self.srv = await asyncio.start_server(self._conn, self.ua.ip, self.ua.port) if not self.tls else None
        if self.srv:
            self.ua.port = self.srv.sockets[0].getsockname()[1]
        if self.ua.server:
            await self._open(self.ua.server)
        if self.tls and self.default:
            self.ua.port = self.default.get_extra_info("sockname")[1]

    async def _open(self, addr):
        ctx = None
        if self.tls:
            ctx = _ssl.create_default_context(cafile=self.ua.cafile)
            if not self.ua.cafile:
                ctx.check_hostname = False
                ctx.verify_mode = _ssl.CERT_NONE
        r, w = await asyncio.open_connection(*addr, ssl=ctx)
        self.default = self.default or w
        self.w[addr] = w
        asyncio.ensure_future(self._pump(r, w, addr))
        return w

    async def _conn(self, r, w):
        a = w.get_extra_info("peername")[:2]
        self.w[a] = w
        await self._pump(r, w, a)

    async def _pump(self, r, w, addr):
        buf = b""
        try:
            while True:
                d = await r.read(65536)
                if not d:
                    break
                buf += d
                while True:
                    while buf[:2] == b"\r\n":
                        self.ua.log("pong")
                        buf = buf[2:]
                    i = buf.find(b"\r\n\r\n")
                    if i < 0:
                        break
                    m = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", buf[:i])
                    n = i + 4 + (int(m.group(1)) if m else 0)
                    if len(buf) < n:
                        break
                    self.ua._rx(buf[:n], addr)
                    buf = buf[n:]
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        self.w = {k: v for k, v in self.w.items() if v is not w}
        self.ua.log("closed", str(addr))
        if self.default is w:
            self.default = None

    def send(self, data, addr):
        w = self.w.get(tuple(addr[:2])) or self.default
        if w is None:
            asyncio.ensure_future(self._late(data, addr))
        else:
            w.write(data)

    async def ping(self, timeout=5.0):
        """CRLF twice, answered by one (RFC 5626 §4.4.1)"""
        before = len(self.ua.events)
        self.default.write(b"\r\n\r\n")
        end = time.monotonic() + timeout
        while not any(event[1] == "pong" for event in self.ua.events[before:]):
            assert time.monotonic() < end, f"{self.ua.user}: no pong within {timeout} s"
            await asyncio.sleep(0.02)

    async def _late(self, data, addr):
        (await self._open(tuple(addr[:2]))).write(data)

    def close(self):
        for w in set(self.w.values()):
            w.close()
        if self.srv:
            self.srv.close()


class WsT(Transport):
    """minimal RFC 6455 / RFC 7118 client, sub-protocol sip"""

    reliable = True

    def __init__(self, ua, tls=False):
        self.ua, self.tls, self.proto = ua, tls, "WSS" if tls else "WS"

    async def start(self):
        ctx = None
        if self.tls:
            ctx = _ssl.create_default_context(cafile=self.ua.cafile)
            if not self.ua.cafile:
                ctx.check_hostname = False
                ctx.verify_mode = _ssl.CERT_NONE
        self.r, self.wr = await asyncio.open_connection(*self.ua.server, ssl=ctx)
        key = base64.b64encode(os.urandom(16)).decode()
        self.wr.write(
            (
                f"GET {self.ua.ws_path} HTTP/1.1\r\nHost: {self.ua.server[0]}:{self.ua.server[1]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\nOrigin: http://{self.ua.server[0]}\r\n\r\n"
            ).encode()
        )
        h = (await self.r.readuntil(b"\r\n\r\n")).decode("latin1")
        if " 101 " not in h.split("\r\n")[0]:
            raise CallFailed(0, "websocket refused: " + h.split("\r\n")[0])
        self.handshake = h
        self.ua.port = self.wr.get_extra_info("sockname")[1]
        asyncio.ensure_future(self._pump())

    async def _pump(self):
        buf = b""
        try:
            while True:
                b0, b1 = await self.r.readexactly(2)
                n = b1 & 127
                if n == 126:
                    n = struct.unpack("!H", await self.r.readexactly(2))[0]
                elif n == 127:
                    n = struct.unpack("!Q", await self.r.readexactly(8))[0]
                d = await self.r.readexactly(n)
                op = b0 & 15
                if op == 9:
                    self._frame(10, d)
                elif op == 8:
                    break
                elif op in (0, 1, 2):
                    buf += d
                    if b0 & 128:
                        self.ua._rx(buf, self.ua.server)
                        buf = b""
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        self.ua.log("closed", "ws")

    def _frame(self, op, d):
        k = os.urandom(4)
        n = len(d)
        h = bytes([0x80 | op]) + (
            bytes([0x80 | n])
            if n < 126
            else bytes([0xFE]) + struct.pack("!H", n) if n < 65536 else bytes([0xFF]) + struct.pack("!Q", n)
        )
        self.wr.write(h + k + bytes(a ^ b for a, b in zip(d, (k * (n // 4 + 1))[:n])))

    def send(self, data, addr):
        self._frame(1, data)

    def close(self):
        self.wr.close()
