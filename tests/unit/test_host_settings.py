"""Kernel settings that a bundle may touch."""

from __future__ import annotations

import pytest

from komando.host.errors import HostError
from komando.host.settings import parse_settings


def test_settings_stay_below_net() -> None:
    text = "# router\nnet.ipv4.ip_forward = 1\nnet.ipv4.conf.lan0/100.rp_filter=2\n"
    assert parse_settings(text) == {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.lan0/100.rp_filter": "2",
    }


@pytest.mark.parametrize(
    "line",
    [
        "kernel.core_pattern = |/tmp/x",
        "kernel.modprobe = /tmp/x",
        "net/../kernel/modprobe = x",
        "net.ipv4/../../kernel/modprobe = x",
        "net.ipv4.x = $(id)",
        "-net.ipv4.ip_forward = 1",
        "net.ipv4.ip_forward",
    ],
)
def test_a_setting_that_could_run_a_program_is_refused(line: str) -> None:
    with pytest.raises(HostError, match=r"90-komando\.conf:1: no setting below net"):
        parse_settings(line + "\n")
