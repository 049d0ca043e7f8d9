"""Windows events whose names of System and of the event's own data stand side by side (NXLog, Splunk, fluentd, rsyslog, Wazuh).

What becomes of a name hangs on which other names are there, hardly ever on values. So the answer is remembered as a plan for
each tuple of names; real traffic has some hundreds of them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from router.normalize.formats.winevent_inserts import named
from router.normalize.formats.winevent_xml import event_data, user_data

Record = dict[str, Any]
# Names of flat shapes (NXLog, fluentd, rsyslog, Splunk) -> name in the winlogbeat shape.
_FLAT = {
    "EventID": "event_id",
    "EventId": "event_id",
    "EventCode": "event_id",
    "Id": "event_id",
    "Channel": "channel",
    "LogName": "channel",
    "SourceName": "provider_name",
    "ProviderName": "provider_name",
    "Provider_Name": "provider_name",
    "EventSourceName": "provider_name",
    "ProviderGuid": "provider_guid",
    "ProviderGUID": "provider_guid",
    "Hostname": "computer_name",
    "Computer": "computer_name",
    "ComputerName": "computer_name",
    "MachineName": "computer_name",
    "RecordNumber": "record_id",
    "EventRecordID": "record_id",
    "RecordId": "record_id",
    "Level": "level",
    "Task": "task",
    "TaskValue": "task_value",
    "Opcode": "opcode",
    "OpcodeValue": "opcode_value",
    "Keywords": "keywords",
    "Version": "version",
    "TimeCreated": "time_created",
    "SystemTime": "time_created",
    "ActivityID": "activity_id",
    "RelatedActivityID": "related_activity_id",
    "Message": "message",
    "Qualifiers": "qualifiers",
}
_FLAT_OTHER = frozenset(
    "@timestamp @version AccountName AccountType Category Domain EventData EventReceivedTime EventTime EventType "
    "ExecutionProcessID ExecutionThreadID OpCode ProcessID RecordID Severity SeverityValue SourceModuleName "
    "SourceModuleType SourceType StringInserts TaskCategory TaskDisplayName ThreadID TimeGenerated UTCTime UserData "
    "UserID host port tags timestamp type".split()
)
_HEADER: dict[str, str | None] = {**dict.fromkeys(_FLAT_OTHER), **_FLAT}
"""Every name of a flat shape that is not the event's own."""
_IS_HEADER = _HEADER.__contains__
_NXLOG_TYPES: frozenset[Any] = frozenset(
    [*"INFO WARNING ERROR CRITICAL DEBUG VERBOSE AUDIT_SUCCESS AUDIT_FAILURE 0 1 2 3 4 5 8 16".split(), *range(6), 8, 16]
)
"""What a collector calls EventType, beside what some events have by that name themselves."""
_LEFT = frozenset(
    _FLAT_OTHER
    - frozenset("ExecutionProcessID ExecutionThreadID ProcessID ThreadID UserID AccountName Domain AccountType".split())
    - frozenset(("EventData", "UserData", "StringInserts"))
)
_ORIGINS = ("Channel", "LogName", "SourceName", "ProviderName", "Provider_Name")
_IDS = ("EventID", "EventCode", "EventId", "Id")
_TIMES = ("EventTime", "@timestamp", "UTCTime", "TimeGenerated")
_OBJECTS = ("EventData", "UserData", "StringInserts")
_USER = {"identifier": "UserID", "name": "AccountName", "domain": "Domain", "type": "AccountType"}
_MAX_PLANS, _BEFORE_COMPILING = 4096, 300


class _Plan(NamedTuple):
    """What becomes of an event with certain names, if none of its values but its own data is null."""

    id: str
    """The name of its id."""
    fields: tuple[str, ...]
    """Parts of System."""
    names: tuple[str, ...]
    """Names that are not the event's own, those of `fields` first."""
    left: tuple[str, ...]
    """Names that a collector added."""
    telling: tuple[str, ...]
    """Names whose value, where it is empty, leaves the part to another name."""
    pid: str
    thread: str
    user: tuple[tuple[str, str], ...]
    when: str
    """Where its time stands, if no part of System holds it."""


Taker: TypeAlias = Callable[[Record], Record | None]
"""Takes an event apart; None, and nothing is gone, where a value that is null, empty, or of another type makes a difference."""

_TAKERS: dict[tuple[str, ...], Taker] = {}
"""By the names of an event, in their order."""
_BY_PLAN: dict[_Plan, Taker] = {}
"""The same ones: events of many kinds, each with names of its own, share one."""


def from_flat(value: Record, data: Record | None = None) -> Record | None:
    """The event in winlogbeat's shape; None where it is none.

    Takes the object over: what is not System's stays in it, and it becomes the event's data. `data`: the event's own data,
    where the shape has it apart.
    """
    if data is None:
        names = tuple(value)
        made = (_TAKERS.get(names) or _learn(names))(value)
        if made is not None:
            return made
    return _slow(value, data)


