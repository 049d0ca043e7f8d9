"""Records as Kafka messages and back: key, body as value, and one packed header for everything else."""

from collections.abc import Sequence
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder

from router.batch import NO_FACTS, Batch, Record, Span
from router.errors import Rejected
from router.log.codec import MAX_RECORD_BYTES, HeaderWriter, coordinates_id, unpack

HEADER = "lw"


def fill(builder: BatchBuilder, topic: str, records: Sequence[Record], start: int, stop: int, now_ms: int) -> int:
    """Append records from `start` on, until one does not fit or `stop` is reached; returns how many went in.

    The message's own timestamp is that of the append: brokers delete by it and refuse it when it lies in the future, and an
    event's time may be anything. Raises Rejected when a record is larger than any log takes.
    """
    pack, append = HeaderWriter().pack, builder.append
    for place in range(start, stop):
        record = records[place]
        header = pack(record)
        if len(header) + len(record.key) + len(record.body) > MAX_RECORD_BYTES:
            raise Rejected(f"topic {topic}: a record of more than {MAX_RECORD_BYTES:,} bytes, key and facts included")
        if append(timestamp=now_ms, key=record.key or None, value=record.body, headers=[(HEADER, header)]) is None:
            return place - start
    return stop - start


def batch_of(messages: Sequence[Any], topic: str, partition: int) -> Batch[Record]:
    """Messages of one partition as records. Those that others wrote, without our header, get an id made of their place."""
    records = [_record(m, topic, partition) for m in messages]
    start, stop = messages[0].offset, messages[-1].offset + 1
    offsets = () if stop - start == len(messages) else tuple(m.offset for m in messages)
    return Batch(records, Span(topic, partition, start, stop), offsets)


def _record(message: Any, topic: str, partition: int) -> Record:
    body, key, headers = message.value or b"", message.key or b"", message.headers
    try:
        if headers and headers[0][0] == HEADER:
            return unpack(headers[0][1], body, key)
        return unpack(dict(headers)[HEADER], body, key)
    except (KeyError, ValueError):
        made = coordinates_id(topic, partition, message.offset)
        return Record(made, body, message.timestamp / 1000, NO_FACTS, key)
