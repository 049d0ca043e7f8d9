"""Syslog headers as devices and relays really send them."""

import calendar

import pytest

from router.normalize.formats.structured_data import structured_data
from router.normalize.formats.syslog import as_document, compile_syslog, read
from router.normalize.line import Line
from router.normalize.times import UTC
from router.normalize.zones import zone

RECEIPT = float(calendar.timegm((2026, 3, 2, 0, 0, 0)))


def header(text: str, tz: str = "UTC") -> tuple[str | None, str | None, str | None, str | None, str]:
    """(host, tag, pid, time, body)."""
    site = zone(tz) or UTC
    x = Line(text, RECEIPT, site)
    read(x)
    moment = x.syslog_time(site)
    return x.head.hostname, x.head.appname, x.head.procid, moment.iso if moment else None, x.body


T = "2026-03-01T10:00:00Z"
CASES = [
    ("<38>Mar  1 10:00:00 h sshd[123]: Accepted", ("h", "sshd", "123", T, "Accepted")),
    ("<38>Mar 01 10:00:00 h sshd[123]: Accepted", ("h", "sshd", "123", T, "Accepted")),
    ("Mar  1 10:00:00 h cron: x", ("h", "cron", None, T, "x")),
    ("1 2026-03-01T10:00:00Z h app 12 - - x", ("h", "app", "12", T, "x")),
    ('1 2026-03-01T10:00:00Z h app - - [a@1 b="c"] x', ("h", "app", None, T, "x")),
    ("Mar  1 10:00:09 relay 1 2026-03-01T10:00:00Z h app - - - x", ("h", "app", None, T, "x")),
    ("1 2026-03-01T10:00:00Z is no header of five", (None, None, None, None, "1 2026-03-01T10:00:00Z is no header of five")),
    ("<14> Mar  1 10:00:00 fe80::1 tag: x", ("fe80::1", "tag", None, T, "x")),
    ("<14>Mar  1 2026 10:00:00 h tag: x", ("h", "tag", None, T, "x")),
    ("<14>2026 Mar  1 10:00:00 h tag: x", ("h", "tag", None, T, "x")),
    ("<14>Sun Mar  1 10:00:00 2026 h tag: x", ("h", "tag", None, T, "x")),
    ("<14>Mar  1 10:00:00 PM h tag: x", ("h", "tag", None, "2026-03-01T22:00:00Z", "x")),
    ("<14>Mar  1 10:00:00.123 h tag: x", ("h", "tag", None, "2026-03-01T10:00:00.123Z", "x")),
    ("<14>Mar  1 10:00:00 CET h tag: x", ("h", "tag", None, "2026-03-01T09:00:00Z", "x")),
    ("<14>Mar  1 10:00:00 +02:00 h tag: x", ("h", "tag", None, "2026-03-01T08:00:00Z", "x")),
    ("<14>2026-03-01T10:00:00+01:00 h tag[1]: x", ("h", "tag", "1", "2026-03-01T09:00:00Z", "x")),
    ("<38>Mar 01 10:00:00 sshd[123]: Accepted", (None, "sshd", "123", T, "Accepted")),
    ("<38>Mar 01 10:00:00 sshd: Accepted", (None, "sshd", None, T, "Accepted")),
    ("<13>Mar  1 10:00:00 h /usr/sbin/cron[4]: x", ("h", "/usr/sbin/cron", "4", T, "x")),
    ("<13>Mar  1 10:00:00 h postfix/smtpd[4]: x", ("h", "postfix/smtpd", "4", T, "x")),
    ("<14>Mar  1 10:00:00 h.example.com: tag: x", ("h.example.com", "tag", None, T, "x")),
    ("<166>Mar  1 2026 10:00:00 fw : %ASA-6-302013: Built", ("fw", None, None, T, "%ASA-6-302013: Built")),
    ("<166>Mar  1 2026 10:00:00: %ASA-6-302013: Built", (None, None, None, T, "%ASA-6-302013: Built")),
    ("<166>%ASA-6-302013: Built", (None, None, None, None, "%ASA-6-302013: Built")),
    ("<167>:Mar 01 10:00:00 UTC: %ASA-7-609001: Built", (None, None, None, T, "%ASA-7-609001: Built")),
    ("<189>237: *Mar  1 10:00:00.483 UTC: %SYS-5-X: y", (None, None, None, "2026-03-01T10:00:00.483Z", "%SYS-5-X: y")),
    ("<189>237: R1: .Mar  1 10:00:00: %SYS-5-X: y", ("R1", None, None, T, "%SYS-5-X: y")),
    ("<14>Mar  1 10:00:00 h CEF:0|a|b|c|d|e|1|x=1", ("h", None, None, T, "CEF:0|a|b|c|d|e|1|x=1")),
    ("<14>CEF:0|a|b|c|d|e|1|x=1", (None, None, None, None, "CEF:0|a|b|c|d|e|1|x=1")),
    ('<14>Mar  1 10:00:00 h {"a": "b: c"}', ("h", None, None, T, '{"a": "b: c"}')),
    ("<189>date=2026-03-01 time=10:00:00 x=1", (None, None, None, None, "date=2026-03-01 time=10:00:00 x=1")),
    ("<14>Mar  1 10:00:00 last message repeated 3 times", (None, None, None, T, "last message repeated 3 times")),
    ("<14>Mar  1 10:00:00 fw 1,2026/03/01 10:00:00,x", ("fw", None, None, T, "1,2026/03/01 10:00:00,x")),
    ("<13>Mar  1 10:00:00 relay <189>date=2026-03-01 x=1", ("relay", None, None, T, "date=2026-03-01 x=1")),
    ("<13>Mar  1 09:00:00 relay Mar  1 10:00:00 fw %ASA-6-1: y", ("fw", None, None, T, "%ASA-6-1: y")),
    ("<14>1 2026-03-01T10:00:00Z h app 12 ID1 - msg", ("h", "app", "12", T, "msg")),
    ("<14>1 2026-03-01T10:00:00.123456+01:00 h app - - - msg", ("h", "app", None, "2026-03-01T09:00:00.123456Z", "msg")),
    ("<14>1 - - - - - - msg", (None, None, None, None, "msg")),
    ("<14>1 2026-03-01T10:00:00Z - - - - - \ufeffmsg", (None, None, None, T, "msg")),
    ('<14>1 2026-03-01T10:00:00Z h a - - [x y="1"] msg', ("h", "a", None, T, "msg")),
    ("<134>1 1772359200.5 MX84 flows src=1", ("MX84", None, None, "2026-03-01T10:00:00.5Z", "flows src=1")),
    ("<14>Mar  1 10:00:00 2001:db8::7 tag[5]: x", ("2001:db8::7", "tag", "5", T, "x")),
    ("<14>Mar  1 10:00:00 2003:a:b:c:1:2:3:4 tag: x", ("2003:a:b:c:1:2:3:4", "tag", None, T, "x")),
    ("<14>Mar  1 2026 10:00:00 2001:db8::7 tag: x", ("2001:db8::7", "tag", None, T, "x")),
    ("<14>Mar  1 10:00:00 2001:db8::7 CEF:0|a|b|c|d|e|1|x=1", ("2001:db8::7", None, None, T, "CEF:0|a|b|c|d|e|1|x=1")),
    ("<14>Mar  1 10:00:00 ::1 tag: x", ("::1", "tag", None, T, "x")),
    ("<166>Mar  1 10:00:00 2026: %ASA-6-1: x", (None, None, None, T, "%ASA-6-1: x")),
    ("<14>Mar  1 10:00:00 h tag: \ufeffx", ("h", "tag", None, T, "x")),
    ("<14>Mar  1 10:00:00 h \ufeff{}", ("h", None, None, T, "{}")),
    ("45 <38>Mar  1 10:00:00 h sshd[123]: Accepted key", ("h", "sshd", "123", T, "Accepted key")),
    ("9999 <14>1 2026-03-01T10:00:00Z h app 12 ID1 - cut", ("h", "app", "12", T, "cut")),
    ("<13>Mar  1 09:00:00 relay 40 <38>Mar  1 10:00:00 h sshd[123]: Accepted", ("h", "sshd", "123", T, "Accepted")),
    ("<13>Mar  1 10:00:00 relay 29 <189>date=2026-03-01 x=1", ("relay", None, None, T, "date=2026-03-01 x=1")),
    ("12345678 <14>x", (None, None, None, None, "12345678 <14>x")),
    ("2026-03-01 10:00:00,123 ERROR [main] a.B - x", (None, None, None, "2026-03-01T10:00:00.123Z", "ERROR [main] a.B - x")),
    ("2026-03-01T10:00:00Z WARN pool: x", (None, None, None, T, "WARN pool: x")),
    ("2026-03-01T10:00:00Z\t192.0.2.1\tGET", (None, None, None, T, "\t192.0.2.1\tGET")),
    ("2026-03-01T10:00:00+0000 I NETWORK  [c1] end", (None, None, None, T, "I NETWORK  [c1] end")),
    ("2026-03-01 10:00:00 Starting server on port 80", (None, None, None, T, "Starting server on port 80")),
    ("2026-03-01 10:00:00 web1 server started", ("web1", None, None, T, "server started")),
    ("2026-03-01 10:00:00 web app[4]: x", ("web", "app", "4", T, "x")),
    ("<14>2026-03-01 10:00:00 web server started", ("web", None, None, T, "server started")),
    ("Sun Mar  1 10:00:00 2026 [pid 7] CONNECT", (None, None, None, T, "[pid 7] CONNECT")),
    ("2026-03-01 10:00:00 fail2ban.filter   [7]: INFO  [x] y", (None, "fail2ban.filter", "7", T, "INFO  [x] y")),
    ("2026-03-01 10:00:00 [info] started", (None, None, None, T, "[info] started")),
    ("<14>Mar  1 10:00:00 f5 notice sshd[77]: x", ("f5", "sshd", "77", T, "x")),
    ("<14>Mar  1 10:00:00 f5 info httpd(pam_audit)[77]: User=a", ("f5", "httpd(pam_audit)", "77", T, "User=a")),
    ("<14>Mar  1 10:00:00 h error something: x", ("h", None, None, T, "error something: x")),
    ("plain text: with a colon", (None, None, None, None, "plain text: with a colon")),
    ("<999>x", (None, None, None, None, "<999>x")),
    ("<14>", (None, None, None, None, "")),
    ("Mar  1 10:00:00", (None, None, None, T, "")),
    ("2026-03-01 10:00:00 [main] ERROR c.e.Door - shut", (None, None, None, T, "[main] ERROR c.e.Door - shut")),
    ("2026-03-01 10:00:00 - app.auth - INFO - x", (None, None, None, T, "app.auth - INFO - x")),
    ("<14>Mar  1 10:00:00 - sshd[7]: x", (None, "sshd", "7", T, "x")),
    ("<14>Mar  1 10:00:00 [2001:db8::7] tag: x", ("[2001:db8::7]", "tag", None, T, "x")),
    ("<14>Mar  1 10:00:00 [192.0.2.7] tag: x", ("[192.0.2.7]", "tag", None, T, "x")),
    ("<14>01 Mar 10:00:00 h tag: x", ("h", "tag", None, T, "x")),
    ("<14>01 Mar 2026 10:00:00.5 h CEF:0|a|b|c|d|e|1|x=1", ("h", None, None, "2026-03-01T10:00:00.5Z", "CEF:0|a|b|c|d|e|1|x=1")),
    ("Mar  1 10:00:00 h sshd[7]: [ID 800047 auth.info] Failed", ("h", "sshd", "7", T, "Failed")),
    ("Mar  1 10:00:00 h su: [ID card] x", ("h", "su", None, T, "[ID card] x")),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[case[0][:50] for case in CASES])
