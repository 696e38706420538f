"""Means: the accounts, places and limits a workshop works with, from wherever they are set.

Here: the environment, and beneath it `.env`. Prefect's blocks hand the same values over in the
same form (`blocks/means.py`). Each is read when it is asked for; a `.env` only when it has changed.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError

from lipsync.accounts import FalSettings, UnifiedSettings, environment
from lipsync.budget import Budget
from lipsync.disk import disk_errors
from lipsync.errors import UsageError
from lipsync.home import Home
from lipsync.hosting import HostingSettings, hosting_settings
from lipsync.signing import SigningSettings
from lipsync.values import Value

# Names the blocks that are looked for; set, it makes every command look for them.
BLOCKS = "DUBLINE_BLOCKS"
FETCH_LIMIT = "DUBLINE_FETCH_LIMIT_MB"

Usd = Annotated[Decimal | None, Field(default=None, ge=0, allow_inf_nan=False)]

_LEDGER = {
    "url": "DUBLINE_LEDGER",
    "per_dub_usd": "DUBLINE_BUDGET_PER_DUB_USD",
    "per_run_usd": "DUBLINE_BUDGET_PER_RUN_USD",
    "per_day_usd": "DUBLINE_BUDGET_PER_DAY_USD",
}


class LedgerSettings(Value):
    """Where the ledger is, and what may be spent through it."""

    url: SecretStr | None = Field(
        default=None, description="An SQLAlchemy URL; None: a SQLite file in home."
    )
    per_dub_usd: Usd
    per_run_usd: Usd
    per_day_usd: Usd

    def budget(self, dub_usd: Decimal | None = None) -> Budget:
        """Return the limits for a dub that has, or has not, a budget of its own.

        >>> LedgerSettings(per_dub_usd=Decimal(2)).budget(Decimal(1)).per_dub_usd
        Decimal('1')
        """
        set_usd = [limit for limit in (self.per_dub_usd, dub_usd) if limit is not None]
        return Budget(
            per_dub_usd=min(set_usd, default=None),
            per_run_usd=self.per_run_usd,
            per_day_usd=self.per_day_usd,
        )


class FetchSettings(Value):
    """How inputs that are links are fetched."""

    # Ours: an hour of a mezzanine at 20 Mbit/s; a wrong link should not fill the disk.
    limit_mb: int = Field(default=10_000, gt=0, description="A larger file is refused.")


class Means:
    """What is set in the environment, or in the `.env` of the folder one works in."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Read from `environ` alone, where it is given."""
        self._environ = environ

    def fal(self) -> FalSettings:
        """Return the fal account.

        Raises:
            UsageError: A setting cannot be read.
        """
        return FalSettings.found(self._environ)

    def unified(self) -> UnifiedSettings:
        """Return the account at the unified task API.

        Raises:
            UsageError: There is none, or a setting cannot be read.
        """
        return UnifiedSettings.found(self._environ)

    def in_flight(self, vendor: str) -> int | None:
        """Return how many jobs our account at a vendor may have in flight; None: any number.

        Raises:
            UsageError: There is no such account, or a setting cannot be read.
        """
        if vendor == "fal":
            return self.fal().in_flight
        return self.unified().in_flight if vendor == "unified" else None

    def sets_in_flight(self, vendor: str) -> bool:
        """Say whether somebody has set that figure, or it is the one for a new account.

        Raises:
            UsageError: As `in_flight`.
        """
        if vendor == "fal":
            return "in_flight" in self.fal().model_fields_set
        return vendor == "unified" and "in_flight" in self.unified().model_fields_set

    def hosting(self) -> HostingSettings:
        """Return where files are put for vendors that take only links.

        Raises:
            UsageError: Nothing is set, or a setting cannot be read.
        """
        # Only whether there is a key counts there: fal's CDN then is the hosting of last resort.
        account = {"FAL_KEY": "set"} if self.fal().key is not None else {}
        return hosting_settings({**environment(self._environ), **account})

    def fetching(self) -> FetchSettings:
        """Return how inputs that are links are fetched.

        Raises:
            UsageError: A setting cannot be read; the sentence names it.
        """
        given = environment(self._environ).get(FETCH_LIMIT)
        try:
            return FetchSettings.model_validate({"limit_mb": given} if given else {})
        except ValidationError as error:
            fault = error.errors(include_input=False)[0]
            raise UsageError(f"{FETCH_LIMIT} cannot be used: {fault['msg']}") from None

    def signing(self) -> SigningSettings | None:
        """Return what outputs are signed with; None: they are not.

        Raises:
            UsageError: A setting cannot be read.
        """
        return SigningSettings.found(self._environ)

    def ledger(self) -> LedgerSettings:
        """Return where the ledger is, and the limits of spending.

        Raises:
            UsageError: A setting cannot be read; the sentence names it.
        """
        seen = environment(self._environ)
        given = {name: seen[variable] for name, variable in _LEDGER.items() if seen.get(variable)}
        try:
            return LedgerSettings.model_validate(given)
        except ValidationError as error:
            fault = error.errors(include_input=False)[0]
            raise UsageError(
                f"{_LEDGER[str(fault['loc'][0])]} cannot be used: {fault['msg']}"
            ) from None


def uses_blocks(home: Home, environ: Mapping[str, str]) -> bool:
    """Say whether blocks are looked for here: they are named, or a run of this home found one."""
    return bool(environ.get(BLOCKS)) or _note(home).exists()


def note_blocks(home: Home) -> None:
    """Remember that a run of this home found a block."""
    place = _note(home)
    if not place.exists():
        with disk_errors(place):
            home.folder()
            place.touch()


def _note(home: Home) -> Path:
    return home.root / "uses-blocks"
