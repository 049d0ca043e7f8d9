"""An alert as a risk: the causes that it is to a correlation of risk, one for each user, host and address in it."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from router.batch import Event
from router.correlate.cause import Cause
from router.detect import Correlation, Rule
from router.detect.attack import tactics
from router.detect.risk import Risk
from router.detect.values import address, texts

_NOBODY = frozenset({"", "-", "n/a", "unknown", "::", "0.0.0.0", "127.0.0.1", "::1"})
_MAX_OBJECTS = 50


def risks(correlation: Correlation, rule: Rule | Correlation, event: Event, cause: Cause) -> Iterator[Cause]:
    """The causes that one alert of `rule` on `event` is to a correlation of risk.

    Their id is the stretch of the clock in which one rule counts for one object once, so that a second one of it has the id
    of the first: whatever the order and however often they are read, one of them counts.
    """
    risk = correlation.risk
    assert risk is not None
    bucket = int(cause.time // risk.once_seconds) if risk.once_seconds else None
    shown = tactics(rule.tags)
    for kind, name in objects(risk, event):
        score = risk.score(rule, kind, name)
        if score > 0:
            told = {
                "risk.object.type": (kind,),
                "risk.object.name": (name,),
                "risk.score": (format(score.normalize(), "f"),),
                "risk.rule": (rule.id,),
                "risk.level": (rule.level,),
                "risk.tactic": shown,
            }
            yield cause._replace(id=cause.id if bucket is None else b"%d" % bucket, texts=_Texts(told, cause))


class _Texts:
    """The fields of a risk, and those of the alert beside them."""

    def __init__(self, told: dict[str, tuple[str, ...]], cause: Cause) -> None:
        self._told, self._cause = told, cause

    def __call__(self, name: str) -> Sequence[str]:
        return self._told[name] if name in self._told else self._cause.texts(name)


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
