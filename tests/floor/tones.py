"""A tone for everybody on the floor, and who is heard in a piece of sound."""

import glob

import numpy as np

import scripted

# Between the voices of the telephone's band. Wide enough apart for pieces of half a second, in whole Hz so that a second
# of it can be repeated.
LOWEST, HIGHEST, APART = 500, 3300, 32
# The share of the power around a tone by which it is heard, and by which a sound of the house may be taken for it.
HEARD, TRACE = 0.35, 0.25
PIECE = scripted.FS // 2


class Tones:
    """`frequencies`, as many as were asked for, none of which is in the house's own music and phrases."""

    def __init__(self, many, sounds):
        candidates = np.arange(LOWEST, HIGHEST, APART)
        taken = np.zeros(len(candidates), bool)
        self.frequencies = candidates
        for path in sounds:
            sound = scripted.read_wav(path)
            # A piece of it may begin anywhere and be of any length.
            for at in range(0, len(sound) - PIECE // 2, PIECE // 8):
                for length in (PIECE // 2, PIECE):
                    taken |= self._shares(sound[at : at + length]) >= TRACE
        self.frequencies = candidates[~taken]
        if len(self.frequencies) < many:
            raise AssertionError(f"only {len(self.frequencies)} tones are free of the house's own sounds, not {many}")
        self.frequencies = self.frequencies[:many]

    def _shares(self, piece):
        piece = np.asarray(piece, float)
        if len(piece) < PIECE // 4 or np.sqrt(np.mean(piece**2)) < 60:
            return np.zeros(len(self.frequencies))
        power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
        width = scripted.FS / len(piece)
        sums = np.concatenate([[0], np.cumsum(power)])
        low = np.clip(((self.frequencies - 10) / width).astype(int), 0, len(power))
        high = np.clip(((self.frequencies + 10) / width).astype(int) + 2, 0, len(power))
        return (sums[high] - sums[low]) / max(power.sum(), 1e-9)

    def heard(self, piece):
        """The indexes of the tones in it."""
        return frozenset(np.flatnonzero(self._shares(piece) >= HEARD).tolist())

    def timeline(self, sound, began):
        """Of a whole recording that began then: `(from, to, tones)` for each half second."""
        pieces = range(0, max(0, len(sound) - PIECE + 1), PIECE)
        seconds = [(began + at / scripted.FS, began + (at + PIECE) / scripted.FS) for at in pieces]
        return [(*span, self.heard(sound[at : at + PIECE])) for span, at in zip(seconds, pieces)]


def house_sounds(root):
    return sorted(glob.glob(f"{root}/prompts/zh-CN/queue/*.wav") + glob.glob(f"{root}/prompts/zh-CN/transfer/*.wav")) + [
        f"{root}/prompts/common/hold-music.wav"
    ]
