"""`dubline plan`: what a dub would be and cost, without a flow, a server or a cent."""

from typing import Any

from rich.console import Console

from flows.cli.answering import answer, answered, valid
from flows.cli.opening import opened
from flows.cli.watching import watched


def run_plan(fields: dict[str, Any], *, as_json: bool) -> None:
    """Hold one pair against every model of the catalogue and print the choices."""
    from lipsync import stages  # noqa: PLC0415  media libraries, not needed by --help

    with answered(as_json=as_json), opened() as shop:
        params = valid(fields)
        with watched():
            pair = stages.probe(shop, params).value
            voice = stages.normalize(shop, params, pair).value
            decision = stages.select(shop, params, pair, voice).value
        _show(decision, as_json=as_json)


def _show(decision: Any, *, as_json: bool) -> None:
    mismatch, plan = decision.plan.mismatch, decision.plan
    if as_json:
        answer(
            {
                "video_s": mismatch.video_s,
                "voice_s": mismatch.voice_s,
                "mismatch_s": mismatch.mismatch_s,
                "mismatch_frames": mismatch.mismatch_frames,
                "ratio": mismatch.ratio,
                "longer": mismatch.longer,
                "sync_mode": plan.sync_mode,
                "sync_reason": plan.reason,
                "predicted_s": plan.predicted_s,
                "warnings": plan.warnings,
                "chosen": decision.selection.chosen,
                "choices": [c.model_dump(mode="json") for c in decision.selection.choices],
            }
        )
        return
    from flows.cli.showing import show_choices  # noqa: PLC0415  a script needs no tables

    show_choices(decision.selection.choices)
    out = Console()
    lines = (
        f"video {mismatch.video_s:.3f} s, voice {mismatch.voice_s:.3f} s",
        f"mismatch {mismatch.mismatch_s:+.3f} s ({mismatch.mismatch_frames:+.1f} frames)",
        f"fit {plan.sync_mode}: {plan.reason}",
        *(f"warning: {warning}" for warning in plan.warnings),
        f"would take {decision.selection.chosen}; nothing was sent",
    )
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
