"""Sentences about what a box of samples does not resolve, each with its remedy."""

import math

import jax.numpy as jnp

from jaxcr.fields.field import Lattice
from jaxcr.fields.field_report import FieldReport

_MIN_CELLS = 4.0
_MAX_DIVERGENCE = 0.01
_NEAR_END = 0.9
_MAX_BOXES = 100.0
_LARGE_DIVERGENCE = 0.1
"""Of |B| per cell, rms: turbulence with two axes exchanged has 0.14 to 0.4."""

_RESCALE = "or rescale a given cube (rescale_field, --cube.rms, --cube.mean-strength)."


def find_warnings(report: FieldReport, grid: Lattice | None, sphere: float | None) -> list[str]:
    """Return what the box does not resolve; cells matter to orbits only where there is a grid."""
    outer, inner = report.outer_scale, report.inner_scale
    sentences = []
    for rigidity, radius in zip(report.rigidity.tolist(), report.gyroradius.tolist(), strict=True):
        if grid is not None:
            sentences += warn_of_cells(rigidity, radius, float(jnp.max(grid.spacing)))
        sentences += warn_of_straight_orbits(rigidity, radius, report.box)
        sentences += warn_of_resonance(rigidity, radius, outer, inner)
    if sphere is not None:
        sentences += warn_of_sphere(sphere, report.box)
    if not report.periodic:
        sentences += warn_of_window(outer, inner, report.box, report.cell)
    sentences += warn_of_divergence(
        report.divergence_rms, report.divergence_max, periodic=report.periodic
    )
    return sentences + warn_of_mean(report.level)


def warn_of_cells(rigidity: float, radius: float, cell: float) -> list[str]:
    """Return a sentence when a gyroradius (pc) of a rigidity (PV) is under 4 cells (pc)."""
    least = _MIN_CELLS * cell
    if not radius < least:
        return []
    return [
        f"The gyroradius of {rigidity:g} PV, {radius:.3g} pc, is under 4 cells, {least:.3g} pc: "
        f"orbits feel the interpolation. Take {rigidity * least / radius:.3g} PV, refine spacing "
        f"to {radius / _MIN_CELLS:.3g} pc, {_RESCALE}"
    ]


def warn_of_straight_orbits(rigidity: float, radius: float, box: float) -> list[str]:
    """Return a sentence when a gyroradius (pc) of a rigidity (PV) exceeds 100 boxes (pc)."""
    if not _MAX_BOXES * box < radius < math.inf:
        return []
    return [
        f"The gyroradius of {rigidity:g} PV, {radius:.3g} pc, is {radius / box:.3g} boxes: "
        "particles fly straight. Is the unit right? One unit is so many µG: gauss 1e6, nT 10, "
        "tesla 1e10."
    ]


def warn_of_resonance(rigidity: float, radius: float, outer: float, inner: float) -> list[str]:
    """Return a sentence when k r_L = 1 lies outside the wavelengths (pc) that hold power.

    A pitch-angle cosine mu resonates with waves of 2 pi r_L |mu|.
    """
    resonant = 2 * math.pi * radius
    start = f"The longest resonant wave of {rigidity:g} PV, {resonant:.3g} pc, is"
    if resonant < inner:
        return [
            f"{start} shorter than the shortest in the field, {inner:.3g} pc: nothing resonates. "
            f"Take at least {rigidity * inner / resonant:.3g} PV, lower inner_scale to "
            f"{resonant:.3g} pc, {_RESCALE}"
        ]
    if resonant > outer:
        return [
            f"{start} longer than the longest in the field, {outer:.3g} pc: only |mu| below "
            f"{outer / resonant:.2g} resonates. Take at most {rigidity * outer / resonant:.3g} PV, "
            f"raise outer_scale to {resonant:.3g} pc, {_RESCALE}"
        ]
    return []


def warn_of_sphere(radius: float, box: float) -> list[str]:
    """Return a sentence when a sphere about the centre (pc) does not fit the box (pc)."""
    if not radius > box / 2:
        return []
    return [
        f"The sphere of {radius:g} pc is larger than half the box, {box / 2:g} pc: orbits leave "
        f"what was measured, or meet its copies. Take a radius of at most {box / 2:g} pc, or a box "
        f"of {2 * radius:g} pc."
    ]


def warn_of_divergence(rms: float, largest: float, *, periodic: bool) -> list[str]:
    """Return a sentence when div B exceeds 1 % of |B| per cell somewhere."""
    if not largest > _MAX_DIVERGENCE:
        return []
    remedy = (
        "Use PotentialGridField, which leaves out what has a divergence."
        if periodic
        else "Write the field as the curl of a potential; cut a part of a periodic cube after "
        "PotentialGridField."
    )
    if rms > _LARGE_DIVERGENCE:
        remedy = (
            "A divergence this large usually means a wrong order of axes or components: check "
            f"that first (axes, --cube.axes). {remedy}"
        )
    return [
        f"div B reaches {largest:.2g} of |B| per cell (rms {rms:.2g}), above 0.01: orbits gain or "
        f"lose what no magnetic field gives. {remedy}"
    ]


def warn_of_mean(level: float) -> list[str]:
    """Return a sentence when there is no mean field to compare the fluctuations with."""
    if not math.isinf(level):
        return []
    return [
        "The mean field is zero, so dB/B0 is infinite. Add a UniformField if there is to be a "
        "preferred direction."
    ]


def warn_of_window(outer: float, inner: float, box: float, cell: float) -> list[str]:
    """Return sentences when samples of a field that goes on hold power at either end of k."""
    sentences = []
    if inner * _NEAR_END < 2 * cell:
        sentences.append(
            f"The samples hold waves of two cells, {2 * cell:.3g} pc; shorter ones, if any, are "
            "folded into the spectrum. Give a lattice with a smaller spacing."
        )
    if outer > box * _NEAR_END / 2:
        sentences.append(
            f"The samples hold waves of half their box, {box / 2:.3g} pc, or longer, which the "
            "window does not tell apart. Give a larger lattice."
        )
    return sentences
