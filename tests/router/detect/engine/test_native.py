"""The matcher written in C, beside Python: the same atoms for whatever comes, and no byte read or written that is not its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.detect.engine import native
from router.detect.engine._sieve import Sieve
from router.detect.engine.field import FieldMatcher
from router.detect.engine.literals import plain
from router.detect.engine.numbers import Asked
from router.detect.engine.tables import field_table
from router.detect.folding import fold
from router.detect.ir import Wild

CHARACTERS = st.sampled_from("abcABC\\./ \x00éÉſK\u212aßİ€😀\ud800")
TEXTS = st.text(CHARACTERS, max_size=24)
LITERALS = st.lists(
    st.tuples(st.sampled_from(["eq", "contains", "startswith", "endswith"]), st.text(CHARACTERS, max_size=9), st.booleans()),
    max_size=40,
)
WILD = st.lists(
    st.lists(st.one_of(st.sampled_from(list(Wild)), st.text(CHARACTERS, min_size=1, max_size=4)), min_size=1, max_size=4),
    max_size=5,
)
SOURCE = Path(native.__file__).with_name("sieve.c")


def joined(parts):
    """A pattern as the front end gives it: no two texts stand beside each other."""
    pattern: list[object] = []
    for part in parts:
        if isinstance(part, Wild):
            pattern.append(part)
        elif pattern and isinstance(pattern[-1], str):
            pattern[-1] += fold(part)
        else:
            pattern.append(fold(part))
    return tuple(pattern)


def matcher(literals, wild):
    atoms = [Asked(None, kind, text if cased else fold(text), cased) for kind, text, cased in literals if text or kind == "eq"]
    atoms += [Asked(None, "wild", joined(parts), False) for parts in wild]
    return FieldMatcher(field_table(enumerate(dict.fromkeys(atoms))), plain)


@given(LITERALS, WILD, st.lists(TEXTS, min_size=1, max_size=6))
def test_atoms_are_those_that_python_finds(literals, wild, texts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "_kind", lambda: None)
        slow = matcher(literals, wild)
    fast = matcher(literals, wild)
    for text in texts:
        assert fast.of(text) == slow.of(text)


def test_of_many_literals_each_is_found_where_it_stands_and_told_once():
    words = [f"{n:x}word{n}" for n in range(5000)]
    sieve = Sieve([("contains", word, n, None if n % 2 else n) for n, word in enumerate(words)], folds=True)
    for n, word in enumerate(words):
        true: list[int] = []
        told = sieve.decide(f"{word.upper()} and {word}", true)
        assert n in true
        assert len(true) == len(set(true))
        assert told is None or n not in told if n % 2 else told is not None and n in told
    assert sieve.decide("nothing of it", []) is None


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 1019, 1020, 1021, 5000])
def test_texts_of_every_length_are_searched_to_their_last_byte(length):
    sieve = Sieve(
        [("contains", "z", 0, None), ("endswith", "z", 1, None), ("startswith", "a" * 3, 2, None), ("q", "z", 3, None)],
        folds=False,
    )
    true: list[int] = []
    sieve.decide("a" * (length - 1) + "z", true)
    assert sorted(true) == sorted([0, 1, *([2] if length > 3 else []), *([3] if length == 1 else [])])


@pytest.mark.parametrize(
    ("literals", "error"),
    [
        (5, TypeError),
        (["word"], TypeError),
        ([("contains", "word")], TypeError),
        ([("contains", b"word", 1, None)], TypeError),
        ([("around", "word", 1, None)], ValueError),
        ([("contains", "word", 1, None), ("contains", "", 1, None)], ValueError),
    ],
)
def test_what_is_no_literal_is_refused(literals, error):
    with pytest.raises(error):
        Sieve(literals, folds=True)


def test_what_is_no_text_is_refused():
    sieve = Sieve([("contains", "a", 1, None)], folds=True)
    for given_ in ((b"a", []), ("a", ()), ("a",)):
        with pytest.raises(TypeError):
            sieve.decide(*given_)


def test_references_are_given_back():
    number = 10**6
    atom = int(str(number))
    before = sys.getrefcount(atom)
    for _ in range(50):
        sieve, true = Sieve([("contains", "a", atom, atom)], folds=True), []
        told = sieve.decide("aa", true)
        del sieve, true, told
    assert sys.getrefcount(atom) == before


FUZZ = """
import random, sys
sys.path.insert(0, sys.argv[1])
from _sieve import Sieve
chance = random.Random(3)
letters = "abcA\\\\. é\\x00\\ud800😀"
def text(most):
    return "".join(chance.choice(letters) for _ in range(chance.randint(0, most)))
for _ in range(3000):
    literals = [(chance.choice(["contains", "startswith", "endswith", "q"]), text(12) or "x", n, n) for n in range(chance.randint(0, 40))]
    sieve = Sieve(literals, folds=chance.random() < 0.5)
    for _ in range(10):
        sieve.decide(text(chance.choice([3, 30, 3000])), [])
    try:
        Sieve([*literals, ("contains", "", 1, None)], folds=True)
    except ValueError:
        pass
print("done")
"""


@pytest.mark.peer
def test_no_byte_is_touched_that_is_not_its_own(tmp_path):
    """Built with the address and undefined-behaviour sanitizers, and fed at random."""
    compiler = shutil.which("gcc")
    if compiler is None:
        assert "LOGWEIR_REQUIRE_PEERS" not in os.environ, "gcc is missing"
        pytest.skip("gcc is missing")
    built = tmp_path / f"_sieve{sysconfig.get_config_var('EXT_SUFFIX')}"
    checks = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-shared", "-fPIC"]
    subprocess.run([compiler, *checks, f"-I{sysconfig.get_paths()['include']}", str(SOURCE), "-o", str(built)], check=True)
    library = subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout.strip()
    environment = os.environ | {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.stdout.strip() == "done", done.stderr[-3000:]
