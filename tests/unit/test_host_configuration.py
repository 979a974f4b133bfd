"""A bundle's files as a whole: read and understood before anything is touched."""

from __future__ import annotations

import pytest

from komando.host.configuration import read_configuration
from komando.host.errors import HostError
from tests.host_bundle import City, files_of

RAMADAN = "until 2026-12-31T17:00:00Z\n2026-01-01T00:00:00Z ramadan\n"


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("manifest.json", '{"format": 1, "kind": "hotspot"}', "a bundle of kind 'hotspot'"),
        ("manifest.json", '{"format": 2, "kind": "router"}', "format 2; this program reads 1"),
        ("manifest.json", "[]", "not a JSON object"),
        ("manifest.json", "{", "not JSON"),
        ("router.json", '{"uplink": "wan0", "lans": [], "ifb": "ifb0"}', "at least one LAN"),
        ("router.json", '{"uplink": "a b", "lans": ["lan0"], "ifb": "ifb0"}', "'a b' is no name"),
        ("router.json", '{"uplink": "wan0", "lans": ["wan0"], "ifb": "ifb0"}', "all different"),
        ("router.json", '{"uplink": "wan0", "lans": "lan0", "ifb": "ifb0"}', "None is no name"),
        ("calendar", RAMADAN, "profile ramadan has no files"),
        ("tc/profiles/x.up.tc", "", "x.down.tc: missing"),
        ("tc/profiles/night.up.tc", "class del dev wan0\n", "night.up.tc:1: not understood"),
        ("network", "addr flush dev eth0\n", "network:1: not understood"),
        ("nft/nat.nft", "flush ruleset\n", "not understood in table ip komando_nat"),
    ],
)
def test_a_bundle_is_read_whole_before_anything_is_touched(
    path: str, text: str, words: str
) -> None:
    files = files_of(City()) | {f"etc/komando/{path}": text.encode()}
    with pytest.raises(HostError) as error:
        read_configuration(files)
    assert words in str(error.value)
    assert f"etc/komando/{path.replace('x.up', 'x.down')}" in str(error.value)


def test_a_missing_or_a_strange_file_is_named() -> None:
    files = files_of(City())
    del files["etc/komando/tc/steer.tc"]
    with pytest.raises(HostError, match=r"^etc/komando/tc/steer.tc: missing$"):
        read_configuration(files)
    with pytest.raises(HostError, match="etc/passwd: no file of a router's bundle"):
        read_configuration(files_of(City()) | {"etc/passwd": b""})
    with pytest.raises(HostError, match="not UTF-8"):
        read_configuration(files_of(City()) | {"etc/komando/network": b"\xff"})
