"""A first normalizer for a source that is not known yet, from a sample of its lines. It loads and passes its own tests."""

from router.normalize.propose.proposal import propose

__all__ = ["propose"]
