"""The cache of recent blocks is bounded and loads each block once."""

from router.batch import Record
from router.log.embedded.recent import Recent

_BLOCK = [Record(bytes(16), b"x" * 700, 0.0)]  # takes 1,000 bytes


def _load() -> list[Record]:
    return list(_BLOCK)


def test_a_block_is_loaded_once() -> None:
    recent = Recent(2000)
    assert recent.get((1, 0, 0), _load) is recent.get((1, 0, 0), _load)


def test_what_was_not_used_for_longest_goes_first() -> None:
    recent = Recent(2000)
    first, second = recent.get((1, 0, 0), _load), recent.get((1, 0, 1), _load)
    recent.get((1, 0, 0), _load)
    recent.get((1, 0, 2), _load)
    assert recent.get((1, 0, 0), _load) is first
    assert recent.get((1, 0, 1), _load) is not second


def test_a_block_larger_than_the_room_is_not_kept() -> None:
    recent = Recent(999)
    assert recent.get((1, 0, 0), _load) is not recent.get((1, 0, 0), _load)
