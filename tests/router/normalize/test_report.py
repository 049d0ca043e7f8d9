"""The report over a corpus says per source what was mapped, what was left, and what is doubtful."""

from router.normalize.report import Report


def _document(dataset: str, **fields: object) -> dict[str, object]:
    event = {"kind": "event", "module": "acme", "dataset": dataset, "created": "2026-03-01T10:00:00Z"}
    return {"@timestamp": "2026-03-01T10:00:00Z", "ecs": {"version": "9.4.0"}, "event": event, **fields}


def test_leaves_count_as_mapped_or_left_and_those_of_every_document_as_neither() -> None:
    report = Report()
    report.start()
    report.add(
        [_document("acme.wall", source={"ip": "192.0.2.1", "port": 9}, acme={"lamp": {"colour": "red"}}, related={"ip": []})]
    )
    (row,) = report.rows()
    assert (row["payloads"], row["documents"]) == (1, 1)
    assert (row["mapped_per_document"], row["left_per_document"]) == (2, 1)
    assert row["left_most"] == {"acme.lamp.colour": 1}
    assert row["median_microseconds"] > 0


def test_doubts_are_counted_by_tag_and_other_tags_are_none() -> None:
    report = Report()
    for tags in (["_norm_type:source.ip", "vip"], ["_norm_type:source.ip"], []):
        report.start()
        report.add([_document("acme.wall", tags=tags)])
    assert report.rows()[0]["doubts"] == {"_norm_type:source.ip": 2}


def test_what_nobody_knows_is_not_identified_and_what_is_ignored_has_a_row() -> None:
    report = Report()
    for documents in ([_document("unknown")], [_document("acme.wall")], [_document("acme.wall"), _document("acme.door")], []):
        report.start()
        report.add(documents)
    first, _, *rows = report.lines()
    assert first == "4 payloads, 3 identified (75.0%), 1 unknown"
    assert [row.split()[0] for row in rows] == ["acme.wall", "acme.door", "unknown", "(no"]
