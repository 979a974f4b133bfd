"""`komando new`: what is free, what is written, what is refused, and what stays as it was."""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from komando.cli import main
from komando.cli.new_site import usual_floor
from komando.documents.reader import read
from komando.policy import Policy, load_policy
from komando.policy.fresh import NoRoomError, allot, next_id
from komando.policy.fresh.write import scalar
from komando.units import Pair
from tests.unit.edited import edit

ROOT = Path(__file__).parents[2]
WHY = "About 30 staff, who keep their records online."
OPD = ("--name", "Dinas Contoh", "--guarantee", "5 Mbit/s", "--justification", WHY, "--yes")
POINT = ("--name", "Pasar Besar", "--justification", WHY, "--yes")


def new(policies: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["new", *arguments, "--policies", str(policies)])


def loaded(policies: Path) -> Policy:
    found = load_policy(policies)
    assert found.policy is not None, found.diagnostics
    return found.policy


def files(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


# --- what is free --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "segment", "networks", "gateways"),
    [
        ("opd", "metro", ["10.20.106.0/24", "2001:db8:1106::/48"],
         ["172.20.1.106", "2001:db8:f000::1:106"]),
        ("opd", "kecamatan", ["10.20.106.0/24", "2001:db8:1106::/48"],
         ["172.20.5.106", "2001:db8:f001::1:106"]),
        ("hotspots", "public", ["10.30.24.0/22", "2001:db8:1106::/48"],
         ["172.20.9.106", "2001:db8:f002::1:106"]),
    ],
)  # fmt: skip
def test_addresses_follow_from_the_id_as_those_that_stand_do(
    kind: str, segment: str, networks: list[str], gateways: list[str]
) -> None:
    policy = loaded(ROOT / "policies")
    number = next_id(policy, lambda _: False)
    found = allot(policy, kind, segment, number)  # type: ignore[arg-type]
    assert number == 106
    assert [str(one) for one in found.networks] == networks
    assert [str(one) for one in found.gateways] == gateways


def test_what_the_habit_says_and_somebody_has_gives_way_to_the_next_behind_the_others(
    policies: Path,
) -> None:
    edit(policies / "opd/bpbd.yaml", "10.20.13.0/24", "10.20.102.0/24")
    edit(policies / "opd/bpbd.yaml", "172.20.1.13", "172.20.1.102")
    found = allot(loaded(policies), "opd", "metro", 102)
    assert found.networks[0] == ip_network("10.20.103.0/24")
    assert found.gateways[0] == ip_address("172.20.1.103")


def test_without_a_habit_a_gap_is_found_when_nothing_is_free_behind(policies: Path) -> None:
    for slug, last in (("bpbd", "255"), ("dinas-kesehatan", "200"), ("dinas-pendidikan", "0")):
        path = policies / f"opd/{slug}.yaml"
        path.write_text(path.read_text().replace("10.20.", "10.77.").replace(
            {"bpbd": "10.77.13.", "dinas-kesehatan": "10.77.5."}.get(slug, "10.77.6."),
            f"10.77.{last}."))  # fmt: skip
    assert allot(loaded(policies), "opd", "metro", 102).networks[0] == ip_network("10.77.1.0/24")


def test_a_transfer_network_that_is_full_says_so(policies: Path) -> None:
    for path in policies.rglob("*.yaml"):
        text = path.read_text().replace("172.20.0.1/22", "172.20.0.1/29")
        for number, old in enumerate(("1.5", "1.6", "1.13", "2.101"), 2):
            text = text.replace(f"172.20.{old}, ", f"172.20.0.{number}, ")
        path.write_text(text)
    assert new(policies, "opd", "dinas-contoh", *OPD).exit_code == 0
    policy = loaded(policies)
    assert policy.opd["dinas-contoh"].link.gateways[0] == ip_address("172.20.0.6")
    with pytest.raises(NoRoomError, match=r"172\.20\.0\.0/29 of the segment metro"):
        allot(policy, "opd", "metro", 103)
    done = new(policies, "opd", "dinas-lain", "--name", "Dinas Lain", *OPD[2:])
    assert "name addresses with --network and --gateway" in done.stderr


