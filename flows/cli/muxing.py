"""`dubline mux`: several voices on one picture."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from flows.cli.answering import answer, answered
from lipsync.errors import UsageError
from lipsync.home import Home
from lipsync.output import check_output, place
from lipsync.store import Store
from lipsync.voices import Muxed, MuxRequest, read_track


def run_mux(  # noqa: PLR0913  one option each
    video: Path,
    voices: Sequence[str],
    output: Path,
    *,
    default: str | None,
    forced: Sequence[str] | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Mux, put the file in its place, and say what is in it."""
    with answered(as_json=as_json):
        tracks = [read_track(text) for text in voices]
        check_output(output, (video, *(track.path for track in tracks)))
        if output.exists() and not overwrite:
            raise UsageError(f"{output}: exists; choose another output, or --overwrite it")
        from lipsync.muxing import mux_voices  # noqa: PLC0415  loads libav

        store = Store(Home.found())
        request = MuxRequest(
            picture=store.fingerprint(video),
            voices=tuple((track, store.fingerprint(track.path)) for track in tracks),
            suffix=output.suffix.lower(),
            default=default,
            forced=tuple(forced or ()),
        )
        done = mux_voices(request, store)
        place(done.file, output)
        _show(done, output, as_json=as_json)


def _show(done: Muxed, output: Path, *, as_json: bool) -> None:
    if as_json:
        answer({"output": str(output.absolute())} | done.model_dump(mode="json", exclude={"file"}))
        return
    out = Console()
    for note in done.notes:
        out.print(f"note: {note}", markup=False, highlight=False)
    out.print(f"voices   {', '.join(done.languages)}", markup=False, highlight=False)
    out.print(f"output   {output}", markup=False, highlight=False, soft_wrap=True)
