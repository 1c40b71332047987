#!/usr/bin/env python3
"""A PJSIP phone without a screen (pip install pjsua2-python): commands on stdin, events as JSON lines on stdout.

    pjsip_phone.py --user 1001 --port 5071 [--registrar 127.0.0.1:5060 --password x] [--say say.wav] [--heard heard.wav]
                   [--auto 200 --delay 1.0] [--transport tcp|tls] [--cafile ca.pem] [--for 60]

stdin: call URI | watch URI | answer N | ring N | reject N CODE | hangup N | hold N | unhold N | rekey N | refer N URI | attend N M |
       dtmf N DIGITS | info N DIGITS |
       reg | unreg | quit           N is the call's number as printed, -1 the last call

What call N hears goes to heard-N.wav, complete once the phone has quit. Loopback only.
"""

import argparse
import json
import os
import queue
import sys
import threading
import time

import pjsua2 as pj


def options():
    ap = argparse.ArgumentParser()
    ap.add_argument("--user", default="1001")
    ap.add_argument("--port", type=int, default=5071)
    ap.add_argument("--registrar", default="")
    ap.add_argument("--password", default="")
    ap.add_argument("--say", default="")
    ap.add_argument("--heard", default="")
    ap.add_argument("--auto", type=int, default=0, help="answer by itself with this status")
    ap.add_argument("--delay", type=float, default=0.5, help="seconds before it answers by itself")
    ap.add_argument("--transport", choices=("udp", "tcp", "tls"), default="udp")
    ap.add_argument("--cafile", default="", help="whom it believes over TLS; none: everybody")
    ap.add_argument("--mwi", action="store_true", help="subscribe to waiting messages")
    ap.add_argument("--prack", action="store_true", help="require 100rel")
    ap.add_argument("--srtp", choices=("off", "optional", "mandatory"), default="off", help="by SDES")
    ap.add_argument("--codec", default="", help="the only one that it speaks, as G722; all that it knows")
    ap.add_argument("--for", dest="seconds", type=float, default=60)
    return ap.parse_args()


def report(**event):
    print(json.dumps(event), flush=True)


def parameters(code=0):
    p = pj.CallOpParam(True)
    p.statusCode = code
    return p


