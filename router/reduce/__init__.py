"""Noise rules: what need not be sent to which sink. Nothing that is left out is lost; the log keeps it."""

from router.reduce.examples import run_tests
from router.reduce.reducer import Reducer
from router.reduce.rules import NoiseRules, Scope
from router.reduce.summary import Summary
from router.reduce.trim import compile_trim

__all__ = ["NoiseRules", "Reducer", "Scope", "Summary", "compile_trim", "run_tests"]
