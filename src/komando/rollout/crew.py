"""The connections to some hosts, and one thing done over all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import gevent
from paramiko import Transport
from pyinfra.api.config import Config
from pyinfra.api.connect import connect_all, disconnect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.facts import FactBase, get_fact
from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory
from pyinfra.api.operation import OperationMeta, add_op
from pyinfra.api.operations import run_host_op
from pyinfra.api.state import State
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.sshuserclient.client import SSHClient
from pyinfra.context import ctx_host, ctx_state

from komando.rollout.protocol import Event, Opening, Peer
from komando.rollout.reasons import CUT, HOST_SAYS, NO_REASON, REFUSED, Reasons, refusal
from komando.rollout.transport import Reach, ask_nobody, watch, within
from komando.rollout.unreached import Unreached

LEEWAY = 2
"""Seconds that pyinfra has to tell of a timeout before the connection itself is ended."""

Say = Callable[[Event], None]
"""Is told of each host's outcome the moment that it is known."""


class Crew:
    """One pyinfra state: connections that are opened together and closed together."""

    def __init__(self, peers: Iterable[Peer], opening: Opening, reasons: Reasons) -> None:
        self.opening = opening
        self.reasons = reasons
        peers = tuple(peers)
        config = Config(  # type: ignore[no-untyped-call]
            PARALLEL=max(1, len(peers)), CONNECT_TIMEOUT=opening.connect_timeout
        )
        ask_nobody()
        self.reach = Reach(opening)
        names = [(peer.name, _ssh_data(peer, opening, self.reach)) for peer in peers]
        inventory = Inventory((names, {}))  # type: ignore[no-untyped-call]
        self.state = State(inventory, config, check_for_changes=False)
        self.state.add_callback_handler(Unreached(reasons.note))  # type: ignore[no-untyped-call]

    def connect(self, say: Say) -> None:
        """Connect to all hosts at once; those that fail are out."""
        trouble = ""
        try:
            connect_all(self.state)
        except PyinfraError as error:  # no host is left, or the key cannot be used
            trouble = str(error)
        for host in self.state.inventory:
            if host.connected:
                watch(_client(host))
                say(Event("connected", host.name))
            else:
                say(Event("failed", host.name, self.reasons.take(host.name) or trouble))

    def close(self) -> None:
        """End the connections, TCP included, which pyinfra's `disconnect_all` leaves open."""
        disconnect_all(self.state)
        for host in self.state.activated_hosts:
            _client(host).close()
        self.reach.close()

    def hosts(self, names: Iterable[str]) -> list[Host]:
        """Those of `names` that are connected, and were not cut off since."""
        active = {host.name: host for host in self.state.active_hosts if not _cut(host)}
        return [active[name] for name in names if name in active]

    def ask(
        self,
        fact: type[FactBase[Any]],
        questions: Mapping[str, Mapping[str, Any]],
        say: Say,
        timeout: int,
    ) -> None:
        """Ask each host of `questions` one thing, with arguments of its own, all at once."""

        def one(host: Host) -> None:
            values = {**questions[host.name], "_timeout": timeout}
            answer = None
            with (
                ctx_host.use(host),
                within(_transport(host), timeout + LEEWAY) as deadline,
                suppress(EOFError),  # the connection ended between two steps of paramiko
            ):
                # a host that has no answer to one question is still good for the next request
                answer = get_fact(self.state, host, fact, kwargs=values, apply_failed_hosts=False)
            reason = self.reasons.take(host.name) or NO_REASON
            if answer is not None:
                say(Event("result", host.name, answer))
            elif _cut(host):
                say(Event("lost", host.name, _late(timeout) if deadline.passed else CUT))
            else:
                say(Event("failed", host.name, reason.removeprefix(HOST_SAYS)))

        self._at_once(one, questions)

    def act(
        self,
        operation: Callable[..., Any],
        orders: Mapping[str, tuple[Any, ...]],
        say: Say,
        timeout: int,
    ) -> None:
        """Do one thing on each host of `orders`, with arguments of its own, all at once."""
        prepared: dict[str, OperationMeta] = {}
        for host in self.hosts(orders):
            made = add_op(
                self.state,
                operation,
                *orders[host.name],
                host=host,
                name=operation.__name__,
                _timeout=timeout,
                _success_exit_codes=(0, REFUSED),
            )
            prepared[host.name] = made[host]

        def one(host: Host) -> None:
            done = prepared[host.name]
            with (
                ctx_host.use(host),
                within(_transport(host), timeout + LEEWAY) as deadline,
                suppress(EOFError),
            ):
                run_host_op(self.state, host, done._hash)  # noqa: SLF001  # its only name
            outcome = self._outcome(host, done)
            late = deadline.passed and outcome.kind == "lost"
            say(replace(outcome, value=_late(timeout)) if late else outcome)

        self.state.is_executing = True
        self._at_once(one, orders)
        self.state.is_executing = False

    def _at_once(self, one: Callable[[Host], None], names: Iterable[str]) -> None:
        with ctx_state.use(self.state):
            assert self.state.pool is not None  # noqa: S101  # made with the state
            asked = [self.state.pool.spawn(one, host) for host in self.hosts(names)]
            gevent.joinall(asked, raise_error=True)

    def _outcome(self, host: Host, done: OperationMeta) -> Event:
        """A host program that refuses says why; one that ends otherwise may have done anything."""
        reason = self.reasons.take(host.name)
        if done.is_complete() and done.did_succeed():
            lines = done.stderr_lines
            if done.stdout:
                return Event("result", host.name, done.stdout)
            if refused := refusal(lines):
                return Event("failed", host.name, refused)
            reason = lines[-1] if lines else ""
        return Event("lost", host.name, CUT if _cut(host) else reason or NO_REASON)


def _client(host: Host) -> SSHClient:
    assert isinstance(host.connector, SSHConnector)  # noqa: S101  # the inventory has no other
    client = host.connector.client
    assert client is not None  # noqa: S101  # it is connected
    return client


def _transport(host: Host) -> Transport | None:
    return _client(host).get_transport()


def _late(timeout: float) -> str:
    return f"it did not answer in {timeout:g} s"


def _cut(host: Host) -> bool:
    transport = _transport(host)
    return transport is None or not transport.is_active()


def _ssh_data(peer: Peer, opening: Opening, reach: Reach) -> dict[str, Any]:
    """How pyinfra reaches the host: known keys only, nothing from ~/.ssh/config.

    With an identity that key alone; without one the agent's, and the user's own.
    """
    data = {
        "ssh_hostname": peer.address,
        "ssh_port": peer.port,
        "ssh_user": peer.user,
        "ssh_key": opening.identity,
        "ssh_known_hosts_file": opening.known_hosts,
        "ssh_strict_host_key_checking": "yes",
        "ssh_config_file": "/dev/null",
        "ssh_allow_agent": opening.identity is None,
        "ssh_look_for_keys": opening.identity is None,
        "ssh_forward_agent": False,
        "ssh_paramiko_connect_kwargs": reach.options(peer),
    }
    return {key: value for key, value in data.items() if value is not None}
