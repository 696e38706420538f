"""Remarks: what finish has to say about the sound of an output."""

from lipsync.bed import BedMix
from lipsync.requests import SoundRequest
from lipsync.voice import Gate, Loudness, LoudnessTarget

# Ours: nobody hears that a peak is lower by less.
WORTH_SAYING_DB = 0.2


def remarks(
    request: SoundRequest,
    loudness: Loudness,
    target: LoudnessTarget,
    ceiling_dbtp: float | None,
    bed: BedMix | None,
) -> tuple[str, ...]:
    """Say what was measured where somebody could not know it, one sentence each.

    Args:
        request: What was asked for.
        loudness: Of the output, as decoded again.
        target: What it is held to, its gate chosen.
        ceiling_dbtp: Where its peaks were limited in the end; None: they were not.
        bed: What lies under the voice.
    """
    return (
        *_peaks(loudness, target, ceiling_dbtp),
        *_gate(request, loudness, target),
        *_under(request, bed),
        *((request.sound.note,) if request.sound.note else ()),
    )


def _peaks(
    loudness: Loudness, target: LoudnessTarget, ceiling_dbtp: float | None
) -> tuple[str, ...]:
    if loudness.true_peak_dbtp > target.true_peak_dbtp:
        note = (
            f"the encoded voice peaks at {loudness.true_peak_dbtp:.2f} dBTP, over its limit of "
            f"{target.true_peak_dbtp:.1f}, as often as it was encoded"
        )
        return (note,)
    if ceiling_dbtp is None or ceiling_dbtp > target.true_peak_dbtp - WORTH_SAYING_DB:
        return ()
    return (f"peaks limited to {ceiling_dbtp:.2f} dBTP so that AAC keeps its limit",)


def _gate(request: SoundRequest, loudness: Loudness, target: LoudnessTarget) -> tuple[str, ...]:
    """Name the gate, and the other figure beside it."""
    if request.target.gate is Gate.PROGRAMME:
        return ()
    share = loudness.dialogue_share or 0.0
    if target.gate is Gate.PROGRAMME:
        said = (
            f"{share:.0%} of it is speech, too little for a dialogue gate: held to "
            f"{target.integrated_lufs:g} LUFS over the programme"
        )
        return (said,)
    said = (
        f"{loudness.by(Gate.DIALOGUE):.1f} LUFS over its speech ({share:.0%} of it; Dubline's "
        f"dialogue gate, BS.1770-1), {loudness.integrated_lufs:.1f} LUFS over the programme"
    )
    return (said,)


def _under(request: SoundRequest, bed: BedMix | None) -> tuple[str, ...]:
    if request.bed is None or bed is None:
        return ()
    if bed.bed_lufs <= bed.voice_lufs + request.bed.level_lu - 1:
        soft = f"the bed is silent or too soft to be raised to {request.bed.level_lu:g} LU"
        return (soft, *request.bed.notes)
    up = f", up to {bed.lift_db:g} dB more in its pauses" if bed.lift_db else ""
    voice = f"the voice ({bed.voice_lufs:.1f} LUFS) while it speaks"
    return (f"bed {-bed.level_lu:.1f} LU below {voice}{up}", *request.bed.notes)
