#!/usr/bin/env python3
"""Compose and synthesise the hold music and the tones; no samples, no downloads.

    python3 holdmusic.py [WIDE]     # common/{hold-music,beep,recording-beep,ring-back}.wav; at 16 kHz in the folder WIDE too

The tune is this project's own: 24 bars in C, pentatonic, 72 beats a minute, 80 seconds.
Everything is added into a ring, so a note or an echo that runs past the last bar
continues in the first one, and the file loops without a seam.
"""
import sys
import wave
from pathlib import Path

import numpy as np

RATE = 16_000
BPM = 72
BARS = 24
BEAT = 60 / BPM
LENGTH = round(BARS * 4 * BEAT * RATE)
LEVEL_DBFS = -24.0
NOTE = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

# One chord a bar, low to high. Telephones lose what is below 300 Hz; overtones carry the bass.
CHORDS = {
    "C": "E3 G3 D4 G4", "Am": "E3 A3 C4 G4", "F": "F3 A3 C4 G4", "G": "G3 B3 D4 E4",
    "Em": "E3 B3 D4 G4", "Dm": "F3 A3 D4 C5", "Gs": "G3 C4 D4 G4", "Ce": "E3 G3 C4 D4",
}
PART_A = "C Am F G Em Am Dm Gs".split()
PART_B = "F G Em Am F Ce Dm Gs".split()
# note:beats, '-' is a rest; one string per bar
TUNE_A = ["E5:1.5 G5:.5 A5:2", "G5:1 E5:1 C5:2", "D5:1.5 E5:.5 G5:1 A5:1", "G5:3 -:1",
          "G5:1 A5:1 C6:1.5 A5:.5", "G5:2 E5:2", "D5:1 E5:1 G5:1 E5:1", "D5:3 -:1"]
TUNE_A2 = ["E5:1 D5:.5 E5:.5 G5:2", "A5:1 G5:1 E5:2", "D5:1 E5:1 G5:1.5 E5:.5", "D5:3 -:1",
           "E5:1 G5:1 A5:1 C6:1", "A5:1.5 G5:.5 E5:2", "G5:1 E5:1 D5:1 C5:1", "D5:3 -:1"]
TUNE_B = ["A5:2 C6:2", "B5:1 A5:1 G5:2", "G5:1.5 E5:.5 D5:2", "E5:3 -:1",
          "A5:1 G5:1 E5:1 D5:1", "C5:2 E5:2", "D5:1.5 E5:.5 G5:2", "G5:3 -:1"]
ARPEGGIO = (0, 1, 2, 3, 2, 1, 2, 1)       # chord tones, one each half beat


def hertz(name: str) -> float:
    return 440 * 2 ** ((NOTE[name[0]] + 12 * (int(name[1]) + 1) - 69) / 12)


def piano(freq: float, seconds: float, loud: float) -> np.ndarray:
    """A soft electric-piano tone: few partials, the high ones fading first."""
    t = np.arange(int((seconds + 1.2) * RATE)) / RATE
    tone = np.zeros_like(t)
    for n in range(1, 7):
        f = freq * n * np.sqrt(1 + 0.0004 * n * n)
        if f > 3600:
            break
        tone += n ** -1.7 * np.exp(-t * (0.9 + 0.55 * n + freq / 900)) * np.sin(2 * np.pi * f * t)
    attack = np.minimum(1, t / 0.008)
    release = np.clip((seconds + 1.2 - t) / 1.0, 0, 1)
    return loud * tone * attack * release


def pad(freq: float, seconds: float, loud: float) -> np.ndarray:
    """Slow, slightly detuned background."""
    t = np.arange(int((seconds + 1.0) * RATE)) / RATE
    tone = np.zeros_like(t)
    for detune in (-0.0018, 0.0, 0.0021):
        for n, a in ((1, 1.0), (2, 0.35), (3, 0.12)):
            tone += a * np.sin(2 * np.pi * freq * (1 + detune) * n * t + n)
    shape = np.minimum(1, t / 0.7) * np.clip((seconds + 1.0 - t) / 1.0, 0, 1)
    return loud * tone * shape


