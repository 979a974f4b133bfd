"""Keys: who may deploy, whose host keys are known, and who opens the secrets."""

from __future__ import annotations

from collections.abc import Iterator

from komando.doctor.symptom import Symptom, counted, listed
from komando.inventory import WITH_BUNDLES, Inventory
from komando.inventory.known import KnownHosts, place_of


def keys(
    machines: Inventory, known: KnownHosts, recipients: int | None, shut: str = ""
) -> Iterator[Symptom]:
    """What the inventory says of keys.

    `recipients`: how many open the secrets, None where they cannot be read, and `shut` is why.
    """
    yield _deploy_keys(machines)
    yield _host_keys(machines, known)
    stated = sorted({one.name for host in machines.hosts.values() for one in host.secrets})
    if recipients is None and stated:
        yield Symptom(
            "secret-recipients",
            "error",
            f"the hosts have secrets ({listed(stated)}), and nobody is known to open them: {shut}",
            "docs/runbooks/give-a-router-a-secret.md",
        )
    elif recipients == 1 and stated:
        yield Symptom(
            "secret-recipients",
            "warning",
            f"one key alone opens the secrets ({listed(stated)}): if it is lost, so are they",
            "a second public key into secrets/recipients, then `komando secret rekey`",
        )
    elif stated:
        yield Symptom("secret-recipients", "ok", f"{recipients} keys open the secrets")


def _deploy_keys(machines: Inventory) -> Symptom:
    if machines.deploy_keys:
        return Symptom(
            "deploy-keys", "ok", f"{counted(len(machines.deploy_keys), 'key', 'keys')} may deploy"
        )
    found = "nobody has said yet whose" if machines.deploy_keys is None else "the list is empty"
    hosts = [host.name for host in machines.hosts.values() if host.kind in WITH_BUNDLES]
    return Symptom(
        "deploy-keys",
        "warning" if hosts else "note",
        f"no key may deploy to {listed(hosts) or 'any machine'}: {found}",
        "`deploy_keys` in hosts.yaml; docs/runbooks/prepare-a-controller.md says how a key is made",
    )


def _host_keys(machines: Inventory, known: KnownHosts) -> Symptom:
    places = {one.place for one in known.keys}
    lacking = [host.name for host in machines.hosts.values() if place_of(host) not in places]
    if not lacking:
        number = len(machines.hosts)
        whose = f"keys of all {number} machines are" if number != 1 else "key of the machine is"
        return Symptom("host-keys", "ok", f"the {whose} known")
    return Symptom(
        "host-keys",
        "warning",
        f"the host keys of {listed(lacking)} are not known, so that they cannot be reached",
        f"`komando trust {lacking[0]}`" + (" and so on" if len(lacking) > 1 else ""),
    )
