"""Risk: every alert counts for each user, host and address in it, once an hour, by its score."""

import random

import orjson
import pytest

from router.correlate import Checkpoint, Correlator, chained, decode, matches_for, signal_document
from router.correlate.plan import unusable
from router.correlate.risk import objects
from router.detect import Ruleset
from router.detect.risk import OBJECTS, Risk
from router.errors import ConfigError

RULES = """
title: High
id: 11111111-0000-4000-8000-000000000001
name: high_one
level: high
tags: [attack.execution, attack.t1059]
logsource: {product: acme}
detection: {sel: {kind: high}, condition: sel}
---
title: Own Score
id: 11111111-0000-4000-8000-000000000002
level: low
tags: [attack.impact, attack.stealth]
logweir: {risk: 77}
logsource: {product: acme}
detection: {sel: {kind: own}, condition: sel}
---
title: Only for the Burst
id: 11111111-0000-4000-8000-000000000003
level: critical
logsource: {product: acme}
detection: {sel: {kind: quiet}, condition: sel}
---
title: Burst
id: 11111111-0000-4000-8000-000000000004
level: critical
tags: [attack.credential-access]
correlation: {type: event_count, rules: [11111111-0000-4000-8000-000000000003], group-by: [user.name], timespan: 1m, condition: {gte: 2}}
"""
RISK = """
---
title: Risk
id: 11111111-0000-4000-8000-0000000000ff
level: high
correlation: {type: value_sum, rules: any, group-by: [risk.object.type, risk.object.name], timespan: 24h, condition: {gt: 100, field: risk.score}}
logweir: {risk: {%s}}
"""
NOON = 1_767_268_800.0


def load(tmp_path, text):
    (tmp_path / "r.yml").write_text(text)
    return Ruleset.load([tmp_path / "r.yml"], builtin=False)


def event(kind, user="bob", **more):
    return {"event": {"dataset": "acme.x"}, "kind": kind, "user": {"name": user}, **more}


def run(ruleset, stream, correlator=None):
    """(time, event) pairs -> what fires, chains included."""
    correlator = correlator or Correlator(ruleset.correlations, 60.0)
    fired, offset = [], 0

    def feed(made):
        nonlocal offset
        for _, body, match_id in made:
            new = correlator.feed([(offset, *decode(match_id, body))])
            offset += 1
            fired.extend(new)
            for one in new:
                feed(chained(ruleset.correlations, one))

    for number, (time, doc) in enumerate(stream):
        for rule in ruleset.match(doc):
            feed(matches_for(ruleset.correlations, rule, doc, number.to_bytes(16), time))
    return fired


def sums(fired):
    return [(f.group, f.value) for f in fired if f.correlation.title == "Risk"]


def test_it_is_over_whatever_raises_alerts(tmp_path):
    ruleset = load(tmp_path, RULES + RISK % "")
    risk = next(c for c in ruleset.correlations if c.risk)
    assert set(risk.rules) == {f"11111111-0000-4000-8000-00000000000{n}" for n in (1, 2, 4)}
    assert [r.alerts for r in ruleset.rules] == [True, True, False]
    assert all(c.alerts for c in ruleset.correlations)


def test_scores_come_from_the_level_from_the_rule_and_from_the_correlation(tmp_path):
    ruleset = load(tmp_path, RULES + RISK % "")
    assert sums(run(ruleset, [(NOON, event("high")), (NOON + 1, event("own"))])) == [(("user", "bob"), 127)]
    ruleset = load(tmp_path, RULES + RISK % "scores: {high: 23}")
    assert sums(run(ruleset, [(NOON, event("high")), (NOON + 1, event("own"))])) == []
    ruleset = load(tmp_path, RULES + RISK % "rules: {high_one: 101.5}")
    assert sums(run(ruleset, [(NOON, event("high"))])) == [(("user", "bob"), pytest.approx(101.5))]


