"""What can be added to a document from elsewhere: place and network of addresses, parts of names, detail of user agents.

Each part is off until it is configured (`process.enrich`). It runs on documents as they leave their normalizer, so that rules,
noise rules and every sink see the same. Nothing that a source says itself is overwritten.
"""

from router.enrich.enricher import Enricher

__all__ = ["Enricher"]
