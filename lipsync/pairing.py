"""Pairing: which voice goes with which video, by their names alone."""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from pydantic import Field

from lipsync.languages import canonical_tag, tag_fault
from lipsync.values import Value

# Ours: what cameras, editors and dubbing studios deliver; what is inside is probed, not believed.
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".m4v", ".avi", ".mpg", ".mxf", ".ts")
VOICE_SUFFIXES = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".aif", ".aiff")
# What browsers, sync tools and editors call a file that is not there yet.
_PARTIAL = (".part", ".partial", ".crdownload", ".download", ".tmp", ".filepart", ".aria2", "~")
# What finished dubs and previews are called (`lipsync.output`).
_OURS = re.compile(r"\.(?:dub|preview)\.(?:mp4|mov|mkv)$", re.IGNORECASE)
# A name a stranger chose becomes part of one of ours: letters of any script, no marks but these.
_UNSAFE = re.compile(r"[^\w .()+-]")
# Ours: leaves room in a name of 255 bytes, the most a file system takes, in any script.
_STEM_CHARS = 50
_LINK = re.compile(r"https?://", re.IGNORECASE)


class Match(Value):
    """A video and one voice for it, as they are called in their folder."""

    video: str
    voice: str
    language: str


class Stray(Value):
    """A file of the folder that makes no dub."""

    name: str
    reason: str
    clash: bool = Field(default=False, description="It would be one, but for another file.")


class Pairing(Value):
    """What the files of a folder are to each other, in the order of the voices' names."""

    matches: tuple[Match, ...]
    strays: tuple[Stray, ...]


def link_fault(text: str) -> str | None:
    """Say why an address leads nowhere; None when it may lead to a file."""
    try:
        host = urlsplit(text).hostname
    except ValueError:  # a bracket that is not closed
        host = None
    return None if host else "is no whole link; copy it again"


def is_link(text: str) -> bool:
    """Say whether a cell holds an address instead of a path."""
    return _LINK.match(text) is not None


@lru_cache(maxsize=4096)  # ours: one video has many voices, and its name is asked for each
def stem_of(text: str) -> str:
    """Take the name out of a path or a link, without folder, suffix and query.

    >>> stem_of("in/talk.de.wav"), stem_of("https://host/a/talk%20one.mp4?key=1")
    ('talk.de', 'talk one')
    >>> stem_of("https://host/?id=3")
    'host'
    """
    if not is_link(text):
        return normalize("NFC", PurePosixPath(text).stem)
    parts = urlsplit(text)
    named = PurePosixPath(unquote(parts.path)).stem or parts.hostname or ""
    return _UNSAFE.sub("_", normalize("NFC", named))[:_STEM_CHARS]


def is_passed_over(name: str) -> bool:
    """Say whether a file is hidden, still on its way, or a dub of ours.

    >>> is_passed_over(".talk.mp4"), is_passed_over("talk.mp4.part"), is_passed_over("talk.mp4")
    (True, True, False)
    """
    hidden = name.startswith((".", "~$"))
    return hidden or name.lower().endswith(_PARTIAL) or _OURS.search(name) is not None


def pairing(names: Iterable[str]) -> Pairing:
    """Pair the files of one folder: `name.mp4` with `name.<language>.wav`.

    Args:
        names: What the folder holds, without paths; what is neither video nor voice is ignored.
    """
    kept = sorted(name for name in names if not is_passed_over(name))
    videos = defaultdict(list)
    for name in kept:
        if name.lower().endswith(VIDEO_SUFFIXES):
            videos[stem_of(name)].append(name)
    voices = [name for name in kept if name.lower().endswith(VOICE_SUFFIXES)]
    found = [_matched(voice, videos) for voice in voices]
    matches = [one for one in found if isinstance(one, Match)]
    strays = [one for one in found if isinstance(one, Stray)]
    strays += _without_voice(videos, matches, strays)
    return _without_twins(matches, strays)


def _matched(voice: str, videos: dict[str, list[str]]) -> Match | Stray:
    """Find the one video a voice is for."""
    stem, _, tag = stem_of(voice).rpartition(".")
    if not stem:
        like = f"{tag}.<language>{PurePosixPath(voice).suffix}"
        return Stray(name=voice, reason=f"names no language; call it {like}")
    if stem not in videos:
        return Stray(name=voice, reason=f"has no video; there is no {stem}.mp4 or the like")
    if fault := tag_fault(tag):
        return Stray(name=voice, reason=f"'{tag}' {fault}")
    if len(videos[stem]) > 1:
        reason = f"may go with {' or '.join(videos[stem])}; keep one of them"
        return Stray(name=voice, reason=reason, clash=True)
    return Match(video=videos[stem][0], voice=voice, language=canonical_tag(tag))


def _without_voice(
    videos: dict[str, list[str]], matches: list[Match], strays: list[Stray]
) -> list[Stray]:
    """Find the videos nobody has dubbed yet, or whose voices are called wrongly."""
    used = {match.video for match in matches}
    named = {stem_of(stray.name).rpartition(".")[0] for stray in strays}
    return [
        Stray(name=name, reason=f"has no voice; call it {stem}.<language>.wav")
        for stem, names in videos.items()
        for name in names
        if name not in used and stem not in named
    ]


def _without_twins(matches: list[Match], strays: list[Stray]) -> Pairing:
    """Set two voices of one video in one language aside: one of them is too many."""
    alike = defaultdict(list)
    for match in matches:
        alike[match.video, match.language].append(match.voice)
    twins = {voice: names for names in alike.values() if len(names) > 1 for voice in names}
    strays += [_twin(voice, names) for voice, names in twins.items()]
    kept = tuple(match for match in matches if match.voice not in twins)
    return Pairing(matches=kept, strays=tuple(sorted(strays, key=lambda stray: stray.name)))


def _twin(voice: str, names: list[str]) -> Stray:
    others = " and ".join(name for name in names if name != voice)
    return Stray(name=voice, reason=f"makes the same dub as {others}; keep one", clash=True)


class Couples(Value):
    """Videos and voices of two patterns, paired by name."""

    pairs: tuple[tuple[str, str], ...]
    videos: tuple[str, ...] = Field(description="Those no voice goes with.")
    voices: tuple[str, ...] = Field(description="Those no video goes with.")


def couples(videos: Iterable[str], voices: Iterable[str]) -> Couples:
    """Pair `name` with `name` and with every `name.<anything>`: the longest name wins.

    >>> couples(["in/a.mp4", "in/b.mp4"], ["vo/a.de.wav", "vo/c.wav"]).pairs
    (('in/a.mp4', 'vo/a.de.wav'),)
    """
    named = defaultdict(list)
    for video in videos:
        named[stem_of(video)].append(video)
    pairs, lone = [], []
    for voice in voices:
        stem = stem_of(voice)
        while stem and stem not in named:
            stem = stem.rpartition(".")[0]
        near = named.get(stem, [])
        beside = [one for one in near if PurePosixPath(one).parent == PurePosixPath(voice).parent]
        chosen = near if len(near) == 1 else beside
        pairs += [(chosen[0], voice)] if len(chosen) == 1 else []
        lone += [] if len(chosen) == 1 else [voice]
    used = {video for video, _ in pairs}
    unused = (video for group in named.values() for video in group if video not in used)
    return Couples(pairs=tuple(pairs), videos=tuple(unused), voices=tuple(lone))
