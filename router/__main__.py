"""`python -m router` and the `logweir` command."""

import os
import sys

from router import hangups

if sys.argv[1:2] == ["run"]:
    hangups.remember()  # SIGHUP asks for a reload: it must not end a process that still loads its code
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if _ROOT not in sys.path:
    # `-m` looks in the working folder first, and a configuration has a folder `rules` beside it. A package outranks a mere
    # folder wherever it stands on the path, but an editable install is not on it.
    sys.path.append(_ROOT)

from router.cli import main  # noqa: E402 (needs the path above)

if __name__ == "__main__":
    main()
