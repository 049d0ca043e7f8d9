"""The names of the linter's checks."""

import re
from pathlib import Path

from router import authoring
from router.authoring.checks import CHECKS
from router.authoring.metadata import _LONGEST, _NAMES

_SOURCE = "".join(p.read_text() for p in Path(authoring.__file__).parent.glob("*.py") if p.name != "checks.py")
_SAID = re.compile(r'"(?:error|warning|info)",\s*(f?)"([a-z{][^" ]*-[^" ]*)"')


def test_every_name_that_a_check_says_is_known() -> None:
    said = _SAID.findall(_SOURCE)
    assert len(said) > 40
    for is_form, name in said:
        form = re.compile(re.sub(r"\\{.*?\\}", "[a-z0-9-]+", re.escape(name)) if is_form else re.escape(name))
        assert any(form.fullmatch(known) for known in CHECKS), name


def test_names_that_are_made_of_keys_are_all_known() -> None:
    assert {f"{key}-too-long" for key in _LONGEST} <= CHECKS
    assert {f"invalid-{namespace}-tag" for namespace in _NAMES} <= CHECKS
    named = set(re.findall(r'\("[^"]*", "([a-z]+(?:-[a-z]+)+)"\)', _SOURCE))  # what reading rules finds odd
    assert len(named) >= 5
    assert named <= CHECKS
