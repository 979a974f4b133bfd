"""What the doctor reads and asks: files, git, the forge; each look ends as symptoms."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from komando.cli.register import Register
from komando.cli.streams import clean
from komando.diagnostics import Diagnostic, errors_in
from komando.doctor import Symptom
from komando.doctor.symptom import counted

if TYPE_CHECKING:
    from komando.doctor.forge import Said
    from komando.doctor.ledger import Seen
    from komando.forge import Forge
    from komando.ledger import Ledger

T = TypeVar("T")

_LOCK = Path("requirements.lock")
_CONTROLLERS_LOCK = Path("roles/controller/files/requirements.lock")

_GIT_SECONDS = 10


def looked_at_policies(policies: Path, now: datetime) -> Iterator[Symptom]:
    """Calendars, holidays, terms and people, of policies that are good."""
    from komando.doctor.calendars import calendars
    from komando.doctor.holidays import estimated_holidays
    from komando.doctor.people import people
    from komando.doctor.terms import terms
    from komando.policy import day_in, load_policy
    from komando.policy.public_holidays import estimated_in

    loaded = load_policy(policies)
    if loaded.policy is None:
        errors = [one for one in loaded.diagnostics if one.severity == "error"]
        yield Symptom(
            "policies",
            "error",
            f"the policies have {counted(len(errors), 'error', 'errors')}, so that calendars, "
            f"exceptions and people were not looked at: {_first(errors)}",
            "`komando check`",
        )
        return
    region = loaded.policy.region
    today = day_in(region, now)
    yield from calendars(region, today)
    years = tuple(range(region.covers.start.year, region.covers.end.year + 1))
    estimated = estimated_in(region.holidays.country, tuple(region.holidays.categories), years)
    yield from estimated_holidays(region, estimated, today)
    yield from terms(loaded.policy, today)
    yield from people(loaded.policy.people, today)


def looked_at_keys(folder: Path) -> Iterator[Symptom]:
    """The keys of an inventory."""
    from komando.doctor.keys import keys
    from komando.inventory import InventoryError, load_inventory
    from komando.inventory.known import KNOWN_HOSTS, read_known_hosts
    from komando.secrets import SecretError, read_recipients

    try:
        machines = load_inventory(folder)
    except InventoryError as error:
        yield Symptom(
            "inventory",
            "error",
            f"the list of machines is wrong, so that no key was looked at: "
            f"{_first(error.diagnostics)}",
            "`komando inventory check`",
        )
        return
    known = read_known_hosts(folder / KNOWN_HOSTS)
    if errors_in(known.diagnostics):
        yield Symptom(
            "inventory",
            "error",
            f"known_hosts is wrong: {_first(list(known.diagnostics))}",
            "`komando inventory check`",
        )
    try:
        recipients: int | None = len(read_recipients(folder))
        shut = ""
    except SecretError as error:
        recipients, shut = None, error.diagnostics[0].found
    yield from keys(machines, known, recipients, shut)


def looked_at_ledger(
    register: Register, environment: str, lab: Path | None, now: datetime, *, offline: bool
) -> Iterator[Symptom]:
    """The ledger of an environment, fetched unless nobody may be asked."""
    from komando.doctor.ledger import ledger
    from komando.ledger import LedgerError

    try:
        seen = _seen(register.open(environment, lab), offline=offline)
    except LedgerError as error:
        yield Symptom(
            "ledger-away",
            "warning",
            f"the ledger was not looked at: {error}",
            "run it in a clone of the policies' repository",
        )
        return
    yield from ledger(seen, now)


def _seen(here: Ledger, *, offline: bool) -> Seen:
    from komando.doctor.ledger import Seen
    from komando.ledger import LedgerError, UnreachedError
    from komando.ledger.check import chain_disagreements
    from komando.ledger.witness import heads

    away, broken = "", []
    witnesses: dict[str, str] = {}
    with here.spool.alone():
        try:
            if not offline:
                here.fetch()
        except UnreachedError as error:
            away = str(error)
        except LedgerError as error:  # lost, or rewritten: what this clone knew is still told
            broken.append(str(error))
        waiting = len(here.spool.links())
    try:
        witnesses = heads(here, offline=offline or bool(away))
    except UnreachedError as error:
        away = away or str(error)
    links = here.links()
    broken += [str(one) for one in chain_disagreements(links, here.branch.environment)]
    return Seen(links, waiting, witnesses, away, broken, asked=not (offline or away))


def looked_at_forge(environment: str, now: datetime, *, offline: bool) -> Iterator[Symptom]:
    """The forge that the environment names, where it names one."""
    from komando.doctor.forge import forge, unasked
    from komando.forge import ForgeError
    from komando.forge.environment import forge_from_environment

    try:
        adapter = forge_from_environment()
    except ForgeError as error:
        why = clean(str(error)).removeprefix("no forge can be asked: ")
        yield unasked(why, offline=offline)
        return
    if offline:
        yield unasked("", offline=True)
        return
    yield from forge(asked(adapter, environment), environment, now)


def asked(adapter: Forge, environment: str) -> Said:
    """What a forge says of the token, of the two branches and of its runners."""
    from komando.doctor.forge import MAIN, Said
    from komando.forge import ForgeError, RefusedError

    refused: list[str] = []
    failed: list[str] = []

    def answer(question: Callable[[], T]) -> T | None:
        try:
            return question()
        except ForgeError as error:
            told = refused if isinstance(error, RefusedError) else failed
            told.append(clean(str(error)).rstrip("."))
            return None

    ends = answer(adapter.expires)
    branches = (MAIN, f"deployments/{environment}")
    protection = {
        name: said
        for name in branches
        if (said := answer(partial(adapter.protection, name))) is not None
    }
    runners = answer(adapter.runners)
    return Said(
        ends, protection, runners, tuple(dict.fromkeys(refused)), tuple(dict.fromkeys(failed))
    )


def looked_at_clone(repository: Path) -> Iterator[Symptom]:
    """The packages that this process could load, against the locks of the repository; and git."""
    from komando.doctor.clone import clone, normal, pins

    installed = {normal(one.metadata["Name"]): one.version for one in distributions()}
    every, needed = (
        pins(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for path in (repository / _LOCK, repository / _CONTROLLERS_LOCK)
    )
    yield from clone(installed, every, needed, _git())


def _git() -> str:
    try:
        done = subprocess.run(
            ["git", "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _first(errors: list[Diagnostic]) -> str:
    one = errors[0]
    return f"{one.location}: {one.message}"
