"""Rows of Log Analytics tables become the documents that their messages would have become."""

from typing import Any

import orjson
import pytest

from router.batch import Facts
from router.normalize import Catalogue

SYSLOG = {
    "TimeGenerated": "2026-03-01T10:00:05Z", "EventTime": "2026-03-01T10:00:00Z", "Computer": "h1", "HostName": "h1", "HostIP": "192.0.2.5",
    "Facility": "auth", "SeverityLevel": "info", "ProcessName": "sshd", "ProcessID": 7, "Type": "Syslog", "TenantId": "t1",
    "SyslogMessage": "Accepted password for bob from 192.0.2.1 port 22 ssh2",
}  # fmt: skip
CEF = {
    "TimeGenerated": "2026-03-01T10:00:00Z", "DeviceVendor": "Example Corp", "DeviceProduct": "Wall|Guard", "DeviceVersion": "1",
    "DeviceEventClassID": "700", "Activity": "Denied", "LogSeverity": "3", "DeviceAction": "deny", "SourceIP": "192.0.2.1",
    "DestinationPort": 443, "Message": "a=b", "AdditionalExtensions": "outcome=failure;zone=dmz", "Type": "CommonSecurityLog", "TenantId": "t1",
}  # fmt: skip
OFFICE = {
    "TimeGenerated": "2026-03-01T10:00:00Z", "RecordType": "SharePointFileOperation", "Operation": "FileDownloaded", "OrganizationId": "o1",
    "UserKey": "k", "OfficeWorkload": "SharePoint", "OfficeObjectId": "https://example.com/y", "UserId": "bob@example.com",
    "ClientIP": "192.0.2.1", "Type": "OfficeActivity",
}  # fmt: skip
ACTIVITY = {
    "TimeGenerated": "2026-03-01T10:00:00Z", "OperationNameValue": "MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE", "Level": "Informational",
    "ActivityStatusValue": "Success", "CategoryValue": "Administrative", "CallerIpAddress": "192.0.2.1", "CorrelationId": "c1",
    "_ResourceId": "/subscriptions/s/x", "Properties": '{"message": "m"}', "Type": "AzureActivity",
}  # fmt: skip
HUNT = {
    "TimeGenerated": "2026-03-01T10:00:00Z", "DeviceName": "h1", "DeviceId": "d1", "ActionType": "ConnectionSuccess", "ReportId": 1,
    "RemoteIP": "203.0.113.9", "RemotePort": 443, "LocalIP": "192.0.2.1", "LocalPort": 5000, "Type": "DeviceNetworkEvents",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def normalized(catalogue: Catalogue, value: Any) -> list[dict[str, Any]]:
    return catalogue.normalize(orjson.dumps(value), Facts("s"), 1_772_362_800.0)


def test_a_row_of_syslog_is_the_line_with_its_header(catalogue: Catalogue) -> None:
    (document,) = normalized(catalogue, SYSLOG)
    assert document["event"]["dataset"] == "linux.auth"
    assert (document["user"]["name"], document["source"]["ip"]) == ("bob", "192.0.2.1")
    assert (document["@timestamp"], document["log"]["syslog"]["priority"]) == ("2026-03-01T10:00:00Z", 38)
    assert document["shipper"]["HostIP"] == "192.0.2.5"


def test_a_row_of_common_security_log_is_cef(catalogue: Catalogue) -> None:
    (document,) = normalized(catalogue, CEF)
    assert document["event"]["dataset"] == "cef"
    assert (document["event"]["action"], document["event"]["outcome"], document["event"]["code"]) == ("deny", "failure", "700")
    assert (document["observer"]["product"], document["destination"]["port"], document["message"]) == ("Wall|Guard", 443, "a=b")
    assert (document["cef"]["zone"], document["shipper"]["TenantId"]) == ("dmz", "t1")


def test_rows_of_office_and_azure_activity_are_what_their_services_write(catalogue: Catalogue) -> None:
    office, activity = normalized(catalogue, OFFICE)[0], normalized(catalogue, ACTIVITY)[0]
    assert (office["event"]["dataset"], office["event"]["action"]) == ("o365.audit", "FileDownloaded")
    assert (activity["event"]["dataset"], activity["source"]["ip"]) == ("azure.activitylogs", "192.0.2.1")


def test_an_export_of_several_tables_comes_apart(catalogue: Catalogue) -> None:
    documents = normalized(catalogue, {"records": [SYSLOG, CEF, OFFICE, ACTIVITY, HUNT]})
    found = [document["event"]["dataset"] for document in documents]
    assert found == ["linux.auth", "cef", "o365.audit", "azure.activitylogs", "m365_defender.event"]


@pytest.mark.parametrize(
    "row", [{"Type": "Syslog", "TimeGenerated": "x"}, {"Type": ["Syslog"], "TimeGenerated": "x"}, {"TimeGenerated": "x"}]
)
def test_what_only_looks_like_a_row_is_kept_whole(catalogue: Catalogue, row: dict[str, Any]) -> None:
    (document,) = normalized(catalogue, row)
    assert document["event"]["dataset"] in ("unknown", "json")
