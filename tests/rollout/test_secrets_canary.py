"""One secret from `komando secret set` to its file on a host, and looked for everywhere else."""

from __future__ import annotations

import subprocess

import pytest

from tests.canary import CANARY
from tests.host_network import SOURCES
from tests.rollout.secret_city import APPLY, OWN, SET, TEMPORARY, City, life

pytestmark = pytest.mark.root

DRIFT = 2
"""What drift ends with where no role has laid the host program and its units."""

EVERYTHING = (
    SET,
    ("secret list", 0),
    ("check", 0),
    ("render", 0),
    ("plan --out plan.json", 2),
    ("apply --no-verify --diff", 1),  # no key
    APPLY,
    ("plan --out again.json", 0),
    SET,  # encrypted anew: another generation
    APPLY,
    ("drift --format text", DRIFT),
    ("drift --format markdown", DRIFT),
    ("drift --format json", DRIFT),
    ("rollback core-1 --list", 0),
    ("rollback core-1 --diff", 0),  # no key: the host has its secrets
    ("ledger show", 0),
    ("ledger show --format json", 0),
    ("ledger verify", 0),
)


def test_a_secret_is_seen_in_its_own_file_alone(city: City) -> None:
    found, watch = life(city, EVERYTHING)
    own = city.host.router.root / "var/lib/komando/current" / OWN
    states = city.host.router.root / "var/lib/komando/generations"
    assert found == [str(one) for one in sorted(states.glob(f"*/{OWN}"))]
    assert len(found) == 2
    state = own.stat()
    assert own.read_bytes() == CANARY
    assert (own.owner(), state.st_mode & 0o7777) == ("nobody", 0o600)
    # the searches were no searches of nothing
    assert any(" activate " in words for words in watch.commands)
    assert "Running command on core-1" in city.log.read_text()
    assert city.host.router.komando("observe").said["kernel"] == "ok"


@pytest.mark.nightly
def test_a_secret_that_was_changed_by_hand_is_told_without_its_content(city: City) -> None:
    life(city)
    own = city.host.router.root / "var/lib/komando/current" / OWN
    own.write_bytes(CANARY + b"!")
    own.chmod(0o644)
    formats = tuple((f"drift --format {form}", DRIFT) for form in ("text", "markdown", "json"))
    found, _ = life(city, formats)
    assert found == [str(own.resolve())]
    found, _ = life(city, (("drift --repair --secrets-key KEY", DRIFT),))
    assert found == [str(own.resolve())]
    assert own.read_bytes() == CANARY
    assert any(b"secret vpn-key is readable by others" in one for one in city.host.said)


_TOLD = """\
import sys
from komando.bundle import Plaintexts
before = Plaintexts.members
def members(self):
    print(before(self), file=sys.stderr)
    return before(self)
Plaintexts.members = members
"""

_CACHED = """\
from komando.rollout.wave import Target
before = Target.of.__func__
def of(cls, host, was, bundle, opened):
    object.__setattr__(bundle, "archive", lambda *_: type(bundle).archive(bundle, opened))
    return before(cls, host, was, bundle, opened)
Target.of = classmethod(of)
"""

_ARGUED = """\
import subprocess
from komando.bundle import Plaintexts
before = Plaintexts.members
def members(self):
    for content in before(self).values():
        subprocess.run(["sh", "-c", "sleep 0.5; :", content.decode()])
    return before(self)
Plaintexts.members = members
"""

_COPIED = """\
import sys
sys.path.insert(0, {sources!r})
from komando.host import secrets
before = secrets.lay
def lay(folder, digest, wanted, came):
    before(folder, digest, wanted, came)
    for content in came.values():
        (folder / "copy").write_bytes(content)
secrets.lay = lay
"""


_LEFT = """\
import tempfile
from komando.bundle import Plaintexts
before = Plaintexts.members
def members(self):
    for content in before(self).values():
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(content)
    return before(self)
Plaintexts.members = members
"""


@pytest.mark.nightly  # that the first test can fail
@pytest.mark.parametrize(
    ("here", "there", "where"),
    [
        pytest.param(_LEFT, "", f"/{TEMPORARY}/", id="left"),
        pytest.param(_TOLD, "", "an output: ", id="told"),
        pytest.param(_CACHED, "", "/cache/komando/generations/", id="cached"),
        pytest.param(_ARGUED, "", "a process: sh -c sleep 0.5", id="argued"),
        pytest.param("", _COPIED.format(sources=str(SOURCES)), "/copy", id="copied"),
    ],
)
def test_a_leak_is_found(city: City, here: str, there: str, where: str) -> None:
    city.host.before = there
    found, _ = life(city, before=here)
    assert [one for one in found if where in one], found


def test_without_its_key_a_rollback_works_and_a_first_activation_does_not(city: City) -> None:
    life(city)
    router = city.host.router
    digest = router.komando("observe").said["generation"]
    assert router.komando("activate", digest).code == 0
    secret = router.root / "var/lib/komando/current/etc/komando/secrets/vpn-key"
    secret.unlink()
    again = router.komando("activate", digest)
    assert again.code == 1
    assert "secret vpn-key is gone, and no archive came with it" in again.words
    export = subprocess.run(router.argv("export"), capture_output=True, check=True).stdout
    refused = router.komando("activate", digest, stdin=export)
    assert refused.code == 1
    assert "secret vpn-key did not come with the archive" in refused.words
    code, output = city.komando("plan")
    assert code == 2
    assert b"secret vpn-key is gone" in output
    code, output = city.komando("apply", "--no-verify", "--secrets-key", str(city.key))
    assert code == 0, output
    assert secret.read_bytes() == CANARY
