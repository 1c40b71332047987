"""A little DNS server (RFC 1035): SRV, NAPTR and A records out of a table, over UDP; all else does not exist."""

import asyncio
import socket
import struct

A, SRV, NAPTR, AAAA = 1, 33, 35, 28


def name(text):
    labels = [label.encode() for label in text.strip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def text(value):
    return bytes([len(value)]) + value.encode()


def rdata(kind, fields):
    if kind == A:
        return socket.inet_aton(fields[0])
    if kind == SRV:
        return struct.pack("!HHH", *fields[:3]) + name(fields[3])
    order, preference, flags, service, replacement = fields
    return struct.pack("!HH", order, preference) + text(flags) + text(service) + text("") + name(replacement)


class NameServer(asyncio.DatagramProtocol):
    """`zone`: {(kind, name): [fields …]}. `asked` has every question in order."""

    def __init__(self, zone, ip, port=5353):
        self.zone, self.ip, self.port, self.asked, self.silent = zone, ip, port, [], False

    async def start(self):
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(self.ip, self.port))
        return self

    async def stop(self):
        self.transport.close()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        number, at, labels = data[:2], 12, []
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        question, (kind, _) = data[12 : at + 5], struct.unpack("!HH", data[at + 1 : at + 5])
        wanted = ".".join(labels)
        self.asked.append((kind, wanted))
        if self.silent:
            return
        records = self.zone.get((kind, wanted), [])
        known = any(of == wanted or of.endswith("." + wanted) for _, of in self.zone)
        code = 0 if records or known else 3
        answers = b""
        for fields in records:
            body = rdata(kind, fields)
            answers += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 30, len(body)) + body
        header = number + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0, 0)
        self.transport.sendto(header + question + answers, address)
