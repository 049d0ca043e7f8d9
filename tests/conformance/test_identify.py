"""Identification: the lines of a product are taken by its normalizer, whoever hands them on; those of nobody by none."""

import random
from pathlib import Path

import pytest

from router.normalize import Catalogue
from tests.conformance.identify import GATES, cases, foreign, judge

PAIRS = Path(__file__).parents[2].parent / "shared/data/ecs"
needs_pairs = pytest.mark.skipif(not PAIRS.exists(), reason=f"no sample pairs in {PAIRS}")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def test_foreign_lines_are_left_to_general_normalizers(catalogue: Catalogue) -> None:
    _, _, strange = judge(catalogue, list(foreign()))
    assert strange.total
    assert strange.share >= GATES["foreign"], strange.taken


@needs_pairs
def test_lines_of_a_product_are_taken_by_its_normalizer(catalogue: Catalogue) -> None:
    found = list(cases(PAIRS))
    random.Random(2).shuffle(found)
    _, by_variant, _ = judge(catalogue, found[::5])
    assert by_variant.share >= GATES["sources"], by_variant
