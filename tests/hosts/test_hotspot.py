"""What roles/hotspot promises of a gateway of public points."""

from __future__ import annotations

from tests.hosts.machine import Machine

KINDS = {"hotspot"}


def test_its_generation_is_linked_into_etc(machine: Machine) -> None:
    for path in ("etc/komando", "etc/sysctl.d/90-komando.conf"):
        assert machine.host.check_output(f"readlink /{path}") == f"/var/lib/komando/current/{path}"


def test_the_portal_has_a_user_and_a_folder_of_its_own(machine: Machine) -> None:
    user = machine.host.user("portal")
    assert user.exists
    assert user.shell == "/usr/sbin/nologin"
    assert machine.host.check_output("stat -c '%U %a' /var/lib/portal") == "portal 700"


def test_nothing_is_served_to_guests_yet(machine: Machine) -> None:
    states = machine.host.run("systemctl is-active ulogd2.service dnsmasq.service").stdout.split()
    assert states == ["inactive", "inactive"]
