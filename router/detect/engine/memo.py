"""Memos: value -> signature, and the budget that bounds them all.

A signature is the number of a set of true atoms. Only what is the same question may be the same key: `1`, `1.0` and `True` are
one key of a dict, so values that equal 0 or 1 are kept by their type; long texts are kept by a digest; lists by their texts.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Protocol

from router.detect import values
from router.detect.engine.field import FieldMatcher

LONG = 4096
"""Characters from which on a text is no key itself."""
WINDOW = 8192
"""Misses between looks at the hit rate."""
RETRY = 65_536
"""Misses after which a memo that was switched off is tried again."""
_WORST = 0.75
"""Share of misses at which a memo costs more than it saves."""
_ENTRY, _MAX_ENTRIES = 150, 200_000


class Used(Protocol):
    """Something that is used, and counts it."""

    uses: int


class Budget:
    """Bytes that memos hold together, roughly. When they are too many, the largest memo is emptied."""

    def __init__(self, limit: int) -> None:
        self.limit, self.spent = limit, 0
        self.memos: list[Memo] = []
        self.flushes = 0

    def take(self, memo: "Memo", size: int) -> None:
        """Count an entry of `size` bytes."""
        memo.held += size
        spent = self.spent = self.spent + size
        if spent > self.limit:
            self.flush(max(self.memos, key=lambda m: m.held))
        elif len(memo) > _MAX_ENTRIES:
            self.flush(memo)

    def flush(self, memo: "Memo") -> None:
        """Empty one memo."""
        self.spent -= memo.held
        self.flushes += 1
        memo.held = 0
        memo.forget()


class Memo(dict[Any, Any]):
    """A dict whose misses are computed, and whose size is counted. It must be registered with its budget."""

    __slots__ = ("budget", "held")

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self.budget, self.held = budget, 0

    def forget(self) -> None:
        """Drop every entry."""
        self.clear()


class ValueMemo(Memo):
    """Value of one field -> signature: `memo[value]` for texts, numbers and null, `memo.of(value)` for everything else."""

    __slots__ = (
        "_decide",
        "_gone",
        "_hashed",
        "_intern",
        "_last",
        "_matcher",
        "_take",
        "_typed",
        "misses",
        "off",
        "off_since",
        "present",
        "present_only",
        "users",
    )

    def __init__(self, matcher: FieldMatcher, intern: Callable[[tuple[int, ...]], int], budget: Budget) -> None:
        super().__init__(budget)
        self._matcher, self._intern = matcher, intern
        self._decide, self._take = matcher.of_text, budget.take
        self.present_only, self.present = matcher.present_only, matcher.present
        self._typed: dict[Any, int] = {}
        self._hashed: dict[bytes, int] = {}
        self.misses, self.off, self.off_since = 0, False, 0
        self.users: list[Used] = []
        """Who asks the memo."""
        self._gone = self._last = 0

    def lookups(self) -> int:
        """How often the memo was asked so far."""
        return self._gone + sum(user.uses for user in self.users)

    def forget_users(self) -> None:
        """They are replaced by others; what they asked still counts."""
        self._gone = self.lookups()
        self.users.clear()

    def forget(self) -> None:
        super().forget()
        self._typed.clear()
        self._hashed.clear()

    def __missing__(self, value: Any) -> int:
        if value.__class__ is not str:
            return self.of(value)
        if len(value) >= LONG:
            return self._long(value)
        true = self._decide(value)
        self.misses += 1
        if self.misses % WINDOW == 0:
            self._look()
        signature = self._intern(tuple(true) if len(true) < 2 else tuple(sorted(true)))
        if not self.off:
            self[value] = signature
            self._take(self, _ENTRY + len(value))
        return signature

    def of(self, value: Any) -> int:
        """The signature of any value, hashable or not, MISSING too."""
        kind = value.__class__
        if kind is str:
            return int(self[value])
        if kind is dict and value and self.present_only:
            return self._intern(self._matcher.present)
        if kind is int or kind is float:
            return self._kept(self._typed, (kind, value), value) if value in (0, 1) else self._kept(self, value, value)
        if value is None:
            return self._kept(self, None, None)
        if value is values.MISSING:
            return self._intern(self._matcher.absent)
        if self._matcher.present_only and not values.is_null(value):
            return self._intern(self._matcher.present)
        return self._kept(self._typed, (values.is_null(value), values.texts(value)), value)

    def _kept(self, memo: dict[Any, int], key: Any, value: Any) -> int:
        signature = memo.get(key)
        if signature is None:
            signature = self._new(self._matcher.of(value))
            if not self.off:
                memo[key] = signature
                self.budget.take(self, _ENTRY + _size(key))
        return signature

    def _long(self, text: str) -> int:
        digest = sha256(text.encode("utf-8", "surrogatepass")).digest()  # processors have it built in: half the time of blake2b
        signature = self._hashed.get(digest)
        if signature is None:
            signature = self._hashed[digest] = self._new(tuple(sorted(self._matcher.of_text(text))))
            self.budget.take(self, _ENTRY)
        return signature

    def _new(self, true: tuple[int, ...]) -> int:
        self.misses += 1
        if self.misses % WINDOW == 0:
            self._look()
        return self._intern(true)

    def _look(self) -> None:
        """Switch off where most values are new, and on again after a while."""
        if self.off:
            if self.misses - self.off_since >= RETRY:
                self.off = False
        elif _WORST * (self.lookups() - self._last) < WINDOW:
            self.off, self.off_since = True, self.misses
            self.budget.flush(self)
        self._last = self.lookups()


def _size(key: Any) -> int:
    """Bytes of a key of texts, beyond those of an entry."""
    listed = key[1] if key.__class__ is tuple and key[1].__class__ is tuple else ()
    return sum(map(len, listed)) + 60 * len(listed)
