"""LEEF attributes by one split: what it gives is what reading token by token gives."""

import random

import pytest

from router.normalize.formats import leef

LINES = [
    "LEEF:1.0|Example|Gate|3.1|deny|src=192.0.2.1\tdst=192.0.2.2\tusrName=alice smith\tmsg=a=b\t",
    "LEEF:2.0|Example|Gate|3.1|deny|^|src=192.0.2.1^dst=192.0.2.2^usrName=alice^msg=",
    "LEEF:2.0|Example|Gate|3.1|deny|x7C|src=192.0.2.1|dst=192.0.2.2|usrName=alice",
]
ODD = [
    "",
    "\t",
    "^",
    "|",
    " ",
    "=",
    "\r",
    "\n",
    "src=192.0.2.9",
    "\tsrc=192.0.2.9\t",
    "\t\t",
    "^ x =1^",
    "|vendor=x|",
    "text",
    "\xa0",
]


@pytest.mark.parametrize("line", LINES)
def test_the_usual_way_gives_what_the_steps_give(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(3)
    lines = [line]
    for _ in range(3000):
        at = dice.randrange(20, len(line))
        lines.append(line[:at] + dice.choice(ODD) + line[at + dice.randrange(3) :])
    parse = leef.compile_leef()
    usual = [leef._usual(text[text.rfind("deny|") + 5 :], "\t") is not None for text in lines]
    found = [parse(text) for text in lines]
    monkeypatch.setattr(leef, "_usual", lambda _body, _delimiter: None)
    assert found == [parse(text) for text in lines]
    assert any(usual) or "\t" not in line


def test_the_usual_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leef, "_attributes", None)
    parse = leef.compile_leef()
    assert [(parse(line) or {}).get("dst") for line in LINES] == ["192.0.2.2"] * 3
