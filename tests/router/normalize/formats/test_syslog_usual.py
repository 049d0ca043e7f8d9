"""The one search for usual headers gives what the closer look gives, whatever the header is made of."""

from hypothesis import given, settings
from hypothesis import strategies as st

from router.normalize.formats import syslog
from router.normalize.zones import zone

_PRIORITIES = ("", "<34>", "<0>", "<191>", "<192>", "<999>", "<34>1 ", "<34> ")
_STAMPS = (
    "Mar  1 10:00:00",
    "Mar 31 23:59:60",
    "Feb 30 10:00:00",
    "Mar  1 24:00:00",
    "Mar  1 2026 10:00:00",
    "Feb 29 2023 10:00:00",
    "2026-03-01T10:00:00Z",
    "2026-03-01T10:00:00.123456+01:00",
    "2026-13-01T10:00:00Z",
    "*Mar  1 10:00:00.123",
)
_HOSTS = ("fw1", "10.0.0.1", "a.b-c", "2026", "UTC", "EST", "PM", "last", "mar", "fw1:", "::1", "h,x", "h=1", "<x>", "")
_TAGS = ("sshd[77]:", "CEF:0|", "CEF: x", "http: x", "su:", "Mon:", "a b[1]:", "x=1:", "%ASA-6-302013:", ": %ASA-1-1:", ":", "")
_BODIES = (
    "text",
    "",
    " text",
    "The end",
    "Mar  2 10:00:00 inner su: x",
    "<34>Mar  2 10:00:00 inner su: x",
    "2026 X",
    "*x",
    "a: b",
    "1,2026/03/01 10:00:00,01",
    "message repeated 2 times",
    "CEF:0|a|b|1|c|d|1|x=1",
    "12,2026-03-01T10:00:00.000000Z,no-serial,GLOBALPROTECT",
    '{"a": 1}',
    '[a:"1"; b:"2"]',
    "app 77 id - text",
    "- - - CEF:0|a",
)
_PIECES = st.tuples(
    *(st.sampled_from(part) for part in (_PRIORITIES, _STAMPS, _HOSTS, _TAGS, _BODIES)), st.sampled_from((" ", "  ", ""))
)


@settings(max_examples=2000, deadline=None)
@given(_PIECES)
def test_a_usual_header_reads_as_by_the_closer_look(pieces: tuple[str, ...]) -> None:
    priority, stamp, host, tag, body, blank = pieces
    line = f"{priority}{stamp}{blank}{host}{blank}{tag}{blank}{body}"
    usual = syslog._usual(line)
    if usual is None:
        return
    head, text, when = syslog._message(line, syslog._RELAYS)
    site = zone("Europe/Paris")
    assert site is not None
    assert usual[:2] == (head, text)
    assert (usual[2] and usual[2](site, 1.8e9)) == (when and when(site, 1.8e9))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(("", "<13>", "<191>", "<192>")), st.text('abM=: 1"', max_size=20), st.sampled_from(("date=1 x: y", "mon=1"))
)
def test_pairs_behind_a_priority_read_as_by_the_closer_look(priority: str, before: str, pairs: str) -> None:
    line = f"{priority}{before}{pairs}"
    usual = syslog._usual(line)
    if usual is not None:
        assert usual == syslog._message(line, syslog._RELAYS)
