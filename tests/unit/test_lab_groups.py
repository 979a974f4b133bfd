"""Which control groups a lab's containers are put in."""

from __future__ import annotations

from pathlib import Path

import pytest

from komando.lab.groups import parse_hierarchies

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate"
LEGACY = [
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
    "39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids",
    "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd",
]
HYBRID = [*LEGACY, "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"]
CHROOT = "90 88 0:26 / /srv/chroot/sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate"
PART = "91 88 0:26 /user.slice /srv/part rw - cgroup2 cgroup2 rw,nsdelegate"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([UNIFIED], ["/sys/fs/cgroup"]),
        (LEGACY, ["/sys/fs/cgroup/systemd"]),
        (HYBRID, ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"]),
        ([UNIFIED, CHROOT], ["/sys/fs/cgroup"]),
        ([PART, UNIFIED], ["/sys/fs/cgroup"]),
        ([PART], ["/srv/part"]),
        ([LEGACY[0], LEGACY[1]], []),
    ],
    ids=["unified", "legacy", "hybrid", "a-chroot-beside", "a-part-before", "a-part-alone", "none"],
)
def test_each_hierarchy_is_found_once(lines: list[str], found: list[str]) -> None:
    assert parse_hierarchies("\n".join(lines) + "\n") == [Path(one) for one in found]
