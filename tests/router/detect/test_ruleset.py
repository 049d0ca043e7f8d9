"""Loading, linking and matching of whole rule sets."""

import pytest

from router.authoring.lookup import found
from router.detect import Ruleset
from router.detect.ir import atoms
from router.errors import ConfigError
from tests.router.detect.rules import read, ruleset, titled

WINDOWS = "{product: windows, category: process_creation}"
RULE = """title: {title}
id: {id}
name: {name}
logsource: {logsource}
detection:
  sel: {{a: x}}
  condition: sel
"""
FILTER = """title: Not for y
logsource: {logsource}
filter:
  rules: {rules}
  known: {{b: y}}
  condition: {condition}
"""
CORRELATION = """title: Many
id: {id}
correlation:
  type: event_count
  rules: {rules}
  group-by: [u]
  timespan: 5m
  condition: {{gte: 2}}
{more}
"""
EVENT = {"logweir": {"logsource": {"product": "acme"}}, "a": "x"}


def a_rule(name="one", logsource="{product: acme}", **more):
    return RULE.format(title=name, id=more.get("id", f"id-{name}"), name=name, logsource=logsource)


def load(tmp_path, *texts, **settings):
    for i, text in enumerate(texts):
        (tmp_path / f"r{i}.yml").write_text(text)
    return Ruleset.load([tmp_path], builtin=False, **settings)


def refusals(tmp_path, *texts):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, *texts)
    return [str(p).removeprefix(f"{tmp_path}/") for p in caught.value.problems]