def test_an_id_that_an_office_had_is_not_given_again(policies: Path) -> None:
    def git(*words: str) -> None:
        as_somebody = ("-c", "user.name=n", "-c", "user.email=n@example.org")
        call = ["git", *as_somebody, *words]
        subprocess.run(call, cwd=policies.parent, check=True, capture_output=True)

    git("init", "--quiet")
    assert new(policies, "opd", "dinas-contoh", *OPD).exit_code == 0
    git("add", ".")
    git("commit", "--quiet", "-m", "with it")
    (policies / "opd/dinas-contoh.yaml").unlink()
    git("commit", "--quiet", "-a", "-m", "without it")
    assert new(policies, "opd", "dinas-lain", *OPD).exit_code == 0
    assert loaded(policies).opd["dinas-lain"].id == 103


@pytest.mark.usefixtures("policies")
def test_a_clone_without_its_history_gives_no_id(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        as_somebody = ("-c", "user.name=n", "-c", "user.email=n@example.org")
        subprocess.run(["git", *as_somebody, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    git("add", "policies")
    git("commit", "--quiet", "-m", "one")
    git("commit", "--quiet", "--allow-empty", "-m", "two")
    git("clone", "--quiet", "--depth", "1", f"file://{tmp_path}", "shallow")
    done = new(tmp_path / "shallow/policies", "opd", "dinas-contoh", *OPD)
    assert done.exit_code == 1
    assert "this clone is shallow" in done.stderr
    assert "`git fetch --unshallow`, then again" in done.stderr
    assert not (tmp_path / "shallow/policies/opd/dinas-contoh.yaml").exists()


# --- what is written -----------------------------------------------------------------------------


def test_an_office_is_written_as_the_others_are(policies: Path) -> None:
    done = new(policies, "opd", "dinas-contoh", *OPD, "--letter", "1/DC/2026", "--date",
               "2026-11-05", "--mode", "enforce")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "id 102, 10.20.102.0/24, 2001:db8:1066::/48" in done.stdout
    lines = (policies / "opd/dinas-contoh.yaml").read_text().splitlines()
    assert lines[0] == "# yaml-language-server: $schema=../../docs/schemas/opd.schema.json"
    plain = [line for line in lines[2:] if "  # " not in line]
    assert plain == ["link:", f"  {WHY}", "request:", "  date: 2026-11-05"], "all others say what"
    office = loaded(policies).opd["dinas-contoh"]
    assert office.name == "Dinas Contoh"
    assert (str(office.guarantee), str(office.floor), str(office.ceiling)) == (
        "5 Mbit/s", "1 Mbit/s", "20 Mbit/s")  # fmt: skip
    assert office.request is not None
    assert office.request.letter == "1/DC/2026"
    assert CliRunner().invoke(main, ["check", "--policies", str(policies)]).exit_code == 0


def test_a_point_is_written_as_the_others_are(policies: Path) -> None:
    done = new(policies, "hotspot", "pasar-besar", *POINT, "--share", "2")
    assert done.exit_code == 0, done.output
    point = loaded(policies).hotspots["pasar-besar"]
    assert (point.share, str(point.networks[0])) == (2, "10.30.8.0/22")
    first = (policies / "hotspots/pasar-besar.yaml").read_text().partition("\n")[0]
    assert first.endswith("docs/schemas/hotspots.schema.json")


@pytest.mark.parametrize(
    "name",
    ["null", "42", "Dinas: Contoh", "# no comment", "Dinas #2", '"so called"', "{a}", "- a", "O'o"],
)
def test_a_name_is_read_as_it_was_said(policies: Path, name: str) -> None:
    done = new(policies, "opd", "dinas-contoh", "--name", name, *OPD[2:])
    assert done.exit_code == 0, done.output
    assert loaded(policies).opd["dinas-contoh"].name == name


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_a_scalar_is_read_as_its_text(text: str) -> None:
    document = read("x", f"a: {scalar(text)}  # said\nb: [{scalar(text)}]\n".encode()).document
    assert document is not None
    assert document.data == {"a": text, "b": [text]}


def test_each_direction_has_its_own_rate(policies: Path) -> None:
    two = "4 Mbit/s down, 3 Mbit/s up"
    assert new(policies, "opd", "dinas-contoh", *OPD, "--guarantee", two).exit_code == 0
    assert str(loaded(policies).opd["dinas-contoh"].guarantee) == two


def test_a_dry_run_prints_and_writes_nothing(policies: Path) -> None:
    before = files(policies)
    done = new(policies, "opd", "dinas-contoh", *OPD, "--dry-run")
    assert done.exit_code == 0
    assert "id: 102 " in done.stdout
    assert files(policies) == before


def test_addresses_can_be_named(policies: Path) -> None:
    own = ("--network", "10.99.0.0/24", "--gateway", "172.20.3.9")
    assert new(policies, "opd", "dinas-contoh", *OPD, *own).exit_code == 0
    office = loaded(policies).opd["dinas-contoh"]
    assert (office.networks, office.link.gateways) == (
        (ip_network("10.99.0.0/24"),), (ip_address("172.20.3.9"),))  # fmt: skip


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("opd", "dinas-kesehatan", *OPD), "opd/dinas-kesehatan.yaml stands already"),
        (("hotspot", "dinas-kesehatan", *POINT), "opd/dinas-kesehatan.yaml stands already"),
        (("opd", "taman-kota", *OPD), "hotspots/taman-kota.yaml stands already"),
        (("opd", "Dinas Contoh", *OPD), "perhaps `dinas-contoh`"),
        (("opd", "x", *OPD, "--name", "DINAS kesehatan"), "has the name Dinas Kesehatan already"),
        (("opd", "x", "--yes"), "missing --name, --guarantee, --justification"),
        (("opd", "x"), "missing --name, --guarantee, --justification"),
        (("opd", "x", *OPD, "--segment", "metr"), "did you mean `metro`?"),
        (("opd", "x", *OPD, "--floor", "1 MB/s"), "write `8 Mbit/s`"),
        (("opd", "x", *OPD, "--date", "2026-01-01"), "name its number with --letter"),
        (("opd", "x", *OPD, "--letter", "1/2"), "missing --date"),
        (("exception", "taman-kota", "--yes"), "is a public point: only offices have exceptions"),
        (("exception", "hotspots/taman-kota", "--yes"), "only offices have exceptions"),
        (("exception", "dinas-kesehata", "--yes"), "did you mean `dinas-kesehatan`?"),
        (("exception", "bpbd", "--yes"),
         "missing --from, --until, --reason, --guarantee or --calendar"),
        (("opd", "x", *OPD, "--network", "10.20.5.0/24"), "error[network-twice]"),
        (("exception", "bpbd", "--from", "2029-01-01", "--until", "2029-01-02", "--guarantee",
          "11 Mbit/s", "--reason", "why"), "error[date-outside]"),
    ],
)  # fmt: skip
def test_what_cannot_stand_is_refused_and_leaves_nothing(
    policies: Path, arguments: tuple[str, ...], words: str
) -> None:
    before = files(policies)
    done = new(policies, *arguments)
    assert done.exit_code == 1
    assert words in done.stderr
    assert files(policies) == before


