"""Why no connection came about, in words: paramiko names an address, and no cause."""

from __future__ import annotations

import errno
from collections.abc import Callable

from paramiko.ssh_exception import (
    BadHostKeyException,
    NoValidConnectionsError,
    SSHException,
)
from pyinfra.api.exceptions import ConnectError
from pyinfra.api.host import Host
from pyinfra.api.state import BaseStateCallback, State

SILENT = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT)


class Unreachable(SSHException):
    """The way to a host does not lead there; the message says where it ends, and why."""


class Stalled(SSHException):
    """A host took the connection, and then did not do what ssh asks of it."""


class Unreached(BaseStateCallback):
    """Tells `note` of each host that could not be reached, and why."""

    def __init__(self, note: Callable[[str, str], None]) -> None:
        self._note = note

    def host_connect_error(  # type: ignore[override]  # static there, and called on the object
        self, state: State, host: Host, error: ConnectError
    ) -> None:
        """Called by pyinfra for each host that it could not connect to."""
        del state
        why = error.__context__
        where = f"{host.data.ssh_hostname} port {host.data.ssh_port}"
        if isinstance(why, Unreachable):
            self._note(host.name, f"Could not connect: {why}")
        elif isinstance(why, Stalled):
            self._note(host.name, f"Could not connect to {where}: {why}")
        elif isinstance(why, BadHostKeyException):
            # pyinfra's own advice is to remove the key that is known
            words = f"{where} shows another key than known_hosts has for it"
            self._note(
                host.name, f"Host key error: {words}. Look at its console which one is its own"
            )
        elif words := cause(why):
            self._note(host.name, f"Could not connect: {words} {where}")


def cause(error: BaseException | None) -> str:
    """What the network did, to be followed by the place; "" where it was not the network."""
    if isinstance(error, NoValidConnectionsError):
        error = next(iter(error.errors.values()))
    if isinstance(error, ConnectionRefusedError):
        return "refused by"
    if isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.errno in SILENT):
        return "no answer from"
    return ""
