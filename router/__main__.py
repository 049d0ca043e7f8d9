"""`python -m router` and the `logweir` command."""

from router.cli import main

if __name__ == "__main__":
    main()
