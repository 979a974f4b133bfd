"""No process that holds a secret leaves an image of its memory: each is asked as it has it."""

from __future__ import annotations

import pytest

from tests.host_network import SOURCES
from tests.rollout.secret_city import City, life

pytestmark = pytest.mark.root

_SEEN = """\
import ctypes, resource
def seen(where):
    flag = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE of linux/prctl.h
    with open({log!r}, "a") as log:
        print(where, flag, *resource.getrlimit(resource.RLIMIT_CORE), file=log)
"""
"""Lets a process say at a place whether it could be dumped, and its limits of a core's size."""

_SEEN_APPLYING = """\
from komando.bundle import Plaintexts
from komando.secrets.keys import Key
seen("apply begins")
made, members = Key.__init__, Plaintexts.members
def key(self, *given):
    seen("apply has its key")
    made(self, *given)
def packed(self):
    seen("apply has secrets")
    return members(self)
Key.__init__, Plaintexts.members = key, packed
"""

_SEEN_CARRYING = """\
if "komando.rollout" in sys.orig_argv:
    seen("rollout begins")
    from komando.rollout.protocol import Request
    read = Request.from_json
    def from_json(line):
        request = read(line)
        if request.cargo and any(one.archive for one in request.cargo.values()):
            seen("rollout has an archive")
        return request
    Request.from_json = from_json
"""

_SEEN_ACTIVATING = """\
import sys
sys.path.insert(0, {sources!r})
from komando.host import archive, secrets
if "activate" in sys.argv:
    seen("activate begins")
received, lay = archive.received, secrets.lay
def coming(stream):
    seen("activate is about to read")
    content = received(stream)
    seen("activate has an archive")
    return content
def laid(*given):
    lay(*given)
    seen("activate has laid secrets")
archive.received, secrets.lay = coming, laid
"""


def test_no_process_that_holds_a_secret_can_be_dumped(city: City) -> None:
    """Asked in each of them, at the moment it has it; and its limits from outside, too."""
    log = city.folder.parent / "seen"
    begins = _SEEN.format(log=str(log))
    city.host.before = begins + _SEEN_ACTIVATING.format(sources=str(SOURCES))
    with (city.folder.parent / "site/sitecustomize.py").open("a") as site:
        site.write(begins + _SEEN_CARRYING)
    _, watch = life(city, before=begins + _SEEN_APPLYING)
    seen = [line.split(" ") for line in log.read_text().splitlines()]
    states: dict[str, set[str]] = {}
    for *where, flag, soft, hard in seen:
        states.setdefault(" ".join(where), set()).add(f"{flag}: {soft} {hard}")
    before = {place: found for place, found in states.items() if place.endswith(" begins")}
    assert len(before) == 3
    assert all(one.startswith("1: ") for found in before.values() for one in found), before
    assert {place: found for place, found in states.items() if place not in before} == {
        "apply has its key": {"0: 0 0"},
        "apply has secrets": {"0: 0 0"},
        "rollout has an archive": {"0: 0 0"},
        "activate is about to read": {"0: 0 0"},
        "activate has an archive": {"0: 0 0"},
        "activate has laid secrets": {"0: 0 0"},
    }
    for part in ("-m komando.rollout", f"--secrets-key {city.key}", " activate "):
        limits = [found for words, found in watch.cores.items() if part in words]
        assert any("0 0" in found for found in limits), (part, limits)
