"""How generations lie on disk: whole or not at all, and the current one."""

from __future__ import annotations

import base64
import errno
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from komando.bundle import Bundle
from komando.host import aside, generation
from komando.host.__main__ import main
from komando.host.errors import HostError
from komando.host.generation import Generations
from komando.host.layout import Paths
from tests.host_bundle import City, bundle_of, files_of

DIGEST = bundle_of(City()).digest


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


def test_an_editors_copy_does_no_harm(staged: Generations) -> None:
    folder = staged.folder(DIGEST)
    (folder / "etc/komando/.calendar.swp").write_bytes(b"b0VIM 9.0\0")
    (folder / "etc/komando/tc/profiles/day.down.tc~").write_text("class del\n")
    (folder / "etc/komando/tc/old").mkdir()
    (folder / "etc/komando/tc/old/download.tc").write_text("")
    (folder / "notes").symlink_to("/etc")
    (folder / "left").symlink_to("nowhere")
    assert staged.read(DIGEST) == files_of(City())
    assert Bundle.from_archive("core-1", base64.b64decode(staged.export(DIGEST))).digest == DIGEST


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


STEPS = {"remove": aside, "exchange": aside, "sync": generation}


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

    for name, module in STEPS.items():
        patch.setattr(module, name, dying(name))
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
        monkeypatch.setattr(aside, "exchange", refuses)
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
    real = {name: getattr(module, name) for name, module in STEPS.items()} | {"rename": Path.rename}
    if not exchanges:
        real["exchange"] = refuses
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
    assert dangling == ([] if exchanges else [["exchange", "rename"]])


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
