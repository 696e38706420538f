"""Claims about the page of a dub, read back by an HTML parser that is not ours."""

import re
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from lipsync.pages.dub import dub_page, headline
from lipsync.pages.story import Curves
from lipsync.verdicts import Mark
from tests.lipsync.pages.stories import HOSTILE, choice, report, story, verdict

# Elements without an end (HTML, void elements).
VOID = {"meta", "link", "img", "br"}


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"], ["title"]):
            self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_the_first_line_says_whether_it_is_right_and_the_next_what_it_is_and_what_it_cost() -> None:
    text = read(dub_page(story())).text.split("Before and after")[0]
    said = [text.index(one) for one in ("all 2 checks passed", "out.mp4", "2.50 s", "$0.25")]
    assert said == sorted(said)


def test_what_failed_is_named_first_with_its_figure_and_its_limit() -> None:
    late = verdict("voice_offset", Mark.FAIL, value=312.5, limit="±5 ms", note="against the voice")
    page = dub_page(story(report=report(verdicts=(verdict(), late))))
    text = read(page).text
    assert "Needs review: voice offset" in text
    top = text.split("Before and after")[0]
    assert all(said in top for said in ("312.5", "±5 ms", "against the voice", "1 failed"))
    assert page.index("Voice offset", page.index("<h2>Checks")) < page.rindex("Length")


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        pytest.param((Mark.PASS, Mark.PASS), "Right: all 2 checks passed", id="right"),
        pytest.param((Mark.PASS, Mark.WARN), "Right, with 1 warning", id="warned"),
        pytest.param((Mark.WARN, Mark.FAIL), "Needs review: length", id="failed"),
    ],
)
def test_the_headline_is_as_bad_as_the_worst_check(marks: tuple[Mark, ...], said: str) -> None:
    assert headline(report(verdicts=tuple(verdict(mark=mark) for mark in marks))).said == said


def test_the_page_tells_every_choice_every_note_and_every_hash() -> None:
    told = story()
    text = read(dub_page(told)).text
    one = told.report
    wanted = [one.output_sha256, one.video_sha256, one.voice_sha256, one.request_id, one.dub_key]
    wanted += [*one.notes, *(reason for choice in one.choices for reason in choice.reasons)]
    wanted += ["silence taken off", "round 2", "dubline 0.1.0", "fal-ai/sync-lipsync/v2"]
    wanted += ["2026-11-20 12:30:00 UTC", "compositeWithTrainedAlgorithmicMedia"]
    assert [said for said in wanted if said not in text] == []


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_is_shown_and_never_run(name: str) -> None:
    clean = read(dub_page(story()))
    reason = (name,)
    hostile = report(
        name[-200:].replace("/", "").replace("\0", ""),
        notes=reason,
        sync_reason=name,
        request_id=name,
        model=name,
        choices=(choice(name, reasons=reason),),
        verdicts=(verdict(name, value=name, limit=name, note=name), verdict()),
        video=f"/in/{name}",
    )
    page = dub_page(story(report=hostile))
    page.encode("utf-8")
    seen = read(page)
    count = [sum(tag == one for tag, _ in seen.tags) for one in ("script", "style", "img", "rect")]
    assert count == [
        sum(tag == one for tag, _ in clean.tags) for one in ("script", "style", "img", "rect")
    ]
    assert not any(key.startswith("on") for _, attrs in seen.tags for key in attrs)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", page)
    assert len(page) < 100_000


def test_links_only_lead_beside_the_page() -> None:
    page = read(dub_page(story("javascript:alert(1).mp4")))
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert links[:2] == ["./javascript%3Aalert%281%29.mp4", "./javascript%3Aalert%281%29.mp4.json"]
    assert all(link.startswith("./") for link in links)


def test_an_hour_is_drawn_as_small_as_a_minute() -> None:
    curves = Curves(step_s=0.04, voice_db=(-30.0,) * 90_000)
    long = dub_page(story(curves=curves, report=report(output_s=3600.0)))
    assert len(long) < len(dub_page(story())) + 20_000


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ("shots", "Before and after"),
        ("strip", "as it is"),
        ("curves", "mouth before"),
        ("provenance", "· provenance"),
    ],
)
def test_a_page_can_do_without(left_out: str, said: str) -> None:
    nothing = () if left_out == "shots" else None
    whole, less = (read(dub_page(told)).text for told in (story(), story(**{left_out: nothing})))
    assert said in whole
    assert said not in less
    assert "all 2 checks passed" in less


def test_a_price_nobody_knows_is_not_nothing() -> None:
    text = read(dub_page(story(report=report(quoted_usd=None, billed_usd=None)))).text
    assert "not known" in text
    free = read(dub_page(story(report=report(billed_usd=Decimal(0))))).text
    assert "$0.00" in free
