"""RELIABILITY.md, written from the summaries of runs: promises beside what was seen, and what is not promised."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tests.faults.scenarios import TABLE

_LONG_MINUTES = 10
_HEAD = """\
# Reliability

What was acknowledged arrives at every sink, whatever dies in between, and a sick sink hurts nobody else. This page is that
sentence, taken apart, beside runs that tried to break it. It is written by a command from the summaries of those runs:

```
make faults                                                               # every scenario in its short form, seed 1
python -m tests.faults --scenario R1-roles,R1-kafka --minutes 30 --seed 11 --summary build/long
python -m tests.faults --write build/faults build/long                    # writes this file
```

How a run is judged is told in [tests/faults/README.md](tests/faults/README.md), and how each known trap of Kafka's client is
handled in [tests/faults/KAFKA.md](tests/faults/KAFKA.md). Events carry a hash of themselves; an oracle that nothing ever
breaks compares what was acknowledged with what arrived. *Missing* is acknowledged and not there, *odd* is invented, changed,
or one event under two ids; both have to be 0 everywhere. Order is a check of its own at the sinks that promise it. *Repeats*
(the same id again) have to be 0 at the search engine and are bounded at the others. *Recovery* runs from a fault until an event sent after it is at every sink.
"""
_PROMISES: Sequence[tuple[str, Sequence[str]]] = (
    ("A killed process loses nothing, and puts nothing into a search engine twice", ("R1", "R1-roles", "R1-kafka")),
    ("A roll loses nothing, repeats nothing, and every drain ends within 30 s", ("R2", "R2-roles")),
    ("A process that was frozen and comes back does no harm", ("R3",)),
    ("Brokers may die, one or all: nothing is lost, and all goes on within 60 s of their return", ("R4",)),
    ("Every answer of Kafka is handled: nothing hangs past its deadline, no partition stays poisoned", ("R5",)),
    ("Members may come and go all the time: a fifth of the pace or more, pauses hold", ("R6",)),
    ("A slow or stopped sink leaves the others their pace and memory as it is", ("R7",)),
    ("Whatever a far end does, the search engine has each document once, and little is sent again", ("R8",)),
    ("Poison becomes dead letters; a storm of it is braked; after the cure a redrive brings everything", ("R9",)),
    ("QRadar loses nothing when its receiver is killed, and never gets more than is licensed", ("R10",)),
    (
        "Overload is pushed back within the memory that is configured; datagrams that the kernel dropped are counted",
        ("R11", "R11-udp"),
    ),
    ("A clock that jumps changes no id and stalls nothing", ("R14",)),
    ("The machines that keep the books agree with their models", ("R15",)),
    ("Received = written + refused + left out + dead letters, to the event", ("R17",)),
    ("Bombs and slow connections are refused, and good clients hardly notice", ("S2", "S3")),
    ("However a network cuts a stream, the events are the same", ("S5",)),
    ("A full disk acknowledges nothing, ends nothing, and goes on when it is freed", ("D1",)),
)
_KILLED = {
    "repeats_percent_splunk": "repeats at Splunk, % of what arrived",
    "repeats_percent_lines": "repeats at QRadar, % of what arrived",
}
_FIGURES: Mapping[str, Mapping[str, str]] = {
    "R1": _KILLED,
    "R1-roles": _KILLED,
    "R1-kafka": _KILLED,
    "R4": {"acknowledges_again_after_seconds": "acknowledges again after the brokers' return, s"},
    "R6": {"calm_per_second": "events a second without a storm", "storm_per_second": "events a second in the storm"},
    "R7": {
        "p99_calm_ms": "99 % are at the healthy sinks within, ms, without faults",
        "p99_ms": "the same while one sink is slow and one is dead",
        "grown_mb": "memory grown meanwhile, MiB (windows of the two sinks fill up)",
        "sick_mb_per_minute": "memory grown a minute once windows are full, MiB",
    },
    "R8": {"sent_per_document": "sent for each document of the search engine"},
    "R10": {"most_lines_in_a_second": "most lines in any one second; 900 are the limit"},
    "R11": {"grown_mb": "memory grown, MiB", "taken_per_second": "events a second taken"},
    "S2": {
        "p99_calm_ms": "p99 of good clients without bombs, ms",
        "p99_ms": "p99 of good clients while twenty bombs at a time come in, ms",
        "answered_ms_longest": "twenty bombs at once are all answered within, ms, in the median volley of the slowest kind",
        "dearest_bomb": "the dearest bomb",
        "grown_mb": "memory grown, MiB",
    },
    "S3": {
        "p99_calm_ms": "p99 of good clients without slow connections, ms",
        "p99_ms": "p99 of good clients beside two thousand of them, ms",
        "longest_life_seconds": "the longest life of a slow connection, s",
        "descriptors": "open descriptors at most",
    },
}
_HOLES = """\
## Known holes

