"""The parent of `workers: N`: it starts and watches N processes, and never touches an event."""

from router.workers.parent import command_line, supervise

__all__ = ["command_line", "supervise"]
