"""Windows events as XML (schema win/2004/08/events/event): a regular expression where that suffices, else expat."""

import re
from typing import Any

from router.normalize.formats.xml import TEXT, parse_xml

_SYSTEM = re.compile(r"<(\w+)((?:\s[^<>]*?)?)(?:/>|>([^<]*)</\1\s*>)")
_ATTRIBUTE = re.compile(r"(\w+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\")")
_DATA = re.compile(r"<Data(?:\s+Name\s*=\s*(?:'([^']*)'|\"([^\"]*)\"))?\s*(?:/>|>([^<]*)</Data\s*>)")
_NOT_PLAIN = ("&", "<![CDATA[", "<UserData", "<RenderingInfo", "<ProcessingErrorData", "<!--", "<DebugData", "<BinaryEventData")
_MARKUP = frozenset(("Name", "@Name", "#attributes", "@attributes", "$", TEXT, "#text", "_", "Value", "text"))
"""Keys with which converters of XML write an element down."""
_ATTRIBUTE_FIELDS = {
    ("Provider", "Name"): "provider_name",
    ("Provider", "Guid"): "provider_guid",
    ("Provider", "EventSourceName"): "event_source_name",
    ("EventID", "Qualifiers"): "qualifiers",
    ("TimeCreated", "SystemTime"): "time_created",
    ("Correlation", "ActivityID"): "activity_id",
    ("Correlation", "RelatedActivityID"): "related_activity_id",
}
_TEXT_FIELDS = {
    "EventID": "event_id",
    "Version": "version",
    "Level": "level",
    "Task": "task",
    "Opcode": "opcode",
    "Keywords": "keywords",
    "EventRecordID": "record_id",
    "Channel": "channel",
    "Computer": "computer_name",
}


def system_field(out: dict[str, Any], element: str, attributes: dict[str, Any], text: Any) -> None:
    """One element of System into the winlogbeat shape."""
    if text not in (None, "") and element in _TEXT_FIELDS:
        out[_TEXT_FIELDS[element]] = text
    for name, value in attributes.items():
        if value in (None, ""):
            continue
        field = _ATTRIBUTE_FIELDS.get((element, name))
        if field is not None:
            out[field] = value
        elif element == "Execution" and name in ("ProcessID", "ThreadID"):
            process = out.setdefault("process", {})
            if name == "ProcessID":
                process["pid"] = value
            else:
                process["thread"] = {"id": value}
        elif element == "Security" and name == "UserID":
            out["user"] = {"identifier": value}
        else:
            out.setdefault("system", {})[f"{element}_{name}"] = value


def add_data(data: dict[str, Any], name: str | None, value: Any) -> None:
    """One Data element: unnamed ones are param1, param2, ...; a name that repeats holds a list."""
    key = name or f"param{sum(k.startswith('param') for k in data) + 1}"
    if key not in data:
        data[key] = value
    elif type(data[key]) is list:
        data[key].append(value)
    else:
        data[key] = [data[key], value]


def from_xml(text: str) -> dict[str, Any] | None:
    """The winlogbeat shape of one `<Event>`; None when it is none."""
    start = text.find("<Event")
    if start < 0:
        return None
    end = text.find("</Event>", start)
    if end < 0:
        return None
    event = text[start : end + 8]
    return _slow(event) if any(mark in event for mark in _NOT_PLAIN) else _fast(event) or _slow(event)


def _fast(event: str) -> dict[str, Any] | None:
    """Only for documents without entities, CDATA and anything but System and EventData."""
    system_start, system_end = event.find("<System>"), event.find("</System>")
    if system_start < 0 or system_end < 0:
        return None
    out: dict[str, Any] = {}
    for element, attributes, text in _SYSTEM.findall(event[system_start + 8 : system_end]):
        found = {name: one or other for name, one, other in _ATTRIBUTE.findall(attributes)} if attributes else {}
        system_field(out, element, found, text)
    body = event[system_end + 9 :]
    items = _DATA.findall(body)
    if len(items) != body.count("<Data") or "<EventData " in body:
        return None
    if items:
        data: dict[str, Any] = {}
        for one, other, text in items:
            name = one or other
            if name and name not in data:
                data[name] = text
            else:
                add_data(data, name, text)
        out["event_data"] = data
    return out if "event_id" in out else None