class Call(pj.Call):
    MEDIA = {0: "none", 1: "active", 2: "local_hold", 3: "remote_hold", 4: "error"}

    def __init__(self, phone, account, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(account, call_id)
        self.phone = phone
        self.number = len(phone.calls)
        self.player = self.recorder = None
        phone.calls.append(self)

    def onCallState(self, prm):
        info = self.getInfo()
        report(
            ev="state",
            call=self.number,
            state=info.stateText,
            code=info.lastStatusCode,
            reason=info.lastReason,
            remote=info.remoteUri,
        )
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.phone.ended.append(self)

    def close(self):
        """Gives back the player and the recorder, of which there are only so many; what was heard is whole then."""
        self.player = None
        if self.recorder:
            recorder, self.recorder = self.recorder, None
            recorder.__swig_destroy__(recorder)  # writes the WAV header
            recorder.this.disown()

    def onCallMediaState(self, prm):
        info = self.getInfo()  # kept: its list of media dies with it
        for at, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            report(ev="media", call=self.number, status=self.MEDIA.get(media.status, media.status))
            if media.status not in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                continue
            audio = self.getAudioMedia(at)
            if self.phone.options.say and not self.player:
                self.player = pj.AudioMediaPlayer()
                self.player.createPlayer(self.phone.options.say)
            if self.player and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self.player.startTransmit(audio)
            if self.phone.options.heard and not self.recorder:
                self.recorder = pj.AudioMediaRecorder()
                self.recorder.createRecorder(self.phone.options.heard.replace(".wav", f"-{self.number}.wav"))
            if self.recorder:
                audio.startTransmit(self.recorder)

    def onCallTransferStatus(self, prm):
        report(ev="referred", call=self.number, code=prm.statusCode, last=prm.finalNotify)

    def onDtmfDigit(self, prm):
        report(ev="dtmf", call=self.number, digit=prm.digit)


class Account(pj.Account):
    def __init__(self, phone):
        super().__init__()
        self.phone = phone

    def onRegState(self, prm):
        report(ev="reg", code=prm.code, reason=prm.reason, expires=prm.expiration)

    def onMwiInfo(self, prm):
        report(ev="mwi", text=prm.rdata.wholeMsg)

    def onInstantMessage(self, prm):
        report(ev="text", body=prm.msgBody)

    def onInstantMessageStatus(self, prm):
        report(ev="text-sent", code=prm.code)

    def onIncomingCall(self, prm):
        call = Call(self.phone, self, prm.callId)
        info = call.getInfo()
        report(ev="incoming", call=call.number, remote=info.remoteUri, local=info.localUri)
        auto = self.phone.options.auto
        if auto == 200:
            call.answer(parameters(180))
        if auto:
            self.phone.later.append((time.monotonic() + self.phone.options.delay, call, auto))


class Buddy(pj.Buddy):
    def onBuddyState(self):
        info = self.getInfo()
        status = info.presStatus
        report(
            ev="buddy",
            uri=info.uri,
            open=status.status == pj.PJSUA_BUDDY_STATUS_ONLINE,
            activity=status.activity,
            state=info.subStateName,
        )


class Phone:
    def __init__(self, options):
        self.options, self.calls, self.later, self.buddies, self.ended = options, [], [], [], []
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.userAgent = "pjsip_phone"
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        self.endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.port = options.port
        transport.boundAddress = transport.publicAddress = "127.0.0.1"
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_TCP, transport)
        if options.transport == "tls":
            transport.port = options.port + 1
            transport.tlsConfig.CaListFile = options.cafile
            transport.tlsConfig.verifyServer = bool(options.cafile)
            self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_TLS, transport)
        for codec in self.endpoint.codecEnum2():
            if options.codec and codec.codecId.split("/")[0] != options.codec:
                self.endpoint.codecSetPriority(codec.codecId, 0)
        self.endpoint.audDevManager().setNullDev()
        self.endpoint.libStart()
        self.account = Account(self)
        self.account.create(self.account_config())
        report(ev="ready", version=self.endpoint.libVersion().full, port=options.port)

    def account_config(self):
        o = self.options
        config = pj.AccountConfig()
        tcp = "" if o.transport == "udp" else f";transport={o.transport}"
        config.idUri = f"sip:{o.user}@{o.registrar.rsplit(':', 1)[0] or '127.0.0.1'}"
        if o.registrar:
            config.regConfig.registrarUri = f"sip:{o.registrar}{tcp}"
            config.regConfig.timeoutSec = 300
            config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", o.user, 0, o.password))
        config.mwiConfig.enabled = bool(o.mwi)
        if o.prack:
            config.callConfig.prackUse = pj.PJSUA_100REL_MANDATORY
        config.mediaConfig.srtpUse = {
            "off": pj.PJMEDIA_SRTP_DISABLED,
            "optional": pj.PJMEDIA_SRTP_OPTIONAL,
            "mandatory": pj.PJMEDIA_SRTP_MANDATORY,
        }[o.srtp]
        config.mediaConfig.srtpSecureSignaling = 0
        media = config.mediaConfig.transportConfig
        media.boundAddress = media.publicAddress = "127.0.0.1"
        media.port = 0
        config.natConfig.contactRewriteUse = 0
        config.natConfig.sdpNatRewriteUse = 0
        return config

    def obey(self, line):
        """Carries out one command; true at the last."""
        word = line.split()
        call = self.calls[int(word[1])] if len(word) > 1 and word[0] not in ("call", "watch", "text") else None
        match word[0]:
            case "call":
                Call(self, self.account).makeCall(word[1], parameters())
            case "watch":
                config = pj.BuddyConfig()
                config.uri, config.subscribe = word[1], True
                buddy = Buddy()
                buddy.create(self.account, config)
                self.buddies.append(buddy)
            case "text":
                config = pj.BuddyConfig()
                config.uri = word[1]
                buddy = Buddy()
                buddy.create(self.account, config)
                self.buddies.append(buddy)
                message = pj.SendInstantMessageParam()
                message.content = " ".join(word[2:])
                buddy.sendInstantMessage(message)
            case "answer":
                call.answer(parameters(200))
            case "ring":
                call.answer(parameters(180))
            case "reject":
                call.answer(parameters(int(word[2])))
            case "hangup":
                call.hangup(parameters())
            case "hold":
                call.setHold(parameters())
            case "unhold":
                p = parameters()
                p.opt.flag = pj.PJSUA_CALL_UNHOLD
                call.reinvite(p)
            case "rekey":  # a new media transport, with a port and keys of its own
                p = parameters()
                p.opt.flag = pj.PJSUA_CALL_REINIT_MEDIA
                call.reinvite(p)
            case "refer":
                call.xfer(word[2], parameters())
            case "attend":
                call.xferReplaces(self.calls[int(word[2])], parameters())
            case "dtmf":
                call.dialDtmf(word[2])
            case "info":
                p = pj.CallSendDtmfParam()
                p.digits = word[2]
                p.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
                call.sendDtmf(p)
            case "reg":
                self.account.setRegistration(True)
            case "unreg":
                self.account.setRegistration(False)
            case "quit":
                return True
        return False

    def run(self):
        lines = queue.Queue()
        threading.Thread(target=lambda: [lines.put(line) for line in sys.stdin], daemon=True).start()
        end = time.monotonic() + self.options.seconds
        stop = False
        while time.monotonic() < end and not stop:
            self.endpoint.libHandleEvents(20)
            due = [x for x in self.later if x[0] <= time.monotonic()]
            self.later = [x for x in self.later if x not in due]
            for _, call, code in due:
                try:
                    call.answer(parameters(code))
                except pj.Error as e:
                    report(ev="error", what=e.reason)
            while self.ended:
                self.ended.pop().close()
            while not lines.empty():
                line = lines.get().strip()
                try:
                    stop = bool(line) and (self.obey(line) or stop)
                except (pj.Error, IndexError, ValueError) as e:
                    report(ev="error", command=line, what=getattr(e, "reason", str(e)))
        self.close()

    def close(self):
        try:
            self.endpoint.hangupAllCalls()
        except pj.Error:
            pass
        for _ in range(15):
            self.endpoint.libHandleEvents(20)
        for call in self.calls:
            call.close()
        for _ in range(25):  # the conference bridge lets go of its ports on its next clock tick
            self.endpoint.libHandleEvents(20)
        report(ev="bye")
        sys.stdout.flush()
        os._exit(0)  # the library's own destructors race with its threads


Phone(options()).run()