def test_some_objects_weigh_more_and_some_are_none(tmp_path):
    ruleset = load(tmp_path, RULES + RISK % "factors: [{type: user, names: [Root], times: 2.5}], ignore: [System]")
    assert sums(run(ruleset, [(NOON, event("high", "ROOT")), (NOON, event("high", "bob")), (NOON, event("own", "SYSTEM"))])) == [
        (("user", "root"), 125)
    ]


def test_a_chain_counts_with_the_object_of_its_group(tmp_path):
    ruleset = load(tmp_path, RULES + RISK % "")
    stream = [(NOON, event("quiet")), (NOON + 1, event("quiet")), (NOON + 2, event("high"))]
    assert sums(run(ruleset, stream)) == [(("user", "bob"), 130)]


def test_once_an_hour_of_the_clock_whatever_the_order(tmp_path):
    ruleset = load(tmp_path, RULES + RISK % "")
    times = [NOON + 60 * minute for minute in (1, 20, 59, 61, 100, 125)]
    for order in (times, times[:1] + times[2:0:-1] + times[3:]):
        assert sums(run(ruleset, [(t, event("high")) for t in order])) == [(("user", "bob"), 150)]


def test_objects_are_told_apart_and_found_everywhere():
    risk = Risk({}, {}, OBJECTS, frozenset(), (), 3600)
    doc = {
        "user": {"name": ["Ann", "ann", "-"], "target": {"name": "root"}},
        "host": {"name": "WS1"},
        "source": {"ip": "192.0.2.1", "user": {"name": "ann"}},
        "destination": {"ip": ["198.51.100.1", "no address", "127.0.0.1"]},
        "client": {"ip": "192.0.2.1"},
    }
    assert objects(risk, doc) == [
        ("user", "ann"),
        ("user", "root"),
        ("host", "ws1"),
        ("address", "192.0.2.1"),
        ("address", "198.51.100.1"),
    ]
    assert objects(risk, {"user": "text", "host": None, "source": []}) == []


def test_another_rule_in_the_set_does_not_start_it_anew_and_other_scores_do(tmp_path):
    before = load(tmp_path, RULES + RISK % "")
    more = RULES.partition("---")[0].replace("0001", "0009").replace("high_one", "x").replace("High", "Other")
    after = load(tmp_path, RULES + RISK % "" + "\n---" + more)
    changed = load(tmp_path, RULES + RISK % "scores: {high: 1}")
    versions = [next(c for c in r.correlations if c.risk).version() for r in (before, after, changed)]
    assert versions[0] == versions[1] != versions[2]
    doc = event("high")
    _, body, match_id = next(iter(matches_for([c for c in before.correlations if c.risk], before.rules[0], doc, bytes(16), NOON)))
    assert unusable(next(c for c in after.correlations if c.risk), decode(match_id, body)[1]) == ""


def test_a_restart_at_any_point_gives_what_an_undisturbed_run_gives(tmp_path):
    ruleset = load(tmp_path, (RULES + RISK % "").replace("24h", "3h"))
    risks = [c for c in ruleset.correlations if c.risk]
    for seed in range(12):
        chance = random.Random(seed)
        records, time = [], NOON
        for number in range(150):
            time += chance.choice((1, 30, 600, 2400))
            doc = event(chance.choice(("high", "own")), chance.choice(("a", "b")))
            at = time - chance.choice((0, 0, 20))
            for rule in ruleset.match(doc):
                records += [decode(i, body) for _, body, i in matches_for(risks, rule, doc, number.to_bytes(16), at)]
        reads = [(offset, *record) for offset, record in enumerate(records)]
        whole = Correlator(risks, 60.0)
        expected = [f.id for read in reads for f in whole.feed([read])]
        assert len(expected) > 2
        cut = chance.randrange(10, len(reads) - 10)
        first = Correlator(risks, 60.0)
        told = [f.id for read in reads[:cut] for f in first.feed([read])]
        checkpoint = Checkpoint.parse(first.checkpoint(cut).text())
        second = Correlator(risks, 60.0, resume=checkpoint, committed=cut)
        told += [f.id for read in reads[checkpoint.needed_from :] for f in second.feed([read])]
        assert told == expected, seed


