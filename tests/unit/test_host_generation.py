"""What an archive may hold, and how a generation comes to lie on disk."""

from __future__ import annotations

import base64
import errno
import gzip
import io
import json
import random
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from komando.bundle import Bundle
from komando.host import generation
from komando.host.__main__ import main, parser
from komando.host.configuration import read_configuration
from komando.host.generation import Generations, check_digest, digest_of, unpack
from komando.host.layout import HostError, Paths
from tests.host_bundle import City, bundle_of, cargo_of, files_of

RAMADAN = "until 2026-12-31T17:00:00Z\n2026-01-01T00:00:00Z ramadan\n"
DIGEST = bundle_of(City()).digest


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
    assert unpack(cargo_of(bundle), bundle.digest) == files_of(City())


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
            files = unpack(base64.b64encode(cargo), bundle.digest)
        except HostError:
            continue
        assert files == bundle.files  # a flip in a time, an owner or the padding


def test_another_bundle_than_the_digest_says_is_refused() -> None:
    one, other = bundle_of(City()), bundle_of(City().without(1))
    with pytest.raises(HostError, match=f"has the digest {one.digest}, not {other.digest}"):
        unpack(cargo_of(one), other.digest)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "LIMIT", 10_000)
    with pytest.raises(HostError, match="unpacks to more than 10000 bytes"):
        unpack(base64.b64encode(gzip.compress(bytes(10_001))), "0" * 64)


@pytest.mark.parametrize("digest", ["", "abc", "A" * 64, "0" * 63 + "/", "../" + "0" * 61])
def test_a_digest_is_64_digits(digest: str) -> None:
    with pytest.raises(HostError, match="is no digest"):
        check_digest(digest)


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("manifest.json", '{"format": 1, "kind": "hotspot"}', "a bundle of kind 'hotspot'"),
        ("manifest.json", '{"format": 2, "kind": "router"}', "format 2; this program reads 1"),
        ("manifest.json", "[]", "not a JSON object"),
        ("manifest.json", "{", "not JSON"),
        ("router.json", '{"uplink": "wan0", "lans": [], "ifb": "ifb0"}', "at least one LAN"),
        ("router.json", '{"uplink": "a b", "lans": ["lan0"], "ifb": "ifb0"}', "'a b' is no name"),
        ("router.json", '{"uplink": "wan0", "lans": ["wan0"], "ifb": "ifb0"}', "all different"),
        ("router.json", '{"uplink": "wan0", "lans": "lan0", "ifb": "ifb0"}', "None is no name"),
        ("calendar", RAMADAN, "profile ramadan has no files"),
        ("tc/profiles/x.up.tc", "", "x.down.tc: missing"),
        ("tc/profiles/night.up.tc", "class del dev wan0\n", "night.up.tc:1: not understood"),
        ("network", "addr flush dev eth0\n", "network:1: not understood"),
        ("nft/nat.nft", "flush ruleset\n", "not understood in table ip komando_nat"),
    ],
)
def test_a_bundle_is_read_whole_before_anything_is_touched(
    path: str, text: str, words: str
) -> None:
    files = files_of(City()) | {f"etc/komando/{path}": text.encode()}
    with pytest.raises(HostError) as error:
        read_configuration(files)
    assert words in str(error.value)
    assert f"etc/komando/{path.replace('x.up', 'x.down')}" in str(error.value)


def test_a_missing_or_a_strange_file_is_named() -> None:
    files = files_of(City())
    del files["etc/komando/tc/steer.tc"]
    with pytest.raises(HostError, match=r"^etc/komando/tc/steer.tc: missing$"):
        read_configuration(files)
    with pytest.raises(HostError, match="etc/passwd: no file of a router's bundle"):
        read_configuration(files_of(City()) | {"etc/passwd": b""})
    with pytest.raises(HostError, match="not UTF-8"):
        read_configuration(files_of(City()) | {"etc/komando/network": b"\xff"})


# --- on disk -------------------------------------------------------------------------------------


def test_a_generation_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Generations(Paths(tmp_path))
    bundle = bundle_of(City())
    left = store.paths.generations / f".{'0' * 64}.new/etc"
    left.mkdir(parents=True)
    assert store.current() is None
    store.stage(bundle.digest, bundle.files)
    store.flip(bundle.digest)
    assert store.current() == bundle.digest
    assert str(store.paths.current.readlink()) == f"generations/{bundle.digest}"
    assert [path.name for path in store.paths.generations.iterdir()] == [bundle.digest]
    assert store.read(bundle.digest) == dict(bundle.files)
    modes = {path.stat().st_mode & 0o777 for path in store.folder(bundle.digest).rglob("*.tc")}
    assert modes == {0o644}
    store.flip(None)
    assert store.current() is None


