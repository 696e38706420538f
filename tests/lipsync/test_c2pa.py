"""C2PA: what was done is told, signed, checked when read, and found out when it was changed."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lipsync import c2pa
from lipsync.disclosure import DiscloseRequest, SourceType, notice_of
from lipsync.errors import SigningError, UsageError
from lipsync.marking import mark, read_mark
from lipsync.signing import SigningSettings
from tests.clips import as_file, ffmpeg, make_clip, make_voice, read_indices
from tests.lipsync.certificates import SIGNER, Chain, make_chain

library = pytest.importorskip("c2pa")

MODEL = "sync-2"


@pytest.fixture(scope="module")
def chain() -> Chain:
    return make_chain()


@pytest.fixture
def request_(tmp_path: Path, chain: Chain) -> DiscloseRequest:
    """A marked output, and the pair it was made of."""
    return request_of(tmp_path, chain, make_clip(tmp_path / "talk.mp4", frames=50))


def request_of(folder: Path, chain: Chain, video: Path) -> DiscloseRequest:
    plain, output = folder / "plain.mp4", folder / "marked.mp4"
    sound = make_clip(folder / "sound.mp4", frames=50, sound=True)
    ffmpeg("-i", sound, "-c", "copy", "-movflags", "faststart", plain)
    notice = notice_of(preview=False, model=MODEL)
    mark(plain, output, notice)
    voice = make_voice(folder / "voice.wav", 1)
    return DiscloseRequest(
        output=as_file(output),
        notice=notice,
        video=as_file(video),
        voice=as_file(voice),
        video_name=video.name,
        voice_name=voice.name,
        request_id="764cabcf",
        signer=settings_of(chain).signed,
    )


def settings_of(chain: Chain, **more: Any) -> SigningSettings:
    key = SecretStr(chain.key)
    return SigningSettings(certificate=chain.certificate, key=key, **more)


def signed(request: DiscloseRequest, chain: Chain, **more: Any) -> Path:
    output = request.output.path.with_name("signed.mp4")
    c2pa.sign(request, settings_of(chain, **more), output)
    return output


def told_in(path: Path) -> dict[str, Any]:
    """Read the active manifest with the library alone."""
    with path.open("rb") as stream, library.Reader("video/mp4", stream) as reader:
        found: dict[str, Any] = json.loads(reader.json())
    manifest: dict[str, Any] = found["manifests"][found["active_manifest"]]
    return manifest


def test_a_signed_output_names_its_signer_and_plays_as_before(
    request_: DiscloseRequest, chain: Chain
) -> None:
    output = signed(request_, chain)
    signature = c2pa.read(output, anchors=chain.root)
    assert signature is not None
    assert (signature.signer, signature.algorithm, signature.stamped) == (SIGNER, "es256", False)
    assert read_indices(output) == list(range(50))
    assert read_mark(output) is SourceType.COMPOSITE_WITH_TRAINED


def test_the_manifest_tells_what_was_done_to_what(request_: DiscloseRequest, chain: Chain) -> None:
    manifest = told_in(signed(request_, chain))
    (assertion,) = [a for a in manifest["assertions"] if a["label"] == "c2pa.actions.v2"]
    actions = {action["action"]: action for action in assertion["data"]["actions"]}
    assert list(actions) == ["c2pa.opened", "c2pa.placed", "c2pa.dubbed", "c2pa.edited"]
    edited = actions["c2pa.edited"]
    assert edited["digitalSourceType"] == SourceType.COMPOSITE_WITH_TRAINED
    assert edited["softwareAgent"]["name"] == MODEL
    sides = [(i["relationship"], i["title"], i["instance_id"]) for i in manifest["ingredients"]]
    assert sides == [
        ("parentOf", "talk.mp4", f"urn:sha256:{request_.video.sha256}"),
        ("componentOf", "voice.wav", f"urn:sha256:{request_.voice.sha256}"),
    ]


def test_a_source_the_library_cannot_read_is_named_all_the_same(
    tmp_path: Path, chain: Chain
) -> None:
    video = make_clip(tmp_path / "talk.mkv", frames=50)
    output = signed(request_of(tmp_path, chain, video), chain)
    assert c2pa.read(output) is not None
    assert [i["title"] for i in told_in(output)["ingredients"]] == ["talk.mkv", "voice.wav"]


def test_what_a_source_tells_of_its_own_making_goes_along(tmp_path: Path, chain: Chain) -> None:
    (tmp_path / "first").mkdir()
    video = make_clip(tmp_path / "first" / "talk.mp4", frames=50)
    first = signed(request_of(tmp_path / "first", chain, video), chain)
    second = signed(request_of(tmp_path, chain, first), chain)
    label = c2pa.read(first)
    assert label is not None
    assert label.manifest in second.read_bytes().decode("latin-1")
    assert told_in(second)["ingredients"][0]["active_manifest"] == label.manifest


@pytest.mark.parametrize("part", ["the picture", "the mark", "the manifest"])
def test_whatever_is_changed_afterwards_is_found(
    request_: DiscloseRequest, chain: Chain, part: str
) -> None:
    output = signed(request_, chain)
    data = bytearray(output.read_bytes())
    words = {
        "the picture": lambda: len(data) - 2000,
        "the mark": lambda: data.index(b"AISystemUsed=") + 15,
        "the manifest": lambda: data.index(b"Lips re-generated"),
    }
    data[words[part]()] ^= 1
    output.write_bytes(data)
    with pytest.raises(SigningError, match=r"does not hold \(.+changed after it was signed"):
        c2pa.read(output)


def test_a_copy_into_a_new_container_has_no_manifest_left(
    request_: DiscloseRequest, chain: Chain, tmp_path: Path
) -> None:
    """Why an output is signed last."""
    ffmpeg("-i", signed(request_, chain), "-c", "copy", tmp_path / "copy.mp4")
    assert c2pa.read(tmp_path / "copy.mp4") is None


def test_a_signer_nobody_trusts_is_told_from_one_that_is_trusted(
    request_: DiscloseRequest, chain: Chain
) -> None:
    output = signed(request_, chain)
    assert c2pa.read(output) is not None
    with pytest.raises(SigningError, match="untrusted"):
        c2pa.read(output, anchors=make_chain().root)


def test_a_key_of_another_certificate_signs_nothing_that_is_believed(
    request_: DiscloseRequest, chain: Chain
) -> None:
    other = Chain(chain.certificate, chain.root, make_chain().key)
    with pytest.raises(SigningError) as caught:
        c2pa.read(signed(request_, other))
    assert other.key.splitlines()[1] not in str(caught.value)


def test_a_certificate_that_has_ended_signs_nothing_that_is_believed(
    request_: DiscloseRequest,
) -> None:
    with pytest.raises(SigningError):
        c2pa.read(signed(request_, make_chain(days=-1)))


def test_a_time_stamp_authority_that_does_not_answer_is_one_sentence(
    request_: DiscloseRequest, chain: Chain
) -> None:
    with pytest.raises(SigningError, match=r"^C2PA: "):
        signed(request_, chain, tsa_url="http://127.0.0.1:9/")


def test_matroska_cannot_be_signed_and_says_so(
    request_: DiscloseRequest, chain: Chain, tmp_path: Path
) -> None:
    with pytest.raises(SigningError, match=r"\.mkv has no place.*choose \.mp4 or \.mov"):
        c2pa.sign(request_, settings_of(chain), tmp_path / "out.mkv")


def test_settings_are_read_from_files_or_as_text(tmp_path: Path, chain: Chain) -> None:
    (tmp_path / "chain.pem").write_text(chain.certificate)
    (tmp_path / "key.pem").write_text(chain.key)
    by_path = {
        "DUBLINE_C2PA_CERT": str(tmp_path / "chain.pem"),
        "DUBLINE_C2PA_KEY": str(tmp_path / "key.pem"),
    }
    by_text = {"DUBLINE_C2PA_CERT": chain.certificate, "DUBLINE_C2PA_KEY": chain.key}
    assert SigningSettings.found(by_path) == SigningSettings.found(by_text) == settings_of(chain)
    assert SigningSettings.found({}) is None
    assert chain.key.splitlines()[1] not in repr(settings_of(chain))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"DUBLINE_C2PA_KEY": ""}, "DUBLINE_C2PA_KEY is not set", id="no key"),
        pytest.param({"DUBLINE_C2PA_CERT": ""}, "DUBLINE_C2PA_CERT is not set", id="no chain"),
        pytest.param({"DUBLINE_C2PA_KEY": "/nowhere/k.pem"}, "cannot be read", id="no such file"),
        pytest.param({"DUBLINE_C2PA_ALG": "rot13"}, "DUBLINE_C2PA_ALG cannot be used", id="kind"),
        pytest.param({"DUBLINE_C2PA_TSA": "ftp://x"}, "DUBLINE_C2PA_TSA cannot be", id="tsa"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence_without_a_secret(
    chain: Chain, change: dict[str, str], said: str
) -> None:
    good = {"DUBLINE_C2PA_CERT": chain.certificate, "DUBLINE_C2PA_KEY": chain.key}
    with pytest.raises(UsageError, match=said) as caught:
        SigningSettings.found(good | change)
    assert chain.key.splitlines()[1] not in str(caught.value)
    assert "/nowhere" not in str(caught.value)


def test_a_file_that_is_no_pem_is_told_and_not_shown(tmp_path: Path, chain: Chain) -> None:
    (tmp_path / "key.pem").write_text("hunter2")
    given = {
        "DUBLINE_C2PA_CERT": chain.certificate,
        "DUBLINE_C2PA_KEY": str(tmp_path / "key.pem"),
    }
    with pytest.raises(UsageError, match="is not PEM") as caught:
        SigningSettings.found(given)
    assert "hunter2" not in str(caught.value)
