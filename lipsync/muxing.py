"""Muxing: the voices of several dubs put on one picture, with the mark of what it is."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from lipsync.carrying import Stretch
from lipsync.disclosure import Notice
from lipsync.facts import MediaFacts, VideoFacts, picture_of, voice_of
from lipsync.marking import mark, read_mark, tags_of
from lipsync.media.boxes import boxes_of
from lipsync.media.mux import Track, kept_tags, mux, read_tags
from lipsync.media.sound import AudioReader
from lipsync.media.soundtrack import encode
from lipsync.probe import probe
from lipsync.store import Store
from lipsync.voice import SoundFormat
from lipsync.voices import Muxed, MuxRequest, VoiceTrack, check_lengths, flags, is_copied

# C2PA Technical Specification, embedding manifests into BMFF-based assets: the box's user type.
C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
# Ours: a second generation of AAC should not be heard.
AGAIN = SoundFormat(bit_rate=320_000)


def mux_voices(request: MuxRequest, store: Store) -> Muxed:
    """Put voices on a picture, every packet copied where that can be.

    Raises:
        MediaError: A file cannot be read, has no picture or no voice, or a voice is too long.
        UsageError: A flag names a language that is not there.
        StorageError: There is no room.
    """
    tracks = [track for track, _ in request.voices]
    flags(tracks, request.default, request.forced)  # refused before anything is read
    seen = probe(request.picture)
    heard = [probe(file) for _, file in request.voices]
    notes = check_lengths(seen, heard)
    notice, said = _notice(request.picture.path)
    with ExitStack() as stack:
        scratch = [stack.enter_context(store.scratch(_room(request.suffix))) for _ in tracks]
        muxed, output = (stack.enter_context(store.scratch(request.suffix)) for _ in range(2))
        paths = [
            _ready(facts, place, request.suffix)
            for facts, place in zip(heard, scratch, strict=True)
        ]
        voices = _flagged(tracks, paths, request)
        kept = kept_tags(read_tags(request.picture.path))
        done = mux(
            request.picture.path,
            voices,
            muxed,
            tags=kept | _tags(notice, request.suffix),
            source=request.picture.path,
            stretch=_whole(picture_of(seen)),
        )
        _mark(muxed, output, notice)
        again = [one.path.name for one, path in zip(tracks, paths, strict=True) if path in scratch]
        return Muxed(
            file=store.keep(output, request.suffix),
            languages=tuple(one.language for one in tracks),
            source_type=notice.source_type if notice else None,
            notes=(*notes, *done.notes, *said, *_encoded_again(again, request.suffix)),
        )


def _flagged(
    tracks: Sequence[VoiceTrack], paths: Sequence[Path], request: MuxRequest
) -> list[Track]:
    default, forced = flags(tracks, request.default, request.forced)
    return [
        Track(path, one.language, one.title, one.language == default, one.language in forced)
        for path, one in zip(paths, tracks, strict=True)
    ]


def _room(suffix: str) -> str:
    return ".mka" if suffix == ".mkv" else ".m4a"


def _ready(facts: MediaFacts, place: Path, suffix: str) -> Path:
    """Return a voice that can be copied: as it is, or encoded to AAC."""
    if is_copied(facts.file.path, voice_of(facts), suffix):
        return facts.file.path
    encode(AudioReader(facts.file.path).blocks(), place, AGAIN)
    return place


def _whole(picture: VideoFacts) -> Stretch:
    return Stretch(start_s=max(0.0, picture.start_s), length_s=max(picture.duration_s, 0.001))


def _notice(picture: Path) -> tuple[Notice | None, tuple[str, ...]]:
    """Read what a picture says of itself; the notice goes into the new file too."""
    found = read_mark(picture)
    lost = "a C2PA signature of the picture does not survive; sign the new file again"
    said = (lost,) if _is_signed(picture) else ()
    if found is None:
        return None, (*said, "the picture carries no mark of its origin, so neither does this")
    statement = read_tags(picture).get("comment") or "Lips re-generated to match a dubbed voice."
    return Notice(source_type=found, statement=statement, system=None), said


def _is_signed(path: Path) -> bool:
    """Say whether an MP4 or MOV file carries a C2PA manifest."""
    with path.open("rb") as stream:
        if stream.read(8)[4:] != b"ftyp":
            return False
        for box in boxes_of(stream, 0, path.stat().st_size):
            if box.name == "uuid":
                stream.seek(box.at + box.header)
                if stream.read(len(C2PA_UUID)) == C2PA_UUID:
                    return True
    return False


def _tags(notice: Notice | None, suffix: str) -> dict[str, str]:
    return tags_of(notice, suffix) if notice else {}


def _mark(muxed: Path, output: Path, notice: Notice | None) -> None:
    if notice is None:
        muxed.replace(output)
    else:
        mark(muxed, output, notice)


def _encoded_again(names: Sequence[str], suffix: str) -> tuple[str, ...]:
    if not names:
        return ()
    return (f"encoded to AAC for {suffix}: {', '.join(names)}",)
