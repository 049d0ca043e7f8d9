"""Loop 2: raw -> normalize -> detect -> reduce -> encode -> events, matches, dead letters. One hop, batch by batch."""

from router.process.loop import Process
from router.process.stage import Output, Stage

__all__ = ["Output", "Process", "Stage"]
