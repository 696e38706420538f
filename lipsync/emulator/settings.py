"""Settings: how the emulated vendors behave when nothing goes wrong."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from lipsync.values import Value

ResultShape = Literal["results.url", "results", "result_data", "output"]


class Settings(Value):
    """Everything about the emulated vendors that can be chosen."""

    fal_key: str = Field(default="emulated-id:emulated-secret", repr=False)
    unified_key: str = Field(default="emulated-unified-key", repr=False)
    latency_s: float = Field(default=0.3, ge=0, description="From the start of a job to its end.")
    # fal gives new accounts 2 (reference: fal-protocol.md §8).
    fal_slots: int = Field(default=2, ge=1, description="Jobs of the account that run at once.")
    unified_slots: int = Field(default=10, ge=1, description="No vendor publishes a figure.")
    render: Literal["mux", "engine"] = Field(
        default="mux", description="mux: the fitted picture with the voice; engine: drawn lips."
    )
    # At least 7 days (fal's FAQ); 24 h at the unified API (reference: fal-protocol.md §6, §1.3).
    fal_link_life_s: float = 7 * 86_400
    unified_link_life_s: float = 86_400
    # JSON is kept 30 days, or 1 h when it is not stored (reference: fal-protocol.md §6).
    result_life_s: float = 30 * 86_400
    unstored_result_life_s: float = 3_600
    listing_lag_s: float = Field(
        default=0.0, ge=0, description="How late a request is in fal's request list."
    )
    lists_unfinished: bool = Field(
        default=True, description="Whether that list shows requests that run; fal does not say."
    )
    bills_422: bool = Field(default=False, description="fal: a 422 may still be charged.")
    dialect: Literal["foxapi", "evolink"] = Field(
        default="foxapi", description="Whose words the unified API uses, for errors too."
    )
    result_shape: ResultShape = Field(default="results.url", description="Of the unified API.")
    media_fields: tuple[tuple[str, str], ...] = Field(
        default=(("video", "audio"), ("video_url", "audio_url")),
        description="Names of the pair the unified API takes.",
    )
    # Invented: a price per credit is not published.
    credits_per_s: Decimal = Decimal(5)
    slow_s: float = Field(default=3.0, ge=0, description="How late a slow reply is.")
