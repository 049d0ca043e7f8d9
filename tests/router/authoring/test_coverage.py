"""Which log sources are fed, which rules can fire, and the layer for the ATT&CK Navigator."""

import json
import tarfile
from pathlib import Path

import pytest

from router.authoring.coverage import coverage, layer
from router.authoring.lint import lint
from router.authoring.reach import reach
from router.authoring.supply import Supply
from router.detect import Ruleset
from router.detect.sources import generic_category, leading_to
from router.detect.views import Logsource
from router.normalize import Catalogue
from tests.router.cli.process import logweir
from tests.router.detect.rules import read, titled

ARCHIVE = Path(__file__).parents[4] / "shared/data/sigma/rules/sigma-rules.tar.gz"
WINDOWS = "{product: windows, category: process_creation}"
UNFED = "{product: opencanary, category: application}"


def verdict(detection, supply, logsource=WINDOWS):
    return reach(read(titled("T", logsource, detection)), supply).verdict


def test_a_rule_over_provided_fields_can_fire(supply):
    assert verdict("{Image|endswith: x, CommandLine|contains: y}", supply) == "can fire"


def test_a_field_that_a_sender_may_write_is_not_shown(supply):
    assert verdict("{Image|endswith: x, MadeUpByNobody: y}", supply) == "not shown"
    assert verdict("[{Image|endswith: x}, {MadeUpByNobody: y}]", supply) == "can fire"


WEB = "{category: webserver, service: nginx}"


def test_a_field_that_nobody_provides_makes_a_rule_that_never_fires(supply):
    assert verdict("{nobody-has-this: y}", supply, WEB) in ("never", "not shown")
    ecs = read(titled("T", "{product: logweir, service: nginx.access}", "{nobody.has.this: y}"))
    found = reach(ecs, supply)
    assert (found.verdict, found.missing) == ("never", ("nobody.has.this",))


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        ("{url.path: a, nobody.has.this: b}", "never"),
        ("[{url.path: a}, {nobody.has.this: b}]", "can fire"),
        ("{url.path: a, nobody.has.this: null}", "can fire"),
        ("{url.path: a, 'nobody.has.this|exists': false}", "can fire"),
        ("{url.path: a, 'nobody.has.this|exists': true}", "never"),
        ("{url.path: a, 'nobody.has.this|neq': x}", "can fire"),
        ("{'url.path|fieldref': nobody.has.this}", "never"),
    ],
)
def test_what_an_absent_field_makes_of_a_condition(supply, detection, expected):
    assert verdict(detection, supply, "{product: logweir, service: nginx.access}") == expected


def test_a_log_source_that_nobody_feeds_is_named_so(supply):
    assert verdict("{a: b}", supply, UNFED) == "no source"
    assert supply.feeds(Logsource("windows", "process_creation", None))[0].normalizer == "windows"
    assert {f.normalizer for f in supply.feeds(Logsource(None, "webserver", None))} >= {"nginx.access", "apache.access"}


def test_given_events_count_as_provided():
    known = Supply(Catalogue.load(()))
    source = Logsource("opencanary", "application", None)
    assert known.feeds(source) == []
    event = {"event": {"dataset": "oc"}, "logweir": {"logsource": {"product": "opencanary", "category": "application"}}}
    known.learn([{**event, "logtype": 3}])
    assert [f.normalizer for f in known.feeds(source)] == ["oc"]
    assert known.field(source, "sigma", "logtype").state == "seen"
    assert known.field(source, "sigma", "other").state == "nobody"


def test_routes_are_told_the_other_way_round():
    ways = leading_to(Logsource("windows", "process_creation", None))
    assert {(w.channel, w.condition) for w in ways} >= {
        ("Security", "event id 4688"),
        ("Microsoft-Windows-Sysmon/Operational", "event id 1"),
    }
    assert generic_category("sysmon", "1") == "process_creation"
    assert generic_category("sysmon", "13") == ""
    assert generic_category("system", "1") == ""


def test_lint_says_on_request_which_rules_never_fire(tmp_path, supply):
    (tmp_path / "a.yml").write_text(titled("T", "{product: logweir, service: nginx.access}", "{nobody.has.this: y}"))
    (tmp_path / "b.yml").write_text(titled("U", UNFED, "{a: y}"))
    checks = {f.check for f in lint([tmp_path], builtin=False, supply=supply)}
    assert {"never-fires", "no-source"} <= checks
    assert not {"never-fires", "no-source"} & {f.check for f in lint([tmp_path], builtin=False)}


TAGGED = [
    titled("One", WINDOWS, "{Image: a}", "tags: [attack.execution, attack.t1059.001, attack.t1059]"),
    titled("Two", WINDOWS, "{Image: b}", "tags: [attack.execution, attack.T1059.001]"),
    titled("Dead", UNFED, "{a: b}", "tags: [attack.impact, attack.t1486]"),
]


def test_techniques_are_those_of_rules_that_can_fire(supply):
    covered = coverage(Ruleset([read(text) for text in TAGGED]), supply)
    assert {name: [r.title for r in listed] for name, listed in covered.techniques().items()} == {
        "T1059": ["One"],
        "T1059.001": ["One", "Two"],
    }
    assert covered.tactics() == {"execution": 2}
    assert covered.verdicts() == {"can fire": 2, "no source": 1}
    assert [(str(s.source), s.rules, bool(s.normalizers)) for s in covered.sources] == [
        ("windows/process_creation/*", 2, True),
        ("opencanary/application/*", 1, False),
    ]


