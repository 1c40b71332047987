"""SDES-SRTP (RFC 3711, RFC 4568), one direction; needs the `cryptography` package only when used."""

import hashlib, hmac, struct


class Srtp:
    """AES_CM_128_HMAC_SHA1_80 / _32, one direction, no MKI."""

    def __init__(self, key30, tag=10):
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa

        self._C, self._A, self._M = Cipher, algorithms, modes
        mk, ms = key30[:16], key30[16:30]
        self.tag = tag

        def kdf(label, n):
            x = int.from_bytes(ms, "big") ^ (label << 48)
            return self._ctr(mk, (x << 16).to_bytes(16, "big"), bytes(n))

        self.ke, self.ka, self.ks = kdf(0, 16), kdf(1, 20), kdf(2, 14)
        self.cke, self.cka, self.cks = kdf(3, 16), kdf(4, 20), kdf(5, 14)
        self.roc, self.last, self.rtcp_ix = 0, None, 0

    def _ctr(self, k, iv, data):
        e = self._C(self._A.AES(k), self._M.CTR(iv)).encryptor()
        return e.update(data) + e.finalize()

    def _iv(self, salt, ssrc, ix):
        return ((int.from_bytes(salt, "big") << 16) ^ (ssrc << 64) ^ (ix << 16)).to_bytes(16, "big")

    def protect(self, p):
        seq, ssrc = struct.unpack("!H", p[2:4])[0], struct.unpack("!I", p[8:12])[0]
        if self.last is not None and seq < self.last and self.last - seq > 32768:
            self.roc += 1
        self.last = seq
        ix = (self.roc << 16) | seq
        o = p[:12] + self._ctr(self.ke, self._iv(self.ks, ssrc, ix), p[12:])
        return o + hmac.new(self.ka, o + struct.pack("!I", self.roc), hashlib.sha1).digest()[: self.tag]

    def unprotect(self, p):
        if len(p) < 12 + self.tag:
            return None
        o, t = p[: -self.tag], p[-self.tag :]
        seq, ssrc = struct.unpack("!H", p[2:4])[0], struct.unpack("!I", p[8:12])[0]
        roc = self.roc
        if self.last is not None:
            if seq < self.last and self.last - seq > 32768:
                roc += 1
            elif seq > self.last and seq - self.last > 32768 and roc:
                roc -= 1
        if not hmac.compare_digest(hmac.new(self.ka, o + struct.pack("!I", roc), hashlib.sha1).digest()[: self.tag], t):
            return None
        self.roc = max(self.roc, roc)
        if roc == self.roc:
            self.last = seq if self.last is None or roc > 0 or seq > self.last else self.last
        h = 12 + 4 * (p[0] & 15)
        return o[:h] + self._ctr(self.ke, self._iv(self.ks, ssrc, (roc << 16) | seq), o[h:])

    def protect_rtcp(self, p):
        ssrc = struct.unpack("!I", p[4:8])[0]
        ix = self.rtcp_ix
        self.rtcp_ix += 1
        o = p[:8] + self._ctr(self.cke, self._iv(self.cks, ssrc, ix), p[8:]) + struct.pack("!I", 0x80000000 | ix)
        return o + hmac.new(self.cka, o, hashlib.sha1).digest()[:10]
