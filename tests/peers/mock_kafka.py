"""Scripted Kafka: librdkafka's mock cluster in a process of its own, which answers with any error code when told to.

It is no broker: nothing is durable, sequence numbers are not checked, static members are not fenced. What it is for is what
a real broker does not do on demand: one error code in one answer, a leader or a coordinator that moves. As a program,
`python -m tests.peers.mock_kafka BROKERS TOPIC=PARTITIONS ...`, it prints its addresses and then obeys lines on its standard
input, with one line of JSON for each. It ends with its input.
"""

import ctypes
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.peers.presence import missing

PRODUCE, FETCH, LIST_OFFSETS, METADATA, COMMIT, OFFSETS, COORDINATOR, JOIN, HEARTBEAT, LEAVE, SYNC = (
    0,
    1,
    2,
    3,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
)
INIT_PRODUCER = 22
CLOSED = -195
"""Instead of an error code: close the connection without an answer (librdkafka's own _TRANSPORT)."""
_POINTER, _TEXT, _INT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_size_t


def _library() -> ctypes.CDLL:
    try:
        import confluent_kafka
    except ImportError:
        missing("confluent-kafka (its wheel carries the mock cluster)", "`make dev` installs it")
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    library = ctypes.CDLL(str(next(folder.glob("librdkafka-*.so*"))))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new", "rd_kafka_mock_get_requests"):
        getattr(library, name).restype = _POINTER
    library.rd_kafka_new.argtypes = [ctypes.c_int, _POINTER, _TEXT, _SIZE]
    library.rd_kafka_mock_cluster_new.argtypes = [_POINTER, ctypes.c_int]
    library.rd_kafka_mock_get_requests.argtypes = [_POINTER, ctypes.POINTER(_SIZE)]
    library.rd_kafka_mock_request_destroy_array.argtypes = [_POINTER, _SIZE]
    library.rd_kafka_mock_request_api_key.argtypes, library.rd_kafka_mock_request_api_key.restype = [_POINTER], ctypes.c_int16
    return library


class _Cluster:
    """The library's calls, by the words of the program's input."""

    def __init__(self, brokers: int, topics: dict[str, int]) -> None:
        self._library, self._brokers = _library(), brokers
        self._ordered: dict[int, int] = {}
        error = ctypes.create_string_buffer(512)
        handle = self._library.rd_kafka_new(0, self._library.rd_kafka_conf_new(), error, 512)
        self._cluster = _POINTER(self._library.rd_kafka_mock_cluster_new(handle, brokers))
        for topic, partitions in topics.items():
            self._call("topic_create", topic.encode(), ctypes.c_int(partitions), ctypes.c_int(min(3, brokers)))
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self._call("start_request_tracking")

    def _call(self, name: str, *values: Any) -> Any:
        return getattr(self._library, f"rd_kafka_mock_{name}")(self._cluster, *values)

    def addresses(self) -> list[str]:
        """Of all brokers."""
        name = self._library.rd_kafka_mock_cluster_bootstraps
        name.argtypes, name.restype = [_POINTER], _TEXT
        return list(name(self._cluster).decode().split(","))

    def errors(self, api: int, code: int, times: int) -> None:
        """The next `times` requests of this kind are answered with the code, by whichever broker; earlier orders are void."""
        self.never(api)
        self._ordered[api] = times
        codes = (ctypes.c_int * times)(*[code] * times)
        self._call("push_request_errors_array", ctypes.c_int16(api), _SIZE(times), codes)
        self._call("clear_requests")

    def left(self, api: int) -> int:
        """Of what `errors` asked for last, not answered yet."""
        return max(0, self._ordered.get(api, 0) - self.requests().get(str(api), 0))

    def always(self, api: int, code: int) -> None:
        """Every request of this kind is answered so, until `never`."""
        codes = (ctypes.c_int * 10_000)(*[code] * 10_000)
        self._call("push_request_errors_array", ctypes.c_int16(api), _SIZE(len(codes)), codes)

    def never(self, api: int) -> None:
        """Nothing that was ordered is answered any more."""
        self._call("clear_request_errors", ctypes.c_int16(api))

    def down(self, broker: int) -> None:
        """It closes its connections and refuses new ones."""
        self._call("broker_set_down", _INT(broker))

    def up(self, broker: int) -> None:
        """It is there again."""
        self._call("broker_set_up", _INT(broker))

    def leader(self, topic: str, partition: int, broker: int) -> None:
        """Move a partition; -1: nobody leads it."""
        self._call("partition_set_leader", topic.encode(), _INT(partition), _INT(broker))

    def coordinator(self, group: str, broker: int) -> None:
        """Move a group."""
        self._call("coordinator_set", b"group", group.encode(), _INT(broker))

    def slow(self, milliseconds: int) -> None:
        """Every answer of every broker comes so late."""
        for broker in range(1, self._brokers + 1):
            self._call("broker_set_rtt", _INT(broker), ctypes.c_int(milliseconds))

    def requests(self) -> dict[str, int]:
        """How many requests of each kind came since the last order."""
        count = _SIZE(0)
        found = self._library.rd_kafka_mock_get_requests(self._cluster, ctypes.byref(count))
        rows = ctypes.cast(found, ctypes.POINTER(_POINTER))
        kinds = Counter(str(self._library.rd_kafka_mock_request_api_key(rows[n])) for n in range(count.value))
        self._library.rd_kafka_mock_request_destroy_array(found, count)
        return dict(kinds)


def main(brokers: int, *topics: str) -> None:
    """Until the input ends."""
    cluster = _Cluster(brokers, {name: int(count) for name, _, count in (t.partition("=") for t in topics)})
    print(json.dumps(cluster.addresses()), flush=True)
    for line in sys.stdin:
        name, *values = json.loads(line)
        print(json.dumps(getattr(cluster, name)(*values)), flush=True)


class MockKafka:
    """A cluster with these topics, while the context lasts."""

    def __init__(self, topics: dict[str, int], brokers: int = 3) -> None:
        self._command = [sys.executable, "-m", "tests.peers.mock_kafka", str(brokers), *[f"{t}={n}" for t, n in topics.items()]]
        self.bootstrap: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.bootstrap = tuple(self._answer())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the mock cluster ended"
        return json.loads(line)

    def __call__(self, name: str, *values: Any) -> Any:
        """One of the words of `_Cluster`: `errors`, `left`, `always`, `never`, `down`, `up`, `leader`, `coordinator`, `slow`, `requests`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, *values]) + "\n")
        self._process.stdin.flush()
        return self._answer()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
