"""The quickest scenarios of the fault harness, as part of every test run; the others run with `make faults`."""

from pathlib import Path

import pytest

from tests.faults.__main__ import scenarios_by_name
from tests.faults.outcome import Outcome


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("name", "minutes"), [("R1", 0.2), ("S5", 0.1)])
async def test_a_scenario_holds(name: str, minutes: float, tmp_path: Path) -> None:
    outcome = Outcome(name, 1, minutes)
    await scenarios_by_name()[name].run(outcome)
    outcome.write(tmp_path / "summary.json")
    assert outcome.holds, outcome.closing_line()


def test_every_scenario_says_what_it_does() -> None:
    for scenario in scenarios_by_name().values():
        assert scenario.run.__doc__, scenario.name
