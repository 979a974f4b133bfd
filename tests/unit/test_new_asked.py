"""`komando new` at a terminal: what it asks, what it takes for an answer, how it is broken off."""

from __future__ import annotations

import os
import pty
import select
import shlex
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.unit.test_new import WHY, files, loaded, new
from tests.unit.test_new_signer import KEY


def at_terminal(policies: Path, answers: list[str], *arguments: str) -> tuple[int, str]:
    """The verb with a terminal of its own: each answer is typed once its question stands there."""
    child, terminal = pty.fork()
    if child == 0:
        code = "from komando.cli import run; run()"
        words = [sys.executable, "-c", code, "new", *arguments, "--policies", str(policies)]
        os.execv(sys.executable, words)  # noqa: S606 - a list of arguments, and no shell
    said, waiting = "", list(answers)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            chunk = os.read(terminal, 4096).decode()
        except OSError:  # it has ended
            break
        said += chunk
        if said.rstrip(" ").endswith(":") and waiting:
            os.write(terminal, waiting.pop(0).encode())
            said += "\n"
    else:
        os.kill(child, signal.SIGKILL)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.replace("\r", "")


def test_what_no_flag_says_is_asked_with_what_is_usual(policies: Path) -> None:
    answers = ["Dinas Contoh\n", "\n", "5\n", "5 Mbit/s\n", WHY + "\n", *["\n"] * 5]
    status, said = at_terminal(policies, answers, "opd", "dinas-contoh")
    assert status == 0, said
    assert "Segment [metro]:" in said
    assert "Guarantee, as 20 Mbit/s:" in said
    assert "Calendar (working-week, around-the-clock) [working-week]:" in said
    assert "write `5 Mbit/s` if megabits per second are meant" in said, "an answer that is refused"
    assert "Ceiling [20 Mbit/s]:" in said
    office = loaded(policies).opd["dinas-contoh"]
    assert (str(office.guarantee), office.calendar) == ("5 Mbit/s", "working-week")


def test_an_answer_is_held_against_those_before_it(policies: Path) -> None:
    answers = ["\n", "dinas kesehatan\n", "Dinas Contoh\n", "\n", "5 Mbit/s\n", "short\n",
               WHY + "\n", "\n", "\n", "4 Mbit/s\n", "\n", "6 Mbit/s\n", "\n", "1 Mbit/s\n",
               "200 Mbit/s\n", "\n"]  # fmt: skip
    status, said = at_terminal(policies, answers, "opd", "dinas-contoh")
    assert status == 0, said
    for words in ("needed: a line of text\n", "has the name Dinas Kesehatan already",
                  "say enough for a reader who was not there",
                  "4 Mbit/s is below the guarantee, 5 Mbit/s",
                  "6 Mbit/s is above the guarantee, 5 Mbit/s",
                  "1 Mbit/s is below the guarantee, 5 Mbit/s",
                  "200 Mbit/s is above what the last mile carries, 100 Mbit/s"):  # fmt: skip
        assert words in said


def test_a_refusal_after_all_questions_leaves_the_command(policies: Path) -> None:
    answers = ["Dinas Contoh\n", "60 Mbit/s\n", WHY + "\n", *["\n"] * 5]
    status, said = at_terminal(policies, answers, "opd", "x", "--segment", "metro")
    assert status == 1
    assert "nothing was written: " in said
    (command,) = (line for line in said.splitlines() if line.startswith("  komando new opd x "))
    words = shlex.split(command)[2:]
    assert words[words.index("--name") + 1] == "Dinas Contoh"
    assert words[words.index("--segment") + 1] == "metro"
    words[words.index("--guarantee") + 1] = "5 Mbit/s"
    words[words.index("--floor") + 1] = "1 Mbit/s"
    assert words[words.index("--policies") + 1] == str(policies)
    assert new(policies, *words).exit_code == 0


def test_an_exception_says_one_of_two(policies: Path) -> None:
    answers = ["2027-04-32\n", "2028-01-01\n", "2027-04-05\n", "2027-04-04\n", "2027-04-06\n",
               "Immunisation\n", "\n", "\n", "11 Mbit/s\n", "\n", "\n"]  # fmt: skip
    status, said = at_terminal(policies, answers, "exception", "bpbd")
    assert status == 0, said
    for words in ("First day, as 2026-11-24:", "a day that no calendar has",
                  "2028-01-01 is not one of the covered days, 2026-01-01 to 2027-12-31",
                  "2027-04-04 is before the first day, 2027-04-05",
                  "one of the two has to be said\n"):  # fmt: skip
        assert words in said
    (one,) = loaded(policies).opd["bpbd"].exceptions
    assert str(one.guarantee) == "11 Mbit/s"


def test_a_signer_is_asked_for_a_key(policies: Path, tmp_path: Path) -> None:
    (tmp_path / "id.pub").write_text(f"{KEY}\n")
    answers = ["Head of networks\n", "bpbd\n", "approver\n", "nobody\n", "one@office.example\n",
               f"{tmp_path}/none.pub\n", f"{tmp_path}/id.pub\n", "2026-01-01\n", "2025-01-01\n",
               "\n"]  # fmt: skip
    status, said = at_terminal(policies, answers, "signer", "approver-1")
    assert status == 0, said
    assert "Role (approver, requester):" in said
    assert said.count("(approver, requester)") == 1
    for words in ("'nobody': no mail address", "none.pub: a file that cannot be read",
                  "2025-01-01 is before the first day, 2026-01-01"):  # fmt: skip
        assert words in said
    assert loaded(policies).people["approver-1"].keys == (KEY,)


@pytest.mark.parametrize("typed", ["\x03", "\x04"])
def test_an_interrupt_at_a_question_leaves_nothing(policies: Path, typed: str) -> None:
    before = files(policies)
    status, said = at_terminal(policies, ["Dinas Contoh\n", "\n", typed], "opd", "dinas-contoh")
    assert status == 1
    assert "Guarantee, as 20 Mbit/s:" in said
    assert said.endswith("Error: nothing was written\n")
    assert files(policies) == before
