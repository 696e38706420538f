"""Results are as long as the vendor's own sync mode makes them, whichever row is bought."""

from fractions import Fraction
from pathlib import Path

import pytest

from lipsync.catalogue import Length, Model
from lipsync.emulator.arguments import Wanted
from lipsync.emulator.rendering import NotRendered, Renderer
from lipsync.fit import SyncMode
from lipsync.shelf import load_catalogue
from lipsync.values import File
from tests.clips import as_file, make_clip, read_indices, speech, write_wav

ROWS = {
    name: row
    for name, row in load_catalogue().models.items()
    if name in {"sync-2", "latentsync", "unified-sync-3"}
}
CASES = [(row, mode) for row in ROWS.values() for mode in row.sync.modes]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, File]:
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "video.mp4", frames=25)
    write_wav(folder / "longer.wav", speech(1.6))
    write_wav(folder / "shorter.wav", speech(0.6))
    return {path.stem: as_file(path) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    return Renderer(tmp_path_factory.mktemp("renderer"), "mux")


def wanted(model: Model, mode: SyncMode) -> Wanted:
    return Wanted(model=model, video_url="", voice_url="", mode=mode, rest={})


@pytest.mark.parametrize("voice", ["longer", "shorter"])
@pytest.mark.parametrize(("model", "mode"), CASES, ids=[f"{row.id}-{mode}" for row, mode in CASES])
def test_the_result_is_as_long_as_the_catalogue_says(
    renderer: Renderer, media: dict[str, File], model: Model, mode: SyncMode, voice: str
) -> None:
    made = renderer.render(wanted(model, mode), media["video"], media[voice])
    frames = {"longer": 40, "shorter": 15}[voice]
    expected = {
        Length.SHORTER: min(25, frames),
        Length.LONGER: max(25, frames),
        Length.VOICE: frames,
        Length.VIDEO: 25,
    }[model.sync.modes[mode].length]
    shown = read_indices(made.path)
    assert len(shown) == expected
    assert made.output_s == float(Fraction(expected, 25))
    assert shown[0] == 0


def test_the_same_request_is_made_once(renderer: Renderer, media: dict[str, File]) -> None:
    order = wanted(ROWS["sync-2"], SyncMode.CUT_OFF)
    first = renderer.render(order, media["video"], media["longer"])
    assert renderer.render(order, media["video"], media["longer"]) is first


def test_the_engine_renders_where_it_is_asked_to(tmp_path: Path, media: dict[str, File]) -> None:
    order = wanted(ROWS["sync-2"], SyncMode.CUT_OFF)
    made = Renderer(tmp_path, "engine").render(order, media["video"], media["shorter"])
    assert read_indices(made.path) == list(range(15))


def test_what_cannot_be_read_is_said_with_its_field(
    renderer: Renderer, media: dict[str, File], tmp_path: Path
) -> None:
    text = tmp_path / "voice.wav"
    text.write_text("no sound")
    order = wanted(ROWS["sync-2"], SyncMode.CUT_OFF)
    with pytest.raises(NotRendered) as error:
        renderer.render(order, media["video"], as_file(text))
    assert (error.value.field, error.value.kind) == ("voice", "unsupported_audio_format")
    with pytest.raises(NotRendered) as error:
        renderer.render(order, media["longer"], media["longer"])
    assert (error.value.field, error.value.kind) == ("video", "unsupported_video_format")
