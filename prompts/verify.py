#!/usr/bin/env python3
"""Measure every rendered prompt, and let a speech recogniser listen to it.

    python3 verify.py --asr MODEL_DIR        # both; MODEL_DIR: faster-whisper model
    python3 verify.py                        # measurements only
    python3 verify.py --out DIR --rate 16000 # 16 kHz masters instead

Writes verify.tsv and prints totals. Exit status 1 if a file is missing, has the wrong
format, is clipped, is off level, or has the wrong silence at its ends.
"""
from __future__ import annotations

import argparse
import re
import sys
import wave
from collections import defaultdict
from pathlib import Path

import numpy as np

import render

DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


def measure(path: Path) -> dict:
    with wave.open(str(path)) as w:
        rate, form = w.getframerate(), (w.getnchannels(), w.getsampwidth())
        x = np.frombuffer(w.readframes(w.getnframes()), "<i2") / 32768
    rms = render.frame_rms(x, rate, 5)
    on = np.flatnonzero(rms > np.percentile(rms, 95) * 10 ** (-40 / 20))
    return {
        "x": x, "rate": rate, "form": form, "seconds": len(x) / rate,
        "level": render.active_level(x, rate),
        "peak": 20 * np.log10(np.abs(x).max() + 1e-9),
        "clipped": int((np.abs(x) >= 32767 / 32768).sum()),
        "lead_ms": on[0] * 5, "tail_ms": (len(rms) - 1 - on[-1]) * 5,
        "dc": float(x.mean()),
    }


