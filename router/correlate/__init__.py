"""Correlation: many rule matches within a time make one alert.

The process stage writes `matches_for`; the correlate loop decodes them, feeds a `Correlator` per partition, and writes
`signal_document` of what fires, and `chained` for what refers to it.
"""

from router.correlate.clock import Checkpoint, Clock, Tick
from router.correlate.correlator import Correlator
from router.correlate.examples import run_tests
from router.correlate.firing import Firing, chained
from router.correlate.match import Match, decode, matches_for
from router.correlate.plan import unsupported
from router.correlate.signals import signal_document

__all__ = [
    "Checkpoint",
    "Clock",
    "Correlator",
    "Firing",
    "Match",
    "Tick",
    "chained",
    "decode",
    "matches_for",
    "run_tests",
    "signal_document",
    "unsupported",
]
