"""A policy of many offices, the same bytes each time: what `check` is timed on.

Each file is of an ordinary office's size: two networks, a link, a justification, a letter; one in
ten has a dated exception and one in twenty hours round the clock, as in the real regency. The
covered days lie far ahead: on no day of a run is an exception over, or a warning printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

MOST = 10_000

REGION = """\
# A region that is large enough for {count} offices; made by benchmarks/offices.py.
name: Kabupaten Contoh
zone: Asia/Pontianak
covers: {{from: 2040-01-01, until: 2041-12-31}}
uplinks:
  main:
    router: core-1
    addresses: [198.51.100.2/30, "2001:db8:ffff::2/64"]
    gateways: [198.51.100.1, "2001:db8:ffff::1"]
    nat: {{offices: 203.0.113.10, public: 203.0.113.11}}
    capacity: {capacity} Mbit/s
    usable: 90 %
    price: 95000000 IDR/month
    control: 2 Mbit/s
    unmatched: 1 Mbit/s
segments:
  metro:
    router: core-1
    description: One wide network for all offices
    addresses: [172.16.0.1/16, "2001:db8:f000::1/64"]
holidays: {{country: ID, categories: [public, government]}}
calendars:
  working-week:
    description: Five days a week
    windows: {{mon-thu: ["07:00-15:30"], fri: ["07:00-14:30"]}}
  around-the-clock:
    description: Hospitals and fire brigades
    always: true
periods:
  - name: Ramadan
    from: 2040-09-08
    until: 2040-10-06
    windows: {{working-week: {{mon-thu: ["08:00-15:00"], fri: ["08:00-15:30"]}}}}
pools:
  working-week: {{slot: 0, closed: {closed} Mbit/s}}
  around-the-clock: {{slot: 1}}
public: {{in_hours: 60 Mbit/s, out_of_hours: 400 Mbit/s}}
"""

OFFICE = """\
# Kantor {id}
id: {id}
name: Kantor Contoh {id}
networks: [{v4}, "{v6}"]
link:
  segment: metro
  capacity: 100 Mbit/s
  gateways: [{gateway}, "2001:db8:f000::1:{id:x}"]
calendar: {calendar}
guarantee: {{down: {down} Mbit/s, up: {up} Mbit/s}}
floor: 2 Mbit/s
ceiling: 80 Mbit/s
justification: {staff} pegawai, aplikasi perkantoran daring dan rapat daring setiap hari kerja.
request: {{letter: 000/{id}/CONTOH/2026, date: 2026-01-12}}
"""

EXCEPTION = """\
exceptions:
  - from: 2040-{month:02}-01
    until: 2040-{month:02}-12
    guarantee: 40 Mbit/s
    reason: Ujian berbasis komputer di kantor ini.
"""


def write_policy(folder: Path, count: int) -> None:
    """Write a valid policy of offices 1 to `count` (at most 10,000) into an empty folder."""
    if not 1 <= count <= MOST:
        raise ValueError(f"{count} offices; 1 to {MOST} fit into the networks used here")
    (folder / "opd").mkdir(parents=True)
    (folder / "hotspots").mkdir()
    capacity = 50 * count + 2_000
    region = REGION.format(count=count, capacity=capacity, closed=3 * count)
    (folder / "region.yaml").write_text(region)
    for slug, text in _offices(count):
        (folder / "opd" / f"{slug}.yaml").write_text(text)


def _offices(count: int) -> Iterator[tuple[str, str]]:
    for number in range(1, count + 1):
        text = OFFICE.format(
            id=number,
            v4=f"10.{number >> 8}.{number & 255}.0/24",
            v6=f"2001:db8:{0x1000 + number:x}::/48",
            gateway=IPv4Address("172.16.0.0") + 256 + number,
            calendar="around-the-clock" if number % 20 == 0 else "working-week",
            down=(10, 20, 28)[number % 3],
            up=(10, 15)[number % 2],
            staff=20 + number % 80,
        )
        if number % 10 == 1:
            text += EXCEPTION.format(month=1 + number // 10 % 12)
        yield f"kantor-{number:05}", text