def test_a_refusal_stands_at_the_line_that_would_have_been(policies: Path) -> None:
    done = new(policies, "opd", "x", *OPD, "--guarantee", "5 Mbit/s", "--floor", "6 Mbit/s")
    assert f"{policies}/opd/x.yaml:12:8: error[floor-above-guarantee]" in done.stderr
    assert "12 | floor: 6 Mbit/s" in done.stderr


@pytest.mark.parametrize("what", ["opd", "exception"])
def test_what_passes_the_uplink_says_by_how_much_and_what_would_fit(
    policies: Path, what: str
) -> None:
    if what == "opd":
        call = ["opd", "x", *OPD, "--mode", "enforce", "--ceiling", "80 Mbit/s", "--guarantee"]
    else:
        call = ["exception", "bpbd", "--from", "2027-04-05", "--until", "2027-04-06", "--reason",
                "why", "--guarantee"]  # fmt: skip
    done = new(policies, *call, "60 Mbit/s")
    assert done.exit_code == 1
    assert "promises pass the uplink `main` by " in done.stderr
    words = next(line for line in done.stderr.splitlines() if " would fit" in line)
    fits = int(words.split()[3])
    above = new(policies, *call, f"{fits + 1} Mbit/s")
    assert "promises pass the uplink" in above.stderr
    assert new(policies, *call, f"{fits} Mbit/s").exit_code == 0


