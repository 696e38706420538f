"""Voices: several of them for one picture, each with its language, its title and its flags."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from lipsync.disclosure import SourceType
from lipsync.errors import MediaError, UsageError
from lipsync.facts import AudioFacts, MediaFacts, picture_of, voice_of
from lipsync.languages import language_code
from lipsync.values import File, Value

# Ours: a frame at 25 per second, and an AAC frame of padding; more is another dub's length.
LONGER_S = 0.1
# The two families that each mark an encoder's priming in their own way.
_MATROSKA = (".mkv", ".mka", ".webm")
# What is copied into either family as it is.
_COPIED = {"aac", "ac3", "eac3", "alac", "flac", "opus", "mp3"}
_COPIED_PCM = {"pcm_s16le", "pcm_s24le"}


class VoiceTrack(Value):
    """A voice as somebody names it: `de=a.mp4`, or `de@Commentary=a.mp4`."""

    path: Path
    language: str = Field(pattern=r"^[a-z]{3}$", description="ISO 639-2, e.g. 'deu'.")
    title: str | None = None


class MuxRequest(Value):
    """One picture and its voices."""

    picture: File
    voices: tuple[tuple[VoiceTrack, File], ...]
    suffix: str
    default: str | None = Field(default=None, description="Language; None: the first voice's.")
    forced: tuple[str, ...] = ()


class Muxed(Value):
    """What was made."""

    file: File
    languages: tuple[str, ...]
    source_type: SourceType | None = Field(description="What the file says it is; None: nothing.")
    notes: tuple[str, ...] = ()


def read_track(text: str) -> VoiceTrack:
    """Read LANGUAGE=FILE or LANGUAGE@TITLE=FILE.

    Raises:
        UsageError: It is neither, or the language is none.

    >>> read_track("pt-BR@Diretor=a=b.mp4")
    VoiceTrack(path=PosixPath('a=b.mp4'), language='por', title='Diretor')
    """
    named, sign, path = text.partition("=")
    language, _, title = named.partition("@")
    if not (sign and path and language):
        raise UsageError(f"--voice {text}: write LANGUAGE=FILE, e.g. --voice de=german.mp4")
    return VoiceTrack(path=Path(path), language=_code(language, "--voice"), title=title or None)


def _code(language: str, option: str) -> str:
    try:
        return language_code(language)
    except ValueError as error:
        raise UsageError(f"{option} {error}") from error


def flags(
    tracks: Sequence[VoiceTrack], default: str | None, forced: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """Read which language plays by default, and which are forced.

    Raises:
        UsageError: A language is named that no voice has.
    """
    there = [track.language for track in tracks]
    wanted = there[0] if default is None else _code(default, "--default")
    marked = tuple(_code(one, "--forced") for one in forced)
    for language in (wanted, *marked):
        if language not in there:
            raise UsageError(f"there is no voice in {language!r}; there are {', '.join(there)}")
    return wanted, marked


def check_lengths(picture: MediaFacts, voices: Sequence[MediaFacts]) -> tuple[str, ...]:
    """Hold every voice against the picture.

    Returns:
        A sentence for each that is shorter.

    Raises:
        MediaError: A voice goes on after the picture: it was made for another length.
    """
    length_s = picture_of(picture).duration_s
    found = []
    for facts in voices:
        over_s = _end_s(voice_of(facts)) - length_s
        if over_s > LONGER_S:
            raise MediaError(
                f"{facts.file.path}: its voice goes on for {over_s:.2f} s after the picture of "
                f"{picture.file.path} ({length_s:.2f} s); dub it to that length, e.g. with "
                "--sync-mode cut_off"
            )
        if over_s < -LONGER_S:
            found.append(f"{facts.file.path.name} is silent for the last {-over_s:.2f} s")
    return tuple(found)


def _end_s(voice: AudioFacts) -> float:
    return voice.start_s + voice.duration_s


def is_copied(path: Path, voice: AudioFacts, suffix: str) -> bool:
    """Say whether a voice goes into a container as it is.

    Between MP4 and Matroska nothing that an encoder has primed is copied: the mark that hides the
    priming would be lost, and the voice late by it (21 ms of AAC).
    """
    if voice.codec in _COPIED_PCM:
        return suffix != ".mp4"
    same = (path.suffix.lower() in _MATROSKA) == (suffix == ".mkv")
    return same and voice.codec in _COPIED
