"""Windows events as the OpenTelemetry collector writes them."""

from router.normalize.formats.winevent_otel import from_otel, is_otel

EVENT = {
    "channel": "Security",
    "computer": "ws1.example.com",
    "event_id": {"id": 4624, "qualifiers": 0},
    "provider": {"name": "Microsoft-Windows-Security-Auditing", "guid": "{54849625}", "event_source": ""},
    "record_id": 77,
    "system_time": "2026-03-01T10:00:00.1234567Z",
    "level": "Information",
    "task": "Logon",
    "keywords": ["Audit Success"],
    "message": "An account was successfully logged on.",
    "execution": {"process_id": 4, "thread_id": 8},
    "security": {"user_id": "S-1-5-18"},
    "event_data": {"data": [{"TargetUserName": "bob"}, {"": "x"}, {"": "y"}]},
}


def test_names_become_those_of_winlogbeat():
    out = from_otel(EVENT)
    assert out is not None
    assert out["event_id"] == "4624"
    assert out["record_id"] == "77"
    assert (out["channel"], out["computer_name"], out["time_created"]) == ("Security", "ws1.example.com", EVENT["system_time"])
    assert (out["provider_name"], out["provider_guid"]) == ("Microsoft-Windows-Security-Auditing", "{54849625}")
    assert out["process"] == {"pid": 4, "thread": {"id": 8}}
    assert out["user"] == {"identifier": "S-1-5-18"}
    assert (out["task"], out["keywords"], out["message"]) == ("Logon", ["Audit Success"], EVENT["message"])


def test_event_data_is_read_as_a_list_and_as_an_object():
    out = from_otel(EVENT)
    assert out is not None
    assert out["event_data"] == {"TargetUserName": "bob", "param1": "x", "param2": "y"}
    older = from_otel(EVENT | {"event_data": {"TargetUserName": "bob"}})
    assert older is not None
    assert older["event_data"] == {"TargetUserName": "bob"}


def test_other_shapes_are_told_apart():
    assert is_otel(EVENT)
    assert not is_otel({"event_id": 4624, "channel": "Security", "event_data": {}})
    assert not is_otel({"event_id": "4624"})


def test_an_id_that_is_no_number_is_no_event():
    assert from_otel(EVENT | {"event_id": {"id": "x"}}) is None


def test_what_is_not_as_described_is_kept():
    out = from_otel(EVENT | {"event_data": "text", "execution": None, "security": "S-1-5-18"})
    assert out is not None
    assert out["event_data"] == {"data": "text"}
    assert out["security"] == "S-1-5-18"
