"""Two runs row by row: ratios, flagged where they are beyond the noise."""

import dataclasses
import math
from collections.abc import Sequence

from jaxcr.bench.record import ABOUT, Record
from jaxcr.bench.rows import Row

_SIGMAS = 3
_LEAST = 0.1  # whatever the spread says: two runs on one machine differ by several per cent
_SINGLE = 0.25  # where a row was measured once, so that nothing is known of its spread


@dataclasses.dataclass(frozen=True)
class Change:
    """One row in two runs.

    Attributes
    ----------
    name
        Of the row.
    old, new
        The rows; ``None`` where a run lacks it.
    ratio
        New value over old; ``None`` where they cannot be compared.
    noise
        Largest |ratio - 1| of no significance, reciprocal for ratios below one; or ``None``.
    verdict
        ``better``, ``worse``, ``within noise``, ``other conditions``, ``only old``, ``only new``.
    """

    name: str
    old: Row | None
    new: Row | None
    ratio: float | None
    noise: float | None
    verdict: str

    @property
    def is_flagged(self) -> bool:
        """Whether the change is beyond the noise."""
        return self.verdict in ("better", "worse")


def compare_rows(old: Sequence[Row], new: Sequence[Row]) -> list[Change]:
    """Return what changed, in the order of the new rows, then those that are gone.

    A change counts when ``|ln ratio|`` exceeds three standard errors, of both medians combined,
    and a tenth; a quarter where one of them was measured once. Rows of other conditions, units or
    clocks have no ratio.
    """
    before = {row.name: row for row in old}
    changes = [_change(before.pop(row.name, None), row) for row in new]
    gone = [Change(row.name, row, None, None, None, "only old") for row in before.values()]
    return changes + gone


def differences(old: Record, new: Record) -> list[str]:
    """Return lines that say in which of machine, versions and settings two runs differ."""
    lines = []
    for key in ABOUT:
        a, b = old.about.get(key), new.about.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += [
                f"{name}: {a.get(name)} before, {b.get(name)} now"
                for name in sorted({*a, *b})
                if a.get(name) != b.get(name)
            ]
        elif a != b:
            lines.append(f"{key}: {a} before, {b} now")
    return lines


def _change(old: Row | None, new: Row) -> Change:
    if old is None:
        return Change(new.name, None, new, None, None, "only new")
    if _conditions(old) != _conditions(new) or not old.measured.value > 0 < new.measured.value:
        return Change(new.name, old, new, None, None, "other conditions")
    ratio = new.measured.value / old.measured.value
    error = math.hypot(old.measured.relative_error, new.measured.relative_error)
    once = min(old.measured.repeats, new.measured.repeats) < 2
    noise = max(_SINGLE if once else _LEAST, _SIGMAS * error)
    if abs(math.log(ratio)) <= math.log1p(noise):
        verdict = "within noise"
    else:
        verdict = "better" if (ratio > 1) == new.higher_is_better else "worse"
    return Change(new.name, old, new, ratio, noise, verdict)


def _conditions(row: Row) -> tuple:
    return row.conditions, row.unit, row.clock, row.higher_is_better