def _refuse(value: Record) -> Record | None:
    return None


def _learn(names: tuple[str, ...]) -> Taker:
    """How to take an event with these names apart; `_refuse` where only the slow way tells."""
    if len(_TAKERS) >= _MAX_PLANS:
        _TAKERS.clear()
        _BY_PLAN.clear()
    plan = _plan(dict.fromkeys(names))
    taker: Taker = _refuse
    if plan is not None:
        taker = _BY_PLAN.get(plan) or _BY_PLAN.setdefault(plan, _Trial(plan))
        if isinstance(taker, _Trial):
            taker.names.append(names)
    _TAKERS[names] = taker
    return taker


class _Trial:
    """Follows a plan step by step until it has come often enough to be worth compiling."""

    __slots__ = ("_left", "_plan", "names")

    def __init__(self, plan: _Plan) -> None:
        self._plan, self._left = plan, _BEFORE_COMPILING
        self.names: list[tuple[str, ...]] = []
        """Of the events that it is asked for."""

    def __call__(self, value: Record) -> Record | None:
        self._left -= 1
        if self._left == 0:
            made = _BY_PLAN[self._plan] = compile_plan(self._plan)
            _TAKERS.update(dict.fromkeys(self.names, made))
        return _planned(value, self._plan)


def _planned(value: Record, plan: _Plan) -> Record | None:
    head = dict(zip(plan.names, map(value.pop, plan.names), strict=True))
    event_id = head[plan.id]
    if None in head.values() or event_id.__class__ not in (int, str) or not all(map(head.__getitem__, plan.telling)):
        value.update(head)
        return None
    out: Record = {"event_id": str(event_id)}
    out.update(zip(plan.fields, head.values(), strict=False))
    if plan.pid:
        out["process"] = {"pid": head[plan.pid]}
        if plan.thread:
            out["process"]["thread"] = {"id": head[plan.thread]}
    if plan.when:
        out["time_created"] = head[plan.when]
    if plan.user:
        out["user"] = {key: head[name] for key, name in plan.user}
    if "record_id" in out:
        out["record_id"] = str(out["record_id"])
    _attach(out, value, {name: head[name] for name in plan.left})
    return out


def compile_plan(plan: _Plan) -> Taker:
    """The same as one function without loops. Names come from senders: they are nothing but literals in it."""
    local = {name: f"v{i}" for i, name in enumerate(plan.names)}
    empty = [f"{v} is None" for name, v in local.items() if name not in plan.telling] + [f"not {local[n]}" for n in plan.telling]
    fields = {"event_id": f"str({local[plan.id]})"}
    fields |= {field: local[name] for field, name in zip(plan.fields, plan.names, strict=False)}
    if "record_id" in fields:
        fields["record_id"] = f"str({fields['record_id']})"
    if plan.pid:
        thread = {"thread": _literal({"id": local[plan.thread]})} if plan.thread else {}
        fields["process"] = _literal({"pid": local[plan.pid], **thread})
    if plan.when:
        fields["time_created"] = local[plan.when]
    if plan.user:
        fields["user"] = _literal({key: local[name] for key, name in plan.user})
    lines = [
        "def take(value):",
        " pop = value.pop",
        *(f" {v} = pop({name!r})" for name, v in local.items()),
        f" if {local[plan.id]}.__class__ not in KINDS or {' or '.join(empty)}:",
        f"  value.update({_literal(local)})",
        "  return None",
        f" out = {_literal(fields)}",
        *_attaching({name: local[name] for name in plan.left}),
    ]
    scope: dict[str, Any] = {"KINDS": (int, str), "COLLECTORS": _NXLOG_TYPES, "attach": _attach}
    exec("\n".join(lines), scope)
    taker: Taker = scope["take"]
    return taker


def _attaching(left: Mapping[str, str]) -> list[str]:
    """Code of `_attach` and the end, without a call where EventType is not the event's own."""
    lines = [" if value: out['event_data'] = value", " return out"]
    if left:
        lines.insert(0, f" out['_other'] = {_literal(left)}")
    if (kind := left.get("EventType")) is not None:
        lines = [
            f" if {kind}.__class__ in KINDS and {kind} in COLLECTORS:",
            *(f" {line}" for line in lines),
            f" attach(out, value, {_literal(left)})",
            " return out",
        ]
    return lines


def _literal(parts: Mapping[str, str]) -> str:
    """Code of a dict of names to code."""
    return "{" + ", ".join(f"{key!r}: {code}" for key, code in parts.items()) + "}"


def _attach(out: Record, data: Record, other: Record) -> None:
    """The event's own data, and what a collector added."""
    if "EventType" in other and not _is_collectors(other["EventType"]):
        data["EventType"] = other.pop("EventType")  # Sysmon's own: SetValue, CreatePipe...
    if other:
        out["_other"] = other
    if data:
        out["event_data"] = data


