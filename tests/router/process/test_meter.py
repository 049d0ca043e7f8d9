"""What running rules do is on /metrics, and `rules stats` says it."""

import json
import time
from pathlib import Path

import orjson
from prometheus_client import generate_latest

from router.authoring.stats import silent, stats
from router.batch import Facts, Record
from router.cli.rulestats import _lines
from router.detect import Ruleset
from router.detect.presence import Presence
from router.process.meter import Meter
from router.telemetry import REGISTRY
from tests.router.cli.process import logweir
from tests.router.detect.rules import read, titled

LOGSOURCE = "{product: acme, service: metered}"
RULES = [
    titled("Seen", LOGSOURCE, "{kind: bad}", "id: 22222222-0000-4000-8000-000000000001"),
    titled("Starved", LOGSOURCE, "{kind: bad, never_there: x}", "id: 22222222-0000-4000-8000-000000000002"),
    titled("Elsewhere", "{product: acme, service: nobody}", "{kind: bad}", "id: 22222222-0000-4000-8000-000000000003"),
]


def event(kind="bad", **more):
    return {"event": {"dataset": "acme.metered"}, "kind": kind, **more}


def record(document):
    return Record(bytes(16), orjson.dumps(document), 0.0, Facts("s", dataset="acme.metered"))


def value(name, **labels):
    return REGISTRY.get_sample_value(f"logweir_{name}", labels)


def metered(*texts: str) -> tuple[Ruleset, Meter]:
    ruleset = Ruleset([read(text) for text in texts])
    return ruleset, Meter(ruleset, ruleset._engine)


def test_presence_strikes_out_what_an_event_has():
    presence = Presence([read(text) for text in RULES])
    assert presence.unseen() == {}
    presence.look(event())
    assert {str(s): f for s, f in presence.unseen().items()} == {"acme/*/metered": ["never_there"]}
    presence.look(event(never_there=None))
    assert {str(s): f for s, f in presence.unseen().items()} == {"acme/*/metered": []}


def test_fields_that_are_to_be_absent_are_not_missed():
    rule = read(titled("T", LOGSOURCE, "{kind: bad, 'a|exists': false, b: null}"))
    presence = Presence([rule])
    presence.look(event())
    assert list(presence.unseen().values()) == [[]]


def test_last_match_refusals_and_unseen_fields_are_metrics():
    before = time.time()
    _, meter = metered(*RULES)
    meter.batch([("22222222-0000-4000-8000-000000000001", "medium")], [record(event())])
    assert value("detect_rules") == 3
    assert value("detect_refused_rules", reason="placeholder") == 0
    assert value("detect_last_match_timestamp_seconds", rule="22222222-0000-4000-8000-000000000001") >= before
    assert value("detect_field_unseen", logsource="acme/*/metered", field="never_there") == 1
    assert value("detect_sampled_events", logsource="acme/*/metered") == 1
    meter._at = 0.0
    meter.batch([], [record(event(never_there="y"))])
    assert value("detect_field_unseen", logsource="acme/*/metered", field="never_there") == 0


def test_one_event_of_each_dataset_is_looked_at_in_a_batch():
    _, meter = metered(*RULES)
    many = [record(event()) for _ in range(500)]
    other = Record(bytes(16), orjson.dumps({"event": {"dataset": "other"}}), 0.0, Facts("s", dataset="other"))
    assert len(list(meter._chosen([*many, other]))) == 2
    assert list(meter._chosen([])) == []


def test_costs_are_those_of_the_engine_that_judges():
    ruleset, _ = metered(*RULES)
    assert ruleset._engine.costs() == (0, 0, 0)
    for number in range(20):
        ruleset.match(event(f"k{number}"))
    values, verdicts, _ = ruleset._engine.costs()
    assert values >= 20
    assert 1 <= verdicts <= 20


def test_a_rule_tells_how_often_it_was_worked_out():
    ruleset, meter = metered(*RULES)
    for number in range(5):
        ruleset.match(event(f"k{number}"))
    seen = "22222222-0000-4000-8000-000000000001"
    assert value("detect_rule_candidates_total", rule=seen) is None  # `kind` was never `bad`
    ruleset.match(event())
    meter._at = 0.0
    meter.batch([], [])
    assert value("detect_rule_candidates_total", rule=seen) == 1
    found = stats(generate_latest(REGISTRY).decode(), ruleset.rules)
    by_title = {r.title: r.candidates for r in found.rules}
    assert (by_title["Seen"], by_title["Elsewhere"]) == (1, 0)
    assert 0 <= found.costs()["value_hit_rate"] <= 1


def test_stats_are_read_from_the_metrics():
    ruleset, meter = metered(*RULES)
    meter.batch([("22222222-0000-4000-8000-000000000001", "medium")], [record(event())])
    found = stats(generate_latest(REGISTRY).decode(), ruleset.rules)
    by_title = {r.title: r for r in found.rules}
    assert by_title["Seen"].last_match is not None
    assert by_title["Starved"].unseen == ["never_there"]
    assert by_title["Elsewhere"].unseen == []
    assert found.in_force == 3
    assert "Starved" in [r.title for r in silent(found)]
    assert "Elsewhere" not in [r.title for r in silent(found)]


def test_stats_tell_what_correlations_did_not_count():
    text = """# TYPE logweir_correlate_not_counted_total counter
logweir_correlate_not_counted_total{rule="c",reason="late"} 2.0
logweir_correlate_not_counted_total{rule="c",reason="group_field_missing"} 40.0
logweir_correlate_not_counted_total{rule="d",reason="late"} 0.0
"""
    found = stats(text)
    assert [(r.id, r.not_counted) for r in found.rules] == [("c", {"late": 2, "group_field_missing": 40})]
    told = list(_lines(found, 30, 0.0))
    assert "  c: 40 group_field_missing, 2 late" in told[told.index("matches that correlations did not count, by reason:") :]


def test_no_router_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    done = logweir("rules", "stats", "--url", "http://127.0.0.1:1/metrics", folder=tmp_path)
    assert done.returncode == 1
    assert b"no router answers" in done.stderr
    assert logweir("rules", "stats", folder=tmp_path).returncode == 2


async def test_the_command_asks_a_running_router(tmp_path: Path) -> None:
    import asyncio

    _, meter = metered(*RULES)
    meter.batch([("22222222-0000-4000-8000-000000000001", "medium")], [record(event())])
    body = generate_latest(REGISTRY)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/r.yml").write_text("---\n".join(RULES))
    text = f"log: {{kind: embedded, path: log.db}}\nadmin: {{listen: '127.0.0.1:{port}'}}\nrules: {{detect: [rules]}}\nsinks: {{all: {{kind: file, path: all.ndjson}}}}\n"
    (tmp_path / "logweir.yaml").write_text(text)
    done = await asyncio.to_thread(logweir, "rules", "stats", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"3 rules in force" in done.stdout
    assert b"Starved: never_there in none of" in done.stdout
    answered = json.loads((await asyncio.to_thread(logweir, "rules", "stats", "--json", folder=tmp_path)).stdout)
    assert any(r["title"] == "Starved" and r["unseen"] == ["never_there"] for r in answered["rules"])
    server.close()
