"""Where a probe's packets cross from the router to the provider: who lost what is missing."""

from __future__ import annotations

import ctypes
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from komando.lab.measure.namespaces import within
from komando.lab.place import LabError
from komando.units import DIRECTIONS, Direction

_ALL = 0x0003  # ETH_P_ALL, <linux/if_ether.h>: what goes out is shown to this protocol only
_ATTACH_FILTER = 26  # SO_ATTACH_FILTER, <asm-generic/socket.h>
_PACKET, _STATISTICS = 263, 6  # SOL_PACKET, <linux/socket.h>; PACKET_STATISTICS, if_packet.h

_UDP_HEADER = 8
_ROOM = 1 << 20


class Crossing:
    """Sees what talks to one UDP port over IPv4, on the provider's interface to the router.

    The kernel shows it downward behind the provider's queue and upward before it, behind all of
    the router's. So what is sent and not seen here, or seen here and never received, was lost on
    the one side or on the other. It sees until `close`.
    """

    def __init__(
        self, namespace: Path, interface: str, port: int, read: Callable[[bytes], int | None]
    ) -> None:
        """`port` is the internet's; `read` gives the number in a payload, None where none is.

        Raises LabError where the namespace or the interface is not there.
        """
        self._port, self._read = port, read
        self._seen: dict[Direction, set[int]] = {way: set() for way in DIRECTIONS}
        self._enough = threading.Event()
        try:
            self._socket = within(namespace, lambda: _watching(interface, port))
        except OSError as error:
            raise LabError(f"cannot watch {interface} of {namespace.name}: {error}") from error
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def seen(self, direction: Direction) -> set[int]:
        """The numbers that have crossed so far.

        Raises LabError when the kernel had no room for some of it: then nobody knows.
        """
        _, dropped = struct.unpack("=II", self._socket.getsockopt(_PACKET, _STATISTICS, 8))
        if dropped:
            raise LabError(f"the kernel kept {dropped} of the probe's packets to itself")
        return set(self._seen[direction])

    def close(self) -> None:
        """See nothing any more."""
        self._enough.set()
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        self._socket.settimeout(0.2)
        while not self._enough.is_set():
            try:
                packet = self._socket.recv(2048)
            except TimeoutError:
                continue
            header = 4 * (packet[0] & 0x0F)
            _, target = struct.unpack_from("!HH", packet, header)
            number = self._read(packet[header + _UDP_HEADER :])
            if number is not None:
                self._seen["up" if target == self._port else "down"].add(number)


def _watching(interface: str, port: int) -> socket.socket:
    """A socket that is shown each packet to or from a UDP port, from the IP header on."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        program = b"".join(struct.pack("=HBBI", *one) for one in udp_filter(port))
        buffer = ctypes.create_string_buffer(program)
        # struct sock_fprog, <linux/filter.h>; nothing is shown before bind
        given = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
        made.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, given)
        made.bind((interface, _ALL))
    except BaseException:
        made.close()
        raise
    return made


def udp_filter(port: int) -> list[tuple[int, int, int, int]]:
    """Classic BPF over an IP packet: UDP over IPv4, not a later fragment, from or to a port.

    Each is code, jump if true, jump if false, operand (<linux/bpf_common.h>).
    """
    byte, half, length, mask, equal, any_bit, give = 0x30, 0x28, 0xB1, 0x54, 0x15, 0x45, 0x06
    behind = 0x48  # a half word at X and the operand
    return [
        (byte, 0, 0, 0),
        (mask, 0, 0, 0xF0),
        (equal, 0, 10, 0x40),
        (byte, 0, 0, 9),
        (equal, 0, 8, socket.IPPROTO_UDP),
        (half, 0, 0, 6),
        (any_bit, 6, 0, 0x1FFF),
        (length, 0, 0, 0),
        (behind, 0, 0, 0),
        (equal, 2, 0, port),
        (behind, 0, 0, 2),
        (equal, 0, 1, port),
        (give, 0, 0, 0xFFFF),
        (give, 0, 0, 0),
    ]
