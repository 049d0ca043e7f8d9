"""What validators of pySigma find, the linter finds."""

import pytest

from tests.router.authoring.linted import GOOD, checks

SIGMA = [
    ("dangling_detection", "unused-selection", "selection and not filter", "selection"),
    (
        "them_condition_with_single_detection",
        "them-with-one-selection",
        "  filter: {User: nobody}\n  condition: selection and not filter",
        "  condition: 1 of them",
    ),
    ("all_of_them_condition", "all-of-them", "selection and not filter", "all of them"),
    (
        "specific_instead_of_generic_logsource",
        "specific-logsource",
        "category: process_creation}\ndetection:\n  selection:\n",
        "service: sysmon}\ndetection:\n  selection:\n    EventID: 1\n",
    ),
    ("fieldname_logsource", "unknown-logsource-key", "product: windows", "product: windows, provider: x"),
    ("identifier_existence", "missing-id", "id: 2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11\n", ""),
    ("duplicate_references", "duplicate-references", "['https://a.example']", "['https://a.example', 'https://a.example']"),
    ("custom_attributes", "unknown-key", "level: high", "level: high\nrealted: []"),
    ("invalid_modifier_combinations", "all-without-contains", "CommandLine|contains", "CommandLine|startswith|all"),
    ("invalid_modifier_combinations", "base64offset-without-contains", "CommandLine|contains", "CommandLine|base64offset"),
    ("invalid_modifier_combinations", "windash-with-all", "CommandLine|contains", "CommandLine|windash|contains|all"),
    ("tlptag", "invalid-tlp-tag", "tlp.amber-strict", "tlp.pink"),
    ("duplicate_tag", "duplicate-tags", "tlp.amber-strict", "attack.execution"),
    ("namespace_tag", "unknown-tag-namespace", "tlp.amber-strict", "mitre.t1059"),
    ("cartag", "invalid-car-tag", "car.2013-07-001", "car.2013-7-1"),
    ("cvetag", "invalid-cve-tag", "cve.2021-44228", "cve.log4shell"),
    ("detection_tag", "invalid-detection-tag", "detection.emerging-threats", "detection.new"),
    ("stptag", "invalid-stp-tag", "tlp.amber-strict", "stp.9"),
    ("double_wildcard", "double-wildcard", "User: nobody", "User: 'a**b'"),
    ("number_as_string", "number-as-text", "User: nobody", "User: '4688'"),
    ("control_character", "control-character", "User: nobody", 'User: "no\\tbody"'),
    ("wildcards_instead_of_modifiers", "wildcards-instead-of-contains", "User: nobody", "User: ['*a*', '*b*']"),
    ("wildcards_instead_of_modifiers", "wildcards-instead-of-endswith", "User: nobody", r"User: '*\bob'"),
    ("wildcards_instead_of_modifiers", "wildcards-instead-of-startswith", "User: nobody", "User: 'bob*'"),
    ("escaped_wildcard", "escaped-wildcard", "User: nobody", r"User: 'no\*body'"),
]


@pytest.mark.parametrize(("validator", "check", "old", "new"), SIGMA, ids=[f"{s[0]}-{s[1]}" for s in SIGMA])
def test_it_finds_what_pysigma_validators_find(tmp_path, validator, check, old, new):
    core = pytest.importorskip("sigma.validators.core", reason="pySigma is not installed")
    from sigma.rule import SigmaRule

    text = GOOD.replace(old, new, 1)
    theirs = core.validators[validator]()
    rule = SigmaRule.from_yaml(text.partition("tests:")[0])
    assert theirs.validate(rule), "pySigma says nothing here"
    assert check in checks(tmp_path, text)
