"""The page of metrics."""

from collections.abc import Iterable, Iterator

from prometheus_client import Counter, Gauge, Histogram

from router import telemetry
from router.reference.markdown import code, codes, table

_STAGES = (
    ("1 ingest", ("ingest_",)),
    ("2 process", ("process_", "detect_", "noise_")),
    ("3 correlate", ("correlate_",)),
    ("4 deliver", ("sink_",)),
    ("The process", ("",)),
)
_PREFIX = "logweir_"
Row = tuple[str, str, str, str]


def metrics_page() -> str:
    """Name, type, labels and text of every metric, by stage; and the identity that they keep."""
    rows, parts = sorted(_metrics()), [f"# Metrics\n\nServed at `/metrics`.\n\n```\n{_identity()}\n```\n"]
    for title, prefixes in _STAGES:
        mine = [row for row in rows if row[0].removeprefix(_PREFIX).startswith(prefixes)]
        rows = [row for row in rows if row not in mine]
        parts.append(f"## {title}\n\n" + table(("metric", "type", "labels", "what it counts"), _written(mine)))
    return "\n".join(parts)


def _identity() -> str:
    return (telemetry.__doc__ or "").partition("\n\n")[2].strip()


def _metrics() -> Iterator[Row]:
    for metric in vars(telemetry).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            [family] = metric.describe()
            suffix = "_total" if family.type == "counter" else ""
            yield family.name + suffix, family.type, " ".join(metric._labelnames), family.documentation


def _written(rows: Iterable[Row]) -> Iterator[Row]:
    return ((code(name), kind, codes(labels.split()), text) for name, kind, labels, text in rows)
