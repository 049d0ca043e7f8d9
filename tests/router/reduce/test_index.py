"""The index never hides a rule that selects an event."""

from hypothesis import given, settings
from hypothesis import strategies as st

from router.batch import Event
from router.reduce.index import Bucket
from router.reduce.judge import Picker
from tests.router.reduce.noise import rules_of

RULES = """
id: one
title: t
kind: drop
detection: {s: {event.code: ['5156', 'ABC'], x: 1}, condition: s}
---
id: two
title: t
kind: drop
detection: {a: {event.code: 5156}, b: {event.code: '7', y|contains: q}, condition: a or b}
---
id: three
title: t
kind: drop
detection: {a: {event.code: abc}, f: {z: 1}, condition: a and not f}
---
id: four
title: t
kind: drop
detection: {a: {event.code|startswith: 'a'}, condition: a}
---
id: five
title: t
kind: drop
detection: {a: {event.code: 'a*c'}, b: {event.code: null}, condition: 1 of *}
---
id: six
title: t
kind: drop
detection: {f: {event.code: '7'}, condition: not f}
---
id: seven
title: t
kind: drop
detection: {a: {event.code|cased: ABC}, condition: a}
"""
codes = st.sampled_from(
    ["5156", "abc", "ABC", "Abc", "7", "", "aXc", None, 5156, 7, 5156.0, True, ["7", "abc"], ["5156"], {"a": 1}, []]
)
shapes = st.sampled_from(["nested", "dotted", "absent", "list"])


def event_of(shape: str, code: object, others: Event) -> Event:
    """An event whose code stands where `shape` says."""
    places = {
        "nested": {"event": {"code": code}},
        "dotted": {"event.code": code},
        "absent": {},
        "list": {"event": [{"code": code}, {"code": "7"}]},
    }
    return {**places[shape], **others}


@settings(max_examples=500, deadline=None)
@given(shapes, codes, st.fixed_dictionaries({}, optional={"x": st.just(1), "y": st.just("pqr"), "z": st.just(1)}))
def test_what_selects_is_among_the_candidates(shape: str, code: object, others: Event) -> None:
    pickers = [Picker(rule) for rule in rules_of(RULES)]
    event = event_of(shape, code, others)
    found = {p.id for p in Bucket(pickers).candidates(event)}
    assert {p.id for p in pickers if p.selects(event)} <= found


def test_rules_for_other_codes_are_not_even_asked() -> None:
    pickers = [Picker(rule) for rule in rules_of(RULES)]
    assert "one" not in {p.id for p in Bucket(pickers).candidates({"event": {"code": "4624"}})}


def test_a_bucket_of_rules_that_need_nothing_asks_all() -> None:
    pickers = [Picker(r) for r in rules_of("id: a\ntitle: t\nkind: drop\ndatasets: [d]\n")]
    assert len(Bucket(pickers).candidates({"event": {"code": "1"}})) == 1
