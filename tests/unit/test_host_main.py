"""The command line of the host program."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import pytest

from komando.host.__main__ import main, understood
from komando.host.grammar import parser
from komando.host.layout import Paths
from komando.host.record import Record
from tests.host_bundle import City, bundle_of, cargo_of, files_of
from tests.host_network import SOURCES


def test_a_host_without_a_generation_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert main(["observe"], Paths(tmp_path)) == 0
    assert main(["hours"], Paths(tmp_path)) == 0
    observed, hours = map(json.loads, capsys.readouterr().out.splitlines())
    assert observed == {
        **dict.fromkeys(("generation", "previous", "profile", "clock", "calendar", "pending")),
        **dict.fromkeys(("reverted", "bypass", "asked_from")),
        "protocol": 2,
        "generations": [],
        "kernel": "ok",
        "sequence": 0,
        "head": "",
    }
    assert (hours["generation"], hours["changes"], hours["rebuilt"]) == (None, [], False)


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = capsys.readouterr().out
    for word in ("observe", "activate DIGEST", "hours", "export", "revert", "bypass on", "record",
                 "clock off", "Exit codes"):  # fmt: skip
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


@pytest.mark.parametrize(
    "line",
    [
        *("observe", "drift", "hours", "boot", "usage", "metrics", "record", "export"),
        *("status", "status bpbd", "status bpbd --seconds 30", "status --seconds 2"),
        *("export 0a", "confirm 0a", "revert 0a", "revert --due 0a", "probe ::1 22"),
        "activate 0a --before none --within 60 --sequence 7 --protocol 2",
        "activate 0a --before 0b --within 0.5 --sequence 0 --protocol 1",
    ],
)
def test_what_is_known_at_sight_is_what_the_grammar_says(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = parser().parse_args(line.split(), SimpleNamespace())
    monkeypatch.delattr("komando.host.grammar.parser")
    assert understood(line.split()) == wanted


@pytest.mark.parametrize(
    "line",
    [
        "probe ::1 ssh",
        "observe now",
        "status bpbd kominfo",
        "status --all",
        "status bpbd --seconds soon",
        "status bpbd --seconds",
        "status bpbd --seconds -1 --now",
        "confirm",
        "export --all",
        "activate 0a --before none --within soon --sequence 7 --protocol 2",
        "activate 0a --before none --within . --sequence 7 --protocol 2",
        "activate 0a --before none --within 60 --sequence x --protocol 2",
        "activate 0a --before --within 60 --sequence 7 --protocol 2",
    ],
)
def test_what_is_said_wrong_is_for_the_grammar(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        understood(line.split())
    assert "usage: komando-host" in capsys.readouterr().err


def test_no_verb_is_an_error_of_the_command_line() -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])


def test_a_neighbour_says_what_it_reaches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for banner, code in ((b"SSH-2.0-OpenSSH_9.2\r\n", 0), (b"220 mail\r\n", 1), (b"", 1)):

            def greet(banner: bytes = banner) -> None:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(banner)

            thread = threading.Thread(target=greet)
            thread.start()
            assert main(["probe", "127.0.0.1", str(port)], Paths(tmp_path)) == code
            thread.join()
    assert main(["probe", "127.0.0.1", str(port)], Paths(tmp_path)) == 1
    said = capsys.readouterr()
    where = f"komando-host: 127.0.0.1 port {port}"
    assert said.out == "SSH-2.0-OpenSSH_9.2\n"
    assert said.err.splitlines() == [
        f"{where} answers, but not as an ssh server: b'220 mail\\r\\n'",
        f"{where} answers, but not as an ssh server: b''",
        f"{where} cannot be reached from here: [Errno 111] Connection refused",
    ]


def test_who_asks_over_ssh_is_told_where_the_question_came_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "2001:db8::7 50000 2001:db8::1 22")
    assert main(["observe"], Paths(tmp_path)) == 0
    assert json.loads(capsys.readouterr().out)["asked_from"] == "2001:db8::7"


def test_a_record_is_printed_as_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = Paths(tmp_path)
    for number in range(1, 4):
        Record(paths.record).append("failed", "a" * 64, sequence=number)
    assert main(["record", "--since", "2"], paths) == 0
    assert capsys.readouterr().out == "".join(
        paths.record.read_text().splitlines(keepends=True)[1:]
    )


def loaded_by(script: str) -> list[str]:
    """What a run of the program prints, and behind it the names of the modules that it loaded."""
    paths = f"import sys; sys.path.insert(0, {str(SOURCES)!r})"
    done = subprocess.run(
        [sys.executable, "-IS", "-c", f"{paths}; {script}; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def test_the_question_that_is_asked_most_loads_little(tmp_path: Path) -> None:
    """Each of these takes 1 to 10 ms to load, on each host and at each apply."""
    answer, loaded = loaded_by(
        "from pathlib import Path; from komando.host.__main__ import main; "
        "from komando.host.layout import Paths; "
        f"main(['observe'], Paths(Path({str(tmp_path)!r})))"
    )
    assert json.loads(answer)["kernel"] == "ok"
    dear = {"argparse", "ctypes", "dataclasses", "difflib", "gzip", "inspect", "tarfile", "shutil"}
    dear |= {"hashlib", "selectors", "signal", "socket", "subprocess", "threading", "typing"}
    ours = {f"komando.host.{name}" for name in ("program", "drift", "archive", "statements")}
    assert not (dear | ours) & {*loaded.split()}


def test_a_probe_loads_next_to_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with server.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-x\r\n")

        greeter = threading.Thread(target=greet)
        greeter.start()
        port = str(server.getsockname()[1])
        banner, loaded = loaded_by(
            f"from komando.host.__main__ import main; main(['probe', '127.0.0.1', {port!r}])"
        )
        greeter.join()
    assert banner == "SSH-2.0-x"
    assert not {"enum", "json", "pathlib", "re", "signal", "socket"} & {*loaded.split()}
