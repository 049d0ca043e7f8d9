"""What every test of a delivery is given."""

from uuid import uuid4

import pytest


@pytest.fixture
def name() -> str:
    """A sink's name of one's own, so that its metrics begin at zero."""
    return f"s-{uuid4().hex[:12]}"