def test_a_header_is_split_from_its_message(text: str, expected: tuple[str | None, ...]) -> None:
    assert header(text) == expected


def test_the_id_that_solaris_writes_in_front_of_a_message_is_that_of_the_message() -> None:
    x = Line("Mar  1 10:00:00 h sshd[7]: [ID 800047 auth.info] Failed", RECEIPT, UTC)
    read(x)
    assert as_document(x.head)["msgid"] == "800047"


def test_a_year_is_inferred_in_the_zone_of_the_event() -> None:
    assert header("<14>Dec 31 23:30:00 h t: x")[3] == "2025-12-31T23:30:00Z"
    assert header("<14>Mar  2 23:30:00 h t: x")[3] == "2026-03-02T23:30:00Z"
    assert header("<14>Mar  3 23:30:00 h t: x")[3] == "2025-03-03T23:30:00Z"
    assert header("<14>Feb 29 10:00:00 h t: x")[3] == "2024-02-29T10:00:00Z"
    assert header("<14>Mar  1 10:00:00 h t: x", "Asia/Tokyo")[3] == "2026-03-01T01:00:00Z"


def test_a_missing_part_that_is_required_is_refused() -> None:
    step = compile_syslog("required", "required")
    assert step(Line("Mar  1 10:00:00 h t: x", RECEIPT, UTC)) is None
    assert step(Line("<13>t: x", RECEIPT, UTC)) is None
    assert step(Line("<13>Mar  1 10:00:00 h t: x", RECEIPT, UTC)) == "x"


