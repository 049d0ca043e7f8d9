"""Detection: Sigma rules over normalized events, whole and exact.

`Ruleset.load` reads rules, `Ruleset.match` says which of them an event satisfies, `alert_document` makes the alert.
"""

from router.detect.alerts import alert_document
from router.detect.blocks import compile_selection, read_selection
from router.detect.correlation import Correlation
from router.detect.engine import Options, user_cache
from router.detect.examples import run_tests
from router.detect.joint import Joint
from router.detect.rules import Rule
from router.detect.ruleset import Ruleset
from router.detect.why import Reason, why

__all__ = [
    "Correlation",
    "Joint",
    "Options",
    "Reason",
    "Rule",
    "Ruleset",
    "alert_document",
    "compile_selection",
    "read_selection",
    "run_tests",
    "user_cache",
    "why",
]
