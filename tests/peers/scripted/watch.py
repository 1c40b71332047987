"""A subscription of the scripted phone (RFC 6665): what it was told, and when."""

import asyncio, re, time


class Told:
    def __init__(self, m):
        self.at, self.state, self.body = time.monotonic(), m.get("subscription-state", ""), m.body.decode("utf-8", "replace")

    def __repr__(self):
        return f"{self.state} {self.body!r}"


class Watch:
    def __init__(self, ua, package, uri, accept):
        self.ua, self.package, self.uri, self.accept = ua, package, uri, accept
        self.cid, self.told, self.news = None, [], asyncio.Event()

    async def ask(self, expires):
        """a subscription of its own; the final response"""
        headers = [("Event", self.package), ("Expires", str(expires)), ("Accept", self.accept)]
        self.cid = f"watch-{self.package}-{id(self)}-{time.monotonic_ns()}"
        self.ua.watches[self.cid] = self
        return await self.ua.request("SUBSCRIBE", self.uri, cid=self.cid, extra=headers)

    def notified(self, m):
        self.told.append(Told(m))
        self.news.set()

    async def until(self, pattern, timeout=20.0, since=0):
        """the first NOTIFY, from number `since` on, whose state and body hold the pattern"""
        end = time.monotonic() + timeout
        while True:
            for told in self.told[since:]:
                if re.search(pattern, f"{told.state}\n{told.body}", re.S):
                    return told
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), max(0.01, end - time.monotonic()))
            except asyncio.TimeoutError:
                raise AssertionError(f"nothing like {pattern!r} in {timeout} s, only {self.told[since:]}") from None
