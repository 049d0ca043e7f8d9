"""The `time` block: how each date field is read, tried in order; zones by field, by the file, or by the router's setting."""

from collections.abc import Callable
from typing import Any, NamedTuple

from router.documents import PathKey
from router.normalize import coerce, times
from router.normalize.definition import Definition
from router.normalize.expressions import Ref, parse
from router.normalize.line import Line
from router.normalize.timeformats import TimeReader, compile_format
from router.normalize.times import Moment
from router.normalize.zones import Zone, zone

_SPEC_KEYS = frozenset("epoch iso join sep format formats of syslog guess tz zone".split())


class TimeSpec(NamedTuple):
    """One way to read a time: the sources, and what turns their values (and that of the zone's field) into a moment."""

    refs: tuple[Ref, ...]
    zone_ref: Ref | None
    read: Callable[..., Moment | None]


def _guess(text: Any, where: Zone, receipt: float) -> Moment | None:
    return times.instant(text, where, receipt)


def _iso(text: Any, where: Zone, receipt: float) -> Moment | None:
    return times.iso(text, where) if type(text) is str else None


def _epoch(value: Any, where: Zone, receipt: float) -> Moment | None:
    return times.epoch(value)


def _late_guess(text: Any, where: Zone, receipt: float) -> Moment | None:
    found = times.instant(text, where, receipt)
    return None if found is not None and found.seconds < _FIRST and _is_number(text) else found


def _late_epoch(value: Any, where: Zone, receipt: float) -> Moment | None:
    found = times.epoch(value)
    return None if found is not None and found.seconds < _FIRST else found


def _is_number(value: Any) -> bool:
    return type(value) is not str or value.replace(".", "", 1).isdecimal()


_FIRST = 1_000_000_000
"""In September 2001 an epoch got its tenth digit. One with fewer is not when an event was: its end was cut off."""
_READ_BY: dict[TimeReader, str] = {_guess: "guess", _late_guess: "guess", _iso: "iso", _epoch: "epoch", _late_epoch: "epoch"}


class _NoField(ValueError):
    """What stands for a field is an expression; `remedy` says how to write it."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


def _field(key: str, name: Any) -> Ref:
    """The one field that `key` names. An expression would be read as a name that no record has: refused, with what to write."""
    written = str(name)
    choice = parse(written).choices[0]
    if choice.pipes:
        raise _NoField(f"`{key}: {written}` has a pipe, where a time takes a field as it is", "write the field alone")
    if len(choice.refs) > 1:
        first, second = (part.strip() for part in written.split("//")[:2])
        ways = (
            f"[{{{key}: {first}}}, {{{key}: {second}}}]"
            if key in ("guess", "iso", "epoch")
            else f"one mapping for `{first}`, one for `{second}`"
        )
        raise _NoField(f"`{key}: {written}` names more than one field", f"write a list, the first that parses wins: {ways}")
    return choice.refs[0]


class Timing:
    """Reads the time specs of one file."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        block = definition.value.get("time", {})
        self._default = self._zone(block.get("tz_default", "site") if isinstance(block, dict) else "site", ("time", "tz_default"))

    def _zone(self, name: Any, at: PathKey) -> Zone | None:
        """The zone of that name; None for `site`."""
        if name == "site":
            return None
        found = zone(str(name))
        if found is None:
            self._definition.problem(at, f"{name!r} is no time zone", "write Europe/Paris, UTC or +02:00")
        return found

    def specs(self, value: Any, at: PathKey) -> list[TimeSpec]:
        """The ways to read one target, in order."""
        made = []
        for i, item in enumerate(value if isinstance(value, list) else [value]):
            place = (*at, i) if isinstance(value, list) else at
            try:
                made.append(self._spec({"guess": item} if isinstance(item, str) else item, place))
            except _NoField as error:
                self._definition.problem(place, str(error), error.remedy)
            except ValueError as error:
                self._definition.problem(place, str(error), "see the reference, section time")
        return made

    def _spec(self, spec: Any, at: PathKey) -> TimeSpec:
        if not isinstance(spec, dict) or not spec or set(spec) - _SPEC_KEYS:
            raise ValueError(f"a time is a field name or a mapping with some of {' '.join(sorted(_SPEC_KEYS))}")
        default = self._zone(spec["zone"], (*at, "zone")) if "zone" in spec else self._default
        zone_ref = _field("tz", spec["tz"]) if "tz" in spec else None
        if spec.get("syslog"):
            return TimeSpec((), zone_ref, _syslog(default))
        names, reader = self._reader(spec, late=at[1] == "@timestamp")
        refs = tuple(_field("join" if "join" in spec else _READ_BY.get(reader, "of"), name) for name in names)
        if zone_ref is None and len(refs) == 1 and (quick := _QUICK.get(reader)) is not None:
            return TimeSpec(refs, None, quick(default))
        return TimeSpec(refs, zone_ref, _timer(reader, default, len(refs), str(spec.get("sep", " "))))

    def _reader(self, spec: dict[str, Any], late: bool) -> tuple[list[Any], TimeReader]:
        if "join" in spec:
            names = spec["join"]
            if not isinstance(names, list) or not names:
                raise ValueError("join takes a list of fields")
            return names, self._formats(spec) or _guess
        formats = self._formats(spec)
        if formats is not None:
            if "of" not in spec:
                raise ValueError("a format needs `of: field`")
            return [spec["of"]], formats
        for name, reader in (
            ("epoch", _late_epoch if late else _epoch),
            ("iso", _iso),
            ("guess", _late_guess if late else _guess),
        ):
            if name in spec:
                return [spec[name]], reader
        raise ValueError("a time needs one of epoch, iso, join, format, formats, syslog")

    @staticmethod
    def _formats(spec: dict[str, Any]) -> TimeReader | None:
        value = spec.get("formats", spec.get("format"))
        if value is None:
            return None
        readers = [compile_format(str(text)) for text in (value if isinstance(value, list) else [value])]

        def read(text: Any, where: Zone, receipt: float) -> Moment | None:
            if type(text) is not str:
                return None
            for reader in readers:
                found = reader(text, where, receipt)
                if found is not None:
                    return found
            return None

        return read


