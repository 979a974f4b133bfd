"""A host's secrets: laid for their owner alone, known again, and in no digest and no export."""

from __future__ import annotations

import base64
import errno
import gzip
import hashlib
import io
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from komando.bundle import Bundle, Plaintexts
from komando.host import aside, secrets
from komando.host.archive import Arrived, unpack
from komando.host.errors import HostError
from komando.host.generation import NUMBER_KEPT, Generations
from komando.host.layout import Paths
from tests.host_bundle import City, bundle_of

ME = pwd.getpwuid(os.geteuid()).pw_name
SECRET = b"not to be seen"
SOURCES = Path(secrets.__file__).parents[2]


def stating(*names: str, owner: str = ME) -> Bundle:
    """A bundle that states these secrets."""
    stated = [
        {"name": name, "owner": owner, "sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name in names
    ]
    return bundle_of(City(extra={"etc/komando/secrets.json": json.dumps({"secrets": stated})}))


BUNDLE = stating("snmp", "vpn-key")
PLAIN = Plaintexts({"vpn-key": SECRET, "snmp": b"other"})


def arrived(bundle: Bundle = BUNDLE, plain: Plaintexts = PLAIN) -> Arrived:
    return unpack(base64.b64encode(bundle.archive(plain)), bundle.digest)


@pytest.fixture
def store(tmp_path: Path) -> Generations:
    """A host on which BUNDLE is current, with its secrets."""
    store = Generations(Paths(tmp_path))
    came = arrived()
    store.stage(BUNDLE.digest, came.files, came.secrets)
    store.flip(BUNDLE.digest)
    return store


def place(store: Generations, name: str = "vpn-key") -> Path:
    return store.folder(BUNDLE.digest) / "etc/komando/secrets" / name


def test_they_are_laid_for_their_owner_alone(store: Generations) -> None:
    state = place(store).stat()
    assert place(store).read_bytes() == SECRET
    assert (state.st_mode & 0o7777, state.st_uid) == (0o600, os.geteuid())
    assert place(store).parent.stat().st_mode & 0o7777 == 0o711
    assert (store.folder(BUNDLE.digest) / "secrets.seal").stat().st_mode & 0o7777 == 0o600
    assert store.ailing(BUNDLE.digest, BUNDLE.files) == []


def test_the_mode_stands_before_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    real = os.fchown

    def watching(descriptor: int, owner: int, group: int) -> None:
        state = os.fstat(descriptor)
        seen.append((state.st_mode & 0o7777, state.st_size))
        real(descriptor, owner, group)

    monkeypatch.setattr(os, "fchown", watching)
    came = arrived()
    before = os.umask(0)
    try:
        Generations(Paths(tmp_path)).stage(BUNDLE.digest, came.files, came.secrets)
    finally:
        os.umask(before)
    assert seen == [(0o600, 0)] * 3


def test_digest_read_and_export_know_nothing_of_them(store: Generations) -> None:
    assert BUNDLE.digest == stating("snmp", "vpn-key").digest
    assert store.read(BUNDLE.digest) == dict(BUNDLE.files)
    assert Bundle.from_archive("core-1", base64.b64decode(store.export(BUNDLE.digest))) == BUNDLE
    assert SECRET not in gzip.decompress(base64.b64decode(store.export(BUNDLE.digest)))
    assert SECRET.hex() not in repr(arrived())
    assert "not to be seen" not in repr(arrived())


def _shown(path: Path) -> None:
    path.chmod(0o640)


def _given(path: Path) -> None:
    os.chown(path, 65534, -1)


def _linked(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.symlink_to(path.with_suffix(".old"))


def _swapped(path: Path) -> None:
    path.write_bytes((path.parent / "snmp").read_bytes())


def _piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (Path.unlink, "is gone"),
        (_shown, "is readable by others"),
        (lambda path: path.chmod(0o620), "has the mode 0620, not 0600"),
        pytest.param(_given, f"does not belong to {ME}", marks=pytest.mark.root),
        (lambda path: path.write_bytes(b"changed"), "was changed"),
        (_swapped, "was changed"),
        (_linked, "cannot be read: Too many levels of symbolic links"),
        (_piped, "is no file"),
    ],
)
def test_what_happened_to_one_is_told(
    store: Generations, harm: Callable[[Path], object], words: str
) -> None:
    harm(place(store))
    assert store.ailing(BUNDLE.digest, BUNDLE.files) == [f"secret vpn-key {words}"]


