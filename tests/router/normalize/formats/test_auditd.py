"""Linux audit records: quoting and hex of the kernel, arguments in pieces, names that auditd added, socket addresses."""

import time

import pytest

from router.normalize.formats.auditd import MAX_ARGUMENTS, auditd, socket_address

HEAD = "msg=audit(1772359200.518:5009): "


def test_quoted_values_are_text_and_unquoted_hex_of_named_fields_is_decoded() -> None:
    record = auditd(f'type=PATH {HEAD}item=0 name=2F746D702F6120622E747874 comm="deadbeef" inode=17')
    assert record == {
        "type": "PATH", "time": "1772359200.518", "serial": "5009",
        "item": "0", "name": "/tmp/a b.txt", "comm": "deadbeef", "inode": "17",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ('uid=1000 comm="', {"uid": "1000", "comm": ""}),
        ('uid=1000 comm="cu', {"uid": "1000", "comm": "cu"}),
        ('uid=1000 comm="curl" ex', {"uid": "1000", "comm": "curl"}),
        ("auid=1000 ui", {"auid": "1000"}),
        ("uid=0 msg='op=login addr=? ter", {"uid": "0", "op": "login", "addr": "?"}),
        ("uid=0 msg='op=login acct=ann ter", {"uid": "0", "op": "login", "acct": "ann"}),
        ("uid=0 op=remove rule", {"uid": "0", "op": "remove rule"}),
        ("uid=0 msg='op=remove rule'", {"uid": "0", "op": "remove rule"}),
    ],
)
def test_of_a_record_that_was_cut_off_no_value_holds_a_piece_of_another(cut: str, expected: dict[str, str]) -> None:
    record = auditd(f"type=SYSCALL {HEAD}{cut}")
    assert record is not None
    assert {key: value for key, value in record.items() if key not in ("type", "time", "serial", "text")} == expected


def test_the_brackets_of_rhel_5_are_no_part_of_a_value() -> None:
    record = auditd(
        f'type=CRED_ACQ {HEAD}uid=0 msg=\'PAM: setcred acct="bob" : exe="/x" (hostname=h, addr=?, terminal=cron res=success)\''
    )
    assert record is not None
    assert {key: record[key] for key in ("acct", "exe", "hostname", "addr", "terminal", "res", "text")} == {
        "acct": "bob", "exe": "/x", "hostname": "h", "addr": "?", "terminal": "cron", "res": "success", "text": "PAM: setcred",
    }  # fmt: skip


def test_a_command_line_has_blanks_for_its_nuls() -> None:
    record = auditd(f"type=PROCTITLE {HEAD}proctitle=6C73002D6C6100")
    assert record is not None
    assert record["proctitle"] == "ls -la"


def test_pieces_of_an_argument_are_joined_before_they_are_decoded() -> None:
    record = auditd(f'type=EXECVE {HEAD}argc=2 a0="cat" a1_len=6 a1[1]=20 a1[0]=6120')
    assert record is not None
    assert record["args"] == ["cat", "a  "]
    assert "a1_len" not in record


def test_only_so_many_arguments_are_kept() -> None:
    many = " ".join(f'a{i}="x"' for i in range(MAX_ARGUMENTS + 5))
    record = auditd(f"type=EXECVE {HEAD}argc=9 {many}")
    assert record is not None
    assert len(record["args"]) == MAX_ARGUMENTS


def test_registers_of_a_system_call_stay_as_they_are() -> None:
    record = auditd(f"type=SYSCALL {HEAD}syscall=59 a0=55d0 a1=7f")
    assert record is not None
    assert (record["a0"], record["a1"]) == ("55d0", "7f")


def test_fields_of_a_program_stand_beside_the_others_and_repeats_below_inner() -> None:
    record = auditd(f"type=USER_ACCT {HEAD}pid=4 uid=0 msg='pam_tally2 uid=1004 op=changing password acct=\"a b\" res=success'")
    assert record is not None
    assert (record["uid"], record["inner"], record["op"], record["acct"]) == ("0", {"uid": "1004"}, "changing password", "a b")
    assert record["text"] == "pam_tally2"


