"""Disclosing: the stage that signs an output and reads back what it says of itself.

Signing may fail (no certificate that counts, no time-stamp authority that answers); the dub was
paid for, so it goes on without, with a warning. The failure is not kept: the next run tries again.
"""

import logging
from datetime import UTC, datetime
from pathlib import Path

from lipsync.cache import Made
from lipsync.decision import Asked, Decision
from lipsync.disclosure import Disclosed, DiscloseRequest
from lipsync.errors import SigningError, UsageError
from lipsync.output import write_whole
from lipsync.provenance import provenance_of, provenance_path
from lipsync.requests import Finished
from lipsync.signing import SigningSettings
from lipsync.tickets import Delivery
from lipsync.verdicts import Verdict
from lipsync.versions import versions
from lipsync.workshop import Workshop

# Raised whenever the stage's result changes for the same input.
DISCLOSE = 1

log = logging.getLogger(__name__)


def disclose(
    shop: Workshop, decision: Decision, delivery: Delivery, finished: Finished
) -> Made[Finished]:
    """Sign an output where a certificate is configured, last of all, and say what it discloses."""
    if finished.notice is None:
        return Made(finished, cached=True, seconds=0)
    bare = DiscloseRequest(
        output=finished.file,
        notice=finished.notice,
        video=decision.pair.video.file,
        voice=decision.pair.voice.file,
        request_id=delivery.request_id,
    )
    try:
        settings = shop.means.signing()
        made, unsigned = _disclosed(shop, bare, settings), ""
    except (SigningError, UsageError) as error:
        log.warning("%s is not signed: %s", finished.file.sha256[:8], error)
        made, unsigned = _disclosed(shop, bare, None), str(error)
    told = made.value.disclosure.model_copy(update={"unsigned": unsigned})
    done = finished.model_copy(update={"file": made.value.file, "disclosure": told})
    return Made(done, made.cached and not unsigned, made.seconds)


def _disclosed(
    shop: Workshop, bare: DiscloseRequest, settings: SigningSettings | None
) -> Made[Disclosed]:
    """Sign if there is something to sign with, and read back; only a manifest tells any names."""
    request = bare
    if settings is not None:
        names = {"video_name": bare.video.path.name, "voice_name": bare.voice.path.name}
        request = bare.model_copy(update={"signer": settings.signed} | names)

    def make() -> Disclosed:
        from lipsync.disclose import disclose as disclose_output  # noqa: PLC0415  loads PyAV

        return disclose_output(request, settings, shop.store)

    return shop.cache.made("disclose", DISCLOSE, request, Disclosed, make)


def record_provenance(  # noqa: PLR0913, PLR0917  a record is made of everything before it
    shop: Workshop,
    output: Path,
    asked: Asked,
    decision: Decision,
    delivery: Delivery,
    finished: Finished,
    verdicts: tuple[Verdict, ...],
) -> None:
    """Write the provenance of an output beside it.

    Raises:
        StorageError: The folder cannot be written or is full; what was there is as it was.
    """
    ticket = shop.ledger.ticket(delivery.ticket_id)
    now, software = datetime.now(UTC), versions()
    record = provenance_of(
        output, asked, decision, ticket, delivery, finished, verdicts, software, now
    )
    text = record.model_dump_json(indent=2)
    write_whole(provenance_path(output), lambda trial: trial.write_text(text, encoding="utf-8"))
