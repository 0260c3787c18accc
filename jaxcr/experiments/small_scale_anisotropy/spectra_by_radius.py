"""Figure 5: angular power spectra at four radii."""

import math
from collections.abc import Callable

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from jaxcr import orbits
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.pictures import (
    draw_isotropic,
    draw_spectrum,
    finish_spectrum,
    isotropic_band,
    spectra_numbers,
)
from jaxcr.experiments.small_scale_anisotropy.setup import SOURCE, describe_field
from jaxcr.experiments.small_scale_anisotropy.skies import (
    LMAX,
    Spectra,
    change,
    dipole_power,
    high_power,
    measure_skies,
    note_lost,
    slope,
    slope_of,
)
from jaxcr.experiments.small_scale_anisotropy.transport import field_mean
from jaxcr.experiments.verdicts import UNRESOLVED, as_numbers, judge_settled, judge_sign, plus_minus
from jaxcr.plots.style import new_figure
from jaxcr.statistics import Estimate

RADII = (10.0, 20.0, 60.0, 90.0)
"""Published, pc; 60 is the published mean free path."""
STEADY = 0.5 * math.log(90 / 60) / math.log(60 / 10)
"""Change from 60 to 90 pc over that from 10 to 60 that counts as steady: half the rate per ln R."""
STEADY_NOTE = f"Steady: at most {STEADY:.0%}, half the earlier rate per ln R."


def run(size: Size) -> Outcome:
    """Measure the spectra of the 30 PeV set against the mean and against the local field."""
    particles = orbits.PARTICLE_SETS["30PeV"]
    skies = {
        name: measure_skies(particles, RADII, size, local=local)
        for name, local in (("mean field", False), ("local field", True))
    }
    found = {name: x.spectra() for name, x in skies.items()}
    main = found["mean field"]
    verdicts = (
        judge_dipole(main, found["local field"]),
        judge_rise(main),
        judge_shape(main),
        judge_band(main),
    )
    verdicts = tuple(note_lost(x, skies["mean field"]) for x in verdicts)
    numbers = {
        "field": describe_field(size),
        "radii_pc": RADII,
        "lost_share": skies["mean field"].lost.tolist(),
        "boundary": {name: spectra_numbers(x) for name, x in found.items()},
        "slopes": [as_numbers(slope(main[:, stop])) for stop in range(len(RADII))],
    }
    return Outcome(numbers, verdicts, lambda: draw(found))


def judge_dipole(spectra: Spectra, local: Spectra) -> Verdict:
    """Return whether the dipole power falls with the radius."""
    fall = change(dipole_power, spectra[:, -1], spectra[:, 0])
    ends = [plus_minus(field_mean(spectra[:, stop, 1])) for stop in (0, -1)]
    other = [plus_minus(field_mean(local[:, stop, 1])) for stop in (0, -1)]
    sign = judge_sign(-float(fall.value), float(fall.error))
    return Verdict(
        "dipole power falls from R = 10 to 90 pc",
        f"{ends[0]} → {ends[1]} of the boundary's",
        sign,
        f"Against the local field {other[0]} → {other[1]}." if sign else UNRESOLVED,
    )


def judge_rise(spectra: Spectra) -> Verdict:
    """Return whether the power at l = 8 ... 16 rises up to the mean free path."""
    rise = change(high_power, spectra[:, 2], spectra[:, 0])
    ends = [plus_minus(field_mean(1e4 * spectra[:, stop, 8:17].mean(axis=1))) for stop in range(4)]
    sign = judge_sign(float(rise.value), float(rise.error))
    return Verdict(
        "power moves to high multipoles up to R = 60 pc",
        f"C_8-16 at {_listed(RADII)} pc: {', '.join(ends)} × 1e-4",
        sign,
        "" if sign is not None else UNRESOLVED,
    )


def judge_shape(spectra: Spectra) -> Verdict:
    """Return whether the slope stays the same beyond the mean free path."""
    holds, last, share = settled(slope_of, spectra)
    slopes = ", ".join(plus_minus(slope(spectra[:, stop])) for stop in range(4))
    return Verdict(
        "the shape is steady beyond the mean free path of 60 pc",
        f"slope at {_listed(RADII)} pc: {slopes}; 60 to 90 pc by {plus_minus(last)}, "
        f"{share:.0%} of the change from 10 to 60 pc",
        holds,
        STEADY_NOTE,
    )


def settled(statistic: Callable, spectra: Spectra) -> tuple[bool | None, Estimate, float]:
    """Return whether a statistic is steady beyond 60 pc, its change to 90 pc, and its share.

    The share is that of the change from 10 to 60 pc.
    """
    last = change(statistic, spectra[:, 3], spectra[:, 2])
    earlier = change(statistic, spectra[:, 2], spectra[:, 0])
    return judge_settled(last, earlier, STEADY), last, float(last.value / earlier.value)


def judge_band(spectra: Spectra) -> Verdict:
    """Return whether the sky at 90 pc is lost in the scatter of 1e5 arrivals at l = 30."""
    low, high = (edge[27:].mean() for edge in isotropic_band(LMAX))
    level, scatter = (low + high) / 2, (high - low) / (high + low)
    ratio = field_mean(spectra[:, -1, 28:].mean(axis=1) / level)
    return Verdict(
        "beyond l = 30 the sky is as an isotropic one of 100,000 arrivals",
        f"C_l over the level of 100,000 arrivals at l = 28 to {LMAX}: {plus_minus(ratio)}; their "
        f"90 % band is ± {scatter:.2f} of the level",
        judge_sign(scatter - float(ratio.value), float(ratio.error)),
        "Half-cross spectra have no noise and see farther. The ratio goes with the square of the "
        "boundary's amplitude: here 1, unpublished.",
    )


def _listed(values) -> str:
    return ", ".join(f"{x:g}" for x in values)


def draw(found: dict[str, Spectra]) -> Figure:
    """Return the spectra for both axes of the boundary's dipole."""
    figure = new_figure(14, 6)
    for axes, (name, spectra) in zip(
        figure.subplots(1, 2, sharey=True), found.items(), strict=True
    ):
        draw_isotropic(axes, LMAX)
        for stop, color in enumerate(colormaps["viridis"](np.linspace(0, 0.9, len(RADII)))):
            draw_spectrum(axes, spectra[:, stop], color, f"{RADII[stop]:g} pc")
        axes.set_ylim(1e-6, 3)
        finish_spectrum(
            axes, r"$C_\ell$ / $C_1$ of the boundary",
            f"30 PeV, dipole along the {name}: {len(spectra)} skies",
        )  # fmt: skip
    return figure


SPECTRA_BY_RADIUS = Experiment(
    "spectra-by-radius", "C_l of 30 PeV at 10, 20, 60 and 90 pc", f"{SOURCE}, fig. 5", run
)
