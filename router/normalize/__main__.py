"""python -m router.normalize [FILE or FOLDER...]: compile normalizers, run their tests; `--code FILE` shows the code."""

import sys
from pathlib import Path

from router.documents import load_file
from router.errors import ConfigError
from router.normalize.compiler import compile_document
from router.normalize.selftest import run_tests


def main(arguments: list[str]) -> int:
    """0 when all compile and pass."""
    write = sys.stdout.write
    if arguments[:1] == ["--code"]:
        for name in arguments[1:]:
            for document in load_file(Path(name)):
                normalizer, problems = compile_document(document, Path(name).parent)
                write(normalizer.source if normalizer is not None else "\n".join(map(str, problems)) + "\n")
        return 0
    try:
        results = run_tests([Path(name) for name in arguments])
    except ConfigError as error:
        write(f"{error}\n{len(error.problems)} problems\n")
        return 2
    failed = [result for result in results if not result.passed]
    for result in failed:
        write(f"{result.file}:{result.line}: {result.name}: {result.detail}\n")
    write(f"{len(results)} tests, {len(failed)} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
