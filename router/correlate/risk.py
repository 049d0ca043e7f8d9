"""An alert as a risk: the causes that it is to a correlation of risk, one for each user, host and address in it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from router.batch import Event
from router.correlate.cause import Cause
from router.detect import Correlation, Rule
from router.detect.attack import tactics
from router.detect.risk import Risk
from router.detect.values import address, texts

_NOBODY = frozenset({"", "-", "n/a", "unknown", "::", "0.0.0.0", "127.0.0.1", "::1"})
_MAX_OBJECTS, _MAX_KEPT = 50, 4096


def risks(correlation: Correlation, rule: Rule | Correlation, about: Iterable[tuple[str, str]], cause: Cause) -> Iterator[Cause]:
    """The causes that one alert of `rule` about these objects is to a correlation of risk.

    Their id is the stretch of the clock in which one rule counts for one object once, so that a second one of it has the id
    of the first: whatever the order and however often they are read, one of them counts.
    """
    risk, worth = correlation.risk, _worth(correlation, rule)
    assert risk is not None
    if worth.score <= 0:
        return
    cause_id = b"%d" % (cause.time // risk.once_seconds) if risk.once_seconds else cause.id
    for kind, name in about:
        score = risk.raised(worth.score, kind, name)
        if score > 0:
            written = worth.written if score is worth.score else _written(score)
            told = {**worth.told, "risk.object.type": (kind,), "risk.object.name": (name,), "risk.score": (written,)}
            yield Cause(cause.rule, cause_id, cause.event_id, cause.time, cause.event, _Texts(told, cause.texts))


class _Worth(NamedTuple):
    """What every alert of a rule is to a correlation of risk, whoever it is about."""

    score: Decimal
    written: str
    told: dict[str, tuple[str, ...]]


@lru_cache(_MAX_KEPT)
def _worth(correlation: Correlation, rule: Rule | Correlation) -> _Worth:
    assert correlation.risk is not None
    told = {"risk.rule": (rule.id,), "risk.level": (rule.level,), "risk.tactic": tactics(rule.tags)}
    score = correlation.risk.score(rule)
    return _Worth(score, _written(score), told)


def _written(score: Decimal) -> str:
    return format(score.normalize(), "f")


class _Texts:
    """The fields of a risk, and those of the alert beside them."""

    __slots__ = ("_otherwise", "_told")

    def __init__(self, told: dict[str, tuple[str, ...]], otherwise: Callable[[str], Sequence[str]]) -> None:
        self._told, self._otherwise = told, otherwise

    def __call__(self, name: str) -> Sequence[str]:
        found = self._told.get(name)
        return self._otherwise(name) if found is None else found


def objects(risk: Risk, event: Event) -> list[tuple[str, str]]:
    """(kind, name) of everything that an event is about, each once, names in lower case."""
    found: dict[tuple[str, str], None] = {}
    for kind, fields in risk.objects.items():
        for field in fields:
            for text in texts(_at(event, _steps(field))):
                name = text.strip().lower()
                if name not in _NOBODY and name not in risk.ignore:
                    found[kind, name] = None
    return [(k, n) for k, n in found if k != "address" or address(n) is not None][:_MAX_OBJECTS]


@lru_cache(1000)
def _steps(field: str) -> tuple[str, ...]:
    return tuple(field.split("."))


def _at(value: Any, steps: Sequence[str]) -> Any:
    """The value at a path of a nested document; of a list of objects, those of all of them."""
    for n, step in enumerate(steps):
        if type(value) is list:
            return [_at(item, steps[n:]) for item in value]
        if type(value) is not dict:
            return None
        value = value.get(step)
    return value
