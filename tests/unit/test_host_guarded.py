"""The packet guard of the machine, against what the kernel showed of it when it was loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from komando.host import guarded
from komando.host.guarded import LOADED, UNIT, guard_findings

TABLE = "table inet komando_base {\n\tchain input {\n\t\tpolicy drop;\n\t}\n}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in ((UNIT, "[Unit]\n"), (LOADED, TABLE)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def found(root: Path, live: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    monkeypatch.setattr(guarded, "shown", lambda *_: live)
    return [(one.found, one.diff) for one in guard_findings(root)]


def test_a_guard_that_stands_as_it_was_loaded_is_no_finding(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(root, TABLE, monkeypatch) == []


def test_one_that_somebody_flushed_or_changed_is(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(root, "", monkeypatch) == [("it is missing", "")]
    ((words, diff),) = found(root, TABLE.replace("drop", "accept"), monkeypatch)
    assert words == "it differs"
    assert "-\t\tpolicy drop;\n+\t\tpolicy accept;" in diff


def test_one_that_its_unit_did_not_load_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / LOADED).unlink()
    assert found(root, TABLE, monkeypatch) == [("nobody knows who loaded it", "")]


def test_a_machine_that_never_had_one_is_not_asked(tmp_path: Path) -> None:
    assert list(guard_findings(tmp_path)) == []
