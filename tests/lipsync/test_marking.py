"""Marking: an output says what it is, in itself, and is otherwise byte for byte what it was."""

import struct
from pathlib import Path

import av
import pytest

from lipsync.disclosure import Notice, SourceType, known_term, notice_of
from lipsync.finish import finish
from lipsync.marking import XMP_UUID, mark, read_mark, tags_of
from lipsync.media.boxes import free_box, moved
from lipsync.media.opening import top_boxes
from lipsync.requests import FinishRequest
from lipsync.store import Store
from lipsync.xmp import packet, term_in
from tests.clips import as_file, ffmpeg, make_clip, make_voice, read_indices

HOSTILE = "\"><!ENTITY x 'y'> ]]> \u202eevil \U0001f600 \x00\x1b & " + "long " * 400
NOTICE = notice_of(preview=False, model="sync-2")


def packets_of(path: Path) -> list[tuple[int, int | None, bytes]]:
    """Read every packet as a player would, found by the offsets of the index."""
    with av.open(str(path)) as container:
        return [
            (packet.stream.index, packet.pts, bytes(packet))
            for packet in container.demux()
            if packet.size
        ]


def xmp_by_libav(path: Path) -> str:
    """Read the XMP packet with a reader that is not ours."""
    with av.open(str(path), options={"export_xmp": "1"}) as container:
        return container.metadata.get("xmp", "")


def marked(source: Path, notice: Notice = NOTICE) -> Path:
    output = source.with_name(f"marked-{source.name}")
    mark(source, output, notice)
    return output


def clip(folder: Path, *flags: str) -> Path:
    """A clip with sound, muxed as wanted."""
    plain = make_clip(folder / "plain.mp4", frames=50, sound=True, options={"bf": "2"})
    path = folder / "clip.mp4"
    movflags = ("-movflags", "+".join(flags)) if flags else ()
    ffmpeg("-i", plain, "-c", "copy", *movflags, path)
    return path


@pytest.mark.parametrize(
    ("flags", "in_front"),
    [
        pytest.param(("faststart",), True, id="index in front"),
        pytest.param((), False, id="index at the end"),
        pytest.param(("frag_keyframe", "empty_moov"), False, id="fragments"),
        pytest.param(("faststart", "use_metadata_tags"), True, id="other metadata"),
    ],
)
def test_picture_and_sound_are_found_where_they_were_and_as_they_were(
    tmp_path: Path, flags: tuple[str, ...], in_front: bool
) -> None:
    source = clip(tmp_path, *flags)
    output = marked(source)
    assert packets_of(output) == packets_of(source)
    assert read_indices(output) == list(range(50))
    boxes, missing = top_boxes(output)
    assert missing == 0
    assert (boxes.index("uuid") < boxes.index("mdat")) is in_front
    assert ("moov" in boxes[: boxes.index("mdat")]) is (flags != ())


def test_the_mark_is_read_by_a_reader_that_is_not_ours(tmp_path: Path) -> None:
    output = marked(clip(tmp_path, "faststart"))
    assert output.read_bytes() == marked(tmp_path / "clip.mp4").read_bytes()
    assert read_mark(output) is SourceType.COMPOSITE_WITH_TRAINED
    seen = xmp_by_libav(output)
    assert f'Iptc4xmpExt:DigitalSourceType="{SourceType.COMPOSITE_WITH_TRAINED}"' in seen
    assert 'Iptc4xmpExt:AISystemUsed="sync-2"' in seen


