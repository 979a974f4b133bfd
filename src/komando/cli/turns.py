"""Whose turn it is: a rollout takes it in the ledger, and writes down there what came of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from komando.cli.streams import tell

if TYPE_CHECKING:
    from komando.ledger import HostResult, Ledger, Turn
    from komando.ledger.entries import Kind, WholeOutcome
    from komando.rollout.outcome import Outcome, Rollout
    from komando.rollout.wave import Target
    from komando.rollout.waves import Waves

EASE = timedelta(minutes=5)
"""What a turn may last beyond the longest that all its waves can take: for connections."""


@dataclass(frozen=True)
class Register:
    """Where the ledger is, by the options of a verb; `remote` None is the usual one."""

    repository: Path
    remote: str | None
    key: Path | None
    emergency: bool

    def open(self, environment: str, lab: Path | None) -> Ledger:
        """The ledger of an environment; that of a lab lies in its own folder.

        Raises LedgerError, with what is missing.
        """
        from komando.ledger import Ledger

        if self.remote is None and lab is not None and lab.is_dir():
            forge, clone = lab / "forge.git", lab / "clone.git"
            if not clone.exists():  # a forge that goes away later stays away
                _make_bare(forge)
                _make_bare(clone)
            return Ledger.open(clone, environment, str(forge), key=self.key)
        return Ledger.open(self.repository, environment, self.remote or "origin", key=self.key)


@dataclass(frozen=True)
class Undertaken:
    """What a rollout is, for the ledger: of what kind, by which policies, with which risks.

    `least` is the highest sequence that a host has told of.
    """

    kind: Kind
    environment: str
    least: int
    lab: Path | None = None
    policies: tuple[str, ...] = ()
    limit: tuple[str, ...] = ()
    acknowledged: tuple[str, ...] = ()


def register_options(verb: Callable[..., None]) -> Callable[..., None]:
    """`--remote`, `--repository` and `--ledger-key`, as the verb's `register`."""

    @wraps(verb)
    def registered(
        repository: Path,
        remote: str | None,
        ledger_key: Path | None,
        *,
        emergency: bool = False,
        **rest: Any,
    ) -> None:
        verb(register=Register(repository, remote, ledger_key, emergency), **rest)

    for option in (
        click.option("--ledger-key", type=click.Path(path_type=Path, exists=True, dir_okay=False),
                     envvar="KOMANDO_LEDGER_KEY", show_envvar=True,
                     help="The ssh key that signs the ledger's entries. Default: none."),
        click.option("--repository", type=click.Path(path_type=Path), default=Path(),
                     show_default=True, help="A folder of the policies' repository."),
        click.option("--remote", default=None, envvar="KOMANDO_LEDGER_REMOTE", show_envvar=True,
                     help="Where the ledger's branch is: a remote's name, a URL or a path. "
                          "Default: origin, or a lab's own."),
    ):  # fmt: skip
        registered = option(registered)
    return registered


emergency_option = click.option(
    "--emergency",
    is_flag=True,
    help="Go on without the forge; `komando ledger push` lands the record later.",
)
"""For verbs with `register_options`, written above these."""


def in_turn(
    register: Register,
    what: Undertaken,
    targets: Mapping[str, Target],
    waves: Waves,
    work: Callable[[int], Rollout],
) -> Rollout:
    """Do `work`, which is given its sequence, alone in the environment, and record what came of it.

    Ends the verb with exit status 1, and nothing changed, while somebody else is at it or the
    ledger cannot be reached; a rollback and an emergency go on without it.
    """
    turn = _begin(register, what, targets, waves)
    if turn is None:
        return work(what.least + 1)
    for note in turn.notes:
        tell(f"ledger: {note}", err=True)
    try:
        rollout = work(turn.sequence)
    except BaseException:
        lost = {name: _lost(target) for name, target in targets.items()}
        _finish(turn, lost, "interrupted")
        raise
    _finish(turn, {one.host: _result(one) for one in rollout.outcomes}, _whole(rollout, what))
    return rollout


def _begin(
    register: Register,
    what: Undertaken,
    targets: Mapping[str, Target],
    waves: Waves,
) -> Turn | None:
    from komando.ledger import LedgerError, Move, Undertaking

    anyway = register.emergency or what.kind == "rollback"
    moves = {
        name: Move(before=target.before or "", after=target.digest)
        for name, target in targets.items()
    }
    try:
        ledger = register.open(what.environment, what.lab)
        undertaking = Undertaking(
            kind="emergency" if register.emergency and what.kind == "apply" else what.kind,
            hosts=moves,
            lease=_lease(targets, waves),
            policy=ledger.policy(*what.policies),
            limit=what.limit,
            acknowledged=what.acknowledged,
        )
        return ledger.begin(undertaking, least=what.least, emergency=anyway)
    except LedgerError as error:
        from komando.ledger import HeldError

        if not anyway or isinstance(error, HeldError):
            raise click.ClickException(f"no host was changed: {error}") from error
        tell(f"NOT RECORDED: {error}", err=True)
        return None


def _lease(targets: Mapping[str, Target], waves: Waves) -> timedelta:
    """How long it can take: each wave goes there, is looked at from outside, and goes back."""
    from komando.verify import TIMEOUT

    windows = (max(targets[name].host.confirm_within for name in wave) for wave in waves)
    return EASE + timedelta(seconds=sum(2 * window + TIMEOUT for window in windows))


def _finish(turn: Turn, results: Mapping[str, HostResult], whole: WholeOutcome) -> None:
    from komando.ledger import LedgerError

    try:
        landing = turn.finish(results, whole)
    except LedgerError as error:
        tell(f"NOT RECORDED: {error}", err=True)
        return
    if landing.spooled:
        tell(f"ledger: {landing.why}", err=True)


def _result(one: Outcome) -> HostResult:
    from komando.ledger import HostResult

    known = one.state not in ("unknown", "unreached")
    return HostResult(
        before=None if one.state == "unreached" else one.before or "",
        after=(one.runs or "") if known else None,
        result=one.state,
        reason=one.reason,
        head=one.head,
    )


def _lost(target: Target) -> HostResult:
    from komando.ledger import HostResult

    return HostResult(
        before=target.before or "", after=None, result="unknown", reason="the apply broke off"
    )


def _whole(rollout: Rollout, what: Undertaken) -> WholeOutcome:
    if rollout.interrupted:
        return "interrupted"
    if not rollout.holds:
        return "failed"
    return "partial" if what.limit or any(rollout.of("unreached")) else "done"


def _make_bare(folder: Path) -> None:
    subprocess.run(
        ["git", "init", "--quiet", "--bare", str(folder)], stdin=subprocess.DEVNULL, check=True
    )
