"""Why no connection came about, in words: paramiko names an address, and no cause."""

from __future__ import annotations

import errno
from collections.abc import Callable

from paramiko.ssh_exception import NoValidConnectionsError
from pyinfra.api.exceptions import ConnectError
from pyinfra.api.host import Host
from pyinfra.api.state import BaseStateCallback, State

SILENT = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT)


class Unreached(BaseStateCallback):
    """Tells `note` of each host that could not be reached, and why."""

    def __init__(self, note: Callable[[str, str], None]) -> None:
        self._note = note

    def host_connect_error(  # type: ignore[override]  # static there, and called on the object
        self, state: State, host: Host, error: ConnectError
    ) -> None:
        """Called by pyinfra for each host that it could not connect to."""
        del state
        words = cause(error.__context__)
        if words:
            where = f"{host.data.ssh_hostname} port {host.data.ssh_port}"
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
