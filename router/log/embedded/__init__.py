"""A durable log in one SQLite file: several processes of one machine may write, read and share groups in it."""

from router.log.embedded.log import SqliteLog

__all__ = ["SqliteLog"]
