"""A program that is run: all that goes in and comes out, and how it ends."""

from __future__ import annotations

import os
import signal

import pytest

from komando.host import command
from komando.host.command import Done, finish


def test_what_goes_in_and_what_comes_out() -> None:
    script = "cat; echo told >&2; exit 3"
    assert finish(["sh", "-c", script], "given\n") == Done(3, "given\n", "told\n")
    assert finish(["cat"]) == Done(0, "", "")


def test_more_than_a_pipe_holds_goes_both_ways() -> None:
    text = "class change dev ifb0\n" * 100_000
    assert finish(["sh", "-c", "tee /dev/stderr"], text) == Done(0, text, text)


def test_a_byte_that_is_no_text_is_shown_as_such() -> None:
    assert finish(["printf", r"a\377b"]).output == "a\ufffdb"


def test_a_signal_is_told_as_such() -> None:
    assert finish(["sh", "-c", "kill -TERM $$"]).code == -signal.SIGTERM


def test_what_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "TIMEOUT", 0.05)
    with pytest.raises(TimeoutError, match=r"no end after 0\.05 s"):
        finish(["sleep", "60"])
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_what_is_not_there_is_an_error_with_its_name() -> None:
    with pytest.raises(FileNotFoundError, match="'no-such-tool'"):
        finish(["no-such-tool"])


def test_signals_that_python_ignores_end_a_program_again() -> None:
    said = finish(["sh", "-c", "kill -PIPE $$; echo still here"])
    assert (said.code, said.output) == (-signal.SIGPIPE, "")


def test_an_inheritable_descriptor_is_inherited() -> None:
    reading, writing = os.pipe()
    try:
        os.set_inheritable(writing, True)
        assert finish(["sh", "-c", f"echo held > /proc/self/fd/{writing}"]).code == 0
        assert finish(["sh", "-c", f"cat < /proc/self/fd/{reading}"]).code != 0
        assert os.read(reading, 100) == b"held\n"
    finally:
        os.close(reading)
        os.close(writing)
