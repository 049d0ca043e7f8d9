"""Conditions that nothing can fulfil are told, and no others."""

import pytest

from tests.router.authoring.linted import checks


@pytest.mark.parametrize(
    ("selections", "condition", "told"),
    [
        (
            "a: {Size|gt: 5, Size|lt: 3}",
            "a",
            ":4:19: warning never-true: detection.a.Size|lt: Size: no single value can be `gt 5` and `lt 3`",
        ),
        ("a: {Size|gt: 5, Size|lt: 5}", "a", "`gt 5` and `lt 5`"),
        ("a: {Size|gte: 5, Size|lt: 5}", "a", "`gte 5` and `lt 5`"),
        ("a: {Size|lte: 2}\n  b: {Size|gt: 2.5}", "a and b", "`lte 2` and `gt 2.5`"),
        ("a: {Size|lt: 3}\n  b: {Size: [4, 5]}", "all of *", "`lt 3` and `eq '4'`"),
        ("a: {Size|lt: 3}\n  b: {Size: tall}", "a and b", "`lt 3` and `eq 'tall'`"),
        ("a: {User: [ann, bob]}\n  b: {User: [Carol, dave]}", "a and b", "`eq 'ann'` and `eq 'Carol'`"),
        ("a: {Image: 'C:\\x.exe', Image|endswith: '.dll'}", "a", "`endswith '.dll'`"),
        ("a: {Image|endswith: ['/sh', '/bash'], Image|endswith|all: ['-c']}", "a", "`endswith '/sh'` and `endswith '-c'`"),
        ("a: {User|exists: false, User: ann}", "a", "no event can be `exists: false` and `eq 'ann'`"),
        ("a: {User: null, User|contains: ann}", "a", "`null` and `contains 'ann'`"),
        ("a: {User: ann}\n  b: {User: [bob, ann]}", "a and not b", "no event can be `eq 'ann'` and not `eq 'bob'`"),
    ],
)
def test_a_condition_that_nothing_can_fulfil_is_told(tmp_path, selections, condition, told):
    found = checks(
        tmp_path, "title: t\nlogsource: {product: windows}\ndetection:\n  " + selections + f"\n  condition: {condition}\n"
    )
    assert found["never-true"].severity == "warning"
    assert told in str(found["never-true"])


@pytest.mark.parametrize(
    ("selections", "condition"),
    [
        ("a: {Size|gt: 3, Size|lt: 5}", "a"),
        ("a: {Size|gte: 5, Size|lte: 5.0}", "a"),
        ("a: {Size|gte: 5, Size: '5'}", "a"),
        ("a: {Size|gt: 5}\n  b: {Size|lt: 3}", "a or b"),
        ("a: {Size|gt: 5}\n  b: {Size|lt: 3}", "1 of *"),
        ("a: {Size|gt: 5}\n  b: {Length|lt: 3}", "a and b"),
        ("a: {Size|gt: 5}\n  b: {Size|lt: 3}", "not (a and b)"),
        ("a: {User: [ann, bob]}\n  b: {User: [BOB, dave]}", "a and b"),
        ("a: {Image|endswith: ['/sh', '/bash'], Image|startswith: /bin}", "a"),
        ("a: {Image|endswith: ['h', '/bash'], Image|endswith|all: ['/SH', sh]}", "a"),
        ("a: {User: ann}\n  b: {User: [bob, ann], Host: x}", "a and not b"),
        ("a: {User: [ann, bob]}\n  b: {User: ann}", "a and not b"),
        ("a: [ann, bob]\n  b: [carol]", "a and b"),
        ("a: {User|exists: true, User: null}", "a"),
    ],
)
def test_a_condition_that_something_can_fulfil_is_left_alone(tmp_path, selections, condition):
    found = checks(
        tmp_path, "title: t\nlogsource: {product: windows}\ndetection:\n  " + selections + f"\n  condition: {condition}\n"
    )
    assert "never-true" not in found
