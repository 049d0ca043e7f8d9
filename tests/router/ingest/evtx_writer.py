"""Writes small .evtx files: one event a record, each with a template of its own (the EVTX format as libevtx documents it)."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_CHUNK, _HEADER = 65_536, 512
_EPOCH_1601 = 116_444_736_000_000_000


class _Binary:
    """Binary XML at a place in a chunk: names are given by their offset from the chunk's start."""

    def __init__(self, start: int) -> None:
        self.data = bytearray()
        self._start = start

    def add(self, form: str, *values: int) -> None:
        self.data += struct.pack("<" + form, *values)

    def name(self, text: str) -> None:
        """The offset of a name that follows at once."""
        number = 0
        for char in text:
            number = (number * 65_599 + ord(char)) & 0xFFFFFFFF
        self.add("I", self._start + len(self.data) + 4)
        self.add("IHH", 0, number & 0xFFFF, len(text))
        self.data += text.encode("utf-16-le") + b"\0\0"

    def text(self, value: str) -> None:
        self.add("BBH", 0x05, 0x01, len(value))
        self.data += value.encode("utf-16-le")

    def element(self, name: str, attributes: Mapping[str, str], content: "str | Sequence[Element]") -> None:
        begin = len(self.data)
        self.add("BHI", 0x41 if attributes else 0x01, 0xFFFF, 0)
        self.name(name)
        if attributes:
            self._attributes(attributes)
        if content:
            self.add("B", 0x02)
            if isinstance(content, str):
                self.text(content)
            else:
                for child in content:
                    self.element(*child)
            self.add("B", 0x04)
        else:
            self.add("B", 0x03)
        struct.pack_into("<I", self.data, begin + 3, len(self.data) - begin - 7)

    def template(self, number: int, element: "Element") -> None:
        """An instance of a template that is defined on the spot and substitutes nothing."""
        self.add("BBI", 0x0C, 1, number)
        self.add("I", self._start + len(self.data) + 4)
        self.add("I", 0)
        self.data += number.to_bytes(16, "little")
        begin = len(self.data)
        self.add("I", 0)
        self.add("BBBB", 0x0F, 1, 1, 0)
        self.element(*element)
        self.add("B", 0)
        struct.pack_into("<I", self.data, begin, len(self.data) - begin - 4)
        self.add("I", 0)

    def _attributes(self, attributes: Mapping[str, str]) -> None:
        begin = len(self.data)
        self.add("I", 0)
        for i, (name, value) in enumerate(attributes.items()):
            self.add("B", 0x46 if i + 1 < len(attributes) else 0x06)
            self.name(name)
            self.text(value)
        struct.pack_into("<I", self.data, begin, len(self.data) - begin - 4)


Element = tuple[str, Mapping[str, str], Any]


def event(
    number: int, event_id: int, data: Mapping[str, str], *, channel: str = "Security", computer: str = "ws1.example.com"
) -> Element:
    """An event as Windows writes it: System and EventData."""
    system: list[Element] = [
        ("Provider", {"Name": "Microsoft-Windows-Security-Auditing", "Guid": "{54849625-5478-4994-A5BA-3E3B0328C30D}"}, ""),
        ("EventID", {}, str(event_id)),
        ("Version", {}, "0"),
        ("Level", {}, "0"),
        ("Keywords", {}, "0x8020000000000000"),
        ("TimeCreated", {"SystemTime": f"2026-03-01T10:00:{number % 60:02d}.1234567Z"}, ""),
        ("EventRecordID", {}, str(number)),
        ("Channel", {}, channel),
        ("Computer", {}, computer),
    ]
    rows: list[Element] = [("Data", {"Name": name}, value) for name, value in data.items()]
    namespace = {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}
    return "Event", namespace, [("System", {}, system), ("EventData", {}, rows)]


def write(path: Path, events: Sequence[Element], *, first: int = 1) -> None:
    """A file of these events, numbered from `first`; new chunks as they are needed."""
    chunks: list[bytes] = []
    body, begin = bytearray(), first
    for number, element in enumerate(events, first):
        record = _record(number, element, _HEADER + len(body))
        if _HEADER + len(body) + len(record) > _CHUNK:
            chunks.append(_chunk(bytes(body), begin, number - 1))
            body, begin = bytearray(), number
            record = _record(number, element, _HEADER)
        body += record
    chunks.append(_chunk(bytes(body), begin, first + len(events) - 1))
    head = struct.pack("<8sQQQIHHHH76x", b"ElfFile", 0, len(chunks) - 1, first + len(events), 128, 1, 3, 4096, len(chunks))
    head += struct.pack("<II", 0, zlib.crc32(head))
    path.write_bytes(head.ljust(4096, b"\0") + b"".join(chunks))


def _record(number: int, element: Element, start: int) -> bytes:
    binary = _Binary(start + 24)
    binary.add("BBBB", 0x0F, 1, 1, 0)
    binary.template(number, element)
    binary.add("B", 0)
    size = 24 + len(binary.data) + 4
    time = _EPOCH_1601 + (1_772_359_200 + number) * 10_000_000
    return struct.pack("<4sIQQ", b"**\0\0", size, number, time) + bytes(binary.data) + struct.pack("<I", size)


def _chunk(body: bytes, first: int, last: int) -> bytes:
    free = _HEADER + len(body)
    last_size = struct.unpack("<I", body[-4:])[0]
    head = struct.pack("<8sQQQQIIII64xI", b"ElfChnk", first, last, first, last, 128, free - last_size, free, zlib.crc32(body), 0)
    tables = bytes(384)
    head += struct.pack("<I", zlib.crc32(head + tables))
    return (head + tables + body).ljust(_CHUNK, b"\0")
