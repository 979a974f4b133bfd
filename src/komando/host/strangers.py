"""What others have put into the traffic's way: tables, filters, queues, rules, routes, addresses.

None of it is the generation's, and none goes by bringing the generation in force again: a person
decides. An administrator's own firewall for the machine, or a table that only counts, is told and
is no drift, or every such machine would drift for ever. It is drift where it can stop, turn aside
or reclassify what the offices send through the router: a chain that drops, rewrites, marks or
offloads outside of `input` and `output`, a filter on an interface that we steer or shape, a queue
that somebody set on a LAN, a rule of routing, or none where the kernel has one of its own. Chains
of iptables-legacy are not seen here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import ip_interface

from .configuration import Configuration
from .finding import Finding
from .kernel import answer, run
from .survey import Work
from .tables import BASE_TABLE, GUARD_TABLE, NAT_TABLE, SHAPER_TABLE
from .typed import Any

_TABLE = re.compile(r"^table (\S+) (\S+) \{.*?\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
_HOOK = re.compile(
    r"\ttype (\S+) hook (\S+) (?:devices? .*? )?priority ([^;]+);(?: policy (\w+);)?"
)
_QUOTED = re.compile(r'"[^"\n]*"')
_DECIDES = re.compile(
    r"\b(?:drop|reject|queue|masquerade|[sd]nat|redirect|dup|fwd|tproxy|notrack|synproxy)\b|"
    r"\S (?<!nftrace )(?<!event )set \S|\bflow (?:add|offload)\b|\breset tcp option\b|\bxt target\b"
)
"""Statements that stop a packet, turn it aside or change anything of it (nft(8)): what `set`s a
field is any but those that only tell of it. A set of addresses begins its line and is none."""

_OURS = (SHAPER_TABLE, NAT_TABLE, GUARD_TABLE, BASE_TABLE)

_OWN = ("input", "output")
"""Hooks of what is for the machine or comes from it."""

Rule = Mapping[str, Any]
"""A rule of routing as `ip -j` tells it."""

_OWN_RULES: tuple[Rule, ...] = (
    {"priority": 0, "src": "all", "table": "local"},
    {"priority": 32766, "src": "all", "table": "main"},
    {"priority": 32767, "src": "all", "table": "default"},
)
"""The rules of routing that the kernel starts with (ip-rule(8)); IPv6 has no third."""

_VRF_RULE: Rule = {"priority": 1000, "src": "all", "l3mdev": None}
"""What the kernel adds with the first VRF (Documentation/networking/vrf.rst)."""

Route = Mapping[str, Any]
"""A route as `ip -j` tells it."""

Queue = dict[str, Any]
"""A qdisc as `tc -j` tells it."""

_BY_HAND = ("boot", "static")
"""What `ip route add` and an administrator's files leave as the protocol of a route."""

_ASKED = ("local", "main", "default")
"""The tables that the kernel's own rules look in; any other needs a rule, which is told."""


def strangers(configuration: Configuration, work: Work) -> list[Finding]:
    """All of them, asked of the kernel."""
    here = [one for one in configuration.interfaces if one not in work.absent]
    ifb = [] if work.ifb == "missing" else [configuration.ifb]
    queues: dict[str, list[Queue]] = {}
    for item in answer(["tc", "-j", "qdisc", "show"]):
        queues.setdefault(item["dev"], []).append(item)
    return [
        *tables_of(run(["nft", "-s", "list", "ruleset"])),
        *_queues({one: queues.get(one, []) for one in configuration.lans if one in here}),
        *_filters({one: queues.get(one, []) for one in (*here, *ifb)}, configuration),
        *_rules(),
        *_routes(here),
        *_addresses([one for one in configuration.lans if one in here], work),
    ]


def tables_of(ruleset: str) -> Iterator[Finding]:
    """What a listing of all tables holds beside ours, of what is hooked anywhere."""
    for family, name, body in _TABLE.findall(ruleset):
        hooks = _HOOK.findall(body)
        if (family, name) in _OURS or not hooks:
            continue
        through = [hook for _, hook, _, _ in hooks if hook not in _OWN]
        drops = any(policy == "drop" and hook not in _OWN for _, hook, _, policy in hooks)
        decides = bool(through) and (drops or bool(_DECIDES.search(_QUOTED.sub('""', body))))
        what = ", ".join(dict.fromkeys(hook for _, hook, _, _ in hooks))
        yield Finding(
            kind="table",
            where=f"{family} {name}",
            expected="no table but ours decides about traffic",
            found=f"a table of somebody else at {what}"
            + (", which can drop, mark or translate" if decides else ", which lets all pass"),
            diff="\n".join(f"+{line}" for line in body.rstrip().splitlines()) if decides else "",
            drift=decides,
            mend="console",
        )


