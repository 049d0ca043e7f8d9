"""Tables beside normalizers are rules too: what changes in them is picked up."""

import asyncio
from pathlib import Path

from router.config import load
from router.reload import rules_state
from tests.router.test_reload import CONFIG, metric, running, until, written

ACME = """
id: acme.wall
identify: [{contains: ['acme']}]
parse: [kv]
map: {event.action: act | table names}
tables: {names: names.csv}
rest: acme.wall
tests: [{raw: 'acme=1 act=1'}]
"""


async def test_a_table_beside_a_normalizer_that_is_named_by_itself_is_watched_too(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(CONFIG.replace("rules: {", "rules: {normalize: [acme.yaml], "))
    (tmp_path / "acme.yaml").write_text(ACME)
    (tmp_path / "names.csv").write_text("1,allow\n")
    (tmp_path / "other.csv").write_text("1,x\n")
    async with running(path, watch=True) as router:
        loaded = metric("logweir_config_loaded_timestamp_seconds")
        (tmp_path / "other.csv").write_text("1,xyz\n")
        await asyncio.sleep(0.5)
        assert metric("logweir_config_loaded_timestamp_seconds") == loaded
        (tmp_path / "names.csv").write_text("1,permit\n")
        await until(lambda: metric("logweir_config_loaded_timestamp_seconds") > loaded)
        await router.send("acme=1 act=1")
        assert [event["event"]["action"] for event in await router.events(1)] == ["permit"]  # type: ignore[index]  # JSON
        (tmp_path / "names.csv").unlink()
        await until(lambda: metric("logweir_config_reload_success") == 0)


def test_tables_of_a_file_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(CONFIG.replace("rules: {", "rules: {normalize: [acme.yaml, gone.yaml], "))
    config = load(path)
    for text in ("tables: {names: names.csv", "- 1", "tables: 3"):
        (tmp_path / "acme.yaml").write_text(text)
        assert not [state for state in rules_state(config) if state[0].endswith(".csv")]
    (tmp_path / "acme.yaml").write_text(ACME)
    (tmp_path / "names.csv").write_text("1,allow\n")
    assert [Path(state[0]).name for state in rules_state(config) if state[0].endswith(".csv")] == ["names.csv"]
