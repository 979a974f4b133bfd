"""Offloads as the program asks the kernel for them, against what ethtool says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.host_network import SOURCES

NAMES = {
    "tso": "tcp-segmentation-offload",
    "gso": "generic-segmentation-offload",
    "gro": "generic-receive-offload",
    "lro": "large-receive-offload",
    "rx-gro-hw": "rx-gro-hw",
}

ASKS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from komando.host.kernel import CommandError
from komando.host.offloads import SWITCHES, live_offloads
try:
    print(json.dumps([[*SWITCHES], live_offloads(sys.argv[2:])]))
except CommandError as error:
    print(json.dumps([[*SWITCHES], str(error)]))
"""


def asked(change: str, *devices: str) -> tuple[object, str]:
    """What the program finds on a cable, and what `ethtool -k` tells of it."""
    script = (
        "ip link add one type veth peer name other; "
        f'{change}; "$0" -c "$1" "$2" {" ".join(devices)}; ethtool -k one'
    )
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", script, sys.executable, ASKS, str(SOURCES)],
        check=True,
        capture_output=True,
        text=True,
    )
    found, _, shown = done.stdout.partition("\n")
    switches, said = json.loads(found)
    assert switches == [*NAMES]
    return said, shown


@pytest.mark.parametrize(
    "change",
    ["true", "ethtool -K one tso off", "ethtool -K one tso off gso off", "ethtool -K one gro on"],
)
def test_offloads_are_seen_as_ethtool_sees_them(change: str) -> None:
    said, shown = asked(change, "one")
    lines = {line.strip() for line in shown.splitlines()}
    on = [switch for switch, name in NAMES.items() if f"{name}: on" in lines]
    assert said == ({"one": on} if on else {})


def test_a_device_that_went_is_told() -> None:
    said, _ = asked("true", "one", "third")
    assert said == "offloads of third: [Errno 19] No such device"
