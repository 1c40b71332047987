"""The project's own prompts, as a listener gets them, and whether they were heard."""

import functools
import os

import scripted

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# A prompt through G.711 without loss correlates above 0.999, a wrong one below 0.1.
HEARD = 0.9
# Of the pieces of a prompt through a phone with a jitter buffer of its own.
ENOUGH = 0.8


@functools.cache
def prompt(name, language="zh-CN"):
    """`greeting/welcome` in a language, or `common/beep`; int16 at 8 kHz without the silence around it."""
    folder = "" if name.startswith("common/") else f"{language}/"
    sound = scripted.read_wav(f"{ROOT}/prompts/{folder}{name}.wav")
    loud = [at for at in range(0, len(sound), 80) if scripted.rms(sound[at : at + 80]) > 60]
    return sound[loud[0] : loud[-1] + 80]


def score(sound, name, language="zh-CN"):
    """How well a prompt was heard: 0 to 1."""
    reference = prompt(name, language)
    if len(sound) < len(reference) // 2:
        return 0.0
    whole, lag = scripted.xcorr_peak(sound, reference)
    if whole < HEARD and share_of_pieces(sound, reference, lag) >= ENOUGH:
        return HEARD
    return whole


def share_of_pieces(sound, reference, lag):
    """The share of a prompt's quarters of a second that were heard, each where it belongs. A phone's own jitter buffer
    puts in or leaves out a frame now and then, which hardly anybody hears, and half of a prompt no longer correlates
    as a whole."""
    size, slack, heard = scripted.FS // 4, scripted.FS // 16, []
    for at in range(0, len(reference) - size + 1, size):
        piece = reference[at : at + size]
        if scripted.rms(piece) > 60:
            around = sound[max(0, lag + at - slack) : lag + at + size + slack]
            heard.append(len(around) >= size and scripted.xcorr_peak(around, piece)[0] > HEARD)
    return sum(heard) / len(heard) if len(heard) >= 4 else 0.0


def expect(sound, *names, language="zh-CN"):
    """Every one of these prompts was heard."""
    scores = {name: round(score(sound, name, language), 3) for name in names}
    if min(scores.values()) < HEARD:
        raise AssertionError(f"not everything was heard in {len(sound) / scripted.FS:.1f} s: {scores}")


def longest_silence(sound):
    """Seconds; music and speech have rests of their own."""
    window, longest, run = scripted.FS // 50, 0, 0
    for at in range(0, len(sound) - window, window):
        run = run + 1 if scripted.rms(sound[at : at + window]) < 30 else 0
        longest = max(longest, run)
    return longest / 50


def expect_no_silence(sound, seconds=1.0, what="the caller"):
    """Nobody is left in silence."""
    longest = longest_silence(sound)
    if longest > seconds:
        raise AssertionError(f"{what} heard nothing for {longest:.2f} s of {len(sound) / scripted.FS:.1f} s")


def expect_tone(sound, frequency, seconds=0.6, what="the tone"):
    """Somewhere in there is this tone, alone, for that long."""
    window = int(seconds * scripted.FS)
    best = max(
        (scripted.tone_level(sound[at : at + window], frequency) for at in range(0, len(sound) - window, 800)),
        default=0.0,
    )
    if best < 0.8:
        raise AssertionError(f"{what} ({frequency} Hz) was not heard in {len(sound) / scripted.FS:.1f} s: {best:.2f}")


def expect_music(sound, what="the hold music"):
    """A second of what was heard is a stretch of the hold music: more of it in a row a phone's own jitter buffer does not
    always leave whole."""
    music, window = prompt("common/hold-music"), scripted.FS
    best = 0.0
    for at in range(0, len(sound) - window, scripted.FS // 2):
        piece = sound[at : at + window]
        if scripted.rms(piece) > 60:
            best = max(best, scripted.xcorr_peak(music, piece)[0])
    if best < HEARD:
        raise AssertionError(f"{what} was not heard in {len(sound) / scripted.FS:.1f} s: {best:.2f}")