def test_the_alert_is_about_the_object(tmp_path):
    ruleset = load(tmp_path, RULES + RISK % "")
    fired = run(
        ruleset, [(NOON, event("high", source={"ip": "192.0.2.9"})), (NOON + 1, event("own", "bob", source={"ip": "192.0.2.9"}))]
    )
    by_kind = {f.group[0]: orjson.loads(orjson.dumps(signal_document(f))) for f in fired}
    assert set(by_kind) == {"user", "address"}
    assert by_kind["user"]["user"] == {"name": "bob"}
    assert by_kind["address"]["source"] == {"ip": "192.0.2.9"}
    assert by_kind["address"]["logweir"]["risk"] == {"object": {"type": "address", "name": "192.0.2.9"}, "score": 127}
    assert len(by_kind["user"]["logweir"]["correlation"]["events"]) == 2
    assert [c["name"] for c in by_kind["user"]["logweir"]["correlation"]["credits"]] == ["High", "Own Score"]
    assert by_kind["user"]["rule"]["name"] == "Risk"
    assert by_kind["user"]["logweir"]["correlation"]["rules"] == [f"11111111-0000-4000-8000-00000000000{n}" for n in (1, 2)]


TACTICS = """
---
title: Risk
id: 11111111-0000-4000-8000-0000000000fe
level: high
correlation: {type: value_count, rules: any, group-by: [risk.object.name], timespan: 7d, condition: {gte: 3, field: risk.tactic}}
logweir: {risk: {}, also: {field: risk.rule, gte: 2}}
"""


def test_two_conditions_over_one_window(tmp_path):
    ruleset = load(tmp_path, RULES + TACTICS)
    assert sums(run(ruleset, [(NOON, event("own")), (NOON + 1, event("high"))])) == [(("bob",), 3)]
    wide = load(tmp_path, RULES + TACTICS.replace("gte: 2", "gt: 2"))
    assert sums(run(wide, [(NOON, event("own")), (NOON + 1, event("high"))])) == []
    slow = [(NOON, event("own")), (NOON + 7 * 86_400, event("high"))]
    assert sums(run(ruleset, slow)) == []
    # what has no tactic counts for neither
    untagged = load(tmp_path, RULES.replace("tags: [attack.execution, attack.t1059]\n", "") + TACTICS.replace("gte: 3", "gte: 2"))
    assert sums(run(untagged, [(NOON, event("own")), (NOON + 5, event("high"))])) == []


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("logweir: {risk: {}}", "logweir: {}", "`any` is for correlations of risk"),
        ("risk: {}", "risk: [1]", "`risk` is a mapping"),
        ("risk: {}", "risk: {score: {}}", "did you mean 'scores'?"),
        ("risk: {}", "risk: {scores: {hi: 1}}", "unknown level 'hi'"),
        ("risk: {}", "risk: {scores: {high: x}}", "maps names to numbers"),
        ("risk: {}", "risk: {scores: {high: -1}}", "maps names to numbers"),
        ("risk: {}", "risk: {objects: {}}", "maps kinds to lists"),
        ("risk: {}", "risk: {objects: {user: [1]}}", "list of texts"),
        ("risk: {}", "risk: {factors: [{type: user}]}", "a factor has"),
        ("risk: {}", "risk: {once: soon}", "bad once 'soon'"),
        ("risk: {}", "risk: {}, also: {gte: 4}", "`also` has a `field`"),
        ("risk: {}", "risk: {}, also: {field: x, gte: 4}", "beside a value_count"),
        ("risk: {}", "risk: {}, alse: 1", "unknown key 'alse'"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path, old, new, text):
    good = RULES + RISK % ""
    assert good.count(old) == 1
    with pytest.raises(ConfigError) as error:
        load(tmp_path, good.replace(old, new))
    assert text in str(error.value)
    assert all(p.line > 1 and p.column for p in error.value.problems)
