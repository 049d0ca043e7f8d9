"""The short form of the detection conformance suite; the whole of it runs with `make conformance`."""

from pathlib import Path

import pytest

from tests.conformance.detection import corpus
from tests.conformance.detection.parts import PARTS, Setting

needs_corpus = pytest.mark.skipif(bool(corpus.missing()), reason=f"rules and events are needed; {corpus.missing()}")


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    folder: Path = tmp_path_factory.mktemp("sigma")
    return Setting(short=True, seed=5, folder=folder)


@needs_corpus
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PARTS)
def test_a_part_finds_nothing_wrong(setting: Setting, name: str) -> None:
    part = PARTS[name](setting)
    assert part.problems == []
    assert part.figures
