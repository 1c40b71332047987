"""Sound as int16 mono at 8 kHz: G.711, WAV files, tones, and finding a prompt in what was heard."""

import struct, wave
import numpy as np

FS = 8000  # internal audio rate in Hz
FRAME = 160  # samples in 20 ms


def _mk_ulaw_tables():
    dec = np.zeros(256, np.int16)
    for i in range(256):
        u = ~i & 0xFF
        s, e, m = u & 0x80, (u >> 4) & 7, u & 15
        v = (((m << 3) + 0x84) << e) - 0x84
        dec[i] = -v if s else v
    return dec


def _mk_alaw_tables():
    dec = np.zeros(256, np.int16)
    for i in range(256):
        a = i ^ 0x55
        s, e, m = a & 0x80, (a >> 4) & 7, a & 15
        v = (m << 4) + 8 if e == 0 else ((m << 4) + 0x108) << (e - 1)
        dec[i] = v if s else -v
    return dec


ULAW_DEC, ALAW_DEC = _mk_ulaw_tables(), _mk_alaw_tables()


def _mk_enc(dec):
    """nearest-value encoder table over all 65536 int16 inputs"""
    order = np.argsort(dec, kind="stable")
    vals = dec[order].astype(np.int32)
    x = np.arange(-32768, 32768)
    idx = np.clip(np.searchsorted(vals, x), 1, 255)
    idx = np.where(np.abs(vals[idx] - x) < np.abs(x - vals[idx - 1]), idx, idx - 1)
    return order[idx].astype(np.uint8)


ULAW_ENC, ALAW_ENC = _mk_enc(ULAW_DEC), _mk_enc(ALAW_DEC)
CODECS = {"PCMU": (0, 8000), "PCMA": (8, 8000), "L16": (96, 8000)}


def encode(codec, pcm):
    if codec == "PCMU":
        return ULAW_ENC[pcm.astype(np.int32) + 32768].tobytes()
    if codec == "PCMA":
        return ALAW_ENC[pcm.astype(np.int32) + 32768].tobytes()
    return pcm.astype(">i2").tobytes()


def decode(codec, b):
    if codec == "PCMU":
        return ULAW_DEC[np.frombuffer(b, np.uint8)]
    if codec == "PCMA":
        return ALAW_DEC[np.frombuffer(b, np.uint8)]
    return np.frombuffer(b[: len(b) & ~1], ">i2").astype(np.int16)


def tone(freqs, secs=None, amp=0.25, fs=FS):
    """int16 tone; without secs a loop-able 1 s block (use integer Hz)"""
    if np.isscalar(freqs):
        freqs = [freqs]
    t = np.arange(int(fs * (secs or 1.0))) / fs
    return (sum(np.sin(2 * np.pi * f * t) for f in freqs) / len(freqs) * amp * 32767).astype(np.int16)


def silence(secs):
    return np.zeros(int(FS * secs), np.int16)


