"""Secrets in files are renewed while the router runs, as Kubernetes does it: the next request carries the new one."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.config import load
from router.demo.standins import ElasticsearchStandIn, SplunkHecStandIn
from router.errors import Misconfigured
from router.protocols import Outcome, Sink
from router.topology import sink_of
from tests.contract.sink import CANARY, opened, records

OLD, NEW = f"old-{CANARY}", f"new-{CANARY}"


class Mounted:
    """A secret as Kubernetes mounts it: the file is a link into a folder, itself behind a link that is turned."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._turns = folder, 0
        self.turn(OLD)
        (folder / "secret").symlink_to(Path("..data", "secret"))

    def turn(self, content: str) -> None:
        self._turns += 1
        version = self._folder / f"..{self._turns}"
        version.mkdir()
        (version / "secret").write_text(f"{content}\n")
        (self._folder / "..new").symlink_to(version.name)
        (self._folder / "..new").rename(self._folder / "..data")


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path)


def configured(folder: Path, kind: str, url: str, **settings: str) -> Sink:
    """A sink out of a configuration file."""
    lines = [f"log: {{path: {folder}/log.db}}", "sinks:", f"  soc: {{kind: {kind}, urls: ['{url}']"]
    lines[-1] += "".join(f", {name}: '{value}'" for name, value in settings.items()) + "}"
    (folder / "logweir.yaml").write_text("\n".join(lines))
    return sink_of(load(folder / "logweir.yaml"), "soc")


def basic(password: str) -> str:
    return f"Basic {base64.b64encode(f'router:{password}'.encode()).decode()}"


def demand(end: Any, secret: str, form: Callable[[str], str]) -> None:
    """The far end knows only this secret from now on."""
    if isinstance(end, SplunkHecStandIn):
        end._token = secret
    else:
        end._authorization = form(secret)


_KINDS = {
    "token": (lambda: SplunkHecStandIn(OLD), "splunk_hec", {"token": "${file:secret}"}, str),
    "token with acknowledgement": (
        lambda: SplunkHecStandIn(OLD, ack=True),
        "splunk_hec",
        {"token": "${file:secret}", "ack": "true", "ack_poll_seconds": "0.01"},
        str,
    ),
    "password": (ElasticsearchStandIn, "elasticsearch", {"username": "router", "password": "${file:secret}"}, basic),
    "api_key": (ElasticsearchStandIn, "elasticsearch", {"api_key": "${file:secret}"}, "ApiKey {}".format),
}


@pytest.mark.parametrize(("make", "kind", "settings", "form"), _KINDS.values(), ids=_KINDS.keys())
async def test_the_next_request_carries_the_new_secret(
    tmp_path: Path, mounted: Mounted, make: Any, kind: str, settings: dict[str, str], form: Callable[[str], str]
) -> None:
    async with make() as end, opened(configured(tmp_path, kind, end.url, **settings)) as sink:
        demand(end, OLD, form)
        await sink.write(records(2))
        demand(end, NEW, form)
        with pytest.raises(Misconfigured):
            await sink.write(records(2))
        mounted.turn(NEW)
        assert list((await sink.write(records(2))).outcomes) == [Outcome.DELIVERED] * 2


@pytest.mark.parametrize("content", ["", "two\nlines", "bell\a"])
async def test_a_file_that_holds_no_secret_keeps_the_old_one(tmp_path: Path, mounted: Mounted, content: str) -> None:
    async with SplunkHecStandIn(OLD) as end, opened(configured(tmp_path, "splunk_hec", end.url, token="${file:secret}")) as sink:
        mounted.turn(content)
        await sink.write(records(1))
        (tmp_path / "secret").unlink()
        await sink.write(records(1))
    assert end.received == 2


def test_a_renewed_secret_shows_in_no_text(tmp_path: Path, mounted: Mounted) -> None:
    configured(tmp_path, "splunk_hec", "http://127.0.0.1:1", token="${file:secret}")
    settings = load(tmp_path / "logweir.yaml")
    mounted.turn(NEW)
    token = settings.sinks["soc"].token  # type: ignore[attr-defined]  # of this kind of sink
    assert token.get_secret_value() == NEW
    assert CANARY not in f"{settings!r} {token} {token!r}"
