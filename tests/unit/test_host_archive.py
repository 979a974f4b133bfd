"""What an archive may hold, and what is refused of it."""

from __future__ import annotations

import base64
import gzip
import io
import random
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from komando.host import archive
from komando.host.archive import unpack
from komando.host.errors import HostError
from komando.host.generation import check_digest, digest_of
from tests.host_bundle import City, bundle_of, cargo_of, files_of


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return base64.b64encode(gzip.compress(plain.getvalue()))


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_the_digest_is_the_controllers() -> None:
    bundle = bundle_of(City())
    assert digest_of(files_of(City())) == bundle.digest
    assert unpack(cargo_of(bundle), bundle.digest).files == files_of(City())


@pytest.mark.parametrize(
    "name",
    [
        "/etc/komando/calendar",
        "../etc/komando/calendar",
        "etc/komando/../shadow",
        "./etc/komando/calendar",
        "etc/shadow",
        "etc/systemd/system/x.service",
        "etc/komando/tc/profiles/../../../shadow",
        "etc/komando/tc/profiles/day.sideways.tc",
        "etc/sysctl.d/91-komando.conf",
        "usr/local/sbin/komando-host",
    ],
)
def test_a_path_outside_the_list_is_refused(name: str) -> None:
    with pytest.raises(HostError, match="which it may not"):
        unpack(packed((member(name), b"x")), "0" * 64)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/etc/shadow"),
        (tarfile.LNKTYPE, "etc/komando/calendar"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
        (tarfile.DIRTYPE, ""),
    ],
)
def test_whatever_is_no_plain_file_is_refused(kind: bytes, target: str) -> None:
    with pytest.raises(HostError, match="the archive holds 'etc/komando/network', which it may"):
        unpack(packed((member("etc/komando/network", kind, target), b"")), "0" * 64)


def test_a_file_that_comes_twice_is_refused() -> None:
    twice = [(member("etc/komando/network"), b"x"), (member("etc/komando/network"), b"y")]
    with pytest.raises(HostError, match="which it may not"):
        unpack(packed(*twice), "0" * 64)


def _cut(cargo: bytes) -> bytes:
    return base64.b64encode(base64.b64decode(cargo)[:-40])


def _flip_bit(cargo: bytes) -> bytes:
    raw = bytearray(base64.b64decode(cargo))
    raw[len(raw) // 2] ^= 0x10
    return base64.b64encode(bytes(raw))


def _half_tar(cargo: bytes) -> bytes:
    return base64.b64encode(gzip.compress(gzip.decompress(base64.b64decode(cargo))[:1700]))


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _flip_bit,
        _half_tar,
        lambda _: b"not base64 at all!",
        lambda _: base64.b64encode(b"not gzip"),
        lambda _: base64.b64encode(gzip.compress(b"no tar" * 1000)),
        lambda _: base64.b64encode(gzip.compress(b"")),
    ],
)
def test_a_damaged_archive_is_refused(damage: Callable[[bytes], bytes]) -> None:
    bundle = bundle_of(City())
    with pytest.raises(HostError, match=r"the archive (is damaged|has the digest)"):
        unpack(damage(cargo_of(bundle)), bundle.digest)


def _entry(kind: bytes, size: int, content: bytes = b"", **more: Any) -> bytes:
    """One entry whose header says what a packer would not."""
    entry = member(more.pop("name", "etc/komando/network"), kind)
    entry.size = size
    for key, value in more.items():
        setattr(entry, key, value)
    return entry.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def _summed(header: bytearray) -> bytes:
    """A header with the checksum that fits it."""
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _sparse() -> bytes:
    """A GNU sparse file of no bytes that says it is one of 8 GiB."""
    header = bytearray(_entry(tarfile.GNUTYPE_SPARSE, 0))
    header[483:495] = b"%011o\0" % (8 * 2**30 - 1)
    return _summed(header)


def _pax(*records: bytes) -> bytes:
    body = b"".join(b"%d %s\n" % (len(record) + 4, record) for record in records)
    return _entry(tarfile.XHDTYPE, len(body), body, name="PaxHeaders/x")


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        (_sparse(), "which it may not"),
        (_entry(tarfile.AREGTYPE, 0), "which it may not"),
        (_entry(tarfile.CONTTYPE, 0), "which it may not"),
        (_entry(tarfile.GNUTYPE_LONGNAME, 4, b"etc/"), "which it may not"),
        (_pax(b"GNU.sparse.major=1", b"GNU.sparse.minor=0"), "which it may not"),
        (_pax(b"GNU.sparse.size=x", b"GNU.sparse.numblocks=1"), "which it may not"),
        (_pax(b"size=999999999999"), "which it may not"),
        (_pax(b"hdrcharset=BINARY", b"path=\xff"), "which it may not"),
        (_entry(tarfile.XHDTYPE, 8, b"x 999=1\n"), "which it may not"),
        (_entry(tarfile.XGLTYPE, 8, b"0 path=x"), "which it may not"),
        (_entry(tarfile.REGTYPE, 8**11 - 1), "is not whole"),
        (_entry(tarfile.REGTYPE, 513, b"x"), "is not whole"),
        (_entry(tarfile.REGTYPE, 1)[:300], "truncated header"),
        (_entry(tarfile.REGTYPE, 0, name="etc/\xff").replace(b"\xc3", b"\xff"), "bad checksum"),
    ],
)
def test_an_entry_that_asks_for_more_than_its_bytes_is_refused(plain: bytes, words: str) -> None:
    with pytest.raises(HostError, match=words):
        unpack(base64.b64encode(gzip.compress(plain)), "0" * 64)


def test_a_size_below_nothing_is_refused() -> None:
    header = bytearray(_entry(tarfile.REGTYPE, 0))
    header[124:136] = b"\xff" * 11 + b"\x00"
    with pytest.raises(HostError, match="is not whole"):
        unpack(base64.b64encode(gzip.compress(_summed(header))), "0" * 64)


@pytest.mark.parametrize("within", ["the packed", "the tar", "a header that fits its checksum"])
def test_no_flipped_bit_is_more_than_a_refusal(within: str) -> None:
    bundle = bundle_of(City())
    chance = random.Random(within)  # noqa: S311  (bits to flip, no secret)
    packed_, plain = bundle.archive(), gzip.decompress(bundle.archive())
    for _ in range(300):
        raw = bytearray(packed_ if within == "the packed" else plain)
        place = chance.randrange(512 if within.startswith("a header") else len(raw))
        raw[place] ^= 1 << chance.randrange(8)
        if within.startswith("a header"):
            raw[:512] = _summed(raw[:512])
        cargo = bytes(raw) if within == "the packed" else gzip.compress(bytes(raw), 1)
        try:
            arrived = unpack(base64.b64encode(cargo), bundle.digest)
        except HostError:
            continue
        assert arrived.files == bundle.files  # a flip in a time, an owner or the padding


def test_another_bundle_than_the_digest_says_is_refused() -> None:
    one, other = bundle_of(City()), bundle_of(City().without(1))
    with pytest.raises(HostError, match=f"has the digest {one.digest}, not {other.digest}"):
        unpack(cargo_of(one), other.digest)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LIMIT", 10_000)
    with pytest.raises(HostError, match="unpacks to more than 10000 bytes"):
        unpack(base64.b64encode(gzip.compress(bytes(10_001))), "0" * 64)


@pytest.mark.parametrize("digest", ["", "abc", "A" * 64, "0" * 63 + "/", "../" + "0" * 61])
def test_a_digest_is_64_digits(digest: str) -> None:
    with pytest.raises(HostError, match="is no digest"):
        check_digest(digest)
