"""The commands and their options; what they do is in the modules beside this one."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.approving_app import approve
from flows.cli.menus import BedName, FitName, PartingName, PolicyName, RenderName, SyncName
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

app.add_typer(requests)
app.command()(approve)
app.command()(review)
app.command()(mux)


def _model_ids(incomplete: str) -> list[str]:
    """Complete a model's id in the shell."""
    from lipsync.shelf import load_catalogue  # noqa: PLC0415  only the shell's completion needs it

    return [name for name in load_catalogue().models if name.startswith(incomplete)]


# Text, not a path: that would take a slash out of a link.
Video = Annotated[
    str, typer.Argument(help="The video: a file, or an https:// link.", metavar="VIDEO")
]
Voice = Annotated[
    str,
    typer.Argument(
        help="The dubbed voice: sound, or a video with sound; a file or a link.", metavar="VOICE"
    ),
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
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Dub the good rows of a manifest without the bad.")
]
OutputFolder = Annotated[
    Path | None,
    typer.Option(help="Where the dubs of a manifest go that name no output.", metavar="FOLDER"),
]
Encoders = Annotated[
    int | None, typer.Option(help="Rows of a manifest worked on here at a time.", min=1)
]

# What `plan` takes for a manifest alone, and what it takes for a manifest at all.
_FOR_MANIFESTS = ("keep_going", "output_folder", "encoders")
_OF_MANIFESTS = (*_FOR_MANIFESTS, "model", "policy", "budget_usd")


def _wanted(context: typer.Context, *without: str) -> dict[str, Any]:
    """Turn a command's options into the fields of its form."""
    return {
        name: value.value if isinstance(value, StrEnum) else value
        for name, value in context.params.items()
        if name not in {"as_json", *without}
    }


def _of_manifest(context: typer.Context, manifest: str) -> dict[str, Any]:
    """Turn the options of `plan` into the fields of BatchParams."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    odd = [name for name in given if name not in {*_OF_MANIFESTS, "video", "as_json"}]
    if odd:
        option = f"--{odd[0].replace('_', '-')}"
        raise typer.BadParameter(f"{option} is for one pair; write it into the manifest instead")
    found = _wanted(context)
    return {name: found[name] for name in _OF_MANIFESTS} | {"manifest": manifest}


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
    video: Annotated[
        str, typer.Argument(help="The video, or a manifest of many.", metavar="VIDEO")
    ],
    voice: Annotated[
        str | None, typer.Argument(help="The dubbed voice; none with a manifest.", metavar="VOICE")
    ] = None,
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
    keep_going: KeepGoing = False,
    output_folder: OutputFolder = None,
    encoders: Encoders = None,
    as_json: Json = False,
) -> None:
    """Price one pair on every model, or a whole manifest.

    Says what each dub would be, why, and what it would cost; spends nothing. A manifest is planned
    by itself: of the options for one pair it takes none but the model, the policy and the budget,
    which is then for all of its rows.
    """
    if voice is None:
        from flows.cli.batching import run_plan as run_batch_plan  # noqa: PLC0415  as above

        run_batch_plan(_of_manifest(context, video), as_json=as_json)
        return
    from flows.cli.planning import run_plan  # noqa: PLC0415  as above

    run_plan(_wanted(context, *_FOR_MANIFESTS), as_json=as_json)


@app.command()
def batch(  # noqa: PLR0913, PLR0917  one option each
    context: typer.Context,
    manifest: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV, JSONL, Parquet or Excel; or a folder of pairs.", metavar="MANIFEST"
        ),
    ],
    output_folder: OutputFolder = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model of rows that name none.", autocompletion=_model_ids),
    ] = None,
    policy: Annotated[
        PolicyName, typer.Option(help="How models are ranked, for rows that do not say.")
    ] = PolicyName.AUTO,
    budget_usd: Annotated[
        float | None,
        typer.Option("--budget", help="Refuse a batch that costs more, in US dollars.", min=0),
    ] = None,
    require_approval_over_usd: Annotated[
        float | None,
        typer.Option("--require-approval-over", help="Dearer waits for `dubline approve`.", min=0),
    ] = None,
    keep_going: KeepGoing = False,
    encoders: Encoders = None,
    in_flight: Annotated[
        int | None, typer.Option(help="Jobs at a vendor at a time.", min=1)
    ] = None,
    shards: Annotated[
        int, typer.Option(help="Parts to hand to as many workers of `make deploy`.", min=1)
    ] = 1,
    on_interrupt: Annotated[
        PartingName | None,
        typer.Option(help="Ctrl-C: leave paid jobs, or cancel them; else you are asked."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Dub every row of a manifest.

    Planned first, refused over budget, then each row by itself: one that fails stops no other.
    Exits with 0 when all dubs are there, 9 when some are, else with why none is. The same command
    again, also after Ctrl-C, goes on where the last one ended; nothing is bought twice.
    """
    from flows.cli.batching import run_batch  # noqa: PLC0415  as above

    run_batch(_wanted(context), as_json=as_json)


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
    render: Annotated[RenderName, typer.Option(help="How results are made.")] = RenderName.ENGINE,
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
def up(
    limit: Annotated[
        int | None,
        typer.Option(help="Runs worked on at a time; else as the deployments say.", min=1),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start server, UI and a worker.

    For one machine, until Ctrl-C; `make deploy` comes first. Stops what it started and only that;
    runs it interrupts go on with the next one.
    """
    from flows.cli.up import run_up  # noqa: PLC0415  as above

    run_up(limit=limit, as_json=as_json)


@app.command()
def down(as_json: Json = False) -> None:
    """Stop the Prefect server.

    Earlier commands left it running for the next; it also stops by itself when it is idle.
    """
    from flows.cli.showing import take_down  # noqa: PLC0415  as above

    take_down(as_json=as_json)
