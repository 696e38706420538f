"""What a person configures in Prefect, as typed blocks: accounts, hosting, ledger, store.

`prefect block register -m blocks` brings them into the UI; a document named `dubline` (or as
`DUBLINE_BLOCKS` says) is then found by every run. Where there is none, the environment serves.
"""

from blocks.content_credentials import ContentCredentials
from blocks.fal_account import FalAccount
from blocks.ledger import Ledger
from blocks.media_hosting import MediaHosting
from blocks.media_store import MediaStore
from blocks.unified_account import UnifiedAccount

__all__ = [
    "ContentCredentials",
    "FalAccount",
    "Ledger",
    "MediaHosting",
    "MediaStore",
    "UnifiedAccount",
]
