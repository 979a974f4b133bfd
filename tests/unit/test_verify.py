"""`verify`: hosts that do not answer, told by ssh's own words, and checks that were all run."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from komando import verify as module
from komando.bundle import Bundle
from komando.cli.verify import _tell
from komando.inventory import Access, Host
from komando.verify import ANSWERS, Check, VerifyError, verify


def host(name: str, port: int) -> Host:
    return Host(name, "router", "127.0.0.1", {}, "pfifo", port=port)


@pytest.fixture
def access(tmp_path: Path) -> Access:
    (tmp_path / "known_hosts").write_text("")
    return Access(prefix=(), identity=None, known_hosts=tmp_path / "known_hosts")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def no_checks(command: list[str]) -> None:
    pytest.fail(f"nothing was to be checked: {command}")


def test_no_check_is_made_on_a_host_that_does_not_answer(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_run", no_checks)
    away = host("core-1", closed_port())
    told: list[str] = []
    (check,) = verify([away], access, {"core-1": Bundle("core-1", {})}, Path(), told=told.append)
    assert (check.host, check.name, check.holds) == ("core-1", ANSWERS, False)
    assert check.trouble == (f"ssh: connect to host 127.0.0.1 port {away.port}: Connection refused")
    assert told == ["asking core-1"]


def test_the_hosts_that_answer_are_checked_all_the_same(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    def checked(command: list[str]) -> None:
        assert "--hosts=ssh://core-2" in command
        report = next(word for word in command if word.startswith("--junitxml="))
        Path(report.removeprefix("--junitxml=")).write_text(
            '<testsuite><testcase name="test_x[ssh://core-2]"/></testsuite>'
        )

    monkeypatch.setattr(module, "_run", checked)
    monkeypatch.setattr(module, "_silent", lambda *_: {"core-1": "Connection timed out"})
    hosts = [host("core-1", 22), host("core-2", 22)]
    found = verify(hosts, access, {one.name: Bundle(one.name, {}) for one in hosts}, Path())
    assert found == [Check("core-1", ANSWERS, "Connection timed out"), Check("core-2", "x")]


@pytest.mark.parametrize("report", [None, "", "<testsuite><testcase"])
def test_checks_that_leave_no_report_did_not_run(
    access: Access, monkeypatch: pytest.MonkeyPatch, report: str | None
) -> None:
    """A Python that cannot start ends with 1, as one check that does not hold."""

    def broken(command: list[str]) -> None:
        path = next(word for word in command if word.startswith("--junitxml="))
        if report is not None:
            Path(path.removeprefix("--junitxml=")).write_text(report)

    monkeypatch.setattr(module, "_run", broken)
    monkeypatch.setattr(module, "_silent", lambda *_: {})
    with pytest.raises(VerifyError, match="left no report that can be read"):
        verify([host("core-1", 22)], access, {"core-1": Bundle("core-1", {})}, Path())


def test_a_silent_host_is_one_line_and_no_count(capsys: pytest.CaptureFixture[str]) -> None:
    _tell([Check("core-1", ANSWERS, "Connection timed out"), Check("core-2", "x")])
    told = capsys.readouterr()
    assert told.out == "core-1: does not answer: Connection timed out\ncore-2: 1 checks hold\n"
    assert not told.err


CONFTEST = """
def pytest_addoption(parser):
    parser.addoption("--bundles")
    parser.addoption("--inventory")
    parser.addoption("--lab", action="store_true")
"""

TWO_CHECKS = """
def test_the_first_thing(host):
    pass

def test_the_second_thing(host, request):
    assert request.config.getoption("--lab")
"""

HOSTS = tuple(Host(name, "router", "192.0.2.1", {}, "pfifo") for name in ("core-1", "core-10"))


@pytest.fixture
def checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two checks that ask no host, in place of those of tests/hosts."""
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_checks.py").write_text(TWO_CHECKS)
    monkeypatch.setattr(module, "CHECKS", folder)
    monkeypatch.setattr(module, "_silent", lambda *_: {})
    return folder


def run(*hosts: Host, lab: bool = True) -> list[Check]:
    access = Access(prefix=(), identity=None, known_hosts=Path("known_hosts"))
    bundles = {host.name: Bundle(host.name, {}) for host in hosts}
    return verify(hosts, access, bundles, Path(), lab=lab)


@pytest.mark.usefixtures("checks")
def test_every_check_is_told_for_every_host() -> None:
    found = run(*HOSTS)
    assert {(one.host, one.name) for one in found} == {
        (host.name, name) for host in HOSTS for name in ("the first thing", "the second thing")
    }
    assert all(one.holds for one in found)


@pytest.mark.usefixtures("checks")
def test_a_check_that_does_not_hold_is_told() -> None:
    assert [one.holds for one in run(HOSTS[0], lab=False)] == [True, False]


@pytest.mark.usefixtures("checks")
def test_the_surroundings_deselect_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k first")
    assert len(run(HOSTS[0])) == 2


def test_a_run_that_breaks_off_is_no_verification(checks: Path) -> None:
    hook = "def pytest_runtest_protocol(item):\n    assert 'first' in item.name"
    (checks / "conftest.py").write_text(f"{CONFTEST}\n{hook}\n")
    with pytest.raises(VerifyError, match="did not come to their end"):
        run(HOSTS[0])


def test_a_host_without_a_check_is_not_verified(checks: Path) -> None:
    hook = "def pytest_collection_modifyitems(items):\n    del items[2:]"
    (checks / "conftest.py").write_text(f"{CONFTEST}\n{hook}\n")
    with pytest.raises(VerifyError, match="no check was run on core-10"):
        run(*HOSTS)
