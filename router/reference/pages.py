"""All pages, and the way to a folder."""

from pathlib import Path
from typing import Any

from router.reference.commands import commands_page
from router.reference.configuration import configuration_page, plugin_pages
from router.reference.content import detections_page, noise_page
from router.reference.metrics import metrics_page
from router.reference.normalizers import normalizers_page

MADE_BY = "<!-- Made from the code by `logweir config reference`; changes belong there. -->\n"


def all_pages(command: Any) -> dict[str, str]:
    """Place below the folder -> text. `command` is the click group of the command line."""
    pages = {
        "configuration.md": configuration_page(),
        **dict(plugin_pages()),
        "commands.md": commands_page(command, "logweir"),
        "metrics.md": metrics_page(),
        "normalizers.md": normalizers_page(),
        "detections.md": detections_page(),
        "noise.md": noise_page(),
    }
    pages["README.md"] = _index(pages)
    return {place: f"{MADE_BY}{text.rstrip()}\n" for place, text in pages.items()}


def _index(pages: dict[str, str]) -> str:
    lines = [f"- [{text.partition(chr(10))[0].removeprefix('# ')}]({place})" for place, text in pages.items()]
    return "# Reference\n\n" + "\n".join(lines)


def write(pages: dict[str, str], folder: Path) -> None:
    """Write what is new or changed, and remove pages that were made earlier and are none any more."""
    for place, text in pages.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_text("utf-8") != text:
            target.write_text(text, "utf-8")
    for old in folder.rglob("*.md"):
        if old.relative_to(folder).as_posix() not in pages and old.read_text("utf-8").startswith(MADE_BY):
            old.unlink()
