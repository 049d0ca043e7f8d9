"""Correlation: many rule matches within a time make one alert.

The process stage writes `matches_for`; the correlate loop decodes them, feeds a `Correlator` per partition, and writes
`signal_document` of what fires.
"""

from router.correlate.correlator import Checkpoint, Correlator, Firing, unsupported
from router.correlate.examples import run_tests
from router.correlate.match import Match, decode, matches_for
from router.correlate.signals import signal_document

__all__ = [
    "Checkpoint",
    "Correlator",
    "Firing",
    "Match",
    "decode",
    "matches_for",
    "run_tests",
    "signal_document",
    "unsupported",
]