def test_a_generation_that_was_changed_on_disk_is_not_believed(tmp_path: Path) -> None:
    store = Generations(Paths(tmp_path))
    bundle = bundle_of(City())
    store.stage(bundle.digest, bundle.files)
    (store.folder(bundle.digest) / "etc/komando/calendar").write_text("")
    with pytest.raises(HostError, match="is damaged on disk"):
        store.read(bundle.digest)
    store.stage(bundle.digest, bundle.files)
    assert store.read(bundle.digest) == dict(bundle.files)


@pytest.fixture
def staged(tmp_path: Path) -> Generations:
    """A host on which the bundle of `City()` is current."""
    store = Generations(Paths(tmp_path))
    store.stage(DIGEST, bundle_of(City()).files)
    store.flip(DIGEST)
    return store


def test_an_editors_copy_is_named_and_does_no_harm(staged: Generations) -> None:
    folder = staged.folder(DIGEST)
    assert staged.strangers(DIGEST) == []
    (folder / "etc/komando/.calendar.swp").write_bytes(b"b0VIM 9.0\0")
    (folder / "etc/komando/tc/profiles/day.down.tc~").write_text("class del\n")
    (folder / "etc/komando/tc/old").mkdir()
    (folder / "etc/komando/tc/old/download.tc").write_text("")
    (folder / "notes").symlink_to("/etc")
    (folder / "left").symlink_to("nowhere")
    assert staged.read(DIGEST) == files_of(City())
    assert staged.strangers(DIGEST) == [
        "etc/komando/.calendar.swp",
        "etc/komando/tc/old/download.tc",
        "etc/komando/tc/profiles/day.down.tc~",
        "left",
        "notes",
    ]
    assert Bundle.from_archive("core-1", base64.b64decode(staged.export(DIGEST))).digest == DIGEST
    assert staged.strangers("0" * 64) == []


@pytest.mark.parametrize("path", ["etc/komando/calendar", "etc/komando/tc/profiles/day.up.tc"])
def test_a_file_that_is_missing_altered_or_too_many_is_damage(
    staged: Generations, path: str
) -> None:
    target = staged.folder(DIGEST) / path
    whole = target.read_bytes()
    target.unlink()
    for content in (None, whole + b"\n", whole[:-1], b""):
        if content is not None:
            target.write_bytes(content)
        with pytest.raises(HostError, match="is damaged on disk"):
            staged.read(DIGEST)
    target.write_bytes(whole)
    assert staged.read(DIGEST) == files_of(City())
    more = staged.folder(DIGEST) / "etc/komando/tc/profiles/more.up.tc"
    more.write_text("")
    with pytest.raises(HostError, match="is damaged on disk"):
        staged.read(DIGEST)


class Died(BaseException):
    """The run ends here, as by a power cut."""


STEPS = ("_remove", "_exchange", "_sync")


def dies_at(patch: pytest.MonkeyPatch, step: int, real: Mapping[str, Any]) -> list[str]:
    """Lets the run die before the given step that changes the folders; the steps that it took."""
    taken: list[str] = []

    def dying(name: str) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            if len(taken) == step:
                raise Died
            taken.append(name)
            return real[name](*arguments)

        return wrapped

    for name in STEPS:
        patch.setattr(generation, name, dying(name))
    patch.setattr(Path, "rename", dying("rename"))
    return taken


def damage(store: Generations, text: str) -> None:
    (store.folder(DIGEST) / "etc/komando/calendar").write_text(text)


def refuses(*_: object) -> None:
    raise OSError(errno.EINVAL, "Invalid argument")


