"""Claims about Ctrl-C: it ends a command as itself, with one answer, whatever was at work."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel, model_serializer
from pydantic_core import PydanticSerializationError

from flows.cli import main
from flows.cli.answering import answered
from flows.cli.interrupting import interruptible
from tests.flows.terminal import Answer


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Hear Ctrl-C, also where these tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Slow(BaseModel):
    """Is interrupted while pydantic's compiled half writes it out."""

    @model_serializer(mode="plain")
    def written(self) -> dict[str, Any]:
        ctrl_c()
        return {}


def test_ctrl_c_in_the_middle_of_a_serialization_is_still_ctrl_c() -> None:
    with pytest.raises(PydanticSerializationError):
        Slow().model_dump()
    with pytest.raises(KeyboardInterrupt), interruptible():
        Slow().model_dump()


def test_an_error_that_no_ctrl_c_came_before_is_itself() -> None:
    with pytest.raises(ValueError, match="mine"), interruptible():
        raise ValueError("mine")


def test_where_ctrl_c_is_ignored_it_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible():
        ctrl_c()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def in_a_command() -> None:
    with answered(as_json=True):
        Slow().model_dump()


@pytest.mark.parametrize(
    "moment", [pytest.param(ctrl_c, id="before it"), pytest.param(in_a_command, id="in it")]
)
def test_a_command_answers_ctrl_c_once_before_it_has_begun_as_well_as_in_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], moment: Callable[[], None]
) -> None:
    monkeypatch.setattr("flows.cli.models.show_models", lambda **_options: moment())
    monkeypatch.setattr("sys.argv", ["dubline", "models", "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    answer = Answer(int(end.value.code or 0), *capsys.readouterr())
    assert (answer.code, answer.data["exit_code"]) == (130, 130)
    assert answer.sentence.startswith("dubline: interrupted; nothing half-written is left")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