def _where(x: Line, default: Zone | None, name: Any) -> Zone:
    if type(name) is str and name:
        return zone(name) or default or x.site
    return default or x.site


def _syslog(default: Zone | None) -> Callable[..., Moment | None]:
    return lambda x, name=None: x.syslog_time(_where(x, default, name))


def _iso_in(default: Zone | None) -> Callable[..., Moment | None]:
    """The commonest way, with fewer steps: ISO 8601 in one zone, or in that of the source."""
    read = times.iso
    if default is None:
        return lambda x, value: read(value, x.site) if type(value) is str and value else None
    return lambda _, value: read(value, default) if type(value) is str and value else None


def _guess_in(default: Zone | None) -> Callable[..., Moment | None]:
    """The same for a time of any shape."""
    read = times.instant
    if default is None:
        return lambda x, value: read(value, x.site, x.receipt) if value is not None and value != "" else None
    return lambda x, value: read(value, default, x.receipt) if value is not None and value != "" else None


def _epoch_in(_: Zone | None) -> Callable[..., Moment | None]:
    """The same for an epoch, which needs no zone."""
    read = times.epoch
    return lambda x, value: read(value) if value is not None and value != "" else None


def _late_guess_in(default: Zone | None) -> Callable[..., Moment | None]:
    """The time of an event, of any shape."""
    read = times.instant
    if default is None:
        return lambda x, value: (
            found
            if value is not None
            and value != ""
            and (found := read(value, x.site, x.receipt)) is not None
            and (found.seconds >= _FIRST or not _is_number(value))
            else None
        )
    return lambda x, value: _late_guess(value, default, x.receipt) if value is not None and value != "" else None


def _late_epoch_in(_: Zone | None) -> Callable[..., Moment | None]:
    """The time of an event by its epoch."""
    read = times.epoch
    return lambda x, value: (
        found if value is not None and value != "" and (found := read(value)) is not None and found.seconds >= _FIRST else None
    )


_QUICK: dict[TimeReader, Callable[[Zone | None], Callable[..., Moment | None]]] = {
    _iso: _iso_in,
    _guess: _guess_in,
    _epoch: _epoch_in,
    _late_guess: _late_guess_in,
    _late_epoch: _late_epoch_in,
}


def _timer(reader: TimeReader, default: Zone | None, count: int, sep: str) -> Callable[..., Moment | None]:
    """Called with the line, the values of the sources and the value of the zone's field."""

    def single(x: Line, value: Any, name: Any = None) -> Moment | None:
        return reader(value, _where(x, default, name), x.receipt) if value is not None and value != "" else None

    def joined(x: Line, *values: Any) -> Moment | None:
        parts: Any = values[:count]
        try:
            text = sep.join(parts)
        except TypeError:  # a number, or nothing
            parts = [coerce.text(value) for value in parts]
            text = sep.join(filter(None, parts))
        if not all(parts):
            return None
        return reader(text, _where(x, default, values[count] if len(values) > count else None), x.receipt)

    return single if count == 1 else joined
