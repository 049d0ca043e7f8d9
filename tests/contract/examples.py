"""How many examples property tests try: what each test says, or for a thorough run what the environment says."""

import os


def examples(usual: int) -> int:
    """`LOGWEIR_EXAMPLES`, where it is set and more."""
    return max(usual, int(os.environ.get("LOGWEIR_EXAMPLES", "0")))
