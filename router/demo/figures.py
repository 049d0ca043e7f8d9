"""What the counters say since the demonstration began, in the shape that people ask for."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from router.telemetry import REGISTRY

Snapshot: TypeAlias = dict[tuple[str, tuple[str, ...]], float]


def snapshot() -> Snapshot:
    """Every sample of the process's metrics: (name, label values in declared order) -> value."""
    return {(s.name, tuple(s.labels.values())): s.value for metric in REGISTRY.collect() for s in metric.samples}


@dataclass(slots=True)
class SinkFigures:
    """One sink's balance: received = written + dead_lettered + left_out, once it has caught up."""

    received: int = 0
    written: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    left_out: int = 0
    left_out_by: dict[str, int] = field(default_factory=dict)
    saved_bytes: int = 0
    written_bytes: int = 0
    retried: int = 0
    lag: int = 0
    state: str = "closed"


@dataclass(slots=True)
class Figures:
    """Everything the live view and the summary show."""

    received: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    datasets: dict[str, int] = field(default_factory=dict)
    documents: int = 0
    dead_lettered: int = 0
    ignored: int = 0
    alerts: dict[tuple[str, str], int] = field(default_factory=dict)
    noise: dict[str, int] = field(default_factory=dict)
    shadow: dict[str, int] = field(default_factory=dict)
    sinks: dict[str, SinkFigures] = field(default_factory=dict)


STATES = ("running", "probing", "waiting", "paused")


def figures(since: Snapshot) -> Figures:
    """The difference between now and `since`; gauges as they are."""
    now = snapshot()
    return _Reading({k: v - since.get(k, 0.0) for k, v in now.items()}, now).figures()


class _Reading:
    def __init__(self, difference: Snapshot, now: Snapshot) -> None:
        self._rows: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        self._now: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        for (name, labels), value in difference.items():
            self._rows[name.removeprefix("logweir_")].append((labels, round(value)))
        for (name, labels), value in now.items():
            self._now[name.removeprefix("logweir_")].append((labels, round(value)))

    def _by(self, name: str, label: int = 0) -> dict[str, int]:
        sums: dict[str, int] = defaultdict(int)
        for labels, value in self._rows[name]:
            if value:
                sums[labels[label]] += value
        return dict(sorted(sums.items(), key=lambda row: -row[1]))

    def _total(self, name: str) -> int:
        return sum(value for _, value in self._rows[name])

    def figures(self) -> Figures:
        noise = [(labels, n) for labels, n in self._rows["noise_matches_total"] if n]
        return Figures(
            received=self._by("ingest_received_events_total"),
            rejected=self._by("ingest_rejected_events_total", 1),
            datasets=self._by("process_normalized_events_total"),
            documents=self._total("process_written_events_total"),
            dead_lettered=self._total("process_dead_lettered_events_total"),
            ignored=self._total("process_ignored_events_total"),
            alerts={(labels[0], labels[1]): n for labels, n in self._rows["correlate_signals_total"] if n},
            noise={labels[0]: n for labels, n in noise if labels[1] == "false"},
            shadow={labels[0]: n for labels, n in noise if labels[1] == "true"},
            sinks=self._sinks(),
        )

    def _sinks(self) -> dict[str, SinkFigures]:
        sinks: dict[str, SinkFigures] = defaultdict(SinkFigures)
        for (sink, *_), value in self._rows["sink_read_events_total"]:
            sinks[sink].received += value
        for (sink, *_), value in self._rows["sink_returned_events_total"]:
            sinks[sink].received -= value
        for (sink, _, outcome), value in self._rows["sink_done_events_total"]:
            sinks[sink].written += value
            sinks[sink].duplicates += value if outcome == "duplicate" else 0
        for (sink, _, rule), value in self._rows["sink_left_out_events_total"]:
            sinks[sink].left_out += value
            if value:
                sinks[sink].left_out_by[rule] = sinks[sink].left_out_by.get(rule, 0) + value
        self._add(sinks, "sink_dead_lettered_events_total", "dead_lettered")
        self._add(sinks, "sink_left_out_bytes_total", "saved_bytes")
        self._add(sinks, "sink_written_bytes_total", "written_bytes")
        self._add(sinks, "sink_retried_events_total", "retried")
        for (sink, *_), value in self._now["sink_lag_events"]:
            if sink in sinks:
                sinks[sink].lag = value
        for (sink, *_), value in self._now["sink_breaker_state"]:
            if sink in sinks:
                sinks[sink].state = STATES[value]
        return dict(sinks)

    def _add(self, sinks: dict[str, SinkFigures], name: str, attribute: str) -> None:
        for (sink, *_), value in self._rows[name]:
            setattr(sinks[sink], attribute, getattr(sinks[sink], attribute) + value)


def balance(sink: SinkFigures) -> bool:
    """received = written + dead-lettered + left out, to the event."""
    return sink.received == sink.written + sink.dead_lettered + sink.left_out


def as_json(figures: Figures, titles: dict[str, str]) -> dict[str, Any]:
    """The part of the summary that comes from the counters."""
    return {
        "received": figures.received,
        "rejected": figures.rejected,
        "documents": figures.documents,
        "dead_lettered": figures.dead_lettered,
        "ignored": figures.ignored,
        "datasets": figures.datasets,
        "alerts": [
            {"rule": rule, "title": titles.get(rule, rule), "level": level, "count": n}
            for (rule, level), n in sorted(figures.alerts.items())
        ],
        "noise": figures.noise,
        "noise_shadow": figures.shadow,
        "sinks": {name: _sink_json(sink) for name, sink in sorted(figures.sinks.items())},
    }


def _sink_json(sink: SinkFigures) -> dict[str, Any]:
    row = {name: getattr(sink, name) for name in SinkFigures.__slots__}
    return row | {"balanced": balance(sink)}