def test_without_the_seal_nothing_is_believed(store: Generations) -> None:
    (store.folder(BUNDLE.digest) / "secrets.seal").write_text("{}")
    told = store.ailing(BUNDLE.digest, BUNDLE.files)
    assert told == ["what the secrets are known by is gone"]


def damaged(store: Generations) -> Path:
    return store.paths.generations / f".{BUNDLE.digest}.damaged"


def elsewhere(store: Generations) -> list[Path]:
    """Files with the secret that are not of a generation under its own name."""
    return [
        path
        for left in store.paths.generations.glob(".*")
        for path in left.rglob("*")
        if path.is_file() and SECRET in path.read_bytes()
    ]


def test_what_is_kept_as_evidence_holds_none_and_goes_with_its_generation(
    store: Generations,
) -> None:
    place(store).chmod(0o644)
    store.stage(BUNDLE.digest, arrived().files, arrived().secrets)
    assert store.ailing(BUNDLE.digest, BUNDLE.files) == []
    assert elsewhere(store) == []
    assert damaged(store).stat().st_mode & 0o7777 == 0o700
    assert (damaged(store) / "etc/komando/secrets.json").is_file()
    assert not (damaged(store) / "secrets.seal").exists()
    store.flip(None)
    for number in range(NUMBER_KEPT):
        store.folder(f"{number:064x}").mkdir()
    assert store.prune(()) == [BUNDLE.digest]
    assert not damaged(store).exists()


@pytest.mark.parametrize("exchanges", [True, False])
def test_no_copy_outlives_the_run_after_one_that_dies(store: Generations, exchanges: bool) -> None:
    came, step, died = arrived(), 0, True
    while died:
        if not store.folder(BUNDLE.digest).exists():
            store.stage(BUNDLE.digest, came.files, came.secrets)
        place(store).chmod(0o644)
        with pytest.MonkeyPatch.context() as patch:
            died = dies_at(patch, step, exchanges=exchanges)
            with suppress(KeyboardInterrupt):
                store.stage(BUNDLE.digest, came.files, came.secrets)
                died = False
        readable = [path for path in elsewhere(store) if damaged(store) in path.parents]
        assert readable == [], "what is evidence was emptied first"
        store.tidy()
        assert elsewhere(store) == []
        step += 1
    assert step >= 7


def dies_at(patch: pytest.MonkeyPatch, step: int, *, exchanges: bool) -> bool:
    """Lets the run end before the given step that changes what others see."""
    left = [step]

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*given: object, **more: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return real(*given, **more)

        return wrapped

    def refuses(*_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    patch.setattr(aside, "exchange", dying(aside.exchange if exchanges else refuses))
    patch.setattr(aside, "remove", dying(aside.remove))
    for name in ("rename", "chmod"):
        patch.setattr(Path, name, dying(getattr(Path, name)))
    return True


def test_what_a_link_leads_to_is_not_taken_for_its_secrets(
    store: Generations, tmp_path: Path
) -> None:
    folder = store.folder(BUNDLE.digest) / "etc/komando"
    folder.rename(tmp_path / "komando")
    folder.symlink_to(tmp_path / "komando")
    store.stage(BUNDLE.digest, arrived().files, arrived().secrets)
    assert (tmp_path / "komando/secrets/vpn-key").read_bytes() == SECRET
    assert elsewhere(store) == []


def test_evidence_that_holds_secrets_is_emptied_by_the_next_run(store: Generations) -> None:
    shutil.copytree(store.folder(BUNDLE.digest), damaged(store))
    assert elsewhere(store)
    store.tidy()
    assert elsewhere(store) == []
    assert damaged(store).stat().st_mode & 0o7777 == 0o700


def test_the_seal_is_no_plain_hash_and_another_one_each_time(
    store: Generations, tmp_path: Path
) -> None:
    seal = (store.folder(BUNDLE.digest) / "secrets.seal").read_text()
    assert hashlib.sha256(SECRET).hexdigest() not in seal
    other = Generations(Paths(tmp_path / "other"))
    other.stage(BUNDLE.digest, arrived().files, arrived().secrets)
    marks = json.loads((other.folder(BUNDLE.digest) / "secrets.seal").read_text())["marks"]
    assert marks["vpn-key"] not in seal


@pytest.mark.parametrize(
    ("bundle", "came", "words"),
    [
        (BUNDLE, {}, "secret snmp, vpn-key did not come with the archive"),
        (BUNDLE, {"snmp": b"x"}, "secret vpn-key did not come"),
        (stating("snmp"), {"snmp": b"x", "more": b"y"}, "secret more came, which .* not name"),
        (stating("snmp"), {"snmp": bytes(65537)}, "secret snmp has more than 65536 bytes"),
        (stating("snmp", owner="no-such"), {"snmp": b"x"}, "no-such, and there is no such user"),
    ],
)
def test_what_does_not_agree_is_not_staged(
    tmp_path: Path, bundle: Bundle, came: dict[str, bytes], words: str
) -> None:
    store = Generations(Paths(tmp_path))
    with pytest.raises(HostError, match=words):
        store.stage(bundle.digest, bundle.files, came)
    assert not store.folder(bundle.digest).exists()


@pytest.mark.parametrize("name", ["secrets/", "secrets/../x", "secrets/Vpn", "secrets/a/b", "x/a"])
def test_a_member_of_another_name_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plaintexts, "members", lambda _: {name: b"x"})
    with pytest.raises(HostError, match="which it may not"):
        arrived(BUNDLE, PLAIN)


