"""The command line of the host program."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import pytest

from komando.host.__main__ import main, parser
from komando.host.layout import Paths
from tests.host_bundle import City, bundle_of, cargo_of, files_of


def test_a_host_without_a_generation_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["observe"], Paths(tmp_path)) == 0
    assert main(["hours"], Paths(tmp_path)) == 0
    observed, hours = map(json.loads, capsys.readouterr().out.splitlines())
    assert observed["generation"] is None
    assert observed["kernel"] == "ok"
    assert (hours["generation"], hours["changes"], hours["rebuilt"]) == (None, [], False)


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = capsys.readouterr().out
    for word in ("observe", "activate DIGEST", "hours", "export", "clock off", "Exit codes"):
        assert word in said
    assert parser().prog == "komando-host"


def sent(patch: pytest.MonkeyPatch, stream: BinaryIO) -> None:
    patch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))


def test_a_sender_without_an_end_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/zero").open("rb") as endless:
        sent(monkeypatch, endless)
        assert main(["activate", "0" * 64], Paths(tmp_path)) == 1
    said = capsys.readouterr().err
    assert said == "komando-host: no bundle: more than 33554432 bytes came on standard input\n"


def test_a_number_that_python_will_not_read_is_one_line_of_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "etc/komando/tc/download.tc"
    text = files_of(City())[path].decode().replace("rate 1000000bit", f"rate {'9' * 5000}bit")
    bundle = bundle_of(City(extra={path: text}))
    sent(monkeypatch, io.BytesIO(cargo_of(bundle)))
    assert main(["activate", bundle.digest], Paths(tmp_path)) == 1
    said = capsys.readouterr().err
    assert said.startswith("komando-host: Exceeds the limit")
    assert said.count("\n") == 1


def test_no_verb_is_an_error_of_the_command_line() -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