- **UDP** is not protected before the log has it; what the kernel dropped is counted. **Syslog over TCP** has no acknowledgement:
  what lies in the kernels when a receiver is killed is lost, and nobody can know. Use HEC, or a forwarder with a disk queue.
- **QRadar and other line receivers** do not answer. Bytes count as delivered when the far kernel has had them for a second on
  a connection that stayed healthy (`settle_seconds`). What the receiver, or a proxy before it, takes and then drops is lost: a
  receiver that is frozen for longer than that and then killed loses what lay in its kernel's buffer.
- **Order at a line receiver** is that of one connection. One that falls behind by more than `settle_seconds`, or reads nothing until
  we connect anew, reads two connections side by side, and events of one sender may change places. Nothing in the protocol tells.
  The receiver of these runs keeps up, except in R7, where it is stopped.
- **Elasticsearch** tells a repeat by `_id` within one backing index. A repeat after a rollover makes a second document.
- **Splunk and QRadar** do not tell repeats. After a crash they get again what was sent and not yet committed; `_evt_id` and
  `eventUid` name the copies. How many is in the tables. The 2 % that are aimed for where a process of a role each is killed every
  5-15 s hold where a process is up again before the next one is killed. Beside much other work less arrives and kills hit the
  catching up: up to 5 % were seen where recovery took a minute. So short forms allow 2.5 % where a median recovery is within 4 s, else
  5 %, or as much more than 2 % as it takes longer than the 10 s between two kills; long ones are judged by 2 %. QRadar gets at least all of the last second
  (`settle_seconds`) again: where one process is everything and is killed every 4-8 s, that is a fifth of what arrives.
- **Forwarders that send again** after a lost answer send new events: these have ids of their own, and no promise covers them.
- **Kafka acknowledges before it syncs to disk.** If all in-sync replicas lose power at once, what they had acknowledged is lost.
- **Static members of a Kafka group do not fence.** Two processes with one configured `log.instance` take turns; nothing is lost,
  repeats grow. Names must be unique, as those of a StatefulSet's pods are. Without one, a name is made that only one living process
  can have; a killed process finds it again in the same network (machine, pod). One that does not come back there is missed after 30 s.
- **Twenty bombs at once** share the one processor of the process that they are thrown at with its good clients: what is large is read in
  small pieces that take turns, one a millisecond while a small request waits for its answer. The p99 of a good client, measured by a
  process of its own, is allowed twice what it is without bombs, or 30 ms (20 beside slow connections),
  or, where the disk makes good clients wait without any bomb, as much as in the worst such stretch. Where other work takes more than 15 % of the machine
  meanwhile, S2, S3 and R7 do not look at differences below half a second; how much it took is in their summaries.
- **Windows of correlations fill up** until their time has passed: a match takes 0.6 to 0.9 KB, a group of one match about 1 KB, all of
  them at most `limits.correlations_mb`. Where somebody fills that with names that occur once, groups that have begun go on and new ones
  do not count, which is counted and told; after a restart in such a time some of these may. R7 does not show it: its events have no
  user, host or address.
- **Short-lived credentials of Kafka** (OAUTHBEARER) are not offered: the client does not authenticate again on an open connection.
- **One machine.** All runs share one machine between Logweir, brokers, senders, far ends and the oracle, and its processor with
  other work. Times are those of a busy machine. Power loss and networks that reorder are not simulated. A damaged
  file of the embedded log (tests, not runs): its healthy partitions go on, and the damaged one waits for a person, who may restore
  the file or let readers pass what is lost (`logweir mend`), which counts it. Where SQLite's own pages are damaged, only the former helps.
