"""Where things lie on a host."""

from __future__ import annotations

import re
from pathlib import Path

from .frozen import Frozen


class Paths(Frozen):
    """The folders of the program under `root`; `/` on a host, a scratch folder in a test."""

    root: Path = Path("/")

    @property
    def state(self) -> Path:
        """Generations and `current`: outlives a reboot."""
        return self.root / "var/lib/komando"

    @property
    def generations(self) -> Path:
        """One folder for each generation, named by its digest."""
        return self.state / "generations"

    @property
    def current(self) -> Path:
        """The link to the generation that is in force."""
        return self.state / "current"

    @property
    def pending(self) -> Path:
        """Stands while a change waits for its confirmation."""
        return self.state / "pending"

    @property
    def reverting(self) -> Path:
        """What `pending` is renamed to when the change is taken back, until that is done."""
        return self.state / "reverting"

    @property
    def confirmed(self) -> Path:
        """What `pending` is renamed to when the change is confirmed; the latest one."""
        return self.state / "confirmed"

    @property
    def back(self) -> Path:
        """The link to the generation before, laid ahead: a full disk must not bar the way back."""
        return self.state / ".back"

    @property
    def sequence(self) -> Path:
        """The highest sequence of an apply that was seen here."""
        return self.state / "sequence"

    @property
    def record(self) -> Path:
        """What was done here, a line each, chained by digests."""
        return self.state / "record"

    @property
    def mended(self) -> Path:
        """What the hours mended although nothing had changed by us."""
        return self.state / "mended"

    @property
    def usage(self) -> Path:
        """What each class used, a file for each day."""
        return self.state / "usage"

    @property
    def bypass(self) -> Path:
        """Stands while a person at the console has taken the policy out of the traffic's way."""
        return self.state / "bypass"

    @property
    def run(self) -> Path:
        """What was last sent to the kernel: gone with a reboot, as the kernel's state is."""
        return self.root / "run/komando"

    @property
    def applied(self) -> Path:
        """The records of what was last sent."""
        return self.run / "applied"

    @property
    def reading(self) -> Path:
        """The classes' counters as they were read last."""
        return self.run / "usage.json"

    @property
    def minutes(self) -> Path:
        """The rates of the last minutes, a line each, until they go into the day's file."""
        return self.run / "usage.minutes"

    @property
    def textfiles(self) -> Path:
        """Where the node exporter of Debian looks for the metrics of others."""
        return self.root / "var/lib/prometheus/node-exporter"

    @property
    def bypass_kept(self) -> Path:
        """As `bypass`, where the disk took no note of it: until the machine restarts."""
        return self.run / "bypass"

    @property
    def given_up(self) -> Path:
        """The window of a change that was taken back, where the disk took no note of that."""
        return self.run / "given-up"

    @property
    def restart_required(self) -> Path:
        """Stands when a package that was upgraded wants the machine restarted (Debian)."""
        return self.root / "run/reboot-required"

    @property
    def packages_lock(self) -> Path:
        """Held by apt and dpkg while they change packages (fcntl(2), F_SETLK)."""
        return self.root / "var/lib/dpkg/lock-frontend"

    @property
    def lock(self) -> Path:
        """Held while a verb runs, so that the timer and an activation never interleave."""
        return self.run / "lock"

    @property
    def clock(self) -> Path:
        """Seconds by which the rehearsed clock is ahead of the real one."""
        return self.run / "clock"


SECRET_FOLDER = "etc/komando/secrets"  # noqa: S105 - a place
"""Where a generation keeps its secrets, which are no files of the bundle."""

# The files of a router's bundle.
MANIFEST = "etc/komando/manifest.json"
ROUTER = "etc/komando/router.json"
NETWORK = "etc/komando/network"
CALENDAR = "etc/komando/calendar"
INTENT = "etc/komando/intent.json"
STEER = "etc/komando/tc/steer.tc"
DOWNLOAD = "etc/komando/tc/download.tc"
UPLOAD = "etc/komando/tc/upload.tc"
PROFILES = "etc/komando/tc/profiles"
SHAPER = "etc/komando/nft/shaper.nft"
RELOAD = "etc/komando/nft/reload.nft"
NAT = "etc/komando/nft/nat.nft"
GUARD = "etc/komando/nft/guard.nft"
SYSCTL = "etc/sysctl.d/90-komando.conf"
SECRETS = "etc/komando/secrets.json"

REQUIRED = frozenset(
    {MANIFEST, ROUTER, NETWORK, CALENDAR, INTENT, STEER, DOWNLOAD, UPLOAD, SHAPER, RELOAD, NAT}
    | {SYSCTL}
)

OPTIONAL = frozenset({GUARD, SECRETS})
"""What a generation of an older renderer does not have."""

PROFILE_FILE = re.compile(re.escape(PROFILES) + r"/([a-z0-9][a-z0-9._+@-]*)\.(down|up)\.tc")
"""The two files of each profile."""


def allowed(path: str) -> bool:
    """Whether a bundle of a router may hold this path."""
    return path in REQUIRED | OPTIONAL or bool(PROFILE_FILE.fullmatch(path))
