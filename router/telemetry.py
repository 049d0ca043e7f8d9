"""Every metric and the logger: declared here, nowhere else. Labels come from the configuration, never from event content.

The conservation identity, to the event, for every stage:
  ingest   received = appended + rejected{reason}
  process  read + split = written + dead_lettered{reason} + ignored{normalizer} + repeated
  sink     read{topic} = delivered + duplicate + redirected + dead_lettered{reason} + left_out{rule or choice} + returned
           (what is held in between is missing from the right; a returned record is read, and counted, again)
"""

import logging
import sys
from collections.abc import Callable
from typing import Any, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, values

from router import share

# A series beside each counter that says when it began would make half as many again, and nobody asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
REGISTRY = CollectorRegistry()
_SHARE = share.mine()
if _SHARE.is_one_of_several:  # numbers lie in files: they outlive a worker that is killed, and its successor goes on with them
    values.ValueClass = values.MultiProcessValue(lambda: str(_SHARE.number))  # type: ignore[no-untyped-call]  # it has no types
_LATENCY = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"logweir_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str, workers: Literal["sum", "max", "min"] = "sum") -> Gauge:
    """`workers`: what one number for all living workers is."""
    return Gauge(f"logweir_{name}", text, labels, registry=REGISTRY, multiprocess_mode=f"live{workers}")  # type: ignore[arg-type]  # built from literals


def _histogram(name: str, text: str, *labels: str) -> Histogram:
    return Histogram(f"logweir_{name}", text, labels, registry=REGISTRY, buckets=_LATENCY)


# 1 ingest
RECEIVED = _counter("ingest_received_events_total", "Events that reached a source, refused ones included", "source")
RECEIVED_BYTES = _counter("ingest_received_bytes_total", "Payload bytes of events handed to the log", "source")
APPENDED = _counter("ingest_appended_events_total", "Events durable in the raw topic", "source")
REJECTED = _counter("ingest_rejected_events_total", "Events or frames refused before the log", "source", "reason")
DOUBTS = _counter("ingest_doubtful_events_total", "Events kept although something about them was odd", "source", "reason")
APPEND_SECONDS = _histogram("ingest_append_seconds", "From the first payload of a batch to its durability", "source")
CONNECTIONS = _gauge("ingest_connections", "Open connections", "source")
UDP_DROPS = _gauge("ingest_udp_kernel_drops", "Datagrams that the kernel dropped since the socket was opened", "source")

# 2 process
READ = _counter("process_read_events_total", "Records read from the raw topic")
SPLIT = _counter("process_split_events_total", "Documents made beyond the first of one record")
NORMALIZED = _counter("process_normalized_events_total", "Documents by dataset", "dataset")
WRITTEN = _counter("process_written_events_total", "Documents durable in the events topic")
REPEATED = _counter("process_repeated_events_total", "Documents not written again after a crash")
IGNORED = _counter("process_ignored_events_total", "Records that a normalizer names as noise of the protocol", "normalizer")
DEAD_LETTERED = _counter("process_dead_lettered_events_total", "Records that became dead letters", "reason")
NORM_DOUBTS = _counter("process_doubtful_events_total", "Documents that carry a tag of doubt", "tag")
RULE_MATCHES = _counter("detect_matches_total", "Matches of detection rules", "rule", "level")
LAST_MATCH = _gauge(
    "detect_last_match_timestamp_seconds", "When a rule matched last, in seconds since the epoch", "rule", workers="max"
)
RULES_IN_FORCE = _gauge("detect_rules", "Detection rules and correlations in force", workers="max")
RULES_REFUSED = _gauge("detect_refused_rules", "Rules that are left out, by why they are refused", "reason", workers="max")
FIELD_UNSEEN = _gauge(
    "detect_field_unseen", "1 for a field that rules read and no sampled event had", "logsource", "field", workers="min"
)
SOURCE_LOOKED = _gauge("detect_sampled_events", "Events in which fields of rules were looked for", "logsource")
DETECT_VALUE_MISSES = _counter("detect_value_misses_total", "Field values that no memo knew")
DETECT_VERDICT_MISSES = _counter("detect_verdict_misses_total", "Events whose verdict no memo knew")
DETECT_CANDIDATES = _counter("detect_candidates_total", "Rules worked out for events whose verdict no memo knew")
RULE_CANDIDATES = _counter("detect_rule_candidates_total", "How often each of the costliest rules was worked out", "rule")
DETECT_LOOKUPS = _counter("detect_value_lookups_total", "Field values that were looked up in memos")
DETECT_BUCKETS = _gauge(
    "detect_buckets", "Kinds of events, by whether their rules are compiled or judged slowly until then", "state"
)
DETECT_DATABASES = _counter("detect_databases_total", "Databases of rule literals: compiled, or taken from the cache", "origin")
DETECT_MEMO_BYTES = _gauge("detect_memo_bytes", "What the memos of detection hold, roughly; bounded by rules.engine.memory_mb")
NOISE_MATCHES = _counter("noise_matches_total", "Events that a noise rule picked", "rule", "shadow")
NOISE_GROUPS = _gauge("noise_groups", "Groups with an open window", "rule")
NOISE_EVICTED = _counter("noise_evicted_groups_total", "Windows ended early to bound memory; more was kept", "rule")
PROCESS_SECONDS = _histogram("process_batch_seconds", "CPU part of one batch: normalize, detect, reduce, encode")

