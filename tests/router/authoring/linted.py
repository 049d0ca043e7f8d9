"""A rule that the linter leaves alone, to be spoiled by tests, and what it says of a file."""

from pathlib import Path

from router.authoring.findings import Finding
from router.authoring.lint import lint

GOOD = r"""
title: Encoded Command on a Server
id: 2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11
status: test
description: d
author: Ann
date: 2026-01-02
modified: 2026-02-03
level: high
tags: [attack.execution, attack.t1059.001, cve.2021-44228, tlp.amber-strict, detection.emerging-threats, car.2013-07-001]
references: ['https://a.example']
falsepositives: [add-ins]
logsource: {product: windows, category: process_creation}
detection:
  selection:
    CommandLine|contains: ['-enc', '-ec']
  filter: {User: nobody}
  condition: selection and not filter
tests:
  - {name: t, match: false, event: {Channel: Security, EventID: 4688, CommandLine: cmd}}
"""


def checks(folder: Path, text: str, name: str = "encoded_command.yml", **options) -> dict[str, Finding]:
    """The findings about a file with this text, by check."""
    (folder / name).write_text(text)
    return {f.check: f for f in lint([folder], builtin=False, **options)}