def test_a_rule_matches_only_events_of_its_log_source():
    rules = ruleset(titled("p", WINDOWS, "{Image|endswith: cmd.exe}"))
    data = {"event_data": {"Image": "c:\\cmd.exe"}}
    assert rules.match({"winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "1", **data}})
    assert not rules.match({"winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "5", **data}})
    assert not rules.match({"winlog": {"channel": "Application", "event_id": "1", **data}})


def test_several_documents_and_files_are_one_rule_set(tmp_path):
    loaded = load(tmp_path, a_rule("one") + "---\n" + a_rule("two"), a_rule("three"))
    assert [r.title for r in loaded.rules] == ["one", "two", "three"]
    assert [(r.file.rsplit("/", 1)[1], r.line) for r in loaded.rules] == [("r0.yml", 1), ("r0.yml", 9), ("r1.yml", 1)]


def test_every_problem_is_reported_at_once_with_its_place(tmp_path):
    bad = a_rule("two").replace("a: x", "a|foo: x")
    assert [p.split(": ")[0] for p in refusals(tmp_path, bad, "title: [\n", "title: t\n", "- 1\n")] == [
        "r0.yml:6:9",
        "r1.yml:2:1",
        "r2.yml:1:1",
        "r3.yml:1:1",
    ]


def test_not_strict_keeps_what_is_exact(tmp_path):
    loaded = load(tmp_path, a_rule("one"), a_rule("two").replace("condition: sel", "condition: none"), strict=False)
    assert [r.title for r in loaded.rules] == ["one"]
    assert len(loaded.refused) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("title: one", "title:"), "a `title` is needed"),
        (("logsource: {product: acme}", "status: test"), "a `logsource` is needed"),
        (("{product: acme}", "{definition: x}"), "names a product, a category or a service"),
        (("{product: acme}", "{product: 5}"), "must be text"),
        (("name: one", "level: hihg"), "did you mean 'high'"),
        (("name: one", "status: old"), "unknown status"),
        (("name: one", "taxonomy: splunk"), "taxonomy 'splunk' has no mapping"),
        (("name: one", "tags: [{a: b}]"), "list of texts"),
        (("name: one", "action: global"), "left the language"),
        (("id: id-one", "id: [a]"), "`id` must be text"),
    ],
)
def test_a_bad_rule_is_refused(tmp_path, change, reason):
    assert reason in refusals(tmp_path, a_rule().replace(*change))[0]


def test_an_id_that_stands_twice_is_refused(tmp_path):
    assert "id 'same' is taken by" in refusals(tmp_path, a_rule("one", id="same"), a_rule("two", id="same"))[0]


def test_a_file_that_is_named_twice_is_read_once(tmp_path):
    file = tmp_path / "rules" / "one.yml"
    file.parent.mkdir()
    file.write_text(a_rule())
    paths = [file.parent, file, file.parent / ".." / "rules"]
    assert [rule.name for rule in Ruleset.load(paths, builtin=False).rules] == ["one"]
    assert [rule.name for rule in found(str(file), [file.parent])[1]] == ["one"]


def test_a_rule_without_an_id_gets_one_from_its_content(tmp_path):
    text = a_rule().replace("id: id-one\n", "")
    first = load(tmp_path, text).rules[0].id
    assert first == load(tmp_path, text).rules[0].id
    assert first != load(tmp_path, text.replace("a: x", "a: y")).rules[0].id


def test_what_is_disabled_by_id_or_name_is_not_loaded(tmp_path):
    texts = [a_rule("one"), a_rule("two"), a_rule("three")]
    assert [r.title for r in load(tmp_path, *texts, disable=["id-one", "two"]).rules] == ["three"]


def test_a_placeholder_takes_its_values_from_the_configuration(tmp_path):
    text = a_rule().replace("a: x", "a|expand: '%names%'")
    assert load(tmp_path, text, placeholders={"names": ("x", "y")}).match(EVENT)
    assert "no value" in refusals(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("rules", "condition", "logsource", "matches"),
    [
        ("[id-one]", "not known", "{product: acme}", False),
        ("[one]", "not known", "{product: acme}", False),
        ("one", "not known", "{product: acme}", False),
        ("any", "not known", "{product: acme}", False),
        ("[]", "not known", "{product: acme}", False),
        ("any", "not known", "{product: other}", True),
        ("any", "not known", "{product: acme, service: s}", True),
        ("any", "not 1 of known*", "{product: acme}", False),
        ("any", "known", "{product: acme}", True),
    ],
)
def test_a_filter_is_anded_within_its_log_source(tmp_path, rules, condition, logsource, matches):
    loaded = load(tmp_path, a_rule(), FILTER.format(rules=rules, condition=condition, logsource=logsource))
    assert bool(loaded.match({**EVENT, "b": "y"})) is matches


def test_a_filter_without_not_is_pointed_out(tmp_path):
    loaded = load(tmp_path, a_rule(), FILTER.format(rules="any", condition="known", logsource="{product: acme}"))
    assert any("without `not`" in p.text for p in loaded.lints)
    assert not loaded.match(EVENT)


def test_a_filter_leaves_rules_that_it_does_not_name(tmp_path):
    filter_ = FILTER.format(rules="[one]", condition="not known", logsource="{product: acme}")
    assert [r.title for r in load(tmp_path, a_rule("one"), a_rule("two"), filter_).match({**EVENT, "b": "y"})] == ["two"]


def test_a_filter_of_an_unknown_rule_is_refused(tmp_path):
    filter_ = FILTER.format(rules="[nobody]", condition="not known", logsource="{product: acme}")
    assert refusals(tmp_path, a_rule(), filter_)[0].startswith("r1.yml:4:3: no rule 'nobody'")


def test_a_filter_needs_rules(tmp_path):
    filter_ = FILTER.format(rules="x", condition="not known", logsource="{product: acme}").replace("  rules: x\n", "")
    assert "a filter needs `rules`" in refusals(tmp_path, a_rule(), filter_)[0]


def correlation(rules="[one]", more="", id="c"):
    return CORRELATION.format(rules=rules, more=more, id=id)


def test_rules_of_a_correlation_raise_nothing_of_their_own(tmp_path):
    loaded = load(tmp_path, a_rule("one"), a_rule("two"), correlation())
    assert [r.alerts for r in loaded.rules] == [False, True]
    assert loaded.correlations[0].rules == ("id-one",)
    assert loaded.correlations[0].timespan_seconds == 300


def test_generate_anywhere_lets_a_rule_alert(tmp_path):
    loaded = load(tmp_path, a_rule("one"), correlation(), correlation(more="  generate: true", id="d"))
    assert loaded.rules[0].alerts


def test_a_correlation_of_an_unknown_rule_is_refused(tmp_path):
    assert refusals(tmp_path, correlation("[nobody]"))[0].startswith("r0.yml:5:3: no rule 'nobody'")


@pytest.mark.parametrize(
    ("rules", "more", "reason"),
    [
        ("[one, one]", "  type: temporal_ordered", "rule 'one' stands twice in an order"),
        ("[one, id-one]", "  type: temporal_ordered", "rule 'id-one' stands twice in an order"),
        ("[one, two]", "  type: temporal\n  condition: one", "rule 'two' is not in the condition"),
        ("[one]", "  type: temporal\n  condition: one and not two", "names 'two', which is not among `rules`"),
    ],
)
def test_rules_that_a_correlation_lists_in_vain_are_refused(tmp_path, rules, more, reason):
    text = f"title: Both\ncorrelation:\n  rules: {rules}\n  timespan: 5m\n{more}\n"
    found = refusals(tmp_path, a_rule("one") + "---\n" + a_rule("two"), text)
    assert found[0].startswith("r1.yml:3:3: ")
    assert reason in found[0]


@pytest.mark.parametrize("rules", ["[one, id-two]", "[id-two, one]", "[]"])
def test_a_boolean_condition_names_rules_by_name_or_id(tmp_path, rules):
    text = f"title: Both\ncorrelation:\n  type: temporal\n  rules: {rules}\n  timespan: 5m\n  condition: id-one and two\n"
    assert set(load(tmp_path, a_rule("one") + "---\n" + a_rule("two"), text).correlations[0].rules) == {"id-one", "id-two"}


def test_a_correlation_is_disabled_with_its_rule(tmp_path):
    assert load(tmp_path, a_rule("one"), correlation(), disable=["one"]).correlations == []


def test_a_circle_of_correlations_is_refused(tmp_path):
    found = refusals(tmp_path, correlation("[d]", id="c"), correlation("[c]", id="d"))
    assert all("refers to itself" in p for p in found)


def test_a_chain_of_correlations_is_read(tmp_path):
    loaded = load(tmp_path, a_rule("one"), correlation(id="c"), correlation("[c]", id="d"))
    assert [(c.id, c.alerts) for c in loaded.correlations] == [("c", False), ("d", True)]


def test_verdicts_do_not_hang_on_key_order_or_on_strange_fields():
    rules = ruleset(titled("r", "{product: acme}", "{a: x, b: y}"))
    event = {**EVENT, "b": "y"}
    assert rules.match(event)
    assert rules.match(dict(reversed(event.items())))
    assert rules.match({**event, "zzz": [None, {"deep": 1.5}], "winlog": "text", "event": 7})


def test_matching_leaves_the_event_as_it_is():
    rules = ruleset(titled("r", "{product: acme}", "{a: x, b.c|exists: false}"))
    event = {**EVENT, "list": [1, 2]}
    before = repr(event)
    assert rules.match(event)
    assert repr(event) == before


def test_many_kinds_of_events_do_not_grow_memory(monkeypatch):
    monkeypatch.setattr("router.detect.engine.routes._MAX_ROUTES", 10)
    rules = ruleset(titled("r", "{product: acme}", "{a: x}"))
    for i in range(100):
        rules.match({"event": {"dataset": f"d{i}"}})
    assert len(rules._engine._routes.by_key) <= 10
    assert rules.match(EVENT)


def test_the_rules_that_ship_with_logweir_load():
    assert len(Ruleset.load([]).rules) > 30


@pytest.mark.parametrize("other", ["detection: {s: {a: b}, condition: s}", "correlation: {type: temporal}"])
def test_a_document_is_one_thing(tmp_path, other):
    filter_ = FILTER.format(rules="any", condition="not known", logsource="{product: acme}")
    found = refusals(tmp_path, a_rule(), filter_ + other + "\n")
    assert any("not both" in problem for problem in found)


def test_a_filter_of_another_taxonomy_is_refused_where_it_names_the_rule_and_pointed_out_where_it_does_not(tmp_path):
    named = FILTER.format(rules="[one]", condition="not known", logsource="{product: acme}") + "taxonomy: ecs\n"
    assert "speaks taxonomy 'ecs', rule 'id-one' 'sigma'" in refusals(tmp_path, a_rule(), named)[0]
    loaded = load(tmp_path, a_rule(), named.replace("[one]", "any"))
    assert loaded.match({**EVENT, "b": "y"})
    assert any("speaks taxonomy" in p.text for p in loaded.lints)


ALIASED = r"""
title: Script hosts
logsource: {product: windows, category: process_creation}
detection:
  selection:
    Image|endswith: &hosts
      - '\cscript.exe'
      - '\wscript.exe'
    User: &user ann
  parent:
    ParentImage|endswith: *hosts
    User: *user
  merged:
    <<: {User: *user}
    Computer: x
  condition: 1 of *
"""


def test_anchors_aliases_and_merge_keys_say_what_pysigma_reads_in_them():
    theirs = pytest.importorskip("sigma.collection", reason="pySigma is not installed").SigmaCollection
    from tests.router.detect.pysigma import tree_of

    asked = [(atom.field, atom.payload) for atom in atoms(read(ALIASED).tree)]
    assert len(asked) == 8
    assert sorted(asked) == sorted((atom.field, atom.payload) for atom in atoms(tree_of(theirs.from_yaml(ALIASED).rules[0])))


def test_what_is_wrong_below_an_alias_is_told_where_it_is_written(tmp_path):
    text = (
        ALIASED.replace("Image|endswith: &hosts", "Image|re: &hosts")
        .replace(r"'\cscript.exe'", "'('")
        .replace("ParentImage|endswith", "ParentImage|re")
    )
    (tmp_path / "r.yml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        Ruleset.load([tmp_path], builtin=False)
    assert len(caught.value.problems) == 2
    assert {problem.line for problem in caught.value.problems} <= {6, 7, 11}
