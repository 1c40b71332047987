"""A lossy network in user space: two network namespaces, joined by a tunnel (TUN) that this process carries the packets
of. Needs root and /dev/net/tun; nothing else of the machine's network is touched.

Every caller has an address and with it a line of their own (`tests/peers/line.py`).
"""

import contextlib
import ctypes
import fcntl
import heapq
import math
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers"))

from line import Way  # noqa: E402


class Link:
    """The tunnel between the namespaces `near`, where the daemon lives, and `far`, where the callers do."""

    NEAR, CALLERS = "10.99.0.1", "10.99.128.0/17"

    def __init__(self, profile, seed):
        self.profile, self.dice = profile, random.Random(seed)
        self.near, self.far = (f"lossy-{os.getpid()}-{end}" for end in ("near", "far"))
        self.ways, self.waiting, self.count = {}, [], 0
        self.sent, self.lost = 0, 0
        # Presses by RFC 4733: the caller's address and the time stamp; whether any packet of it arrived.
        self.presses = {}

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            self.tunnels = []
            for namespace, address in ((self.near, f"{self.NEAR}/16"), (self.far, "10.99.1.1/16")):
                _ip("netns", "add", namespace)
                undo.callback(_ip, "netns", "del", namespace)
                self.tunnels.append(_tunnel(namespace))
                undo.callback(os.close, self.tunnels[-1])
                _ip("-n", namespace, "address", "add", address, "dev", "lossy")
                # A machine that is busy elsewhere keeps this process waiting: what is sent meanwhile is not lost.
                _ip("-n", namespace, "link", "set", "lossy", "txqueuelen", "20000", "up")
                _ip("-n", namespace, "link", "set", "lo", "up")
            # All of the callers' addresses are this machine's.
            _ip("-n", self.far, "route", "add", "local", self.CALLERS, "dev", "lo")
            self.undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    def carry(self, until):
        """Carries packets for as long as `until()` is false."""
        poll = select.poll()
        for tunnel in self.tunnels:
            poll.register(tunnel, select.POLLIN)
        while not until():
            wait = max(0.0, min(0.05, self.waiting[0][0] - time.monotonic() if self.waiting else 0.05))
            poll.poll(math.ceil(wait * 1000))
            now = time.monotonic()
            for end, tunnel in enumerate(self.tunnels):
                with contextlib.suppress(BlockingIOError):
                    while True:
                        self._take(end, os.read(tunnel, 2048), now)
            while self.waiting and self.waiting[0][0] <= now:
                _, _, end, packet = heapq.heappop(self.waiting)
                os.write(self.tunnels[1 - end], packet)

    def overflowed(self):
        """Packets that the kernel dropped because this process did not fetch them in time: no loss of the line's."""
        command = ["ip", "netns", "exec", "", "cat", "/sys/class/net/lossy/statistics/tx_dropped"]
        count = 0
        for command[3] in (self.near, self.far):
            count += int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return count

    def _take(self, end, packet, now):
        if packet[0] >> 4 != 4:
            return  # the kernel's own, of IPv6
        # Towards the callers by destination, from them by source.
        key = (end, packet[16:20] if end == 0 else packet[12:16])
        way = self.ways.get(key) or self.ways.setdefault(key, Way(self.profile, self.dice))
        times = way.arrivals(now)
        self.sent += 1
        self.lost += not times
        if end == 1 and (press := _press(packet)):
            self.presses[press] = self.presses.get(press, False) or bool(times)
        for due in times:
            self.count += 1
            heapq.heappush(self.waiting, (due, self.count, end, packet))


def _press(packet):
    """Of which press this is a packet; `None` for everything else. The callers' telephone events are type 101."""
    if packet[0] != 0x45 or packet[9] != socket.IPPROTO_UDP or len(packet) != 20 + 8 + 12 + 4:
        return None
    if packet[29] & 0x7F != 101:
        return None
    return socket.inet_ntoa(packet[12:16]), packet[32:36]


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN_WITHOUT_HEADER = 0x400454CA, 0x1001


def _tunnel(namespace):
    """A device named `lossy` in the namespace; its descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor):
        if libc.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        enter(there.fileno())
        try:
            tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH14x", b"lossy", IFF_TUN_WITHOUT_HEADER))
        finally:
            enter(home.fileno())
    return tunnel
