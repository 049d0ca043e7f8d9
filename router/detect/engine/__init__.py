"""The fast matcher: what thousands of rules ask of an event costs little more than what a few ask.

A rule depends on an event only through its atoms, and an atom on one field's value. So for each kind of event (`engine`):

    keys of the document -> places of the fields            (`layouts`, `places`)
    value of a field     -> signature: its true atoms       (`memo`; a miss is decided by `field`, over `tables`)
    signatures           -> next fields, or the verdict     (`bucket`, `readings`; a miss asks `index` which rules are left)

Memos hold truths, not guesses. Literals are decided by a matcher in C (`native`, `sieve.c`) or, where that was not built,
found by a `Finder` (`literals`), which is Hyperscan's (`databases`) or made of `str` methods; regular expressions are
RE2's, asked where a literal that they need was found (`required`, `runs`). A field is read only while a rule that asks for
it may still be true. Nothing that decides an atom is shared with `router.detect.matcher`, which is the oracle of the tests.
"""

from router.detect.engine.engine import Engine
from router.detect.engine.options import Options, user_cache

__all__ = ["Engine", "Options", "user_cache"]
