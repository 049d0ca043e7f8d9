"""Messages inside of a shipper's object are read as if they had come alone."""

from base64 import b64encode
from typing import Any

import orjson
import pytest

from router.batch import Event, Facts
from router.normalize import Catalogue, Hints

SSH = "Mar  1 09:59:00 web1 sshd[7]: Accepted password for bob from 192.0.2.1 port 22 ssh2"
ACCESS = '192.0.2.1 - - [01/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8"'
FLOW = "2 111122223333 eni-1 192.0.2.1 198.51.100.1 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def normalized(catalogue: Catalogue, event: Any) -> list[Event]:
    return catalogue.normalize(orjson.dumps(event), Facts("s"), 1_780_272_000.0)


@pytest.mark.parametrize(
    ("event", "dataset", "host"),
    [
        ({"@timestamp": "2026-03-01T10:00:00Z", "message": SSH, "agent": {"name": "fb1"}}, "linux.auth", "web1"),
        ({"log": ACCESS + "\n", "stream": "stdout", "kubernetes": {"host": "node1"}}, "apache.access", "node1"),
        ({"MESSAGE": "{" + '"query_timestamp":"2026-03-01T10:00:00Z","query_name":"a.","rcode":"NOERROR"}'}, "aws.route53", None),
    ],
)
def test_the_message_counts_and_the_rest_is_kept(
    catalogue: Catalogue, event: dict[str, Any], dataset: str, host: str | None
) -> None:
    document = normalized(catalogue, event)[0]
    assert document["event"]["dataset"] == dataset
    found = document.get("host", {})
    assert (found.get("name") or found.get("hostname")) == host
    assert document.get("shipper", {}) == {key: value for key, value in event.items() if key not in ("message", "log", "MESSAGE")}


def test_the_message_as_it_came_outranks_what_a_shipper_made_of_it(catalogue: Catalogue) -> None:
    cef = "CEF:0|Example Corp|Wall|1|700|Denied|3|src=192.0.2.1 act=deny"
    document = normalized(catalogue, {"message": "Denied", "event": {"original": cef, "code": "700"}})[0]
    assert (document["event"]["dataset"], document["event"]["action"], document["source"]["ip"]) == ("cef", "deny", "192.0.2.1")
    assert document["shipper"] == {"message": "Denied", "event": {"code": "700"}}


def test_an_event_of_winlogbeat_is_read_from_its_fields_however_long_its_message_in_front(catalogue: Catalogue) -> None:
    context = "        Host ID = 1c251f62\n        Sequence Number = 77\n        User = EX\\ann"
    winlog = {
        "channel": "Microsoft-Windows-PowerShell/Operational",
        "provider_name": "Microsoft-Windows-PowerShell",
        "event_id": "4103",
        "computer_name": "pc1.example.com",
        "user": {"identifier": "S-1-5-21-1-2-3-500"},
        "event_data": {"ContextInfo": context, "Payload": "x"},
    }
    text = 'CommandInvocation(Get-Item): "Get-Item"\n' * 40 + "\n\nContext:\n        Sequence Number = 1\n\nUser Data:\n"
    document = normalized(catalogue, {"message": text, "winlog": winlog})[0]
    assert (document["event"]["dataset"], document["event"]["code"]) == ("windows.powershell", "4103")
    assert (document["event"]["sequence"], document["user"]["id"]) == (77, "S-1-5-21-1-2-3-500")
    assert "shipper" not in document


def test_the_cef_of_any_product_is_read_in_an_object_of_one_key(catalogue: Catalogue) -> None:
    document = normalized(catalogue, {"_raw": "CEF:0|Example Corp|Wall|1|700|Denied|3|src=192.0.2.1"})[0]
    assert (document["event"]["dataset"], document["source"]["ip"]) == ("cef", "192.0.2.1")
    assert "shipper" not in document


def test_a_message_of_nobody_stays_where_it_was(catalogue: Catalogue) -> None:
    document = normalized(catalogue, {"message": "hello there", "level": "info"})[0]
    assert (document["event"]["dataset"], document["message"]) == ("json", "hello there")
    assert "shipper" not in document


def test_a_time_that_is_none_is_not_taken(catalogue: Catalogue) -> None:
    document = normalized(catalogue, {"time": "soon", "log": "query[A] www.example.com from 192.0.2.1"})[0]
    assert document["@timestamp"].startswith("2026-06-01T")


