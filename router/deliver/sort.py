"""Sorts a batch by what the sink wants: left out, trimmed, alerts first. Nothing is decoded but what a rule trims."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from router.batch import SIGNALS, Batch, Facts, Record
from router.deliver.reshape import reshaping
from router.deliver.tally import Tally
from router.reduce import Scope, compile_trim
from router.route import Route, Verdict
from router.shapes import Shape


@dataclass(slots=True)
class Sorted:
    """The wanted part of a batch: offsets and records side by side, and which of them are alerts."""

    offsets: list[int] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)
    """Indices of alerts in `records`."""


class Sorter:
    """Facts -> verdict -> counted, trimmed or passed on, for one sink."""

    def __init__(self, route: Route, scope: Scope, tally: Tally, *, ordered: bool, shape: Shape = "ecs") -> None:
        self._route, self._scope, self._tally, self._ordered = route, scope, tally, ordered
        self._reshape = reshaping(shape)
        self._trims: dict[tuple[str, ...], Callable[[bytes], bytes]] = {}

    def sort(self, batch: Batch[Record]) -> Sorted:
        """Every record of the batch is either in the result, or has been counted as left out."""
        topic = batch.span.topic
        self._tally.read(topic, len(batch.items))
        wanted, left_out = self._divide(batch)
        for verdict, records in left_out.items():
            self._tally.left_out(topic, verdict.left_out, len(records), _size(records))
        if self._ordered:  # overtaking within a partition would break its order, so alerts are told by their topic
            wanted.alerts = list(range(len(wanted.records))) if topic == SIGNALS else []
        if (reshape := self._reshape) is not None:
            wanted.records = [reshape(record) for record in wanted.records]
        return wanted

    def _divide(self, batch: Batch[Record]) -> tuple[Sorted, dict[Verdict, list[Record]]]:
        wanted, left_out = Sorted(), dict[Verdict, list[Record]]()
        marked = dict[Verdict, list[int]]()
        verdicts = _OfBatch(self._route)
        for offset, record in zip(_offsets(batch), batch.items, strict=True):
            verdict = verdicts[id(record.facts)] if id(record.facts) in verdicts else verdicts.learn(record.facts)
            if verdict is not None:
                if verdict.left_out:
                    left_out.setdefault(verdict, []).append(record)
                    continue
                marked.setdefault(verdict, []).append(len(wanted.records))
            wanted.offsets.append(offset)
            wanted.records.append(record)
        for special, indices in marked.items():
            self._follow(special, indices, wanted)
        wanted.alerts.sort()
        return wanted, left_out

    def _follow(self, verdict: Verdict, indices: Sequence[int], wanted: Sorted) -> None:
        """What a verdict asks for besides being sent."""
        records = wanted.records
        for rule in verdict.shadow:
            self._tally.shadowed(rule, len(indices), _size([records[i] for i in indices]))
        if verdict.trim:
            self._trim(verdict.trim, indices, records)
        if verdict.is_alert:
            wanted.alerts += indices

    def _trim(self, rules: tuple[str, ...], indices: Sequence[int], records: list[Record]) -> None:
        trim = self._trims.get(rules)
        if trim is None:
            trim = self._trims[rules] = compile_trim(cut for rule in rules for cut in self._scope.cuts[rule])
        before = _size([records[i] for i in indices])
        for i in indices:
            records[i] = records[i]._replace(body=trim(records[i].body))
        self._tally.trimmed(rules[0], before - _size([records[i] for i in indices]))


class _OfBatch(dict[int, Verdict | None]):
    """Verdicts by the identity of facts, which holds while the batch does: hashing facts costs more than all the rest.

    None stands for records that are sent as they are.
    """

    def __init__(self, route: Route) -> None:
        super().__init__()
        self._route = route

    def learn(self, facts: Facts) -> Verdict | None:
        verdict = self._route[facts]
        return self.setdefault(id(facts), verdict if any(verdict) else None)


def _offsets(batch: Batch[Record]) -> Sequence[int]:
    return batch.offsets or range(batch.span.start, batch.span.start + len(batch.items))


def _size(records: Sequence[Record]) -> int:
    return sum([len(r.body) for r in records])
