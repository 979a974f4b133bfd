"""What the virtual machine is told to be: as little as has hours, a public point and two pools.

Each class and each hour costs seconds where every instruction is translated.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ROUTER = "hamlet-1"
ZONE = ZoneInfo("Asia/Pontianak")
OPENS, CLOSES = 7, 15
"""The hours of the day between which the village office is open; every day of every year."""


OPEN, CLOSED = "every-day", "closed"
"""Its profiles: the one is called by the calendar that is open."""


def profile_at(moment: datetime) -> str:
    """The profile that is in force at a moment: the open calendar, or `closed`."""
    return OPEN if OPENS <= moment.astimezone(ZONE).hour < CLOSES else CLOSED


def moment_of(profile: str, years: int) -> datetime:
    """About so many years from now (or ago), hours away from any switch: that profile's time."""
    hour = (OPENS + CLOSES) // 2 if profile == OPEN else CLOSES + 4
    now = datetime.now(UTC).astimezone(ZONE)
    return (now + timedelta(days=365 * years)).replace(hour=hour)


def write_inventory(inventory: Path, within: int) -> None:
    """Write its inventory into a folder; `within` is the window of a change, in seconds."""
    (inventory / "hosts.yaml").write_text(_INVENTORY.format(router=ROUTER, within=within))


def write_hamlet(folder: Path, within: int) -> tuple[Path, Path]:
    """Write its inventory and its policies below a folder, and return both."""
    inventory, policies = folder / "lab", folder / "policies"
    for one in (inventory, policies / "opd", policies / "hotspots"):
        one.mkdir(parents=True)
    year = datetime.now(UTC).year
    write_inventory(inventory, within)
    region = _REGION.format(
        router=ROUTER, before=year - 2, after=year + 2, opens=OPENS, closes=CLOSES
    )
    (policies / "region.yaml").write_text(region)
    for number, name, calendar in ((1, "village", "every-day"), (2, "clinic", "always")):
        text = _OFFICE.format(number=number, name=name, calendar=calendar, year=year)
        (policies / "opd" / f"{name}.yaml").write_text(text)
    (policies / "hotspots" / "green.yaml").write_text(_GREEN)
    return inventory, policies


_INVENTORY = """\
all:
  vars:
    ansible_user: deploy
    management: [10.255.0.0/24]
    confirm_within: {within}
  children:
    router:
      hosts:
        {router}:
          ansible_host: 10.255.0.2
          interfaces: {{uplink: wan0, metro: lan0, public: lan1}}
          leaf: fq_codel
"""

_REGION = """\
name: Hamlet
zone: Asia/Pontianak
covers: {{from: {before}-01-01, until: {after}-12-31}}
uplinks:
  main:
    router: {router}
    addresses: [198.51.100.2/30, "2001:db8:ffff::2/64"]
    gateways: [198.51.100.1, "2001:db8:ffff::1"]
    nat: {{offices: 203.0.113.10, public: 203.0.113.11}}
    capacity: 100 Mbit/s
    usable: 90 %
    price: 1000000 IDR/month
    control: 1 Mbit/s
    unmatched: 1 Mbit/s
segments:
  metro:
    router: {router}
    description: Offices
    addresses: [172.20.0.1/22, "2001:db8:f000::1/64"]
  public:
    router: {router}
    description: The green
    addresses: [172.20.8.1/22, "2001:db8:f002::1/64"]
holidays: {{country: ID, categories: [public], add: [], remove: []}}
calendars:
  every-day:
    description: All days alike
    windows: {{mon-sun: ["{opens:02}:00-{closes:02}:00"]}}
    holidays: open
  always: {{description: Never closed, always: true}}
periods: []
pools:
  every-day: {{slot: 0, closed: 4 Mbit/s}}
  always: {{slot: 1}}
public: {{in_hours: 10 Mbit/s, out_of_hours: 20 Mbit/s}}
"""

_OFFICE = """\
id: {number}
name: The {name}
networks: [10.20.{number}.0/24, "2001:db8:100{number}::/48"]
link:
  segment: metro
  capacity: 100 Mbit/s
  gateways: [172.20.1.{number}, "2001:db8:f000::1:{number}"]
calendar: {calendar}
guarantee: 10 Mbit/s
floor: 2 Mbit/s
ceiling: 50 Mbit/s
justification: Twelve people who keep the records of a rehearsal, and nobody else's.
request: {{letter: 000/{number}/HAMLET/{year}, date: {year}-01-01}}
"""

_GREEN = """\
id: 101
name: The green
networks: [10.30.4.0/22, "2001:db8:1101::/48"]
link:
  segment: public
  capacity: 100 Mbit/s
  gateways: [172.20.9.101, "2001:db8:f002::1:101"]
share: 1
justification: A bench, a tree, and whoever sits below it in the evening with nothing to do.
"""
