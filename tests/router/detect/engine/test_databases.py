"""Compiled databases on disk: found again, never believed when damaged, no condition of exactness."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from router.detect.engine import databases
from router.detect.engine.databases import Databases, prune
from router.detect.engine.literals import Pattern, plain

PATTERNS = [Pattern(side, f"{side[0]}{n}é") for n in range(30) for side in ("contains", "startswith", "endswith")]  # type: ignore[arg-type]  # literals
TEXTS = ["c3é", "xc3éx", "s4é and e5é", "e5é", "e5éx", "\ud800c7é", "", "c1éc1é"]
pytestmark = pytest.mark.skipif(databases.hyperscan is None, reason="Hyperscan is not installed on this platform")


def answers(find):
    return [sorted(find(text)) for text in TEXTS]


def test_hyperscan_and_plain_text_methods_find_the_same():
    assert answers(Databases(None).finder(PATTERNS)) == answers(plain(PATTERNS))
    assert any(answers(plain(PATTERNS)))


def test_a_database_is_compiled_once_and_then_taken_from_memory_and_disk(tmp_path):
    first = Databases(tmp_path / "new" / "folder")
    first.finder(PATTERNS)
    first.finder(list(PATTERNS))
    assert (first.compiled, first.restored) == (1, 0)
    again = Databases(tmp_path / "new" / "folder")
    assert answers(again.finder(PATTERNS)) == answers(plain(PATTERNS))
    assert (again.compiled, again.restored) == (0, 1)
    again.finder(PATTERNS[1:])
    assert again.compiled == 1


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other format", "not a file"])
def test_a_damaged_file_is_compiled_anew_and_replaced(tmp_path, damage):
    Databases(tmp_path).finder(PATTERNS)
    (file,) = tmp_path.glob("*.hs")
    stored = file.read_bytes()
    flipped = stored[:200] + bytes([stored[200] ^ 1]) + stored[201:]
    file.write_bytes(
        {"cut": stored[:-9], "flip": flipped, "empty": b"", "other format": b"x" + stored, "not a file": b""}[damage]
    )
    if damage == "not a file":
        file.unlink()
        file.mkdir()
    found = Databases(tmp_path)
    assert answers(found.finder(PATTERNS)) == answers(plain(PATTERNS))
    assert (found.compiled, found.restored) == (1, 0)
    if damage != "not a file":
        assert file.read_bytes()[:50] == stored[:50]


def test_another_version_of_hyperscan_compiles_anew(tmp_path, monkeypatch):
    Databases(tmp_path).finder(PATTERNS)
    monkeypatch.setattr(databases, "_identity", lambda: b"another")
    other = Databases(tmp_path)
    other.finder(PATTERNS)
    assert other.compiled == 1


def test_a_folder_that_cannot_be_made_costs_time_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("")
    found = Databases(tmp_path / "file" / "below")
    assert answers(found.finder(PATTERNS)) == answers(plain(PATTERNS))


@pytest.mark.parametrize("side", ["contains", "startswith", "endswith"])
@pytest.mark.parametrize("literal", ["x" * 3900, "x" * 3901, "é" * 1951, "long" * 50_000])
def test_a_literal_that_hyperscan_refuses_is_looked_for_beside_it(side, literal):
    patterns, databases_ = [Pattern(side, literal), *PATTERNS, Pattern("contains", literal + "y")], Databases(None)
    find = databases_.finder(patterns)
    assert databases_.compiled == 1
    assert answers(find) == answers(plain(patterns))
    assert sorted(find(literal)) == sorted(plain(patterns)(literal))
    assert {0, len(patterns) - 1} - {0 if side == "endswith" else None} <= set(find(literal + "y"))


def test_literals_that_hyperscan_refuses_for_another_reason_are_looked_for_without_it(monkeypatch):
    monkeypatch.setattr(databases, "_LONGEST", 1 << 20)
    patterns = [*PATTERNS, Pattern("contains", "long" * 50_000)]
    find = Databases(None).finder(patterns)
    assert answers(find) == answers(plain(patterns))
    assert len(patterns) - 1 in find("x" + "long" * 50_000)


def test_a_lock_that_another_process_holds_does_not_hold_up_a_small_database(tmp_path):
    fcntl = pytest.importorskip("fcntl", reason="locks are POSIX")
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert answers(Databases(tmp_path).finder(PATTERNS)) == answers(plain(PATTERNS))


def test_databases_that_nobody_used_for_long_are_removed(tmp_path):
    Databases(tmp_path).finder(PATTERNS)
    (file,) = tmp_path.glob("*.hs")
    prune(tmp_path, file.stat().st_mtime + 60)
    assert file.exists()
    os.utime(file, (0, 0))
    prune(tmp_path, 40 * 86_400.0)
    assert not file.exists()


def test_another_process_finds_what_was_compiled(tmp_path):
    """The order of patterns must not hang on the hashes of texts, which differ from process to process."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom router.detect import Options\nfrom router.detect.engine import Engine\n"
        "from tests.router.detect.rules import read, titled\nfrom router.detect.engine import native\nnative._kind = lambda: None\n"
        "values = [rf'\\\\s-[abcd{c}]\\\\s|[xyz]{c}[uvw]q' for c in 'efghijklmnop']\n"
        "engine = Engine([read(titled('r', '{product: acme}', f'{{a|re: {values}}}'))], Options(Path(sys.argv[1])))\n"
        "engine.match({'event': {'dataset': 'acme.vpn'}, 'a': 'x'})\n"
        "print(engine._databases.compiled, engine._databases.restored)\n"
    )
    for seed, expected in (("1", "1 0"), ("2", "0 1"), ("3", "0 1")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[4])}
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path / "cache")], capture_output=True, text=True, env=environment
        )
        assert done.stdout.strip() == expected, done.stderr
