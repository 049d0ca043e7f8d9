"""The demonstration, unattended: it balances to the event, through the outage of a stand-in."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(150)
def test_an_unattended_run_balances_and_survives_an_outage(tmp_path: Path) -> None:
    summary = tmp_path / "out.json"
    command = [sys.executable, "-m", "router", "demo", "--seconds", "14", "--rate", "400", "--summary", str(summary)]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=140, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    result = json.loads(summary.read_text())
    assert result["balanced"]
    assert result["sent"] == sum(result["received"].values()) >= 3000
    assert len(result["datasets"]) >= 5
    assert len(result["alerts"]) >= 3
    assert "unknown" not in result["datasets"]
    assert result["outage"]["sink"] == "splunk"
    assert result["outage"]["largest_lag_events"] > 500
    for sink in result["sinks"].values():
        assert sink["received"] == sink["written"] + sink["dead_lettered"] + sink["left_out"]
        assert sink["arrived"] == sink["written"]
