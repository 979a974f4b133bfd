"""Lines of `known_hosts`: one more among others, and fingerprints as consoles show them."""

from __future__ import annotations

from pathlib import Path

import pytest

from komando.cli.trust import fingerprint_in
from komando.documents.files import write_whole
from komando.documents.keys import PublicKey, read_public_key
from komando.inventory.known import read_known_hosts
from komando.inventory.known_lines import with_key

ORDER = ("192.0.2.2", "192.0.2.10", "[192.0.2.11]:2222", "192.0.2.12")
BASE = Path(__file__).parents[1] / "errors/base/inventory/known_hosts"


@pytest.fixture
def keys() -> list[PublicKey]:
    return [one.key for one in read_known_hosts(BASE).keys]


def lines(*pairs: tuple[str, PublicKey]) -> str:
    return "".join(f"{place} {key}\n" for place, key in pairs)


@pytest.mark.parametrize(
    ("before", "place", "after"),
    [
        ([], 1, [1]),
        ([0, 3], 1, [0, 1, 3]),
        ([3, 0], 1, [3, 0, 1]),
        ([1, 3], 0, [0, 1, 3]),
        ([0, 1], 3, [0, 1, 3]),
        ([0, 2, 3], 2, [0, 2, 3]),
    ],
)
def test_a_line_stands_where_the_inventory_has_its_machine(
    before: list[int], place: int, after: list[int], keys: list[PublicKey]
) -> None:
    text = "# ours\n" + lines(*((ORDER[one], keys[0]) for one in before))
    expected = "# ours\n" + lines(
        *((ORDER[one], keys[1] if one == place else keys[0]) for one in after)
    )
    assert with_key(text, ORDER[place], keys[1], ORDER) == expected


def test_all_other_lines_stay_as_they_are(keys: list[PublicKey]) -> None:
    text = f"\n#  a\n  {ORDER[1]},203.0.113.5   {keys[0]}  old\nnonsense\n{ORDER[1]} {keys[2]}"
    assert with_key(text, ORDER[1], keys[1], ORDER) == (
        f"\n#  a\n{ORDER[1]} {keys[1]}\n203.0.113.5 {keys[0]}  old\nnonsense\n"
    )


def test_a_machine_out_of_the_inventory_stands_last(keys: list[PublicKey]) -> None:
    text = lines((ORDER[0], keys[0]))
    assert with_key(text, "203.0.113.9", keys[1], ORDER) == text + lines(("203.0.113.9", keys[1]))


def test_lines_of_other_systems_stay_as_they_are(keys: list[PublicKey]) -> None:
    text = f"# caf\udce9\r\n\x0c\n{ORDER[0]} {keys[0]}\r\n"
    found = with_key(text, ORDER[2], keys[2], ORDER)
    assert found == text + lines((ORDER[2], keys[2]))


def test_a_file_is_written_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text("a\n")
    path.chmod(0o640)
    write_whole(path, b"b\n")
    assert path.read_text() == "b\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["known_hosts"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "known_hosts").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "known_hosts", b"b\n")
    assert [one.name for one in tmp_path.iterdir()] == ["known_hosts"]


DIGITS = "mX4e/u+pCn/YXKqH2BfLMagmBMfEGKkOSzB954KFcSE"


@pytest.mark.parametrize(
    "text",
    [
        f"SHA256:{DIGITS}",
        f"  SHA256:{DIGITS}= ",
        DIGITS,
        f"256 SHA256:{DIGITS} root@core-1 (ED25519)",
    ],
)
def test_a_fingerprint_is_found_in_what_a_console_shows(text: str) -> None:
    assert fingerprint_in(text) == f"SHA256:{DIGITS}"


@pytest.mark.parametrize(
    "text", ["y", "", "yes", f"SHA256:{DIGITS[:-1]}", f"SHA256:{DIGITS}x", f"MD5:{DIGITS[:32]}"]
)
def test_anything_else_is_none(text: str) -> None:
    assert fingerprint_in(text) is None


def test_a_fingerprint_is_that_of_the_key(keys: list[PublicKey]) -> None:
    assert read_public_key(str(keys[0])) == keys[0]
    assert keys[0].fingerprint != keys[1].fingerprint