def test_a_file_of_which_only_the_beginning_has_arrived_plays_and_says_what_it_is(
    tmp_path: Path,
) -> None:
    output = marked(clip(tmp_path, "faststart"))
    whole = output.read_bytes()
    begun = tmp_path / "begun.mp4"
    begun.write_bytes(whole[: len(whole) * 6 // 10])
    assert read_mark(begun) is SourceType.COMPOSITE_WITH_TRAINED
    with av.open(str(begun)) as container:
        shown = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert len(shown) > 10


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("preview", [False, True])
def test_every_container_carries_the_mark_and_a_sentence_for_people(
    tmp_path: Path, store: Store, suffix: str, preview: bool
) -> None:
    request = FinishRequest.model_validate(
        {
            "picture": as_file(make_clip(tmp_path / "d.mp4", frames=25)),
            "voice": as_file(make_voice(tmp_path / "v.wav", 1)),
            "frames": 25,
            "rate": "25",
            "suffix": suffix,
            "preview": preview,
            "model": "local-preview" if preview else "sync-2",
        }
    )
    done = finish(request, store)
    wanted = SourceType.COMPOSITE if preview else SourceType.COMPOSITE_WITH_TRAINED
    assert read_mark(done.file.path) is wanted
    assert done.notice is not None
    with av.open(str(done.file.path)) as container:
        tags = {name.lower(): text for name, text in container.metadata.items()}
    assert tags["comment"] == done.notice.statement
    if suffix == ".mkv":
        assert tags["digital_source_type"] == wanted
    else:
        assert f'"{wanted}"' in xmp_by_libav(done.file.path)


def test_the_preview_claims_no_trained_model() -> None:
    notice = notice_of(preview=True, model="Local preview")
    assert notice.source_type.term == "composite"
    assert b"AISystemUsed" not in packet(notice)
    assert notice.statement.startswith("Preview: lips drawn")


@pytest.mark.parametrize("preview", [False, True])
def test_what_a_source_says_of_itself_is_not_made_less(
    tmp_path: Path, store: Store, preview: bool
) -> None:
    generated = Notice(source_type=SourceType.TRAINED, statement="An avatar.", system="a model")
    source = marked(clip(tmp_path, "faststart"), generated)
    request = FinishRequest.model_validate(
        {
            "picture": as_file(make_clip(tmp_path / "d.mp4", frames=25)),
            "voice": as_file(make_voice(tmp_path / "v.wav", 1)),
            "source": as_file(source),
            "frames": 25,
            "rate": "25",
            "preview": preview,
        }
    )
    assert read_mark(finish(request, store).file.path) is SourceType.TRAINED


def test_whatever_a_model_is_called_the_packet_stays_xml(tmp_path: Path) -> None:
    from xml.dom.minidom import parseString

    notice = notice_of(preview=False, model=HOSTILE)
    text = packet(notice).decode()
    inner = text[text.index("<x:xmpmeta") : text.index("<?xpacket end")]
    parsed = parseString(inner)  # noqa: S318  our own
    (described,) = parsed.getElementsByTagName("rdf:Description")
    assert described.getAttribute("Iptc4xmpExt:DigitalSourceType") == notice.source_type
    assert "long long" in described.getAttribute("Iptc4xmpExt:AISystemUsed")
    assert read_mark(marked(clip(tmp_path, "faststart"), notice)) is notice.source_type


@pytest.mark.parametrize(
    "written",
    [
        pytest.param('<a Iptc4xmpExt:DigitalSourceType="{}"/>', id="attribute"),
        pytest.param("<a iptcExt:DigitalSourceType='{}'/>", id="another prefix and quote"),
        pytest.param("<Iptc4xmpExt:DigitalSourceType>{}</x>", id="element"),
        pytest.param('<Iptc4xmpExt:DigitalSourceType rdf:resource="{}"/>', id="resource"),
    ],
)
def test_a_term_is_read_however_it_is_written(written: str) -> None:
    for term in SourceType:
        for text in (term.value, term.value.replace("http:", "https:"), term.term):
            assert term_in(written.format(text).encode()) is term
    assert term_in(written.format("urn:something").encode()) is None
    assert known_term(None) is None


def test_a_file_without_a_mark_says_nothing(tmp_path: Path) -> None:
    assert read_mark(clip(tmp_path, "faststart")) is None
    assert read_mark(make_voice(tmp_path / "v.wav", 1)) is None
    assert tags_of(NOTICE, ".mp4").keys() == {"comment"}


def index(kind: bytes, *offsets: int) -> bytes:
    """An index with one track's chunk offsets."""
    form = "I" if kind == b"stco" else "Q"
    content = struct.pack(f">II{len(offsets)}{form}", 0, len(offsets), *offsets)
    for name in (kind, b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        content = struct.pack(">I4s", len(content) + 8, name) + content
    return content


@pytest.mark.parametrize("kind", [b"stco", b"co64"])
def test_only_what_lies_behind_moves(kind: bytes) -> None:
    assert moved(index(kind, 40, 1000, 2**31), 1000, 99) == index(kind, 40, 1099, 2**31 + 99)


def test_an_offset_that_would_not_fit_moves_nothing() -> None:
    assert moved(index(b"stco", 2**32 - 50), 100, 99) is None
    assert moved(index(b"co64", 2**32 - 50), 100, 99) == index(b"co64", 2**32 + 49)
    cut = index(b"stco", 1, 2, 3).replace(struct.pack(">II", 0, 3), struct.pack(">II", 0, 2**31))
    assert moved(cut, 0, 99) is None


def test_a_box_is_as_the_standard_has_it() -> None:
    box = free_box(b"abc", XMP_UUID)
    assert box[:8] == struct.pack(">I4s", 27, b"uuid")
    assert (box[8:24].hex(), box[24:]) == ("be7acfcb97a942e89c71999491e3afac", b"abc")
