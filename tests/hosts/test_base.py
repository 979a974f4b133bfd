"""What roles/base promises of every machine, whatever it is for."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from ipaddress import ip_address, ip_network, summarize_address_range
from pathlib import Path

from komando import generation
from komando.documents.addresses import Network
from komando.host import __path__ as program_path
from tests.hosts.machine import ASIDE, METRICS_PORT, Machine

KINDS = {"controller", "router", "hotspot", "signing", "jump"}
FORWARDING = {"router", "hotspot"}

EXCHANGES = {
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "sntrup761x25519-sha512@openssh.com",
}
CIPHERS = {
    "chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com",
    "aes256-ctr", "aes192-ctr", "aes128-ctr",
}  # fmt: skip
MACS = {
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "umac-128-etm@openssh.com",
}
ANNOUNCED = {"ext-info-s", "kex-strict-s-v00@openssh.com"}
"""What stands among the exchanges and is none (RFC 8308, CVE-2023-48795)."""


def test_every_package_of_its_roles_is_installed(machine: Machine) -> None:
    wanted = machine.packages()
    shown = machine.host.check_output("dpkg-query -W -f '${Package} ${db:Status-Status}\n'")
    installed = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    assert wanted <= installed


def test_no_unit_has_failed(machine: Machine) -> None:
    assert machine.host.check_output("systemctl list-units --failed --plain --no-legend") == ""


# --- who comes in --------------------------------------------------------------------------------


def test_ssh_takes_keys_only(machine: Machine) -> None:
    assert "Permission denied (publickey)." in machine.greeting


def test_ssh_offers_one_key_and_no_weak_algorithm(machine: Machine) -> None:
    assert machine.offered("host key algorithms") == ["ssh-ed25519"]
    exchanges = machine.offered("KEX algorithms")
    assert exchanges[0] == "curve25519-sha256"
    assert set(exchanges) - ANNOUNCED == EXCHANGES
    assert set(machine.offered("ciphers stoc")) == CIPHERS
    assert set(machine.offered("MACs stoc")) == MACS


def test_ssh_lets_in_the_three_that_it_should(machine: Machine) -> None:
    settings = machine.text("/etc/ssh/sshd_config.d/10-komando.conf")
    (users,) = re.findall(r"^AllowUsers (.+)$", settings, re.MULTILINE)
    assert users.split()[-2:] == ["deploy", "observe"]
    assert machine.lab or machine.inventory.administrator in users.split()


def test_ssh_leads_to_those_behind_it_and_nowhere_else(machine: Machine) -> None:
    settings = machine.text("/etc/ssh/sshd_config.d/10-komando.conf")
    (forwards,) = re.findall(r"^AllowTcpForwarding (.+)$", settings, re.MULTILINE)
    opened = " ".join(re.findall(r"^PermitOpen (.+)$", settings, re.MULTILINE)).split()
    behind = [one for one in machine.inventory.hosts.values() if one.jump == machine.name]
    assert forwards == ("local" if behind else "no")
    assert {*opened} == {
        f"[{one.address}]:{one.port}" if ":" in one.address else f"{one.address}:{one.port}"
        for one in behind
    }


def test_the_keys_are_those_of_the_inventory(machine: Machine) -> None:
    for user, keys in (
        ("deploy", machine.inventory.deploy_keys or ()),
        ("observe", machine.inventory.observe_keys),
    ):
        lines = machine.text(f"/etc/ssh/authorized_keys.d/{user}").splitlines()
        trusted = [line for line in lines if line and not line.startswith("#")]
        assert all(line.startswith("restrict") for line in trusted)
        if not machine.lab:  # which makes keys of its own
            assert [line.split(" ", 1)[1] for line in trusted] == list(keys)


def test_the_deploy_user_may_run_some_verbs_of_one_program_as_root(machine: Machine) -> None:
    done = machine.host.run("sudo -n -l")
    if not machine.has_program:
        assert done.rc != 0
        return
    lines = [line.strip() for line in done.stdout.splitlines()]
    ours = "(root) NOPASSWD: "
    (allowed,) = (line.removeprefix(ours) for line in lines if line.startswith("("))
    commands = [one.split(" ", 1) for one in allowed.split(", ")]
    assert {program for program, *_ in commands} == {generation.PROGRAM}
    # each by a regular expression over all of its arguments: a bare program may be told anything
    assert all(len(rest) == 1 and rest[0][0] + rest[0][-1] == "^$" for _, *rest in commands)
    assert machine.host.run(f"sudo -n {generation.PROGRAM} clock off").rc != 0


def test_nothing_that_root_reads_or_runs_can_be_changed_by_the_deploy_user(
    machine: Machine,
) -> None:
    places = "/etc /usr/local /var/lib/komando"
    assert machine.host.run(f"find {places} -writable ! -type l 2>/dev/null").stdout == ""


# --- what the guard lets in ----------------------------------------------------------------------


def test_the_guard_stands_before_the_network_comes_up(machine: Machine) -> None:
    unit = machine.units["komando-guard.service"]
    assert (unit["ActiveState"], unit["UnitFileState"]) == ("active", "enabled")
    order = machine.host.check_output("systemctl show komando-guard.service --property=Before")
    assert "network-pre.target" in order


def test_what_is_not_open_does_not_answer(machine: Machine) -> None:
    if not machine.entry.hops:  # over a jump host nothing of this can be seen from here
        assert machine.answers(machine.entry.port)
        assert machine.answers(METRICS_PORT)
        assert machine.asks_itself or not machine.answers(ASIDE)


def test_the_guard_is_the_one_that_was_laid(machine: Machine) -> None:
    loaded = machine.text("/run/komando-guard")
    assert "hook input priority filter; policy drop" in loaded
    let_in = networks_in(loaded)
    assert [
        one for one in machine.management if not any(lies_in(one, other) for other in let_in)
    ] == []
    assert ("hook forward" in loaded) == (machine.entry.kind not in FORWARDING)


def lies_in(one: Network, other: Network) -> bool:
    """Whether the other network holds all of the one."""
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def networks_in(ruleset: str) -> list[Network]:
    """Those that a listing names: nft writes one address without a length, and joins neighbours."""
    found: list[Network] = []
    for word in re.findall(r"[0-9a-f.:]+(?:[-/][0-9a-f.:]+)?", ruleset):
        first, _, last = word.partition("-")
        with suppress(ValueError, TypeError):
            found += (
                summarize_address_range(ip_address(first), ip_address(last))
                if last
                else [ip_network(word)]
            )
    return found


def test_nothing_flushes_the_tables_at_boot(machine: Machine) -> None:
    assert machine.units["nftables.service"]["LoadState"] == "masked"


def test_nothing_is_forwarded_before_a_generation_says_so(machine: Machine) -> None:
    if machine.entry.kind in FORWARDING and machine.observed["generation"] is not None:
        return
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        assert str(machine.host.sysctl(key)) == "0", key


# --- the machine itself --------------------------------------------------------------------------


def test_it_bears_the_name_of_the_inventory(machine: Machine) -> None:
    assert machine.host.check_output("hostname") == machine.name
    assert machine.text("/etc/hostname").strip() == machine.name
    assert machine.host.check_output(f"getent hosts {machine.name}").split()[0] == "127.0.1.1"


def test_the_clock_is_kept(machine: Machine) -> None:
    unit = machine.units["systemd-timesyncd.service"]
    assert unit["UnitFileState"] == "enabled"
    if machine.in_container:  # whose clock is the machine's around it: the unit leaves it alone
        assert (unit["ActiveState"], unit["ConditionResult"]) == ("inactive", "no")
    else:
        assert unit["ActiveState"] == "active"
        shown = machine.host.check_output("timedatectl show --property=NTPSynchronized --value")
        assert shown == "yes"
    wanted = f"NTP={' '.join(machine.option('base_time_servers'))}"
    assert wanted in machine.text("/etc/systemd/timesyncd.conf.d/50-komando.conf").splitlines()


def test_the_clock_shows_the_time_of_the_region(machine: Machine) -> None:
    zone = machine.host.check_output("timedatectl show --property=Timezone --value")
    assert zone == machine.option("base_time_zone")


def test_security_upgrades_come_by_themselves_and_nothing_else(machine: Machine) -> None:
    shown = machine.host.check_output("apt-config dump")
    settings = dict(re.findall(r'^(\S+) "(.*)";$', shown, re.MULTILINE))
    pattern = r'^Unattended-Upgrade::(?:Origins-Pattern|Allowed-Origins):: "(.*)";'
    origins = re.findall(pattern, shown, re.MULTILINE)
    assert origins == ["origin=Debian,codename=${distro_codename}-security,label=Debian-Security"]
    assert settings["APT::Periodic::Unattended-Upgrade"] == "1"
    assert settings["APT::Periodic::Update-Package-Lists"] == "1"
    reboots = settings["Unattended-Upgrade::Automatic-Reboot"]
    assert reboots == ("false" if machine.has_program else "true")
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        unit = machine.units[timer]
        assert (unit["ActiveState"], unit["UnitFileState"]) == ("active", "enabled")


def test_the_journal_outlives_a_reboot_and_is_bounded(machine: Machine) -> None:
    settings = machine.text("/etc/systemd/journald.conf.d/50-komando.conf")
    assert f"SystemMaxUse={machine.option('base_journal_size')}\n" in settings
    assert f"MaxRetentionSec={machine.option('base_journal_days')}day\n" in settings
    assert machine.host.check_output("ls /var/log/journal"), "it is kept in memory alone"


def test_the_kernel_has_its_settings(machine: Machine) -> None:
    lines = machine.text("/etc/sysctl.d/50-komando-base.conf").splitlines()
    wanted = dict(re.findall(r"^(\S+) = (\S+)$", "\n".join(lines), re.MULTILINE))
    assert wanted == {key: str(one) for key, one in machine.option("base_kernel_settings").items()}
    if machine.in_container:  # all else is the kernel's around it
        wanted = {key: one for key, one in wanted.items() if key.startswith("net.ipv")}
    shown = machine.host.run(f"/usr/sbin/sysctl --ignore {' '.join(wanted)}").stdout
    live = dict(re.findall(r"^(\S+) = (\S+)$", shown, re.MULTILINE))
    assert {key: one for key, one in wanted.items() if live.get(key, one) != one} == {}


def test_its_metrics_are_served_to_management(machine: Machine) -> None:
    unit = machine.units["prometheus-node-exporter.service"]
    assert (unit["ActiveState"], unit["UnitFileState"]) == ("active", "enabled")
    if machine.entry.hops:
        return
    shown = machine.metrics()
    assert "node_textfile_scrape_error 0\n" in shown
    works = dict(re.findall(r'^node_scrape_collector_success\{collector="(\w+)"\} (\d)$', shown,
                            re.MULTILINE))  # fmt: skip
    if machine.in_container:
        works.pop("timex")  # a container may not even ask how far the clock is off
    assert works.keys() <= set(machine.option("base_metrics_collectors"))
    assert set(works.values()) == {"1"}


# --- the host program ----------------------------------------------------------------------------


def test_the_host_program_is_ours_and_looks_every_minute(machine: Machine) -> None:
    if not machine.has_program:
        assert not machine.host.file(generation.PROGRAM).exists
        return
    sums = machine.host.check_output("cd /usr/local/lib/komando/komando_host; sha256sum -- *.py")
    theirs = {line.split()[1]: line.split()[0] for line in sums.splitlines()}
    sources = sorted(Path(program_path[0]).glob("*.py"))
    assert theirs == {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in sources}
    timers = ("komando-hours.timer", "komando-reboot.timer")
    for name in ("komando-boot.service", "komando-hours.service", *timers):
        assert machine.units[name]["UnitFileState"] == "enabled", name
    assert {machine.units[name]["ActiveState"] for name in timers} == {"active"}
