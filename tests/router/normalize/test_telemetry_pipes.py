"""Command lines, distinguished names, Sysmon's DNS results, renamed keys."""

import pytest

from router.normalize.telemetry_pipes import answered_addresses, arguments, dns_results, name_part, renamed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a b  c", ["a", "b", "c"]),
        (r'"C:\Program Files\x.exe" /a "b c"', [r"C:\Program Files\x.exe", "/a", "b c"]),
        (r'x d\"e "f\\" g""h', ["x", 'd"e', "f\\", "gh"]),
        ('cmd /c "echo ""hi"""', ["cmd", "/c", 'echo "hi"']),
        (r'a\\b c:\ "d', ["a\\\\b", "c:\\", "d"]),
        ("   ", None),
    ],
)
def test_a_command_line_is_split_as_windows_splits_it(line: str, expected: list[str] | None) -> None:
    assert arguments(line) == expected


def test_dns_results_are_answers_by_type() -> None:
    text = "type:  5 cdn.example.net;type:  999 x;::ffff:192.0.2.1;2001:db8::1;"
    assert dns_results(text) == [
        {"data": "cdn.example.net", "type": "CNAME"},
        {"data": "x", "type": "999"},
        {"data": "192.0.2.1", "type": "A"},
        {"data": "2001:db8::1", "type": "AAAA"},
    ]
    assert answered_addresses(text) == ["192.0.2.1", "2001:db8::1"]


@pytest.mark.parametrize("text", ["", "-", ";"])
def test_no_dns_results_are_nothing(text: str) -> None:
    assert dns_results(text) is None
    assert answered_addresses(text) is None


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        (r"CN=*.example.com,O=Example\, Inc.,C=US", "O", "Example, Inc."),
        ("C=US, O=Example, Inc., OU=a, OU=b, CN=www.example.com", "O", "Example, Inc."),
        ("C=US, O=Example, OU=a, OU=b", "OU", ["a", "b"]),
        ("/C=US/O=Example/CN=www.example.com", "CN", "www.example.com"),
        ("CN=a", "C", None),
        ("CN=a,O=Example,", "O", "Example"),
        ("", "CN", None),
    ],
)
def test_a_part_of_a_distinguished_name_is_found_in_every_form(name: str, key: str, expected: object) -> None:
    assert name_part(key)(name) == expected


def test_keys_are_renamed_and_others_left_out() -> None:
    pipe = renamed(("rrname:name", "rdata:data"))
    assert pipe([{"rrname": "a", "rdata": "b", "x": 1}, {"x": 1}, 5]) == [{"name": "a", "data": "b"}]
    assert pipe({"rrname": "a"}) == {"name": "a"}
    assert pipe("text") is None
    with pytest.raises(ValueError, match="rename"):
        renamed(("a",))
