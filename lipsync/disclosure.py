"""Disclosure: what a dub says of itself, in the words that machines read.

A lip-synced person says what they did not say. So every output carries its IPTC Digital Source
Type, and where a certificate is configured a C2PA manifest that nobody can change unnoticed.
"""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field

from lipsync.values import File, Value
from lipsync.verdicts import Mark, Verdict

# IPTC NewsCodes, Digital Source Type, as of 2024-10-23: cv.iptc.org/newscodes/digitalsourcetype.
# Its terms are URIs, and the scheme is http.
SCHEME = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class SourceType(StrEnum):
    """The terms of the vocabulary that an output of Dubline can be, weakest first."""

    # "Mix or composite of several elements, any of which may or may not be generative AI". It is
    # the preview's: filmed pictures, lips drawn by an algorithm that was trained on nothing, a
    # voice of unknown origin. `compositeSynthetic` would claim generative AI, `algorithmicMedia`
    # that nothing was filmed, `algorithmicallyEnhanced` that the main content is unchanged.
    COMPOSITE = f"{SCHEME}composite"
    # "Composite including generative AI elements": a source that was marked so stays at least so.
    COMPOSITE_SYNTHETIC = f"{SCHEME}compositeSynthetic"
    # "Edited using Generative AI": filmed pictures, the mouth made anew by a trained model.
    COMPOSITE_WITH_TRAINED = f"{SCHEME}compositeWithTrainedAlgorithmicMedia"
    # "Created using Generative AI": the source was wholly generated, and says so.
    TRAINED = f"{SCHEME}trainedAlgorithmicMedia"

    @property
    def term(self) -> str:
        """The term without its scheme."""
        return self.value.removeprefix(SCHEME)


_STRENGTH = tuple(SourceType)


def source_type(*, preview: bool, source: SourceType | None) -> SourceType:
    """Say what an output is: what was done here, or what its source was already, if that is more.

    >>> source_type(preview=True, source=None).term
    'composite'
    >>> source_type(preview=False, source=SourceType.TRAINED).term
    'trainedAlgorithmicMedia'
    """
    done = SourceType.COMPOSITE if preview else SourceType.COMPOSITE_WITH_TRAINED
    return max(done, source or done, key=_STRENGTH.index)


def known_term(text: str | None) -> SourceType | None:
    """Read a term as others write it: with its scheme, by http or https, or bare.

    >>> known_term("https://cv.iptc.org/newscodes/digitalsourcetype/composite")
    <SourceType.COMPOSITE: 'http://cv.iptc.org/newscodes/digitalsourcetype/composite'>
    >>> known_term("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture") is None
    True
    """
    bare = (text or "").strip().rpartition("/")[2]
    return next((one for one in SourceType if one.term == bare), None)


class Notice(Value):
    """What is written into an output about how it came to be."""

    source_type: SourceType
    statement: str = Field(description="The same in one sentence, for people.")
    system: str | None = Field(description="The model that made the lips; None: no trained model.")


def notice_of(*, preview: bool, model: str | None, source: SourceType | None = None) -> Notice:
    """Word the notice of an output.

    Args:
        preview: Rendered by the embedded engine.
        model: Who made the lips.
        source: What the source video says of itself; None: nothing.

    >>> notice_of(preview=True, model=None).statement
    'Preview: lips drawn to match a dubbed voice by the embedded engine, through Dubline.'
    """
    by = model or ("the embedded engine" if preview else "a lip-sync model")
    kind = "Preview: lips drawn" if preview else "Lips re-generated"
    return Notice(
        source_type=source_type(preview=preview, source=source),
        statement=f"{kind} to match a dubbed voice by {by}, through Dubline.",
        system=None if preview else by,
    )


class Signature(Value):
    """The C2PA manifest of an output, as read back."""

    signer: str = Field(description="As its certificate names it.")
    algorithm: str
    manifest: str = Field(description="Its label, urn:c2pa:…")
    stamped: bool = Field(description="A time-stamp authority has witnessed the time.")


class Signed(Value):
    """With what certificate an output is signed; nothing of the key."""

    certificate_sha256: str
    algorithm: str
    tsa_url: str | None


class DiscloseRequest(Value):
    """An output that carries its mark, and everything its manifest tells."""

    output: File
    notice: Notice
    video: File = Field(description="As the user gave it.")
    voice: File = Field(description="As the user gave it.")
    video_name: str = Field(default="", description="What the manifest calls it.")
    voice_name: str = Field(default="", description="The same.")
    request_id: str
    signer: Signed | None = Field(default=None, description="None: it is not signed.")


class Disclosure(Value):
    """What was found in an output when it was read back."""

    source_type: SourceType = Field(description="What it should say.")
    statement: str
    found: SourceType | None = Field(description="What it says; None: it carries no mark.")
    signature: Signature | None = None
    unsigned: str = Field(default="", description="Why it is not signed, though it should be.")


class Disclosed(Value):
    """An output as it leaves, and what it discloses."""

    file: File
    disclosure: Disclosure


def verdict_of(disclosure: Disclosure) -> Verdict:
    """Judge whether an output says what it is; a missing signature is a warning, never a loss."""
    marked = disclosure.found is disclosure.source_type
    signature = disclosure.signature
    told = disclosure.found.term if disclosure.found else "no mark"
    mark = Mark.WARN if disclosure.unsigned else Mark.PASS
    wanted = f"marked {disclosure.source_type.term}"
    return Verdict(
        check="disclosure",
        value=told if signature is None else f"{told}, signed by {signature.signer}",
        limit=f"{wanted}, signed" if signature or disclosure.unsigned else wanted,
        verdict=mark if marked else Mark.FAIL,
        note=f"not signed: {disclosure.unsigned}" if disclosure.unsigned else "",
    )


def strongest(terms: Iterable[SourceType | None]) -> SourceType | None:
    """Take the strongest of what several marks of one file say."""
    known = [term for term in terms if term is not None]
    return max(known, key=_STRENGTH.index, default=None)