def test_a_secret_that_no_file_states_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plaintexts, "members", lambda _: {"secrets/more": SECRET})
    with pytest.raises(HostError, match="secret more came") as caught:
        arrived(BUNDLE, PLAIN)
    assert SECRET.decode() not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"secrets": [{}]}',
        '{"secrets": {"name": 1}}',
        '{"secrets": [{"name": "../x", "owner": "root", "sha256": "' + "0" * 64 + '"}]}',
        '{"secrets": [{"name": "x", "owner": "root;", "sha256": "' + "0" * 64 + '"}]}',
        '{"secrets": [{"name": "x", "owner": "root", "sha256": "0"}]}',
    ],
)
def test_a_list_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(HostError, match=r"secrets\.json: not what was expected"):
        secrets.parse_secrets(text)


def test_a_name_that_stands_twice_is_refused() -> None:
    one = {"name": "x", "owner": "root", "sha256": "0" * 64}
    with pytest.raises(HostError, match="stands twice"):
        secrets.parse_secrets(json.dumps({"secrets": [one, one]}))


def test_an_archive_says_that_they_are_private() -> None:
    with tarfile.open(fileobj=io.BytesIO(BUNDLE.archive(PLAIN))) as tar:
        modes = {one.name: one.mode for one in tar if one.name.startswith("secrets/")}
    assert modes == {"secrets/snmp": 0o600, "secrets/vpn-key": 0o600}


def test_a_guarded_process_has_no_core_and_its_children_neither() -> None:
    text = (
        "import ctypes, resource, subprocess\n"
        "from komando.host.private import leave_no_core\n"
        "leave_no_core(); leave_no_core()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
        "print(subprocess.check_output(['sh', '-c', 'ulimit -Hc'], text=True).strip())\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", text],
        env={"PYTHONPATH": str(SOURCES), "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    )
    assert said.stdout.decode().split("\n")[:2] == ["(0, 0) 0", "0"]


DYING = "import os, resource, signal\n{guard}\nos.kill(os.getpid(), signal.SIGSEGV)\n"


def dies(guard: str, folder: Path) -> int:
    """How a process ends that would leave a core of any size."""
    limit = 'ulimit -c unlimited; exec "$0" -c "$1"'
    text = DYING.format(guard=guard)
    done = subprocess.Popen(
        ["sh", "-c", limit, sys.executable, text],
        cwd=folder,
        env={"PYTHONPATH": str(SOURCES), "PATH": os.environ["PATH"]},
    )
    _, status = os.waitpid(done.pid, 0)
    done.returncode = 0
    assert os.WTERMSIG(status) == signal.SIGSEGV
    return os.WCOREDUMP(status)


def test_no_core_is_left(tmp_path: Path) -> None:
    if not dies("", tmp_path):
        pytest.skip("no core is left of anything here: the kernel or a limit keeps it from that")
    assert list(tmp_path.iterdir()) or Path("/proc/sys/kernel/core_pattern").read_text() != "core\n"
    (tmp_path / "guarded").mkdir()
    guard = "from komando.host.private import leave_no_core; leave_no_core()"
    assert not dies(guard, tmp_path / "guarded")
    assert list((tmp_path / "guarded").iterdir()) == []
