"""Figure 6: spectra of 750 TeV and 30 PeV at their mean free paths, cascade, and observation."""

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxcr import observed, orbits, sky
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.pictures import (
    draw_isotropic,
    draw_spectrum,
    finish_spectrum,
    spectra_numbers,
)
from jaxcr.experiments.small_scale_anisotropy.setup import SOURCE, describe_field, withhold
from jaxcr.experiments.small_scale_anisotropy.skies import FIT, LMAX, slope, slope_of
from jaxcr.experiments.small_scale_anisotropy.skies_by_energy import NAMES, skies_at_free_path
from jaxcr.experiments.small_scale_anisotropy.transport import field_mean
from jaxcr.experiments.verdicts import UNRESOLVED, as_numbers, difference, judge_sign, plus_minus
from jaxcr.plots.style import BLACK, BLUE, GREEN, VERMILION, new_figure
from jaxcr.statistics import Estimate

_COLORS = dict(zip(NAMES, (BLUE, VERMILION), strict=True))
_SIMILAR = 0.5
"""Difference of slopes below which two spectra are called similar."""

Found = dict[str, Float[np.ndarray, "field ell"]]


def run(size: Size) -> Outcome:
    """Compare the two energies with each other, the cascade, and the observed points."""
    skies = {name: skies_at_free_path(name, size) for name in NAMES}
    found = {name: x.spectra()[:, 0] for name, x in skies.items()}
    data = observed.working_level_spectrum()
    slopes = {name: slope(x) for name, x in found.items()}
    cascade = float(slope_of(sky.cascade_spectrum(LMAX)))
    verdicts = (
        judge_flatter(slopes),
        judge_cascade(slopes["750TeV"], cascade),
        judge_observed(found, data),
    )
    used = [orbits.PARTICLE_SETS[name] for name in NAMES]
    verdicts = tuple(withhold(x, size, *used) for x in verdicts)
    numbers = {
        "field": describe_field(size),
        "multipoles_of_slopes": [FIT.start, FIT.stop - 1],
        "slope": {name: as_numbers(x) for name, x in slopes.items()},
        "lost_share": {name: x.lost.tolist() for name, x in skies.items()},
        "cascade_slope": cascade,
        "observed": {
            "ell": data.ell.tolist(),
            "c_ell_sr": data.c_ell.tolist(),
            "label": data.label,
        },
        "spectra": {name: spectra_numbers(x[:, None]) for name, x in found.items()},
    }
    return Outcome(numbers, verdicts, lambda: draw(found, data))


def judge_flatter(slopes: dict[str, Estimate]) -> Verdict:
    """Return whether the spectrum of 30 PeV is flatter."""
    step = difference(slopes["30PeV"], slopes["750TeV"])
    sign = judge_sign(float(step.value), float(step.error))
    texts = [plus_minus(slopes[name]) for name in NAMES]
    return Verdict(
        "the spectrum is flatter at 30 PeV than at 750 TeV",
        f"slope over l = {FIT.start} to {FIT.stop - 1}: 750 TeV {texts[0]}, 30 PeV {texts[1]}; "
        f"difference {plus_minus(step)}",
        sign,
        ""
        if sign
        else "The published 750 TeV orbits have few waves of their gyroradius to scatter on, as "
        "the study says; a Kolmogorov range without damping has them."
        + (f" A difference is {UNRESOLVED}." if sign is None else ""),
    )


def judge_cascade(found: Estimate, cascade: float) -> Verdict:
    """Return whether the slope of 750 TeV is about that of the cascade."""
    away = float(found.value) - cascade
    holds = judge_sign(_SIMILAR - abs(away), float(found.error))
    return Verdict(
        "750 TeV is similar to the cascade of a dipole",
        f"slope {plus_minus(found)}, cascade {cascade:.2f}",
        holds,
        f"Similar: slopes within {_SIMILAR:g}.",
    )


def judge_observed(found: Found, data: observed.SpectrumData) -> Verdict:
    """Return whether observed ratios C_2/C_1 are nearer to 750 TeV than to 30 PeV."""
    seen = float(np.log(data.c_ell[1] / data.c_ell[0]))
    ratios = {name: field_mean(np.log(x[:, 2] / x[:, 1])) for name, x in found.items()}
    away = [abs(float(ratios[name].value) - seen) for name in NAMES]
    error = float(np.hypot(*(float(x.error) for x in ratios.values())))
    texts = [plus_minus(ratios[name]) for name in NAMES]
    return Verdict(
        "observed points look like 750 TeV rather than 30 PeV",
        f"ln C_2/C_1: observed {seen:.2f}, 750 TeV {texts[0]}, 30 PeV {texts[1]}",
        judge_sign(away[1] - away[0], error),
        f"Points: {data.label}. From a part of the sky, which biases C_1 most; one sky.",
    )


def draw(found: Found, data: observed.SpectrumData) -> Figure:
    """Return all of them with the observed C_1."""
    figure = new_figure(9.5, 6.5)
    axes = figure.subplots()
    first = float(data.c_ell[0])
    draw_isotropic(axes, LMAX, first / float(np.mean(found["30PeV"][:, 1])))
    for name, spectra in found.items():
        scaled = spectra * first / spectra[:, 1].mean()
        draw_spectrum(axes, scaled, _COLORS[name], orbits.PARTICLE_SETS[name].name)
    ell = np.arange(1, LMAX + 1)
    axes.plot(ell, first * np.asarray(sky.cascade_spectrum(LMAX))[1:], color=GREEN, ls="--", lw=2,
              label="cascade of a dipole")  # fmt: skip
    axes.plot(data.ell, data.c_ell, "o", color=BLACK, label="IceCube and Tibet, working level")
    axes.set_ylim(1e-11, 1e-5)
    finish_spectrum(axes, r"$C_\ell$ [sr], at the observed $C_1$",
                    f"at the published mean free path: {len(found['30PeV'])} skies")  # fmt: skip
    return figure


SPECTRA_AT_MEAN_FREE_PATH = Experiment(
    "spectra-at-mean-free-path", "C_l of 750 TeV and 30 PeV, cascade, observation",
    f"{SOURCE}, fig. 6", run,
)  # fmt: skip
