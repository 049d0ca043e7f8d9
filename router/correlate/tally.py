"""What a condition is about: a running answer over the matches in a window, one class per correlation type.

Numbers are exact: decimal texts of at most 40 digits on either side of the point, summed without rounding. Sigma 2.1,
correlations; `value_percentile` and `value_median` interpolate linearly between the two nearest ranks.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from decimal import Context, Decimal
from itertools import product
from typing import Protocol

from router.correlate.match import Match
from router.detect.correlation import BoolCondition
from router.detect.values import number

Number = Decimal | int
MAX_VALUES_PER_MATCH = 1000
_DIGITS = 40
_EXACT = Context(prec=100, Emax=9999, Emin=-9999)


class Tally(Protocol):
    """The answer for the matches that were added and not removed."""

    @property
    def value(self) -> Number:
        """What the condition compares; asked only while the window holds a match."""

    def add(self, match: Match) -> None:
        """A match has entered."""

    def remove(self, match: Match) -> None:
        """The oldest match has left."""

    def kinds(self, match: Match) -> tuple[Hashable, ...]:
        """What the match stands for. Where a newer one stands for the same, the window can do without this one."""


class Count:
    """event_count: matches."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, match: Match) -> None:
        self.value += 1

    def remove(self, match: Match) -> None:
        self.value -= 1

    def kinds(self, match: Match) -> tuple[Hashable, ...]:
        return (match.id,)


class Distinct:
    """Different things that matches stand for: value_count values (of several fields: tuples), temporal rules."""

    def __init__(self, *, rules: bool = False) -> None:
        self.kinds = _rule if rules else _tuples
        self.present: Counter[Hashable] = Counter()

    @property
    def value(self) -> int:
        return len(self.present)

    def add(self, match: Match) -> None:
        self.present.update(self.kinds(match))

    def remove(self, match: Match) -> None:
        for kind in self.kinds(match):
            if self.present[kind] == 1:
                del self.present[kind]
            else:
                self.present[kind] -= 1


def _rule(match: Match) -> tuple[Hashable, ...]:
    return (match.rule,)


def _tuples(match: Match) -> tuple[Hashable, ...]:
    return tuple(dict.fromkeys(product(*match.values)))


class Both:
    """value_count with a second one beside it: the number of the first, 0 as long as the second is not enough.

    The last column of a match has the values of the second.
    """

    def __init__(self, columns: int, enough: Callable[[int], bool]) -> None:
        self._columns, self._enough = columns, enough
        self._present: tuple[Counter[Hashable], Counter[Hashable]] = (Counter(), Counter())

    @property
    def value(self) -> int:
        first, second = self._present
        return len(first) if self._enough(len(second)) else 0

    def _parts(self, match: Match) -> tuple[list[Hashable], list[Hashable]]:
        first: list[Hashable] = [*dict.fromkeys(product(*match.values[: self._columns]))]
        return first, [*dict.fromkeys(match.values[-1])]

    def add(self, match: Match) -> None:
        for present, kinds in zip(self._present, self._parts(match), strict=True):
            present.update(kinds)

    def remove(self, match: Match) -> None:
        for present, kinds in zip(self._present, self._parts(match), strict=True):
            for kind in kinds:
                present[kind] -= 1
                if not present[kind]:
                    del present[kind]

    def kinds(self, match: Match) -> tuple[Hashable, ...]:
        first, second = self._parts(match)
        return (*((0, kind) for kind in first), *((1, kind) for kind in second))


class Truth(Distinct):
    """temporal with a boolean condition: 1 where the rules that are there satisfy it, else 0."""

    def __init__(self, expression: BoolCondition) -> None:
        super().__init__(rules=True)
        self._expression = expression

    @property
    def value(self) -> int:
        return int(_true(self._expression, self.present))


def _true(expression: BoolCondition, present: Collection[Hashable]) -> bool:
    match expression.operator:
        case "rule":
            return expression.parts[0] in present
        case "not":
            return not _true(expression.parts[0], present)
        case "and":
            return all(_true(part, present) for part in expression.parts)
    return any(_true(part, present) for part in expression.parts)


class Sum:
    """value_sum, or value_avg where `mean`; where `positive`, negative numbers are left out."""

    def __init__(self, *, mean: bool = False, positive: bool = False) -> None:
        self._sum, self._count, self._mean, self._positive = Decimal(0), 0, mean, positive

    @property
    def value(self) -> Decimal:
        return _EXACT.divide(self._sum, Decimal(self._count)) if self._mean else self._sum

    def add(self, match: Match) -> None:
        for n in numbers(match):
            if n > 0 or not self._positive:
                self._sum, self._count = _EXACT.add(self._sum, n), self._count + 1

    def remove(self, match: Match) -> None:
        for n in numbers(match):
            if n > 0 or not self._positive:
                self._sum, self._count = _EXACT.subtract(self._sum, n), self._count - 1

    def kinds(self, match: Match) -> tuple[Hashable, ...]:
        return (match.id,)


class Percentile:
    """value_percentile and value_median: the value below which `percent` of the sorted values lie."""

    def __init__(self, percent: Decimal) -> None:
        self._part, self._sorted = percent / 100, list[Decimal]()

    @property
    def value(self) -> Decimal:
        rank = self._part * (len(self._sorted) - 1)
        low = int(rank)
        below, above = self._sorted[low], self._sorted[min(low + 1, len(self._sorted) - 1)]
        return _EXACT.add(below, _EXACT.multiply(rank - low, _EXACT.subtract(above, below)))

    def add(self, match: Match) -> None:
        for n in numbers(match):
            insort(self._sorted, n)

    def remove(self, match: Match) -> None:
        for n in numbers(match):
            del self._sorted[bisect_left(self._sorted, n)]

    def kinds(self, match: Match) -> tuple[Hashable, ...]:
        return (match.id,)


def numbers(match: Match) -> Iterator[Decimal]:
    """The numbers among the texts of the field, those of a size that sums stay exact with."""
    for text in match.values[0]:
        found = number(text)
        if found is not None and _fits(found):
            yield found


def _fits(found: Decimal) -> bool:
    _, digits, exponent = found.as_tuple()
    return isinstance(exponent, int) and exponent >= -_DIGITS and len(digits) + exponent <= _DIGITS


def tuples_of(match: Match) -> int:
    """How many values one match brings into a value_count."""
    size = 1
    for column in match.values:
        size *= len(column)
    return size