def test_names_that_auditd_resolved_stand_apart() -> None:
    record = auditd(f'type=SYSCALL {HEAD}auid=1000 uid=0\x1dAUID="alice" UID="root"')
    assert record is not None
    assert (record["auid"], record["names"]) == ("1000", {"auid": "alice", "uid": "root"})


def test_a_record_of_the_kernel_has_its_number_named() -> None:
    record = auditd('audit: type=1400 audit(1772359200.026:12): avc:  denied  { read } for  pid=9 path="/x"')
    assert record is not None
    assert (record["type"], record["text"], record["path"]) == ("AVC", "avc: denied { read } for", "/x")


@pytest.mark.parametrize("text", ["", "type=SYSCALL msg=audit(17723592", "type=SYSCALL msg=g", "x type=A msg=audit(1.0:1): a=b"])
def test_other_text_is_no_record(text: str) -> None:
    assert auditd(text) is None


def test_a_quote_that_never_closes_loses_nothing() -> None:
    record = auditd(f'type=PATH {HEAD}name="/tmp/a b inode=17')
    assert record is not None
    assert " ".join(str(value) for value in record.values()).count("/tmp/a") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("020001BBC0000209", {"family": "ipv4", "ip": "192.0.2.9", "port": 443}),
        ("0A0001BB0000000020010DB8000000000000000000000007", {"family": "ipv6", "ip": "2001:db8::7", "port": 443}),
        ("01002F72756E2F7800", {"family": "unix", "path": "/run/x"}),
        ("0100", {"family": "unix"}),
        ("100000000000000000000000", {"family": "netlink"}),
        ("0200", {"family": "2"}),
        ("xyz", None),
        ("02", None),
    ],
)
def test_socket_addresses_are_read(text: str, expected: dict[str, object] | None) -> None:
    assert socket_address(text) == expected


def test_long_hostile_lines_are_read_in_linear_time() -> None:
    short, long = f"type=EXECVE {HEAD}" + "a0=41" * 2_000, f"type=EXECVE {HEAD}" + 'a="' * 30_000
    assert auditd(short) is not None
    assert auditd(long) is not None


def test_a_record_that_was_cut_off_inside_a_quote_keeps_its_fields_apart() -> None:
    found = auditd('type=USER_AUTH msg=audit(1.5:9): pid=2 msg=\'op=x acct="root" exe="/usr/bin/ch')
    assert found is not None
    assert (found["acct"], found["exe"]) == ("root", "/usr/bin/ch")


@pytest.mark.parametrize("between", ["\x1d", "#035", ""])
def test_names_that_auditd_added_are_found_behind_any_relay(between: str) -> None:
    added = 'ARCH=x86_64 SYSCALL=execve AUID="bob" UID="root"'
    record = auditd(f'type=SYSCALL {HEAD}pid=2 exe="/usr/bin/bash" key="exec"{between}{added}')
    assert record is not None
    assert (record["exe"], record["key"]) == ("/usr/bin/bash", "exec")
    assert record["names"] == {"arch": "x86_64", "syscall": "execve", "auid": "bob", "uid": "root"}


def test_a_file_name_cannot_pass_for_names_that_auditd_added() -> None:
    record = auditd(f'type=PATH {HEAD}item=0 name="/tmp/aUID=0" inode=17')
    assert record is not None
    assert record["name"] == "/tmp/aUID=0"
    assert "names" not in record


@pytest.mark.parametrize("piece", ["aARCH=a", 'aARCH="', "aID={", "aARCH=a ID=a "])
def test_what_looks_like_added_names_costs_a_hostile_line_no_more_than_its_length(piece: str) -> None:
    def seconds(count: int) -> float:
        line = f"type=SYSCALL msg=audit(1700000000.123:1): {piece * count} bad"
        runs = []
        for _ in range(5):
            began = time.thread_time()
            auditd(line)
            runs.append(time.thread_time() - began)
        return min(runs)

    assert seconds(8000) < 16 * max(seconds(2000), 1e-4), "four times as long, and not sixteen times as dear or more"
