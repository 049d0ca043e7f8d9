"""Events that prove themselves: each line is a function of its sender and number, and carries the hash of both."""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

TOKEN = re.compile(rb"ledger-([a-z]+)-(\d{9})-([0-9a-f]{16})-([a-z]*)-(alarm|calm)-end")
ALARM_EVERY = 50
"""Every so manieth event is one that the harness's own detection rule matches."""
RULE_ID = "5d6f2a0e-3f0c-4a51-9d5c-7a1f0f5f9a11"
RULE = f"""\
title: An event of the ledger raises an alarm
id: {RULE_ID}
status: test
description: Matches those events of the fault harness that say so.
author: Logweir
logsource:
  product: logweir
detection:
  selection:
    message|contains: '-alarm-end'
  condition: selection
level: high
"""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Key(NamedTuple):
    """Which sender's how manieth event."""

    sender: str
    number: int


@lru_cache(100_000)  # asked for by the sender, and then by every sink soon after
def text(sender: str, number: int) -> str:
    """The line of an event: always the same for the same key, of 80 to some 400 bytes."""
    mood = "alarm" if number % ALARM_EVERY == 0 else "calm"
    length = 20 + (0 if mood == "alarm" else blake2b(f"{sender}{number}".encode(), digest_size=1).digest()[0])
    padding = (_LETTERS * 13)[:length]  # alerts quote what they matched, up to some length
    return f"ledger-{sender}-{number:09d}-{_proof(sender, number, padding)}-{padding}-{mood}-end"


def _proof(sender: str, number: int, padding: str) -> str:
    return blake2b(f"{sender}/{number}/{padding}".encode(), digest_size=8).hexdigest()


def read(data: bytes) -> Key | None:
    """The key of the one event that `data` holds; None when there is none, or when a byte of it was changed."""
    found = TOKEN.search(data)
    if found is None:
        return None
    key = Key(found[1].decode(), int(found[2]))
    return key if text(*key).encode() == found[0] else None
