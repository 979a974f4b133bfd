"""Observed against intended: runs the checks of tests/hosts on a host, over ssh."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from komando.bundle import Bundle
from komando.inventory import Access, Host
from komando.openssh import configuration

CHECKS = Path(__file__).parents[2] / "tests" / "hosts"
"""The checks stand in the repository, beside the code: they are no part of the package."""

TIMEOUT = 300
"""Seconds for all hosts together; one router takes about 6, and 3 of them are for its bundle."""

STEPS = 3
"""How often ssh's patience may pass on each machine of a way: TCP, the key exchange, the log-in."""

ANSWERS = "answers ssh"
"""The check before all others; where it does not hold, the others are not made."""

THROUGH = (0, 1)
"""pytest's exit codes when it has run every check: all hold, or some do not."""


class VerifyError(RuntimeError):
    """The checks could not be run at all; the message says why."""


@dataclass(frozen=True)
class Check:
    """One check on one host. `trouble` is empty where it holds."""

    host: str
    name: str
    trouble: str = ""

    @property
    def holds(self) -> bool:
        """Whether the host does what was intended."""
        return not self.trouble


def verify(
    hosts: Iterable[Host],
    access: Access,
    bundles: Mapping[str, Bundle],
    inventory: Path,
    *,
    roles: bool = True,
    lab: bool = False,
    told: Callable[[str], object] = str,
) -> list[Check]:
    """Run every check on every host; `told` hears each step.

    The bundles say what is intended, and the folder of the inventory what each host is for. Without
    `roles` all that is looked at is what a rollout changes, and every host has a bundle. Only the
    hosts of a lab may live at a rehearsed moment, and are then checked as of that moment. Raises
    VerifyError when the checks cannot be found, or were not all run. A host that cannot be reached
    gives one check that does not hold, `ANSWERS`, with the words of ssh.
    """
    if not CHECKS.is_dir():
        raise VerifyError(f"{CHECKS} does not stand: verify runs from a clone of the repository")
    hosts = tuple(hosts)
    with tempfile.TemporaryDirectory(prefix="komando-verify-") as name:
        folder = Path(name)
        for host in hosts:
            if host.name in bundles:
                bundles[host.name].write(folder / "bundles" / host.name)
        config = folder / "ssh"
        config.write_text(configuration(hosts, access, control=folder))
        told(f"asking {', '.join(host.name for host in hosts)}")
        silent = _silent(hosts, access, config)
        checks = [Check(name, ANSWERS, words) for name, words in silent.items()]
        hosts = tuple(host for host in hosts if host.name not in silent)
        if not hosts:
            return checks
        told(f"checking {', '.join(host.name for host in hosts)}")
        report = folder / "report.xml"
        command = [*access.prefix, sys.executable, "-m", "pytest", *map(str, _files(hosts, roles))]
        command += ["--quiet", "-p", "no:cacheprovider", f"--junitxml={report}"]
        command += [f"--inventory={inventory.absolute()}"]
        command += [f"--hosts={','.join(f'ssh://{host.name}' for host in hosts)}"]
        command += [f"--ssh-config={config}", f"--bundles={folder / 'bundles'}"]
        command += ["--lab"] if lab else []
        with _connections(hosts, access, config):
            _run(command)
        found = list(_read(report, [host.name for host in hosts]))
    if unchecked := sorted({host.name for host in hosts} - {check.host for check in found}):
        raise VerifyError(f"no check was run on {', '.join(unchecked)}")
    return [*checks, *found]


def _files(hosts: Iterable[Host], roles: bool) -> list[Path]:
    """The files of checks: all of them, or those of what the hosts' bundles hold."""
    kinds = dict.fromkeys(host.kind for host in hosts)
    return [CHECKS] if roles else [CHECKS / f"test_{kind}.py" for kind in kinds]


def _silent(hosts: tuple[Host, ...], access: Access, config: Path) -> dict[str, str]:
    """The hosts that do not answer ssh, each with ssh's own words; all are asked at once."""

    def ask(host: Host) -> str:
        command = [*access.prefix, "ssh", "-F", str(config), host.name, "true"]
        seconds = STEPS * access.patience * (1 + len(host.hops))
        try:
            done = _finish(command, seconds)
        except subprocess.TimeoutExpired:
            return f"no answer in {seconds} s"
        words = "; ".join(done.stderr.split("\n")).strip("; \r")
        return "" if done.returncode == 0 else words or f"ssh ended with {done.returncode}"

    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        answers = zip(hosts, pool.map(ask, hosts), strict=True)
        return {host.name: words for host, words in answers if words}


def _finish(command: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, without input and without what would steer a pytest from afar."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


@contextmanager
def _connections(hosts: Iterable[Host], access: Access, config: Path) -> Iterator[None]:
    """The checks of a host share one connection; none outlives them."""
    try:
        yield
    finally:
        for host in hosts:
            command = [*access.prefix, "ssh", "-F", str(config), "-O", "exit", host.name]
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _run(command: list[str]) -> None:
    """Run pytest to its end: it leaves a report, too, when it breaks off or skips at request."""
    try:
        done = _finish(command, TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise VerifyError(f"the checks were not through after {TIMEOUT} s") from error
    if done.returncode not in THROUGH:
        words = (done.stdout + done.stderr).strip()[-2000:]
        raise VerifyError(f"the checks did not come to their end ({done.returncode}): {words}")


def _read(report: Path, hosts: list[str]) -> Iterator[Check]:
    """The report that pytest wrote: `test_x[ssh://core-1-down]` is the check `x (down)`.

    Raises VerifyError where there is none: a Python that cannot start ends as a check that fails.
    """
    try:
        cases = ET.parse(report).iter("testcase")  # noqa: S314  # pytest wrote it just now
    except (OSError, ET.ParseError) as error:
        raise VerifyError(f"the checks left no report that can be read: {error}") from error
    for case in cases:
        name, _, parameters = case.get("name", "").partition("[")
        parameters = parameters.removesuffix("]").removeprefix("ssh://")
        host = max((one for one in hosts if parameters.startswith(one)), key=len, default="")
        rest = parameters.removeprefix(host).removeprefix("-")
        trouble = ""
        for kind in ("failure", "error"):
            for item in case.iter(kind):
                trouble = item.get("message") or (item.text or kind).strip()
        words = name.removeprefix("test_").replace("_", " ")
        yield Check(host, f"{words} ({rest})" if rest else words, trouble)