def _queues(lans: Mapping[str, list[Queue]]) -> Iterator[Finding]:
    """The kernel's own queues have the handle 0: or hang below such a one."""
    for device, queues in lans.items():
        for item in queues:
            if item.get("root") and item["handle"] != "0:":
                found = f"qdisc {item['kind']} {item['handle']} at its root"
                words = "the kernel's own queue"
                yield Finding("tree", device, words, found, f"+{found}", mend="console")


def _filters(devices: Mapping[str, list[Queue]], configuration: Configuration) -> Iterator[Finding]:
    ours = {item.place for item in configuration.steering.filters}
    for device, queues in devices.items():
        kinds = {item["kind"] for item in queues}
        ways = [("egress", "egress"), ("ingress", "ingress")] if "clsact" in kinds else []
        ways += [("ingress", "parent ffff:")] if "ingress" in kinds else []
        ways += [("root", "parent 1:")] if "htb" in kinds else []
        for way, where in ways:
            for item in answer(["tc", "-j", "filter", "show", "dev", device, *where.split()]):
                prio, chain = item.get("pref"), item.get("chain")
                taken = way == "egress" and not chain and (device, prio) in ours
                if "options" not in item or taken:  # what is in the place of ours, `steer` tells
                    continue
                words = f"filter {item.get('kind')} {way} prio {prio}"
                words += f" chain {chain}" if chain else ""
                yield Finding(
                    "steering", device, "no filter but ours", words, f"+{words}", mend="console"
                )


def _rules() -> Iterator[Finding]:
    for family, own in (("-4", _OWN_RULES), ("-6", _OWN_RULES[:2])):
        yield from rules_of(f"ip {family} rule", answer(["ip", family, "-j", "rule", "show"]), own)


def rules_of(where: str, live: Iterable[Rule], own: Collection[Rule] = _OWN_RULES) -> list[Finding]:
    """What differs from the kernel's own rules, each of them compared whole.

    The protocol alone does not count: it says who has made a rule, and not what that does.
    """
    told = {_rule_words(item): _rule_words(item, whole=True) for item in live}
    kernel = [_rule_words(item) for item in own]
    known = {*kernel, _rule_words(_VRF_RULE)}
    return [
        *(
            Finding("route", where, words, "it is missing", f"-{words}", mend="console")
            for words in kernel
            if words not in told
        ),
        *(
            Finding("route", where, "none but the kernel's own", words, f"+{words}", mend="console")
            for key, words in told.items()
            if key not in known
        ),
    ]


def _rule_words(rule: Rule, *, whole: bool = False) -> str:
    return " ".join(f"{key} {value}" for key, value in rule.items() if whole or key != "protocol")


def _routes(devices: Collection[str]) -> Iterator[Finding]:
    for family in ("-4", "-6"):
        shown = answer(["ip", family, "-j", "route", "show", "table", "all"])
        yield from routes_of(shown, devices)


def routes_of(shown: Iterable[Route], devices: Collection[str]) -> Iterator[Finding]:
    """Routes by hand over `devices`, and those that lead nowhere or to this machine itself.

    They are told, and are no drift: the machine may need one to reach its controller.
    """
    for item in shown:
        by_hand = item.get("protocol", "boot") in _BY_HAND
        ways = item.get("nexthops", [item])
        here = "type" in item or any(way.get("dev") in devices for way in ways)
        asked = item.get("table", "main") in _ASKED
        if by_hand and here and asked and not _confined(item["dst"]):
            words = _route_words(item, ways)
            yield Finding(
                *("route", "of somebody else"), "routes of the generation", words,
                f"+{words}", drift=False, mend="console",
            )  # fmt: skip


def _route_words(item: Route, ways: Collection[Route]) -> str:
    words = [item["type"]] if "type" in item else []
    words += [item["dst"]]
    for way in ways:
        gateway = way.get("gateway") or way.get("via", {}).get("host")
        words += ["nexthop"] if len(ways) > 1 else []
        words += ["via", gateway] if gateway else []
        words += ["dev", way["dev"]] if "dev" in way else []
    words += ["table", item["table"]] if "table" in item else []
    return " ".join(words)


def _addresses(lans: Collection[str], work: Work) -> Iterator[Finding]:
    """Another's address on a LAN is told, and is no drift: two routers may share one."""
    known = {item.entry for item in (*work.configuration.network, *work.network.remove)}
    for item in sorted(work.found.network.addresses - known, key=repr):
        if item.device in lans and not _confined(item.address):
            yield Finding(
                *("address", item.device), "addresses of the generation", item.address,
                f"+{item.address} dev {item.device}", drift=False, mend="console",
            )  # fmt: skip


def _confined(destination: str) -> bool:
    """Whether it is one of a link alone, or of many receivers: the kernel has such for itself."""
    if destination == "default":
        return False
    network = ip_interface(destination).network
    return network.is_link_local or network.is_multicast
