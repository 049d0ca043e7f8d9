"""Which noise rules pick an event: the pure part, without metrics and without a clock."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal, TypeAlias

from router.batch import Event
from router.detect.ir import Atom, Tree, all_of, any_of
from router.reduce.fields import getter, hashable
from router.reduce.models import Dedupe, Drop, Sample, Throttle, Trim
from router.reduce.reading import NoiseRule
from router.reduce.summary import Summary, summarise
from router.reduce.windows import Key, Windows

Row: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""(ids of noise rules, ids of trim rules) that pick one event; equal rows are one object."""

NOTHING: Row = ((), ())
_MANY = 20_000


class Picker:
    """One rule at work. `leaves_out` only looks; what was decided is told by `settle`, which follows for the same event."""

    def __init__(self, rule: NoiseRule) -> None:
        settings = rule.settings
        self.id, self.selection = rule.id, selection(rule)
        self.keeps_matched, self.shadow = settings.keep_matched, settings.shadow
        self.trims = isinstance(settings, Trim)
        self.is_plain = isinstance(settings, (Trim, Drop))
        """True if its answer is the same for every event that it selects."""

    def leaves_out(self, event: Event, event_id: bytes, time: float) -> bool:
        """Whether this rule would leave out an event that it selects."""
        return not self.trims

    def settle(self, event: Event, event_id: bytes, time: float, *, left_out: bool, by_others: bool) -> None:
        """`left_out` by this rule; `by_others`: a rule in force leaves it out, so it cannot stand for its group."""

    def close(self, time: float | None) -> list[Summary]:
        """Summaries of the windows that are over at `time`; None ends them all."""
        return []


class Sampler(Picker):
    """Keeps a share by a hash of the event's id, so that a repeat and a replay get the same answer."""

    def __init__(self, rule: NoiseRule, settings: Sample) -> None:
        super().__init__(rule)
        self._below = int(settings.rate * 2**64)
        self._salt = blake2b(rule.id.encode(), digest_size=16).digest()

    def leaves_out(self, event: Event, event_id: bytes, time: float) -> bool:
        """True for all but the share."""
        return int.from_bytes(blake2b(event_id, digest_size=8, key=self._salt).digest()) >= self._below


class Grouper(Picker):
    """Dedupe and throttle: keeps the first events of each group in a window."""

    def __init__(self, rule: NoiseRule, settings: Dedupe | Throttle) -> None:
        super().__init__(rule)
        limit = settings.limit if isinstance(settings, Throttle) else 1
        self._title, self._by = settings.title, settings.by
        self._getters = [getter(name) for name in settings.by]
        self.windows = Windows(limit, settings.window_seconds, settings.max_groups)
        self._asked: Key | None = None
        """The group of the event that `leaves_out` looked at last: `settle` follows for the same one."""

    def leaves_out(self, event: Event, event_id: bytes, time: float) -> bool:
        """True once the group has had its share of the window."""
        key = self._asked = self._key(event)
        return key is not None and self.windows.is_full(key, time)

    def settle(self, event: Event, event_id: bytes, time: float, *, left_out: bool, by_others: bool) -> None:
        """Count it for its group."""
        key = self._asked
        if key is None:
            return
        if left_out:
            self.windows.leave_out(key, time, event_id)
        elif not by_others:
            self.windows.keep(key, time, event_id, dataset_of(event))

    def close(self, time: float | None) -> list[Summary]:
        """Summaries of the windows that are over at `time`; None ends them all."""
        if time is None:
            self.windows.close_all()
        else:
            self.windows.close_before(time)
        return [summarise(self.id, self._title, self._by, closed) for closed in self.windows.ended()]

    def _key(self, event: Event) -> Key | None:
        values = tuple([v if (v := get(event)).__class__ is str else hashable(v) for get in self._getters])
        return None if values.count(None) == len(values) else values


def picker(rule: NoiseRule) -> Picker:
    """The rule, ready to work."""
    settings = rule.settings
    if isinstance(settings, Sample):
        return Sampler(rule, settings)
    if isinstance(settings, (Dedupe, Throttle)):
        return Grouper(rule, settings)
    return Picker(rule)


class Judge:
    """All rules over events. Rules are independent: each judges every event that it selects, whatever the others say,
    except that an event which a rule in force leaves out does not open a window of another one."""

    def __init__(self, rules: Sequence[NoiseRule]) -> None:
        self.pickers = [picker(r) for r in rules]
        self._rows: dict[Row, Row] = {}
        self._plain: dict[tuple[Picker, ...], tuple[Row, Sequence[Picker]]] = {}
        self.tally: dict[Picker, int] = {}
        """Events picked since the owner last cleared it."""

    def row(self, selected: tuple[Picker, ...], event: Event, event_id: bytes, time: float, matched: bool) -> Row:
        """What is to be done with an event, given the rules whose selection it satisfies; equal rows are one object."""
        if matched:
            selected = tuple([p for p in selected if not p.keeps_matched])
        known = self._plain.get(selected)
        if known is None:
            known = self._decide(selected, event, event_id, time)
            if all(p.is_plain for p in selected) and len(self._plain) < _MANY:
                self._plain[selected] = known
        row, counted = known
        for p in counted:
            self.tally[p] = self.tally.get(p, 0) + 1
        return row

    def close(self, time: float | None) -> list[Summary]:
        """Summaries of the windows that are over at `time`; None ends them all."""
        return [summary for p in self.pickers for summary in p.close(time)]

    def _decide(self, picked: Sequence[Picker], event: Event, event_id: bytes, time: float) -> tuple[Row, Sequence[Picker]]:
        out = [p for p in picked if p.leaves_out(event, event_id, time)]
        by_others = any(not p.shadow for p in out)
        for p in picked:
            p.settle(event, event_id, time, left_out=p in out, by_others=by_others)
        trims = [p for p in picked if p.trims]
        return self._interned((tuple([p.id for p in out]), tuple([p.id for p in trims]))), (*out, *trims)

    def _interned(self, row: Row) -> Row:
        if len(self._rows) > _MANY:
            self._rows.clear()
        return self._rows.setdefault(row, row)


def dataset_of(event: Event) -> str:
    """event.dataset, or "" where it is missing or no text."""
    about = event.get("event")
    dataset = about.get("dataset") if isinstance(about, dict) else None
    return dataset if isinstance(dataset, str) else ""


def selection(rule: NoiseRule) -> Tree | None:
    """Its datasets and its detection as one tree; None where it selects every event."""
    patterns = rule.settings.datasets
    trees = [] if not patterns or "*" in patterns else [any_of([_dataset(p) for p in patterns])]
    trees += [] if rule.tree is None else [rule.tree]
    return all_of(trees) if trees else None


def _dataset(pattern: str) -> Tree:
    """A dataset, exact or by a trailing `*`."""
    kind: Literal["startswith", "eq"] = "startswith" if pattern.endswith("*") else "eq"
    return Atom("event.dataset", kind, pattern.removesuffix("*"), cased=True)
