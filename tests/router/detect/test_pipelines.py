"""Processing pipelines: what they make of rules, held against pySigma, which invented them; and what is refused, with its place."""

import random
import warnings
from pathlib import Path

import pytest

from router.detect import Ruleset
from router.detect.ir import atoms
from router.detect.pipelines import Pipelines
from router.errors import ConfigError
from tests.conformance.detection.frontend import truth
from tests.router.detect.pysigma import tree_of

RULE = """title: r
id: 5d3f0f5c-3a55-4c9b-8b83-5f8f7f0c7f11
level: high
status: test
tags: [attack.execution]
logsource: {{product: {product}, category: process_creation}}
detection:
{detection}
"""
DETECTION = """  sel:
    Image|endswith: ['\\a.exe', '\\b.exe']
    CommandLine|contains|all: [x, 'y*z']
    Level: 5
    Note: null
  other: {Hashes|contains: ['MD5=0123456789abcdef0123456789abcdef', 'SHA1=0123456789abcdef0123456789abcdef01234567']}
  filter: {User|fieldref: Image, Count: '7'}
  condition: (sel or other) and not filter
"""
WHEN = "rule_conditions: [{type: logsource, product: windows}]"
STEPS = [
    "{type: field_name_mapping, mapping: {Image: process.executable, CommandLine: [a, b]}}",
    "{type: field_name_mapping, mapping: {User: u, Image: i}}",
    "{type: field_name_mapping, mapping: {Image: i}, rule_conditions: [{type: logsource, product: linux}]}",
    "{type: field_name_mapping, mapping: {Image: i}, rule_conditions: [{type: tag, tag: attack.execution}]}",
    "{type: field_name_mapping, mapping: {Image: i}, rule_conditions: [{type: rule_attribute, attribute: level, value: medium, op: gte}]}",
    "{type: field_name_mapping, mapping: {Image: i}, rule_conditions: [{type: rule_attribute, attribute: status, value: stable, op: lt}]}",
    "{type: field_name_mapping, mapping: {Image: i}, rule_cond_not: true, rule_conditions: [{type: contains_field, field: Image}]}",
    "{type: field_name_mapping, mapping: {Image: i}, rule_conditions: [{type: contains_detection_item, field: Level, value: 5}]}",
    "{type: field_name_mapping, mapping: {Image: i}, rule_cond_op: or, rule_conditions: [{type: logsource, product: x}, {type: is_sigma_rule}]}",
    "{type: field_name_mapping, mapping: {Image: i}, rule_cond_expr: a and not b, rule_conditions: {a: {type: is_sigma_rule}, b: {type: logsource, product: linux}}}",
    "{type: field_name_mapping, mapping: {Image: i}, detection_item_conditions: [{type: match_string, cond: any, pattern: '.*b.exe'}]}",
    "{type: field_name_mapping, mapping: {Image: i}, detection_item_conditions: [{type: match_string, cond: all, pattern: '.*b.exe'}]}",
    "{type: field_name_prefix_mapping, mapping: {Com: com., Im: [im., ix.]}}",
    "{type: field_name_prefix, prefix: win.}",
    "{type: field_name_suffix, suffix: .keyword, field_name_conditions: [{type: include_fields, fields: [Image, Level]}]}",
    "{type: field_name_suffix, suffix: .keyword, field_name_conditions: [{type: exclude_fields, fields: ['I.*'], mode: re}]}",
    "{type: add_condition, conditions: {EventID: 1, Channel: ['a', 'b*']}}",
    "{type: add_condition, conditions: {EventID: 1}, negated: true}",
    "{type: add_condition, conditions: {product: $product, category: $category}, template: true}",
    "{type: hashes_fields, valid_hash_algos: [MD5, SHA1], field_prefix: File}",
    "{type: hashes_fields, valid_hash_algos: [MD5, SHA1], field_prefix: file_hash, drop_algo_prefix: true}",
    "{type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: [Level]}]}",
    "{type: drop_detection_item, detection_item_conditions: [{type: is_null, cond: any}]}",
    "{type: drop_detection_item, detection_item_conditions: [{type: match_value, cond: any, value: 5}]}",
    "{type: set_value, value: fixed, field_name_conditions: [{type: include_fields, fields: [Level]}]}",
    "{type: set_value, value: 4, force_type: str, field_name_conditions: [{type: include_fields, fields: [Image]}]}",
    "{type: convert_type, target_type: num, field_name_conditions: [{type: include_fields, fields: [Count]}]}",
    "{type: convert_type, target_type: str}",
    # several steps, of which later ones see what earlier ones did
    "{type: field_name_mapping, mapping: {Image: i}}, {type: field_name_mapping, mapping: {i: j, Image: k}}",
    "{id: one, type: field_name_mapping, mapping: {Image: i}}, {type: field_name_suffix, suffix: '2', detection_item_conditions: [{type: processing_item_applied, processing_item_id: one}]}",
    "{id: one, type: set_state, key: k, val: v}, {type: field_name_mapping, mapping: {Image: i}, rule_conditions: [{type: processing_state, key: k, val: v}]}",
    "{id: one, type: set_state, key: k, val: v}, {type: field_name_mapping, mapping: {Image: i}, rule_conditions: [{type: processing_item_applied, processing_item_id: one}]}",
    "{type: add_condition, conditions: {EventID: 1}}, {type: field_name_mapping, mapping: {EventID: event.code}}",
]  # fmt: skip


