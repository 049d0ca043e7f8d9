"""Listeners that cannot all be had are found before anything starts."""

from pathlib import Path

import pytest

from router.config import inspect


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "logweir.yaml"
    path.write_text(text + "\n")
    return [str(p) for p in inspect(path, {})[1]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("udp: '0.0.0.0:5514'", "udp: '0.0.0.0:5514'"),
        ("tcp: ':5514'", "tcp: '[::]:5514'"),
        ("tcp: '0.0.0.0:5514'", "tcp: '127.0.0.1:5514'"),
        ("udp: '10.1.2.3:514'", "udp: ':514'"),
        ("tcp: '[::1]:5514'", "tcp: '[::]:5514'"),
        ("tcp: '127.0.0.1:5514'", "tcp: '[::]:5514'"),
        ("tcp: '[::1]:5514'", "tls: {listen: '[::1]:5514', cert_file: c, key_file: k}"),
    ],
)
def test_two_sources_cannot_have_one_port(tmp_path: Path, one: str, other: str) -> None:
    [problem] = problems(tmp_path, f"sources: {{a: {{kind: syslog, {one}}}, b: {{kind: syslog, {other}}}}}")
    assert "is taken by sources.a." in problem
    assert "choose another port" in problem


def test_a_source_cannot_have_the_admin_port(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, "admin: {listen: ':9600'}\nsources: {a: {kind: syslog, tcp: '0.0.0.0:9600'}}")
    assert "is taken by admin.listen" in problem


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("udp: '0.0.0.0:5514'", "tcp: '0.0.0.0:5514'"),
        ("tcp: '127.0.0.1:5514'", "tcp: '[::1]:5514'"),
        ("tcp: '0.0.0.0:5514'", "tcp: '[::1]:5514'"),
        ("tcp: '127.0.0.1:5514'", "tcp: '127.0.0.2:5514'"),
        ("tcp: '127.0.0.1:0'", "tcp: '127.0.0.1:0'"),
    ],
)
def test_other_transports_hosts_and_free_ports_do_not_clash(tmp_path: Path, one: str, other: str) -> None:
    assert not problems(tmp_path, f"sources: {{a: {{kind: syslog, {one}}}, b: {{kind: syslog, {other}}}}}")


def test_workers_need_fixed_ports(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, "workers: 2\nsources: {a: {kind: syslog, tcp: '127.0.0.1:0'}}")
    assert "give a fixed port" in problem
