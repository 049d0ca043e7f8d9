"""`logweir replay`, as a person meets it."""

from pathlib import Path

import orjson
import pytest

from router.batch import EVENTS, SIGNALS, Facts, Record
from router.cli.moments import moment
from router.config import EmbeddedLog
from router.errors import ConfigError
from router.log import standard_topics
from router.log.embedded import SqliteLog
from tests.router.cli.process import logweir

CONFIG = """
log: {kind: embedded, path: log.db, partitions: 2}
sinks:
  all: {kind: file, path: all.ndjson}
  walls: {kind: file, path: walls.ndjson, read: [events], choose: {datasets: [acme.*]}}
"""
NOON = 1_767_268_800.0  # 2026-01-01T12:00Z


def record(number: int, dataset: str) -> Record:
    body = orjson.dumps({"n": number, "event": {"outcome": "failure" if number % 2 else "success"}})
    return Record(number.to_bytes(16), body, NOON + 60 * number, Facts("s", dataset=dataset, noise=("some-noise-rule",)))


async def fill(folder: Path) -> None:
    """Events at noon, 12:01, ... of two datasets, and one signal at 13:00."""
    (folder / "logweir.yaml").write_text(CONFIG)
    settings = EmbeddedLog(path=folder / "log.db", partitions=2)
    log = SqliteLog(settings)
    await log.start()
    await log.create(standard_topics(settings))
    for i in range(10):
        await log.append(EVENTS, i % 2, [record(i, "acme.wall" if i < 6 else "linux.auth")])
    await log.append(SIGNALS, 0, [record(60, "logweir.alert")])
    await log.close()


def numbers(path: Path) -> list[int]:
    return sorted(orjson.loads(line)["n"] for line in path.read_bytes().splitlines())


async def test_a_dry_run_counts_and_apply_sends_what_noise_rules_left_out_too(tmp_path: Path) -> None:
    await fill(tmp_path)
    dry = logweir("replay", "--sink", "all", folder=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert b"all: 11 of 11 stored records would be sent" in dry.stdout
    assert b"6 acme.wall" in dry.stdout
    assert not (tmp_path / "all.ndjson").exists()
    done = logweir("replay", "--sink", "all", "--apply", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"all: 11 delivered" in done.stdout
    assert numbers(tmp_path / "all.ndjson") == [*range(10), 60]


async def test_time_fields_and_what_the_sink_chooses_narrow_it(tmp_path: Path) -> None:
    await fill(tmp_path)
    words = ("replay", "--sink", "walls", "--since", "2026-01-01T12:01Z", "--until", "2026-01-01T13:04+01:00")
    done = logweir(*words, "--match", "event.outcome=fail*", "--rate", 1000, "--apply", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert numbers(tmp_path / "walls.ndjson") == [1, 3]
    assert b"0 of 10" in logweir("replay", "--sink", "walls", "--match", "linux.*", folder=tmp_path).stdout
    assert b"1 of 11" in logweir("replay", "--sink", "all", "--match", "logweir.alert", folder=tmp_path).stdout


async def test_what_cannot_be_understood_is_told_with_a_remedy(tmp_path: Path) -> None:
    await fill(tmp_path)
    for words, text in (
        (("--sink", "wals"), b"did you mean 'walls'?"),
        (("--sink", "all", "--since", "yesterday"), b"is no moment"),
        (("--sink", "all", "--match", "=x"), b"names no field"),
    ):
        done = logweir("replay", *words, folder=tmp_path)
        assert done.returncode == 2
        assert text in done.stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", NOON - 90),
        ("1.5h", NOON - 5400),
        ("7d", NOON - 7 * 86_400),
        ("2026-01-01T12:00", NOON),
        ("2026-01-01 13:00+01:00", NOON),
        ("2026-01-01", NOON - 43_200),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    assert moment(text, "--since", NOON) == seconds


def test_what_is_no_moment_is_refused() -> None:
    with pytest.raises(ConfigError, match="no moment"):
        moment("2 fortnights", "--since", NOON)
