"""Every normalizer's head says what it reads and how its device is pointed here."""

from pathlib import Path

import pytest

from router.reference.normalizers import about
from rules import ROOT

FILES = sorted((ROOT / "normalize").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_normalizer_says_how_to_send_its_events_here(file: Path):
    assert "To send it here" in dict(about(file))


def test_a_head_is_cut_at_its_labels(tmp_path: Path):
    file = tmp_path / "acme.wall.yaml"
    file.write_text(
        '# ACME Wall 3.x by syslog ("Log Guide"). Decided here: a drop is a\n# success.\n# Send: log host HOST.\n'
        "id: acme.wall\n# Maps: src to source.ip\nidentify:\n  - {contains: [x]}\n# not this\n"
    )
    assert list(about(file)) == [
        ("Reads", 'ACME Wall 3.x by syslog ("Log Guide").'),
        ("Decided", "a drop is a success."),
        ("To send it here", "log host HOST."),
        ("Maps", "src to source.ip."),
    ]


def test_a_head_that_says_nothing_gives_nothing(tmp_path: Path):
    file = tmp_path / "x.yaml"
    file.write_text("id: x\nidentify: []\n")
    assert list(about(file)) == []
