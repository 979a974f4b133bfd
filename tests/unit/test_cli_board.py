"""The stages of a rollout: a table that stands on a terminal, lines in a log."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from komando.cli.board import Board

WAVES = (("core-2",), ("core-1", "core-3"))


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def terminal(screen: io.StringIO) -> Console:
    return Console(file=screen, force_terminal=True, width=100, _environ={"TERM": "xterm"})


def rows(screen: io.StringIO) -> list[list[str]]:
    """The lines that the terminal was given last, in words without their styles."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    return [re.split(r"\s{2,}", line.strip()) for line in plain.splitlines() if line.strip()]


def test_on_a_terminal_one_line_stands_for_each_host_in_the_order_of_the_waves(
    terminal: Console, screen: io.StringIO
) -> None:
    board = Board(WAVES, terminal)
    with board.shown():
        board.told("core-2", "confirmed")
        board.told("core-1", "reached; its neighbour core-3 is away")
    assert rows(screen)[-3:] == [
        ["canary", "core-2", "confirmed", "0 s"],
        ["wave 2", "core-1", "reached; its neighbour core-3 is away", "0 s"],
        ["wave 2", "core-3", "waiting"],
    ]
    assert "core-2: confirmed" not in screen.getvalue()
    assert "\x1b[32mconfirmed" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[?25h"), "the cursor is back"


def test_in_a_log_each_stage_is_a_line(screen: io.StringIO) -> None:
    board = Board(WAVES, Console(file=screen, width=100))
    with board.shown(), board.paused():
        board.told("core-2", "armed")
        board.told("core-2", "confirmed")
    assert screen.getvalue() == "core-2: armed\ncore-2: confirmed\n"


def test_whoever_writes_meanwhile_has_the_terminal_alone(
    terminal: Console, screen: io.StringIO
) -> None:
    board = Board(WAVES, terminal)
    with board.shown():
        with board.paused():
            before = len(screen.getvalue())
            assert screen.getvalue().endswith("\x1b[?25h"), "with its cursor"
            board.told("core-2", "confirmed")
            terminal.file.write("3 passed\n")
            assert screen.getvalue()[before:] == "3 passed\n"
        board.told("core-1", "armed")
    assert rows(screen)[-2] == ["wave 2", "core-1", "armed", "0 s"]


@pytest.mark.parametrize("how", [KeyboardInterrupt, RuntimeError])
def test_the_table_goes_on_however_that_ends(
    terminal: Console, screen: io.StringIO, how: type[BaseException]
) -> None:
    """A Ctrl-C while a wave is verified takes it back: what comes of that has to be seen."""
    board = Board(WAVES, terminal)
    with board.shown():
        with pytest.raises(how), board.paused():
            raise how
        board.told("core-2", "going back")
    assert rows(screen)[-3] == ["canary", "core-2", "going back", "0 s"]
    with board.paused():
        before = len(screen.getvalue())
    assert len(screen.getvalue()) == before, "there is no table to come back to"