def test_each_event_of_a_cloudwatch_subscription_is_a_document(catalogue: Catalogue) -> None:
    events = [
        {"id": "1", "timestamp": 1772359200000, "message": FLOW},
        {"id": "2", "timestamp": 1772359200000, "message": "hello"},
    ]
    batch = {"messageType": "DATA_MESSAGE", "owner": "444455556666", "logGroup": "g", "logStream": "s", "logEvents": events}
    flow, other = normalized(catalogue, batch)
    assert (flow["event"]["dataset"], flow["cloud"]["account"]["id"]) == ("aws.vpcflow", "111122223333")
    assert (other["@timestamp"], other["message"], other["cloud"]["account"]["id"]) == (
        "2026-03-01T10:00:00.000Z",
        "hello",
        "444455556666",
    )
    assert other["aws"]["cloudwatch"] == {"owner": "444455556666", "logGroup": "g", "logStream": "s", "id": "2"}


@pytest.mark.parametrize(
    "wrap", [lambda event: event, lambda event: {"message": orjson.dumps(event).decode(), "agent": {"name": "fb1"}}]
)
def test_the_keys_of_an_object_have_no_order(catalogue: Catalogue, wrap: Any) -> None:
    event = {
        "additionalEventData": {f"key{n}": "x" * 30 for n in range(60)},
        "awsRegion": "eu-west-1",
        "eventID": "5d2c0ef1-95a4-4a8d-9bd4-9ad0f5f0ad5e",
        "eventName": "ListBuckets",
        "eventSource": "s3.amazonaws.com",
        "eventTime": "2026-03-01T10:00:00Z",
        "eventType": "AwsApiCall",
        "eventVersion": "1.08",
        "sourceIPAddress": "192.0.2.1",
        "userIdentity": {"type": "IAMUser", "userName": "ann"},
    }
    document = normalized(catalogue, wrap(event))[0]
    assert (document["event"]["dataset"], document["source"]["ip"]) == ("aws.cloudtrail", "192.0.2.1")


def test_an_object_of_nobody_is_nobodys_however_long(catalogue: Catalogue) -> None:
    document = normalized(catalogue, {"level": "info", "ts": 1_772_359_200.0, "uid": "7", "stack": "at x\n" * 400})[0]
    assert document["event"]["dataset"] == "json"


