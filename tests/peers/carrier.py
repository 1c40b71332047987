"""A carrier's switch: a registrar with digest, callers that it brings, telephones that it rings for us."""

import asyncio
import re
import secrets

import scripted
from scripted.message import digest_header
from scripted_phone import ScriptedPhone


class _Switch(scripted.UA):
    """`script` gives the next statuses of REGISTER after a good sign-in: `(423, 120)` asks for 120 s, 200 grants."""

    def __init__(self, *arguments, accounts=None, **options):
        super().__init__(*arguments, **options)
        self.accounts = accounts or {}
        self.registers, self.invites, self.options_seen, self.script, self.grant = [], [], 0, [], 60
        self.refuse_invites_with, self.dead = None, False
        self.nonce = secrets.token_hex(8)

    def signed(self, m, header):
        """Whether the request answers our challenge."""
        given = m.get(header)
        if not given:
            return False
        field = lambda name: (re.search(rf'{name}="?([^",]+)', given) or [None, ""])[1]
        user = field("username")
        if field("nonce") != self.nonce or user not in self.accounts:
            return False
        expected = re.compile(r'response="([0-9a-f]+)"')
        cnonce, nc = field("cnonce"), field("nc")
        challenge = f'Digest realm="carrier", nonce="{self.nonce}", algorithm=SHA-256, qop="auth"'
        # The peer's own cnonce: the answer is computed again with it.
        original = secrets.token_hex
        secrets.token_hex = lambda *_: cnonce
        try:
            ours = digest_header(challenge, m.method, field("uri"), user, self.accounts[user], int(nc, 16))
        finally:
            secrets.token_hex = original
        return expected.search(ours)[1] == expected.search(given)[1]

    def challenge(self):
        # MD5 second: who knows better takes the first (RFC 8760 §2.3).
        head = f'realm="carrier", nonce="{self.nonce}", qop="auth"'
        return [f"Digest {head}, algorithm=SHA-256", f"Digest {head}, algorithm=MD5"]

    def _rx(self, raw, addr):
        if not self.dead:
            super()._rx(raw, addr)

    async def _request(self, m):
        tag = secrets.token_hex(4)
        if m.method == "OPTIONS":
            self.options_seen += 1
        if m.method == "REGISTER":
            self.registers.append(m)
            if not self.signed(m, "authorization"):
                extra = [("WWW-Authenticate", value) for value in self.challenge()]
                return self.reply(m, 401, extra=extra, tag=tag)
            step = self.script.pop(0) if self.script else 200
            if isinstance(step, tuple):
                return self.reply(m, step[0], extra=[("Min-Expires", str(step[1]))], tag=tag)
            if step != 200:
                return self.reply(m, step, tag=tag)
            asked = int(m.get("expires", "0"))
            contact = f"{m.get('contact')};expires={min(asked, self.grant)}"
            return self.reply(m, 200, extra=[("Contact", contact)] if asked else [], tag=tag)
        if m.method == "INVITE" and not m.tag("to") and not self.find(m):
            self.invites.append(m)
            if self.refuse_invites_with:
                return self.reply(m, self.refuse_invites_with, tag=tag)
            if self.accounts and not self.signed(m, "proxy-authorization"):
                extra = [("Proxy-Authenticate", value) for value in self.challenge()]
                return self.reply(m, 407, extra=extra, tag=tag)
        await super()._request(m)


class Carrier(ScriptedPhone):
    """As a phone: what it says is what the called party says; `switch` is the rest."""

    def __init__(self, user, say, ip, accounts=None, port=5060, **options):
        super().__init__(user, say, ip=ip, **options)
        self.ua = _Switch(user, ip=ip, port=port, codecs=("PCMA", "PCMU"), accounts=accounts)
        self.ua.on_invite = self._incoming

    @property
    def switch(self):
        return self.ua

    async def until(self, look, timeout=30.0):
        """Waits until `look` is true of the switch; what it was then."""
        for _ in range(int(timeout * 20)):
            found = look(self.ua)
            if found:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"the carrier waited {timeout} s in vain")
