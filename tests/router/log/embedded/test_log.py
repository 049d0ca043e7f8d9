"""The embedded log keeps the contract, and some promises of its own."""

from pathlib import Path

import pytest

from router.config import EmbeddedLog
from tests.contract.log import LogContract


class TestSqliteLog(LogContract):
    @pytest.fixture
    def settings(self, tmp_path: Path) -> EmbeddedLog:
        return EmbeddedLog(path=tmp_path / "logweir.db")
