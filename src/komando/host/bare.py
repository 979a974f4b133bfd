"""Taking away what was laid: all of it, or what stands in the way of traffic alone.

It asks for no generation: what to take away is on record, and the tables bear their names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from .errors import HostError
from .kernel import CommandError, answer, ip_batch, run
from .network import live_network, plan_network
from .records import Records
from .settings import NO_FORWARDING
from .tables import GUARD_TABLE, NAT_TABLE, SHAPER_TABLE, delete_tables, shown


def take_down_shaping(records: Records, devices: Collection[str] = ()) -> None:
    """Takes trees, steering and the tables that classify and guard away; routes and NAT stay.

    So everybody reaches everything that is routed, without limits. `devices` are looked at beside
    those on record, as a record can be lost. What does not stand is not touched. Raises HostError
    with all that failed.
    """
    failures: list[str] = []
    for table in (GUARD_TABLE, SHAPER_TABLE):
        with _noting(failures):
            if shown(*table):
                delete_tables(table)
    steering = records.steering()
    ours = {*devices, *records.devices(), *(steering.devices if steering else ())}
    with _noting(failures):
        for device, what in _laid():
            if device in ours:
                with _noting(failures):
                    run(["tc", "qdisc", "del", "dev", device, what])
    if failures:
        raise HostError("; ".join(failures))
    records.forget_shaping()


@contextmanager
def _noting(failures: list[str]) -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        failures.append(str(error))


def _laid() -> list[tuple[str, str]]:
    """Each device with a tree (`root`) or with filters (`clsact`), whoever has laid them."""
    found = []
    for item in answer(["tc", "-j", "qdisc", "show"]):
        if item["kind"] == "clsact":
            found.append((item["dev"], "clsact"))
        elif item["kind"] == "htb" and item.get("root"):
            found.append((item["dev"], "root"))
    return found


def take_down(records: Records) -> None:
    """Takes everything away that was laid; raises HostError with all that failed.

    Forwarding first: without tables and NAT a machine carries nothing for others.
    """
    failures: list[str] = []
    with _noting(failures):
        run(["sysctl", "-q", "-w", *NO_FORWARDING])
    try:
        take_down_shaping(records)
    except HostError as error:
        failures.append(str(error))
    try:
        delete_tables(NAT_TABLE)
    except CommandError as error:
        failures.append(str(error))
    steps = plan_network([], live_network(), records.addresses())
    if steps.remove:
        failures += ip_batch([item.line for item in steps.remove]).values()
    records.forget()
    if failures:
        raise HostError("; ".join(failures))