def add(ring: np.ndarray, at_beat: float, sound: np.ndarray) -> None:
    start = round(at_beat * BEAT * RATE)
    np.add.at(ring, (start + np.arange(len(sound))) % len(ring), sound)


def compose() -> np.ndarray:
    ring = np.zeros(LENGTH)
    chords = PART_A + PART_A + PART_B
    tune = TUNE_A + TUNE_A2 + TUNE_B
    for bar, (chord, line) in enumerate(zip(chords, tune)):
        tones = CHORDS[chord].split()
        for tone in tones[1:]:
            add(ring, 4 * bar, pad(hertz(tone), 4 * BEAT, 0.05))
        for i, k in enumerate(ARPEGGIO):
            add(ring, 4 * bar + i / 2, piano(hertz(tones[k]), BEAT / 2, 0.16 if i else 0.21))
        beat = 4 * bar
        for item in line.split():
            name, beats = item.split(":")
            if name != "-":
                add(ring, beat, piano(hertz(name), float(beats) * BEAT, 0.34))
            beat += float(beats)
    return ring


def room_and_band(x: np.ndarray) -> np.ndarray:
    """Circular reverberation, then 260-3600 Hz with gentle edges; the loop stays seamless."""
    rng = np.random.default_rng(7)
    t = np.arange(int(1.4 * RATE)) / RATE
    echo = rng.standard_normal(len(t)) * np.exp(-t * 4.5) * np.minimum(1, t / 0.02)
    echo /= np.sqrt((echo ** 2).sum())
    spectrum = np.fft.rfft(x)
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    wet = spectrum * np.fft.rfft(echo, len(x))
    wet *= 1 / (1 + (f / 2200) ** 4)
    band = 1 / (1 + (260 / np.maximum(f, 1)) ** 5) / (1 + (f / 3600) ** 10)
    return np.fft.irfft((spectrum + 0.28 * wet) * band, len(x))


def level(x: np.ndarray) -> np.ndarray:
    return x * 10 ** (LEVEL_DBFS / 20) / np.sqrt((x ** 2).mean())


def narrow(x: np.ndarray) -> np.ndarray:
    """16 -> 8 kHz, 300-3400 Hz, circular like the rest."""
    spectrum = np.fft.rfft(x)
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    spectrum *= 1 / (1 + (300 / np.maximum(f, 1)) ** 12) / (1 + (f / 3400) ** 40)
    return np.fft.irfft(spectrum[: len(x) // 4 + 1], len(x) // 2) / 2


def write_wav(path: Path, x: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(np.round(np.clip(x, -1, 1) * 32767).astype("<i2").tobytes())


def main() -> None:
    music = room_and_band(compose())
    roots = [(RATE // 2, Path(__file__).parent)]
    write_wav(roots[0][1] / "common/hold-music.wav", level(narrow(music)), RATE // 2)
    if len(sys.argv) > 1:
        roots.append((RATE, Path(sys.argv[1])))
        write_wav(roots[1][1] / "common/hold-music.wav", level(music))
    for rate, root in roots:
        t = np.arange(int(0.30 * rate)) / rate
        edge = np.clip(np.minimum(t, t[-1] - t) / 0.01, 0, 1)
        tone = 10 ** (-15 / 20) * np.sin(2 * np.pi * 1000 * t) * edge
        write_wav(root / "common/beep.wav", tone, rate)
        # The United States ask for 1,260 to 1,540 Hz, 0.18 to 0.22 s of them.
        t = np.arange(int(0.20 * rate)) / rate
        edge = np.clip(np.minimum(t, t[-1] - t) / 0.01, 0, 1)
        write_wav(root / "common/recording-beep.wav", 10 ** (-20 / 20) * np.sin(2 * np.pi * 1400 * t) * edge, rate)
        # What a telephone that rings sounds like in China: 450 Hz, one second in five.
        t = np.arange(5 * rate) / rate
        edge = np.clip(np.minimum(t, 1 - t) / 0.01, 0, 1)
        write_wav(root / "common/ring-back.wav", 10 ** (-20 / 20) * np.sin(2 * np.pi * 450 * t) * edge, rate)


if __name__ == "__main__":
    main()
