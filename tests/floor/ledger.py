"""What the phones saw, and whether it was right.

Nothing in here comes from the daemon: who was rung for whom and when is what the agents' phones say, who heard whom is
what arrived in everybody's RTP. Times are `time.monotonic()`.
"""

import bisect
import collections
import time

from scripted.rtp import Pacer

# Audio has come and gone within this, and what is heard is told in pieces of half a second.
SLACK = 0.8
# So long a hole in what somebody hears of the other is a one-way call.
HOLE = 1.6
# Phones and the daemon do not see things in the same moment.
MOMENT = 0.3
# So long an agent who did not take a caller is not asked for the same one again, at most, and some seconds for the way.
BARRED = 33.0


class Ring:
    """An agent's phone is rung for a caller; may become a talk."""

    def __init__(self, agent, number, at, call=None):
        self.agent, self.number, self.began, self.call = agent, number, at, call
        self.answered = self.ended = None
        self.how = "rings"
        # Refused: so many seconds nobody may ring this phone.
        self.rests = 0

    @property
    def over(self):
        # The phone knows it a moment before whoever sits at it.
        return self.ended is not None or (self.call is not None and self.call.state == "ended")

    def __repr__(self):
        return f"{self.agent} rung for {self.number} ({self.how})"


class Visit:
    """A caller in line, from the answer of the hotline to the end."""

    def __init__(self, number, queue, at, since):
        self.number, self.queue, self.joined, self.since = number, queue, at, since
        self.ended = self.served = None
        # By an agent's phone that died: the head of the line is theirs.
        self.cut_off = False
        # Nobody here knows whether they have the place that they had before.
        self.either = False


