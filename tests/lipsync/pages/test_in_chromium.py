"""Claims about what a browser makes of the pages: real Chromium, from disk, in both themes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lipsync.pages.batch import batch_page
from lipsync.pages.dub import dub_page
from tests.lipsync.pages.stories import HOSTILE, batch, failed, report, row, story

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium"),
    pytest.mark.xdist_group("chromium"),
]


class Seen:
    """One opened page, and everything it did."""

    def __init__(self, page: Any, path: Path) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page = page
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(path.as_uri())

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    contexts = []

    def open_it(text: str, **wanted: Any) -> Seen:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        contexts.append(browser.new_context(**wanted))
        return Seen(contexts[-1].new_page(), path)

    yield open_it
    for context in contexts:
        context.close()


def pages() -> dict[str, str]:
    return {
        "dub": dub_page(story()),
        "batch": batch_page(batch(*(row(line) for line in range(2, 40)), failed(50))),
    }


@pytest.mark.parametrize("kind", ["dub", "batch"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_asks_for_nothing_complains_of_nothing_and_fits(
    opened: Any, kind: str, scheme: str, width: int
) -> None:
    size = {"width": width, "height": 800}
    seen = opened(pages()[kind], viewport=size, color_scheme=scheme)
    assert [url for url in seen.asked if not url.startswith("data:")] == seen.asked[:1]
    assert seen.said == []
    assert seen.run("document.documentElement.scrollWidth") <= width


# The least contrast of any text on a page.
CONTRAST = """() => {
  const light = (css) => {
    const [r, g, b] = css.match(/[\\d.]+/g).slice(0, 3).map((v) => {
      v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (el) => {
    for (; el; el = el.parentElement) {
      const css = getComputedStyle(el).backgroundColor;
      if (/^rgb\\(/.test(css)) return css; }
    return "rgb(255,255,255)"; };
  return [...document.querySelectorAll("p, h1, h2, dt, dd, td, th, a, li, b, figcaption")]
    .filter((el) => el.textContent.trim())
    .map((el) => { const [a, b] = [light(getComputedStyle(el).color), light(behind(el))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); })
    .reduce((a, b) => Math.min(a, b)); }"""


def test_both_themes_can_be_read(opened: Any) -> None:
    """WCAG 2.2 asks for a contrast of 4.5 between text and what is behind it."""
    for scheme in ("light", "dark"):
        for text in pages().values():
            assert opened(text, color_scheme=scheme).run(CONTRAST) >= 4.5


def test_on_paper_it_is_light_whatever_the_screen_is(opened: Any) -> None:
    for text in pages().values():
        seen = opened(text, color_scheme="dark")
        seen.page.emulate_media(media="print", color_scheme="dark")
        assert seen.run(CONTRAST) >= 4.5
        assert seen.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_the_verdict_and_the_cost_are_seen_on_a_phone_without_scrolling(opened: Any) -> None:
    seen = opened(pages()["dub"], viewport={"width": 390, "height": 844})
    assert seen.run("document.querySelector('.banner').getBoundingClientRect().top") < 100
    assert seen.run("document.querySelector('.tiles').getBoundingClientRect().bottom") < 844


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_stranger_s_text_runs_nowhere_and_breaks_no_layout(opened: Any, name: str) -> None:
    short = name[:100].replace("/", "").replace("\0", "")
    dub = story(report=report(short, notes=(name,), model=name, sync_reason=name))
    for text in (
        dub_page(dub),
        batch_page(batch(row(2, id=name, model=name, reason=name), failed(3, id=name))),
    ):
        seen = opened(text, viewport={"width": 390, "height": 800})
        assert seen.said == []
        assert seen.run("document.title") != "owned"
        assert seen.run("getComputedStyle(document.body).display") == "block"
        assert seen.run("document.documentElement.scrollWidth") <= 390


def test_a_script_that_got_in_would_not_run(opened: Any) -> None:
    planted = "<script>document.title = 'owned'</script><p onclick=1>"
    text = pages()["dub"].replace("<main>", f"<main>{planted}<style>body{{display:none}}</style>")
    seen = opened(text)
    assert seen.run("document.title") != "owned"
    assert seen.run("getComputedStyle(document.body).display") == "block"
    assert any("Content Security Policy" in said for said in seen.said)


def test_a_table_is_sorted_by_the_heading_that_is_pressed(opened: Any) -> None:
    rows = [row(2, billed_usd="10"), row(3, billed_usd="9"), row(4, billed_usd=None)]
    seen = opened(batch_page(batch(*rows, row(10, billed_usd="0.5"))))
    lines = "[...document.querySelectorAll('.rows tbody tr')].map((r) => r.cells[0].textContent)"
    press = "document.querySelectorAll('.rows th button')[{}].click()"
    assert seen.run(lines) == ["2", "3", "4", "10"]
    seen.run(press.format(6))
    assert seen.run(lines) == ["4", "10", "3", "2"]
    seen.run(press.format(6))
    assert seen.run(lines) == ["2", "3", "10", "4"]
    seen.run(press.format(1))
    assert seen.run(lines) == ["2", "3", "4", "10"]
    assert seen.run("document.querySelectorAll('.rows th')[1].ariaSort") == "ascending"


def test_without_scripts_it_is_a_table_all_the_same(opened: Any) -> None:
    seen = opened(pages()["batch"], java_script_enabled=False)
    assert seen.page.locator(".rows tbody tr").count() == 39
    assert seen.page.locator(".rows th button").count() == 0


def test_what_is_out_of_sight_of_a_thousand_rows_is_not_laid_out(opened: Any) -> None:
    rows = [row(line) for line in range(2, 1_002)]
    seen = opened(batch_page(batch(*rows)))
    skipped = (
        "[...document.querySelectorAll('.rows tbody tr')]"
        ".filter((r) => !r.cells[0].checkVisibility({contentVisibilityAuto: true})).length"
    )
    assert seen.run(skipped) > 900
