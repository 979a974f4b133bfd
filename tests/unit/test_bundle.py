"""Bundles: one digest that coreutils can recompute, one archive, nothing outside of the root."""

from __future__ import annotations

import io
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
