"""Identification: the lines of a product are taken by its normalizer, whoever hands them on; those of nobody by none."""

import random
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from router.batch import Facts
from router.documents import load_file
from router.normalize import Catalogue
from rules import ROOT
from tests.conformance.identify import GATES, RECEIPT, cases, foreign, judge

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


SHARED = {("bind.named", "infoblox.nios"), ("ubiquiti.unifi", "iptables.log")}
"""Lines that two products write alike: whose they are is for the source's settings to say."""


def test_with_all_files_loaded_each_takes_its_own_samples(catalogue: Catalogue) -> None:
    taken = [(name, dataset, body[:100]) for name, body, dataset in taken_samples(catalogue)]
    strangers = [
        (name, dataset, body)
        for name, dataset, body in taken
        if dataset.partition(".")[0] != name.partition(".")[0] and (name, dataset) not in SHARED
    ]
    assert len(taken) > 500
    assert strangers == []


def taken_samples(catalogue: Catalogue) -> Iterator[tuple[str, bytes, str]]:
    """(file, sample, dataset) of every test that stands in a file and expects a document; each from a sender of its own."""
    for file in sorted((ROOT / "normalize").glob("*.yaml")):
        for number, test in enumerate(load_file(file)[0].value["tests"]):
            if test.get("unknown") or test.get("ignored") or "files" in test:
                continue
            body = str(test["raw"]).encode() if "raw" in test else orjson.dumps(test.get("event"), default=str)
            meta = tuple((str(key), str(value)) for key, value in test.get("meta", {}).items())
            facts = Facts(f"{file.stem} {number}", str(test.get("peer", "")), str(test.get("envelope", "")), meta)
            documents = catalogue.normalize(body, facts, RECEIPT)
            yield file.stem, body, documents[0]["event"]["dataset"] if documents else ""
