"""What was measured on a field, as numbers and as a table."""

import math
import re
import textwrap

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from jaxcr.arrays import Vector
from jaxcr.fields.field import Lattice

_NO_MEAN = 1e-5
"""Of the rms: means below are what is left of float32 and int16 samples that cancel."""

_LABEL_WIDTH = 20
_TEXT_WIDTH = 80


class FieldReport(eqx.Module):
    """What was measured on the samples of a field (lengths pc, fields µG, wavenumbers 1/pc).

    Attributes
    ----------
    lattice, periodic
        Where the samples sit, and whether the field is known to repeat after their box. If not,
        its spectrum was taken under a window, see ``describe``.
    mean, rms
        Mean of B, and root mean square of |B - mean|.
    index
        Minus the slope of the spectrum over the shells that hold power throughout; nan when
        fewer than two do.
    outer_scale, inner_scale, energy_scale
        Longest and shortest wavelength that hold power, and the one at the peak of k E(k).
    correlation_length
        (pi/2) <1/k>, one-sided.
    divergence
        The rms of k·B over k|B|, zero for a solenoidal field; nan if not ``periodic``.
    divergence_rms, divergence_max
        Of |div B| at the samples times the cell over ``strength``, from their spectral
        derivative; if ``exact_divergence``, from that of the field, which has no grid.
    wavenumber, spectrum, num_modes
        Harmonic mean of k in each shell, E(k) of the fluctuations in µG² pc, and the number N of
        modes with power, by which E scatters as 1/sqrt(N).
    asked
        rms² E(k) of the spectrum that was given, at ``wavenumber``; or ``None``.
    deviation
        Measured over asked spectrum minus one, in the tenth of a decade where it is largest
        among those with 100 modes; nan if there is none.
    rigidity, gyroradius
        As given in PV, and the gyroradius in a field of ``strength``.
    warnings
        Sentences with a remedy.
    """

    lattice: Lattice
    periodic: bool = eqx.field(static=True)
    exact_divergence: bool = eqx.field(static=True)
    mean: Vector
    rms: float
    index: float
    outer_scale: float
    inner_scale: float
    energy_scale: float
    correlation_length: float
    divergence: float
    divergence_rms: float
    divergence_max: float
    wavenumber: Float[Array, " bin"]
    spectrum: Float[Array, " bin"]
    num_modes: Float[Array, " bin"]
    rigidity: Float[Array, " rigidity"]
    gyroradius: Float[Array, " rigidity"]
    asked: Float[Array, " bin"] | None = None
    deviation: float = math.nan
    warnings: tuple[str, ...] = eqx.field(static=True, default=())

    @property
    def strength(self) -> float:
        """Root mean square of |B|, mean field included."""
        return math.hypot(*np.asarray(self.mean, float), self.rms)

    @property
    def level(self) -> float:
        """dB/B0, the rms fluctuation over the mean field; infinite without one."""
        mean = math.hypot(*np.asarray(self.mean, float))
        return self.rms / mean if mean > _NO_MEAN * self.rms else math.inf

    @property
    def box(self) -> float:
        """Shortest side of the box in pc."""
        return float(np.min(np.asarray(self.lattice.spacing) * self.lattice.shape))

    @property
    def cell(self) -> float:
        """Longest side of a cell in pc."""
        return float(np.max(np.asarray(self.lattice.spacing)))

    def __str__(self) -> str:
        rows = [("box", _box(self)), *_measured_rows(self), *_resolution_rows(self)]
        rows += [("warning", sentence) for sentence in self.warnings]
        return "\n".join(_row(label, text) for label, text in rows)


def _box(report: FieldReport) -> str:
    """Return the box in words."""
    cells, spacing = report.lattice.shape, np.asarray(report.lattice.spacing)
    sides = " × ".join(f"{n * float(d):g}" for n, d in zip(cells, spacing, strict=True))
    kind = "periodic" if report.periodic else "sampled, not periodic: Hann window"
    return f"{sides} pc, {' × '.join(map(str, cells))} cells, {kind}"


def _measured_rows(report: FieldReport) -> list[tuple[str, str]]:
    """Return label and text of the rows about the field."""
    scale = math.hypot(*np.asarray(report.mean, float), report.rms)
    around_zero = np.abs(np.asarray(report.mean)) < _NO_MEAN * scale
    mean = ", ".join(f"{x:.4g}" for x in np.where(around_zero, 0, np.asarray(report.mean)))
    derivative = "exact" if report.exact_divergence else "spectral"
    compared = not math.isnan(report.deviation)
    longest, shortest = report.outer_scale, report.inner_scale
    rows = [
        ("mean field", f"({mean}) µG"),
        ("rms fluctuation", f"{report.rms:.4g} µG, dB/B0 {report.level:.4g}"),
        ("spectral index", f"{report.index:.3f}"),
        ("from asked E(k)", f"{report.deviation:+.1%} at most" if compared else "too few modes"),
        ("wavelengths", f"{shortest:.4g} to {longest:.4g} pc, k E(k) peaks at "
                        f"{report.energy_scale:.4g} pc"),
        ("correlation length", f"{report.correlation_length:.4g} pc (one-sided)"),
        ("divergence", f"{_above(report.divergence)} (k·B over k|B|, rms)"),
        ("divergence per cell", f"{_above(report.divergence_rms)} of |B| rms, "
                                f"{_above(report.divergence_max)} at most "
                                f"({derivative} derivative)"),
    ]  # fmt: skip
    unknown = {
        "divergence": math.isnan(report.divergence),
        "spectral index": report.rms == 0,
        "wavelengths": report.rms == 0,
        "correlation length": report.rms == 0,
        "from asked E(k)": report.asked is None,
    }
    return [(label, text) for label, text in rows if not unknown.get(label)]


def _above(share: float) -> str:
    """Return a share, or what it is below where it is rounding, unlike on unlike processors."""
    return "below 1e-05" if share < _NO_MEAN else f"{share:.1e}"


def _resolution_rows(report: FieldReport) -> list[tuple[str, str]]:
    """Return label and text of the rows about box and cell."""
    rows = []
    for rigidity, radius in zip(report.rigidity.tolist(), report.gyroradius.tolist(), strict=True):
        box, cell = report.box / radius, report.cell / radius
        text = f"gyroradius {radius:.3g} pc: box {box:.3g} and cell {cell:.3g} gyroradii"
        rows.append((f"at {rigidity:g} PV", text))
    return rows


def _row(label: str, text: str) -> str:
    """Return a row of the table, with long text in lines below each other."""
    indent = " " * _LABEL_WIDTH
    # A number and its unit stay on one line: textwrap does not break at a no-break space.
    tied = re.sub(r"(?<=\d) (?=pc|PV)", "\N{NO-BREAK SPACE}", text)
    lines = textwrap.wrap(tied, _TEXT_WIDTH, break_long_words=False)
    whole = f"{label:<{_LABEL_WIDTH}}" + f"\n{indent}".join(lines)
    return whole.replace("\N{NO-BREAK SPACE}", " ")