def distance(a: list, b: list) -> int:
    """Edit distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        prev, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            prev, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, prev + (x != y))
    return row[-1]


def spoken_zh(text: str) -> list[str]:
    """Characters only; arabic numbers as Chinese ones; simplified script."""
    import cn2an
    from zhconv import convert
    text = re.sub(r"\d+", lambda m: cn2an.an2cn(m[0]) if len(m[0]) < 5 else m[0].translate(DIGITS),
                  convert(text, "zh-cn"))
    return re.findall(r"[\u4e00-\u9fff]", text)


def spoken_en(text: str) -> list[str]:
    from num2words import num2words
    text = re.sub(r"\b(\d+)(st|nd|rd|th)\b", lambda m: num2words(int(m[1]), to="ordinal"), text)
    text = re.sub(r"\d+", lambda m: " " + num2words(int(m[0])) + " ", text.lower())
    text = text.replace("o'clock", "oclock").replace("o’clock", "oclock")
    text = re.sub(r"\bv\s*i\s*p\b", "vip", text.replace(".", " " if "v.i" not in text else ""))
    text = re.sub(r"\b(it|that|we|you|i)['’](s|ll|re|m)\b",
                  lambda m: f"{m[1]} " + {"s": "is", "ll": "will", "re": "are", "m": "am"}[m[2]], text)
    text = text.replace("cancelled", "canceled").replace("enquir", "inquir").replace("good bye", "goodbye")
    return re.findall(r"[a-z]+", text)


def syllables(chars: list[str]) -> list[str]:
    """Toned pinyin, so that a homophone does not count as an error of speech."""
    from pypinyin import Style, lazy_pinyin
    return lazy_pinyin("".join(chars), style=Style.TONE3)


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--out", type=Path, default=render.HERE)
    ap.add_argument("--rate", type=int, choices=[8000, 16000], default=8000)
    ap.add_argument("--asr", type=Path)
    ap.add_argument("--lang", choices=list(render.LANGS))
    ap.add_argument("--parts", action="store_true", help="let the recogniser hear parts too")
    ap.add_argument("--every", type=int, default=1, help="recognise every N-th phrase only")
    ap.add_argument("--report", type=Path, default=render.HERE / "verify.tsv")
    args = ap.parse_args()
    cfg, prompts = render.load_manifest(render.HERE / "manifest.toml")
    target, rate, root = cfg["sound"]["level_dbfs"], args.rate, args.out

    model = None
    if args.asr:
        from faster_whisper import WhisperModel
        model = WhisperModel(str(args.asr), device="cpu", compute_type="int8", cpu_threads=2,
                             local_files_only=True)
    faults, errors, totals, lines = [], defaultdict(lambda: [0, 0, 0, 0]), defaultdict(list), []
    count = 0
    for p in prompts:
        if args.lang not in (None, p.lang):
            continue
        path = root / p.lang / f"{p.id}.wav"
        if not path.exists():
            faults.append(f"{path}: missing")
            continue
        m = measure(path)
        lead, tail = cfg["sound"]["phrase_pad_ms" if p.kind == "phrase" else "part_pad_ms"]
        if (m["rate"], *m["form"]) != (rate, 1, 2):
            faults.append(f"{path}: format {m['rate']} {m['form']}")
        if m["clipped"]:
            faults.append(f"{path}: {m['clipped']} clipped samples")
        if abs(m["level"] - target) > 1.5:
            faults.append(f"{path}: level {m['level']:.1f} dBFS")
        # A soft consonant at either end may count as silence, so long is less bad than short.
        if not (-20 < m["lead_ms"] - lead < 60 and -20 < m["tail_ms"] - tail < 130):
            faults.append(f"{path}: silence {m['lead_ms']}/{m['tail_ms']} ms")
        units = len(re.findall(r"[\u4e00-\u9fff]", p.text)) or len(p.text.split())
        if not 0.08 < m["seconds"] / units < 1.6:
            faults.append(f"{path}: {m['seconds']:.2f} s for {p.text!r}")
        totals[p.lang, p.kind].append(m)
        heard, score = "", ""
        if p.kind == "phrase":
            count += 1
        if model and (p.kind == "phrase" and count % args.every == 0 or p.kind == "part" and args.parts):
            audio = np.pad(m["x"].astype(np.float32), rate // 4)
            if rate == 8000:
                from scipy import signal
                audio = signal.resample_poly(audio, 2, 1).astype(np.float32)
            zh = p.lang == "zh-CN"
            segments, _ = model.transcribe(
                audio, language="zh" if zh else "en", beam_size=5, condition_on_previous_text=False,
                initial_prompt="以下是普通话的句子。" if zh else None,
                max_new_tokens=120)
            heard = "".join(s.text for s in segments).strip()
            want, got = (spoken_zh(p.text), spoken_zh(heard)) if zh else (spoken_en(p.text), spoken_en(heard))
            d = distance(want, got)
            e = errors[p.lang, p.kind]
            e[0] += d
            e[1] += len(want)
            if zh:
                e[2] += distance(syllables(want), syllables(got))
            e[3] += d == 0
            score = f"{d}/{len(want)}"
        lines.append("\t".join([p.lang, p.id, f"{m['seconds']:.2f}", f"{m['level']:.1f}",
                                f"{m['peak']:.1f}", str(m["lead_ms"]), str(m["tail_ms"]), score,
                                p.text, heard]))
    args.report.write_text("lang\tid\tseconds\tactive_dbfs\tpeak_dbfs\tlead_ms\ttail_ms\terrors\ttext\theard\n"
                           + "\n".join(lines) + "\n", encoding="utf-8")
    for (lang, kind), ms in sorted(totals.items()):
        lv = [m["level"] for m in ms]
        print(f"{lang} {kind}: {len(ms)} files, {sum(m['seconds'] for m in ms):.1f} s, active level "
              f"{min(lv):.1f}..{max(lv):.1f} dBFS, peak {max(m['peak'] for m in ms):.1f} dBFS, "
              f"lead {min(m['lead_ms'] for m in ms)}..{max(m['lead_ms'] for m in ms)} ms, "
              f"tail {min(m['tail_ms'] for m in ms)}..{max(m['tail_ms'] for m in ms)} ms, "
              f"clipped {sum(m['clipped'] for m in ms)}")
    for (lang, kind), (d, n, py, clean) in sorted(errors.items()):
        extra = f", toned-syllable errors {100 * py / n:.1f}%" if lang == "zh-CN" else ""
        name = "CER" if lang == "zh-CN" else "WER"
        print(f"{lang} {kind}: {name} {100 * d / n:.1f}% ({d}/{n}){extra}; {clean} heard perfectly")
    print(*faults, sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
