"""Wheelhouses: real pip, real wheels of two small packages, and no network."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from komando.cli import main
from komando.wheelhouse import LOCK, SUMS, Wheelhouse, WheelhouseError

LIFE = "life-1.0-py3-none-any.whl"
HARD = "hard-2.1-cp311-cp311-manylinux_2_36_x86_64.whl"
HARDER = "hard-2.1-cp311-cp311-manylinux_2_39_x86_64.whl"


def make_wheel(folder: Path, name: str, says: str = "") -> str:
    """A wheel that pip takes; returns the SHA-256 of its file."""
    package, version = name.split("-")[:2]
    info = f"{package}-{version}.dist-info"
    tag = "-".join(name.removesuffix(".whl").split("-")[2:])
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for path, text in (
            (f"{package}.py", says),
            (f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"),
            (f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"),
            (f"{info}/RECORD", ""),
        ):
            wheel.writestr(zipfile.ZipInfo(path), text)
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip finds wheels: this folder, and nowhere else."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def house(tmp_path: Path, shop: Path) -> Wheelhouse:
    """One that is not built yet, in a repository with one role."""
    hashes = {name: make_wheel(shop, name) for name in (LIFE, HARD, HARDER)}
    lock = tmp_path / "roles/portal/files" / LOCK
    lock.parent.mkdir(parents=True)
    lock.write_text(
        "# Exact versions.\n"
        f"hard==2.1 \\\n    --hash=sha256:{hashes[HARD]} \\\n    --hash=sha256:{hashes[HARDER]}\n"
        f"    # via\n    #   life\n"
        f"life==1.0 \\\n    --hash=sha256:{hashes[LIFE]}\n"
    )
    return Wheelhouse(lock, tmp_path / "wheels/portal/3.11-x86_64", "3.11")


@pytest.fixture
def built(house: Wheelhouse, tmp_path_factory: pytest.TempPathFactory) -> Wheelhouse:
    """One that is: pip was asked once for all tests of this file."""
    kept = tmp_path_factory.getbasetemp() / "built"
    if not kept.exists():
        house.build(str)
        shutil.copytree(house.folder, kept)
    shutil.copytree(kept, house.folder, dirs_exist_ok=True)
    return house


def nothing_beside(house: Wheelhouse) -> bool:
    return {one.name for one in house.folder.parent.iterdir()} <= {house.folder.name}


def test_it_holds_a_wheel_for_each_pin_and_a_list_that_coreutils_read(house: Wheelhouse) -> None:
    told: list[str] = []
    assert house.build(told.append)
    assert sorted(told) == ["hard", "life"]
    assert {one.name for one in house.folder.iterdir()} == {LIFE, HARD, LOCK, SUMS}
    done = subprocess.run(["sha256sum", "--check", SUMS], cwd=house.folder, check=False)
    assert done.returncode == 0
    assert house.faults() == []
    assert nothing_beside(house)


def test_a_second_run_asks_nobody(
    built: Wheelhouse, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (built.folder / SUMS).stat()
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    for wheel in shop.iterdir():
        wheel.unlink()
    assert not built.build(str)
    assert (built.folder / SUMS).stat().st_ino == before.st_ino


def test_the_same_lock_gives_the_same_list(built: Wheelhouse) -> None:
    again = Wheelhouse(built.lock, built.folder.with_name("again"), "3.11")
    again.build(str)
    assert (built.folder / SUMS).read_bytes() == (again.folder / SUMS).read_bytes()


def test_a_wheel_with_another_hash_than_the_locks_is_refused(house: Wheelhouse, shop: Path) -> None:
    make_wheel(shop, LIFE, says="import os")
    with pytest.raises(WheelhouseError, match=r"(?s)DO NOT MATCH THE HASHES.*life==1\.0"):
        house.build(str)
    assert not house.folder.exists()
    assert nothing_beside(house)


def test_one_for_an_older_lock_stands_until_the_new_one_is_complete(
    built: Wheelhouse, shop: Path
) -> None:
    newer = "life-1.1-py3-none-any.whl"
    digest = make_wheel(shop, newer)
    lines = built.lock.read_text().splitlines()
    built.lock.write_text("\n".join([*lines[:-2], "life==1.1 \\", f"    --hash=sha256:{digest}\n"]))
    assert built.faults() == [
        f"it was made from another {built.lock}",
        f"{LIFE} has a hash that {built.lock} does not know",
        "life==1.1 has no wheel",
    ]
    (shop / newer).rename(shop / "away")
    with pytest.raises(WheelhouseError, match="No matching distribution"):
        built.build(str)
    assert (built.folder / LIFE).exists()
    (shop / "away").rename(shop / newer)
    assert built.build(str)
    assert {one.name for one in built.folder.iterdir()} == {newer, HARD, LOCK, SUMS}


def test_a_run_that_is_killed_leaves_nothing_that_could_be_taken_for_whole(
    house: Wheelhouse, tmp_path: Path
) -> None:
    """The process dies between two wheels, when no `finally` is run any more."""
    script = (
        "import os, signal; from pathlib import Path; from komando.wheelhouse import Wheelhouse;"
        f"house = Wheelhouse(Path({str(house.lock)!r}), Path({str(house.folder)!r}), '3.11');"
        "house.build(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == 'life' else None)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not house.folder.exists()
    assert not nothing_beside(house), "it was not killed in the middle"
    assert house.build(str)
    assert nothing_beside(house)


def test_ctrl_c_ends_pip_and_leaves_nothing(house: Wheelhouse) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.build(interrupted)
    assert not house.folder.exists()
    assert nothing_beside(house)


def test_two_at_once_wait_for_each_other(house: Wheelhouse, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from komando.wheelhouse import Wheelhouse;"
        f"house = Wheelhouse(Path({str(house.lock)!r}), Path({str(house.folder)!r}), '3.11');"
        "print(house.build(str))"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert sorted(one.communicate(timeout=60)[0] for one in both) == ["False\n", "True\n"]
    assert house.faults() == []


def tampered(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / LIFE).unlink(), [f"{LIFE} is missing", "life==1.0 has no wheel"]),
        (lambda folder: (folder / SUMS).unlink(), [f"{SUMS} is missing or cannot be read"]),
        (
            lambda folder: (folder / SUMS).write_text("?\n"),
            [f"{SUMS} is missing or cannot be read"],
        ),
        (
            lambda folder: tampered(folder / LIFE),
            [
                f"{LIFE} has another hash than {SUMS} says",
                f"{LIFE} has a hash that LOCK does not know",
                "life==1.0 has no wheel",
            ],
        ),
        (
            lambda folder: (folder / "evil-1-py3-none-any.whl").write_text(""),
            [
                f"evil-1-py3-none-any.whl is not listed in {SUMS}",
                "evil-1-py3-none-any.whl has a hash that LOCK does not know",
            ],
        ),
    ],
    ids=["a wheel gone", "no list", "no list that can be read", "a wheel changed", "a stranger"],
)
def test_what_is_wrong_is_said(
    built: Wheelhouse, spoil: Callable[[Path], object], words: list[str]
) -> None:
    spoil(built.folder)
    assert built.faults() == [one.replace("LOCK", str(built.lock)) for one in words]


def test_what_is_wrong_is_mended(built: Wheelhouse) -> None:
    tampered(built.folder / LIFE)
    (built.folder / "evil-1-py3-none-any.whl").touch()
    assert built.build(str)
    assert built.faults() == []
    assert {one.name for one in built.folder.iterdir()} == {LIFE, HARD, LOCK, SUMS}


def test_a_list_that_was_changed_along_with_a_wheel_deceives_nobody(built: Wheelhouse) -> None:
    before = hashlib.sha256((built.folder / LIFE).read_bytes()).hexdigest()
    after = make_wheel(built.folder, LIFE, says="import os")
    sums = built.folder / SUMS
    sums.write_text(sums.read_text().replace(before, after))
    assert f"{LIFE} has a hash that {built.lock} does not know" in built.faults()


def test_the_verb_builds_looks_and_counts(
    house: Wheelhouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call = ["wheelhouse", "portal", "--python", "3.11"]
    built, again = (CliRunner().invoke(main, call) for _ in range(2))
    assert (built.exit_code, built.stdout) == (0, "wheels/portal/3.11-x86_64: 2 wheels, 0 MB\n")
    assert again.stdout == "wheels/portal/3.11-x86_64: 2 wheels, 0 MB, unchanged\n"
    tampered(house.folder / HARD)
    looked = CliRunner().invoke(main, [*call, "--check"])
    assert (looked.exit_code, looked.stdout) == (1, "")
    assert f"wheels/portal/3.11-x86_64: {HARD} has another hash than {SUMS} says" in looked.stderr


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (["signing"], "no role 'signing' with a requirements.lock: there is portal"),
        (["--python", "2.7"], "'2.7' is no version of a Python: 3.11, for one"),
    ],
)
@pytest.mark.usefixtures("house")
def test_the_verb_refuses_what_it_cannot_build(
    call: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["wheelhouse", *call])
    assert (done.exit_code, words in done.stderr) == (1, True)


def test_outside_the_repository_the_verb_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["wheelhouse"])
    assert done.stderr == (
        "Error: no role here has a requirements.lock: run it in the repository's folder\n"
    )
