"""Whatever others write into the log, giving it the shape of a sink never ends a delivery."""

import orjson
import pytest

from router.batch import NO_FACTS, Facts, Record
from router.deliver.reshape import reshaping, shape_of
from router.shapes import Shape

BODY = b'{"event":{"kind":"event"},"message":"m"}'


def of(body: bytes, facts: Facts = NO_FACTS, time: float = 1.0) -> Record:
    return Record(bytes(16), body, time, facts)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1e18, 1e18])
@pytest.mark.parametrize("shape", ["ocsf", "cim"])
def test_a_time_that_no_calendar_has_is_the_beginning_of_time(shape: Shape, time: float) -> None:
    reshape = reshaping(shape)
    assert reshape is not None
    assert reshape(of(BODY, time=time)).body == reshape(of(BODY, time=0.0)).body


@pytest.mark.parametrize("body", [b'{"rule":"x"}', b'{"rule":[]}', b'{"logweir":5}', b'{"logweir":{"risk":{"score":"high"}}}'])
def test_what_only_claims_to_be_an_alert_of_ours_is_any_other_document(body: bytes) -> None:
    reshape = reshaping("ocsf")
    assert reshape is not None
    claims = of(body, Facts(dataset="logweir.alert", kind="alert"))
    assert orjson.loads(reshape(claims).body) == orjson.loads(reshape(of(body)).body)


@pytest.mark.parametrize("shape", ["ocsf", "cim"])
def test_a_number_that_is_no_status_is_left_as_it_is(shape: Shape) -> None:
    reshape = reshaping(shape)
    assert reshape is not None
    assert orjson.loads(reshape(of(b'{"http":{"response":{"status_code":1e308}}}')).body)


@pytest.mark.parametrize("shape", ["ecs", "ocsf", "cim"])
def test_the_shape_of_a_document_is_told_by_the_document(shape: Shape) -> None:
    stored = of(b'{"@timestamp":"2026-01-02T03:04:05Z","event":{"kind":"event","dataset":"acme.wall"},"message":"m"}')
    reshape = reshaping(shape)
    assert shape_of((reshape(stored) if reshape else stored).body) == shape


@pytest.mark.parametrize("body", [b"", b"[]", b"text", b"{}", b"\xff"])
def test_what_is_no_document_has_no_shape(body: bytes) -> None:
    assert shape_of(body) is None
