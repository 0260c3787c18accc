"""From numbers with errors to yes, no, or not resolved; and how both are written."""

import math
import textwrap
from collections.abc import Collection

import jax.numpy as jnp
import numpy as np

from jaxcr.experiments.experiment import Verdict
from jaxcr.statistics import Estimate

SIGMAS = 3
"""Standard errors that a difference must exceed."""
UNRESOLVED = "not resolved at this size"


def judge_sign(change: float, error: float) -> bool | None:
    """Return whether a number is positive beyond its error, or negative; ``None`` for neither."""
    if not abs(change) > SIGMAS * error:
        return None
    return bool(change > 0)


def all_of(answers: Collection[bool | None]) -> bool | None:
    """Return no if one is no, else open if one is open."""
    if False in answers:
        return False
    return None if None in answers else True


def agrees(found: Estimate, expected: float) -> bool:
    """Return whether a number is within its errors from an expected one."""
    return judge_sign(float(found.value) - expected, float(found.error)) is None


def judge_settled(last: Estimate, earlier: Estimate, share: float) -> bool | None:
    """Return whether a quantity changed in the last step by at most a share of its earlier change.

    ``None`` when the earlier change is within its error, or the excess over the share is.
    """
    if judge_sign(float(earlier.value), float(earlier.error)) is None:
        return None
    excess = abs(float(last.value)) - share * abs(float(earlier.value))
    if excess <= 0:
        return True
    return None if judge_sign(excess, float(last.error)) is None else False


def judge_between(published: float, estimates: list[Estimate]) -> bool:
    """Return whether a number lies between the smallest and largest estimate, errors included."""
    low = min(float(x.value) - SIGMAS * float(x.error) for x in estimates)
    high = max(float(x.value) + SIGMAS * float(x.error) for x in estimates)
    return low <= published <= high


def difference(last: Estimate, first: Estimate) -> Estimate:
    """Return the difference of two independent estimates."""
    return Estimate(last.value - first.value, jnp.hypot(last.error, first.error))


def entry(found: Estimate, place: int | tuple[int, ...]) -> Estimate:
    """Return one of several numbers."""
    return Estimate(found.value[place], found.error[place])


def scaled(found: Estimate, factor: float) -> Estimate:
    """Return an estimate in another unit."""
    return Estimate(found.value * factor, found.error * abs(factor))


def quotient(above: Estimate, below: Estimate) -> Estimate:
    """Return the ratio of two independent estimates."""
    ratio = above.value / below.value
    relative = jnp.hypot(above.error / above.value, below.error / below.value)
    return Estimate(ratio, jnp.abs(ratio) * relative)


def plus_minus(estimate: Estimate, unit: str = "") -> str:
    """Return "1.23 ± 0.04 pc", with two digits of the error."""
    value, error = float(estimate.value), float(estimate.error)
    unit = f" {unit}" if unit else ""
    if not (math.isfinite(value) and math.isfinite(error)) or error == 0:
        return f"{value:.3g}{unit}"
    if not 1e-3 <= max(abs(value), error) < 1e5:
        return f"{value:.2e} ± {error:.1e}{unit}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}{unit}"


def as_numbers(estimate: Estimate) -> dict:
    """Return value and error as JSON has them."""
    return {
        "value": np.asarray(estimate.value, float).tolist(),
        "error": np.asarray(estimate.error, float).tolist(),
    }


def answer(verdict: Verdict) -> str:
    """Return yes, no or not resolved."""
    return {True: "yes", False: "no", None: "not resolved"}[verdict.holds]


def verdict_table(found: dict[str, tuple[Verdict, ...]]) -> str:
    """Return the verdicts of several experiments as a table in Markdown."""
    lines = ["| experiment | published | measured | holds | note |", "|---|---|---|---|---|"]
    for name, verdicts in found.items():
        for verdict in verdicts:
            cells = (name, verdict.statement, verdict.measured, answer(verdict), verdict.note)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def verdict_lines(found: dict[str, tuple[Verdict, ...]], width: int = 100) -> str:
    """Return the verdicts of several experiments as text for a terminal."""
    lines = []
    for name, verdicts in found.items():
        lines.append(f"\n{name}")
        for verdict in verdicts:
            first = f"  {answer(verdict):13}"
            for text in (verdict.statement, verdict.measured, verdict.note):
                lines += textwrap.wrap(
                    text, width, initial_indent=first, subsequent_indent=" " * len(first)
                )
                first = " " * len(first)
    return "\n".join(lines).lstrip("\n")