def written(folder: Path, steps: str, detection: str = DETECTION, product: str = "windows", more: str = "") -> Ruleset:
    (folder / "rule.yml").write_text(RULE.format(product=product, detection=detection))
    (folder / "pipeline.yml").write_text(f"name: p\npriority: 10\n{more}\ntransformations: [{steps}]\n")
    return Ruleset.load([folder / "rule.yml"], builtin=False, pipelines=[folder / "pipeline.yml"])


def by_pysigma(folder: Path):
    pipeline = pytest.importorskip("sigma.processing.pipeline").ProcessingPipeline
    rule = pytest.importorskip("sigma.rule").SigmaRule.from_yaml((folder / "rule.yml").read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses old names of its parser
        pipeline.from_yaml((folder / "pipeline.yml").read_text()).apply(rule)
        return rule, tree_of(rule)


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("product", ["windows", "linux"])
def test_pysigma_makes_the_same_of_a_rule(tmp_path, steps, product):
    ours = written(tmp_path, steps, product=product).rules[0].tree
    _, theirs = by_pysigma(tmp_path)
    assert set(atoms(ours)) == set(atoms(theirs))
    chance, ordered = random.Random(1), sorted(set(atoms(ours)), key=str)
    for density in (0.1, 0.4, 0.7, 0.95):
        for _ in range(60):
            true = {atom for atom in ordered if chance.random() < density}
            assert truth(ours, true) == truth(theirs, true)


@pytest.mark.parametrize(
    ("dropped", "left"),
    [
        ("[Hashes]", {"Image", "CommandLine", "Level", "Note", "User", "Count"}),
        ("[User, Count]", {"Image", "CommandLine", "Level", "Note", "Hashes"}),
        ("[Image, CommandLine, Note, Hashes, User, Count]", {"Level"}),
    ],
)
def test_a_selection_of_which_nothing_is_left_goes_from_the_condition(tmp_path, dropped, left):
    """pySigma fails where a whole selection goes; one that stands alone behind `not`, or beside others, is left out."""
    step = f"{{type: drop_detection_item, field_name_conditions: [{{type: include_fields, fields: {dropped}}}]}}"
    assert {a.field for a in atoms(written(tmp_path, step).rules[0].tree)} == left


def test_a_log_source_is_changed(tmp_path):
    ruleset = written(tmp_path, f"{{type: change_logsource, product: acme, service: s, {WHEN}}}")
    theirs, _ = by_pysigma(tmp_path)
    assert str(ruleset.rules[0].logsource) == "acme/*/s"
    assert (theirs.logsource.product, theirs.logsource.category, theirs.logsource.service) == ("acme", None, "s")
    event = {"logweir": {"logsource": {"product": "acme", "service": "s"}}, "Hashes": "MD5=0123456789ABCDEF0123456789ABCDEF"}
    assert ruleset.match(event)


@pytest.mark.parametrize(
    ("step", "value", "expected"),
    [
        ("{type: value_placeholders}", "dc1", True),
        ("{type: value_placeholders}", "dc3", False),
        ("{type: value_placeholders, include: [other]}, {type: wildcard_placeholders}", "anything", True),
        ("{type: wildcard_placeholders, exclude: [dcs]}, {type: value_placeholders}", "dc2", True),
        ("{type: wildcard_placeholders, exclude: [dcs]}, {type: value_placeholders}", "dc3", False),
        (
            "{type: wildcard_placeholders, rule_conditions: [{type: logsource, product: linux}]}, {type: value_placeholders}",
            "dc3",
            False,
        ),
    ],
)
def test_placeholders_take_their_values_from_a_pipeline(tmp_path, step, value, expected):
    ruleset = written(tmp_path, step, "  sel: {f|expand: '%dcs%'}\n  condition: sel", more="vars: {dcs: [dc1, dc2]}")
    event = {"logweir": {"logsource": {"product": "windows", "category": "process_creation"}}, "f": value}
    assert bool(ruleset.match(event)) is expected


def test_the_values_of_the_configuration_go_before(tmp_path):
    written(tmp_path, "{type: wildcard_placeholders}", "  sel: {f|expand: '%dcs%'}\n  condition: sel")
    ruleset = Ruleset.load(
        [tmp_path / "rule.yml"], builtin=False, pipelines=[tmp_path / "pipeline.yml"], placeholders={"dcs": ["dc9"]}
    )
    event = {"logweir": {"logsource": {"product": "windows", "category": "process_creation"}}, "f": "dc1"}
    assert not ruleset.match(event)
    assert ruleset.match({**event, "f": "dc9"})


def test_a_filter_goes_through_the_pipeline_of_its_rule(tmp_path):
    text = "title: f\nlogsource: {product: windows}\nfilter: {rules: any, known: {User: bob}, condition: not known}\n"
    (tmp_path / "filter.yml").write_text(text)
    written(
        tmp_path, f"{{type: field_name_mapping, mapping: {{User: u, Level: l}}, {WHEN}}}", "  sel: {Level: 5}\n  condition: sel"
    )
    files = [tmp_path / "rule.yml", tmp_path / "filter.yml"]
    ruleset = Ruleset.load(files, builtin=False, pipelines=[tmp_path / "pipeline.yml"])
    assert {a.field for a in atoms(ruleset.rules[0].tree)} == {"l", "u"}


def test_a_correlation_names_fields_as_its_rules_do(tmp_path):
    correlation = (
        "title: c\nid: c\ncorrelation: {type: value_count, rules: [5d3f0f5c-3a55-4c9b-8b83-5f8f7f0c7f11], group-by: [User, al],"
        " aliases: {al: {5d3f0f5c-3a55-4c9b-8b83-5f8f7f0c7f11: Image}}, timespan: 5m, condition: {gte: 2, field: CommandLine}}\n"
    )
    (tmp_path / "c.yml").write_text(correlation)
    written(tmp_path, f"{{type: field_name_mapping, mapping: {{User: u, Image: i, CommandLine: c}}, {WHEN}}}")
    files = [tmp_path / "rule.yml", tmp_path / "c.yml"]
    found = Ruleset.load(files, builtin=False, pipelines=[tmp_path / "pipeline.yml"]).correlations[0]
    assert (found.group_by, found.fields) == (("u", "al"), ("c",))
    assert list(found.aliases["al"].values()) == ["i"]


def test_pipelines_run_by_priority(tmp_path):
    written(tmp_path, "{type: field_name_mapping, mapping: {i: j}}", "  sel: {Image: x}\n  condition: sel")
    (tmp_path / "first.yml").write_text("priority: 5\ntransformations: [{type: field_name_mapping, mapping: {Image: i}}]\n")
    paths = [tmp_path / "pipeline.yml", tmp_path / "first.yml"]
    ruleset = Ruleset.load([tmp_path / "rule.yml"], builtin=False, pipelines=paths)
    assert [a.field for a in atoms(ruleset.rules[0].tree)] == ["j"]


def test_another_taxonomy_is_mapped_whole_or_refused(tmp_path):
    taxonomy = "logweir: {taxonomy: splunk}"
    step = "{type: field_name_mapping, mapping: {process_path: Image}}"
    (tmp_path / "rule.yml").write_text("")
    rule = RULE.format(product="windows", detection="  sel: {process_path: x}\n  condition: sel") + "taxonomy: splunk\n"
    written(tmp_path, step, more=taxonomy)
    (tmp_path / "rule.yml").write_text(rule)
    found = Ruleset.load([tmp_path / "rule.yml"], builtin=False, pipelines=[tmp_path / "pipeline.yml"]).rules[0]
    assert ([a.field for a in atoms(found.tree)], found.taxonomy) == (["Image"], "sigma")
    (tmp_path / "rule.yml").write_text(rule.replace("process_path: x", "process_path: x, user: y"))
    with pytest.raises(ConfigError, match="field 'user' of taxonomy 'splunk' is not mapped"):
        Ruleset.load([tmp_path / "rule.yml"], builtin=False, pipelines=[tmp_path / "pipeline.yml"])
    with pytest.raises(ConfigError, match="taxonomy 'splunk' has no mapping"):
        Ruleset.load([tmp_path / "rule.yml"], builtin=False)


def test_a_pipeline_of_a_taxonomy_leaves_other_rules_alone(tmp_path):
    step, detection = "{type: field_name_mapping, mapping: {Image: i}}", "  sel: {Image: x}\n  condition: sel"
    ruleset = written(tmp_path, step, detection, more="logweir: {taxonomy: splunk}")
    assert [a.field for a in atoms(ruleset.rules[0].tree)] == ["Image"]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ("{type: rule_failure, message: not for us}", "not for us"),
        (
            "{type: detection_item_failure, message: no Level, field_name_conditions: [{type: include_fields, fields: [Level]}]}",
            "no Level",
        ),
        (
            "{type: convert_type, target_type: num, field_name_conditions: [{type: include_fields, fields: [Image]}]}",
            "into a number",
        ),
        ("{type: hashes_fields, valid_hash_algos: [SHA256]}", "is no hash of SHA256"),
        ("{type: drop_detection_item}", "leave nothing of the rule"),
    ],
)
def test_a_rule_that_a_pipeline_cannot_do_exactly_is_refused_at_its_own_place(tmp_path, steps, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        written(tmp_path, steps)
    assert str(caught.value.problems[0]).startswith(f"{tmp_path}/rule.yml:1:")


def test_what_a_pipeline_refuses_is_left_out_and_its_correlation_with_it(tmp_path):
    written(tmp_path, "{type: set_state, key: a, val: 1}")
    (tmp_path / "pipeline.yml").write_text("transformations: [{type: rule_failure, message: not here}]\n")
    (tmp_path / "c.yml").write_text(
        "title: c\ncorrelation: {type: event_count, rules: [5d3f0f5c-3a55-4c9b-8b83-5f8f7f0c7f11], timespan: 5m, condition: {gte: 2}}\n"
    )
    files = [tmp_path / "rule.yml", tmp_path / "c.yml"]
    found = Ruleset.load(files, builtin=False, pipelines=[tmp_path / "pipeline.yml"], strict=False)
    assert (found.rules, found.correlations, len(found.refused)) == ([], [], 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("transformations:\n- type: field_name_maping\n", "2:3: .*did you mean 'field_name_mapping'"),
        ("transformations:\n- type: field_name_mapping\n  maping: {}\n", "2:3: .*unknown parameter 'maping'"),
        ("transformations:\n- type: field_name_mapping\n  mapping: [a]\n", "`mapping` is a mapping"),
        ("transformations:\n- type: field_name_mapping\n  mapping: {a: 5}\n", "a text or a list of texts"),
        ("transformations:\n- type: query_expression_placeholders\n", "not one that changes a rule"),
        ("transformations:\n- just text\n", "a step is a mapping"),
        ("transformations: {}\n", "`transformations` is a list"),
        ("postprocessing: []\n", "1:1: .*shapes a query"),
        ("finalizers: []\n", "shapes a query"),
        ("transformation: []\n", "did you mean 'transformations'"),
        ("priority: high\n", "priority is a whole number"),
        ("- a\n", "a pipeline is a mapping"),
        ("transformations:\n- type: set_state\n  key: a\n  rule_conditions: [{type: logsourc}]\n", "did you mean 'logsource'"),
        ("transformations:\n- type: set_state\n  key: a\n  rule_conditions: [{type: tag}]\n", "not complete"),
        (
            "transformations:\n- type: set_state\n  key: a\n  rule_cond_op: xor\n  rule_conditions: [{type: is_sigma_rule}]\n",
            "`and` or `or`",
        ),
        (
            "transformations:\n- type: wildcard_placeholders\n  field_name_conditions: [{type: include_fields, fields: [a]}]\n",
            "log source, tags and attributes",
        ),
    ],
)
def test_a_mistake_in_a_pipeline_is_refused_with_its_place(tmp_path, text, reason):
    (tmp_path / "p.yml").write_text(text)
    with pytest.raises(ConfigError, match=reason) as caught:
        Pipelines.load([tmp_path / "p.yml"])
    assert str(caught.value.problems[0]).startswith(f"{tmp_path}/p.yml:")


