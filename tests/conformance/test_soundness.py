"""Short forms of the gates on damaged lines, on lost leaves and on derived OCSF, over the tests inside the normalizers that ship."""

import random

from tests.conformance import adversarial, fidelity, mutations, soundness
from tests.conformance.samples import of_rules


def test_damaged_lines_become_sound_documents() -> None:
    found = adversarial.run(list(of_rules()), 3000, seed=20)
    assert found.lines == 3000
    assert not found.crashes, found.example
    assert not found.violations, found.example
    assert not found.pieces, found.example


def test_no_leaf_is_lost_and_every_derived_ocsf_event_is_valid() -> None:
    found = fidelity.run(of_rules())
    assert found.documents > 500
    assert found.leaves > 5000
    assert not found.lost, found.example
    assert not found.invalid
    assert len(found.classes) > 10


def test_a_crash_a_wrong_type_and_a_swallowed_pair_are_seen() -> None:
    event = {"kind": "event", "module": "a", "dataset": "a.b"}
    crashed = {"event": event, "error": {"message": "KeyError: 'x'"}, "tags": ["_norm_failed"]}
    assert list(soundness.faults([crashed])) == ["crash: KeyError: 'x'"]
    wrong = {
        "event": event,
        "source": {"ip": "300.1.1.1", "port": "9"},
        "host": "x",
        "user": {"roles": "r"},
        "dns": {"answers": [{"ttl": "5"}, {"ttl": 5}]},
    }
    assert len(list(soundness.faults([wrong]))) == 5
    swallowed = {"event": event, "user": {"name": "ann act=deny"}}
    line = "src=192.0.2.1 usr=ann act=deny num=1 mod=2"
    assert len(list(soundness.pieces(swallowed, line))) == 1
    assert not list(soundness.pieces({"event": event, "user": {"name": "ann"}}, line))


def test_every_mutation_gives_bytes_and_is_the_same_for_the_same_seed() -> None:
    line = b'<13>Mar  1 10:00:00 fw app: a="1 2" b=2 c=3 d=4, e'
    for mutate in (*mutations.ALL, *mutations.RARE):
        made = [mutate(line, random.Random(seed)) for seed in range(30)]
        assert made == [mutate(line, random.Random(seed)) for seed in range(30)]
        assert any(m != line for m in made), mutate
