"""Fitting: the stage that makes both sides of a pair equally long, as it was planned."""

from functools import partial

from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.fit import FittedPair, FittedPicture, picture_plan
from lipsync.home import Home
from lipsync.progress import tell
from lipsync.requests import ConformRequest, PictureRequest
from lipsync.store import store_at
from lipsync.values import File
from lipsync.workshop import Workshop

# Raised whenever the stage's result changes for the same input, the imprint of what is sent
# included: what was kept is made again.
FIT = 1


def fit(shop: Workshop, decision: Decision) -> Made[FittedPair]:
    """Carry out the fit plan: the pair that leaves has equal lengths within one frame.

    Raises:
        MediaError: A side is damaged, or shorter than the plan needs.
    """
    request = ConformRequest(
        video=decision.pair.video.file,
        video_facts=decision.pair.picture,
        plan=decision.plan,
        voice=decision.voice.file,
    )
    with shop.naming():
        picture, voice = _fitted_picture(shop, request), _fitted_voice(shop, request)
    fitted = FittedPair(
        video=picture.value.video,
        voice=voice.value,
        frames=picture.value.frames,
        rate=decision.plan.rate,
        copied_frames=picture.value.copied_frames,
        encoded_frames=picture.value.encoded_frames,
        imprint=picture.value.imprint,
    )
    return Made(fitted, picture.cached and voice.cached, picture.seconds + voice.seconds)


def _fitted_picture(shop: Workshop, request: ConformRequest) -> Made[FittedPicture]:
    """Conform the picture: once for all voices that want the same of it."""
    picture = PictureRequest(
        video=request.video,
        video_facts=request.video_facts,
        plan=picture_plan(request.plan),
        imprint=True,
    )
    make = partial(shop.doing, _conformed, picture, shop.home)
    return shop.cache.made("fit-picture", FIT, picture, FittedPicture, make)


def _conformed(request: PictureRequest, home: Home) -> FittedPicture:
    from lipsync.conform import conform_picture  # noqa: PLC0415  see the module

    return conform_picture(request, store_at(home), progress=partial(tell, "fit"))


def _fitted_voice(shop: Workshop, request: ConformRequest) -> Made[File]:
    """Conform the voice."""

    def make() -> File:
        from lipsync.conform import conform_voice  # noqa: PLC0415  see the module

        return conform_voice(request, shop.store)

    return shop.cache.made("fit-voice", FIT, request, File, make)
