"""What roles/signing promises of the host that signs."""

from __future__ import annotations

from tests.hosts.machine import Machine

KINDS = {"signing"}
USERS = ("signing-web", "signing-confirm", "signer")


def test_its_generation_is_linked_into_etc(machine: Machine) -> None:
    target = machine.host.check_output("readlink /etc/komando")
    assert target == "/var/lib/komando/current/etc/komando"


def test_each_service_has_a_user_and_a_folder_that_no_other_enters(machine: Machine) -> None:
    for name in USERS:
        user = machine.host.user(name)
        assert user.shell == "/usr/sbin/nologin"
        assert user.groups == [name]
        assert machine.host.check_output(f"stat -c '%U %a' /var/lib/{name}") == f"{name} 700"


def test_nothing_is_served_yet(machine: Machine) -> None:
    unit = machine.host.run("systemctl is-enabled nginx.service; systemctl is-active nginx.service")
    assert unit.stdout.split() == ["disabled", "inactive"]
