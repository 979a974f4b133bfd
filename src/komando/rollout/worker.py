"""The pyinfra process: connects once, then answers requests until its input ends.

Started by `session`. It survives the loss of the controller's terminal: an activation that has
begun is carried to its end, and only then does the closed input end the process.
"""

from __future__ import annotations

import logging
import socket
import sys
from collections import defaultdict
from contextlib import suppress
from typing import Any

import gevent
from gevent.fileobject import FileObjectThread
from pyinfra.api.config import Config
from pyinfra.api.connect import connect_all, disconnect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.facts import FactBase, get_fact
from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory
from pyinfra.api.operation import OperationMeta, add_op
from pyinfra.api.operations import run_ops
from pyinfra.api.state import State
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.sshuserclient.client import SSHClient
from pyinfra.context import ctx_host, ctx_state

from deploys.facts import Exported, Observed
from deploys.operations import activate
from komando.rollout.protocol import Cargo, Event, Opening, Request, Target, encode
from komando.rollout.unreached import Unreached

NO_REASON = "it gave no reason"
CUT = "the connection was lost before it answered"

HOST_SAYS = "komando-host: "
"""How the host program begins what it says went wrong; tc's and nft's own lines may follow."""

REFUSED = 1
"""The host program's exit code for a refusal, and Python's for a program that broke off."""

SILENCE_MS = 30_000
"""A connection whose bytes stay unacknowledged for so long counts as lost (TCP_USER_TIMEOUT)."""


def main() -> None:
    """Read the opening, then one request a line; write events. Ends with its input."""
    lines = FileObjectThread(sys.stdin.buffer, "rb")
    worker = Worker(Opening.from_json(lines.readline()))
    worker.connect()
    for line in lines:
        worker.serve(Request.from_json(line))
    worker.close()


class Reasons(logging.Handler):
    """Why a host failed. pyinfra tells it to its log alone, each line led by the host's name."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: dict[str, list[str]] = defaultdict(list)
        logger = logging.getLogger("pyinfra")
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line under its host's name."""
        prefix, found, text = record.getMessage().partition("] ")
        if found and prefix.startswith("["):
            self._lines[prefix[1:]].append(text.strip())

    def note(self, host: str, words: str) -> None:
        """A better reason than those of the log."""
        self._lines[host] = [words]

    def take(self, host: str) -> str:
        """The reason as one line, without pyinfra's closing remark when a better one stands."""
        said = self._lines.pop(host, [])
        lines = [line for line in said if line and not line.startswith("Error: executed ")]
        telling = [line for line in lines if not line.startswith(("Error: ", "could not load"))]
        return "; ".join(telling or lines)


