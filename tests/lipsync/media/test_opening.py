"""Opening: a plain media file opens under any name; everything else is refused in one sentence."""

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from lipsync.errors import MediaError
from lipsync.media import opening
from lipsync.media.opening import media_errors, open_media, top_boxes
from tests.clips import ffmpeg, make_clip
from tests.odd_clips import bit_flipped, cut_off, still_picture


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("opening") / "clip.mp4", frames=5)


def refusal(path: Path) -> str:
    """Open a file, expect a refusal, and hand back its sentence."""
    with pytest.raises(MediaError) as caught, open_media(path):
        pass
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "-x.mp4",
        "%03d.mp4",
        "http:x.mp4",
        "file:x.mp4",
        "concat:a|b.mp4",
        "a b ü 字.mp4",
        "new\nline.mp4",
        "what?*[1].mp4",
        "list.m3u8",
        "photo.jpg",
        "no_suffix",
        os.fsdecode(b"latin1-\xe9.mp4"),
    ],
)
def test_any_name_opens_as_the_plain_file_it_is(tmp_path: Path, clip: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(clip.read_bytes())
    with open_media(path) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5


@pytest.mark.parametrize("name", ["-i", "http:x.mp4", "concat:a|b.mp4", "pipe:0"])
def test_a_relative_name_that_looks_like_an_option_or_address_opens(
    tmp_path: Path, clip: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(clip.read_bytes())
    with open_media(Path(name)) as container:
        assert container.streams.video


def fifo(path: Path) -> None:
    os.mkfifo(path)


def sock(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def endless_link(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(lambda _: None, "no such file", id="missing"),
        pytest.param(Path.mkdir, "is a folder", id="folder"),
        pytest.param(fifo, "is a pipe", id="fifo"),
        pytest.param(sock, "is a socket", id="socket"),
        pytest.param(device, "is a device", id="device"),
        pytest.param(endless_link, "Too many levels of symbolic links", id="link-loop"),
        pytest.param(Path.touch, "is empty (0 bytes)", id="empty"),
    ],
)
def test_what_is_not_a_plain_file_with_bytes_is_refused_and_never_waited_for(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "x.mp4"
    make(path)
    assert reason in refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(clip.read_bytes())
    path.chmod(0)
    assert "Permission denied" in refusal(path)


@pytest.mark.parametrize("name", ["nul\0.mp4", "x" * 300], ids=["nul", "too-long"])
def test_a_name_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    assert "cannot be read" in refusal(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"just some words\n" * 40, "a text file", id="text"),
        pytest.param(
            b"12345678" + "Wörter ohne Ende ".encode() * 400, "a text file", id="utf-8-cut-in-two"
        ),
        pytest.param(b"\n<!DOCTYPE html><html>404</html>", "a web page (HTML)", id="html"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(50), "a still picture (PNG)", id="png"),
        pytest.param(b"%PDF-1.7\n\xff\xff", "a PDF", id="pdf"),
        pytest.param(b"PK\x03\x04" + bytes(50), "a ZIP", id="zip"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "Git LFS", id="lfs"),
        pytest.param(b"#EXTM3U\n#EXTINF:9,\n/etc/passwd\n", "a playlist", id="hls"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", "a playlist", id="ffconcat"),
        pytest.param(b"# list\nfile '/etc/passwd'\n", "a playlist", id="bare-concat"),
        pytest.param(b"<?xml version='1.0'?>\n<MPD type='static'/>", "a playlist", id="dash"),
        pytest.param(b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "a playlist", id="sdp"),
        pytest.param(b"[playlist]\nFile1=http://127.0.0.1/x\n", "a playlist", id="pls"),
        pytest.param(bytes(5000), "not a media file", id="zeros"),
        pytest.param(b"\0\0\0\x01\x67\x42" + bytes(4000), "not a media file", id="raw-h264"),
    ],
)
def test_what_is_not_media_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    sentence = refusal(path)
    assert reason in sentence
    assert str(path) in sentence


def test_a_jpeg_named_mp4_is_a_still_picture_not_a_video(tmp_path: Path) -> None:
    assert "a still picture (JPEG), not a video" in refusal(still_picture(tmp_path / "x.mp4"))


@pytest.mark.parametrize(
    "script",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
    ],
    ids=["hls", "concat"],
)
def test_libav_itself_refuses_a_playlist_that_slips_past_the_first_look(
    tmp_path: Path, clip: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "not_media", lambda _: None)
    path = tmp_path / "list.m3u8"
    path.write_text(script.format(clip))
    assert "not a media file" in refusal(path)


def test_an_mp4_without_its_index_says_how_much_is_missing(tmp_path: Path) -> None:
    path = cut_off(tmp_path, index_first=False)
    boxes, missing = top_boxes(path)
    assert "moov" not in boxes
    sentence = refusal(path)
    assert f"missing after {path.stat().st_size} bytes" in sentence
    assert f"{missing} more are announced" in sentence


def test_boxes_with_64_bit_and_open_lengths_are_walked(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(
        struct.pack(">I4s", 8, b"free")
        + struct.pack(">I4sQ", 1, b"wide", 24)
        + bytes(8)
        + struct.pack(">I4s", 0, b"mdat")
        + bytes(99)
    )
    assert top_boxes(path) == (["free", "wide", "mdat"], 0)


def test_a_picture_of_absurd_size_is_refused_before_it_is_decoded(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "MAX_PIXELS", 160 * 120 - 1)
    assert "160x120 pixels" in refusal(clip)


def test_a_picture_that_grows_later_is_refused_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = make_clip(tmp_path / "small.ts", frames=200)  # 8 s: libav looks 5 s ahead
    large = make_clip(tmp_path / "large.ts", frames=5, size=(640, 360))
    both = tmp_path / "grows.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    monkeypatch.setattr(opening, "MAX_PIXELS", 200 * 200)
    widths: list[int] = []
    with pytest.raises(MediaError), open_media(both) as container:
        widths.extend(frame.width for frame in container.decode(video=0))
    assert set(widths) == {160}


def test_damage_met_while_decoding_is_one_sentence_about_the_file(tmp_path: Path) -> None:
    path = bit_flipped(tmp_path)
    with pytest.raises(MediaError) as caught, open_media(path) as container:
        for _ in container.decode(video=0):
            pass
    assert str(caught.value).startswith(f"{path}: cannot be decoded")
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_not_blamed_on_the_file_that_is_read(tmp_path: Path) -> None:
    full = av.error.OSError(28, "No space left on device", "out.mp4")
    with pytest.raises(OSError, match="No space left"), media_errors(tmp_path / "in.mp4"):
        raise full


def dts_as_pcm(path: Path, silent_bytes: int) -> Path:
    """Write DTS frames into a WAV file that says it holds PCM, as on DTS CDs."""
    stream = path.with_suffix(".dts")
    tone = ("-f", "lavfi", "-i", "sine=frequency=300:duration=2", "-ac", "2", "-ar", "48000")
    ffmpeg(*tone, "-c:a", "dca", "-strict", "-2", "-b:a", "1536k", stream)
    sound = bytes(silent_bytes) + stream.read_bytes()
    kind = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 48_000, 192_000, 4, 16)
    data = struct.pack("<4sI", b"data", len(sound)) + sound
    riff = struct.pack("<4sI4s", b"RIFF", 4 + len(kind) + len(data), b"WAVE")
    path.write_bytes(riff + kind + data)
    return path


@pytest.mark.parametrize("silent_bytes", [0, 20_000, 100_000])
def test_dts_in_a_wav_file_is_not_taken_for_samples(tmp_path: Path, silent_bytes: int) -> None:
    with open_media(dts_as_pcm(tmp_path / "cd.wav", silent_bytes)) as container:
        assert container.streams.audio[0].codec_context.name == "dca"


def test_without_a_first_picture_the_pictures_are_the_same(clip: Path) -> None:
    decoded = []
    for first_picture in (True, False):
        with open_media(clip, first_picture=first_picture) as container:
            decoded.append([frame.to_ndarray() for frame in container.decode(video=0)])
    assert len(decoded[0]) == 5
    assert all(np.array_equal(*both) for both in zip(*decoded, strict=True))