def test_a_subscription_without_events_gives_none(catalogue: Catalogue) -> None:
    batch = {"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "", "logEvents": []}
    assert normalized(catalogue, batch) == []


LINES = {
    "cisco.asa": "<166>Mar  1 2026 09:59:00 fw1 : %ASA-6-302014: Teardown TCP connection 7 for outside:203.0.113.5/51000 to dmz:192.0.2.5/443"
    " duration 0:00:30 bytes 4500 TCP FINs from outside",
    "cisco.ftd": "2026-03-01T09:59:00Z fw1  %FTD-1-430003: SrcIP: 192.0.2.10, DstIP: 203.0.113.9, Protocol: tcp",
    "cisco.ios": "<189>7: r1: *Mar  1 09:59:00.001: %SYS-6-LOGOUT: User ann has exited tty session 3(192.0.2.1)",
    "cisco.ise": "<181>Mar  1 09:59:00 ise1 CISE_Failed_Attempts 21 1 0 2026-03-01 09:59:00.123 +00:00 77 5400 NOTICE Failed-Attempt:"
    " Authentication failed, UserName=ann",
    "iptables.log": "Mar  1 09:59:00 gw1 kernel: DROP IN=eth0 OUT= SRC=192.0.2.1 DST=198.51.100.1 LEN=40 PROTO=TCP SPT=4000 DPT=22",
    "sophos.xg": 'device="SFW" date=2026-03-01 time=09:59:00 timezone="UTC" device_name="XG" log_id=010101600001 log_type="Firewall"'
    ' log_component="Firewall Rule" log_subtype="Allowed" src_ip=192.0.2.1 dst_ip=198.51.100.1 protocol="TCP" dst_port=443',
    "syslog": "<30>Mar  1 09:59:00 web1 systemd[1]: Started Daily apt activities.",
}


@pytest.mark.parametrize(("dataset", "line"), LINES.items())
@pytest.mark.parametrize("key", ["message", "log"])
def test_no_value_holds_a_piece_of_the_object_around_the_line(catalogue: Catalogue, dataset: str, line: str, key: str) -> None:
    alone = catalogue.normalize(line.encode(), Facts("s"), 1_780_272_000.0)[0]
    inside = normalized(catalogue, {key: line + "\n", "stream": "stdout"})[0]
    assert alone["event"]["dataset"] == dataset
    assert inside.pop("shipper") == {"stream": "stdout"}
    assert inside == alone


def test_what_ends_a_line_is_no_part_of_it(catalogue: Catalogue) -> None:
    for line in LINES.values():
        alone, ended = (catalogue.normalize(text.encode(), Facts("s"), 1_780_272_000.0) for text in (line, line + "\r\n"))
        assert alone == ended


@pytest.mark.parametrize("relay", ["<13>Mar  1 10:00:00 relay1 ", "<13>1 2026-03-01T10:00:00Z relay1 - - - - "])
def test_a_relay_of_either_style_hides_neither_the_name_nor_the_time_of_the_device(catalogue: Catalogue, relay: str) -> None:
    for dataset in ("cisco.asa", "syslog"):
        found = catalogue.normalize((relay + LINES[dataset]).encode(), Facts("s"), 1_780_272_000.0)[0]
        assert (found["event"]["dataset"], found["@timestamp"]) == (dataset, "2026-03-01T09:59:00Z")
        assert found["host"]["hostname"] in ("fw1", "web1")


def test_a_message_that_begins_with_a_time_stays_a_message_where_the_header_names_its_program(catalogue: Catalogue) -> None:
    line = b"<13>1 2026-03-01T10:00:00Z web1 app 7 - - Mar  1 09:59:00 was the last time"
    found = catalogue.normalize(line, Facts("s"), 1_780_272_000.0)[0]
    assert (found["process"]["name"], found["message"]) == ("app", "Mar  1 09:59:00 was the last time")


def test_the_only_normalizer_of_a_source_reads_what_a_shipper_or_a_relay_hands_on() -> None:
    forced = Catalogue.load(sources={"s": Hints("cisco.ise")})
    for line in (LINES["cisco.ise"], f"<13>Mar  1 10:00:00 relay1 {LINES['cisco.ise']}"):
        for event in (line.encode(), orjson.dumps({"message": line})):
            assert forced.normalize(event, Facts("s"), 1_780_272_000.0)[0]["user"]["name"] == "ann"
    document = forced.normalize(orjson.dumps({"message": "x"}), Facts("s"), 1_780_272_000.0)[0]
    assert document["event"]["kind"] == "pipeline_error"


LOGIN = "Accepted password for bob from 192.0.2.1 port 22 ssh2"


@pytest.mark.parametrize(
    "event",
    [
        {"ident": "sshd", "pid": "7", "host": "web1", "message": LOGIN, "date": 1_772_359_200.5},
        {"appname": "sshd", "procid": 7, "hostname": "web1", "message": LOGIN, "timestamp": "2026-03-01T10:00:00.5Z"},
        {"program": "sshd", "pid": "7", "logsource": "web1", "message": LOGIN, "@timestamp": "2026-03-01T10:00:00.5Z"},
        {"PROGRAM": "sshd", "PID": "7", "HOST": "web1", "MESSAGE": LOGIN, "ISODATE": "2026-03-01T10:00:00.5Z"},
        {"syslogtag": "sshd[7]:", "hostname": "web1", "msg": f" {LOGIN}", "timereported": "2026-03-01T11:00:00.5+01:00"},
        {
            "message": LOGIN,
            "log": {"syslog": {"appname": "sshd", "procid": "7", "hostname": "web1"}},
            "@timestamp": "2026-03-01T10:00:00.5Z",
        },
    ],
    ids=["fluent", "vector", "logstash", "syslog-ng", "rsyslog", "filebeat"],
)
def test_a_header_that_a_shipper_took_apart_still_says_what_the_message_is_of(
    catalogue: Catalogue, event: dict[str, Any]
) -> None:
    document = normalized(catalogue, event)[0]
    assert (document["event"]["dataset"], document["event"]["outcome"]) == ("linux.auth", "success")
    assert (document["process"]["name"], document["process"]["pid"], document["host"]["hostname"]) == ("sshd", 7, "web1")
    assert document["@timestamp"].startswith("2026-03-01T10:00:00.5")


def test_a_facility_and_a_severity_prove_that_it_was_syslog(catalogue: Catalogue) -> None:
    event = {"program": "app", "message": "hello", "facility": "daemon", "severity": "info"}
    document = normalized(catalogue, event)[0]
    assert (document["event"]["dataset"], document["process"]["name"], document["message"]) == ("syslog", "app", "hello")
    assert document["log"]["syslog"]["priority"] == 30


def test_an_application_that_names_itself_is_no_syslog(catalogue: Catalogue) -> None:
    document = normalized(catalogue, {"program": "app", "message": "hello", "level": "info"})[0]
    assert (document["event"]["dataset"], document["json"]["program"]) == ("json", "app")


def test_a_gelf_message_is_read_from_its_full_text(catalogue: Catalogue) -> None:
    event = {
        "version": "1.1",
        "host": "gw1",
        "short_message": "x",
        "full_message": LINES["cisco.asa"],
        "timestamp": 1_772_359_200.5,
    }
    assert normalized(catalogue, event)[0]["event"]["dataset"] == "cisco.asa"


def test_a_program_of_the_journal_is_read_by_its_own_file_and_the_others_stay_whole(catalogue: Catalogue) -> None:
    entry = {
        "__REALTIME_TIMESTAMP": "1772359200123456",
        "_HOSTNAME": "web1",
        "_PID": "77",
        "_EXE": "/usr/sbin/sshd",
        "PRIORITY": "6",
    }
    said = "Failed password for bob from 192.0.2.1 port 22 ssh2"
    document = normalized(catalogue, {**entry, "SYSLOG_IDENTIFIER": "sshd", "MESSAGE": said})[0]
    assert (document["event"]["dataset"], document["event"]["outcome"]) == ("linux.auth", "failure")
    assert (document["@timestamp"], document["host"]["hostname"]) == ("2026-03-01T10:00:00.123456Z", "web1")
    assert (document["process"]["pid"], document["shipper"]["_EXE"]) == (77, "/usr/sbin/sshd")
    other = normalized(catalogue, {**entry, "SYSLOG_IDENTIFIER": "acmed", "MESSAGE": "started"})[0]
    assert (other["event"]["dataset"], other["message"], other["process"]["pid"]) == ("linux.journald", "started", 77)


@pytest.mark.parametrize("wrap", ["{}", '{{"log":"{}","kubernetes":{{"host":"node1"}}}}'])
def test_a_line_of_a_container_runtime_is_read_as_what_the_container_wrote(catalogue: Catalogue, wrap: str) -> None:
    line = wrap.format("2026-03-01T10:00:00.123456789Z stderr F " + SSH)
    document = catalogue.normalize(line.encode(), Facts("s"), 1_780_272_000.0)[0]
    assert (document["event"]["dataset"], document["host"]["hostname"]) == ("linux.auth", "web1")
    assert (document["shipper"]["stream"], document["shipper"]["logtag"]) == ("stderr", "F")


def test_what_a_container_wrote_without_a_time_has_that_of_the_runtime(catalogue: Catalogue) -> None:
    line = b"2026-03-01T10:00:00.123456789Z stdout F something happened"
    document = catalogue.normalize(line, Facts("s"), 1_780_272_000.0)[0]
    assert (document["@timestamp"], document["message"]) == ("2026-03-01T10:00:00.123456789Z", "something happened")


@pytest.mark.parametrize("event", [SSH, {"eventSource": "iam.amazonaws.com", "eventName": "GetUser", "eventVersion": "1.08"}])
def test_an_event_of_splunks_collector_is_read_without_its_envelope(catalogue: Catalogue, event: Any) -> None:
    told = {"time": 1_772_359_200, "host": "h1", "sourcetype": "st", "event": event}
    document = normalized(catalogue, told)[0]
    assert document["event"]["dataset"] == ("linux.auth" if event is SSH else "aws.cloudtrail")
    assert document["shipper"] == {key: item for key, item in told.items() if key != "event"}


def test_an_object_behind_a_header_inside_of_an_object_is_read(catalogue: Catalogue) -> None:
    record = '{"timestamp":"2026-03-01T10:00:00+0000","flow_id":1,"event_type":"ssh","src_ip":"192.0.2.1","dest_ip":"192.0.2.2"}'
    document = normalized(catalogue, {"message": f"<13>Mar  1 09:59:00 ids1 suricata[7]: {record}", "agent": {"name": "fb1"}})[0]
    assert (document["event"]["dataset"], document["source"]["ip"]) == ("suricata.eve", "192.0.2.1")
    assert document["shipper"] == {"agent": {"name": "fb1"}}


def test_a_record_of_the_kernels_audit_in_the_journal_is_read_as_one(catalogue: Catalogue) -> None:
    said = 'USER_LOGIN pid=12 uid=0 auid=4294967295 ses=1 msg=\'op=login acct="bob" exe="/usr/sbin/sshd" addr=192.0.2.1 terminal=ssh res=failed\''
    entry = {"_TRANSPORT": "audit", "_AUDIT_TYPE_NAME": "USER_LOGIN", "_AUDIT_ID": "77", "_HOSTNAME": "web1", "MESSAGE": said}
    document = normalized(catalogue, {**entry, "__REALTIME_TIMESTAMP": "1772359200123456"})[0]
    assert (document["event"]["dataset"], document["event"]["outcome"]) == ("linux.auditd", "failure")
    assert (document["@timestamp"], document["source"]["ip"]) == ("2026-03-01T10:00:00.123Z", "192.0.2.1")
    assert document["user"]["effective"]["name"] == "bob"


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_what_a_topic_pushes_is_read_from_its_base64(catalogue: Catalogue) -> None:
    entry = {
        "logName": "projects/p1/logs/cloudaudit.googleapis.com%2Factivity",
        "timestamp": "2026-03-01T10:00:00Z",
        "protoPayload": {"methodName": "storage.buckets.delete", "serviceName": "storage.googleapis.com"},
    }
    message = {"messageId": "7", "publishTime": "2026-03-01T10:00:01Z"}
    event = {
        "message": {**message, "data": encoded(orjson.dumps(entry).decode())},
        "subscription": "projects/p1/subscriptions/s1",
    }
    document = normalized(catalogue, event)[0]
    assert (document["event"]["dataset"], document["event"]["action"]) == ("gcp.audit", "storage.buckets.delete")
    assert document["shipper"] == {"message": message, "subscription": "projects/p1/subscriptions/s1"}


def test_what_no_file_knows_in_a_pushed_message_is_read_as_json(catalogue: Catalogue) -> None:
    event = {"message": {"data": encoded('{"msg":"slow","level":"warn"}'), "publishTime": "2026-03-01T10:00:01Z"}, "ackId": "a"}
    document = normalized(catalogue, event)[0]
    assert (document["event"]["dataset"], document["message"], document["log"]["level"]) == ("json", "slow", "warn")
    assert document["@timestamp"] == "2026-03-01T10:00:01Z"


def test_a_pushed_message_that_is_no_base64_stays_as_it_is(catalogue: Catalogue) -> None:
    document = normalized(catalogue, {"message": {"data": "%", "messageId": "7"}, "subscription": "s1"})[0]
    assert document["json"]["message"] == {"data": "%", "messageId": "7"}


@pytest.mark.parametrize("queued", [False, True])
def test_a_notification_of_a_topic_is_read_by_itself_and_from_a_queue(catalogue: Catalogue, queued: bool) -> None:
    beside = {"Type": "Notification", "MessageId": "m1", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:t1"}
    beside["Timestamp"] = "2026-03-01T10:00:01.000Z"
    notification = {**beside, "Message": SSH}
    event = {"messageId": "q1", "body": orjson.dumps(notification).decode()} if queued else notification
    document = normalized(catalogue, event)[0]
    assert (document["event"]["dataset"], document["user"]["name"]) == ("linux.auth", "bob")
    assert document["shipper"] == ({"messageId": "q1", "body": beside} if queued else beside)


def test_what_wazuh_archives_is_read_as_its_agent_read_it(catalogue: Catalogue) -> None:
    beside = {"timestamp": "2026-03-01T10:00:02.000+0000", "agent": {"name": "web1"}, "manager": {"name": "m"}, "location": "/l"}
    (auth,) = normalized(catalogue, {**beside, "full_log": SSH, "decoder": {"name": "sshd"}})
    assert (auth["event"]["dataset"], auth["user"]["name"], auth["source"]["ip"]) == ("linux.auth", "bob", "192.0.2.1")
    (access,) = normalized(catalogue, {**beside, "full_log": ACCESS})
    assert (access["event"]["dataset"], access["host"]["name"]) == ("apache.access", "web1")
    assert access["shipper"] == beside
    win = {"system": {"providerName": "Microsoft-Windows-Security-Auditing", "eventID": "4625", "channel": "Security"}}
    inner = orjson.dumps({"win": {**win, "eventdata": {"targetUserName": "ann"}}}).decode()
    (event,) = normalized(catalogue, {**beside, "full_log": inner})
    assert (event["event"]["dataset"], event["user"]["name"]) == ("windows.security", "ann")


def test_an_alert_of_wazuh_stays_one(catalogue: Catalogue) -> None:
    alert = {"rule": {"level": 5, "id": "1"}, "manager": {"name": "m"}, "decoder": {"name": "sshd"}, "full_log": SSH}
    assert normalized(catalogue, alert)[0]["event"]["kind"] == "alert"


TEXT = "Failed password for bob from 192.0.2.7 port 4242 ssh2"
PARTED: dict[str, dict[str, Any]] = {
    "syslog-ng": {"PROGRAM": "sshd", "PRIORITY": "info", "PID": "7", "MESSAGE": TEXT, "HOST": "web1", "FACILITY": "auth", "DATE": "Mar  1 10:00:00"},
    "logstash": {"syslog_priority": "38", "syslog_hostname": "web1", "syslog_program": "sshd", "syslog_pid": "7", "syslog_message": TEXT, "@timestamp": "2026-03-01T10:00:00Z"},
    "rsyslog": {"msg": TEXT, "fromhost": "web1", "syslogtag": "sshd[7]:", "timereported": "2026-03-01T10:00:00Z", "pri": "38"},
    "numbers": {"message": TEXT, "host": "web1", "appname": "sshd", "procid": 7, "facility": 4, "severity": 6, "timestamp": "2026-03-01T10:00:00Z"},
    "graylog": {"version": "1.1", "host": "web1", "short_message": TEXT, "timestamp": 1772359200, "_process_id": 7, "_application_name": "sshd"},
    "nxlog": {"SourceModuleName": "in", "SourceModuleType": "im_udp", "Hostname": "web1", "SyslogFacility": "AUTH", "SourceName": "sshd", "ProcessID": "7", "Message": TEXT, "EventTime": "2026-03-01 10:00:00"},
    "google": {"jsonPayload": {"message": TEXT, "ident": "sshd", "pid": "7", "host": "web1"}, "timestamp": "2026-03-01T10:00:00Z", "logName": "projects/p/logs/syslog"},
}  # fmt: skip
TOLD = ("syslog-ng", "logstash", "rsyslog", "numbers")
"""Who says the priority."""


@pytest.mark.parametrize("name", PARTED)
def test_a_header_taken_apart_says_what_it_said_and_nothing_else(catalogue: Catalogue, name: str) -> None:
    (document,) = normalized(catalogue, PARTED[name])
    assert (document["event"]["dataset"], document["user"]["name"]) == ("linux.auth", "bob")
    assert (document["process"], document["host"]["name"]) == ({"name": "sshd", "pid": 7}, "web1")
    assert document["@timestamp"] == "2026-03-01T10:00:00Z"
    syslog = document.get("log", {}).get("syslog")
    assert (syslog["priority"], "version" in syslog) == (38, False) if name in TOLD else syslog is None


def test_records_of_machines_at_an_event_hub_are_read_one_by_one(catalogue: Catalogue) -> None:
    properties = {"msg": TEXT, "ident": "sshd", "hostname": "web1", "facility": "auth", "severity": "info"}
    record = {"time": "2026-03-01T10:00:00Z", "category": "Syslog", "properties": properties}
    documents = normalized(catalogue, {"records": [record, {**record, "properties": {**properties, "msg": "a door was opened"}}]})
    assert [d["host"]["name"] for d in documents] == ["web1", "web1"]
    assert documents[0]["user"]["name"] == "bob"


def test_a_text_in_googles_envelope_is_the_message(catalogue: Catalogue) -> None:
    labels = {"compute.googleapis.com/resource_name": "web1"}
    (document,) = normalized(catalogue, {"textPayload": ACCESS, "timestamp": "2026-03-01T10:00:00Z", "labels": labels})
    assert (document["event"]["dataset"], document["host"]["name"]) == ("apache.access", "web1")
