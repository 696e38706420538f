"""Odd and broken media, each with one known oddity. All take the folder they are made in."""

import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

from tests.clips import draw, ffmpeg, make_clip, make_voice

# A 25 fps recording that dropped two of every seven frames: 50 frames over 70 grid places.
DROPPED = [place for place in range(70) if place % 7 not in {3, 4}]


def variable_rate(folder: Path) -> Path:
    """50 frames, 25 fps with holes; the last begins at 69/25 s."""
    return make_clip(
        folder / "vfr.mp4",
        indices=DROPPED,
        ticks=[place * 3600 for place in DROPPED],
        options={"bf": "2"},
    )


def rotated(folder: Path, degrees: int = 90) -> Path:
    """160x120 that must be turned clockwise by so many degrees."""
    return make_clip(folder / f"rotated{degrees}.mp4", rotation_deg=degrees)


def anamorphic(folder: Path) -> Path:
    """720x576 PAL widescreen in small: 144x116 samples of 64:45."""
    return make_clip(folder / "anamorphic.mp4", size=(144, 116), sample_aspect=Fraction(64, 45))


def hdr10(folder: Path) -> Path:
    """HEVC Main 10, BT.2020, PQ."""
    return make_clip(
        folder / "hdr10.mp4",
        frames=10,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={
            "x265-params": "log-level=none:hdr10=1:colorprim=bt2020:transfer=smpte2084:"
            "colormatrix=bt2020nc:max-cll=1000,400"
        },
        colour={"color_primaries": 9, "color_trc": 16, "colorspace": 9},
    )


def hlg(folder: Path) -> Path:
    """H.264 High 10, BT.2020, HLG."""
    return make_clip(
        folder / "hlg.mp4",
        frames=10,
        pix_fmt="yuv420p10le",
        colour={"color_primaries": 9, "color_trc": 18, "colorspace": 9},
    )


def interlaced(folder: Path) -> Path:
    """25 fps, top field first."""
    plain = make_clip(folder / "progressive.mp4", frames=10)
    path = folder / "interlaced.mp4"
    ffmpeg(
        "-i", plain, "-vf", "setfield=tff", "-flags", "+ilme+ildct", "-x264-params", "tff=1", path
    )
    return path


def edit_list(folder: Path) -> Path:
    """75 coded frames of which an edit list shows 35: numbers 40 to 74, cut inside a GOP."""
    plain = make_clip(folder / "whole.mp4", frames=75, gop=30, sound=True)
    path = folder / "editlist.mp4"
    ffmpeg("-ss", "1.6", "-i", plain, "-c", "copy", path)
    return path


def transport_stream(folder: Path) -> Path:
    """50 frames and speech; the clock starts at 1.4 s, as the muxer of ffmpeg has it."""
    plain = make_clip(folder / "plain.mp4", sound=True)
    path = folder / "start.ts"
    ffmpeg("-i", plain, "-c", "copy", path)
    return path


def late_sound(folder: Path) -> Path:
    """2 s of picture; the sound starts 0.5 s after it."""
    plain = make_clip(folder / "silent.mp4")
    voice = make_voice(folder / "late.wav", 1.5)
    path = folder / "latesound.mp4"
    ffmpeg("-i", plain, "-itsoffset", "0.5", "-i", voice, "-c:v", "copy", path)
    return path


def late_picture(folder: Path) -> Path:
    """2 s of sound; the picture starts 0.4 s after it."""
    plain = make_clip(folder / "picture.mp4", frames=40)
    voice = make_voice(folder / "first.wav", 2.0)
    path = folder / "latepicture.mp4"
    ffmpeg("-i", voice, "-itsoffset", "0.4", "-i", plain, "-c:v", "copy", path)
    return path


def endless_webm(folder: Path) -> Path:
    """50 frames of VP9 written to a pipe: no duration anywhere."""
    plain = make_clip(folder / "plain.webm", codec="libvpx-vp9", sound=True)
    path = folder / "endless.webm"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", plain, "-c", "copy"]
    with path.open("wb") as pipe:
        subprocess.run([*command, "-f", "webm", "pipe:1"], stdout=pipe, check=True, timeout=60)
    return path


def old_avi(folder: Path) -> Path:
    """50 frames of MPEG-4 ASP with PCM."""
    plain = make_clip(folder / "for_avi.mp4", sound=True)
    path = folder / "old.avi"
    ffmpeg("-i", plain, "-c:v", "mpeg4", "-q:v", "3", "-c:a", "pcm_s16le", path)
    return path


def cover_art(folder: Path) -> Path:
    """1.5 s of AAC with a JPEG cover."""
    voice, cover = make_voice(folder / "song.wav", 1.5), folder / "cover.jpg"
    still_picture(cover)
    path = folder / "cover.m4a"
    mapping = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg("-i", voice, "-i", cover, *mapping, path)
    return path


def untagged_mp3(folder: Path) -> Path:
    """3 s of speech and 3 s of silence in a variable bit rate, without the header that says so."""
    options = ("-c:a", "libmp3lame", "-q:a", "0", "-write_xing", "0", "-id3v2_version", "0")
    return make_voice(folder / "vbr.mp3", 6.0, silence=(0.0, 3.0), options=options)


def still_picture(path: Path) -> Path:
    """Write a JPEG, whatever the name says."""
    frame = av.VideoFrame.from_ndarray(draw(1), format="rgb24").reformat(format="yuvj420p")
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = frame.width, frame.height, "yuvj420p"
    context.time_base = Fraction(1, 25)
    path.write_bytes(
        b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode()])
    )
    return path


def wav_header_says(path: Path, data_bytes: int) -> Path:
    """Rewrite the lengths in a plain WAV; the samples stay. 0xFFFFFFFF is what a stream writes."""
    data = bytearray(path.read_bytes())
    assert data[36:40] == b"data"
    data[4:8] = struct.pack("<I", min(data_bytes + 36, 2**32 - 1))
    data[40:44] = struct.pack("<I", data_bytes)
    path.write_bytes(data)
    return path


def cut_off(folder: Path, *, index_first: bool) -> Path:
    """75 frames and speech, cut in the middle; with the index first, the front still plays."""
    flags = {"movflags": "+faststart"} if index_first else {}
    path = folder / f"cut_{'index' if index_first else 'noindex'}.mp4"
    make_clip(path, frames=75, sound=True, container_options=flags)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    return path


def bit_flipped(folder: Path, flips: int = 60) -> Path:
    """50 frames with so many bytes of picture data changed; the index is whole."""
    path = make_clip(folder / "flipped.mp4", container_options={"movflags": "+faststart"})
    data = bytearray(path.read_bytes())
    body = data.find(b"mdat") + 2000
    for place in np.random.default_rng(3).integers(body, len(data), flips):
        data[place] ^= 0x55
    path.write_bytes(data)
    return path


def no_packets(folder: Path) -> Path:
    """A WAV header and not one sample."""
    return make_voice(folder / "nothing.wav", 0.0)