def signature(seed, secs=1.0, amp=0.3):
    """speech-band pseudo-random signal, unique per seed; survives G.711 with correlation > 0.95"""
    r = np.random.default_rng(seed)
    n = int(FS * secs)
    X = np.zeros(n // 2 + 1, complex)
    f = np.fft.rfftfreq(n, 1 / FS)
    band = (f > 300) & (f < 3400)
    X[band] = np.exp(2j * np.pi * r.random(band.sum()))
    x = np.fft.irfft(X, n)
    return (x / np.abs(x).max() * amp * 32767 * 2).clip(-32767, 32767).astype(np.int16)


DTMF_F = {
    c: (lo, hi)
    for lo, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"))
    for hi, c in zip((1209, 1336, 1477, 1633), row)
}
DTMF_EV = {c: i for i, c in enumerate("0123456789*#ABCD")}
EV_DTMF = {v: k for k, v in DTMF_EV.items()}


def dtmf_audio(digits, on=0.1, off=0.1):
    return np.concatenate([np.concatenate([tone(DTMF_F[d], on, 0.4), silence(off)]) for d in digits.upper()])


def read_wav(path):
    """any PCM 8/16 bit WAV or G.711 WAV -> int16 mono 8 kHz"""
    with open(path, "rb") as f:
        d = f.read()
    assert d[:4] == b"RIFF" and d[8:12] == b"WAVE", f"{path}: not a WAV"
    p, fmt, data = 12, None, b""
    while p + 8 <= len(d):
        cid, ln = d[p : p + 4], struct.unpack("<I", d[p + 4 : p + 8])[0]
        if cid == b"fmt ":
            fmt = struct.unpack("<HHIIHH", d[p + 8 : p + 24])
        elif cid == b"data":
            data = d[p + 8 : p + 8 + ln] if 0 < ln < 0xFFFFFF00 else d[p + 8 :]
            ln = len(data)  # 0 / -1: never finalised by the recorder
        p += 8 + ln + (ln & 1)
    tag, ch, fs, _, _, bits = fmt
    if tag == 7:
        x = ULAW_DEC[np.frombuffer(data, np.uint8)]
    elif tag == 6:
        x = ALAW_DEC[np.frombuffer(data, np.uint8)]
    elif bits == 16:
        x = np.frombuffer(data[: len(data) & ~1], "<i2")
    elif bits == 8:
        x = (np.frombuffer(data, np.uint8).astype(np.int16) - 128) << 8
    else:
        raise ValueError(f"{path}: unsupported WAV {tag}/{bits}")
    if ch > 1:
        x = x[: len(x) // ch * ch].reshape(-1, ch).astype(np.int32).mean(1).astype(np.int16)
    return resample(x, fs, FS)


def resample(x, a, b):
    if a == b:
        return np.ascontiguousarray(x)
    n = int(round(len(x) * b / a))
    X = np.fft.rfft(x.astype(float))
    m = n // 2 + 1
    Y = np.zeros(m, complex)
    k = min(m, len(X))
    Y[:k] = X[:k]
    if b < a:
        Y[int(0.97 * m) :] = 0
    return (np.fft.irfft(Y, n) * n / len(x)).clip(-32768, 32767).astype(np.int16)


def write_wav(path, x, fs=FS, channels=1):
    """`channels`: of samples that lie side by side in `x`"""
    with wave.open(str(path), "wb") as w:
        w.setnchannels(channels)
        w.setsampwidth(2)
        w.setframerate(fs)
        w.writeframes(np.asarray(x, np.int16).tobytes())


def xcorr_peak(heard, ref):
    """(peak normalised correlation in 0..1, lag in samples) of ref inside heard.
    Normalised by the energy of exactly the overlapped window, so silence around the prompt does not matter.
    """
    h = np.asarray(heard, float)
    r = np.asarray(ref, float)
    if len(r) == 0 or len(h) == 0 or not np.any(r):
        return 0.0, 0
    pad = len(r) - 1
    hp = np.concatenate([np.zeros(pad), h, np.zeros(pad)])
    n = 1 << int(np.ceil(np.log2(len(hp) + len(r))))
    c = np.fft.irfft(np.fft.rfft(hp, n) * np.conj(np.fft.rfft(r, n)), n)[: len(hp) - len(r) + 1]
    cs = np.concatenate([[0], np.cumsum(hp * hp)])
    e = cs[len(r) :] - cs[: -len(r)]
    er = float(np.dot(r, r))
    floor = 0.02 * er  # ignore windows with hardly any energy
    q = np.where(e > floor, c / np.sqrt(np.maximum(e, 1e-9) * er), 0)
    k = int(np.argmax(q))
    return float(q[k]), k - pad


def match_prompt(heard, prompt, seg=1.0):
    """How well was `prompt` heard?  dict: corr (whole), lag_s, segments (per-second correlation at that lag +-40 ms),
    seg_ok (share of voiced segments > 0.9), heard (corr >= 0.9, or at most one bad segment of three or more).  Whole-prompt correlation drops fast on any inserted/lost packet,
    the segment figures say how much of the prompt was still intact."""
    corr, lag = xcorr_peak(heard, prompt)
    n = int(seg * FS)
    segs = []
    heard = np.asarray(heard)
    for i in range(0, len(prompt) - n // 2, n):
        p = prompt[i : i + n]
        if np.sqrt(np.mean(p.astype(float) ** 2)) < 60:
            continue  # unvoiced second
        a = max(0, lag + i - 320)
        w = heard[a : lag + i + len(p) + 320]
        segs.append(round(xcorr_peak(w, p)[0], 3) if len(w) else 0.0)
    ok = sum(s > 0.9 for s in segs) / len(segs) if segs else float(corr > 0.9)
    bad = sum(x <= 0.9 for x in segs)
    return dict(
        corr=round(corr, 4),
        lag_s=round(lag / FS, 3),
        seg_ok=round(ok, 3),
        segments=segs,
        heard=bool(corr >= 0.9 or (len(segs) >= 3 and bad <= 1)),
    )


def tone_level(x, f):
    """share (0..1) of the signal's power within +-12 Hz of f (windowed FFT); 0 for near silence"""
    x = np.asarray(x, float)
    if len(x) < 800 or np.sqrt(np.mean(x**2)) < 30:
        return 0.0
    P = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    fr = np.fft.rfftfreq(len(x), 1 / FS)
    return float(P[np.abs(fr - f) <= 12].sum() / P.sum())


def rms(x):
    return float(np.sqrt(np.mean(np.asarray(x, float) ** 2))) if len(x) else 0.0


def detect_dtmf(x, fs=FS):
    """in-band DTMF digits heard, by FFT of 40 ms blocks"""
    out, last, run = [], None, 0
    n = int(0.04 * fs)
    w = np.hanning(n)
    for i in range(0, len(x) - n, n // 2):
        b = np.asarray(x[i : i + n], float)
        d = None
        if rms(b) > 300:
            t = np.arange(n) / fs
            g = lambda f: abs(np.dot(b * w, np.exp(-2j * np.pi * f * t)))
            L = [(g(f), f) for f in (697, 770, 852, 941)]
            H = [(g(f), f) for f in (1209, 1336, 1477, 1633)]
            (a, lo), (c, hi) = max(L), max(H)
            E = np.sqrt(np.dot(b * w, b * w) * n / 2)
            if np.hypot(a, c) > 0.6 * E and 0.2 < a / c < 5:
                d = next(k for k, v in DTMF_F.items() if v == (lo, hi))
        run = run + 1 if d == last else 1
        if d and run == 2:
            out.append(d)
        last = d
    return "".join(out)
