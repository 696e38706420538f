"""The ledger: the record of what was ordered and paid. See docs/adr/0001.

Importing it loads SQLAlchemy; code that is only handed a ledger imports it for its type alone.
"""

from lipsync.ledger.intent import Intended, Ledger
from lipsync.tickets import LineFull

__all__ = ["Intended", "Ledger", "LineFull"]
