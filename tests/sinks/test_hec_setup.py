"""`logweir setup` for Splunk, by splunk-sdk against a stand-in of the management port."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from router.registry import Reference, Step
from sinks._hec_settings import SplunkHecSettings
from sinks._hec_setup import setup
from tests.contract.sink import CANARY
from tests.peers.splunk_management import SplunkManagement
from tests.sinks.test_splunk_hec import TOKEN, End

ADMIN = f"admin-{CANARY}"


@pytest.fixture
def splunk() -> Iterator[SplunkManagement]:
    with SplunkManagement(ADMIN).running() as management:
        yield management


@pytest.fixture
async def collector() -> AsyncIterator[End]:
    async with End(TOKEN) as end:
        yield end


def settings(splunk: SplunkManagement | None, collector: End, **options: Any) -> SplunkHecSettings:
    management = {"url": splunk.url, "token": Reference(ADMIN)} | options.pop("management", {}) if splunk else None
    routes = ({"datasets": ("acme.*",), "index": "firewall"}, {"index": "main"})
    block = {"kind": "splunk_hec", "urls": (collector.url,), "token": Reference(TOKEN), "routes": routes}
    return SplunkHecSettings.model_validate(block | {"management": management} | options)


def told(steps: Any) -> list[tuple[str, str]]:
    assert CANARY not in repr(steps)
    return [(step.state, step.text.partition(" http")[0]) for step in steps]


async def test_setup_says_then_does_then_finds_it_done(splunk: SplunkManagement, collector: End) -> None:
    wanted = settings(splunk, collector)
    would = told(await setup("siem", wanted, False))
    assert would[:3] == [("would", "create index firewall"), ("ok", "index main is there"), ("would", "create HEC token logweir")]
    assert splunk.writes == []
    assert [state for state, _ in told(await setup("siem", wanted, True))] == ["done", "ok", "done", "ok"]
    assert [path for path, _ in splunk.writes] == ["data/indexes/firewall", "data/inputs/http/logweir"]
    assert splunk.writes[1][1] | {"token": ""} == {
        **{"token": "", "useACK": "0", "disabled": "0", "indexes": "firewall,main", "index": "firewall"}
    }
    assert {state for state, _ in told(await setup("siem", wanted, True))} == {"ok"}
    assert len(splunk.writes) == 2


async def test_a_token_that_differs_is_changed(splunk: SplunkManagement, collector: End) -> None:
    splunk.collections["data/inputs/http"]["http://logweir"] = {"disabled": "1", "useACK": "0", "indexes": "main"}
    splunk.collections["data/indexes"]["firewall"] = {}
    steps = told(await setup("siem", settings(splunk, collector), False))
    assert ("would", "change HEC token logweir: allow firewall; enable it") in steps


@pytest.mark.parametrize(("path", "capability"), [("data/indexes", "indexes_edit"), ("data/inputs/http", "edit_token_http")])
async def test_a_missing_right_is_named(splunk: SplunkManagement, collector: End, path: str, capability: str) -> None:
    splunk.denied.add(path)
    failed = [step for step in await setup("siem", settings(splunk, collector), True) if step.state == "failed"]
    assert [capability in step.remedy for step in failed] == [True]


async def test_a_login_that_is_refused_is_told(splunk: SplunkManagement, collector: End) -> None:
    steps = await setup("siem", settings(splunk, collector, management={"token": Reference("wrong")}), True)
    assert steps[0].state == "failed"
    assert "management.token" in next(step.remedy for step in steps if "login" in step.text)
    assert splunk.writes == []


async def test_a_port_where_something_else_answers_is_told(
    splunk: SplunkManagement, collector: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splunk, "answer", lambda *_: (200, "<!doctype html><p>Splunk Web"))
    steps = await setup("siem", settings(splunk, collector), True)
    assert steps[0].state == "failed"
    assert "8089" in steps[0].remedy


async def test_a_management_port_that_is_down_is_told(splunk: SplunkManagement, collector: End) -> None:
    steps = await setup("siem", settings(splunk, collector, management={"url": "http://127.0.0.1:9"}), True)
    assert steps[0].state == "failed"
    assert "management.url" in steps[0].remedy


async def test_without_management_only_the_collector_is_asked(collector: End) -> None:
    steps = await setup("siem", settings(None, collector), True)
    assert [step.state for step in steps] == ["ok", "ok"]


async def test_a_token_that_the_collector_does_not_know_is_told(collector: End) -> None:
    steps = await setup("siem", settings(None, collector, token=Reference("other")), True)
    assert steps[-1].state == "failed"
    assert "token" in steps[-1].remedy


async def test_a_collector_that_is_down_is_told(collector: End) -> None:
    steps = await setup("siem", settings(None, collector, urls=("http://127.0.0.1:9",)), True)
    assert isinstance(steps[-1], Step)
    assert steps[-1].state == "failed"
