"""Raw payloads into ECS documents: one YAML file per source, compiled to generated functions."""

from router.normalize.catalogue import Catalogue, Hints
from router.normalize.selftest import examine, run_tests

__all__ = ["Catalogue", "Hints", "examine", "run_tests"]
