"""What each correlation type makes of a stream of matches: the table to read when in doubt what one means.

Every row is fed twice: in one batch and match by match; then a far later match of another group decides what waits.
Windows are 10 s long and half open, `(t - 10, t]`; rules are a, b, c in this order; the group is one user.
"""

from typing import Any, NamedTuple

import pytest

from router.correlate import Correlator, Firing, Match
from tests.router.correlate.correlations import correlation, end, match, of, run


class Row(NamedTuple):
    """A correlation, the matches as (time, rule, values of its field), and when it fires."""

    why: str
    kind: str
    condition: str
    matches: list[tuple[Any, ...]]
    expected: list[float]


def counts(*moments: float) -> list[tuple[float, str]]:
    return [(t, "a") for t in moments]


def values(*pairs: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [(t, "a", *columns) for t, *columns in pairs]


ROWS = [
    # 1 windows are not tied to the clock; half open
    Row("a burst across a clock boundary", "event_count", "{gte: 3}", counts(8, 10, 12), [12]),
    Row("a burst exactly as long as the window: the first match is out", "event_count", "{gte: 2}", counts(0, 10), []),
    Row("one tick shorter", "event_count", "{gte: 2}", counts(0, 9.999), [9.999]),
    # 4 thresholds and edges
    Row("one fewer", "event_count", "{gte: 3}", counts(0, 1), []),
    Row("as many", "event_count", "{gte: 3}", counts(0, 1, 2), [2]),
    Row("one more", "event_count", "{gte: 3}", counts(0, 1, 2, 3), [2]),
    Row("rise, fall, second rise", "event_count", "{gte: 2}", counts(0, 1, 20, 21), [1, 21]),
    Row("a plateau of matches that replace each other", "event_count", "{gte: 2}", counts(0, 5, 10, 15, 20), [5]),
    # 5 operators and a range, by type
    Row("gt", "event_count", "{gt: 2}", counts(0, 1, 2), [2]),
    Row("lt is true at once and again when the window runs out", "event_count", "{lt: 2}", counts(0, 1), [0, 10]),
    Row("lte", "event_count", "{lte: 1}", counts(0, 1), [0, 10]),
    Row("eq", "event_count", "{eq: 2}", counts(0, 1, 2), [1, 10]),
    Row("neq", "event_count", "{neq: 2}", counts(0, 1, 2), [0, 2, 11]),
    Row("a range", "event_count", "{gt: 1, lte: 2}", counts(0, 1, 2), [1, 10]),
    Row("gt", "value_count", "{gt: 1, field: bytes}", values((0, "x"), (1, "y")), [1]),
    Row("lt", "value_count", "{lt: 2, field: bytes}", values((0, "x"), (1, "y")), [0, 10]),
    Row("eq", "value_count", "{eq: 1, field: bytes}", values((0, "x"), (1, "y"), (2, "y")), [0, 10]),
    Row("neq", "value_count", "{neq: 1, field: bytes}", values((0, "x"), (1, "y")), [1]),
    Row("a range", "value_count", "{gte: 2, lt: 3, field: bytes}", values((0, "x"), (1, "y"), (2, "z")), [1, 10]),
    Row("gt", "value_sum", "{gt: 10, field: bytes}", values((0, "4"), (1, "6"), (2, "1")), [2]),
    Row("lt", "value_sum", "{lt: 10, field: bytes}", values((0, "4"), (1, "6")), [0, 10]),
    Row("eq", "value_sum", "{eq: 10, field: bytes}", values((0, "4"), (1, "6"), (2, "1")), [1]),
    Row("neq", "value_sum", "{neq: 4, field: bytes}", values((0, "4"), (1, "6")), [1]),
    Row("a range", "value_sum", "{gte: 5, lte: 10, field: bytes}", values((0, "4"), (1, "6"), (2, "1")), [1, 10]),
    Row("gte", "value_avg", "{gte: 5, field: bytes}", values((0, "4"), (1, "6")), [1]),
    Row("lt", "value_avg", "{lt: 5, field: bytes}", values((0, "4"), (1, "6")), [0]),
    Row("neq", "value_avg", "{neq: 4, field: bytes}", values((0, "4"), (1, "6")), [1]),
    Row("a range", "value_avg", "{gt: 4, lt: 6, field: bytes}", values((0, "4"), (1, "6")), [1]),
    Row("gt", "value_median", "{gt: 4, field: bytes}", values((0, "4"), (1, "6")), [1]),
    Row("lte", "value_median", "{lte: 4, field: bytes}", values((0, "4"), (1, "6")), [0]),
    # 8 value_count
    Row("the same value again", "value_count", "{gte: 2, field: bytes}", values((0, "x"), (1, "x"), (2, "x")), []),
    Row("case tells values apart", "value_count", "{gte: 2, field: bytes}", values((0, "x"), (1, "X")), [1]),
    Row(
        "a value expires while a duplicate stays",
        "value_count",
        "{gte: 2, field: bytes}",
        values((0, "x"), (8, "x"), (12, "y")),
        [12],
    ),
    Row("a value expires", "value_count", "{gte: 2, field: bytes}", values((0, "x"), (10, "y")), []),
    Row("several elements of one match", "value_count", "{gte: 2, field: bytes}", values((0, ("x", "y"))), [0]),
    Row(
        "several fields count as tuples",
        "value_count",
        "{gte: 3, field: [bytes, port]}",
        values((0, "x", "1"), (1, "x", "2"), (2, "x", "1"), (3, "y", "1")),
        [3],
    ),
    Row("a match without the field", "value_count", "{gte: 2, field: bytes}", values((0, "x"), (1, ()), (2, "x")), []),
    # 9 temporal
    Row("any order", "temporal", "", [(0, "c"), (1, "a"), (2, "b")], [2]),
    Row("one rule missing", "temporal", "", [(0, "c"), (1, "a"), (2, "a")], []),
    Row("one too old", "temporal", "", [(0, "c"), (1, "a"), (10, "b")], []),
    Row("one too old, seen again", "temporal", "", [(0, "c"), (1, "a"), (9, "c"), (10, "b")], [10]),
    Row("two rules matched by one event", "temporal", "", [(0, "a"), (0, "b"), (1, "c")], [1]),
    Row("a count below the number of rules", "temporal", "{gte: 2}", [(0, "a"), (1, "a"), (2, "c")], [2]),
    Row("fewer than", "temporal", "{lt: 2}", [(0, "a"), (1, "b")], [0, 10]),
    Row("a boolean condition", "temporal", "a and (b or c)", [(0, "b"), (1, "c"), (2, "a")], [2]),
    Row("without what it excludes", "temporal", "a and not b", [(0, "a"), (1, "c")], [0]),
    Row("true before, and once that has expired", "temporal", "a and not b", [(0, "b"), (1, "a")], [10]),
    Row("an exclusion that comes late still counts", "temporal", "a and not b", [(3, "a"), (2, "b"), (3, "c")], [12]),
    # 10 temporal_ordered
    Row("right order", "temporal_ordered", "", [(0, "a"), (1, "b"), (2, "c")], [2]),
    Row("wrong order", "temporal_ordered", "", [(0, "a"), (1, "c"), (2, "b")], []),
    Row("out of order on arrival", "temporal_ordered", "", [(2, "c"), (0, "a"), (1, "b")], [2]),
    Row(
        "interleaved repeats",
        "temporal_ordered",
        "",
        [(0, "b"), (1, "a"), (2, "c"), (3, "a"), (4, "b"), (5, "b"), (6, "c"), (7, "c")],
        [6],
    ),
    Row("equal times are in order", "temporal_ordered", "", [(5, "c"), (5, "a"), (5, "b")], [5]),
    Row("a newer start", "temporal_ordered", "", [(0, "a"), (5, "a"), (6, "b"), (12, "c")], [12]),
    Row("a newer start does not help what is behind it", "temporal_ordered", "", [(0, "a"), (1, "b"), (5, "a"), (11, "c")], []),
    Row("the first stage has expired", "temporal_ordered", "", [(0, "a"), (1, "b"), (10, "c")], []),
    Row(
        "it falls as its start leaves and rises with a new chain",
        "temporal_ordered",
        "",
        [(0, "a"), (1, "b"), (2, "c"), (20, "a"), (21, "b"), (22, "c")],
        [2, 22],
    ),
    Row(
        "a chain that a newer one takes over is one alert",
        "temporal_ordered",
        "",
        [(0, "a"), (1, "b"), (2, "c"), (8, "a"), (9, "b"), (9.5, "c"), (11, "c")],
        [2],
    ),
    Row("two of three, in order", "temporal_ordered", "{gte: 2}", [(0, "c"), (1, "b"), (2, "c")], [2]),
    Row("two of three, out of order", "temporal_ordered", "{gte: 2}", [(0, "c"), (1, "b"), (2, "a")], []),
    Row("a boolean condition keeps the order", "temporal_ordered", "a and (b or c)", [(0, "b"), (1, "a"), (2, "c")], [2]),
    Row("and knows what must not be there", "temporal_ordered", "a and c and not b", [(0, "b"), (1, "a"), (2, "c")], [10]),
    # 11 value_sum, value_avg
    Row("fractions are exact", "value_sum", "{gte: 0.3, field: bytes}", values((0, "0.1"), (1, "0.2")), [1]),
    Row("ten tenths are one", "value_sum", "{eq: 1, field: bytes}", values(*((i / 2, "0.1") for i in range(10))), [4.5]),
    Row(
        "integers beyond 2^53",
        "value_sum",
        "{eq: 18014398509481985, field: bytes}",
        values((0, "9007199254740992"), (1, "9007199254740993")),
        [1],
    ),
    Row("an exponent", "value_sum", "{gte: 1000, field: bytes}", values((0, "1e3")), [0]),
    Row(
        "a negative number lowers it",
        "value_sum",
        "{gte: 10, field: bytes}",
        values((0, "6"), (1, "-3"), (2, "6"), (3, "1")),
        [3],
    ),
    Row("and raises it as it leaves", "value_sum", "{gte: 10, field: bytes}", values((0, "-3"), (1, "6"), (2, "6")), [10]),
    Row("what is no number does not count", "value_sum", "{gte: 2, field: bytes}", values((0, "1"), (1, "x"), (2, "0x9")), []),
    Row("the average of one value", "value_avg", "{gte: 5, field: bytes}", values((0, "5")), [0]),
    Row("after expiry", "value_avg", "{gte: 5, field: bytes}", values((0, "1"), (5, "6")), [10]),
    Row("elements of a list each", "value_avg", "{eq: 2, field: bytes}", values((0, ("1", "2", "3"))), [0]),
    # 12 value_percentile, value_median
    Row("of one value", "value_percentile", "{gte: 7, field: bytes, percentile: 95}", values((0, "7")), [0]),
    Row(
        "of two values, interpolated",
        "value_percentile",
        "{eq: 2.5, field: bytes, percentile: 75}",
        values((0, "1"), (1, "3")),
        [1],
    ),
    Row("0 is the least", "value_percentile", "{eq: 1, field: bytes, percentile: 0}", values((0, "3"), (1, "1")), [1]),
    Row("100 is the greatest", "value_percentile", "{eq: 3, field: bytes, percentile: 100}", values((0, "1"), (1, "3")), [1]),
    Row(
        "of a hundred: 95.05",
        "value_percentile",
        "{eq: 95.05, field: bytes, percentile: 95}",
        values(*((i / 100, str(i + 1)) for i in range(100))),
        [0.99],
    ),
    Row("ties", "value_percentile", "{lt: 5, field: bytes, percentile: 50}", values((0, "5"), (1, "5"), (2, "5")), []),
    Row(
        "median of an even number",
        "value_median",
        "{eq: 2.5, field: bytes}",
        values((0, "4"), (0.1, "1"), (0.2, "3"), (0.3, "2")),
        [0.1, 0.3, 10.1],
    ),
    Row("median of an odd number", "value_median", "{eq: 3, field: bytes}", values((0, "9"), (1, "1"), (2, "3")), [2, 11]),
    Row("numbers sort as numbers", "value_median", "{eq: 9, field: bytes}", values((0, "10"), (1, "9"), (2, "8")), [2]),
]


def made(row: Row) -> tuple[Correlator, list[Match]]:
    rules = "[a, b, c]" if row.kind.startswith("temporal") else "[a]"
    one = Correlator([correlation(row.kind, row.condition, rules=rules, name="it")], 60)
    matches = []
    for number, (time, rule, *columns) in enumerate(row.matches):
        found = tuple(c if isinstance(c, tuple) else (c,) for c in columns)
        matches.append(match(float(time), number, rule=rule, values=found))
    filler = tuple(("0",) for _ in matches[0].values)
    return one, [*matches, end(rule="a", values=filler)]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.kind} {r.condition}: {r.why}")
def test_it_fires_when_the_table_says(row):
    one, matches = made(row)
    assert of(run(one, matches, name="it")) == row.expected


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.kind} {r.condition}: {r.why}")
def test_one_batch_gives_the_same_alerts(row):
    (one, matches), (other, _) = made(row), made(row)
    whole: list[Firing] = other.feed([(i, "it", m) for i, m in enumerate(matches)])
    assert sorted(f.id for f in run(one, matches, name="it")) == sorted(f.id for f in whole)
    assert len({f.id for f in whole}) == len(whole)
