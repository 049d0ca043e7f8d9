"""The numbers of all workers as one, with the books of those that were killed closed.

Every worker counts in files that outlive it (prometheus_client's multiprocess mode); the successor of a worker that died
goes on with its counters, so that none ever falls. What a killed worker had begun and not yet counted to its end would
unbalance the conservation identity for ever (see telemetry), so the parent adds the difference, once, to what became of it:
records that a sink's worker held are read again elsewhere (returned), and both other loops count what is durable already.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from router.telemetry import APPENDED, SINK_RETURNED, WORKER_RESTARTS, WORKER_UP, WRITTEN

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Name of a sample, and its labels, sorted."""
_IDENTITIES: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (("ingest_received_events",), ("ingest_appended_events", "ingest_rejected_events"), ("source",)),
    (
        ("process_read_events", "process_split_events"),
        ("process_written_events", "process_dead_lettered_events", "process_ignored_events", "process_repeated_events"),
        (),
    ),
    (
        ("sink_read_events",),
        ("sink_returned_events", "sink_done_events", "sink_dead_lettered_events", "sink_left_out_events"),
        ("sink", "topic"),
    ),
)
"""Left side, right side with what a difference is added to in front, and the labels by which it balances."""
_OWN = frozenset(("logweir_worker_up", "logweir_worker_restarts"))


def _name(counter: str) -> str:
    return f"logweir_{counter}_total"


class Books(Collector):
    """Of the workers whose files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._missing: dict[int, Mapping[Key, float]] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Everything, in Prometheus's text format. Reads files."""
        return generate_latest(self._registry)

    def close(self, worker: int) -> None:
        """A worker is dead: balance what it counted in all its lives, and forget its gauges. Reads its files."""
        mark_process_dead(worker, str(self._folder))  # type: ignore[no-untyped-call]  # the library has no types here
        file = self._folder / f"counter_{worker}.db"
        if file.exists():
            self._missing[worker] = dict(_missing(MultiProcessCollector.merge([str(file)])))  # type: ignore[no-untyped-call]  # as above

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        more: Counter[Key] = Counter()
        for missing in self._missing.values():
            more.update(missing)
        merged = MultiProcessCollector(None, str(self._folder)).collect()  # type: ignore[no-untyped-call]  # as above
        metrics = {str(metric.name): metric for metric in merged if metric.name not in _OWN}
        for counter in (APPENDED, WRITTEN, SINK_RETURNED):
            (empty,) = counter.describe()
            metrics.setdefault(empty.name, empty)
        yield from (_with(metrics[name], more) for name in sorted(metrics))
        yield from WORKER_UP.collect()
        yield from WORKER_RESTARTS.collect()


def _with(metric: Metric, more: Counter[Key]) -> Metric:
    """The metric, with what was missing in it."""
    present = set(map(_key, metric.samples))
    due = {key: value for key, value in more.items() if key[0] == f"{metric.name}_total"}
    for name, labels in due.keys() - present:
        metric.add_sample(name, dict(labels), 0.0)
    metric.samples = [s._replace(value=s.value + due.get(_key(s), 0.0)) for s in metric.samples]
    return metric


def _key(sample: Sample) -> Key:
    return sample.name, tuple(sorted(sample.labels.items()))


def _missing(metrics: Iterable[Metric]) -> Iterator[tuple[Key, float]]:
    """What has to be added to which counter for every identity to hold."""
    samples = [sample for metric in metrics for sample in metric.samples]
    for left, right, labels in _IDENTITIES:
        balance: Counter[tuple[tuple[str, str], ...]] = Counter()
        for sign, names in ((1, left), (-1, right)):
            for sample in samples:
                if sample.name in map(_name, names):
                    balance[tuple((label, sample.labels[label]) for label in labels)] += sign * sample.value  # type: ignore[assignment]  # floats count as well
        yield from (((_name(right[0]), key), value) for key, value in balance.items() if value > 0)
