"""What a run found: checks that hold or do not, figures, and one closing line."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson


@dataclass(slots=True)
class Check:
    """One claim about a run."""

    name: str
    holds: bool
    detail: str = ""
    is_promise: bool = False
    """About what is lost, invented, changed or doubled, which no busy machine excuses."""


@dataclass(slots=True)
class Outcome:
    """The result of one scenario."""

    scenario: str
    seed: int
    minutes: float
    checks: list[Check] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def check(self, name: str, holds: bool, detail: object = "", *, is_promise: bool = False) -> bool:
        """Note a claim; returns whether it holds."""
        self.checks.append(Check(name, bool(holds), str(detail), is_promise))
        return holds

    @property
    def holds(self) -> bool:
        """Every claim holds, and there was one."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    @property
    def breaks_a_promise(self) -> bool:
        """Something was lost, invented, changed or doubled."""
        return any(check.is_promise and not check.holds for check in self.checks)

    def closing_line(self) -> str:
        """For people and logs."""
        broken = "; ".join(f"{c.name} ({c.detail})" for c in self.checks if not c.holds)
        figures = ", ".join(f"{name} {value}" for name, value in self.figures.items() if isinstance(value, (int, float, str)))
        verdict = "held" if self.holds else f"BROKEN: {broken}"
        took = time.monotonic() - self.began
        return f"{self.scenario} seed {self.seed}, {took:.0f} s: {verdict}; {len(self.checks)} checks; {figures}"

    def write(self, path: Path) -> None:
        """Everything, as JSON."""
        rows = [{"name": c.name, "holds": c.holds, "detail": c.detail} for c in self.checks]
        self.figures["took_seconds"] = round(time.monotonic() - self.began)
        summary = {"scenario": self.scenario, "seed": self.seed, "minutes": self.minutes, "holds": self.holds, "checks": rows}
        path.write_bytes(orjson.dumps(summary | {"figures": self.figures}, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