def hidden(store: Generations) -> list[str]:
    return sorted(path.name for path in store.paths.generations.glob(".*"))


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_damaged_generation_is_replaced_and_one_kept_as_evidence(
    staged: Generations, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    if not exchanges:
        monkeypatch.setattr(generation, "_exchange", refuses)
    other = staged.paths.generations / f".{'0' * 64}.damaged"
    other.write_text("what lay here was no folder")
    for number in range(3):
        damage(staged, f"# {number}")
        staged.stage(DIGEST, bundle_of(City()).files)
        assert staged.read(DIGEST) == files_of(City())
        assert hidden(staged) == [f".{DIGEST}.damaged"]
        kept = staged.paths.generations / f".{DIGEST}.damaged/etc/komando/calendar"
        assert kept.read_text() == f"# {number}"


@pytest.mark.parametrize("kind", ["file", "link", "empty"])
def test_what_lies_in_a_generations_place_gives_way(tmp_path: Path, kind: str) -> None:
    store = Generations(Paths(tmp_path))
    store.paths.generations.mkdir(parents=True)
    folder = store.folder(DIGEST)
    if kind == "file":
        folder.write_text("")
    elif kind == "link":
        folder.symlink_to("nowhere")
    else:
        folder.mkdir()
    for _ in range(2):
        with pytest.raises(HostError):
            store.read(DIGEST)
        store.stage(DIGEST, bundle_of(City()).files)
        assert store.read(DIGEST) == files_of(City())
        assert hidden(store) == [f".{DIGEST}.damaged"]
        damage(store, "")


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_run_that_dies_while_it_replaces_a_generation_is_mended(
    staged: Generations, exchanges: bool
) -> None:
    files = bundle_of(City()).files
    real = {name: getattr(generation, name) for name in STEPS} | {"rename": Path.rename}
    if not exchanges:
        real["_exchange"] = refuses
    dangling, done = [], False
    step = 0
    damage(staged, "# before")
    staged.stage(DIGEST, files)
    while not done:
        damage(staged, f"# {step}")
        with pytest.MonkeyPatch.context() as patch:
            taken = dies_at(patch, step, real)
            try:
                staged.stage(DIGEST, files)
                done = True
            except Died:
                pass
        if not staged.paths.current.exists():
            dangling.append(taken[-2:])
        staged.stage(DIGEST, files)
        assert staged.read(DIGEST) == files_of(City())
        assert staged.current() == DIGEST
        assert len(hidden(staged)) <= 1
        step += 1
    assert step >= 4
    assert dangling == ([] if exchanges else [["_exchange", "rename"]])


def test_an_export_is_the_bundles_own_archive(tmp_path: Path) -> None:
    store = Generations(Paths(tmp_path))
    bundle = bundle_of(City())
    store.stage(bundle.digest, bundle.files)
    archive = base64.b64decode(store.export(bundle.digest))
    assert archive == bundle.archive()
    assert Bundle.from_archive("core-1", archive).digest == bundle.digest


def test_nothing_to_export_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export"], Paths(tmp_path)) == 1
    assert main(["export", "0" * 64], Paths(tmp_path)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "no generation is in force" in err
    assert "is not on this host" in err


# --- the command line ----------------------------------------------------------------------------


def test_a_host_without_a_generation_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["observe"], Paths(tmp_path)) == 0
    assert main(["hours"], Paths(tmp_path)) == 0
    observed, hours = map(json.loads, capsys.readouterr().out.splitlines())
    assert observed["generation"] is None
    assert observed["kernel"] == "ok"
    assert (hours["generation"], hours["changes"], hours["rebuilt"]) == (None, [], False)


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = capsys.readouterr().out
    for word in ("observe", "activate DIGEST", "hours", "export", "clock off", "Exit codes"):
        assert word in said
    assert parser().prog == "komando-host"


def sent(patch: pytest.MonkeyPatch, stream: BinaryIO) -> None:
    patch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))


def test_a_sender_without_an_end_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/zero").open("rb") as endless:
        sent(monkeypatch, endless)
        assert main(["activate", "0" * 64], Paths(tmp_path)) == 1
    said = capsys.readouterr().err
    assert said == "komando-host: no bundle: more than 33554432 bytes came on standard input\n"


def test_a_number_that_python_will_not_read_is_one_line_of_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "etc/komando/tc/download.tc"
    text = files_of(City())[path].decode().replace("rate 1000000bit", f"rate {'9' * 5000}bit")
    bundle = bundle_of(City(extra={path: text}))
    sent(monkeypatch, io.BytesIO(cargo_of(bundle)))
    assert main(["activate", bundle.digest], Paths(tmp_path)) == 1
    said = capsys.readouterr().err
    assert said.startswith("komando-host: Exceeds the limit")
    assert said.count("\n") == 1


def test_no_verb_is_an_error_of_the_command_line() -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
