"""A real Prometheus that scrapes a real exporter, which reads what the real program wrote."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from komando.intent.model import RouterIntent
from tests.dashboard import RULES, questions
from tests.host_network import Probe, Router, sh
from tests.platforms.told import exporter, region, samples, told_router, tool, value

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        not (tool("prometheus") and tool("prometheus-node-exporter")),
        reason="needs Prometheus and its node exporter: scripts/setup",
    ),
]

SECONDS = 60
CONFIGURATION = {
    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
    "rule_files": ["komando.rules.yml"],
    "scrape_configs": [
        {
            "job_name": "machines",
            "static_configs": [
                {
                    "targets": ["127.0.0.1:9100"],
                    "labels": {"instance": "core-1", "machine": "router"},
                }
            ],
        }
    ],
}


class Prometheus:
    """One that runs beside a router, in its namespace: no port of this machine is taken."""

    def __init__(self, router: Router) -> None:
        self.router = router

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """What the series are at this moment."""
        answer = self._get(f"query?query={quote(expression)}")
        return list(answer["result"])

    def _get(self, path: str) -> dict[str, Any]:
        program = (
            "import sys, urllib.request as r; "
            "print(r.urlopen('http://127.0.0.1:9090/api/v1/' + sys.argv[1]).read().decode())"
        )
        inside = ["nsenter", f"--net=/run/netns/{self.router.namespace}", "--"]
        done = subprocess.run(
            [*inside, "python3", "-c", program, path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout)["data"])

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline, what
            time.sleep(0.5)


@contextmanager
def running(router: Router, *argv: str, log: Path) -> Iterator[None]:
    inside = ["nsenter", f"--net=/run/netns/{router.namespace}", "--"]
    with (
        log.open("w") as out,
        subprocess.Popen([*inside, *argv], stdout=out, stderr=out) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def made() -> RouterIntent:
    return region()[0]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("watched")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(CONFIGURATION))
    # nobody waits here for the first of the samples of five minutes
    rules = RULES.read_text()
    assert "interval: 5m" in rules
    (folder / "komando.rules.yml").write_text(rules.replace("interval: 5m", "interval: 1s"))
    with told_router(folder / "root", region()[1], "pr") as router:
        folders = f"--collector.textfile.directory={exporter(router.root)}"
        collectors = [f"--collector.{one}" for one in ("textfile", "timex", "filesystem")]
        with (
            running(
                router,
                *(tool("prometheus-node-exporter"), "--web.listen-address=127.0.0.1:9100"),
                *("--collector.disable-defaults", *collectors, folders),
                log=folder / "exporter.log",
            ),
            running(
                router,
                *(tool("prometheus"), "--web.listen-address=127.0.0.1:9090"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                log=folder / "prometheus.log",
            ),
        ):
            prometheus = Prometheus(router)
            _traffic(router)
            prometheus.until(lambda: _rates(prometheus), (folder / "prometheus.log").read_text())
            yield prometheus


def _rates(prometheus: Prometheus) -> bool:
    """Whether it stands, and has scraped what passed."""
    try:
        _traffic(prometheus.router)
        said = prometheus.ask(
            'komando:site_dropped_packets:ratio_rate5m{slug="sekretariat-daerah"}'
        )
    except AssertionError:
        return False
    return len(said) > 0


def _traffic(router: Router) -> None:
    Probe(router, "inet", "seg0", "10.20.1.1", port=5031, seconds=1, pace=0).lost()
    assert router.komando("hours").code == 0


def test_every_metric_is_there_for_every_office(watched: Prometheus, made: RouterIntent) -> None:
    offices = {(leaf.slug, leaf.kind) for leaf in made.leaves}
    told = samples(watched.router)
    per_site = [name for name in told if name.startswith("komando_site_")]
    assert len(per_site) == 7
    for name in told:
        found = [one["metric"] for one in watched.ask(name)]
        assert len(found) == len(told[name]), name
        assert {one["instance"] for one in found} == {"core-1"}
        if name in per_site:
            assert {(one["slug"], one["kind"]) for one in found} == offices, name
            ways = {one.get("direction") for one in found}
            assert ways == ({None} if name.endswith("_info") else {"down", "up"}), name
    assert watched.ask("node_textfile_scrape_error")[0]["value"][1] == "0"


def test_what_prometheus_holds_is_what_the_host_counted(watched: Prometheus) -> None:
    assert watched.router.komando("hours").code == 0
    office = {"slug": "sekretariat-daerah", "direction": "down"}
    name = "komando_site_sent_bytes_total"
    sent = value(samples(watched.router), name, **office)
    assert sent > 0
    labels = 'slug="sekretariat-daerah",direction="down"'

    def held() -> bool:
        return float(watched.ask(f"{name}{{{labels}}}")[0]["value"][1]) == sent

    watched.until(held, "it holds another number")


def test_each_rule_of_rates_gives_an_answer(watched: Prometheus) -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    for record in [one["record"] for group in groups for one in group["rules"] if "record" in one]:
        assert watched.ask(record), record


def test_each_panel_of_the_dashboard_has_data(watched: Prometheus) -> None:
    _traffic(watched.router)
    empty = [title for title, expression in questions() if not watched.ask(expression)]
    assert empty == []


def test_nobody_is_woken_while_all_is_well(watched: Prometheus) -> None:
    # the clock of a test's router is rehearsed, which is told after half an hour
    quiet = 'ALERTS{alertname!="KomandoClockRehearsed",alertname=~"Komando.*"}'
    about = "interface|disk|clock"
    said = [one["metric"]["alertname"] for one in watched.ask(quiet)]
    machine = {"KomandoDiskNearlyFull", "KomandoTimeNotSynchronised"}
    assert {*said} <= machine, f"but for this machine's own {about}"


def test_a_cable_that_is_pulled_wakes_somebody(watched: Prometheus) -> None:
    def alert(name: str) -> bool:
        return bool(watched.ask(f'ALERTS{{alertname="{name}",interface="wan0"}}'))

    sh("ip link set eth0 down", f"/run/netns/{watched.router.name}-inet")
    try:
        watched.router.komando("hours")
        watched.until(lambda: alert("KomandoUplinkDown"), "no alert of the uplink")
    finally:
        sh("ip link set eth0 up", f"/run/netns/{watched.router.name}-inet")
    assert watched.router.komando("hours").code == 0
    watched.until(lambda: not alert("KomandoUplinkDown"), "the alert stays")
