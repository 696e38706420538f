"""Claims about a rush: what can wait does while something is bought or soon will be."""

import pytest

from lipsync.batch.rush import ASKED_S, AT_ONCE, BUYING_S, CALM_S, PATIENT_S, Rush


@pytest.fixture
def rush() -> Rush:
    return Rush()


def is_on(rush: Rush, now_s: float, queued: int = 0) -> bool:
    return rush.is_on(now_s, queued)


def test_there_is_none_before_anything_happened(rush: Rush) -> None:
    assert not is_on(rush, 0.0)
    assert not rush.is_buying(0.0, queued=0)


def test_a_purchase_has_need_of_the_machine_until_it_waits_for_its_answer(rush: Rush) -> None:
    rush.buying(2, 10.0)
    assert is_on(rush, 10.1)
    assert not is_on(rush, 10.0 + BUYING_S)  # a vendor that takes its time
    assert is_on(rush, 20.0, queued=1)


def test_a_purchase_that_is_over_needs_nothing(rush: Rush) -> None:
    rush.buying(2, 10.0)
    rush.bought(2)
    assert not is_on(rush, 10.1)


def test_purchases_begin_a_few_at_a_time(rush: Rush) -> None:
    for line in range(AT_ONCE):
        assert rush.has_room(10.0)
        rush.buying(line, 10.0)
    assert not rush.has_room(10.0 + ASKED_S / 2)
    rush.bought(0)
    assert rush.has_room(10.0 + ASKED_S / 2)


def test_vendors_that_take_their_time_hold_no_purchase_back(rush: Rush) -> None:
    for line in range(AT_ONCE):
        rush.buying(line, 10.0)
    assert not rush.has_room(10.0)
    assert rush.has_room(10.0 + ASKED_S)


def test_a_job_that_ended_announces_a_purchase(rush: Rush) -> None:
    rush.ended(10.0)
    assert is_on(rush, 10.0 + CALM_S - 0.01)
    assert not is_on(rush, 10.0 + CALM_S)
    assert not rush.is_buying(10.0, queued=0)


def test_jobs_that_end_all_the_time_do_not_hold_the_rest_back_for_ever(rush: Rush) -> None:
    held = []
    for tenth in range(100):
        rush.ended(tenth / 10)
        held.append(is_on(rush, tenth / 10))
    assert held == [tenth / 10 < PATIENT_S for tenth in range(100)]


def test_after_a_calm_there_is_patience_again(rush: Rush) -> None:
    rush.ended(0.0)
    assert is_on(rush, 0.0)
    rush.ended(PATIENT_S)
    assert not is_on(rush, PATIENT_S)
    assert not is_on(rush, PATIENT_S + CALM_S)
    rush.ended(10.0)
    assert is_on(rush, 10.0)
