"""What a router must show for its offices to get what the policies say."""

from __future__ import annotations

import json
import re

import pytest

from komando import generation
from komando.intent.model import CONTROL_MINOR
from tests.hosts.router import Router

KINDS = {"router"}

DIRECTIONS = pytest.mark.parametrize("direction", ["down", "up"])


def test_the_generation_is_the_wanted_one(router: Router) -> None:
    assert router.observed["generation"] == router.bundle.digest


def test_the_kernel_holds_all_that_the_host_program_put_there(router: Router) -> None:
    assert router.observed["kernel"] == "ok"


def test_the_profile_is_the_one_of_this_hour(router: Router) -> None:
    assert router.profile in router.due()


def test_the_clock_is_rehearsed_in_a_lab_alone(router: Router) -> None:
    if not router.lab:
        assert router.observed["clock"] is None


def test_the_calendar_goes_on(router: Router) -> None:
    assert router.observed["calendar"] == "ok"


def test_prometheus_is_told_of_every_office_and_point(router: Router) -> None:
    shown = router.host.check_output(f"sudo -n {generation.PROGRAM} metrics")
    for direction in ("down", "up"):
        told = rf'^komando_site_sent_bytes_total{{slug="([^"]+)",.*direction="{direction}"}} \d+$'
        found = re.findall(told, shown, re.MULTILINE)
        assert sorted(found) == sorted(leaf.slug for leaf in router.intent.leaves)


@DIRECTIONS
def test_every_class_stands_where_it_should_with_its_rates(router: Router, direction: str) -> None:
    wanted, live = router.wanted_classes(direction), router.live_classes(direction)
    assert wanted.keys() == live.keys()
    wrong = {key: (item, live[key]) for key, item in wanted.items() if not item.like(live[key])}
    assert not wrong


@DIRECTIONS
def test_every_office_has_a_queue_of_its_own(router: Router, direction: str) -> None:
    live = {
        item["parent"]: item["kind"]
        for item in router.live_qdiscs(router.devices[direction])
        if "parent" in item
    }
    assert live == router.wanted_leaves(direction)


@DIRECTIONS
def test_the_router_itself_has_the_default_class(router: Router, direction: str) -> None:
    (root,) = (item for item in router.live_qdiscs(router.devices[direction]) if item.get("root"))
    assert root["kind"] == "htb"
    assert int(root["options"]["default"], 16) == CONTROL_MINOR


def test_downloads_pass_the_tree_on_each_lan(router: Router) -> None:
    for lan in router.lans:
        command = "/usr/sbin/tc -j filter show dev %s egress"
        filters = json.loads(router.host.check_output(command, lan))
        actions = [
            action
            for item in filters
            for action in item.get("options", {}).get("actions", [])
            if action["kind"] == "mirred"
        ]
        assert [action["to_dev"] for action in actions] == [router.ifb], lan


def test_settings_are_in_force(router: Router) -> None:
    for line in router.lines(generation.SYSCTL):
        key, _, value = line.partition("=")
        assert str(router.host.sysctl(key.strip())) == value.strip(), key


def test_every_network_has_its_route(router: Router) -> None:
    assert router.live_routes() == router.wanted_routes()


def test_addresses_stand_on_their_interfaces(router: Router) -> None:
    for line in router.lines(generation.NETWORK):
        words = line.split()
        if words[:2] == ["address", "replace"]:
            assert words[2] in _addresses(router, words[4]), line


def _addresses(router: Router, device: str) -> set[str]:
    text = router.host.check_output("/usr/sbin/ip -j address show dev %s", device)
    return {f"{item['local']}/{item['prefixlen']}" for item in json.loads(text)[0]["addr_info"]}


def test_what_connections_carry_is_counted(router: Router) -> None:
    setting = "/proc/sys/net/netfilter/nf_conntrack_acct"
    assert router.host.check_output("cat %s", setting) == "1"


def test_the_clock_shows_the_time_that_its_calendars_are_in(router: Router) -> None:
    zone = router.host.check_output("timedatectl show --property=Timezone --value")
    assert zone == router.intent.zone


def test_nothing_of_the_generation_can_be_changed_by_the_deploy_user(router: Router) -> None:
    command = "find %s/ -writable"
    assert router.host.run(command, generation.GENERATIONS).stdout == ""


def test_its_generation_is_linked_into_etc(router: Router) -> None:
    for path in ("etc/komando", generation.SYSCTL):
        assert router.host.check_output(f"readlink /{path}") == f"/var/lib/komando/current/{path}"
