"""What NXLog writes into structured data and GELF has the names of its JSON again."""

import pytest

from router.normalize.formats.winevent import compile_winevent
from router.normalize.formats.winevent_nxlog import bare_names, from_structured_data

LINE = (
    "<13>1 2026-03-01T10:00:00.123Z dc1.example.com Microsoft-Windows-Security-Auditing 700 - "
    '[NXLOG@14506 EventID="4625" Channel="Security" RecordNumber="17" TargetUserName="b\\]ob" LogonType="3"] \ufeffAn account failed to log on.'
)


def test_structured_data_is_an_event_with_what_the_header_says():
    event = from_structured_data(LINE)
    assert event is not None
    assert (event["event_id"], event["channel"], event["record_id"]) == ("4625", "Security", "17")
    assert (event["computer_name"], event["provider_name"]) == ("dc1.example.com", "Microsoft-Windows-Security-Auditing")
    assert event["event_data"] == {"TargetUserName": "b]ob", "LogonType": "3"}
    assert (event["time_created"], event["message"]) == ("2026-03-01T10:00:00.123Z", "An account failed to log on.")


@pytest.mark.parametrize(
    "text",
    [
        "<13>1 2026-03-01T10:00:00Z h a - - - hello",
        '<13>1 2026-03-01T10:00:00Z h a - - [NXLOG@14506 SourceModuleName="in"] hello',
        '<13>1 2026-03-01T10:00:00Z h a - - [NXLOG@14506 EventID="none"] hello',
        '<13>1 2026-03-01T10:00:00Z h a - - [NXLOG@14506 EventID="46',
        "<13>short",
    ],
)
def test_other_syslog_is_no_event(text):
    assert from_structured_data(text) is None
    assert compile_winevent()(text) is None


def test_names_of_gelf_lose_their_underscore_and_the_whole_message_counts():
    named = bare_names(
        {"version": "1.1", "host": "dc1", "short_message": "a", "full_message": "a\nb", "level": 6, "_EventID": 4625}
    )
    assert named == {"Hostname": "dc1", "Message": "a\nb", "SeverityValue": 6, "EventID": 4625}
