"""Admission: what is refused before anything is made, sent or waited for.

`inspect` opens both files, counts their packets and keeps what it found; the faces, which take
longest, are looked for by the stage `probe`.
"""

from pathlib import Path

from lipsync.bed import Bed, bed_of
from lipsync.cache import Made
from lipsync.decision import Asked, Decision, Pair, check_bed, check_pair
from lipsync.errors import MediaError, UsageError
from lipsync.facts import FaceFacts, MediaFacts, VideoFacts
from lipsync.links import Link
from lipsync.output import check_output, default_output, refuse_to_overwrite
from lipsync.params import DubParams
from lipsync.pictures import refuse_foreign_pictures
from lipsync.profiles import Profile, profile_named
from lipsync.telling import output_of
from lipsync.timing import seconds
from lipsync.values import File, Value
from lipsync.voice import LoudnessTarget
from lipsync.workshop import Workshop

# Raised whenever a look finds something else in the same file.
PROBE = 2


class Look(Value):
    """What probing a file is asked for."""

    file: File
    faces: bool


class Seen(Value):
    """What a look at a file found."""

    facts: MediaFacts
    faces: FaceFacts | None


def target(params: DubParams) -> LoudnessTarget:
    """Say how loud the voice shall be: the profile's target, unless a loudness is given.

    Raises:
        UsageError: There is no such profile.
    """
    wanted = profile_named(params.profile).target
    if params.loudness_lufs is None:
        return wanted
    own = {"integrated_lufs": params.loudness_lufs, "without_dialogue_lufs": None}
    return wanted.model_copy(update=own | {"keep_level": False})


def admit(shop: Workshop, params: DubParams) -> None:
    """Refuse at once what needs no look inside: a missing input, an output that cannot be.

    Only for a dub that shall be made: a plan writes no output.

    Raises:
        MediaError: An input is missing, unreadable, empty, or no regular file.
        UsageError: The output is an input, a folder, of an unknown container, or something else.
        StorageError: The output's folder cannot be written.
    """
    inputs = (params.video, params.voice, *bed_given(params))
    shop.renew(*inputs)
    wanted = asked(shop, params)
    if params.output is None:  # its name depends on the model, its folder does not
        check_output(default_output(*inputs[:2], preview=True), inputs)
        return
    check_output(params.output, inputs)
    check_container(params.output, profile_named(params.profile))
    if not params.overwrite:
        refuse_to_overwrite(shop.store, params.output, wanted.key)
    refuse_foreign_pictures(params, params.output)


def inspect(shop: Workshop, params: DubParams) -> None:
    """Refuse what the headers and packets of both files give away, in a fraction of a second.

    Everything `probe` refuses but what takes a look at the pictures; a command asks this before it
    makes anybody wait. What is found is kept for `probe`.

    Raises:
        MediaError: A file cannot be used, has no picture, or no sound, or the trim lies outside.
        UsageError: There is no such profile, or as `admit`.
        StorageError: As `admit`.
    """
    admit(shop, params)
    target(params)
    with shop.naming():
        video, voice = (_facts(shop, given) for given in (params.video, params.voice))
        check_pair(params, video, voice)
        check_bed(params, video, bed_facts(shop, params))


def bed_facts(shop: Workshop, params: DubParams) -> MediaFacts | None:
    """Look into the file a bed is taken from; None: there is no such file."""
    return _facts(shop, params.bed_file) if params.bed_file else None


def bed_wanted(shop: Workshop, params: DubParams, decision: Decision) -> Bed | None:
    """Say what is mixed under the voice; None: nothing is."""
    if params.bed == "none":
        return None
    plan, picture = decision.plan, decision.pair.picture
    own = params.bed_file is None
    sound = decision.pair.video.file
    if params.bed_file is not None:
        sound = shop.file(params.bed_file)
    profile_lu = profile_named(params.profile).bed_level_lu
    return bed_of(
        plan,
        sound,
        own=own,
        mode=params.bed,
        level_lu=profile_lu if params.bed_level_lu is None else params.bed_level_lu,
        # A file of its own begins with the first picture; the video's sound with its container.
        starts_s=seconds(plan.first_frame, plan.rate) + (max(0.0, picture.start_s) if own else 0),
    )


def bed_given(params: DubParams) -> tuple[Path, ...]:
    """Name the file a bed is taken from, if there is one."""
    return (params.bed_file,) if params.bed_file else ()


def check_container(output: Path, profile: Profile) -> None:
    """Refuse a container that a profile does not take.

    Raises:
        UsageError: The message names those it takes.
    """
    taken = profile.containers
    if taken and output.suffix.lower() not in taken:
        raise UsageError(
            f"{output}: the profile {profile.id} takes {', '.join(taken)}; end the output in one "
            "of them, or choose another profile"
        )


def _facts(shop: Workshop, given: Path | Link) -> MediaFacts:
    return seen(shop, Look(file=shop.file(given), faces=False)).value.facts


def keep_what_is_there(shop: Workshop, params: DubParams, decision: Decision) -> None:
    """Refuse to write over something else, once the model says what the output is called.

    Raises:
        UsageError: Something else is there.
    """
    if not params.overwrite:
        wanted = asked(shop, params, decision.pair)
        refuse_to_overwrite(shop.store, output_of(params, decision), wanted.key)
    refuse_foreign_pictures(params, output_of(params, decision))


def asked(shop: Workshop, params: DubParams, pair: Pair | None = None) -> Asked:
    """Say what is asked for, by the bytes of the inputs.

    Args:
        shop: Knows them.
        params: The wish.
        pair: What was probed for it; behind a link there may be another file by now.
    """
    probed = (None, None) if pair is None else (pair.video.file, pair.voice.file)
    video, voice = _file(shop, params.video, probed[0]), _file(shop, params.voice, probed[1])
    bed = shop.file(params.bed_file) if params.bed_file else None
    return Asked.of(params, video, voice, bed)


def _file(shop: Workshop, given: Path | Link, probed: File | None) -> File:
    return probed if probed and isinstance(given, Link) else shop.file(given)


def seen(shop: Workshop, look: Look) -> Made[Seen]:
    """Look at a file, unless that was done before.

    Raises:
        MediaError: It cannot be used.
    """

    def make() -> Seen:
        if look.faces:
            facts = seen(shop, look.model_copy(update={"faces": False})).value.facts
            return Seen(facts=facts, faces=facts.video and _faces(look.file, facts.video))
        from lipsync.probe import probe as probe_file  # noqa: PLC0415  media libraries, for news only

        return Seen(facts=probe_file(look.file), faces=None)

    return shop.cache.made("probe", PROBE, look, Seen, make)


def _faces(file: File, picture: VideoFacts) -> FaceFacts:
    """Look for faces; a picture that cannot be decoded on the way is a reason to count them all."""
    from lipsync.faces import look as look_for_faces  # noqa: PLC0415  loads OpenCV
    from lipsync.media.damage import damaged_frames  # noqa: PLC0415  as above

    try:
        return look_for_faces(file.path, picture)
    except MediaError as error:
        found = damaged_frames(file.path)
        broken = found.damaged_frames + found.lost_packets
        if not broken:
            raise
        raise MediaError(
            f"{file.path}: {broken} of its {picture.frames} pictures are damaged; "
            "copy or export it again"
        ) from error
