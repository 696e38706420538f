"""Claims about the user interface, used as a person does: in a browser, against emulated vendors.

Skipped where there is no Chromium. With `DUBLINE_PICTURES` set to a folder the pages are kept there
as they were seen; `docs/pictures` was made so.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lipsync.emulator import emulating
from lipsync.emulator.emulator import Emulator
from tests.flows.office import Deployed, Office, eventually
from tests.flows.paid import make_pair
from tests.voices import make_voice

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ENDED = {"Completed", "Failed", "Crashed", "Cancelled", "Some", "None"}
# A busy machine draws a page late.
PATIENCE_MS = 60_000

pytestmark = [
    pytest.mark.xdist_group("operation"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


@dataclass
class Screen:
    """A page of the browser, and where the UI is."""

    page: Any
    ui: str

    def open(self, place: str) -> None:
        self.page.goto(self.ui + place)

    def field(self, title: str) -> Any:
        """Find a field of a form by its title."""
        words = self.page.get_by_text(f"{title} (Optional)", exact=True)
        return self.page.locator("div.group", has=words).last

    def keep(self, name: str) -> None:
        """Keep the page as it looks, if pictures are wanted."""
        if folder := os.environ.get("DUBLINE_PICTURES"):
            self.page.wait_for_timeout(1_000)  # charts are drawn in steps
            self.page.screenshot(path=Path(folder) / f"{name}.png")

    def reads(self, text: str) -> bool:
        """Wait until the page says something."""
        self.page.get_by_text(text).first.wait_for()
        return True


@pytest.fixture(scope="module")
def emulator(office: Office, deployed: Deployed) -> Iterator[Emulator]:
    with emulating(office.folder / "emulated", latency_s=0.5) as running:
        yield running


@pytest.fixture(scope="module")
def manifest(office: Office) -> Path:
    """One video and two voices, bought from fal."""
    folder = office.folder / "week"
    folder.mkdir()
    make_pair(folder)
    make_voice(folder / "talk.de.wav", 1.0)
    make_voice(folder / "talk.fr.wav", 0.9)
    place = folder / "week.csv"
    rows = ("video,voice,model", "talk.mp4,talk.de.wav,sync-2", "talk.mp4,talk.fr.wav,sync-2")
    place.write_text("\n".join(rows) + "\n")
    return place


@pytest.fixture(scope="module")
def screen(office: Office, emulator: Emulator) -> Iterator[Screen]:
    """A browser before the UI of `dubline up`, whose worker has the emulator's keys."""
    from playwright.sync_api import sync_playwright

    office.exports = emulator.environment
    up = office.up()
    try:
        assert up.stdout is not None
        up.stdout.readline()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1160, "height": 760})
            page.set_default_timeout(PATIENCE_MS)
            yield Screen(page, office.ui)
            browser.close()
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=90)


def fill(screen: Screen, office: Office, manifest: Path, budget_usd: str) -> None:
    """Open the form of `dub-batch` and fill it in, without sending it."""
    screen.open("/v2/deployments")
    name = screen.page.locator("a[href*='/deployments/deployment/']", has_text="dub-batch")
    name.first.click()
    screen.page.get_by_role("button", name="Run", exact=True).click()
    screen.page.get_by_role("menuitem", name="Custom run").click()
    screen.page.get_by_label("Manifest").fill(str(manifest))
    screen.field("Output Folder").locator("textarea").fill(str(manifest.parent / "dubs"))
    budget = screen.field("Budget (USD)")
    budget.get_by_role("tab", name="float").click()
    budget.locator("input").fill(budget_usd)


def batches(office: Office) -> list[dict[str, Any]]:
    wanted = office.deployment("dub-batch")["id"]
    return [run for run in office.all("flow_runs") if run["deployment_id"] == wanted]


def submit(screen: Screen, office: Office) -> dict[str, Any]:
    """Send the form, go to the run's page, and wait for its end."""
    there = len(batches(office))
    screen.page.get_by_role("button", name="Submit").click()
    screen.page.get_by_text("View run").first.click()
    assert eventually(lambda: len(batches(office)) == there + 1)
    run = max(batches(office), key=lambda one: str(one["created"]))["id"]
    assert eventually(lambda: office.state_of(run) in ENDED)
    return dict(office.call("GET", f"/flow_runs/{run}").body)


def test_a_budget_below_nothing_is_refused_in_the_form(
    screen: Screen, office: Office, manifest: Path
) -> None:
    fill(screen, office, manifest, "-1")
    screen.page.get_by_role("button", name="Submit").click()
    budget = screen.field("Budget (USD)").locator("input")
    assert budget.evaluate("field => field.validationMessage")
    assert batches(office) == []


def test_a_first_batch_buys_nothing_until_the_days_budget_is_raised(
    screen: Screen, office: Office, manifest: Path, emulator: Emulator
) -> None:
    fill(screen, office, manifest, "2")
    run = submit(screen, office)
    assert run["state_type"] == "FAILED"
    assert list(emulator.account().accepted) == []


def test_the_days_budget_is_raised_in_a_form(screen: Screen, office: Office) -> None:
    (document,) = [row for row in office.all("block_documents") if row["name"] == "dubline"]
    screen.open(f"/v2/blocks/block/{document['id']}/edit")
    screen.field("Per day (USD)").locator("input").fill("5")
    screen.keep("ledger")
    screen.page.get_by_role("button", name="Save").click()
    assert screen.reads("Block updated successfully")
    (now,) = [row for row in office.all("block_documents") if row["name"] == "dubline"]
    assert now["data"]["per_day_usd"] == 5


def test_a_batch_started_from_the_form_is_dubbed_and_its_artifacts_are_read(
    screen: Screen, office: Office, manifest: Path, emulator: Emulator
) -> None:
    fill(screen, office, manifest, "2")
    screen.page.get_by_label("Manifest").scroll_into_view_if_needed()
    screen.keep("form")
    run = submit(screen, office)
    assert run["state_name"] == "Completed", run["state"]
    assert run["name"] == "dub batch week.csv"
    assert len(emulator.account().accepted) == 2
    screen.open(f"/v2/runs/flow-run/{run['id']}?tab=TaskRuns")
    assert screen.reads("row 2 talk.de: finish")
    screen.keep("run")
    screen.page.get_by_role("tab", name="Artifacts").click()
    assert screen.reads("2 of 2 dubs are there")
    screen.keep("artifacts")


def test_the_outcome_table_is_a_page_with_every_row(screen: Screen, office: Office) -> None:
    (run,) = [one for one in batches(office) if one["state_name"] == "Completed"]
    tables = [
        row
        for row in office.all("artifacts")
        if row["key"] == "outcome" and row["flow_run_id"] == run["id"]
    ]
    screen.open(f"/v2/artifacts/artifact/{tables[0]['id']}")
    assert screen.reads("talk.de")
    assert screen.reads("talk.fr")
    assert screen.reads("delivered")
    screen.keep("outcome")


def test_the_deployments_are_listed_with_their_tags(screen: Screen) -> None:
    screen.open("/v2/deployments")
    assert screen.reads("watch-folder")
    screen.keep("deployments")
