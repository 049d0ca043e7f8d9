"""The live view on a terminal, and plain lines without one."""

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from router.demo.figures import Figures

_LEVELS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "informational": "dim"}
_STATES = {"running": "green", "probing": "yellow", "waiting": "bold red", "paused": "bold magenta"}


class View:
    """Shows figures as they change; `note` is the line that says what happens right now."""

    def __init__(self, console: Console, titles: dict[str, str]) -> None:
        self._console, self._titles = console, titles
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None
        self._last_note = ""

    @property
    def is_live(self) -> bool:
        """Whether it redraws a terminal."""
        return self._live is not None

    def __enter__(self) -> "View":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, seconds: float, figures: Figures, note: str) -> None:
        """Draw, or print one line (and the note whenever it is a new one)."""
        if self._live:
            self._live.update(self._screen(seconds, figures, note), refresh=True)
            return
        if note != self._last_note:
            self._console.print(f"* {note}", highlight=False)
            self._last_note = note
        self._console.print(self._line(seconds, figures), highlight=False, soft_wrap=True)

    def _line(self, seconds: float, figures: Figures) -> str:
        sinks = " ".join(f"{n}: {s.written} sent, lag {s.lag}, {s.state};" for n, s in sorted(figures.sinks.items()))
        received, alerts = sum(figures.received.values()), sum(figures.alerts.values())
        return f"{seconds:5.0f}s received {received} normalized {figures.documents} alerts {alerts} | {sinks}"

    def _screen(self, seconds: float, figures: Figures, note: str) -> Group:
        top = Table.grid(expand=True)
        for _ in range(3):
            top.add_column(ratio=1)
        top.add_row(
            _counts("received by source", figures.received, seconds),
            _counts("normalized by dataset", dict(list(figures.datasets.items())[:14]), seconds),
            self._alerts(figures),
        )
        head = Text(f"Logweir demonstration, {seconds:.0f} s  -  {note}", style="bold")
        return Group(
            head, top, self._noise(figures, seconds), _sinks(figures), Text("Ctrl-C drains and prints the balance.", "dim")
        )

    def _alerts(self, figures: Figures) -> Panel:
        table = Table.grid(padding=(0, 1))
        for (rule, level), count in sorted(figures.alerts.items(), key=lambda row: -row[1])[:14]:
            table.add_row(Text(level, _LEVELS.get(level, "")), str(count), self._titles.get(rule, rule))
        return Panel(table, title="alerts")

    def _noise(self, figures: Figures, seconds: float) -> Panel:
        table = Table(box=None, padding=(0, 2))
        for heading in ("sink", "left out", "of", "saved", "saved a day at this rate", "most by"):
            table.add_column(heading, justify="left" if heading in ("sink", "most by") else "right")
        for name, sink in sorted(figures.sinks.items()):
            most = max(sink.left_out_by, key=lambda rule: sink.left_out_by[rule], default="")
            daily = sink.saved_bytes / max(seconds, 1.0) * 86_400
            cells = (
                name,
                str(sink.left_out),
                str(sink.received),
                size(sink.saved_bytes),
                size(daily),
                self._titles.get(most, most),
            )
            table.add_row(*cells)
        return Panel(table, title="left out by noise rules and choice (the log keeps it)")


def _counts(title: str, counts: dict[str, int], seconds: float) -> Panel:
    table = Table.grid(padding=(0, 1))
    for name, count in counts.items():
        table.add_row(name, str(count), Text(f"{count / max(seconds, 1.0):.0f}/s", "dim"))
    return Panel(table, title=title)


def _sinks(figures: Figures) -> Panel:
    table = Table(box=None, padding=(0, 2))
    for heading in ("sink", "sent", "lag", "state", "sent again", "dead letters"):
        table.add_column(heading, justify="left" if heading in ("sink", "state") else "right")
    for name, sink in sorted(figures.sinks.items()):
        state = Text(sink.state, _STATES.get(sink.state, ""))
        table.add_row(name, str(sink.written), str(sink.lag), state, str(sink.retried), str(sink.dead_lettered))
    return Panel(table, title="sinks")


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
