"""One Windows event in the shapes of many forwarders gives one record."""

from typing import Any

import orjson
import pytest

from router.normalize.formats.winevent import compile_winevent
from router.normalize.formats.xml import compile_xml, parse_xml

GUID = "{54849625-5478-4994-a5ba-3e3b0328c30d}"
XML = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    f"<Provider Name='Microsoft-Windows-Security-Auditing' Guid='{GUID}'/><EventID>4624</EventID><Version>2</Version><Level>0</Level>"
    "<Task>12544</Task><Opcode>0</Opcode><Keywords>0x8020000000000000</Keywords>"
    "<TimeCreated SystemTime='2026-03-01T10:00:00.1234567Z'/><EventRecordID>77</EventRecordID><Correlation/>"
    "<Execution ProcessID='500' ThreadID='600'/><Channel>Security</Channel><Computer>dc1.example.com</Computer><Security/></System>"
    "<EventData><Data Name='TargetUserName'>{user}</Data><Data Name='IpAddress'>-</Data><Data Name='Empty'></Data></EventData></Event>"
)
CORE = {
    "event_id": "4624",
    "channel": "Security",
    "computer_name": "dc1.example.com",
    "provider_name": "Microsoft-Windows-Security-Auditing",
    "provider_guid": GUID,
    "record_id": "77",
}
NXLOG = {
    "EventTime": "2026-03-01 10:00:00", "Hostname": "dc1.example.com", "Keywords": "9232379236109516800", "EventID": 4624,
    "SourceName": "Microsoft-Windows-Security-Auditing", "ProviderGuid": GUID, "RecordNumber": 77, "ProcessID": 500, "ThreadID": 600,
    "Channel": "Security", "TargetUserName": "bob", "IpAddress": "-",
}  # fmt: skip
SYSTEM = {
    "Provider": {"#attributes": {"Name": CORE["provider_name"], "Guid": GUID}}, "EventID": 4624, "EventRecordID": 77, "Channel": "Security",
    "Computer": CORE["computer_name"], "TimeCreated": {"#attributes": {"SystemTime": "2026-03-01T10:00:00Z"}},
    "Execution": {"#attributes": {"ProcessID": 500, "ThreadID": 600}},
}  # fmt: skip
WINLOGBEAT = {
    "@timestamp": "2026-03-01T10:00:00Z", "message": "text", "agent": {"type": "winlogbeat"},
    "winlog": {**CORE, "event_id": 4624, "record_id": 77, "process": {"pid": 500, "thread": {"id": 600}},
               "event_data": {"TargetUserName": "bob", "IpAddress": "-"}},
}  # fmt: skip
SHAPES: dict[str, Any] = {
    "xml": XML.replace("{user}", "bob"),
    "xml in a syslog or HEC wrapper": "  \n" + XML.replace("{user}", "bob") + "\n",
    "nxlog": NXLOG,
    "evtx_dump": {"Event": {"System": SYSTEM, "EventData": {"TargetUserName": "bob", "IpAddress": "-"}}},
    "xmltodict": {
        "Event": {
            "System": SYSTEM,
            "EventData": {"Data": [{"@Name": "TargetUserName", "#text": "bob"}, {"@Name": "IpAddress", "#text": "-"}]},
        }
    },
    "winlogbeat": WINLOGBEAT,
    "datadog": {"Event": {"System": SYSTEM, "EventData": {"Data": {"TargetUserName": "bob", "IpAddress": "-"}}}, "ddsource": "w"},
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_same_names(name: str) -> None:
    shape = SHAPES[name]
    record = compile_winevent()(shape if isinstance(shape, str) else orjson.dumps(shape).decode())
    assert isinstance(record, dict)
    assert {key: record[key] for key in CORE} == CORE
    assert record["event_data"]["TargetUserName"] == "bob"
    assert record["event_data"]["IpAddress"] == "-"
    assert str(record["process"]["pid"]) == "500"


def test_entities_and_cdata_take_the_exact_way() -> None:
    parse = compile_winevent()
    record = parse(XML.replace("{user}", "a &amp; b &lt;c&gt; &#233;"))
    assert isinstance(record, dict)
    assert record["event_data"]["TargetUserName"] == "a & b <c> é"
    record = parse(XML.replace("{user}", "<![CDATA[<x> & y]]>"))
    assert isinstance(record, dict)
    assert record["event_data"]["TargetUserName"] == "<x> & y"
    assert record["event_data"]["Empty"] == ""


def test_the_fast_and_the_exact_way_agree() -> None:
    parse = compile_winevent()
    plain = XML.replace("{user}", "bob")
    assert parse(plain) == parse(plain.replace("</System>", "</System><!-- -->"))


def test_unnamed_data_is_numbered() -> None:
    record = compile_winevent()(
        "<Event><System><EventID Qualifiers='1'>800</EventID></System><EventData><Data>a</Data><Data>b</Data></EventData></Event>"
    )
    assert isinstance(record, dict)
    assert record["event_data"] == {"param1": "a", "param2": "b"}
    assert record["qualifiers"] == "1"


def test_user_data_keeps_the_name_of_its_element() -> None:
    text = "<Event><System><EventID>1102</EventID></System><UserData><LogFileCleared xmlns='x'><SubjectUserName>bob</SubjectUserName></LogFileCleared></UserData></Event>"
    record = compile_winevent()(text)
    assert isinstance(record, dict)
    assert record["user_data"] == {"xml_name": "LogFileCleared", "SubjectUserName": "bob"}


@pytest.mark.parametrize(
    "text", ["", "<Event>", "<Event></Event>", '{"a": 1}', "text", "[]", XML[:300], "<Event><System></Event>"]
)
def test_what_is_no_event_is_refused(text: str) -> None:
    assert compile_winevent()(text) is None


def test_xml_brings_no_entities_of_its_own() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    assert parse_xml(bomb) is None
    assert compile_xml()("<a><b c='1'>t</b><b>u</b><d/></a>") == {"b": [{"c": "1", "_text": "t"}, "u"], "d": ""}
    assert parse_xml("<a>" * 100 + "</a>" * 100) is None


VALUES = [
    "S-1-5-18",
    "WS1$",
    "EX",
    "0x3e7",
    "S-1-5-21-1",
    "bob",
    "EX",
    "0x1",
    "3",
    "N",
    "N",
    "WS2",
    "{0}",
    "-",
    "-",
    "0",
    "0x0",
    "-",
    "192.0.2.7",
    "1",
]


def test_what_fluentds_older_plugin_writes_small_is_the_same_event() -> None:
    event = {
        "channel": "Security", "record_number": "77", "time_generated": "2026-03-01 10:00:00 +0000", "event_id": "4624",
        "event_type": "audit_success", "event_category": "12544", "source_name": CORE["provider_name"], "user": "",
        "computer_name": CORE["computer_name"], "description": "text", "string_inserts": VALUES,
    }  # fmt: skip
    record = compile_winevent()(event)
    assert isinstance(record, dict)
    assert {key: record[key] for key in CORE if key in record} == {k: v for k, v in CORE.items() if k != "provider_guid"}
    assert (record["event_data"]["TargetUserName"], record["event_data"]["IpAddress"]) == ("bob", "192.0.2.7")
    assert not {"event_type", "EventType", "AccountName", "user"} & record["event_data"].keys()
    assert record["_other"]["Severity"] == "audit_success"
    assert record["message"] == "text"


def test_a_row_of_osquerys_table_is_an_event_and_what_stands_beside_it_is_kept() -> None:
    columns = {
        "eventid": "4624", "source": "Security", "provider_name": CORE["provider_name"], "provider_guid": GUID,
        "computer_name": CORE["computer_name"], "datetime": "2026-03-01T10:00:00Z", "time_range": "x",
        "data": '{"EventData":{"TargetUserName":"bob","IpAddress":"-"}}',
    }  # fmt: skip
    record = compile_winevent()({"name": "windows_events", "hostIdentifier": "h", "columns": columns})
    assert isinstance(record, dict)
    assert {key: record[key] for key in CORE if key in record} == {k: v for k, v in CORE.items() if k != "record_id"}
    assert record["event_data"] == {"TargetUserName": "bob", "IpAddress": "-"}
    assert record["_other"] == {"name": "windows_events", "hostIdentifier": "h", "columns": {"time_range": "x"}}
    assert compile_winevent()({"name": "users", "columns": {"uid": "1"}}) is None