- Far ends are stand-ins with the real ones' answers. Real Kafka brokers are used where the table says so; R5 uses a mock.
"""


def write(paths: Iterable[Path], target: Path, note: str = "") -> None:
    """From summary files, and folders of them. A later one replaces an earlier one of the same scenario, seed and length.

    `note` says under which circumstances they were made.
    """
    files = [f for path in paths for f in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    runs = [orjson.loads(file.read_bytes()) for file in files]
    unique = {(run["scenario"], run["seed"], run["minutes"]): run for run in runs}
    order = list(TABLE)
    rows = sorted(unique.values(), key=lambda run: (order.index(run["scenario"]), run["minutes"], run["seed"]))
    target.write_text("\n".join([_HEAD, *([f"{note}\n"] if note else []), _promises(rows), *_tables(rows), _HOLES]))


def _promises(runs: Sequence[Mapping[str, Any]]) -> str:
    lines = ["## Promises", "", "| promise | runs |", "|---|---|"]
    for promise, names in _PROMISES:
        found = [f"{name}: {_verdict([r for r in runs if r['scenario'] == name])}" for name in names]
        lines.append(f"| {promise} | {'; '.join(found)} |")
    return "\n".join([*lines, ""])


def _verdict(runs: Sequence[Mapping[str, Any]]) -> str:
    runs = [run for run in runs if "left_out" not in run["figures"]]
    if not runs:
        return "**not run**"
    held = sum(run["holds"] for run in runs)
    return "held" if held == len(runs) == 1 else f"{held} of {len(runs)} held" if held else "**broken**"


def _tables(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    long = [run for run in runs if run["minutes"] >= _LONG_MINUTES]
    short = [run for run in runs if run["minutes"] < _LONG_MINUTES and "left_out" not in run["figures"]]
    parts = ["## Long runs", "", _table(long), _bound(long)] if long else []
    parts += ["## Short forms", "", _table(short), _broken(runs), "## Figures", "", _figures(runs)]
    return [*parts, "## What each run breaks", "", _descriptions(runs)]


def _table(runs: Sequence[Mapping[str, Any]]) -> str:
    head = (
        "| run | seed | minutes | acknowledged | faults | missing | odd | repeats | recovery p50 / p99, s | memory, MiB | held |"
    )
    return "\n".join([head, "|" + "---|" * 11, *map(_row, runs), ""])


def _row(run: Mapping[str, Any]) -> str:
    figures = run["figures"]
    sinks = figures.get("sinks", {})
    odd = sum(int(row["spurious"]) + int(row["foreign_or_corrupted"]) + int(row["twice"]) for row in sinks.values())
    recovery = " / ".join(str(figures.get(f"recovery_{p}_seconds", "-")) for p in ("p50", "p99"))
    cells = [run["scenario"], run["seed"], f"{run['minutes']:g}", f"{figures.get('acknowledged', 0):,}"]
    cells += [figures.get("faults", "-").replace("=", " ") or "-", _missing(sinks) if sinks else "-", odd if sinks else "-"]
    cells += [_repeats(sinks), recovery if "recovery_p50_seconds" in figures else "-", figures.get("resident_mb", "-")]
    return "| " + " | ".join(map(str, [*cells, "yes" if run["holds"] else "**no**"])) + " |"


def _missing(sinks: Mapping[str, Any]) -> int:
    return sum(int(row["missing"]) + int(row["missing_alerts"]) for row in sinks.values())


def _repeats(sinks: Mapping[str, Any]) -> str:
    """Of each sink that had any, with their share of what arrived."""
    shares = {n: (int(r["repeats"]), int(r["repeats"]) / max(1, int(r["arrived"]))) for n, r in sinks.items() if r["repeats"]}
    return ", ".join(f"{name} {count:,} ({share:.1%})" for name, (count, share) in shares.items()) or "0"


def _bound(runs: Sequence[Mapping[str, Any]]) -> str:
    events = sum(run["figures"].get("acknowledged", 0) for run in runs)
    lost = sum(_missing(run["figures"].get("sinks", {})) for run in runs)
    if lost or not events:
        return ""
    return f"No loss in {events:,} acknowledged events: at 95 % confidence at most {3 / events:.1e} of them are lost.\n"


def _broken(runs: Sequence[Mapping[str, Any]]) -> str:
    found = [(r, c) for r in runs for c in r["checks"] if not c["holds"]]
    if not found:
        return f"Every one of {sum(len(r['checks']) for r in runs):,} checks held.\n"
    lines = [f"- {run['scenario']}, seed {run['seed']}: {check['name']} ({check['detail'][:200]})" for run, check in found]
    return "\n".join(["What did not hold:", "", *lines, ""])


def _figures(runs: Sequence[Mapping[str, Any]]) -> str:
    """What is measured beside what every run measures: the promise, and what was seen."""
    lines = ["| run | seed | minutes | figure | seen |", "|---|---|---|---|---|"]
    for run in runs:
        for name, what in _FIGURES.get(run["scenario"], {}).items():
            if name in run["figures"]:
                head = f"| {run['scenario']} | {run['seed']} | {run['minutes']:g} |"
                lines.append(f"{head} {what} | {run['figures'][name]} |")
    return "\n".join([*lines, ""])


def _descriptions(runs: Sequence[Mapping[str, Any]]) -> str:
    names = dict.fromkeys(run["scenario"] for run in runs)
    lines = [f"- **{name}**: {' '.join((TABLE[name].run.__doc__ or '').split())}" for name in names]
    return "\n".join([*lines, ""])
