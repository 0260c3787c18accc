"""Markdown: the table of a run, and the table of what changed between two."""

import math
from collections.abc import Iterable, Sequence

from jaxcr.bench.comparison import Change
from jaxcr.bench.record import Record
from jaxcr.bench.rows import Peer, Row
from jaxcr.bench.timing import Measured

_NOTES = (
    "Median ± standard deviation of a repeat (1.48 median absolute deviations); compilation is not "
    "counted. CPU: processor time of all threads; wall: the clock on the wall. Difference: largest "
    "difference of the results, over the largest of the other program's."
)


def run_table(record: Record) -> str:
    """Return machine, versions and all rows of a run as Markdown."""
    lines = [
        _about(record),
        "",
        *_table(
            ("benchmark", "conditions", "jaxcr", "clock", "peer", "its result", "jaxcr is",
             "difference"),
            (line for row in record.rows for line in row_lines(row)),
        ),
    ]  # fmt: skip
    for name, reason in record.not_measured.items():
        lines += ["", f"{name}: not measured. {reason}"]
    return "\n".join([*lines, "", _NOTES])


def change_table(changes: Sequence[Change], differing: Sequence[str]) -> str:
    """Return two runs row by row as Markdown, and in what else than speed they differ."""
    flagged = [change for change in changes if change.is_flagged]
    lines = [f"{len(flagged)} of {len(changes)} rows changed beyond the noise."]
    if differing:
        lines += ["", "The runs differ in more than the code:", *(f"- {x}" for x in differing)]
    cells = ((change.name, _value(change.old), _value(change.new), *_verdict(change))
             for change in changes)  # fmt: skip
    header = ("benchmark", "before", "now", "now / before", "noise", "verdict")
    return "\n".join([*lines, "", *_table(header, cells)])


def row_lines(row: Row) -> list[tuple[str, ...]]:
    """Return the cells of a row: one line, and one more for each peer after the first."""
    own = (row.name, row.conditions, f"{quantity(row.measured)} {row.unit}", row.clock)
    if not row.peers:
        return [(*own, "", "", "", "")]
    blank = ("",) * len(own)
    return [(*(blank if i else own), *_peer(row, peer)) for i, peer in enumerate(row.peers)]


def quantity(measured: Measured) -> str:
    """Return value ± spread, to three digits of the value."""
    value = _rounded(measured.value, measured.value)
    if measured.spread is None:
        return value
    return f"{value} ± {_rounded(measured.spread, measured.value)}"


def faster(row: Row, peer: Peer) -> str:
    """Return by what factor jaxcr is faster or slower than a peer; empty where it was not run."""
    if peer.measured is None:
        return ""
    ratio = row.measured.value / peer.measured.value
    ratio = ratio if row.higher_is_better else 1 / ratio
    factor = max(ratio, 1 / ratio)
    return f"{_rounded(factor, factor)} × {'faster' if ratio >= 1 else 'slower'}"


def _rounded(number: float, like: float) -> str:
    """Return a number rounded to the third digit of another one."""
    digits = 2 - math.floor(math.log10(abs(like))) if like else 0
    return f"{round(number, digits):,.{max(0, digits)}f}"


def _peer(row: Row, peer: Peer) -> tuple[str, str, str, str]:
    name = f"{peer.name} {peer.version}".strip() if peer.measured else peer.name
    if peer.measured is None:
        return name, peer.note or peer.version, "", ""
    result = f"{quantity(peer.measured)} {row.unit}" + (f" ({peer.note})" if peer.note else "")
    apart = "" if peer.difference is None else f"{peer.difference:.0e}"
    return name, result, faster(row, peer), apart


def _value(row: Row | None) -> str:
    return "" if row is None else f"{quantity(row.measured)} {row.unit}"


def _verdict(change: Change) -> tuple[str, str, str]:
    if change.ratio is None or change.noise is None:
        return "", "", change.verdict
    verdict = f"**{change.verdict}**" if change.is_flagged else change.verdict
    return f"{change.ratio:.3g}", f"{100 * change.noise:.0f} %", verdict


def _about(record: Record) -> str:
    about = record.about
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    settings = ", ".join(f"{name}={x}" for name, x in about["environment"].items() if x)
    return (
        f"{about['processor'] or about['machine']} ({about['machine']}), {about['num_devices']} "
        f"JAX devices ({about['device']}); {versions}; {settings}; {about['date']}; "
        f"{'quick' if about['quick'] else 'full'} set."
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