# 3 correlate
CORRELATED = _counter("correlate_read_matches_total", "Rule matches read")
ALERTS = _counter("correlate_signals_total", "Signals written", "rule", "level")
LATE = _counter("correlate_not_counted_total", "Matches a correlation did not count", "rule", "reason")
SUPPRESSED = _counter("correlate_suppressed_total", "Alerts that `suppress` of a correlation held back", "rule")
CORRELATE_DEAD = _counter("correlate_dead_lettered_total", "Results that became dead letters", "reason")
CHAINED = _counter("correlate_chained_total", "Matches that correlations made for correlations over them", "rule")
GROUPS = _gauge("correlate_groups", "Groups with an open window", "rule")
WINDOW_BYTES = _gauge("correlate_window_bytes", "What open windows hold, roughly; bounded by limits.correlations_mb")

# 4 deliver
SINK_READ = _counter("sink_read_events_total", "Records read for a sink", "sink", "topic")
SINK_DONE = _counter("sink_done_events_total", "Records by outcome: delivered, duplicate, redirected", "sink", "topic", "outcome")
SINK_LEFT_OUT = _counter("sink_left_out_events_total", "Records not sent, by noise rule or by choice", "sink", "topic", "rule")
SINK_RETURNED = _counter(
    "sink_returned_events_total", "Records given back unsent or unanswered; read again later", "sink", "topic"
)
SINK_SHADOW = _counter("sink_shadow_events_total", "Records sent that a noise rule in shadow would leave out", "sink", "rule")
SINK_SHADOW_BYTES = _counter("sink_shadow_bytes_total", "Document bytes of those records", "sink", "rule")
SINK_LEFT_OUT_BYTES = _counter("sink_left_out_bytes_total", "Document bytes not sent or trimmed away", "sink", "rule")
SINK_DEAD_LETTERED = _counter("sink_dead_lettered_events_total", "Records that became dead letters", "sink", "topic", "reason")
SINK_RETRIES = _counter("sink_retried_events_total", "Records sent once more", "sink", "reason")
SINK_BYTES = _counter("sink_written_bytes_total", "Document bytes delivered", "sink")
SINK_SECONDS = _histogram("sink_write_seconds", "One write, from call to answer", "sink")
LAG_EVENTS = _gauge("sink_lag_events", "Records not yet committed", "sink")
LAG_SECONDS = _gauge("sink_lag_seconds", "Age of the oldest record that is not committed", "sink", workers="max")
BREAKER = _gauge("sink_breaker_state", "0 closed, 1 half open, 2 open, 3 paused for a person", "sink", workers="max")
CONCURRENCY = _gauge("sink_concurrency_limit", "Writes that may run at once", "sink")
UNACKED_BYTES = _gauge("sink_unacked_bytes", "Bytes sent and not yet answered", "sink")

# canaries
CANARY_SENT = _counter("canary_sent_total", "Canaries that the log acknowledged", "receiver")
CANARY_SEEN = _counter("canary_seen_total", "Canaries found at a sink before their deadline", "receiver", "sink")
CANARY_MISSING = _counter("canary_missing_total", "Canaries not found at a sink at their deadline", "receiver", "sink")
CANARY_LATE = _counter("canary_late_total", "Canaries found at a sink after they had been counted as missing", "receiver", "sink")
CANARY_SECONDS = _histogram("canary_seconds", "From the sending of a canary until it was found at a sink", "sink")

# the process
LEDGER_BYTES = _gauge("memory_ledger_bytes", "Bytes of events held by this process")
LOOP_LAG = _gauge("event_loop_lag_seconds", "How late the event loop ran in the last second, at most", workers="max")
LOG_EXPIRED = _counter(
    "log_expired_unread_records_total",
    "Records that were gone before a group read them: by retention, or damaged",
    "group",
    "topic",
)
REBUILDS = _counter("log_client_rebuilds_total", "Kafka clients replaced after an error that does not heal", "client")
RELOAD_SUCCESS = _gauge(
    "config_reload_success", "1 if rules and configuration were good when last read, 0 if the old ones go on", workers="min"
)
CONFIG_LOADED = _gauge(
    "config_loaded_timestamp_seconds", "When what is in force was read, in seconds since the epoch", workers="min"
)
BUILD = _gauge("build_info", "1, with the version as a label", "version", workers="max")
WORKER_UP = _gauge("worker_up", "1 while this one of several workers runs", "worker")
WORKER_RESTARTS = _counter("worker_restarts_total", "Workers started again after they had ended", "worker")


def label(text: str, limit: int = 100) -> str:
    """A label value from configuration or rule content: bounded in length, printable."""
    return "".join(c if c.isprintable() else "?" for c in text[:limit])


def bound(make: Callable[..., Any], *fixed: str) -> Callable[..., Any]:
    """A lookup of children that asks prometheus_client once per label set: `bound(counter, sink)(reason)`."""
    children: dict[tuple[str, ...], Any] = {}

    def child(*values: str) -> Any:
        try:
            return children[values]
        except KeyError:
            return children.setdefault(values, make(*fixed, *map(label, values)))

    return child


def configure_logging(level: str = "info", *, json: bool = True) -> None:
    """Structured logs on stderr. Library loggers (aiokafka repeats itself up to 10,000 times a second) are held at CRITICAL."""
    # A rich traceback would show local variables, and with them event bodies and secrets.
    console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = structlog.processors.JSONRenderer() if json else console
    structlog.configure(
        processors=[
            *([_with_worker] if _SHARE.is_one_of_several else []),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if json else structlog.dev.set_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    for name in ("aiokafka", "elastic_transport", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _with_worker(_: Any, __: str, event: Any) -> Any:
    event["worker"] = _SHARE.number
    return event


def logger(part: str) -> Any:
    """A logger bound to the part of the router that speaks."""
    return structlog.get_logger(part=part)
