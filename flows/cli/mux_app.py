"""The command `dubline mux` and its options; what it does is in `muxing`."""

from pathlib import Path
from typing import Annotated

import typer


def mux(  # noqa: PLR0913, PLR0917  one option each
    video: Annotated[
        Path, typer.Argument(help="Whose picture is taken: a dub, or the source.", metavar="VIDEO")
    ],
    voices: Annotated[
        list[str],
        typer.Option(
            "--voice", help="A voice, again for more: de=a.mp4; TITLE after @: de@Regie=a.mp4."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where it goes (.mp4, .mov, .mkv).")
    ],
    default: Annotated[
        str | None, typer.Option(help="Language that plays where nobody chooses; else the first.")
    ] = None,
    forced: Annotated[
        list[str] | None, typer.Option("--forced", help="Language that is marked forced.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an output that exists.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """Put several voices on one picture.

    The picture is copied, and so are the voices where the container takes them as they are. The
    mark of what the picture is goes along; a C2PA signature does not survive, and it says so.
    """
    from flows.cli.muxing import run_mux  # noqa: PLC0415  each command imports its own

    run_mux(
        video, voices, output, default=default, forced=forced, overwrite=overwrite, as_json=as_json
    )
