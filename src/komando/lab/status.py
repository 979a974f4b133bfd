"""The city as a picture in text, and as data."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from komando.inventory import Access, Host
from komando.lab.city import City
from komando.lab.place import LabError
from komando.lab.rehearsal import ask


def draw(city: City, console: Console) -> None:
    """Print who is where and what the router runs."""
    divisor = f", every rate divided by {city.divisor}" if city.divisor > 1 else ""
    top = Tree(Text(f"{city.name}: {city.region}{divisor}", style="bold"), guide_style="dim")
    isp = top.add(Text(f"internet  {city.internet_v4}  {city.internet_v6}")).add(
        Text(f"isp  a queue of {city.capacity}, of which the router fills {city.usable}")
    )
    router = isp.add(_router(city))
    for part in city.topology.parts:
        if not part.name.startswith("switch-"):
            continue
        segment = part.name.removeprefix("switch-")
        slugs = [one.slug for one in city.endpoints.values() if one.segment == segment]
        words = f"{segment}  {city.router.interfaces[segment]}, {len(slugs)} there"
        branch = router.add(Text(words))
        if slugs:
            branch.add(Text(", ".join(slugs), style="dim"))
    router.add(Text(f"controller  {' '.join(city.access.prefix)}"))
    console.print(top)


def _router(city: City) -> Text:
    said = observed(city.access, city.router)
    if "error" in said and not city.prepared:
        words = "bare, for `komando prepare --inventory lab`"
        return Text(f"{city.router.name}  {city.router.address}, {words}")
    return words_of(city.router, said)


def words_of(host: Host, said: dict[str, Any]) -> Text:
    """One line on a router, from what it said of itself."""
    if "error" in said:
        return Text(f"{host.name}  {said['error']}", style="red")
    if said["generation"] is None:
        return Text(f"{host.name}  {host.address}, nothing applied yet")
    words = [
        f"generation {said['generation'][:12]}",
        f"profile {said['profile'] or 'none'}",
        f"clock {said['clock']}, rehearsed" if said["clock"] else "real clock",
        "kernel as wanted" if said["kernel"] == "ok" else f"kernel {said['kernel']}",
    ]
    return Text(f"{host.name}  {host.address}, {', '.join(words)}")


def observed(access: Access, host: Host) -> dict[str, Any]:
    """What a router says of itself, or `error`: why it says nothing."""
    try:
        return ask(access, host, "observe")
    except LabError as error:
        return {"error": str(error).splitlines()[0]}


def as_json(city: City) -> str:
    """The same as one JSON object: rates in bit/s, the router's own words under `observed`."""
    rates = {
        name: {"down": pair.down.bits, "up": pair.up.bits}
        for name, pair in (("capacity", city.capacity), ("usable", city.usable))
    }
    said = {
        "name": city.name,
        "region": city.region,
        "zone": city.zone,
        "divisor": city.divisor,
        **rates,
        "internet": {"v4": city.internet_v4, "v6": city.internet_v6},
        "router": {"name": city.router.name, "address": city.router.address},
        "observed": observed(city.access, city.router),
        "endpoints": [asdict(one) for one in city.endpoints.values()],
        "namespaces": {part: city.netns(part) for part in city.parts},
    }
    return json.dumps(said, indent=1, ensure_ascii=False)
