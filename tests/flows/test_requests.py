"""Claims about `dubline requests` and `models`: what was bought is settled, nothing is bought."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.cli import main
from lipsync.emulator.account import Accepted
from lipsync.errors import OutcomeUnknown
from lipsync.shelf import data_folder
from lipsync.submit import submit
from lipsync.tickets import Ticket, TicketState
from lipsync.workshop import Workshop
from tests.flows.terminal import Answer
from tests.lipsync.vendors.falshop import Shop, open_shop

Here = Callable[..., Answer]


@pytest.fixture
def fal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A home with a pair in its store, and an emulated fal that runs one job at a time."""
    monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DUBLINE_BLOCKS", raising=False)
    with open_shop(tmp_path, monkeypatch.setenv, fal_slots=1) as opened:
        yield opened


@pytest.fixture
def works(fal: Shop) -> Workshop:
    return Workshop(fal.store.home)


@pytest.fixture
def here(fal: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run `dubline` in this process, with the emulator's exports; its answers show no key."""

    def run(*argv: str | int) -> Answer:
        monkeypatch.setattr("sys.argv", ["dubline", *map(str, argv)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        answer = Answer(int(end.value.code or 0), *capsys.readouterr())
        assert fal.emulator.settings.fal_key not in answer.out + answer.err
        return answer

    return run


def bought(fal: Shop, works: Workshop, **changes: int) -> Ticket:
    return submit(fal.order(**changes), works.ledger, fal.vendor).ticket


def lost(fal: Shop, works: Workshop) -> tuple[Ticket, Accepted]:
    """Buy, and lose the answer; fal's list of requests does not help."""
    fal.emulator.fault("cut_after_acceptance")
    fal.emulator.fault("listing_503", times=None)
    with pytest.raises(OutcomeUnknown):
        bought(fal, works)
    (ticket,), (job,) = works.ledger.tickets(), fal.emulator.account().accepted
    return ticket, job


def test_the_list_names_every_ticket_and_can_be_narrowed(
    fal: Shop, works: Workshop, here: Here
) -> None:
    ticket = bought(fal, works)
    answer = here("requests", "list")
    assert answer.code == 0
    assert str(ticket.request_id) in answer.out
    (listed,) = here("requests", "list", "--json").data["tickets"]
    assert (listed["id"], listed["state"]) == (ticket.id, "submitted")
    assert here("requests", "list", "--state", "unknown", "--json").data == {"tickets": []}


def test_a_ticket_is_shown_with_its_whole_history(fal: Shop, works: Workshop, here: Here) -> None:
    ticket = bought(fal, works)
    shown = here("requests", "show", ticket.id, "--json").data
    assert shown["request_id"] == ticket.request_id
    moves = [event["state"] for event in shown["history"]]
    assert moves == ["intended", "intended", "submitting", "submitted"]
    assert "submitting" in here("requests", "show", ticket.id).out


def test_a_paid_result_is_brought_here_and_bought_no_second_time(
    fal: Shop, works: Workshop, here: Here
) -> None:
    ticket = bought(fal, works)
    for _ in range(2):
        answer = here("requests", "resume", ticket.id, "--json")
        assert answer.code == 0
        assert Path(answer.data["file"]["path"]).is_file()
    assert works.ledger.ticket(ticket.id).state is TicketState.DELIVERED
    assert len(fal.emulator.account().accepted) == 1


def test_a_queued_job_is_cancelled_at_no_cost_and_only_once(
    fal: Shop, works: Workshop, here: Here
) -> None:
    fal.emulator.fault("stuck", skip=1)
    first, second = bought(fal, works), bought(fal, works, generation=2)
    here("requests", "resume", first.id)
    answer = here("requests", "cancel", second.id, "--json")
    assert (answer.code, answer.data["state"]) == (0, "cancelled")
    assert answer.data["billed_usd"] == "0"
    again = here("requests", "cancel", second.id)
    assert again.code == 2
    assert "there is nothing left to cancel" in again.sentence


def test_an_unknown_request_that_a_person_found_is_collected(
    fal: Shop, works: Workshop, here: Here
) -> None:
    ticket, job = lost(fal, works)
    unknown = here("requests", "resume", ticket.id, "--json")
    assert unknown.code == unknown.data["exit_code"] == 7
    answer = here("requests", "resolve", ticket.id, "--bought", job.request_id, "--json")
    assert (answer.code, answer.data["state"]) == (0, "submitted")
    assert here("requests", "resume", ticket.id).code == 0
    assert len(fal.emulator.account().accepted) == 1


def test_an_unknown_request_that_was_not_bought_is_over_and_cost_nothing(
    fal: Shop, works: Workshop, here: Here
) -> None:
    ticket, _ = lost(fal, works)
    answer = here("requests", "resolve", ticket.id, "--not-bought", "--json")
    assert (answer.data["state"], answer.data["billed_usd"]) == ("failed", "0")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param([], "say one of --bought REQUEST_ID, --not-bought or --billed", id="none"),
        pytest.param(["--bought", "a", "--not-bought"], "say one of --bought", id="two"),
        pytest.param(["--billed", "much"], "much is no sum in US dollars", id="no sum"),
        pytest.param(["--billed", "-1"], "a bill is 0 or more US dollars", id="debt"),
        pytest.param(["--not-bought"], "is submitted, which is known", id="known"),
    ],
)
def test_a_resolution_that_makes_no_sense_is_one_sentence_and_exit_2(
    fal: Shop, works: Workshop, here: Here, options: list[str], said: str
) -> None:
    ticket = bought(fal, works)
    answer = here("requests", "resolve", ticket.id, *options, "--json")
    assert answer.code == answer.data["exit_code"] == 2
    assert said in answer.sentence
    assert works.ledger.ticket(ticket.id) == ticket


@pytest.mark.parametrize("command", ["show", "resume", "cancel"])
def test_a_ticket_that_is_not_there_is_named(here: Here, command: str) -> None:
    answer = here("requests", command, 99, "--json")
    assert answer.code == 2
    assert "99: there is no such ticket" in answer.sentence


def test_refreshed_prices_come_before_the_shipped_ones_and_never_into_their_file(
    fal: Shop, works: Workshop, here: Here
) -> None:
    shipped = (data_folder() / "models.toml").read_bytes()
    answer = here("models", "--refresh-prices", "--json")
    assert answer.code == 0
    rows = {row["id"]: row for row in json.loads(answer.out)["models"]}
    assert rows["sync-2"]["price"]["usd"]["source"] == "fal-pricing-api"
    assert rows["local-preview"]["price"]["basis"] == "free"
    assert (data_folder() / "models.toml").read_bytes() == shipped
    assert works.catalogue.models["sync-2"].price.usd is not None
    assert works.catalogue.models["sync-2"].price.usd.source == "fal-pricing-api"


def test_a_result_of_another_length_says_what_it_cost_and_is_not_bought_again(
    fal: Shop, works: Workshop, here: Here
) -> None:
    fal.emulator.fault("wrong_length", vendor="fal")
    ticket = bought(fal, works)
    for _ in range(2):
        answer = here("requests", "resume", ticket.id)
        assert answer.code == 5
        assert "fal delivered something else: it is 0.68 s long" in answer.err
        assert "it cost $0.0" in answer.err
        assert f"claim it at fal as request {ticket.request_id}" in answer.err
        assert "`--generation 2`" in answer.err
    shown = here("requests", "show", ticket.id).out
    assert "flaw      it is 0.68 s" in shown
    assert "billed    $0.0" in shown
    assert bought(fal, works).id == ticket.id
    assert len(fal.emulator.account().accepted) == 1