def test_structured_data_keeps_escapes_and_repeated_names() -> None:
    data, message = structured_data(r'[a@1 k="v" k="w\]\"\\ \n"][b x=""] the message')
    assert data == {"a@1": {"k": ["v", 'w]"\\ \\n']}, "b": {"x": ""}}
    assert message == "the message"


@pytest.mark.parametrize("text", ['[a k="v', "[a k=v] m", "[a", "[]", '[a k="v"]x'])
def test_structured_data_that_is_wrong_stays_in_the_message(text: str) -> None:
    assert structured_data(text) == (None, text)


def test_the_document_has_codes_and_names() -> None:
    x = Line("<165>Mar  1 10:00:00 h t[7]: x", RECEIPT, UTC)
    read(x)
    document = as_document(x.head)
    assert document["priority"] == 165
    assert document["facility"] == {"code": 20, "name": "local4"}
    assert document["severity"] == {"code": 5, "name": "Notice"}


@pytest.mark.parametrize(
    ("text", "iso", "host", "body"),
    [
        ("<13>Mar  1 10:00:00 web1 app: x", "2026-03-01T10:00:00Z", "web1", "x"),
        ("<13>Mar  1 10:00:00 EST web1 app: x", "2026-03-01T15:00:00Z", "web1", "x"),
        ("<13>Mar  1 10:00:00 2025 web1 app: x", "2025-03-01T10:00:00Z", "web1", "x"),
        ("<13>Mar  1 10:00:00 pm web1 app: x", "2026-03-01T22:00:00Z", "web1", "x"),
        ("<13>Mar  1 10:00:00.250 web1 app: x", "2026-03-01T10:00:00.250Z", "web1", "x"),
        ("<13>Mar  1 10:00:00: %ASA-6-1: x", "2026-03-01T10:00:00Z", None, "%ASA-6-1: x"),
    ],
)
def test_a_plain_time_ends_where_nothing_of_it_follows(text: str, iso: str, host: str | None, body: str) -> None:
    x = Line(text, RECEIPT, UTC)
    read(x)
    assert (x.syslog_iso, x.head.hostname, x.body) == (iso, host, body)


