"""Tables of the SQLite file, and how a connection to it is set up."""

import sqlite3
from sqlite3 import Connection

_APPLICATION = 0x4C6F6757  # "LogW"
_VERSION = 1
_PAGE_BYTES = 16384
_WAL_KEPT_BYTES = 64 << 20
_TABLES = """
CREATE TABLE IF NOT EXISTS topics(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INT NOT NULL,
  retention_seconds REAL NOT NULL, retention_bytes INT NOT NULL);
CREATE TABLE IF NOT EXISTS ends(
  topic INT, partition INT, next INT NOT NULL, bytes INT NOT NULL, PRIMARY KEY(topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blocks(
  id INTEGER PRIMARY KEY, topic INT NOT NULL, partition INT NOT NULL, start INT NOT NULL, stop INT NOT NULL,
  appended REAL NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS blocks_by_place ON blocks(topic, partition, stop);
CREATE TABLE IF NOT EXISTS members(
  name TEXT PRIMARY KEY, team TEXT NOT NULL, joined INTEGER NOT NULL, topics TEXT NOT NULL, expires REAL NOT NULL);
CREATE TABLE IF NOT EXISTS claims(
  team TEXT, topic INT, partition INT, member TEXT NOT NULL, PRIMARY KEY(team, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursors(
  team TEXT, topic INT, partition INT, offset INT NOT NULL, metadata TEXT NOT NULL,
  PRIMARY KEY(team, topic, partition)) WITHOUT ROWID;
"""


def prepare(connection: Connection) -> None:
    """Set up a connection; make the tables of a new file. Raises sqlite3.DatabaseError when the file is something else."""
    execute = connection.execute
    execute(f"PRAGMA page_size={_PAGE_BYTES}")
    execute("PRAGMA auto_vacuum=INCREMENTAL")  # this and the page size only take effect on an empty file
    execute("PRAGMA journal_mode=WAL")
    execute("PRAGMA synchronous=FULL")
    execute(f"PRAGMA journal_size_limit={_WAL_KEPT_BYTES}")
    if _pragma(connection, "application_id") != _APPLICATION:
        _create(connection)
    if (version := _pragma(connection, "user_version")) != _VERSION:
        raise _foreign(f"written by another version of Logweir (format {version}; this program reads {_VERSION})")


def _create(connection: Connection) -> None:
    """Several processes may find the new file at once; the first one makes the tables."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _make_tables(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _make_tables(connection: Connection) -> None:
    if _pragma(connection, "application_id") == _APPLICATION:
        return
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise _foreign("a database of another program")
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={_APPLICATION}")
    connection.execute(f"PRAGMA user_version={_VERSION}")


def _pragma(connection: Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _foreign(text: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(text)
    error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
    return error
