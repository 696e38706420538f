"""Assembly: pieces of a source become one film, each piece by the cheapest exact way."""

import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from lipsync.media.copying import copied
from lipsync.media.cut import Copied, Encoded, Piece, begins
from lipsync.media.encoder import Format, Sample, encoded, sets_of
from lipsync.media.film import Spool, film
from lipsync.media.h264 import ParameterSets, free_id
from lipsync.media.look import look_of, look_of_copied
from lipsync.media.source import Source


class Assembly:
    """The pieces of one film and what they share."""

    def __init__(self, source: Source, parts: Sequence[Piece], rate: Fraction) -> None:
        self._source, self._parts = source, parts
        self._units = [unit for part in parts if isinstance(part, Copied) for unit in part.units]
        judge = look_of_copied if self._units else look_of
        self._look = judge(source.facts, source.colour)
        taken = self._own_sets.ids if self._own_sets else set()
        self._format = Format(
            self._look.width_px, self._look.height_px, rate, self._look.tagged, free_id(taken) or 0
        )
        self._spools: list[tuple[Encoded, Spool]] = []

    @property
    def _own_sets(self) -> ParameterSets | None:
        """The parameter sets of what is copied; None when nothing is."""
        return self._source.index.sets if self._units else None

    def write(self, path: Path) -> Iterator[int]:
        """Write the film; yields the frames written so far. Needs room for scratch beside it."""
        sets, own = sets_of(self._format), self._own_sets
        delay = max((unit.delay for unit in self._units), default=0)
        with film(path, self._format, own.joined(sets) if own else sets, delay) as output:
            for place, part in enumerate(self._parts):
                yield from output.add(self._samples(place, part, path.parent))

    def _samples(self, place: int, part: Piece, room: Path) -> Iterator[Sample]:
        if isinstance(part, Copied):
            return copied(self._source.index, part)
        for longer, spool in self._spools:
            if begins(part, longer):
                return spool.again(part.frames)
        fresh = encoded(self._source.frames(part.pictures, self._look, room), self._format)
        later = self._parts[place + 1 :]
        if any(isinstance(other, Encoded) and begins(other, part) for other in later):
            spool = Spool(tempfile.TemporaryFile(dir=room))  # noqa: SIM115  lives as long as this
            self._spools.append((part, spool))
            return spool.kept(fresh)
        return fresh
