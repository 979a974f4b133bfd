"""Bundles: one digest that coreutils can recompute, one archive, nothing outside of the root."""

from __future__ import annotations

import gzip
import io
import random
import subprocess
import tarfile
from pathlib import Path

import pytest

from komando.bundle import Bundle

FILES = {"etc/komando/b": b"two\n", "etc/komando/a": b"one\n", "etc/sysctl.d/90-komando.conf": b""}


def test_the_digest_is_what_coreutils_say(tmp_path: Path) -> None:
    bundle = Bundle("core-1", FILES)
    bundle.write(tmp_path)
    command = "find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().split()[0] == bundle.digest


def test_the_order_of_files_and_the_host_do_not_matter() -> None:
    turned = dict(reversed(FILES.items()))
    assert Bundle("core-1", FILES).digest == Bundle("core-2", turned).digest
    assert Bundle("core-1", FILES).archive() == Bundle("core-2", turned).archive()


def test_there_and_back() -> None:
    bundle = Bundle("core-1", FILES)
    assert Bundle.from_archive("core-1", bundle.archive()) == bundle


def test_folder_there_and_back(tmp_path: Path) -> None:
    bundle = Bundle("core-1", FILES)
    bundle.write(tmp_path / "core-1")
    assert Bundle.read("core-1", tmp_path / "core-1") == bundle
    with pytest.raises(FileNotFoundError):
        Bundle.read("core-1", tmp_path / "core-2")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "etc/../x", "etc//x", "./etc/x", "", "."])
def test_stray_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="relative and normal"):
        Bundle("core-1", {path: b""})


def test_an_archive_with_a_link_is_refused() -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as tar:
        link = tarfile.TarInfo("etc/komando/link")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/shadow"
        tar.addfile(link)
    with pytest.raises(ValueError, match="not a file"):
        Bundle.from_archive("core-1", plain.getvalue())


@pytest.mark.parametrize("archive", [b"", b"no archive", Bundle("x", FILES).archive()[:-30]])
def test_a_damaged_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        Bundle.from_archive("core-1", archive)


@pytest.mark.parametrize("packed", [True, False], ids=["the packed", "the tar"])
def test_no_flipped_bit_is_more_than_a_value_error(packed: bool) -> None:
    contents = {f"etc/komando/{name}": name.encode() * 99 for name in ("a", "b", "c", "d")}
    bundle = Bundle("core-1", contents)
    whole = bundle.archive() if packed else gzip.decompress(bundle.archive())
    chance = random.Random(20261124)  # noqa: S311  (bits to flip, no secret)
    refused = 0
    for _ in range(600):
        raw = bytearray(whole)
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        try:
            read = Bundle.from_archive("core-1", bytes(raw) if packed else gzip.compress(raw, 1))
        except ValueError:
            refused += 1
            continue
        # what gzip's checksum does not cover are its header's time and flags, not the files
        assert read == bundle or not packed
    assert refused > 100


def test_a_file_that_says_it_is_longer_than_its_archive_is_refused() -> None:
    header = bytearray(tarfile.TarInfo("etc/komando/a").tobuf(tarfile.USTAR_FORMAT))
    for kind, words in (("0", "'etc/komando/a' is not whole"), ("S", "not a file")):
        header[156:157] = kind.encode()
        header[124:135] = b"77777777777" if kind == "0" else b"00000000000"
        header[483:494] = b"77777777777"
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        with pytest.raises(ValueError, match=words):
            Bundle.from_archive("core-1", gzip.compress(bytes(header) + bytes(1024)))


def test_an_archive_with_folders_is_read() -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as tar:
        folder, file = tarfile.TarInfo("./etc"), tarfile.TarInfo("./etc/x")
        folder.type, file.size = tarfile.DIRTYPE, 1
        tar.addfile(folder)
        tar.addfile(file, io.BytesIO(b"x"))
    assert Bundle.from_archive("core-1", plain.getvalue()) == Bundle("core-1", {"etc/x": b"x"})
