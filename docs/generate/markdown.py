"""Markdown tables, and numbers as they are printed in them."""

import math
from collections.abc import Iterable, Sequence

_BAR = "\\|"
_ANSWERS = {True: "yes", False: "**no**", None: "not resolved"}


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; cells that are numbers are written by `number`."""
    lines = [list(header), ["---"] * len(header), *([cell(x) for x in row] for row in rows)]
    return "\n".join(
        "| " + " | ".join(x.replace("|", "\\|") for x in line) + " |" for line in lines
    )


def statements(data: dict) -> str:
    """Return the statements of ``jaxcr experiment``, and whether they hold."""
    rows = [
        (x["statement"], x["measured"], _ANSWERS[x["holds"]], x["note"]) for x in data["verdicts"]
    ]
    return table(("published", "measured", "holds", "note"), rows)


def cell(value: object) -> str:
    """Return text as it is, a number by `number`, yes or no for a truth value."""
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    return value if isinstance(value, str) else number(value)


def number(value: float, digits: int = 3) -> str:
    """Return a number to so many significant digits, whole numbers with thousands apart."""
    if not math.isfinite(value):
        return str(value)
    if isinstance(value, int) or (value == round(value) and abs(value) < 1e9):
        return f"{round(value):,}"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -3 or magnitude > 6:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa} × 10<sup>{int(power)}</sup>"
    return f"{value:,.{max(0, digits - 1 - magnitude)}f}"


def with_error(value: float, error: float) -> str:
    """Return value ± error, both to the second digit of the error."""
    if not (error > 0 and math.isfinite(value)):
        return number(value)
    if error < 1e-4:
        return f"{number(value)} ± {number(error, 2)}"
    places = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:,.{places}f} ± {error:,.{places}f}"


def span(values: Sequence[float]) -> str:
    """Return the smallest and the largest of some numbers."""
    low, high = min(values), max(values)
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def percent(share: float) -> str:
    """Return a share in per cent."""
    return f"{100 * share:.0f} %"


def old_trap_names(names: list[str]) -> list[str]:
    """Say what the names of a trap mean in records older than mirror ratio and gradient."""
    if "eta" not in names:
        return []
    return ["Here R is (B1 + B2)/(2 B0), and eta (B1 - B2)/(B1 + B2 - 2 B0)."]
