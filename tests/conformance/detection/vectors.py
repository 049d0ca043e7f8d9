"""What correlations make of events: the table to read when in doubt. 17 groups, as the specification of correlations lists them.

A vector is correlations, steps, and the alerts that have to come of them: (name, second, group). Rules `a` to `d` match events of
their kind. Unless a vector says otherwise the window is 10 s long and half open, `(t - 10, t]`, groups are users, and matches may
be up to 60 s late. The rows of `tests/router/correlate/test_vectors.py` (groups 1, 4, 5, 8 to 12) belong to the table as well.
"""

from typing import Any, NamedTuple

from rules import ROOT
from tests.conformance.detection.bench import Alert, Event, Reload, Restart, Step, Tick, kinds


class Vector(NamedTuple):
    """One row of the table."""

    group: int
    why: str
    documents: str
    steps: tuple[Step, ...]
    alerts: list[Alert]


def one(type_: str = "event_count", condition: str = "{gte: 3}", name: str = "it", more: str = "", **changes: str) -> str:
    """The text of a correlation; `changes` of `rules`, `by`, `span`."""
    rules, by, span = changes.get("rules", "[a]"), changes.get("by", "[user]"), changes.get("span", "10s")
    shown = f", condition: {condition}" if condition else ""
    body = f"{{type: {type_}, rules: {rules}, group-by: {by}, timespan: {span}{shown}{more}}}"
    return f"title: {name}\nname: {name}\nid: id-{name}\ncorrelation: {body}\n"


def all_of(*documents: str) -> str:
    return "---\n".join(documents)


def a(time: float, kind: str = "a", id: int | None = None, **fields: Any) -> Event:
    return Event(time, kind, {"user": "u", **fields}, id)


def bare(time: float, kind: str = "a", **fields: Any) -> Event:
    return Event(time, kind, fields)


def fires(*moments: float, name: str = "it", group: tuple[str, ...] = ("u",)) -> list[Alert]:
    return [(name, float(moment), group) for moment in moments]


def bob(time: float, kind: str) -> Event:
    return Event(time, kind, {"user": {"name": "Bob"}})


def _risky(moment: float) -> list[Alert]:
    return [("", float(moment), ("user", "bob"))]


_THREE, _TWO = one(), one(condition="{gte: 2}")
_ORDERED = one("temporal_ordered", "", rules="[a, b]")
_INNER = one(condition="{gte: 2}", name="inner")
_OUTER = one("value_count", "{gte: 2, field: user}", "outer", rules="[inner]", by="[host]", span="1m")
_TOP = one(condition="{gte: 2}", name="top", rules="[outer]", by="[host]", span="10m")
_IPS = "aliases: {ip: {a: source.ip, b: destination.ip}}"
_HIGH = all_of(*(
    f"title: {kind}\nname: {kind}\nid: rule-{kind}\nlevel: high\ntags: [attack.{tactic}]\ntaxonomy: ecs\nlogsource: {{product: p}}\n"
    f"detection: {{sel: {{kind: {kind}}}, condition: sel}}\n"
    for kind, tactic in (("r", "execution"), ("s", "persistence"), ("t", "impact"), ("v", "impact"))
))  # fmt: skip
_RISK = all_of(_HIGH, (ROOT / "risk/risk_threshold_exceeded.yml").read_text("utf-8"))
_AHEAD = all_of(_HIGH, (ROOT / "risk/several_attack_tactics.yml").read_text("utf-8"))
_SCORE = one("value_sum", "{gt: 100, field: risk.score}", "score", span="24h")
_TACTICS = one("value_count", "{gte: 3, field: risk.tactic}", "tactics", rules="[a, b, c, d]", span="7d")

