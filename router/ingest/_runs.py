"""What the codecs hand out: frames in order, with a word for what is odd about them."""

from typing import Literal, TypeAlias

Flaw: TypeAlias = Literal["", "truncated", "incomplete"]
Runs: TypeAlias = list[tuple[Flaw, list[bytes]]]
"""Frames in order; neighbours that share a flaw stand in one run."""


def add_run(runs: Runs, flaw: Flaw, frames: list[bytes]) -> None:
    """Append frames; `runs` owns the list afterwards."""
    if runs and runs[-1][0] == flaw:
        runs[-1][1].extend(frames)
    else:
        runs.append((flaw, frames))
