"""A scripted SIP + RTP caller and agent for black-box tests of a telephony daemon.

Python 3.10 or later, the standard library and numpy (`cryptography` only for SDES-SRTP).

  * many callers and agents in one process (asyncio; one 20 ms pacer for all media)
  * SIP over UDP, TCP, TLS, WS, WSS; digest MD5 and SHA-256 with qop=auth; REGISTER and refresh
  * INVITE, CANCEL, ACK, BYE, re-INVITE, UPDATE, INFO, OPTIONS, REFER, NOTIFY, PRACK, MESSAGE with RFC 3261's
    timers, retransmitted and forked 2xx included
  * hold and resume, blind and attended transfer, INVITE with Replaces, session timers, 100rel
  * G.711 and L16, RTP/AVP and RTP/SAVP, RTCP; digits by RFC 4733, SIP INFO or in band
  * what it hears lies on the time line of the RTP time stamps: prompt heard, tone heard, loss, jitter, gaps
  * misbehaves on purpose: rings for ever, vanishes, never sends an ACK, never answers a BYE

In Python:

    import asyncio, scripted
    async def main():
        phone = await scripted.UA("1001", password="secret", server="127.0.0.1:5060").start()
        await phone.register()
        call = await phone.invite("sip:95588@127.0.0.1:5060", tx=scripted.tone(440))
        await call.wait_answer(10)
        await call.media.wait_heard(scripted.read_wav("welcome.wav"), min_corr=0.9, timeout=15)
        await call.dtmf("1")
        await call.wait_ended(60)
    asyncio.run(main())

On the command line, from the folder above (`-h` lists the options):

    python3 -m scripted call sip:95588@127.0.0.1:5060 --steps "answer; hear:welcome.wav; dtmf:1; wait:2; bye" --rec out.wav
    python3 -m scripted agent --user 8001 --password x --server 127.0.0.1:5060 --answer-after 1 --tone 617 --for 60
    python3 -m scripted load sip:95588@127.0.0.1:5060 --calls 50 --rate 10 --hold 10
    python3 -m scripted selftest [--sipp] [--baresip]
    python3 -m scripted score heard.wav prompt.wav

Steps, separated by ';': answer[:secs]  ringing[:secs]  hear:FILE[:mincorr[:timeout]]  tone:HZ[:timeout]  notone:HZ
dtmf:DIGITS[:rfc4733|info|inband]  wait:SECS  hold[:mode]  resume  refer:URI  bye  ended[:secs]  expect:CODE  silence:SECS
Exit status: 0 every step passed, 1 a step failed (which one is printed), 2 usage. It sends to loopback only.
"""

from .audio import (
    FS,
    detect_dtmf,
    match_prompt,
    read_wav,
    resample,
    rms,
    signature,
    silence,
    tone,
    tone_level,
    write_wav,
    xcorr_peak,
)
from .call import Call
from .message import CallFailed, Msg
from .rtp import Rtp
from .selftest import Checks
from .ua import UA

__all__ = [
    "FS",
    "Call",
    "CallFailed",
    "Checks",
    "Msg",
    "Rtp",
    "UA",
    "detect_dtmf",
    "match_prompt",
    "read_wav",
    "resample",
    "rms",
    "signature",
    "silence",
    "tone",
    "tone_level",
    "write_wav",
    "xcorr_peak",
]
