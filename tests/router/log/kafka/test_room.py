"""How much goes into one batch of a topic that takes less than is usual."""

from router.log.kafka.clients import BATCH_BYTES
from router.log.kafka.room import Room
from tests.contract.log_scene import record

RECORDS = [record(n, b"x" * 1000) for n in range(100)]


def test_a_topic_that_refused_nothing_has_no_bound() -> None:
    assert Room().stop("one", RECORDS, 3) == 100


def test_a_refusal_halves_what_goes_in_and_another_one_again() -> None:
    room = Room()
    room.refused("one", RECORDS)
    assert (room.stop("one", RECORDS, 0), room.stop("one", RECORDS, 70), room.stop("two", RECORDS, 0)) == (50, 100, 100)
    room.refused("one", RECORDS[:50])
    assert room.stop("one", RECORDS, 0) == 25


def test_one_record_is_always_tried() -> None:
    room = Room()
    room.refused("one", RECORDS[:1])
    assert room.stop("one", RECORDS, 5) == 6


def test_what_fits_lets_it_grow_until_nothing_is_left_of_the_bound() -> None:
    room = Room()
    room.refused("one", RECORDS)
    sizes = []
    for _ in range(1000):
        room.fitted("one")
        sizes.append(room.stop("one", RECORDS, 0))
    assert sizes == sorted(sizes)
    assert 50 <= sizes[0] < 60
    assert "one" not in room._bytes
    assert BATCH_BYTES > 100_000
