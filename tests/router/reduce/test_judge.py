"""What rules say of events, alone and together."""

from router.batch import Event
from router.reduce.judge import NOTHING, Judge
from tests.router.reduce.noise import rows, rules_of

DROP = "id: drop\ntitle: t\nkind: drop\ndatasets: [d]\ndetection: {s: {a: 1}, condition: s}\n"
DEDUPE = "id: dedupe\ntitle: t\nkind: dedupe\ndatasets: [d]\nby: [k]\nwindow_seconds: 60\n"
OTHER = "id: other\ntitle: t\nkind: dedupe\ndatasets: [d]\nby: [m]\nwindow_seconds: 60\n"
SAMPLE = "id: sample\ntitle: t\nkind: sample\ndatasets: [d]\nrate: 0.25\n"
TRIM = "id: trim\ntitle: t\nkind: trim\ndatasets: [d]\nfields: [message]\n"


def event(**fields: object) -> Event:
    """An event of dataset d."""
    return {"event": {"dataset": "d"}, **fields}


def judge(*texts: str) -> Judge:
    """These rules together."""
    return Judge(rules_of("---\n".join(texts)))


def test_only_selected_events_of_the_dataset_are_left_out() -> None:
    other: Event = {"event": {"dataset": "other"}, "a": 1}
    assert rows(judge(DROP), [event(a=1), event(a=2), other, {"a": 1}, {"event": "odd", "a": 1}]) == [
        (("drop",), ()),
        NOTHING,
        NOTHING,
        NOTHING,
        NOTHING,
    ]


def test_a_matched_event_is_kept_unless_the_rule_says_otherwise() -> None:
    assert rows(judge(DROP), [event(a=1)], matched=True) == [NOTHING]
    assert rows(judge(DROP + "keep_matched: false\n"), [event(a=1)], matched=True) == [(("drop",), ())]


def test_equal_rows_are_one_object() -> None:
    first, second = rows(judge(DROP, TRIM), [event(a=1), event(a=1)])
    assert first is second


def test_a_sample_keeps_its_share_and_says_the_same_again() -> None:
    events = [event() for _ in range(4000)]
    once, again = rows(judge(SAMPLE), events), rows(judge(SAMPLE), events)
    assert once == again
    assert 850 < once.count(NOTHING) < 1150


def test_two_samples_choose_independently() -> None:
    events = [event() for _ in range(4000)]
    both = rows(judge(SAMPLE, SAMPLE.replace("id: sample", "id: sample2")), events)
    assert 150 < both.count(NOTHING) < 350  # a sixteenth, where the same choice would give a quarter


def test_the_first_of_a_group_is_kept_and_the_next_window_begins_with_one_that_is_kept() -> None:
    said = rows(judge(DEDUPE), [event(k=1), event(k=1), event(k=2), event(k=1), event(k=1)], [0, 1, 2, 60, 61])
    assert [bool(noise) for noise, _ in said] == [False, True, False, False, True]


def test_an_event_without_any_field_of_the_group_is_kept() -> None:
    assert rows(judge(DEDUPE), [event(), event()]) == [NOTHING, NOTHING]


def test_a_throttle_keeps_its_limit() -> None:
    text = "id: th\ntitle: t\nkind: throttle\ndatasets: [d]\nby: [k]\nlimit: 3\nwindow_seconds: 60\n"
    said = rows(judge(text), [event(k="x")] * 5)
    assert [bool(noise) for noise, _ in said] == [False, False, False, True, True]


def test_an_event_that_is_dropped_does_not_stand_for_its_group() -> None:
    said = rows(judge(DROP, DEDUPE), [event(k=1, a=1), event(k=1), event(k=1)])
    assert said == [(("drop",), ()), NOTHING, (("dedupe",), ())]


def test_an_event_left_out_by_one_dedupe_does_not_open_a_group_of_another() -> None:
    said = rows(judge(DEDUPE, OTHER), [event(k=1, m=1), event(k=1, m=2), event(k=2, m=2), event(k=3, m=2)])
    assert said == [NOTHING, (("dedupe",), ()), NOTHING, (("other",), ())]


def test_a_rule_in_shadow_does_not_influence_one_in_force() -> None:
    alone = rows(judge(DEDUPE), [event(k=1, a=1), event(k=1), event(k=1)])
    shadowed = rows(judge(DROP + "shadow: true\n", DEDUPE), [event(k=1, a=1), event(k=1), event(k=1)])
    assert [tuple(r for r in noise if r != "drop") for noise, _ in shadowed] == [noise for noise, _ in alone]
    assert shadowed[0] == (("drop",), ())


def test_a_trim_does_not_leave_out() -> None:
    assert rows(judge(TRIM, DROP), [event(a=1), event()]) == [(("drop",), ("trim",)), ((), ("trim",))]


def test_the_summary_of_a_window_tells_the_group_and_how_many() -> None:
    one = judge(DEDUPE.replace("by: [k]", "by: [source.ip, user.name]"))
    source = {"source": {"ip": "10.0.0.1"}}
    rows(one, [event(**source)] * 4, [0.0, 1.0, 2.0, 5.0])
    (summary,) = one.close(None)
    assert (summary.rule, summary.dataset, summary.count, summary.kept) == ("dedupe", "d", 3, 1)
    assert (summary.first, summary.last) == (0.0, 5.0)
    assert summary.first_id == (0).to_bytes(16)
    assert summary.ids == tuple(i.to_bytes(16) for i in (1, 2, 3))
    document = summary.document()
    assert document["source"] == {"ip": "10.0.0.1"}
    assert "user" not in document
    assert document["event"]["kind"] == "metric"
    assert document["logweir"]["summary"]["left_out"] == 3


def test_a_replay_gives_a_summary_with_the_same_id() -> None:
    def once() -> bytes:
        one = judge(DEDUPE)
        rows(one, [event(k=1)] * 3)
        return one.close(None)[0].id

    assert once() == once()


def test_a_window_ends_when_time_has_passed_it() -> None:
    one = judge(DEDUPE)
    rows(one, [event(k=1)] * 3, [100.0, 101.0, 102.0])
    assert one.close(110.0) == []
    assert [s.count for s in one.close(200.0)] == [2]
    assert one.close(300.0) == []


def test_a_group_may_be_of_lists_and_documents() -> None:
    said = rows(judge(DEDUPE), [event(k=["a", {"b": 1}]), event(k=["a", {"b": 1}]), event(k=["a"])])
    assert [bool(noise) for noise, _ in said] == [False, True, False]