REQUIRED = {"name": str, "domain": str}
OPTIONAL = {
    "versions": dict, "description": str, "customDataURL": str, "filters": dict, "sorting": int, "layout": dict, "hideDisabled": bool,
    "techniques": list, "gradient": dict, "legendItems": list, "showTacticRowBackground": bool, "tacticRowBackground": str,
    "selectTechniquesAcrossTactics": bool, "selectSubtechniquesWithParent": bool, "selectVisibleTechniques": bool, "metadata": list, "links": list,
}  # fmt: skip
TECHNIQUE = {
    "tactic": str,
    "comment": str,
    "enabled": bool,
    "score": (int, float),
    "color": str,
    "metadata": list,
    "links": list,
    "showSubtechniques": bool,
}
LAYOUT = {
    "layout": str,
    "showID": bool,
    "showName": bool,
    "showAggregateScores": bool,
    "countUnscored": bool,
    "aggregateFunction": str,
    "expandedSubtechniques": str,
}


def shaped(value, required, optional=None):
    """Every required key, no key but those, each of its type (layer file format 4.5)."""
    allowed = {**required, **(optional or {})}
    assert set(required) <= set(value) <= set(allowed), value
    for key, item in value.items():
        assert isinstance(item, allowed[key]), (key, item)
        assert not (isinstance(item, bool) and allowed[key] is int)


def is_layer(value):
    import re

    shaped(value, REQUIRED, OPTIONAL)
    assert value["domain"] in ("enterprise-attack", "mobile-attack", "ics-attack")
    shaped(value["versions"], {"navigator": str, "layer": str}, {"attack": str})
    assert value["versions"]["layer"] == "4.5"
    assert tuple(map(int, value["versions"]["navigator"].split("."))) >= (4, 9, 0)
    assert value["sorting"] in (0, 1, 2, 3)
    shaped(value["layout"], {}, LAYOUT)
    assert value["layout"]["layout"] in ("side", "flat", "mini")
    assert value["layout"]["expandedSubtechniques"] in ("none", "all", "annotated")
    shaped(value["gradient"], {"colors": list, "minValue": (int, float), "maxValue": (int, float)})
    assert value["gradient"]["maxValue"] > value["gradient"]["minValue"]
    assert len(value["gradient"]["colors"]) >= 2
    for item in value["legendItems"]:
        shaped(item, {"label": str, "color": str})
    for technique in value["techniques"]:
        shaped(technique, {"techniqueID": str}, TECHNIQUE)
        assert re.fullmatch(r"T\d{4}(\.\d{3})?", technique["techniqueID"])
    ids = [(t["techniqueID"], t.get("tactic")) for t in value["techniques"]]
    assert len(ids) == len(set(ids))


def test_the_layer_is_of_format_4_5(supply):
    covered = coverage(Ruleset([read(text) for text in TAGGED]), supply)
    made = layer(covered, "mine", "d")
    is_layer(made)
    assert {t["techniqueID"]: (t["score"], t.get("showSubtechniques")) for t in made["techniques"]} == {
        "T1059": (1, True),
        "T1059.001": (2, None),
    }
    assert made["techniques"][1]["comment"] == "One\nTwo"
    is_layer(layer(coverage(Ruleset([]), supply), "none"))


def test_the_command_says_it_and_writes_the_layer(tmp_path):
    (tmp_path / "tagged.yml").write_text("---\n".join(TAGGED))
    done = logweir("rules", "coverage", tmp_path, "--navigator", tmp_path / "l.json", "--details")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert "2 log sources, 1 fed, 1 that no source feeds yet" in text
    assert "3 rules: 2 can fire, 1 no source" in text
    assert "no source feeds this yet" in text
    assert "Dead" in text
    is_layer(json.loads((tmp_path / "l.json").read_text()))
    answer = json.loads(logweir("rules", "coverage", tmp_path, "--json").stdout)
    assert answer["verdicts"] == {"can fire": 2, "no source": 1}
    assert answer["logsources"][0]["fields"] == {"Image": "mapped"}


@pytest.mark.skipif(not ARCHIVE.exists(), reason=f"the rule corpus is not at {ARCHIVE}")
def test_every_log_source_of_the_public_corpus_is_fed_or_listed(tmp_path, supply):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    ruleset = Ruleset.load([tmp_path], builtin=False, strict=False)
    covered = coverage(ruleset, supply)
    assert len(covered.sources) == 138
    assert {s.source for s in covered.sources} == {rule.logsource for rule in ruleset.rules}
    unfed = [s for s in covered.sources if not s.normalizers]
    print(f"{len(covered.sources) - len(unfed)} fed; not: {', '.join(str(s.source) for s in unfed)}")
    assert len(unfed) <= 25
    assert covered.refused == {"placeholder": 2}
    assert sum(covered.verdicts().values()) == len(ruleset.rules)
    is_layer(layer(covered, "corpus"))
