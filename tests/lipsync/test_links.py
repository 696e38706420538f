"""Links: told from paths, named, and written down without what signs them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from lipsync.decision import Asked
from lipsync.links import Link, place_of
from lipsync.output import default_output
from lipsync.params import DubParams
from lipsync.values import File

SIGNED = "https://bucket.s3.amazonaws.com/in/talk.mp4?X-Amz-Signature=planted-41c2"


def test_a_link_keeps_both_its_slashes_and_a_path_stays_a_path() -> None:
    params = DubParams.model_validate({"video": SIGNED, "voice": "in//de.wav"})
    assert isinstance(params.video, Link)
    assert params.video.whole == SIGNED
    assert params.voice == Path("in/de.wav")
    assert f"{params.video.name} {params.voice.name}" == "talk.mp4 de.wav"


def test_what_is_written_down_is_read_again() -> None:
    params = DubParams.model_validate({"video": Path("a b.mp4"), "voice": "https://x.org/de.wav"})
    assert DubParams.model_validate_json(params.model_dump_json()) == params
    assert DubParams.model_validate(params.model_dump(mode="json")) == params


def test_a_signature_is_in_nothing_that_is_written_or_shown() -> None:
    params = DubParams.model_validate({"video": SIGNED, "voice": Path("de.wav")})
    assert params.model_dump(mode="json")["video"] == SIGNED.partition("?")[0]
    shown = (params.model_dump_json(), repr(params), str(params), str(params.video))
    assert not any("planted" in text for text in shown)


def test_the_form_asks_for_plain_text() -> None:
    fields = DubParams.model_json_schema()["properties"]
    for name in ("video", "voice"):
        assert fields[name]["type"] == "string"
        assert not {"anyOf", "$ref", "format"} & fields[name].keys()


@pytest.mark.parametrize(
    ("link", "name"),
    [
        pytest.param("https://x.org/a/My%20talk.MP4?x=1#t", "My talk.MP4", id="spaces"),
        pytest.param("https://x.org/a/..%2F..%2Fetc%2Fpasswd", "passwd", id="a way out"),
        pytest.param("https://x.org/%00%0a;rm.mp4", "_rm.mp4", id="control characters"),
        pytest.param("https://x.org/.bashrc", "bashrc", id="hidden"),
        pytest.param("https://x.org/..", "x.org", id="only dots"),
        pytest.param("https://x.org/?id=7", "x.org", id="no path"),
        pytest.param(f"https://x.org/{'a' * 300}.mp4", f"{'a' * 60}.mp4", id="too long"),
    ],
)
def test_a_link_gives_an_output_a_harmless_name_in_the_working_folder(link: str, name: str) -> None:
    found = Link(whole=link)
    assert found.name == name
    output = default_output(found, Path("elsewhere/de.wav"), preview=True)
    assert output.parent == Path()
    assert output.name.endswith(".de.preview.mp4")
    assert place_of(found) == Path(name)


@pytest.mark.parametrize("other", ["s3://b/v.mp4?planted", "ftp://x/v.mp4", "https://[::1/v.mp4"])
def test_what_nobody_can_follow_is_refused_at_once(other: str) -> None:
    with pytest.raises(ValidationError) as refused:
        DubParams.model_validate({"video": other, "voice": "de.wav"})
    (fault,) = refused.value.errors()
    assert fault["msg"].startswith(f"Value error, {other.partition('?')[0]}: ")


@pytest.mark.parametrize(
    ("query", "unsigned"),
    [
        pytest.param("X-Amz-Date=1&X-Amz-Signature=2&versionId=3", "?versionId=3", id="aws"),
        pytest.param("sv=1&se=2&sp=r&sig=3", "", id="azure"),
        pytest.param("Expires=1&Signature=2&Key-Pair-Id=3", "", id="cloudfront"),
        pytest.param("id=7&token=8", "?id=7&token=8", id="anything else names the file"),
        pytest.param("sig=7&sp=8", "?sig=7&sp=8", id="half of a signature"),
    ],
)
def test_a_link_that_was_signed_anew_leads_to_the_same_file(query: str, unsigned: str) -> None:
    assert Link(whole=f"https://x/v.mp4?{query}").unsigned == f"https://x/v.mp4{unsigned}"


@pytest.mark.parametrize(
    ("query", "until"),
    [
        ("Expires=1795176000&Signature=2", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("se=2026-11-20T12:00:00Z&sig=2", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        (
            "X-Goog-Date=20261120T110000Z&X-Goog-Expires=3600",
            datetime(2026, 11, 20, 12, tzinfo=UTC),
        ),
        ("token=1", None),
        ("X-Amz-Date=soon&X-Amz-Expires=3600", None),
        ("Expires=9999999999999999&Signature=2", None),
    ],
)
def test_when_a_signature_expires_is_read_from_it(query: str, until: datetime | None) -> None:
    assert Link(whole=f"https://x/v.mp4?{query}").lives_until() == until


def test_the_same_bytes_behind_a_link_and_in_a_file_are_the_same_dub() -> None:
    file = File(path=Path("/a.mp4"), sha256="0" * 64, size_bytes=1)
    keys = {
        Asked.of(DubParams.model_validate({"video": given, "voice": "b"}), file, file).key
        for given in (SIGNED, "https://x/y.mp4", "a.mp4")
    }
    assert len(keys) == 1
