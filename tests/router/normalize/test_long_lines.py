"""Lines whose sender chose their length: none may take more than a moment."""

import time

import pytest

from router.batch import Facts
from router.normalize import Catalogue

LINES = [
    "app[7]: pam_%",
    "app[7]: pam_unix(%",
    "app[7]: pam_unix(sshd:%",
    "app[7]: pam_unix(sshd:session): session opened for user %",
    "%%ASA-6-302014: Teardown TCP connection 7 for outside:203.0.113.9/443 to inside:192.0.2.10/1 duration 0:00:04 bytes 4%",
    '<14>1 2026-03-01T10:00:00Z srx1 RT_FLOW - RT_FLOW_SESSION_CREATE [junos@%2636.1.1.1.2.129 source-address="192.0.2.1"',
    "%%ASA-4-733101: [%",
    "<189>sw1: 2026 Mar  1 10:00:00 UTC: %%ETHPORT-%5-IF_UP: Interface Ethernet1/1 is up",
    "1,2026/03/01 10:00:05,012345678901,HIPMATCH,0,2817,2026/03/01 10:00:00,ex%\\bob,vsys1,pc1,Windows,192.0.2.1,p,1,object,0,0",
    '<140>Mar  1 10:00:00 fb1 (2026-03-01T10:00:00) firewall: msg_id="3000-0148" Deny 0-External 1-Trusted tcp 20 63 203.0.113.1'
    " 198.51.100.1 44002 22 offset 8 S 2462184 %",
]


@pytest.mark.parametrize("filler", ["A", " ", "1"])
@pytest.mark.parametrize("line", LINES)
def test_a_long_message_is_read_in_a_moment(line: str, filler: str) -> None:
    catalogue = Catalogue.load()
    body = line if line[0] == "<" else f"<86>Mar  1 10:00:00 h1 {line}"
    body = body.replace("%%", "\0")
    catalogue.normalize(body.replace("\0", "%").encode(), Facts("s"), 1_772_400_000.0)
    started = time.thread_time()
    catalogue.normalize(body.replace("%", filler * 60_000).replace("\0", "%").encode(), Facts("s"), 1_772_400_000.0)
    assert time.thread_time() - started < 1
