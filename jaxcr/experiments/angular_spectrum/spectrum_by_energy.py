"""Spectra of a dipole from 20 TeV to 30 PeV, with their resonant waves, beside the observed one.

The studies of small-scale anisotropy follow particles of PeV through grids and compare them with
spectra observed at some ten TeV. Plane waves reach that energy. At every energy the path is half
a quasi-linear mean free path of dB = B0, dB/B0 = 1 and the index is 5/3.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxcr import infer, observed
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.verdicts import (
    SIGMAS,
    UNRESOLVED,
    as_numbers,
    difference,
    entry,
    judge_sign,
    plus_minus,
)
from jaxcr.infer.skies import pair_products
from jaxcr.plots.style import BLACK, LABEL_SIZE, add_legend, new_figure, polish
from jaxcr.statistics import Estimate, jackknife

LEVEL = 1.0
INDEX = 5 / 3
OBSERVED_ENERGY = 0.02
"""PeV; the median of the observed spectrum is near it."""
_FLATTER = (0.75, 30.0)
"""PeV, the energies of which the 2016 study calls the second one flatter."""
_FRESH_FIELD = 1_000_000
"""First field of the skies that check the table, which has those from 0 on."""
_QUANTILE = 0.975
"""Share of skies below an observed ratio from which it is not one of theirs."""
_ENOUGH = 40
"""Skies of which none above an observed ratio means that few are."""
_CONSISTENT = 4.0
"""Standard errors that the largest of some forty deviations may have."""


class Skies(NamedTuple):
    """Spectra of one energy in sr for a dipole of unit amplitude.

    ``nodes`` are those of the table, ``(node, sky, ell)``, ``weights`` lead from the nodes to the
    point; ``fresh`` are other fields at the point itself, ``(sky, ell)``, and ``noise`` is the
    level of half of one of their maps.
    """

    nodes: Float[Array, "node sky ell"]
    weights: Float[Array, " node"]
    fresh: Float[np.ndarray, "sky ell"]
    noise: float


def run(size: Size) -> Outcome:
    """Compare the energies with each other, fresh skies, and the observed points."""
    found = {energy: _skies(energy, size) for energy in infer.tabulated_energies()}
    ratios = {energy: shape(skies) for energy, skies in found.items()}
    data = observed.working_level_spectrum()
    verdicts = (
        judge_observed(found[OBSERVED_ENERGY].fresh, data),
        judge_substitute(ratios),
        judge_flatter(found[_FLATTER[0]], found[_FLATTER[1]]),
        judge_table(found),
    )
    numbers = {
        "level": LEVEL, "index": INDEX, "fresh_skies": size.fields,
        "ell": list(range(2, len(next(iter(ratios.values())).value) + 2)),
        "c_ell_over_c_1": {infer.energy_label(e): as_numbers(x) for e, x in ratios.items()},
        "c_1_sr": {
            infer.energy_label(e): as_numbers(at_point(x, lambda c_ell: c_ell[1]))
            for e, x in found.items()
        },
        "fresh_c_ell_sr": {infer.energy_label(e): x.fresh.tolist() for e, x in found.items()},
        "noise_sr": {infer.energy_label(e): x.noise for e, x in found.items()},
        "tables": {infer.energy_label(e): infer.energy_table(e).notes for e in found},
        "observed": {"ell": data.ell.tolist(), "c_ell": data.c_ell.tolist()},
    }  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(found, ratios, data))


def _skies(energy: float, size: Size) -> Skies:
    """Return the table of an energy at the point, simulated anew in full size, and fresh skies."""
    table = infer.energy_table(energy, recompute=size.name == "full")
    emulator = table.emulator
    dipole = jnp.zeros(emulator.boundary_lmax + 1).at[1].set(1.0)
    parameters = table.skies.at(level=LEVEL, index=INDEX)
    fresh, noise = [], []
    for number in range(_FRESH_FIELD, _FRESH_FIELD + size.fields):
        tensors, level = infer.simulated_tensors(table.skies, parameters, number)
        fresh.append(np.asarray(tensors[0]) @ np.asarray(pair_products(dipole)))
        noise.append(2 * float(level))
    point = jnp.array([np.log(LEVEL), INDEX])
    return Skies(
        emulator.spectra(dipole), emulator.mean_weights(point), np.stack(fresh), np.mean(noise)
    )


def _between(skies: Skies, means: Float[Array, "node ell"]) -> Float[Array, " ell"]:
    """Return E[C_l] at the point: logarithms of the means go between the nodes."""
    floor = 0.05 * skies.noise
    return jnp.exp(skies.weights @ jnp.log(jnp.maximum(means, floor)))


def at_point(skies: Skies, statistic: Callable[[Array], Array]) -> Estimate:
    """Return a statistic of E[C_l] at the point, with its error from the skies of the table."""
    by_sky = jnp.moveaxis(skies.nodes, 1, 0)
    return jackknife(lambda means: statistic(_between(skies, means)), by_sky)


def shape(skies: Skies) -> Estimate:
    """Return E[C_l] / E[C_1] for l = 2 ... lmax."""
    return at_point(skies, lambda c_ell: c_ell[2:] / c_ell[1])


def observed_shape(data: infer.SpectrumData) -> Float[np.ndarray, " ell"]:
    """Return C_l / C_1 with what the loss of a_l0 takes on average made good."""
    whole = data.c_ell * (2 * data.ell + 1) / (2 * data.ell)
    return whole / whole[0]


def judge_observed(fresh: Float[np.ndarray, "sky ell"], data: infer.SpectrumData) -> Verdict:
    """Return whether the observed shape is one that single skies at 20 TeV have."""
    seen = observed_shape(data)
    parts, below = [], []
    for ell, value in zip(data.ell[1:], seen[1:], strict=True):
        ratio = fresh[:, ell] / fresh[:, 1]
        below.append(float(np.mean(ratio < value)))
        parts.append(
            f"C_{ell}/C_1 = {value:.3f}, of skies {np.median(ratio):.3f} in the middle and below "
            f"it {below[-1]:.0%}"
        )
    few = max(below) == 1 and len(fresh) < _ENOUGH
    holds = None if few else max(below) < _QUANTILE
    return Verdict(
        "isotropic turbulence under a dipole makes the observed spectrum at 20 TeV",
        "; ".join(parts),
        holds,
        "Of a boundary with a dipole alone: traps add higher multipoles of their own. "
        "The data are of working level.",
    )


def judge_substitute(ratios: dict[float, Estimate]) -> Verdict:
    """Return whether spectra at PeV have the shape of those at 20 TeV, as comparisons assume."""
    low, high = (entry(ratios[e], 0) for e in (min(ratios), max(ratios)))
    step = difference(high, low)
    changed = judge_sign(float(step.value), float(step.error))
    text = ", ".join(
        f"{infer.energy_label(e)} {plus_minus(entry(x, 0))}" for e, x in ratios.items()
    )
    return Verdict(
        "particles of PeV, equally mixed, stand for the observed ones of 20 TeV",
        f"C_2/C_1: {text}",
        None if changed is None else not changed,
        UNRESOLVED if changed is None else
        "Small gyroradii keep to their field line: pitch angles about the local field mix first, "
        "which leaves a dipole.",
    )  # fmt: skip


def beyond_dipole(skies: Skies) -> Estimate:
    """Return the power at l = 2 ... 8 over that of the dipole, sum of (2l+1) C_l / 3 C_1."""
    ell = jnp.arange(skies.nodes.shape[-1], dtype=skies.nodes.dtype)

    def ratio(c_ell):
        power = (2 * ell + 1) * c_ell
        return jnp.sum(power[2:]) / power[1]

    return at_point(skies, ratio)


def judge_flatter(low: Skies, high: Skies) -> Verdict:
    """Return whether less of the power is in the dipole at the higher energy."""
    powers = [beyond_dipole(x) for x in (low, high)]
    step = difference(powers[1], powers[0])
    sign = judge_sign(float(step.value), float(step.error))
    return Verdict(
        "the spectrum is flatter at 30 PeV than at 750 TeV",
        f"power at l = 2 to 8 over the dipole's: 750 TeV {plus_minus(powers[0])}, "
        f"30 PeV {plus_minus(powers[1])}",
        sign,
        "At equal mixing; at the published radii (spectra-at-mean-free-path) 750 TeV has mixed "
        "for longer, and slopes are alike.",
    )


def judge_table(found: dict[float, Skies]) -> Verdict:
    """Return whether fresh skies have the means of the table."""
    scores = []
    for skies in found.values():
        table = at_point(skies, lambda c_ell: c_ell[1:5])
        fresh = jackknife(lambda x: x[1:5], jnp.asarray(skies.fresh))
        scores.append(np.asarray((fresh.value - table.value) / jnp.hypot(fresh.error, table.error)))
    scores = np.concatenate(scores)
    worst = float(np.abs(scores).max())
    return Verdict(
        "the table in the package has the means of skies in other fields",
        f"C_1 ... C_4 of {len(found)} energies: largest deviation {worst:.1f} standard errors, "
        f"rms {np.sqrt(np.mean(scores**2)):.2f}",
        worst < _CONSISTENT,
        f"Below {_CONSISTENT:g} counts as yes; {SIGMAS} would be met by chance in one run of ten.",
    )


def draw(
    found: dict[float, Skies], ratios: dict[float, Estimate], data: infer.SpectrumData
) -> Figure:
    """Return shapes at all energies beside the observed one, and two multipoles over energy."""
    figure = new_figure(13, 5.2)
    left, right = figure.subplots(1, 2)
    colors = colormaps["viridis"](np.linspace(0, 0.9, len(ratios)))
    for color, (energy, ratio) in zip(colors, ratios.items(), strict=True):
        ell = np.arange(2, len(ratio.value) + 2)
        good = ratio.value > 2 * ratio.error
        left.errorbar(
            ell[good], ratio.value[good], ratio.error[good], color=color, lw=2, capsize=3,
            label=infer.energy_label(energy),
        )  # fmt: skip
    seen = observed_shape(data)
    left.plot(data.ell[1:], seen[1:], "o", color=BLACK, ms=8, label="observed near 20 TeV")
    left.set(yscale="log")
    polish(left, x_label=r"multipole $\ell$", y_label=r"$C_\ell / C_1$", title="ensemble means")
    add_legend(left, loc="upper right", ncols=2)
    _draw_over_energy(right, found, ratios, seen)
    figure.suptitle(
        r"a dipole after half a mean free path, $\delta B = B_0$, Kolmogorov, waves to 0.3 $r_L$",
        fontsize=LABEL_SIZE, color=BLACK,
    )  # fmt: skip
    return figure


def _draw_over_energy(axes: Axes, found, ratios, seen) -> None:
    """Draw C_2/C_1 and C_3/C_1 over energy with the band of single skies."""
    energies = np.array(list(ratios)) * 1e3
    for ell, color in ((2, colormaps["plasma"](0.1)), (3, colormaps["plasma"](0.6))):
        value = np.array([float(x.value[ell - 2]) for x in ratios.values()])
        error = np.array([float(x.error[ell - 2]) for x in ratios.values()])
        axes.errorbar(energies, value, error, color=color, lw=2, capsize=3, label=f"$C_{ell}/C_1$")
        single = [x.fresh[:, ell] / x.fresh[:, 1] for x in found.values()]
        low, high = np.transpose([np.percentile(x, [16, 84]) for x in single])
        axes.fill_between(energies, np.maximum(low, 1e-4), high, color=color, alpha=0.15, lw=0)
        axes.plot([1e3 * OBSERVED_ENERGY], [seen[ell - 1]], "o", color=color, ms=9, mec=BLACK)
    axes.set(xscale="log", yscale="log", ylim=(1e-3, 2))
    polish(axes, x_label="energy of protons [TeV]", y_label=r"$C_\ell / C_1$",
           title="bands: 68 % of single skies; circles: observed")  # fmt: skip
    add_legend(axes, loc="lower right")


SPECTRUM_BY_ENERGY = Experiment(
    "spectrum-by-energy",
    "spectra of a dipole from 20 TeV to 30 PeV beside the observed one",
    "beyond the papers",
    run,
)
