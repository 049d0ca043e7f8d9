"""`python -m router` and the `logweir` command."""

import os
import signal
import sys

from router import hangups

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while code is still loaded ends it without a word about where it was
if sys.argv[1:2] == ["run"]:
    hangups.remember()  # SIGHUP asks for a reload: it must not end a process that still loads its code
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if _ROOT not in sys.path:
    # `-m` looks in the working folder first, and a configuration has a folder `rules` beside it. A package outranks a mere
    # folder wherever it stands on the path, but an editable install is not on it.
    sys.path.append(_ROOT)

from router.cli import main  # noqa: E402 (needs the path above)

if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if __name__ == "__main__":
    main()
