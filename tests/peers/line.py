"""A caller's line through a network that loses, delays, doubles and lets overtake: what becomes of each packet.

Losses come in bursts, as radio has them (Gilbert's model): a burst is a stretch of time in which nothing of this caller
passes in this direction, on average `burst` packets of 20 ms long. So the three ends of a key press that a phone sends at
once are lost at once, and a request that is sent again after half a second has a new chance: that is what bursts do to real
callers.
"""

import dataclasses
import math

PACKET_MS = 20


@dataclasses.dataclass(frozen=True)
class Profile:
    """Of each direction: loss, overtaking and duplicates in per cent, times in milliseconds, bursts in packets."""

    loss: float = 0.0
    burst: float = 1.0
    delay: float = 0.0
    jitter: float = 0.0
    overtaking: float = 0.0
    duplicates: float = 0.0


PROFILES = {
    "lan": Profile(delay=1, jitter=0.3),
    "wifi": Profile(loss=1, burst=3, delay=10, jitter=8, overtaking=0.5),
    "bad": Profile(loss=5, burst=3, delay=80, jitter=30, overtaking=2, duplicates=0.5),
    "awful": Profile(loss=20, burst=4, delay=150, jitter=60, overtaking=5, duplicates=2),
}


class Way:
    """One direction of one caller's line."""

    def __init__(self, profile, dice):
        self.profile, self.dice = profile, dice
        self.share = profile.loss / 100
        self.bad = dice.random() < self.share
        self.at, self.last = 0.0, 0.0
        # How fast what is known of the line is forgotten: a packet of 20 ms later is lost like this one by 1 - 1/burst.
        self.forgets = 0.0
        if profile.burst > 1 and self.share:
            stays = 1 - 1 / (profile.burst * (1 - self.share))
            self.forgets = -math.log(stays) * 1000 / PACKET_MS

    def loses(self, now):
        """Whether a packet that is sent now is lost."""
        remembered = math.exp(-self.forgets * (now - self.at)) if self.forgets else 0.0
        self.at = now
        self.bad = self.dice.random() < self.share + (self.bad - self.share) * remembered
        return self.bad

    def arrivals(self, now):
        """When a packet that is sent now arrives: never, once or twice."""
        if self.loses(now):
            return []
        profile, times = self.profile, []
        for _ in range(2 if self.dice.random() * 100 < profile.duplicates else 1):
            if self.dice.random() * 100 < profile.overtaking:
                times.append(now)
                continue
            due = now + max(0.0, self.dice.gauss(profile.delay, profile.jitter)) / 1000
            # Who is delayed delays those behind: packets stay in order but for those that overtake.
            self.last = max(due, self.last)
            times.append(self.last)
        return times
