"""C2PA: a manifest that tells what was done to an output, signed, inside the file.

Made and checked by the library of the Content Authenticity Initiative (extra `c2pa`). Nothing is
asked of the network, but of a time-stamp authority that somebody has named.
Source: C2PA Technical Specification 2.1, §18.12 Actions and §18.13 Ingredient.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lipsync.disclosure import DiscloseRequest, Signature
from lipsync.errors import SigningError
from lipsync.signing import SigningSettings
from lipsync.tickets import without_signatures
from lipsync.values import File

# What the library can put a manifest into, of the containers an output has.
FORMATS = {".mp4": "video/mp4", ".mov": "video/quicktime"}
# What it reads as an ingredient, with the provenance that is in it; others are named by their hash.
_INGREDIENTS = FORMATS | {
    ".m4v": "video/x-m4v",
    ".m4a": "audio/mp4",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".avi": "video/avi",
}
_SETTINGS: dict[str, Any] = {
    # Above this it works in a temporary file; its own limit, 512, is more than some workers have.
    "core": {"backing_store_memory_threshold_in_mb": 16},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
# A chain that no list of trusted roots holds is a fact about the signer, not about the file.
_UNTRUSTED = "signingCredential.untrusted"
_GOOD = frozenset({"Valid", "Trusted"})
_WORDS_MAX = 200


def sign(request: DiscloseRequest, settings: SigningSettings, output: Path) -> None:
    """Write the request's output with a signed manifest in it.

    Raises:
        SigningError: It could not be signed; the message says why.
    """
    kind = FORMATS.get(output.suffix)
    if kind is None:
        raise SigningError(f"{output.suffix} has no place for a C2PA manifest; choose .mp4 or .mov")
    library = _library()
    with _told_as_one_sentence(library):
        info = library.C2paSignerInfo(
            settings.algorithm,
            settings.certificate.encode(),
            settings.key.get_secret_value().encode(),
            settings.tsa_url,
        )
        with (
            library.Context.from_dict(_SETTINGS, library.Signer.from_info(info)) as context,
            library.Builder(json.dumps(_manifest(request, kind)), context) as builder,
            request.output.path.open("rb") as source,
            output.open("w+b") as target,
        ):
            builder.set_intent(library.C2paBuilderIntent.EDIT)
            for file, ingredient in _ingredients(request):
                with file.path.open("rb") as stream:
                    builder.add_ingredient(json.dumps(ingredient), ingredient["format"], stream)
            builder.sign(kind, source, target)


def read(path: Path, anchors: str | None = None) -> Signature | None:
    """Read the manifest of a file back and check it; None: it has none.

    Args:
        path: The file.
        anchors: PEM certificates one trusts; then the signer's chain must lead to one of them.

    Raises:
        SigningError: The manifest or the file was changed, or the chain leads to no anchor.
    """
    library = _library()
    trust = {} if anchors is None else {"trust": {"trust_anchors": anchors}}
    with (
        _told_as_one_sentence(library),
        library.Context.from_dict(_SETTINGS | trust) as context,
        path.open("rb") as stream,
    ):
        try:
            reader = library.Reader(FORMATS[path.suffix], stream, context=context)
        except library.C2paError.ManifestNotFound:
            return None
        with reader:
            found = json.loads(reader.json())
    return _signature(path, found, trusted=anchors is not None)


def _signature(path: Path, found: dict[str, Any], *, trusted: bool) -> Signature:
    """Take from a manifest who signed it, if all of it holds."""
    faults = [row["code"] for row in found.get("validation_status", ())]
    broken = [code for code in faults if trusted or code != _UNTRUSTED]
    if found["validation_state"] not in _GOOD or broken:
        raise SigningError(
            f"{path}: its C2PA manifest does not hold ({', '.join(broken) or 'it is not valid'}); "
            "the file was changed after it was signed, or its certificate cannot be used"
        )
    label = found["active_manifest"]
    info = found["manifests"][label]["signature_info"]
    return Signature(
        signer=info.get("common_name") or info.get("issuer") or "an unnamed signer",
        algorithm=str(info.get("alg", "")).lower(),
        manifest=label,
        stamped=bool(info.get("time")),
    )


def _manifest(request: DiscloseRequest, kind: str) -> dict[str, Any]:
    """Write what was done: the video opened, the voice put in, the lips made anew.

    `c2pa.opened` is written by the library, for the ingredient that is the parent.
    """
    notice = request.notice
    edited = {
        "action": "c2pa.edited",
        "digitalSourceType": notice.source_type.value,
        "softwareAgent": {"name": notice.system or "Dubline's embedded engine"},
        "description": notice.statement,
        "parameters": {"org.dubline.requestId": request.request_id},
    }
    actions = [
        {"action": "c2pa.placed", "parameters": {"ingredientIds": ["voice"]}},
        {"action": "c2pa.dubbed", "description": "The sound was replaced by a dubbed voice."},
        edited,
    ]
    bare = [ingredient for _, ingredient in _all_ingredients(request) if not _is_read(ingredient)]
    return {
        "claim_generator_info": [{"name": "Dubline", "version": _version()}],
        "title": request.video_name,
        "format": kind,
        "ingredients": bare,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def _ingredients(request: DiscloseRequest) -> Iterator[tuple[File, dict[str, Any]]]:
    """List what the library reads itself, and so keeps the provenance of."""
    return (pair for pair in _all_ingredients(request) if _is_read(pair[1]))


def _all_ingredients(request: DiscloseRequest) -> Iterator[tuple[File, dict[str, Any]]]:
    """Describe both inputs; their hashes tell them from all other files of their names."""
    sides = (
        ("source", "parentOf", request.video_name, request.video),
        ("voice", "componentOf", request.voice_name, request.voice),
    )
    for label, relationship, name, file in sides:
        suffix = Path(name).suffix.lower()
        yield (
            file,
            {
                "label": label,
                "title": name,
                "format": _INGREDIENTS.get(suffix, "application/octet-stream"),
                "relationship": relationship,
                "instance_id": f"urn:sha256:{file.sha256}",
            },
        )


def _is_read(ingredient: dict[str, Any]) -> bool:
    return ingredient["format"] in _INGREDIENTS.values()


def _library() -> Any:
    try:
        import c2pa  # type: ignore[import-untyped]  # noqa: PLC0415  an extra
    except ImportError as error:
        raise SigningError(
            "to sign with C2PA, its library is needed; pip install 'dubline[c2pa]'"
        ) from error
    return c2pa


@contextmanager
def _told_as_one_sentence(library: Any) -> Iterator[None]:
    """Turn what the library says into one line; it names no key."""
    try:
        yield
    except library.C2paError as error:
        words = without_signatures(" ".join(str(error).split()))[:_WORDS_MAX]
        way_out = "check the certificate, its key and the time-stamp authority"
        raise SigningError(f"C2PA: {words}; {way_out}") from None


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415  only where something is signed

    return version("dubline")
