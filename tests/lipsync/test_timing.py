"""Trims mean whole frames, and text has one reading or is refused."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsync.errors import MediaError, UsageError
from lipsync.facts import VideoFacts
from lipsync.timing import Trim, frames_to_hold, grid_frames, parse_trim, samples, trim_frames

NTSC = Fraction(30000, 1001)
RATES = st.sampled_from([Fraction(24), Fraction(25), Fraction(30), NTSC, Fraction(24000, 1001)])


@pytest.mark.parametrize(
    ("text", "start_s", "end_s"),
    [
        ("5:10", 5, 10),
        ("0:10", 0, 10),
        ("12.5:20.25", 12.5, 20.25),
        ("1:30:2:00", 90, 120),
        ("5:1:30", 5, 90),
        ("0:59:1:30", 59, 90),
        ("0:00:05.5:0:01:00", 5.5, 60),
        ("1:00:00:1:00:05", 3600, 3605),
        ("1:30..2:00", 90, 120),
        ("90-2:00", 90, 120),
        ("1:02:03.250 - 1:02:04", 3723.25, 3724),
        ("5:", 5, None),
        ("5..", 5, None),
        ("1:30:", 90, None),
        (":10", 0, 10),
        ("-10", 0, 10),
        (":1:30", 0, 90),
        (" 1:2 ", 1, 2),
    ],
)
def test_a_trim_is_read_as_its_writer_meant_it(
    text: str, start_s: float, end_s: float | None
) -> None:
    assert parse_trim(text) == Trim(start_s=start_s, end_s=end_s)


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "-", "5", "10:5", "5:5", "a:b", "1:-2", "-1:2", "1e3:2e3", "nan:inf", "1;2",
        "1:60:90:00:00", "5:1:15:", "1:2:3:4", "0x1:2", "\u0663:\u0665", ":0", "9999999:",
        "1:2..3:4", "--5", "1..2..3",
    ],
)  # fmt: skip
def test_what_is_no_trim_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="START:END"):
        parse_trim(text)


def test_a_trim_with_two_readings_is_refused_and_both_are_named() -> None:
    with pytest.raises(UsageError, match=r"0 s to 18367 s or 5 s to 367 s"):
        parse_trim("0:05:06:07")


@given(
    start_ms=st.integers(0, 3_599_998),
    length_ms=st.integers(1, 3_600_000),
    separator=st.sampled_from(["..", "-", " - "]),
)
def test_any_two_times_written_out_are_read_back(
    start_ms: int, length_ms: int, separator: str
) -> None:
    def written(time_ms: int) -> str:
        minutes, rest_ms = divmod(time_ms, 60_000)
        return f"{minutes // 60}:{minutes % 60:02}:{rest_ms // 1000:02}.{rest_ms % 1000:03}"

    end_ms = start_ms + length_ms
    trim = parse_trim(f"{written(start_ms)}{separator}{written(end_ms)}")
    assert trim == Trim(start_s=start_ms / 1000, end_s=end_ms / 1000)


@given(rate=RATES, first=st.integers(0, 5000), count=st.integers(1, 5000))
def test_a_trim_on_the_frame_grid_keeps_exactly_those_frames(
    rate: Fraction, first: int, count: int
) -> None:
    trim = Trim(
        start_s=round(float(first / rate), 6), end_s=round(float((first + count) / rate), 6)
    )
    assert trim_frames(trim, first + count, rate) == (first, count)


def test_a_trim_off_the_grid_goes_to_the_nearest_frame() -> None:
    assert trim_frames(Trim(start_s=0.059, end_s=0.061), 100, Fraction(25)) == (1, 1)
    assert trim_frames(Trim(start_s=0.1), 100, Fraction(25)) == (3, 97)
    assert trim_frames(Trim(start_s=1.001), 100, NTSC) == (30, 70)


@pytest.mark.parametrize("trim", [Trim(start_s=4), Trim(start_s=1, end_s=4.03)])
def test_a_trim_outside_the_video_is_refused_with_the_length(trim: Trim) -> None:
    with pytest.raises(MediaError, match=r"100 frames \(4\.000 s\)"):
        trim_frames(trim, 100, Fraction(25))


def test_a_trim_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(UsageError, match="less than one frame"):
        trim_frames(Trim(start_s=1, end_s=1.01), 100, Fraction(25))


@given(rate=RATES, frames=st.integers(1, 10**6))
def test_frames_and_samples_convert_without_drift(rate: Fraction, frames: int) -> None:
    assert abs(samples(frames, rate) - frames * 48_000 / rate) <= Fraction(1, 2)
    assert frames_to_hold(samples(frames, rate), rate) in {frames, frames + 1}


@given(rate=RATES, voice_samples=st.integers(1, 10**8))
def test_the_frames_that_hold_a_voice_lose_none_of_its_samples(
    rate: Fraction, voice_samples: int
) -> None:
    frames = frames_to_hold(voice_samples, rate)
    assert frames * 48_000 / rate >= voice_samples > (frames - 1) * 48_000 / rate


def test_a_video_of_variable_rate_is_counted_on_its_grid(steady: VideoFacts) -> None:
    assert grid_frames(steady) == 50
    uneven = steady.model_copy(update={"constant_rate": False, "frames": 37, "duration_s": 2.4})
    assert grid_frames(uneven) == 60


@pytest.fixture
def steady() -> VideoFacts:
    return VideoFacts(
        codec="h264", pixel_format="yuv420p", bit_depth=8, hdr=False, interlaced=False,
        coded_width_px=160, coded_height_px=120, display_width_px=160, display_height_px=120,
        sample_aspect=Fraction(1), rotation_deg=0, rate=Fraction(25), constant_rate=True,
        frames=50, duration_s=2.0, start_s=0.0,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["4:2", "5..5", "0:10-0:05"])
def test_a_trim_that_ends_before_it_starts_is_told_so(text: str) -> None:
    with pytest.raises(UsageError, match="ends before it starts"):
        parse_trim(text)
