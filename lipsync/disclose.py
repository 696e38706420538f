"""Disclose: the mark of an output is read back, and where a certificate is set it is signed, last.

Last, because whatever repacks a file afterwards drops the manifest or breaks it.
"""

import logging

from lipsync.disclosure import Disclosed, DiscloseRequest, Disclosure
from lipsync.errors import SigningError
from lipsync.marking import read_mark
from lipsync.signing import SigningSettings
from lipsync.store import Store

log = logging.getLogger(__name__)


def disclose(request: DiscloseRequest, settings: SigningSettings | None, store: Store) -> Disclosed:
    """Sign an output, if there is something to sign with, and say what it discloses.

    Raises:
        SigningError: It could not be signed, or what was signed does not hold; the output is
            whole without.
        MediaError: The output cannot be read.
        StorageError: There is no room.
    """
    output, signature = request.output, None
    if settings is not None:
        from lipsync import c2pa  # noqa: PLC0415  only where something is signed

        with store.scratch(output.path.suffix) as signed:
            c2pa.sign(request, settings, signed)
            signature = c2pa.read(signed)
            if signature is None:
                raise SigningError(
                    f"{request.video_name}: its dub has no manifest after it was signed"
                )
            output = store.keep(signed, output.path.suffix)
        log.info("%s signed by %s", output.sha256[:8], signature.signer)
    disclosure = Disclosure(
        source_type=request.notice.source_type,
        statement=request.notice.statement,
        found=read_mark(output.path),
        signature=signature,
    )
    return Disclosed(file=output, disclosure=disclosure)