def _slow(event: str) -> dict[str, Any] | None:
    found = parse_xml(event)
    if found is None or type(found[1]) is not dict or found[0] != "Event":
        return None
    return from_tree(found[1])


def from_tree(tree: dict[str, Any]) -> dict[str, Any] | None:
    """From parsed XML, or JSON made from it: {System: {...}, EventData: {...}, UserData: {...}}."""
    system = tree.get("System")
    if type(system) is not dict:
        return None
    out: dict[str, Any] = {}
    for element, value in system.items():
        if element.endswith("_attributes"):
            system_field(out, element.removesuffix("_attributes"), value if type(value) is dict else {}, None)
            continue
        attributes, text = split_element(value)
        system_field(out, element, attributes, text)
    if "event_id" not in out:
        return None
    out["event_id"] = str(out["event_id"])
    if "record_id" in out:
        out["record_id"] = str(out["record_id"])
    _bodies(out, tree)
    return out


def split_element(value: Any) -> tuple[dict[str, Any], Any]:
    """An element as the converters write it -> (attributes, text)."""
    if type(value) is not dict:
        return {}, value
    attributes: dict[str, Any] = {}
    text = None
    for key, item in value.items():
        if key in ("#attributes", "@attributes", "$") and type(item) is dict:
            attributes.update(item)
        elif key in (TEXT, "#text", "_", "Value", "text"):
            text = item
        else:
            attributes[key.lstrip("@")] = item
    return attributes, text


def _bodies(out: dict[str, Any], tree: dict[str, Any]) -> None:
    for key, value in tree.items():
        if key == "EventData":
            data = event_data(value)
            if data:
                out["event_data"] = data
        elif key == "UserData":
            data = user_data(value)
            if data:
                out["user_data"] = data
        elif key == "RenderingInfo" and type(value) is dict:
            _rendering(out, value)
        elif key not in ("System", "xmlns", "#attributes", "@xmlns"):
            out[key] = value


def _rendering(out: dict[str, Any], value: dict[str, Any]) -> None:
    if value.get("Message"):
        out["message"] = value["Message"]
    rest = {key: item for key, item in value.items() if key not in ("Message", "Culture") and item not in ("", None)}
    if rest:
        out["rendering"] = rest


def event_data(value: Any) -> dict[str, Any]:
    """EventData in any of its forms: named values, or Data elements with and without names."""
    if type(value) is str and value.lstrip()[:1] == "<":
        found = parse_xml(value.strip())
        tree = found[1] if found is not None else None
        value = tree.get("EventData", tree) if type(tree) is dict else value
    if type(value) is not dict:
        return {} if value in (None, "") else {"param1": value} if type(value) is str else _listed(value)
    data: dict[str, Any] = {}
    for key, item in value.items():
        if key in ("#attributes", "Name") and len(value) > 1:
            data["_name" if key == "Name" and "Data" in value else key] = item
        elif key == "Data" and type(item) is dict and _MARKUP.isdisjoint(item):
            data.update(item)  # names as keys, as the Datadog agent has them
        elif key == "Data":
            for name, text in _data_items(item):
                add_data(data, name, text)
        else:
            data[key] = item
    return data


def _listed(value: Any) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, text in _data_items(value):
        add_data(data, name, text)
    return data


def _data_items(value: Any) -> list[tuple[str | None, Any]]:
    items = value if type(value) is list else [value]
    found: list[tuple[str | None, Any]] = []
    for item in items:
        attributes, text = split_element(item)
        if type(text) is list and not attributes.get("Name"):
            found.extend((None, part) for part in text)
        elif item is not None:
            found.append((attributes.get("Name"), "" if text is None else text))
    return found


def user_data(value: Any) -> dict[str, Any]:
    """UserData holds one element of the provider's own; its children count, its name is kept as `xml_name`."""
    if type(value) is not dict:
        return {}
    inner = [(key, item) for key, item in value.items() if type(item) is dict and not key.startswith("#")]
    if len(inner) == 1 and len([k for k in value if not k.startswith("#")]) == 1:
        name, node = inner[0]
        return {"xml_name": name} | {key: item for key, item in node.items() if key not in ("xmlns", "#attributes")}
    return dict(value)
