"""Believable telemetry: hosts, users and attacks in the real wire formats, seeded, at any rate. For demos, tests and load."""

from router.generate.stream import FORMATS, Message, messages
from router.generate.world import World

__all__ = ["FORMATS", "Message", "World", "messages"]
