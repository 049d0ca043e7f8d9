"""What is told where reading does not go on where it ended."""

import pytest
from structlog.testing import capture_logs

from router.log.gaps import count_expired
from router.telemetry import LOG_EXPIRED


@pytest.mark.parametrize(("records", "counted", "told"), [(0, 0, 0), (7, 7, 1), (-7, 0, 1)])
def test_what_is_gone_is_counted_and_what_is_read_again_is_told(records: int, counted: int, told: int) -> None:
    metric = LOG_EXPIRED.labels(f"group{records}", "events")
    before = metric._value.get()
    with capture_logs() as lines:
        count_expired(f"group{records}", "events", 0, records)
    assert metric._value.get() - before == counted
    assert [line["records"] for line in lines] == [abs(records)] * told
