"""Lines whose sender chose their length: none may take more than a moment."""

import time

import pytest

from router.batch import Facts
from router.normalize import Catalogue


@pytest.mark.parametrize("line", ["pam_@", "pam_unix(@", "pam_unix(sshd:@", "pam_unix(sshd:session): session opened for user @"])
def test_a_long_pam_message_is_read_in_a_moment(line: str) -> None:
    catalogue = Catalogue.load()
    body = f"<86>Mar  1 10:00:00 h1 app[7]: {line}"
    catalogue.normalize(body.encode(), Facts("s"), 1_772_400_000.0)
    started = time.thread_time()
    catalogue.normalize(body.replace("@", "A" * 60_000).encode(), Facts("s"), 1_772_400_000.0)
    assert time.thread_time() - started < 1
