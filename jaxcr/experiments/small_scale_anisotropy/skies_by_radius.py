"""Figure 3: skies of 30 PeV at four radii, their dipole removed."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxcr import orbits, sky
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.pictures import draw_skies
from jaxcr.experiments.small_scale_anisotropy.setup import SOURCE, describe_field
from jaxcr.experiments.small_scale_anisotropy.skies import (
    LMAX,
    Skies,
    Spectra,
    change,
    mean_degree,
    mean_degree_of,
    measure_skies,
    note_lost,
)
from jaxcr.experiments.small_scale_anisotropy.spectra_by_radius import RADII, STEADY_NOTE, settled
from jaxcr.experiments.small_scale_anisotropy.transport import field_mean
from jaxcr.experiments.verdicts import UNRESOLVED, as_numbers, judge_sign, plus_minus
from jaxcr.statistics import Estimate


def run(size: Size) -> Outcome:
    """Measure how fine the skies are, and how alike those of neighbouring radii."""
    found = measure_skies(orbits.PARTICLE_SETS["30PeV"], RADII, size)
    spectra = found.spectra()
    likeness = [field_mean(correlation(found, i, i + 1)) for i in range(len(RADII) - 1)]
    verdicts = (judge_finer(spectra), judge_steady(spectra), judge_same_sky(likeness))
    verdicts = tuple(note_lost(x, found) for x in verdicts)
    numbers = {
        "field": describe_field(size),
        "radii_pc": RADII,
        "mean_degree": [as_numbers(mean_degree(spectra[:, i])) for i in range(len(RADII))],
        "correlation_with_next": [as_numbers(x) for x in likeness],
        "lost_share": found.lost.tolist(),
        "fields": size.fields,
    }
    return Outcome(numbers, verdicts, lambda: draw(found))


def correlation(found: Skies, one: int, other: int) -> Float[np.ndarray, " field"]:
    """Return the correlation of the skies at two radii beyond the dipole, without noise.

    Of different halves of the orbits, for the same half has the same noise at both radii.
    """
    degrees = np.arange(2, LMAX + 1)

    def power(a, b):
        return np.asarray(sky.cross_spectrum(a, b, lmax=LMAX))[:, 2:] @ (2 * degrees + 1)

    first, second = found.first, found.second
    across = (power(first[:, one], second[:, other]) + power(second[:, one], first[:, other])) / 2
    own = [power(first[:, i], second[:, i]) for i in (one, other)]
    return across / np.sqrt(own[0] * own[1])


def judge_finer(spectra: Spectra) -> Verdict:
    """Return whether structure gets smaller up to the mean free path."""
    rise = change(mean_degree_of, spectra[:, 2], spectra[:, 0])
    degrees = ", ".join(plus_minus(mean_degree(spectra[:, i])) for i in range(len(RADII)))
    sign = judge_sign(float(rise.value), float(rise.error))
    return Verdict(
        "structure gets smaller from R = 10 to 60 pc",
        f"mean multipole beyond the dipole at {', '.join(f'{x:g}' for x in RADII)} pc: {degrees}",
        sign,
        "" if sign is not None else UNRESOLVED,
    )


def judge_steady(spectra: Spectra) -> Verdict:
    """Return whether skies at 60 and 90 pc are equally fine."""
    holds, last, share = settled(mean_degree_of, spectra)
    return Verdict(
        "statistically steady beyond 60 pc",
        f"mean multipole changes by {plus_minus(last)} from 60 to 90 pc, "
        f"{share:.0%} of the change from 10 to 60 pc",
        holds,
        STEADY_NOTE,
    )


def judge_same_sky(likeness: list[Estimate]) -> Verdict:
    """Return whether the sky at 90 pc shows most of what that at 60 pc does."""
    last = likeness[-1]
    sign = judge_sign(float(last.value) - np.sqrt(0.5), float(last.error))
    texts = ", ".join(
        f"{RADII[i]:g} and {RADII[i + 1]:g} pc {plus_minus(x)}" for i, x in enumerate(likeness)
    )
    return Verdict(
        "maps do not change significantly beyond 60 pc",
        f"correlation of the skies beyond the dipole: {texts}",
        sign,
        "Yes means that they share more than half of their variance."
        + ("" if sign else " Equal spectra do not make equal skies."),
    )


def draw(found: Skies) -> Figure:
    """Return the first observer's skies at the four radii."""
    maps = {
        f"R = {radius:g} pc": np.asarray(sky.remove_dipole(jnp.asarray(found.mean[0, i])))
        for i, radius in enumerate(RADII)
    }
    return draw_skies(maps, rows=2, title="30 PeV, dipole removed, smoothed by 3°")


SKIES_BY_RADIUS = Experiment(
    "skies-by-radius", "skies of 30 PeV at 10, 20, 60 and 90 pc", f"{SOURCE}, fig. 3", run
)
