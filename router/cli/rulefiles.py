"""Rule files that a person names: whether they are there, and what kind of rule each holds."""

from collections.abc import Iterable
from pathlib import Path

from router.documents import yaml_files
from router.errors import ConfigError, Problem


def present(paths: Iterable[Path]) -> None:
    """Raises ConfigError with every path that is not there."""
    missing = [p for p in paths if not p.exists()]
    if missing:
        raise ConfigError([Problem(str(p), 1, "", "cannot be read: it is not there", "check the path") for p in missing])


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """The detection rules below the paths; of a folder, what its keys do not show to be something else."""
    paths = list(paths)
    present(paths)
    return [f for p in paths for f in yaml_files(p) if not p.is_dir() or kind_of(f) == "detect"]


def kind_of(file: Path) -> str:
    """Told by its keys: a normalizer has `parse` or `map`, a Sigma file `detection` with `logsource` or `correlation`.

    A configuration, which may stand beside its rules, is none of them.
    """
    keys = _top_keys(file.read_text("utf-8", errors="replace").splitlines())
    if keys & {"sources", "sinks"} and not keys & {"id", "title"}:
        return ""
    if keys & {"parse", "map", "identify"}:
        return "normalize"
    return "noise" if "kind" in keys and not keys & {"logsource", "correlation", "filter"} else "detect"


def _top_keys(lines: Iterable[str]) -> set[str]:
    return {line.partition(":")[0] for line in lines if ":" in line and line[:1].isalpha()}
