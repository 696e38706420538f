"""The commands and their options; what they do is in the modules beside this one."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.mux_app import mux
from flows.cli.requests_app import requests
from flows.cli.review_app import review

app = typer.Typer(
    name="dubline",
    help="Video and dubbed voice in, lip-synced video out, each dub paid for exactly once.",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich's help costs 0.25 s of imports; plain help is there in 0.1 s
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class PolicyName(StrEnum):
    """The policies of `lipsync.catalogue`, as a menu that costs no import."""

    CHEAPEST = "cheapest"
    BALANCED = "balanced"
    BEST = "best"
    FASTEST = "fastest"
    AUTO = "auto"


class SyncName(StrEnum):
    """The sync modes of `lipsync.fit`, and auto."""

    AUTO = "auto"
    CUT_OFF = "cut_off"
    LOOP = "loop"
    BOUNCE = "bounce"
    SILENCE = "silence"
    REMAP = "remap"


class PartingName(StrEnum):
    """What becomes of a paid job when the run is interrupted."""

    LEAVE = "leave"
    CANCEL = "cancel"


class RenderName(StrEnum):
    """How the emulator makes its results."""

    MUX = "mux"
    ENGINE = "engine"


class BedName(StrEnum):
    """What lies under the voice."""

    NONE = "none"
    KEEP = "keep"
    DUCK = "duck"


class FitName(StrEnum):
    """Who makes the lengths equal."""

    LOCAL = "local"
    VENDOR = "vendor"


app.add_typer(requests)
app.command()(review)
app.command()(mux)


def _model_ids(incomplete: str) -> list[str]:
    """Complete a model's id in the shell."""
    from lipsync.shelf import load_catalogue  # noqa: PLC0415  only the shell's completion needs it

    return [name for name in load_catalogue().models if name.startswith(incomplete)]


Video = Annotated[Path, typer.Argument(help="The video.", metavar="VIDEO")]
Voice = Annotated[
    Path, typer.Argument(help="The dubbed voice: sound, or a video with sound.", metavar="VOICE")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Where the dub goes (.mp4, .mov, .mkv).")
]
Model = Annotated[
    str | None, typer.Option(help="Take this model of the catalogue.", autocompletion=_model_ids)
]
Policy = Annotated[PolicyName, typer.Option(help="How the models that fit are ranked.")]
Sync = Annotated[SyncName, typer.Option("--sync-mode", help="How unequal lengths are made equal.")]
Fit = Annotated[FitName, typer.Option("--fit", help="Who makes the lengths equal.")]
KeepPicture = Annotated[
    bool, typer.Option(help="With auto, never cut the picture when it is longer.")
]
Trim = Annotated[
    str | None,
    typer.Option(help="Stretch of the video, START:END, seconds or h:mm:ss.fff.", metavar="S:E"),
]
Track = Annotated[int, typer.Option("--voice-track", help="Audio track of the voice, from 0.")]
TrimSilence = Annotated[bool, typer.Option(help="Take the silence off the voice's edges.")]
Profile = Annotated[str, typer.Option(help="Delivery profile: sets loudness, codec and container.")]
LoudnessLufs = Annotated[
    float | None, typer.Option("--loudness", help="Integrated loudness in LUFS, e.g. -16.")
]
Budget = Annotated[
    float | None, typer.Option("--budget", help="Refuse anything dearer, in US dollars.", min=0)
]
Generation = Annotated[int, typer.Option(help="Raise it to buy the same dub again on purpose.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", help="What else the model takes; again for more.", metavar="N=V"),
]
OnInterrupt = Annotated[
    PartingName | None,
    typer.Option(help="Ctrl-C: leave a paid job, or cancel it; else you are asked."),
]
Bed = Annotated[
    BedName, typer.Option("--bed", help="Music under the voice: none, kept, or up in its pauses.")
]
BedFile = Annotated[Path | None, typer.Option(help="The bed; else the video's own sound.")]
BedLevel = Annotated[float | None, typer.Option("--bed-level", help="Bed minus voice in LU.")]
Language = Annotated[str | None, typer.Option(help="Of the voice: de, pt-BR or deu.")]
Poster = Annotated[bool, typer.Option("--poster", help="Put a poster beside the dub.")]
ContactSheet = Annotated[bool, typer.Option("--contact-sheet", help="Put a contact sheet there.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def _wanted(context: typer.Context) -> dict[str, Any]:
    """Turn a command's options into the fields of DubParams."""
    return {
        name: value.value if isinstance(value, StrEnum) else value
        for name, value in context.params.items()
        if name != "as_json"
    }


@app.command()
def run(  # noqa: PLR0913, PLR0917  one option each; they are read from the context
    context: typer.Context,
    video: Video,
    voice: Voice,
    output: Output = None,
    model: Model = None,
    policy: Policy = PolicyName.AUTO,
    sync_mode: Sync = SyncName.AUTO,
    fit: Fit = FitName.LOCAL,
    keep_picture: KeepPicture = True,
    trim: Trim = None,
    voice_track: Track = 0,
    trim_silence: TrimSilence = True,
    profile: Profile = "web",
    loudness_lufs: LoudnessLufs = None,
    budget_usd: Budget = None,
    options: Options = None,
    bed: Bed = BedName.NONE,
    bed_file: BedFile = None,
    bed_level_lu: BedLevel = None,
    language: Language = None,
    poster: Poster = False,
    contact_sheet: ContactSheet = False,
    generation: Generation = 1,
    overwrite: Overwrite = False,
    on_interrupt: OnInterrupt = None,
    as_json: Json = False,
) -> None:
    """Dub one pair.

    A video and a voice in, a lip-synced and verified video out, beside the video or at --output.
    The same command again, also after Ctrl-C, goes on where the last one ended; nothing is bought
    twice. Write ./-x.mp4, or -- before the names, when one begins with a dash.
    """
    from flows.cli.dubbing import run_dub  # noqa: PLC0415  each command imports what it needs

    run_dub(_wanted(context), as_json=as_json)


@app.command()
def plan(  # noqa: PLR0913, PLR0917  as for run
    context: typer.Context,
    video: Video,
    voice: Voice,
    model: Model = None,
    policy: Policy = PolicyName.AUTO,
    sync_mode: Sync = SyncName.AUTO,
    fit: Fit = FitName.LOCAL,
    keep_picture: KeepPicture = True,
    trim: Trim = None,
    voice_track: Track = 0,
    trim_silence: TrimSilence = True,
    profile: Profile = "web",
    loudness_lufs: LoudnessLufs = None,
    budget_usd: Budget = None,
    options: Options = None,
    as_json: Json = False,
) -> None:
    """Price one pair on every model.

    Says what the dub would be, why, and what it would cost; spends nothing.
    """
    from flows.cli.planning import run_plan  # noqa: PLC0415  as above

    run_plan(_wanted(context), as_json=as_json)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo's output goes.")] = Path(
        "dubline-demo"
    ),
    as_json: Json = False,
) -> None:
    """Dub the bundled sample.

    With the local preview: no key, no network, no cost.
    """
    from flows.cli.dubbing import run_demo  # noqa: PLC0415  as above

    run_demo(folder, as_json=as_json)