class Ledger:
    def __init__(self, agents, callers):
        # Tones by extension and by number, and back.
        self.tone_of = {**agents, **callers}
        self.who = {tone: who for who, tone in self.tone_of.items()}
        self.agents, self.callers = agents, callers
        self.rings, self.visits = collections.defaultdict(list), collections.defaultdict(list)
        self.heard = collections.defaultdict(list)
        # Agents who are not to be rung: since when, by extension.
        self.absent = {}
        # When agents last said that they are ready.
        self.readied = {}
        # Rung for somebody beside somebody else: judged when it is known how it went on.
        self.doubtful = []
        # Talks of which a phone's own recording has too little: who, and when they answered.
        self.unheard = set()
        # Callers who gave up in the moment in which an agent answered, or whose agent's phone had died: who was quicker, the
        # hotline alone knows, and with it whether the place is kept. Number and queue.
        self.raced = set()
        self.faults, self.excused, self.counts = [], collections.Counter(), collections.Counter()
        # Phones that died: nobody sees them ring. By extension: from, to.
        self.dead = collections.defaultdict(list)
        self.waiters = collections.defaultdict(list)
        self.kept = {}
        self.began = time.monotonic()

    def fault(self, at, what):
        self.faults.append(f"{at - self.began:8.2f} s  {what}")

    # -- what agents' phones tell

    def rung(self, agent, number, at=None, call=None):
        at = at or time.monotonic()
        ring = Ring(agent, number, at, call)
        before = [other for other in self.rings[agent] if not other.over]
        if before:
            self.doubtful.append((at, ring, f"rung twice at once: {ring} beside {before}"))
        since = self.absent.get(agent)
        if since and at > since + MOMENT:
            self.fault(at, f"{ring}, who has been away for {at - since:.2f} s")
        for refused in self.rings[agent][-3:]:
            rests = refused.ended is not None and at < refused.ended + refused.rests - MOMENT
            if rests and self.readied.get(agent, 0) < refused.ended:
                self.fault(at, f"{ring}, who rests since {at - refused.ended:.2f} s for {refused.rests} s")
        twice = [other for other in self.open_rings(number) if other.agent != agent]
        if twice:
            self.doubtful.append((at, ring, f"offered twice at once: {ring} beside {twice}"))
        self.rings[agent].append(ring)
        self.counts["offers"] += 1
        return ring

    def open_rings(self, number):
        return [ring for rings in self.rings.values() for ring in rings[-3:] if ring.number == number and not ring.over]

    def answered(self, ring, at=None):
        ring.answered, ring.how = at or time.monotonic(), "talks"
        self.counts["talks"] += 1
        visit = self.visit(ring.number)
        last = self.visits[ring.number][-1] if self.visits[ring.number] else None
        if visit is None and last and last.ended > ring.answered - MOMENT:
            self.raced.add((ring.number, last.queue))
        if visit:
            visit.served = ring.answered
            self.kept.pop((ring.number, visit.queue), None)
        for waiter in self.waiters.pop(ring.number, []):
            if not waiter.done():
                waiter.set_result(ring)

    def over(self, ring, how, at=None):
        if ring.ended is not None:
            return
        ring.ended, ring.how = at or time.monotonic(), how
        self.counts[how] += 1

    # -- what callers' phones tell

    def visit(self, number):
        visits = self.visits[number]
        return visits[-1] if visits and visits[-1].ended is None else None

    def joined(self, number, queue, at=None):
        at = at or time.monotonic()
        since = self.kept.pop((number, queue), at)
        self.counts["places kept"] += since != at
        visit = Visit(number, queue, at, since)
        visit.either = (number, queue) in self.raced
        self.raced.discard((number, queue))
        self.visits[number].append(visit)
        # An agent may have answered before the caller's phone had told of the hotline's own answer.
        talks = [ring.answered for ring in self.open_rings(number) if ring.answered]
        if talks:
            visit.served = talks[0]

    def left(self, number, at=None):
        visit = self.visit(number)
        if not visit:
            return
        visit.ended = at or time.monotonic()
        if visit.cut_off:
            # Back in line for a moment or not yet: if they were, the head of it is kept for them.
            self.raced.add((number, visit.queue))
        if visit.served is None:
            self.counts["gave up"] += 1
            # The place in line is remembered for some minutes.
            self.kept[number, visit.queue] = visit.since

    def piece(self, who, span):
        """Half a second of what somebody heard."""
        self.heard[who].append(span)

    # -- the verdict

    def judge(self):
        for who in self.heard:
            self.heard[who].sort()
        for at, ring, what in self.doubtful:
            if self._is_of_the_dead(ring):
                self.excused["rung for a call from before the phone died"] += 1
            elif self._stood_still(at - 8, at + 1) > 0.5:
                self.excused["seen while all phones here stood still"] += 1
            else:
                self.fault(at, what)
        for rings in self.rings.values():
            for ring in rings:
                if ring.answered and ring.ended and not self._is_of_the_dead(ring):
                    self._judge_talk(ring)
        for who in self.heard:
            self._judge_ghosts(who)
        self._judge_order()

    def _is_of_the_dead(self, ring):
        """An INVITE that a dead phone did not answer is sent again until something answers (RFC 3261 §17.1.1.2), and only
        then can be cancelled (§9.1): who comes back to life is rung once more for a caller who has gone."""
        lately = any(began - MOMENT <= ring.began <= ended + 33 for began, ended in self.dead[ring.agent])
        return lately and ring.ended is not None and ring.ended - ring.began < 1.5

    def _stood_still(self, began, ended):
        """For how long the phones here said nothing because the machine was busy."""
        return sum(late for at, late in Pacer.late if began < at < ended + late)

    def _judge_talk(self, ring):
        began, ended = ring.answered + SLACK, ring.ended - SLACK
        visit = next((v for v in self.visits[ring.number] if v.joined - MOMENT <= ring.answered and (v.ended or 1e18) >= ring.answered - MOMENT), None)
        if visit is None and self._stood_still(ring.answered - 8, ring.answered + 1) > 0.5:
            self.excused["seen while all phones here stood still"] += 1
            return
        if visit is None:
            self.fault(ring.answered, f"{ring}: no such caller is in line")
            return
        ended = min(ended, (visit.ended or 1e18) - SLACK)
        if ended - began < HOLE:
            self.counts["talks too short to be judged"] += 1
            return
        self.counts["talks judged"] += 1
        for listener, speaker in ((ring.agent, ring.number), (ring.number, ring.agent)):
            hole = self._hole(listener, self.tone_of[speaker], began, ended)
            if (listener, ring.answered) in self.unheard:
                self.excused["talks of which a phone recorded too little"] += 1
            elif HOLE < hole < HOLE + 2 * self._stood_still(began - SLACK, ended):
                self.excused["talks while the phones' own audio stood still"] += 1
            elif hole > HOLE:
                heard = self._names(listener, began, ended)
                self.fault(ring.answered, f"{listener} did not hear {speaker} for {hole:.1f} s of {ended - began:.1f} s ({ring.how}), but {heard}")

    def _pieces(self, who, began, ended):
        pieces = self.heard[who]
        at = bisect.bisect_left(pieces, (began - 1.0,))
        while at < len(pieces) and pieces[at][0] < ended:
            if pieces[at][1] > began:
                yield pieces[at]
            at += 1

    def _hole(self, listener, tone, began, ended):
        hole, heard_to = 0.0, began
        for from_, to, tones in self._pieces(listener, began, ended):
            if tone in tones:
                hole = max(hole, from_ - heard_to)
                heard_to = max(heard_to, to)
        return max(hole, ended - heard_to)

    def _names(self, who, began, ended):
        names = {self.who[tone] for _, _, tones in self._pieces(who, began, ended) for tone in tones}
        return sorted(names) or "silence"

    def _judge_ghosts(self, who):
        """Nobody is heard but by whom they talk with, and no two at once."""
        own = self.tone_of[who]
        for from_, to, tones in self.heard[who]:
            if len(tones) > 1:
                self.fault(from_, f"{who} hears {[self.who[tone] for tone in tones]} at once")
            for tone in tones:
                other = self.who[tone]
                agent, number = (who, other) if who in self.agents else (other, who)
                if tone == own or agent not in self.agents or number not in self.callers:
                    self.fault(from_, f"{who} hears {other}")
                elif not any(
                    ring.number == number
                    and ring.answered
                    and ring.answered - SLACK < to
                    and from_ < (ring.ended or 1e18) + SLACK
                    for ring in self.rings[agent]
                ):
                    if self._stood_still(from_ - 8, to + 1) > 0.5:
                        self.excused["seen while all phones here stood still"] += 1
                        continue
                    near = min(
                        (r for r in self.rings[agent] if r.number == number),
                        key=lambda r: abs(r.began - from_),
                        default=None,
                    )
                    told = near and [round(t - self.began, 2) for t in (near.began, near.answered or 0, near.ended or 0)]
                    self.fault(from_, f"{who} hears {other}, with whom they do not talk; nearest {near} {told}")

    def _judge_order(self):
        """Nobody of a queue is offered while somebody who came earlier waits for the same agents."""
        visits = [visit for visits in self.visits.values() for visit in visits]
        refusals = {(r.agent, r.number): [] for rings in self.rings.values() for r in rings}
        for agent, rings in self.rings.items():
            for ring in rings:
                if not ring.answered and ring.ended:
                    refusals[agent, ring.number].append(ring.ended)
        for agent, rings in self.rings.items():
            for ring in rings:
                own = next((v for v in self.visits[ring.number] if v.joined - MOMENT <= ring.began <= (v.ended or 1e18) + MOMENT), None)
                if own is None or own.cut_off or own.either:
                    continue
                self.counts["offers whose order was judged"] += 1
                for other in visits:
                    if other.either or other.queue != own.queue or other.since >= own.since - MOMENT or other.number == own.number:
                        continue
                    if not other.joined + MOMENT < ring.began or (other.ended or 1e18) < ring.began + MOMENT:
                        continue
                    if other.served and other.served < ring.began + MOMENT:
                        continue
                    rung = (r for rings in self.rings.values() for r in rings if r.number == other.number)
                    if any(r.began - MOMENT < ring.began < (r.ended or 1e18) + MOMENT for r in rung):
                        continue
                    if any(0 <= ring.began - at < BARRED for at in refusals.get((agent, other.number), ())):
                        continue
                    if self._may_ring_unseen(ring.began):
                        self.excused["overtaking while a dead phone may have rung"] += 1
                        continue
                    self.fault(ring.began, f"{ring} {ring.began - own.since:.1f} s in line, before {other.number} {ring.began - other.since:.1f} s")

    def _may_ring_unseen(self, at):
        """Somebody may just be offered to a phone that no longer tells."""
        return any(began <= at <= ended + 7 for spans in self.dead.values() for began, ended in spans)
