"""Taking away what was laid: all of it, or what stands in the way of traffic alone.

It asks for no generation: what to take away is on record, and the tables bear their names.
"""

from __future__ import annotations

from .kernel import CommandError, ip_batch, links, succeeds
from .layout import HostError
from .network import live_network, plan_network
from .records import Records
from .tables import GUARD_TABLE, NAT_TABLE, SHAPER_TABLE, delete_tables


def take_down_shaping(records: Records) -> None:
    """Takes trees, steering and the tables that classify and guard away; routes and NAT stay.

    So everybody reaches everything that is routed, without limits. Raises HostError with all that
    failed.
    """
    failures: list[str] = []
    try:
        delete_tables(GUARD_TABLE, SHAPER_TABLE)
    except CommandError as error:
        failures.append(str(error))
    here = links()
    steering = records.steering()
    for device in sorted(steering.devices if steering else ()):
        if device in here:
            succeeds(["tc", "qdisc", "del", "dev", device, "clsact"])
    for device in records.devices():
        if device in here:
            succeeds(["tc", "qdisc", "del", "dev", device, "root"])
    records.forget_shaping()
    if failures:
        raise HostError("; ".join(failures))


def take_down(records: Records) -> None:
    """Takes everything away that was laid; raises HostError with all that failed."""
    failures: list[str] = []
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