class Worker:
    """One pyinfra state: the connections of one session."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.reasons = Reasons()
        config = Config(  # type: ignore[no-untyped-call]
            PARALLEL=max(1, len(opening.targets)), CONNECT_TIMEOUT=opening.connect_timeout
        )
        names = [(target.name, _ssh_data(target, opening)) for target in opening.targets]
        inventory = Inventory((names, {}))  # type: ignore[no-untyped-call]
        self.state = State(inventory, config, check_for_changes=False)
        self.state.add_callback_handler(Unreached(self.reasons.note))  # type: ignore[no-untyped-call]

    def connect(self) -> None:
        """Connect to all hosts at once; those that fail are out of the session."""
        trouble = ""
        try:
            connect_all(self.state)
        except PyinfraError as error:  # no host is left, or the key cannot be used
            trouble = str(error)
        for host in self.state.inventory:
            if host.connected:
                _watch(_client(host))
                _say(Event("connected", host.name))
            else:
                _say(Event("failed", host.name, self.reasons.take(host.name) or trouble))
        _say(Event("done"))

    def close(self) -> None:
        """End the connections, TCP included, which pyinfra's `disconnect_all` leaves open."""
        disconnect_all(self.state)
        for host in self.state.activated_hosts:
            _client(host).close()

    def serve(self, request: Request) -> None:
        """Carry one request to its end: a `result`, `failed` or `lost` for each of its hosts."""
        active = {host.name: host for host in self.state.active_hosts}
        for name in request.hosts:
            _say(Event("started", name) if name in active else Event("failed", name, "it is out"))
        hosts = [active[name] for name in request.hosts if name in active]
        if hosts and request.verb == "activate":
            self._activate(hosts, request.cargo)
        elif hosts:
            fact = Observed if request.verb == "observe" else Exported
            asked = [self.state.pool.spawn(self._ask, host, fact) for host in hosts]
            gevent.joinall(asked, raise_error=True)
        _say(Event("done"))

    def _ask(self, host: Host, fact: type[FactBase[Any]]) -> None:
        timeout = {"_timeout": self.opening.observe_timeout}
        with ctx_state.use(self.state), ctx_host.use(host):
            # a host that has no answer to one question is still good for the next request
            answer = get_fact(self.state, host, fact, kwargs=timeout, apply_failed_hosts=False)
        reason = self.reasons.take(host.name) or NO_REASON
        if answer is not None:
            _say(Event("result", host.name, answer))
        elif _cut(host):
            _say(Event("lost", host.name, CUT))
        else:
            _say(Event("failed", host.name, reason.removeprefix(HOST_SAYS)))

    def _activate(self, hosts: list[Host], cargo: dict[str, Cargo]) -> None:
        operations: dict[Host, OperationMeta] = {}
        for host in hosts:
            load = cargo[host.name]
            operations |= add_op(
                self.state,
                activate,
                load.digest,
                load.archive,
                host=host,
                name="activate",
                _timeout=self.opening.activate_timeout,
                _success_exit_codes=(0, REFUSED),
            )
        with suppress(PyinfraError):  # every host has failed: the results below say so
            run_ops(self.state)
        for host, operation in operations.items():
            _say(self._outcome(host, operation))

    def _outcome(self, host: Host, operation: OperationMeta) -> Event:
        """A host program that refuses says why; one that ends otherwise may have done anything."""
        reason = self.reasons.take(host.name)
        if operation.is_complete() and operation.did_succeed():
            lines = operation.stderr_lines
            if operation.stdout:
                return Event("result", host.name, operation.stdout)
            if refusal := _refusal(lines):
                return Event("failed", host.name, refusal)
            reason = lines[-1] if lines else ""
        return Event("lost", host.name, CUT if _cut(host) else reason or NO_REASON)


def _client(host: Host) -> SSHClient:
    assert isinstance(host.connector, SSHConnector)  # noqa: S101  # the inventory has no other
    client = host.connector.client
    assert client is not None  # noqa: S101  # it is connected
    return client


def _refusal(lines: list[str]) -> str:
    """What the host program said at its end; nothing when it broke off after that or before."""
    starts = [number for number, line in enumerate(lines) if line.startswith(HOST_SAYS)]
    said = lines[starts[-1] :] if starts else []
    if any(line.startswith("Traceback ") for line in said):
        return ""
    return "; ".join(said).removeprefix(HOST_SAYS)


def _cut(host: Host) -> bool:
    transport = _client(host).get_transport()
    return transport is None or not transport.is_active()


def _watch(client: SSHClient) -> None:
    """A silent connection shall end, and not wait for an hour."""
    transport = client.get_transport()
    if transport is not None:
        transport.set_keepalive(5)
        if isinstance(transport.sock, socket.socket):
            transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MS)


def _ssh_data(target: Target, opening: Opening) -> dict[str, Any]:
    """How pyinfra reaches the host: known keys only, nothing from ~/.ssh/config.

    With an identity that key alone; without one the agent's, and the user's own.
    """
    data = {
        "ssh_hostname": target.address,
        "ssh_port": target.port,
        "ssh_user": target.user,
        "ssh_key": opening.identity,
        "ssh_known_hosts_file": opening.known_hosts,
        "ssh_strict_host_key_checking": "yes",
        "ssh_config_file": "/dev/null",
        "ssh_allow_agent": opening.identity is None,
        "ssh_look_for_keys": opening.identity is None,
        "ssh_forward_agent": False,
    }
    return {key: value for key, value in data.items() if value is not None}


def _say(event: Event) -> None:
    sys.stdout.write(encode(event))
    sys.stdout.flush()
