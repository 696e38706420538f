"""What can go wrong, sorted by what the caller may do about it.

LipsyncError
├── UsageError         the request makes no sense: ask differently
├── MediaError         a file is wrong: fix the input, a rerun changes nothing
│   └── ManifestError  a manifest is wrong
├── StorageError       the disk is full, read-only or not ours: make room, run again
├── NoModelError       no model in the catalogue can make this dub
├── BudgetError        the dub costs more than it may
├── SigningError       the output cannot be signed, or its signature does not hold
└── VendorError        the lip-sync service answered badly, or not at all
    ├── VendorRefused  the request is wrong (4xx): a rerun changes nothing, nothing was bought
    ├── VendorBusy     nothing new was bought: try later (429, 503, no connection)
    └── OutcomeUnknown a paid request may have been taken (timeout, 500, 502, 504)

Every message is one sentence that names the file or the request, the figure, and the way out.
"""


class LipsyncError(Exception):
    """Every error this project raises on purpose.

    Attributes:
        retryable: Whether the same call may simply be made again.
        exit_code: What the command line answers with (README, exit codes).
    """

    retryable = False
    exit_code = 1


class UsageError(LipsyncError):
    """The request contradicts itself or names something that does not exist."""

    exit_code = 2


class MediaError(LipsyncError):
    """A media file cannot be used; the message says which, why, and what to do."""

    exit_code = 3


class ManifestError(MediaError):
    """A manifest cannot be used."""


class StorageError(LipsyncError):
    """Something could not be written: no room, no permission, a read-only folder."""

    exit_code = 3


class NoModelError(LipsyncError):
    """No model of the catalogue accepts this dub; the message lists the reasons."""

    exit_code = 3


class BudgetError(LipsyncError):
    """The quote is over the budget; nothing was sent."""

    exit_code = 4


class SigningError(LipsyncError):
    """An output could not be signed, or was changed after it was; the dub itself is whole."""

    exit_code = 8


class VendorError(LipsyncError):
    """The vendor took the job and did not deliver it."""

    exit_code = 5


class VendorRefused(VendorError):
    """The vendor rejected the request; a rerun changes nothing and nothing was bought."""


class VendorBusy(VendorError):
    """The vendor could not be reached or is full; nothing new was bought, try later."""

    retryable = True
    exit_code = 6


class OutcomeUnknown(VendorError):
    """A paid request may have been taken. Never sent again by itself."""

    exit_code = 7
