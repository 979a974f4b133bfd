"""An office at a moment at which nothing is wrong, for tests that make something wrong."""

from __future__ import annotations

from ipaddress import ip_network

from komando.status import Flow, Line, Office, Pool, RouterStatus, Uplink
from komando.units import Pair, Rate

MBIT = 1_000_000
QUIET = Flow(rate=0, packets=0, dropped=0, backlog=0, queued=0.0)
LINE = Line("lan0", carrier=True, gateways={"10.1.2.1": "answers", "2001:db8::1": "answers"})


def mbit(down: float, up: float | None = None) -> Pair:
    return Pair(down=Rate(int(down * MBIT)), up=Rate(int((down if up is None else up) * MBIT)))


def flow(rate: float, *, waits: int = 0, dropped: int = 0) -> Flow:
    """So many Mbit/s; `waits` bytes stand in the queue all the time."""
    packets = int(rate * MBIT / 8 / 1200)
    return Flow(int(rate * MBIT), packets, dropped, waits, 1.0 if waits else 0.0)


OFFICE = Office(
    slug="dinas-kesehatan",
    kind="opd",
    name="Dinas Kesehatan",
    pool="working-week",
    segment="metro",
    mode="enforce",
    calendar="working-week",
    networks=(ip_network("10.20.5.0/24"), ip_network("2001:db8:1005::/48")),
    promised=mbit(20),
    guarantee=mbit(20),
    floor=mbit(4),
    ceiling=mbit(50, 40),
    exceptions=(),
    line=LINE,
    flows={"down": flow(3), "up": flow(1)},
)
UPLINK = Uplink(
    name="main",
    line=Line("wan0", carrier=True, gateways={"198.51.100.1": "answers"}),
    capacity=mbit(1000),
    link=mbit(900, 950),
    rate={"down": 300 * MBIT, "up": 100 * MBIT},
)
ROUTER = RouterStatus(
    host="core-1",
    generation="a" * 64,
    profile="six-days+working-week",
    due="six-days+working-week",
    now="2026-11-24T02:00:00Z",
    clock=None,
    bypass=None,
    waits=None,
    open=("around-the-clock", "six-days", "working-week"),
    uplink=UPLINK,
    offices=(OFFICE,),
    pools=(Pool("working-week", mbit(610), {"down": 300 * MBIT, "up": 90 * MBIT}),),
)
