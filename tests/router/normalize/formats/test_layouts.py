"""Pairs read at once: what a known layout gives is what reading step by step gives, for every other value too."""

import random
import re
import time
from typing import Any

import pytest

from router.normalize.formats import kv, layouts
from router.normalize.formats.layouts import Layouts

BLANKS = 'date=2026-03-01 time=10:00:00 devname="gw 1" logid="0001" srcip=192.0.2.1 msg="it is late" proto=6'
LISTED = 'action:"Accept"; flags:"4"; ifname:"eth 0"; origin:"192.0.2.1"; src:"192.0.2.2"; note:"a b"'
DIALECTS: list[tuple[dict[str, Any], str]] = [
    ({"sep": [" ", ","], "drop_values": ["N/A", ""]}, BLANKS),
    ({}, BLANKS),
    ({"assign": ":", "sep": ";"}, LISTED),
    ({"assign": ":", "sep": [";", " "]}, LISTED),
]
ODD = [
    "",
    "x",
    "a b",
    " a",
    "a ",
    "a=b",
    "a=b c",
    '"',
    '\\"',
    "\\",
    "a;b",
    "a,b",
    "a\tb",
    "\n",
    "N/A",
    "\xa0",
    "|",
    "a  b",
    "k=v",
]


def _spoilt(text: str, dice: random.Random) -> str:
    """A piece between delimiters replaced by something odd, or a character by another."""
    at = dice.randrange(len(text))
    end = min(len(text), at + dice.randrange(8))
    return text[:at] + dice.choice(ODD) + text[end:]


@pytest.mark.parametrize(("options", "line"), DIALECTS)
def test_a_known_layout_gives_what_the_steps_give(options: dict[str, Any], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = kv.compile_kv(**options)
    for _ in range(4):
        quick(line)
    dice = random.Random(7)
    lines = [line, *(_spoilt(line, dice) for _ in range(3000))]
    found = [quick(text) for text in lines]
    monkeypatch.setattr(Layouts, "read", lambda *_: None)
    slow = kv.compile_kv(**options)
    assert found == [slow(text) for text in lines]


@pytest.mark.parametrize(("options", "line"), DIALECTS)
def test_a_layout_is_known_after_a_few_lines(options: dict[str, Any], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parse = kv.compile_kv(**options)
    expected = [parse(line) for _ in range(4)].pop()
    monkeypatch.setattr(kv, "_regular_pairs", None)
    monkeypatch.setattr(kv, "_listed_pairs", None)
    assert parse(line) == expected, "the steps are not there any more"


def test_patterns_are_made_for_a_bounded_number_of_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(Layouts, "_add", lambda _self, _mark, text, _pairs: made.append(text))
    parse = kv.compile_kv()
    for i in range(500):
        for _ in range(3):
            parse(" ".join(f'k{i}x{j}="{i}"' for j in range(6)))
    assert len(made) == layouts._AT_ONCE, "five hundred layouts came three times each"
    for _ in range(layouts._LINES_PER_PATTERN):
        parse(BLANKS)
    assert len(made) == layouts._AT_ONCE + 1, "and later another one"


@pytest.mark.parametrize("filling", ['"', " ", "=", "a ", "a=", '" ', "\\", ";", '="', "; a"])
@pytest.mark.parametrize("line", [BLANKS, LISTED])
def test_a_pattern_takes_time_that_grows_with_the_text(line: str, filling: str) -> None:
    pairs: dict[str, Any] = dict.fromkeys(map(str, range(line.count("=" if line is BLANKS else ":"))))
    made = kv._blank_layout("=", '"', line, pairs) if line is BLANKS else kv._listed_layout(":", '"', ";", line, pairs)
    assert made is not None
    match = re.compile(made[0]).fullmatch
    assert match(line)
    spent = []
    for size in (32_768, 262_144):
        text = line[:24] + filling * (size // len(filling)) + line[24:]
        started = time.process_time()
        match(text)
        spent.append(time.process_time() - started)
    assert spent[1] < 64 * max(spent[0], 0.001), "eight times as much text, with eight times of slack"