def test_an_empty_process_number_is_part_of_the_message() -> None:
    x = Line("<13>Mar  1 10:00:00 web1 app[]: x", RECEIPT, UTC)
    read(x)
    assert (x.head.appname, x.body) == (None, "app[]: x")


@pytest.mark.parametrize(
    ("between", "app", "process"),
    [("", None, None), ("app ", "app", None), ("app 7 ", "app", "7"), ("- - ", None, None)],
)
@pytest.mark.parametrize("body", ["CEF:0|A|B|1|2|a name|5|act=x y", "LEEF:1.0|A|B|1|2|a=b c", '{"a": 1, "b": 2}', "<a>b c</a>"])
def test_a_body_that_comes_before_the_header_is_complete_is_not_taken_for_it(
    between: str, app: str | None, process: str | None, body: str
) -> None:
    x = Line(f"<13>1 2026-03-01T10:00:00Z fw1 {between}{body}", 0.0, UTC)
    read(x)
    assert x.body == body
    assert (x.head.hostname, x.head.appname, x.head.procid, x.head.priority) == ("fw1", app, process, 13)
    assert x.syslog_iso == "2026-03-01T10:00:00Z"


def test_the_year_of_a_header_follows_the_day_of_receipt_however_often_it_is_read() -> None:
    days = [calendar.timegm((year, month, 1, 0, 0, 0)) for year in (2026, 2027, 2024) for month in (1, 3, 12)]
    read_years = []
    for day in [*days, *reversed(days)]:
        x = Line("<13>Mar  1 10:00:00 h1 app: x", float(day), UTC)
        read(x)
        read_years.append((x.syslog_iso or "")[:4])
    expected = ["2025", "2026", "2026", "2026", "2027", "2027", "2023", "2024", "2024"]
    assert read_years == [*expected, *reversed(expected)]
