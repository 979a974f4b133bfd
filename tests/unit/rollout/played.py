"""Hosts to roll out to: real ssh servers of this process, behind which a host program is played."""

from __future__ import annotations

import base64
import json
import shlex
import socket
import threading
import time
from contextlib import suppress

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from komando.bundle import Bundle
from komando.inventory import Host

PROGRAM = "/usr/local/sbin/komando-host"


class PlayedHost(paramiko.ServerInterface):
    """One host: keeps generations as the host program does, and counts what it is asked.

    `refuse` makes an activation fail with these words, `ends` with this code and these lines;
    `hold` makes it wait. `cut_at` cuts the line in place of the answer to a verb.
    `damaged` lets the files of the running generation differ from what they should be.
    """

    def __init__(self, name: str, client_key: paramiko.PKey) -> None:
        self.name = name
        self.client_key = client_key
        self.host_key = paramiko.ECDSAKey.generate()
        self.running: Bundle | None = None
        self.kernel = "ok"
        self.damaged = False
        self.cut_at = ""
        self.verbs: list[str] = []
        self.refuse = ""
        self.ends: tuple[int, str] | None = None
        self.hold: threading.Event | None = None
        self.activating = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host(self) -> Host:
        return Host(self.name, "router", "127.0.0.1", {}, "pfifo", port=self.port)

    @property
    def known_hosts_line(self) -> str:
        key = self.host_key
        return f"[127.0.0.1]:{self.port} {key.get_name()} {key.get_base64()}\n"

    @property
    def _damage(self) -> str:
        assert self.running is not None
        return f"generation {self.running.digest} is damaged on disk: its files differ"

    def close(self) -> None:
        if self.hold is not None:
            self.hold.set()
        with suppress(OSError):  # closed before; shutdown alone wakes the thread in accept()
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """Cut every connection, as a cable would."""
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.host_key)
            self._transports.append(transport)
            try:
                transport.start_server(server=self)
            except (paramiko.SSHException, EOFError):
                continue

    def get_allowed_auths(self, username: str) -> str:
        del username
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == "deploy" and key == self.client_key
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        del kind, chanid
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._run, args=(channel, command.decode()), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        time.sleep(0.05)  # paramiko accepts the request only after its callback has returned
        words = shlex.split(shlex.split(command)[-1])
        assert words[:3] == ["sudo", "-n", PROGRAM], command
        code, out, err = self._verb(words[3:], channel)
        try:
            channel.sendall(out.encode())
            channel.sendall_stderr(err.encode())
            channel.send_exit_status(code)
            channel.close()
        except OSError:
            return

    def _verb(self, words: list[str], channel: paramiko.Channel) -> tuple[int, str, str]:
        self.verbs.append(words[0])
        if words[0] == self.cut_at:
            self.drop()
        if words[0] == "observe":
            return 0, json.dumps(self._observed()) + "\n", ""
        if words[0] == "export":
            return self._export()
        archive = channel.makefile("rb").read()
        self.activating.set()
        if self.hold is not None:
            self.hold.wait(30)
        return self._activate(words[1], archive)

    def _observed(self) -> dict[str, str | None]:
        digest = None if self.running is None else self.running.digest
        kernel = f"missing: {self._damage}" if self.damaged else self.kernel
        return {"generation": digest, "profile": "closed", "clock": None, "kernel": kernel}

    def _export(self) -> tuple[int, str, str]:
        assert self.running is not None
        if self.damaged:
            return 1, "", f"komando-host: {self._damage}\n"
        return 0, base64.encodebytes(self.running.archive()).decode(), ""

    def _activate(self, digest: str, archive: bytes) -> tuple[int, str, str]:
        previous = None if self.running is None else self.running.digest
        if self.ends is not None:
            return self.ends[0], "", self.ends[1]
        if self.refuse:
            return 1, "", f"komando-host: {self.refuse}\nwhat ran before runs on\n"
        if self.damaged and not archive:
            return 1, "", f"komando-host: generation {digest} is not on this host\n"
        if archive:
            self.running = Bundle.from_archive(self.name, base64.b64decode(archive))
            self.damaged = False
        self.kernel = "ok"
        changes = [{"device": "ifb0", "class": "1:10", "action": "change"}]
        answer = {"generation": digest, "previous": previous, "profile": "closed"}
        return 0, json.dumps(answer | {"changes": changes, "rebuilt": False}) + "\n", ""
