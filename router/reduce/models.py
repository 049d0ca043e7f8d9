"""The keys of a noise rule, by kind; every description here is its reference."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from router.registry import Settings

Expectation: TypeAlias = Literal["kept", "left_out", "trimmed"]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Example(Settings):
    """A test inside a rule: what the rule alone, were it live, does to these events in this order."""

    name: str = Field(min_length=1)
    """What the example shows."""
    event: dict[str, Any] | None = None
    """One event; ECS names nested or dotted."""
    events: tuple[dict[str, Any], ...] = ()
    """Several events. `@timestamp` counts where windows do; without it they are a second apart."""
    matched: bool = False
    """Whether a detection matched the events."""
    expect: Annotated[tuple[Expectation, ...], BeforeValidator(_listed)] = Field(min_length=1)
    """One word for all events, or one for each."""


class _Rule(Settings):
    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$")
    """A slug or a UUID, unique among all noise rules; it is what metrics and sinks call the rule."""
    title: str = Field(min_length=1, max_length=200)
    """What is left out, in a few words."""
    description: str = ""
    """Why it is safe to leave out, and when it is not."""
    sinks: tuple[str, ...] | None = None
    """Names or kinds of sinks that the rule is for, with `*` and `?`; absent: every sink."""
    shadow: bool = False
    """Only count what the rule would leave out."""
    keep_matched: bool = True
    """Never leave out an event that a detection matched."""
    datasets: tuple[str, ...] = ()
    """Datasets that the rule looks at, exact or with a trailing `*`; empty: all."""
    detection: dict[str, Any] | None = None
    """Which events: Sigma selections and a condition over ECS names; absent: all of the datasets."""
    tests: tuple[Example, ...] = ()
    """What it does, shown."""


class Drop(_Rule):
    """Leave out every event that is selected."""

    kind: Literal["drop"]
    """Leave out every event that is selected."""


class Sample(_Rule):
    """Keep a share of the events that are selected, chosen by their ids: a repeat gets the same answer."""

    kind: Literal["sample"]
    """Keep a share of the selected events."""
    rate: float = Field(gt=0, lt=1)
    """The share that is kept, between 0 and 1."""


class _Windowed(_Rule):
    by: tuple[str, ...] = Field(min_length=1, max_length=16)
    """Fields whose values make a group. An event that has none of them is kept."""
    window_seconds: float = Field(gt=0, le=7 * 86_400)
    """Length of a window; it begins with the first event of a group that is kept."""
    max_groups: int = Field(20_000, ge=1, le=1_000_000)
    """Groups remembered at once; beyond it the one seen least recently ends early."""


class Dedupe(_Windowed):
    """Keep the first event of each group and window; a summary tells how many more there were."""

    kind: Literal["dedupe"]
    """Keep the first of each group in a window."""


class Throttle(_Windowed):
    """Keep the first `limit` events of each group and window; a summary tells how many more there were."""

    kind: Literal["throttle"]
    """Keep the first few of each group in a window."""
    limit: int = Field(ge=1)
    """How many are kept."""


class Trim(_Rule):
    """Send the event without some of its fields, or with long text cut."""

    kind: Literal["trim"]
    """Take fields out."""
    fields: tuple[str, ...] = Field(min_length=1, max_length=200)
    """ECS names (dotted) to take out, or to cut."""
    keep_characters: int | None = Field(None, ge=1)
    """Cut text in `fields` to this many characters instead of taking it out."""


Rule: TypeAlias = Annotated[Drop | Sample | Dedupe | Throttle | Trim, Field(discriminator="kind")]
KINDS: dict[str, type[_Rule]] = {"drop": Drop, "sample": Sample, "dedupe": Dedupe, "throttle": Throttle, "trim": Trim}