def test_without_pipelines_nothing_is_kept(tmp_path):
    (tmp_path / "rule.yml").write_text(RULE.format(product="windows", detection=DETECTION))
    assert Ruleset.load([tmp_path / "rule.yml"], builtin=False).rules[0].block is None


@pytest.mark.parametrize(("more", "expected"), [("", "user.name"), ("logweir: {taxonomy: ecs}", "other")])
def test_rules_that_speak_ecs_are_left_alone_unless_a_pipeline_is_for_them(tmp_path, more, expected):
    (tmp_path / "rule.yml").write_text("")
    written(tmp_path, "{type: field_name_mapping, mapping: {user.name: other}}", more=more)
    rule = RULE.format(product="logweir", detection="  sel: {user.name: x}\n  condition: sel")
    (tmp_path / "rule.yml").write_text(rule)
    found = Ruleset.load([tmp_path / "rule.yml"], builtin=False, pipelines=[tmp_path / "pipeline.yml"]).rules[0]
    assert [a.field for a in atoms(found.tree)] == [expected]
    assert found.taxonomy == "sigma"


def test_what_ships_is_left_alone_by_pipelines_for_rules_in_sigmas_names(tmp_path):
    (tmp_path / "p.yml").write_text("transformations: [{type: field_name_prefix, prefix: x.}]\n")
    plain, changed = Ruleset.load([]), Ruleset.load([], pipelines=[tmp_path / "p.yml"])
    ecs = [(a.tree, b.tree) for a, b in zip(plain.rules, changed.rules, strict=True) if a.taxonomy == "ecs"]
    assert ecs
    assert all(one == other for one, other in ecs)
    risk = [(a.group_by, b.group_by) for a, b in zip(plain.correlations, changed.correlations, strict=True) if a.risk]
    assert risk
    assert all(one == other for one, other in risk)
