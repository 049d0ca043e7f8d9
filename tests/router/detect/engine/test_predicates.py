"""Sets of atoms that say when a rule, or its keywords, are worth asking: true of every rule and every event."""

from hypothesis import given
from hypothesis import strategies as st

from router.detect.engine.predicates import predicate, relevant, witness
from router.detect.ir import And, Atom, Not, Or, Tree

ATOMS = [Atom(None if n < 5 else f"f{n}", "contains", f"k{n}") for n in range(10)]
NUMBERS = {atom: n for n, atom in enumerate(ATOMS)}
TREES = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=1, max_size=4).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=1, max_size=4).map(tuple))
    ),
    max_leaves=14,
)
TRUE = st.frozensets(st.integers(0, 9))
KEYWORDS = frozenset(n for atom, n in NUMBERS.items() if atom.field is None)


def keyword(atom: Atom) -> frozenset[int] | None:
    return frozenset((NUMBERS[atom],)) if atom.field is None else None


@given(TREES, TRUE)
def test_without_a_relevant_keyword_no_other_one_matters(tree: Tree, true: frozenset[int]) -> None:
    needed = relevant(tree, keyword, len)
    assert needed <= KEYWORDS
    holds = predicate(tree, NUMBERS.__getitem__)
    true -= needed
    assert holds(true) == holds(true - KEYWORDS)


@given(TREES, TRUE)
def test_without_a_witness_a_rule_is_false(tree: Tree, true: frozenset[int]) -> None:
    needed = witness(tree, lambda atom: frozenset((NUMBERS[atom],)), len)
    if needed is not None:
        assert not predicate(tree, NUMBERS.__getitem__)(true - needed)


def test_of_all_keywords_that_must_stand_together_the_cheapest_is_relevant() -> None:
    together, field = And((ATOMS[0], ATOMS[1], ATOMS[2])), ATOMS[7]
    assert relevant(Or((field, together)), keyword, sum) == {0}
    assert relevant(And((field, Not(ATOMS[3]))), keyword, len) == {3}
    assert relevant(field, keyword, len) == frozenset()
