#!/usr/bin/env python3
"""Makes the reference vectors of the codecs and resamplers in this folder, by ffmpeg, sox and libopus.

    apt-get install ffmpeg sox libopus0
    cd src/media/testdata && python3 make.py

wideband.raw        0.5 s, 16 kHz, 16 bits little endian: a prompt, pink noise and a sweep from 300 to 7600 Hz
wideband.g722       what ffmpeg makes of it, and ...
wideband.g722.raw   ... of that again
wideband.opus       what libopus makes of it: packets of 20 ms, each after its length in two octets (big endian), with
                    a copy of the packet before it in each (in-band FEC)
wideband.opus.raw   what libopus makes of that at 16 kHz; packet LOST is lost and taken from the one after it
narrow.*k.raw       the first 0.25 s of it up to 3.1 kHz at 16, 8 and 48 kHz, as sox resamples it
Noise is never the same twice: a new wideband.raw wants all the others anew.
"""
import ctypes
import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
PROMPT = HERE / "../../../prompts/en-US/survey/resolved.wav"
LOST = 10
VOIP, MONO, RATE, FRAME = 2048, 1, 16000, 320
SET_BITRATE, SET_FEC, SET_LOSS = 4002, 4012, 4014


def run(command):
    subprocess.run(command, shell=True, check=True, cwd=HERE)


def wideband():
    mix = f"'|sox {PROMPT} -r 16000 -p trim 0.2 0.5' '|sox -n -r 16000 -p synth 0.5 pinknoise vol 0.08'"
    sweep = "'|sox -n -r 16000 -p synth 0.5 sine 300-7600 vol 0.25'"
    run(f"sox -m {mix} {sweep} -t raw -e signed -b 16 -L wideband.raw")


def g722():
    run("ffmpeg -v error -y -f s16le -ar 16000 -ac 1 -i wideband.raw -c:a g722 -f g722 wideband.g722")
    run("ffmpeg -v error -y -f g722 -i wideband.g722 -f s16le wideband.g722.raw")


def narrow():
    raw = "-t raw -e signed -b 16 -c 1 -L"
    run(f"sox -D {raw} -r 16000 wideband.raw {raw} narrow.16k.raw sinc -t 300 -3000 trim 0 0.25")
    for rate in (8, 48):
        run(f"sox -D {raw} -r 16000 narrow.16k.raw {raw} narrow.{rate}k.raw rate -v {rate}k")


def opus():
    lib = ctypes.CDLL("libopus.so.0")
    lib.opus_encoder_create.restype = lib.opus_decoder_create.restype = ctypes.c_void_p
    error = ctypes.c_int()
    encoder = ctypes.c_void_p(lib.opus_encoder_create(RATE, MONO, VOIP, ctypes.byref(error)))
    for request, value in [(SET_BITRATE, 24000), (SET_FEC, 1), (SET_LOSS, 20)]:
        assert lib.opus_encoder_ctl(encoder, request, ctypes.c_int(value)) == 0
    pcm = (HERE / "wideband.raw").read_bytes()
    packets = []
    for at in range(0, len(pcm), 2 * FRAME):
        room = ctypes.create_string_buffer(1500)
        length = lib.opus_encode(encoder, pcm[at : at + 2 * FRAME], FRAME, room, 1500)
        assert length > 0, length
        packets.append(room.raw[:length])
    (HERE / "wideband.opus").write_bytes(b"".join(struct.pack(">H", len(p)) + p for p in packets))

    decoder = ctypes.c_void_p(lib.opus_decoder_create(RATE, MONO, ctypes.byref(error)))
    out = b""
    for number, packet in enumerate(packets):
        repaired = number == LOST
        data = packets[number + 1] if repaired else packet
        room = ctypes.create_string_buffer(2 * FRAME)
        assert lib.opus_decode(decoder, data, len(data), room, FRAME, int(repaired)) == FRAME
        out += room.raw
    (HERE / "wideband.opus.raw").write_bytes(out)


wideband()
narrow()
g722()
opus()
