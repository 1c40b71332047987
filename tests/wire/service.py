"""The service manager's side of `sd_notify(3)`, and a hand that stops one thread of a process."""

import asyncio
import ctypes
import os
import socket
import time


class Manager:
    """Listens on a NOTIFY_SOCKET; `said` is every datagram as a dictionary, with the time it came under `at`."""

    def __init__(self, folder, watchdog_seconds=None):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.environment = {"NOTIFY_SOCKET": self.path}
        if watchdog_seconds:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_seconds * 1e6))
        self.said = []
        asyncio.get_running_loop().add_reader(self.socket, self._read)

    def _read(self):
        try:
            text = self.socket.recv(4096).decode()
        except BlockingIOError:
            return
        fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.said.append({**fields, "at": time.monotonic()})

    def count(self, key, since=0.0):
        return sum(1 for fields in self.said if key in fields and fields["at"] >= since)

    async def hears(self, key, timeout=10.0, since=0.0):
        end = time.monotonic() + timeout
        while True:
            for fields in self.said:
                if key in fields and fields["at"] >= since:
                    return fields
            if time.monotonic() > end:
                raise AssertionError(f"the service manager did not hear {key} within {timeout} s, only {self.said}")
            await asyncio.sleep(0.05)

    def close(self):
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()


def threads(pid):
    """Names of a process' threads by id."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as f:
            found[int(tid)] = f.read().strip()
    return found


class Stalled:
    """Stops one thread as a debugger would, for as long as the block lasts: the others go on."""

    SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, tid):
        self.tid = tid
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def _ptrace(self, what):
        if self.libc.ptrace(what, self.tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace: {os.strerror(ctypes.get_errno())}")

    def __enter__(self):
        self._ptrace(self.SEIZE)
        self._ptrace(self.INTERRUPT)
        os.waitpid(self.tid, self.WALL)

    def __exit__(self, *_):
        self._ptrace(self.DETACH)
