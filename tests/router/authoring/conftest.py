"""What sources provide, worked out once."""

import pytest

from router.authoring.supply import Supply
from router.normalize import Catalogue


@pytest.fixture(scope="session")
def supply():
    return Supply(Catalogue.load(()))