def _is_collectors(kind: Any) -> bool:
    return type(kind) in (str, int) and kind in _NXLOG_TYPES


def _plan(present: Mapping[str, None]) -> _Plan | None:
    event_id = _first(_IDS, present)
    parts = {name: _FLAT[name] for name in present if name in _FLAT and name not in _IDS}
    fields = tuple(parts.values())
    if not event_id or len(set(fields)) != len(fields) or any(name in present for name in _OBJECTS):
        return None
    if not any(name in present for name in _ORIGINS):
        return None
    executing = "ExecutionProcessID" in present
    thread = _first(("ExecutionThreadID", "ThreadID"), present)
    pid = "ExecutionProcessID" if executing else "ProcessID" if thread and "ProcessID" in present else ""
    named = "UserID" in present or "AccountType" in present
    own = set[str]() if named else {"AccountName", "Domain"}
    own |= {"ProcessID"} if executing or not pid else set()
    gone = tuple(name for name in present if name in _HEADER and name not in own)
    left = tuple(name for name in gone if name in _LEFT)
    user = tuple((key, name) for key, name in _USER.items() if name in present) if named else ()
    when = "" if "time_created" in fields else _first(_TIMES, present)
    thread = thread if pid else ""
    telling = tuple(filter(None, (event_id, thread, when)))
    names = (*parts, *(name for name in gone if name not in parts))
    return _Plan(event_id, fields, names, left, telling, pid, thread, user, when)


def _first(names: Iterable[str], present: Mapping[str, None]) -> str:
    return next((name for name in names if name in present), "")


def _slow(value: Record, data: Record | None) -> Record | None:
    get = value.get
    event_id = get("EventID") or get("EventCode") or get("EventId") or get("Id")
    if event_id is None or type(event_id) is dict or all(get(name) is None for name in _ORIGINS):
        return None
    names = [*filter(_IS_HEADER, value)]
    head = dict(zip(names, map(value.pop, names), strict=True))
    out: Record = {"event_id": str(event_id)}
    other: Record = {}
    if data is None:
        data = value
    elif value:
        other.update(value)
    _parted(head, out, data, other)
    executing = "ExecutionProcessID" in head
    _execution(out, head, executing)
    if "EventType" in other and not _is_collectors(other["EventType"]):
        data["EventType"] = other.pop("EventType")  # Sysmon's own: SetValue, CreatePipe...
    if other:
        out["_other"] = other
    _own_data(out, head, data, executing)
    if "time_created" not in out:
        get = head.get
        when = get("EventTime") or get("@timestamp") or get("UTCTime") or get("TimeGenerated")
        if when is not None:
            out["time_created"] = when
    if "record_id" in out:
        out["record_id"] = str(out["record_id"])
    return out


def _parted(head: Record, out: Record, data: Record, other: Record) -> None:
    """Put System's names into `out` and what the collector added into `other`."""
    for name, item in head.items():
        if item is None:
            continue
        field = _HEADER[name]
        if field is None:
            if name in _LEFT:
                other[name] = item
        elif field not in out:
            out[field] = item
        elif field != "event_id":
            _better(out, head, data, field)


def _better(out: Record, head: Record, data: Record, field: str) -> None:
    """Of two names for one part of System the better known counts, and the other is the event's own (ProviderName)."""
    names = [name for name, target in _FLAT.items() if target == field and head.get(name) is not None]
    out[field] = head[names[0]]
    data.update({name: head[name] for name in names[1:]})


def _execution(out: Record, head: Record, executing: bool) -> None:
    thread = head.get("ExecutionThreadID") or head.get("ThreadID")
    pid = head.get("ExecutionProcessID") if executing else head.get("ProcessID") if thread is not None else None
    if pid is not None:
        out["process"] = {"pid": pid} if thread is None else {"pid": pid, "thread": {"id": thread}}
    if head.get("UserID") is not None or head.get("AccountType") is not None:
        named = {"identifier": "UserID", "name": "AccountName", "domain": "Domain", "type": "AccountType"}
        out["user"] = {key: head[name] for key, name in named.items() if head.get(name) is not None}


def _own_data(out: Record, head: Record, found: Record, executing: bool) -> None:
    """EventData where the shape has it as an object or as text; else the names that are not System's."""
    if "ProcessID" in head and (executing or "process" not in out):
        found["ProcessID"] = head["ProcessID"]
    if "user" not in out:
        for name in ("AccountName", "Domain"):
            if name in head:
                found[name] = head[name]
    own = head.get("EventData")
    inserts = own if type(own) is list else head.get("StringInserts") if own is None else None
    if type(inserts) is list and not any(type(item) is dict for item in inserts):
        found = named(out.get("provider_name"), out["event_id"], inserts) | found
    elif own is not None:
        found = event_data(own) | found
    if found:
        out["event_data"] = found
    if head.get("UserData") is not None:
        out["user_data"] = user_data(head["UserData"])