@pytest.mark.parametrize("floor", [(), ("--floor", "1 Mbit/s"), ("--floor", "30 Mbit/s")])
def test_what_would_fit_has_its_floor_as_it_would_come(
    policies: Path, floor: tuple[str, ...]
) -> None:
    """An observed office makes its pool larger by twice its guarantee without its floor."""
    call = ["opd", "x", *OPD, "--ceiling", "80 Mbit/s", *floor, "--guarantee"]
    said = new(policies, *call, "60 Mbit/s").stderr
    words = next(line for line in said.splitlines() if " would fit" in line)
    fits = int(words.split()[3])
    lowered = ["--floor", words.partition("a floor of ")[2]] if "a floor of" in words else []
    assert bool(lowered) == (floor[1:] != ("1 Mbit/s",))
    above = new(policies, *call, f"{fits + 1} Mbit/s", *lowered)
    assert "pass" in above.stderr
    assert new(policies, *call, f"{fits} Mbit/s", *lowered).exit_code == 0


@pytest.mark.parametrize(
    ("guarantee", "floor"),
    [("60 Mbit/s", "8 Mbit/s"), ("2 Mbit/s", "1 Mbit/s"), ("1 Mbit/s", "142 kbit/s"),
     ("13 kbit/s", "1 kbit/s"), ("1 kbit/s", "142 bit/s")],
)  # fmt: skip
def test_a_floor_by_default_is_below_its_guarantee(guarantee: str, floor: str) -> None:
    assert str(usual_floor(Pair.parse(guarantee))) == floor


def test_a_small_office_of_the_real_tree_takes_nothing_from_others(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    done = new(policies, "opd", "dinas-contoh", *OPD, "--guarantee", "1 Mbit/s", "--segment",
               "metro")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "branch, then `komando ci plan`" in done.stderr


def test_an_office_that_is_too_small_is_named_and_not_those_beside_it(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    said = new(policies, "opd", "dinas-contoh", *OPD, "--guarantee", "64 kbit/s", "--segment",
               "metro").stderr  # fmt: skip
    assert "error[share-below-promise]" in said
    assert "others would get less because of what is new here" in said


def test_all_faults_of_flags_are_told_at_once(policies: Path) -> None:
    said = new(policies, "opd", "x", "--yes", "--guarantee", "5", "--calendar", "working-wek",
               "--date", "2026-13-01").stderr  # fmt: skip
    for words in ("--guarantee: '5': a rate without its unit", "did you mean `working-week`?",
                  "--date: '2026-13-01'", "name its number with --letter",
                  "missing --name, --justification"):  # fmt: skip
        assert words in said


def test_a_wrong_folder_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["new", "opd", "x", *OPD])
    assert done.stderr == "Error: no folder policies/ here: run it in the repository's folder\n"


def test_a_point_where_no_other_is_has_a_warning(policies: Path) -> None:
    edit(policies / "region.yaml", "holidays: {country",
         "  park:\n    router: core-1\n    description: Park\n    addresses: [172.21.0.1/22, "
         "\"2001:db8:f009::1/64\"]\nholidays: {country")  # fmt: skip
    words = "warning: no other public point hangs on park\n"
    assert words not in new(policies, "hotspot", "pasar-besar", *POINT).stderr
    other = ("--name", "Pasar Lain", *POINT[2:], "--segment", "park")
    assert words in new(policies, "hotspot", "pasar-lain", *other).stderr


def test_nothing_is_added_to_policies_that_are_wrong(policies: Path) -> None:
    edit(policies / "opd/bpbd.yaml", "id: 13", "id: 5")
    done = new(policies, "opd", "x", *OPD)
    assert done.exit_code == 1
    assert "wrong already" in done.stderr
    assert "error[id-twice]" in done.stderr