@app.command()
def models(
    refresh_prices: Annotated[
        bool, typer.Option("--refresh-prices", help="Ask fal first what it charges this account.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the models and their prices.

    Each with its vendor and endpoint, and whether it can be used here and now.
    """
    from flows.cli.models import show_models  # noqa: PLC0415  as above

    show_models(refresh=refresh_prices, as_json=as_json)


@app.command()
def emulator(  # noqa: PLR0913, PLR0917  one option each
    faults: Annotated[
        Path | None, typer.Option(help="A TOML file of [[fault]] tables.", metavar="TOML")
    ] = None,
    render: Annotated[RenderName, typer.Option(help="How results are made.")] = RenderName.MUX,
    latency_s: Annotated[
        float, typer.Option("--latency", help="How long a job runs, in seconds.", min=0)
    ] = 2.0,
    slots: Annotated[int, typer.Option(help="How many jobs run at once at fal.", min=1)] = 2,
    env_file: Annotated[
        Path | None, typer.Option(help="Write the exports here too, for `. FILE`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rehearse with emulated vendors.

    fal and the unified API on this machine, until Ctrl-C; it prints what to export, and nothing
    can be bought.
    """
    from flows.cli.emulator import run_emulator  # noqa: PLC0415  as above

    run_emulator(
        faults=faults,
        render=render.value,
        latency_s=latency_s,
        fal_slots=slots,
        env_file=env_file,
        as_json=as_json,
    )


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check this machine.

    Versions, codecs, folders, keys, server; exits with 1 when something needs mending.
    """
    from flows.cli.doctor import run_doctor  # noqa: PLC0415  as above

    run_doctor(as_json=as_json)


@app.command()
def down(as_json: Json = False) -> None:
    """Stop the Prefect server.

    Earlier commands left it running for the next; it also stops by itself when it is idle.
    """
    from flows.cli.showing import take_down  # noqa: PLC0415  as above

    take_down(as_json=as_json)
