"""A router that tells Prometheus: the region's own policies, and what its files say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from komando.bundle import Bundle
from komando.intent import compile_intent
from komando.intent.model import RouterIntent
from komando.inventory import load_inventory
from komando.platforms.debian import render
from komando.policy import load_policy
from tests.host_network import Router, sh
from tests.platforms.standing import router_by_day

ROOT = Path(__file__).parents[2]
TOOLS = f"{ROOT}/.venv/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where scripts/setup leaves what Prometheus brings."""

_SAMPLE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')

THIRD_LAN = "ip link add lan2 type veth peer name far2; ip link set far2 up"
"""Of the public points, with nobody behind it."""

Samples = dict[str, dict[frozenset[tuple[str, str]], float]]

PER_SITE = {
    "komando_site_sent_bytes_total",
    "komando_site_sent_packets_total",
    "komando_site_dropped_packets_total",
    "komando_site_backlog_bytes",
    "komando_site_guarantee_bytes_per_second",
    "komando_site_ceiling_bytes_per_second",
}
"""What is told of each office and point."""


def tool(name: str) -> str:
    """Where a program of Prometheus stands; "" where it does not."""
    return shutil.which(name, path=TOOLS) or ""


def region() -> tuple[RouterIntent, Bundle]:
    """The lab's router with the policies of the regency."""
    policy = load_policy(ROOT / "policies").policy
    machines = load_inventory(ROOT / "inventories" / "lab")
    assert policy is not None
    intent = compile_intent(policy, machines.divisor).intent
    assert intent is not None
    return intent.routers["core-1"], render(intent, machines.hosts["core-1"])


@contextmanager
def told_router(root: Path, bundle: Bundle, name: str = "mt") -> Iterator[Router]:
    """A router on a working day, with an exporter's folder, and a host of the first office."""
    exporter(root).mkdir(parents=True)
    with router_by_day(root, name) as one:
        one.sh(THIRD_LAN)
        sh(
            "ip address add 172.20.1.1/22 dev eth0; ip route replace default via 172.20.0.1",
            f"/run/netns/{one.name}-seg0",
        )
        assert one.activate(bundle).code == 0
        yield one


def exporter(root: Path) -> Path:
    """The folder that Debian's node exporter reads."""
    return root / "var/lib/prometheus/node-exporter"


def samples(router: Router) -> Samples:
    """What `komando-host metrics` prints: by name, the values by labels."""
    answer = router.komando("metrics")
    assert answer.code == 0, answer.words
    return parsed(answer.said)


def parsed(text: str) -> Samples:
    found: Samples = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = _SAMPLE.fullmatch(line)
            assert match, line
            key = frozenset(_LABEL.findall(match[2] or ""))
            values = found.setdefault(match[1], {})
            assert key not in values, line
            values[key] = float(match[3])
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    """The one value that has these labels among its own."""
    wanted = {*labels.items()}
    values = [one for key, one in found.get(name, {}).items() if wanted <= key]
    assert len(values) == 1, (name, labels, found.get(name))
    return values[0]


def labelled(
    found: Mapping[frozenset[tuple[str, str]], float], *names: str
) -> set[tuple[str, ...]]:
    """The values of these labels, of each sample."""
    return {tuple(dict(key)[name] for name in names) for key in found}
