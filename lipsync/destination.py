"""Destination: how a pair of an inbox is dubbed, and what its dub is called in the outbox."""

from pathlib import Path

from pydantic import Field

from lipsync.admission import Look, asked, seen
from lipsync.arrivals import output_name
from lipsync.errors import MediaError, UsageError
from lipsync.facts import MediaFacts, picture_of, voice_of
from lipsync.inbox import Attempt
from lipsync.intake import Contents
from lipsync.output import is_the_dub, record_path
from lipsync.pairing import Match
from lipsync.params import DubParams
from lipsync.values import File, Value
from lipsync.watch_params import WatchParams
from lipsync.workshop import Workshop

# What a watched folder says of all its dubs.
_SHARED = {"model", "policy", "budget_usd", "sync_mode", "profile"}


class Wanted(Value):
    """A pair that could be dubbed now."""

    key: str
    match: Match
    contents: Contents
    output: Path
    params: DubParams
    said: str = Field(default="", description="Why it was not dubbed at the last try.")


def is_preview(shop: Workshop, params: WatchParams) -> bool:
    """Say whether the dubs will be previews, which their names say.

    Raises:
        UsageError: There is no such model.
    """
    models = shop.catalogue.models
    if params.model is None:
        closed = {name for name, why in shop.availability.items() if why is not None}
        return all(model.preview for model in models.values() if model.vendor not in closed)
    if params.model not in models:
        raise UsageError(f"{params.model}: there is no such model; `dubline models` lists them")
    return models[params.model].preview


def wanted(  # noqa: PLR0913  a pair, what is known of it, and how all are dubbed
    shop: Workshop,
    params: WatchParams,
    match: Match,
    contents: Contents,
    attempt: Attempt,
    *,
    preview: bool,
) -> Wanted:
    """Say how a pair is dubbed, and where to.

    What lies in the outbox stays there: a name that is another dub's gets a piece of our key.

    Args:
        shop: Whose dubs are known.
        params: How the dubs of this inbox are made.
        match: The pair by its names.
        contents: The pair by its bytes.
        attempt: What became of it so far.
        preview: Whether its dub will be a preview.
    """
    names = [output_name(match, preview=preview, tag=tag) for tag in ("", contents.key[:8])]
    places = [contents.outbox / name for name in names]
    plain = DubParams(
        video=contents.video.path,
        voice=contents.voice.path,
        output=places[0],
        **params.model_dump(include=_SHARED),
    )
    # A worker that was killed may have left its output without the record that comes after it.
    left = attempt.output == str(places[0]) and not record_path(places[0]).exists()
    ours = left or not places[0].exists() or is_there(shop, plain, places[0])
    output = places[0] if ours else places[1]
    change = {"output": output, "overwrite": left}
    return Wanted(
        key=contents.key,
        match=match,
        contents=contents,
        output=output,
        params=plain.model_copy(update=change),
        said=attempt.said,
    )


def is_there(shop: Workshop, params: DubParams, output: Path) -> bool:
    """Say whether the outbox has this very dub already."""
    return output.is_file() and is_the_dub(shop.store, output, asked(shop, params).key)


def check_whole(shop: Workshop, contents: Contents) -> None:
    """Refuse a pair of which a file does not open, or is cut off.

    Raises:
        MediaError: With the path of that file in front.
    """
    video, voice = (_facts(shop, file) for file in (contents.video, contents.voice))
    picture_of(video)
    voice_of(voice)
    for facts in (video, voice):
        if facts.missing is not None:
            raise MediaError(
                f"{facts.file.path}: is cut off or damaged: {facts.missing}; copy it again"
            )


def _facts(shop: Workshop, file: File) -> MediaFacts:
    return seen(shop, Look(file=file, faces=False)).value.facts