VECTORS = (
    Vector(1, "a burst across a full minute", _THREE, tuple(kinds(58, 60, 62)), fires(62)),
    Vector(1, "across a full hour and day", one(span="1h"), tuple(kinds(-1, 0, 1)), fires(1)),
    Vector(1, "exactly as long as the window: the first is out", _TWO, tuple(kinds(0, 10)), []),
    Vector(1, "a millisecond shorter", _TWO, tuple(kinds(0, 9.999)), fires(9.999)),
    Vector(2, "out of order within lateness is in order", _THREE, tuple(kinds(2, 0, 1)), fires(2)),
    Vector(2, "out of order, far into the past but within lateness", _TWO, (a(59), a(3), a(4)), fires(4)),
    Vector(2, "beyond lateness: not counted", _TWO, (a(100), a(39), a(39.5)), []),
    Vector(2, "at the edge of lateness: counted", _TWO, (a(100), a(40), a(41)), fires(41)),
    Vector(2, "what waits is decided in order of time", _ORDERED, (a(5, "b"), a(4)), fires(5)),
    Vector(2, "an idle partition does not hold up others", _TWO, (a(0), a(500, user="v"), a(501, user="v")), fires(501, group=("v",))),
    Vector(2, "a silent partition is moved on by a tick", _ORDERED, (a(0), a(1, "b"), Tick(90)), fires(1)),
    Vector(3, "the same match again counts once", _TWO, (a(0, id=1), a(0, id=1)), []),
    Vector(3, "and once more beside another", _THREE, (a(0, id=1), a(0, id=1), a(1, id=2)), []),
    Vector(3, "again after a restart", _TWO, (a(0, id=1), Restart(), a(0, id=1)), []),
    Vector(3, "again, where the decision waits", one(condition="{eq: 2}"), (a(0, id=1), a(0, id=1)), []),
    Vector(4, "what falls and rises at one instant did not fall", one("value_sum", "{eq: 10, field: n}"),
           (a(0, n=10), a(5, n=3), a(5, n=-3)), fires(0)),
    Vector(4, "one fewer than needed", _THREE, tuple(kinds(0, 1)), []),
    Vector(4, "as many", _THREE, tuple(kinds(0, 1, 2)), fires(2)),
    Vector(4, "more: still one alert", _THREE, tuple(kinds(0, 1, 2, 3)), fires(2)),
    Vector(4, "a long plateau is one alert", _THREE, tuple(kinds(*range(100))), fires(2)),
    Vector(4, "a fall and a second rise", _THREE, tuple(kinds(0, 1, 2, 30, 31, 32)), fires(2, 32)),
    Vector(4, "a plateau held by matches that replace each other", _TWO, tuple(kinds(0, 5, 10, 15)), fires(5)),
    Vector(5, "gt", one(condition="{gt: 1}"), tuple(kinds(0, 1)), fires(1)),
    Vector(5, "lt: true at once, and again as the window runs out", one(condition="{lt: 2}"), tuple(kinds(0, 1)), fires(0, 10)),
    Vector(5, "lte", one(condition="{lte: 1}"), tuple(kinds(0, 1)), fires(0, 10)),
    Vector(5, "eq", one(condition="{eq: 2}"), tuple(kinds(0, 1, 2)), fires(1, 10)),
    Vector(5, "neq", one(condition="{neq: 1}"), tuple(kinds(0, 1)), fires(1)),
    Vector(5, "a range", one(condition="{gte: 2, lt: 3}"), tuple(kinds(0, 1, 2)), fires(1, 10)),
    Vector(5, "a range that nothing is in", one(condition="{gt: 2, lt: 2}"), tuple(kinds(0, 1, 2, 3)), []),
    Vector(6, "two fields are one tuple", one(condition="{gte: 2}", by="[user, host]"),
           (a(0, host="h"), a(1, host="i"), a(2, host="h")), fires(2, group=("u", "h"))),
    Vector(6, "a match without the field does not count", _TWO, (bare(0), bare(1)), []),
    Vector(6, "nor with null", _TWO, tuple(kinds(0, 1, user=None)), []),
    Vector(6, "nor where one of two fields is missing", one(condition="{gte: 2}", by="[user, host]"), tuple(kinds(0, 1)), []),
    Vector(6, "an empty text is a group", _TWO, tuple(kinds(0, 1, user="")), fires(1, group=("",))),
    Vector(6, "a list is a group per element", _TWO, (a(0, user=["x", "y"]), a(1, user="y")), fires(1, group=("y",))),
    Vector(6, "the same element twice is one match", _TWO, (a(0, user=["x", "x"]),), []),
    Vector(6, "a number and its text are one group", _TWO, (a(0, user=5), a(1, user="5")), fires(1, group=("5",))),
    Vector(6, "case tells groups apart", _TWO, (a(0, user="x"), a(1, user="X")), []),
    Vector(6, "without group-by all are one group", one(condition="{gte: 2}", by="[]"), (a(0, user="x"), bare(1)), fires(1, group=())),
    Vector(7, "source of one rule, destination of another", one("temporal", "", rules="[a, b]", by="[ip]", more=f", {_IPS}"),
           (bare(0, source={"ip": "192.0.2.1"}), bare(1, "b", destination={"ip": "192.0.2.1"})), fires(1, group=("192.0.2.1",))),
    Vector(7, "another address is another group", one("temporal", "", rules="[a, b]", by="[ip]", more=f", {_IPS}"),
           (bare(0, source={"ip": "192.0.2.1"}), bare(1, "b", destination={"ip": "192.0.2.2"})), []),
    Vector(7, "a rule without the alias is asked for the name itself",
           one("temporal", "", rules="[a, b]", by="[ip]", more=", aliases: {ip: {a: source.ip}}"),
           (bare(0, source={"ip": "192.0.2.1"}), bare(1, "b", destination={"ip": "192.0.2.1"}), bare(2, "b", ip="192.0.2.1")),
           fires(2, group=("192.0.2.1",))),
    Vector(8, "the same value again", one("value_count", "{gte: 2, field: host}"), tuple(kinds(0, 1, 2, host="h")), []),
    Vector(8, "two values", one("value_count", "{gte: 2, field: host}"), (a(0, host="h"), a(1, host="i")), fires(1)),
    Vector(8, "a value expires while a duplicate of it stays", one("value_count", "{gte: 2, field: host}"),
           (a(0, host="h"), a(8, host="h"), a(12, host="i")), fires(12)),
    Vector(8, "a value expires", one("value_count", "{gte: 2, field: host}"), (a(0, host="h"), a(10, host="i")), []),
    Vector(8, "several fields: distinct tuples", one("value_count", "{gte: 3, field: [host, port]}"),
           (a(0, host="h", port=1), a(1, host="h", port=2), a(2, host="i", port=1)), fires(2)),
    Vector(8, "a match without the field does not count", one("value_count", "{gte: 2, field: host}"), (a(0, host="h"), a(1)), []),
    Vector(9, "in any order", one("temporal", "", rules="[a, b]"), (a(0, "b"), a(1)), fires(1)),
    Vector(9, "one rule missing", one("temporal", "", rules="[a, b, c]"), (a(0), a(1, "b"), a(2)), []),
    Vector(9, "two rules matched by one event count both", one("temporal", "", rules="[a, b]"), (a(0, "a+b"),), fires(0)),
    Vector(9, "a count below the number of rules", one("temporal", "{gte: 2}", rules="[a, b, c]"), (a(0), a(1, "c")), fires(1)),
    Vector(9, "a boolean condition", one("temporal", "a and (b or c)", rules="[a, b, c]"), (a(0, "c"), a(1)), fires(1)),
    Vector(9, "with not: decided once nothing can come between", one("temporal", "a and not b", rules="[a, b]"),
           (a(0), a(20), a(19, "b")), fires(0, 29)),
    Vector(10, "the right order", _ORDERED, (a(0), a(1, "b")), fires(1)),
    Vector(10, "the wrong order", _ORDERED, (a(0, "b"), a(1)), []),
    Vector(10, "equal times are in order", _ORDERED, (a(5, "b"), a(5)), fires(5)),
    Vector(10, "interleaved repeats", one("temporal_ordered", "", rules="[a, b, c]"),
           (a(0, "b"), a(1), a(2, "c"), a(3, "b"), a(4, "c")), fires(4)),
    Vector(10, "a newer start carries the chain on", one("temporal_ordered", "", rules="[a, b, c]"),
           (a(0), a(5), a(6, "b"), a(12, "c")), fires(12)),
    Vector(10, "the first stage has expired", one("temporal_ordered", "", rules="[a, b, c]"), (a(0), a(1, "b"), a(10, "c")), []),
    Vector(10, "one match serves one stage", one("temporal_ordered", "", rules="[a, b]"), (a(0, "a"), a(0.5, "a")), []),
    Vector(11, "integers", one("value_sum", "{gte: 10, field: n}"), (a(0, n=4), a(1, n=6)), fires(1)),
    Vector(11, "fractions, exactly", one("value_sum", "{gte: 0.3, field: n}"), (a(0, n=0.1), a(1, n=0.2)), fires(1)),
    Vector(11, "text of numbers", one("value_sum", "{gte: 10, field: n}"), (a(0, n="4"), a(1, n="6.0")), fires(1)),
    Vector(11, "negative numbers", one("value_sum", "{gte: 10, field: n}"), (a(0, n=12), a(1, n=-5)), fires(0)),
    Vector(11, "what is no number does not count", one("value_sum", "{gte: 0, field: n}"), (a(0, n="many"), a(1, n="0x5")), []),
    Vector(11, "the average of one value", one("value_avg", "{gte: 5, field: n}"), (a(0, n=5),), fires(0)),
    Vector(11, "the average after expiry", one("value_avg", "{gte: 5, field: n}"), (a(0, n=1), a(5, n=6)), fires(10)),
    Vector(12, "a percentile of one value is the value", one("value_percentile", "{gte: 7, field: n, percentile: 95}"), (a(0, n=7),), fires(0)),
    Vector(12, "of two, interpolated", one("value_percentile", "{eq: 2.5, field: n, percentile: 75}"), (a(0, n=1), a(1, n=3)), fires(1)),
    Vector(12, "of a hundred", one("value_percentile", "{eq: 95.05, field: n, percentile: 95}"),
           tuple(a(i / 100, n=i + 1) for i in range(100)), fires(0.99)),
    Vector(12, "ties", one("value_percentile", "{eq: 5, field: n, percentile: 50}"), tuple(kinds(0, 1, 2, n=5)), fires(0)),
    Vector(12, "a median of an odd number", one("value_median", "{eq: 3, field: n}"), (a(0, n=9), a(1, n=1), a(2, n=3)), fires(2, 11)),
    Vector(12, "a median of an even number", one("value_median", "{eq: 2, field: n}"), (a(0, n=1), a(1, n=3)), fires(1)),
    Vector(13, "depth 2: the outer groups by its own field", all_of(_INNER, _OUTER),
           (a(0, host="h"), a(1, host="h"), a(2, user="v", host="h"), a(3, user="v", host="h")), fires(3, name="outer", group=("h",))),
    Vector(13, "the inner one alone raises nothing", all_of(_INNER, _OUTER), (a(0, host="h"), a(1, host="h")), []),
    Vector(13, "generate lets the inner one speak", all_of(_INNER, _OUTER.replace("value_count", "value_count, generate: true")),
           (a(0, host="h"), a(1, host="h")), fires(1, name="inner")),
    Vector(13, "depth 3", all_of(_INNER, _OUTER, _TOP),
           tuple(e for t in (0, 100) for e in (a(t, host="h"), a(t + 1, host="h"), a(t + 2, user="v", host="h"), a(t + 3, user="v", host="h"))),
           fires(103, name="top", group=("h",))),
    Vector(13, "an inner alert without the outer's field does not count", all_of(_INNER, _OUTER), tuple(kinds(0, 1)), []),
    Vector(14, "a restart in mid-window", _THREE, (a(0), a(1), Restart(), a(2)), fires(2)),
    Vector(14, "no second alert after a restart", _TWO, (a(0), a(1), Restart(), a(2), a(3)), fires(1)),
    Vector(14, "killed before the commit: read again, not raised again", _TWO, (a(0), a(1), Restart(commit=False), a(2)), fires(1)),
    Vector(14, "a restart while an order is under way", _ORDERED, (a(0), Restart(), a(1, "b")), fires(1)),
    Vector(14, "a restart in a chain", all_of(_INNER, _OUTER),
           (a(0, host="h"), a(1, host="h"), Restart(), a(2, user="v", host="h"), Restart(), a(3, user="v", host="h")),
           fires(3, name="outer", group=("h",))),
    Vector(14, "old data does not wake a closed window", _TWO, (a(0), a(1), a(200, user="v"), Restart(), a(0.5), a(1.5)), fires(1)),
    Vector(15, "a reload keeps the windows of what did not change", _THREE, (a(0), a(1), Reload(_THREE + "description: other\n"), a(2)), fires(2)),
    Vector(15, "what changed starts clean", _THREE, (a(0), a(1), Reload(one(span="11s")), a(2)), []),
    Vector(15, "and counts from there", _THREE, (a(0), a(1), Reload(one(span="11s")), a(2), a(3), a(4)), fires(4)),
    Vector(15, "one that is added beside it changes nothing", _THREE, (a(0), a(1), Reload(all_of(_THREE, one(name="new"))), a(2)), fires(2)),
    Vector(15, "one that is taken away is silent", all_of(_TWO, one(name="gone", condition="{gte: 2}")), (a(0), Reload(_TWO), a(1)), fires(1)),
    Vector(16, "an event from 2038 counts as when it was received", _TWO,
           (a(2**31 - 1_699_999_200, event={"created": "2023-11-14T22:00:00Z"}), a(1), a(2)), fires(1)),
    Vector(16, "an event from 1970 is late and harms nobody", _TWO, (a(0), a(-1_699_999_200), a(1)), fires(1)),
    Vector(17, "scores of three rules cross the threshold", _SCORE.replace("[a]", "[a, b, c]"),
           (a(0, risk={"score": 40}), a(1, "b", risk={"score": 40}), a(2, "c", risk={"score": 40})), fires(2, name="score")),
    Vector(17, "a score of exactly the threshold does not", _SCORE, (a(0, risk={"score": 50}), a(1, risk={"score": 50})), []),
    Vector(17, "tactics below three", _TACTICS, (a(0, risk={"tactic": "x"}), a(1, "b", risk={"tactic": "y"})), []),
    Vector(17, "tactics at three", _TACTICS,
           (a(0, risk={"tactic": "x"}), a(1, "b", risk={"tactic": "y"}), a(6 * 86400, "c", risk={"tactic": "z"})),
           fires(6 * 86400, name="tactics")),
    Vector(17, "what ships: three high rules about one user", _RISK, (bob(0, "r"), bob(60, "s"), bob(120, "t")), _risky(120)),
    Vector(17, "two make 100, which is not above it", _RISK, (bob(0, "r"), bob(60, "s")), []),
    Vector(17, "one rule again and again within the hour counts once", _RISK, tuple(bob(60 * n, "r") for n in range(59)), []),
    Vector(17, "one rule hour after hour", _RISK, tuple(bob(3600 * n, "r") for n in range(3)), _risky(7200)),
    Vector(17, "what was a day ago is forgotten", _RISK, (bob(0, "r"), bob(60, "s"), bob(86400, "t")), []),
    Vector(17, "three tactics by four rules within a week", _AHEAD,
           (bob(0, "r"), bob(86400, "s"), bob(2 * 86400, "t"), bob(3 * 86400, "v")), _risky(3 * 86400)),
    Vector(17, "three tactics by three rules", _AHEAD, (bob(0, "r"), bob(86400, "s"), bob(2 * 86400, "t")), []),
    Vector(17, "two tactics by many", _AHEAD, (bob(0, "s"), bob(1, "t"), bob(2, "v"), bob(7200, "t")), []),
    Vector(17, "a score decays after 24 hours", _SCORE, (a(0, risk={"score": 60}), a(86400, risk={"score": 60})), []),
)  # fmt: skip
"""All of them."""
