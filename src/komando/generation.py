"""A generation: a bundle on a host, under its digest; and where a host keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from komando.bundle import Bundle

STATE = "/var/lib/komando"
GENERATIONS = f"{STATE}/generations"
PROGRAM = "/usr/local/sbin/komando-host"

MANIFEST = "etc/komando/manifest.json"
ROUTER = "etc/komando/router.json"
NETWORK = "etc/komando/network"
INTENT = "etc/komando/intent.json"
CALENDAR = "etc/komando/calendar"
SYSCTL = "etc/sysctl.d/90-komando.conf"
STEER = "etc/komando/tc/steer.tc"
DOWNLOAD = "etc/komando/tc/download.tc"
UPLOAD = "etc/komando/tc/upload.tc"
PROFILES = "etc/komando/tc/profiles"
SHAPER = "etc/komando/nft/shaper.nft"
RELOAD = "etc/komando/nft/reload.nft"
NAT = "etc/komando/nft/nat.nft"


@dataclass(frozen=True)
class RunningGeneration:
    """What a host said of itself when it was asked.

    `digest` and `profile` are None on a host that runs nothing yet; `clock` is the rehearsed
    moment (ISO 8601) when there is one; `kernel` is "ok" or "missing: ...". `bundle` holds the
    generation's files where they were fetched, which the plan needs only where something differs.
    `calendar` is "ok", or says that the calendar has come to its end.
    """

    host: str
    digest: str | None = None
    profile: str | None = None
    clock: str | None = None
    kernel: str = "ok"
    calendar: str = "ok"
    bundle: Bundle | None = None

    @property
    def healthy(self) -> bool:
        """Whether the kernel holds what the generation asks for."""
        return self.kernel == "ok"
