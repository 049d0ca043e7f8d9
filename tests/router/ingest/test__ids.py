"""Ids are 16 bytes, start with the time, and are never given twice."""

from router.ingest._ids import ID_BYTES, Ids, derived


def test_ids_are_unique_across_batches_and_stretches() -> None:
    ids = Ids("edge-1", b"nonce")
    given = [i for _ in range(5) for i in ids.take(40_000, 1.0)]
    assert len(set(given)) == 200_000
    assert {len(i) for i in given} == {ID_BYTES}


def test_the_first_six_bytes_are_the_receipt_in_milliseconds() -> None:
    (one,) = Ids("edge-1", b"nonce").take(1, 1767323045.678)
    assert int.from_bytes(one[:6]) == 1767323045678


def test_a_clock_that_jumps_back_repeats_no_id() -> None:
    ids = Ids("edge-1", b"nonce")
    assert not {*ids.take(100, 10.0)} & {*ids.take(100, 9.0)} & {*ids.take(100, 10.0)}


def test_two_starts_of_a_receiver_and_two_receivers_give_different_ids() -> None:
    starts = [Ids("a", b"1"), Ids("a", b"2"), Ids("b", b"1")]
    assert len({i for start in starts for i in start.take(1000, 5.0)}) == 3000


def test_when_the_counter_is_used_up_a_new_stem_begins() -> None:
    ids = Ids("a", b"1")
    first = ids.take(1, 5.0)[0]
    ids._stretch, ids._low = (1 << 16) - 1, (1 << 16) - 1
    last, after = ids.take(2, 5.0)
    assert last[6:12] == first[6:12] != after[6:12]
    assert after[12:] == bytes(4)


def test_derived_ids_depend_on_every_part_and_on_where_parts_end() -> None:
    made = {derived(b"ab", b"c"), derived(b"a", b"bc"), derived(b"abc"), derived(b"abc", b"")}
    assert len(made) == 4
    assert derived(b"x", b"1") == derived(b"x", b"1")
    assert {len(i) for i in made} == {ID_BYTES}
