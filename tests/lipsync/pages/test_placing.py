"""Claims about where a page goes, and when it is written."""

import logging
from pathlib import Path

import pytest

from lipsync.output import page_path
from lipsync.pages.placing import is_current, put_page
from lipsync.pages.story import DubStory
from tests.lipsync.pages.stories import report, story


@pytest.fixture
def told(tmp_path: Path) -> DubStory:
    return story(report=report(output=tmp_path / "out.mp4"))


def test_a_page_stands_beside_its_output_whole_and_alone(told: DubStory, tmp_path: Path) -> None:
    page = put_page(told)
    assert page == page_path(told.report.output) == tmp_path / "out.mp4.html"
    assert page.read_text(encoding="utf-8").endswith("</html>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4.html"]


def test_a_page_is_known_to_be_of_this_report_and_of_no_other(told: DubStory) -> None:
    page = page_path(told.report.output)
    assert not is_current(page, told.report)
    put_page(told)
    assert is_current(page, told.report)
    assert not is_current(page, told.report.model_copy(update={"notes": ("another",)}))


def test_an_older_page_of_ours_gives_way(told: DubStory) -> None:
    put_page(told)
    newer = told.model_copy(update={"report": told.report.model_copy(update={"tempo": 1.01})})
    put_page(newer)
    assert is_current(page_path(told.report.output), newer.report)


def test_somebody_s_page_is_left_alone_unless_it_may_be_overwritten(
    told: DubStory, caplog: pytest.LogCaptureFixture
) -> None:
    page = page_path(told.report.output)
    page.write_text("somebody's work")
    with caplog.at_level(logging.WARNING, "lipsync"):
        assert put_page(told) is None
    assert page.read_text() == "somebody's work"
    assert "is no report of Dubline" in caplog.text
    assert put_page(told, overwrite=True) == page
    assert is_current(page, told.report)


def test_a_page_that_cannot_be_written_costs_nobody_the_dub(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = story(report=report(output=tmp_path / "gone" / "out.mp4"))
    with caplog.at_level(logging.WARNING, "lipsync"):
        assert put_page(told) is None
    assert "cannot be written" in caplog.text
