"""The alarm that takes an unconfirmed change back: a timer of systemd, which outlives all else."""

from __future__ import annotations

from pathlib import Path

from .errors import HostError
from .kernel import CommandError, run
from .typed import Protocol

PROGRAM = "/usr/local/sbin/komando-host"
SYSTEMD = Path("/run/systemd/system")
UNIT = "komando-revert"


class Timer(Protocol):
    """Something that calls `komando-host revert --due TOKEN` after some seconds."""

    def start(self, token: str, seconds: float) -> None:
        """Sets it; raises HostError when it cannot be set."""

    def stop(self, token: str) -> None:
        """Takes it away; none is no error."""


class SystemdTimer:
    """A transient timer and its service.

    AccuracySec, because a timer of 3 s fired after 29 to 60 s without it (measured); --collect,
    because a failed revert would keep the next one from being set; Restart, because somebody may
    kill the service.
    """

    def start(self, token: str, seconds: float) -> None:
        """Sets it, on the monotonic clock."""
        if not SYSTEMD.is_dir():
            raise HostError("systemd does not run here: a change could not revert by itself")
        try:
            run([
                *("systemd-run", "--quiet", "--collect", f"--unit={UNIT}-{token}"),
                f"--description=Satu Komando: take an unconfirmed change back ({token})",
                f"--on-active={seconds:.3f}s",
                "--timer-property=AccuracySec=100ms",
                *("--property=Restart=on-failure", "--property=RestartSec=1"),
                *(PROGRAM, "revert", "--due", token),
            ])  # fmt: skip
        except CommandError as error:
            raise HostError(f"the change could not be armed: {error}") from None

    def stop(self, token: str) -> None:
        """Stops the timer; its service, which may be this very process, is left alone."""
        try:
            run(["systemctl", "stop", f"{UNIT}-{token}.timer"])
        except CommandError:
            return
