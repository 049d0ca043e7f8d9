"""What a test does when the real program it talks to is not there: skip here, fail where peers are required."""

import os
from typing import NoReturn

import pytest


def missing(what: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it when LOGWEIR_REQUIRE_PEERS=1 (continuous integration)."""
    text = f"{what} is missing; {remedy}"
    if os.environ.get("LOGWEIR_REQUIRE_PEERS") == "1":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
