"""How C_l scatters over observers and fields, beside a Gaussian isotropic sky.

Such a sky has C_l of chi² with 2l+1 degrees of freedom: a squared scatter of 2/(2l+1), a skewness
of sqrt(8/(2l+1)), and independent multipoles. Behind turbulence the mean field is an axis, and the
boundary's dipole along it may survive; a Gaussian sky with the same mean and variance of the modes
about that axis tells how much of the difference this makes.
"""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import chi2

from jaxcr import infer, sky
from jaxcr.experiments.angular_spectrum.setup import LMAX, LONG, SOURCE, describe, ensemble
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.verdicts import UNRESOLVED, as_numbers, entry, judge_sign, plus_minus
from jaxcr.legendre import legendre_polynomials
from jaxcr.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    TEXT_SIZE,
    VERMILION,
    add_legend,
    new_figure,
    polish,
)
from jaxcr.statistics import Estimate, jackknife

LOW, HIGH = slice(1, 8), slice(8, LMAX)
"""l = 2 ... 8, far above the noise of orbits, and 9 ... 16, in arrays from l = 1."""
FIELDS = 4
"""Fields for each of a size: one point of turbulence is cheap."""
RELATIVE_ERROR = 0.1
"""Of a mean C_l that the number of skies is asked for."""
ELL = np.arange(LMAX + 1)


class Skies(NamedTuple):
    """Spectra of many skies, for a boundary's dipole of unit amplitude.

    Attributes
    ----------
    spectra
        Half-cross C_l, sr ``(field, observer, ell)``.
    axial
        a_l0 about the mean field in either half map, ``(field, observer, half, ell)``.
    noise
        C_l of the noise of orbits in the whole map, sr.
    """

    spectra: Float[np.ndarray, "field observer ell"]
    axial: Float[np.ndarray, "field observer half ell"]
    noise: float


def run(size: Size) -> Outcome:
    """Measure the scatter of many skies."""
    skies = dataclasses.replace(ensemble(size, LONG), nside=size.nside)
    found = simulate(skies, FIELDS * size.fields)
    scatter = measure(found)
    numbers = {
        "skies": describe(skies),
        "fields": len(found.spectra),
        "observers": skies.num_observers,
        "ell": ELL[1:].tolist(),
        "noise_over_c_ell": (found.noise / np.asarray(scatter["mean"].value)).tolist(),
        **{name: as_numbers(x) for name, x in scatter.items()},
    }
    return Outcome(numbers, judge(scatter), lambda: draw(found, scatter))


def simulate(skies: infer.SkyEnsemble, num_fields: int) -> Skies:
    """Return the skies of all observers in so many fields, straight through the orbits."""
    parameters = skies.fiducial
    rows = [
        _one_field(skies, skies.turbulence(number, parameters), parameters)
        for number in range(num_fields)
    ]
    spectra, axial, noise = (
        np.stack([np.asarray(x, float) for x in column]) for column in zip(*rows, strict=True)
    )
    return Skies(spectra, axial, float(noise.mean()))


@eqx.filter_jit
def _one_field(skies, turbulence, parameters):
    arrivals = skies.arrivals(turbulence, parameters)
    axis = jnp.array(infer.AXIS, jnp.float32)
    boundary = sky.DipoleBoundary(axis, jnp.float32(1))
    halves = sky.half_maps(arrivals, boundary)
    samples, weight = sky.pixel_samples(arrivals, boundary)
    centers = jnp.asarray(sky.pixel_centers(skies.nside), jnp.float32)
    polynomials = legendre_polynomials(centers @ axis, skies.lmax)
    norm = np.sqrt(4 * np.pi * (2 * np.arange(skies.lmax + 1) + 1)) / len(centers)
    axial = jnp.stack(halves, axis=1) @ (polynomials * jnp.asarray(norm, jnp.float32)[None])
    spectra = sky.cross_spectrum(*halves, lmax=skies.lmax)
    return spectra, axial, jnp.mean(sky.noise_power(samples, weight))


def measure(found: Skies) -> dict[str, Estimate]:
    """Return all numbers of `statistics`, with errors jackknifed over fields."""
    c_ell, num = found.spectra[..., 1:], found.spectra.shape[1]  # the monopole was taken out
    one, axial = c_ell.mean(axis=1), found.axial[..., 1:]
    moments = {
        "one": one,
        "product": np.einsum("foi,foj->fij", c_ell, c_ell) / num,
        "cube": (c_ell**3).mean(axis=1),
        # products of different observers: the square of the sum without the squares
        "pair": ((num * one) ** 2 - (c_ell**2).sum(axis=1)) / (num * (num - 1)),
        "axial": axial.mean(axis=(1, 2)),
        "axial_power": axial.prod(axis=2).mean(axis=1),
    }
    moments = {name: jnp.asarray(x) for name, x in moments.items()}

    def one_number(name: str) -> Estimate:
        return jackknife(lambda m: statistics(m, found.noise, num)[name], moments)

    return {name: one_number(name) for name in statistics(jax.tree.map(lambda x: x[0], moments),
                                                          found.noise, num)}  # fmt: skip


def statistics(m: dict[str, Array], noise: float, num_observers: int) -> dict[str, Array]:
    """Return what moments of the skies say, ``(ell,)`` from l = 1 unless said otherwise.

    Returns
    -------
    mean
        C_l, sr.
    excess, axial
        Variance of one sky without the noise of orbits, over 2 C_l²/(2l+1); and that of a Gaussian
        sky whose a_l0 about the mean field has the mean and variance found, all other a_lm alike.
    shared
        Part of the variance that observers in one field have in common.
    skewness
        Of single skies, noise included, over sqrt(8/(2l+1)).
    skies, fields
        Needed for a mean C_l to a tenth: with one observer each, with all observers.
    correlation, neighbours, dipole_correlation
        Between multipoles of one sky, ``(ell, ell)``; the mean over l, l+1 from 2 on; and that of
        C_1 with all others.
    low_..., high_..., mean_shared
        Means over l = 2 ... 8, over l = 9 ... 16, and over all; ``beyond`` is excess less axial.

    Notes
    -----
    A half map has twice the noise N of the whole, so that orbits add (4 C N + 4 N²)/(2l+1) to the
    variance of a half-cross C_l, whatever the sky.
    """
    modes = jnp.asarray(2.0 * ELL[1:] + 1)
    mean, square = m["one"], jnp.diagonal(m["product"])
    gaussian = 2 * mean**2 / modes
    total = square - mean**2
    own = total - (4 * mean * noise + 4 * noise**2) / modes
    shared = m["pair"] - mean**2
    size = jnp.sqrt(total)
    skewness = (m["cube"] - 3 * mean * square + 2 * mean**3) / size**3 / jnp.sqrt(8 / modes)
    correlation = (m["product"] - jnp.outer(mean, mean)) / jnp.outer(size, size)
    axial = m["axial_power"] - m["axial"] ** 2
    rest = (modes * mean - m["axial_power"]) / (modes - 1)
    axial = 2 * axial**2 + 4 * m["axial"] ** 2 * axial + 2 * (modes - 1) * rest**2
    axial = axial / modes**2 / gaussian
    wanted = (RELATIVE_ERROR * mean) ** 2
    return {
        "mean": mean,
        "excess": own / gaussian,
        "axial": axial,
        "shared": shared / own,
        "skewness": skewness,
        "skies": own / wanted,
        "fields": ((own - shared) / num_observers + shared) / wanted,
        "correlation": correlation,
        "neighbours": jnp.mean(jnp.diagonal(correlation, 1)[1:]),
        "dipole_correlation": jnp.mean(correlation[0, 1:]),
        "low_excess": jnp.mean((own / gaussian)[LOW]),
        "high_excess": jnp.mean((own / gaussian)[HIGH]),
        "low_beyond": jnp.mean((own / gaussian - axial)[LOW]),
        "low_skewness": jnp.mean(skewness[LOW]),
        "mean_shared": jnp.mean(shared / own),
    }


def judge(scatter: dict[str, Estimate]) -> tuple[Verdict, ...]:
    """Return what differs from a Gaussian isotropic sky."""
    low, dipole = scatter["low_excess"], scatter["excess"]
    dipole = entry(dipole, 0)
    return (
        verdict(
            "one sky scatters more than a Gaussian isotropic one, 2/(2l+1), at l = 2 to 8",
            f"variance over 2 C_l²/(2l+1): {plus_minus(low)}; at l = 9 to {LMAX} "
            f"{plus_minus(scatter['high_excess'])}",
            low, 1.0,
            "Noise of orbits is subtracted; at high l its level is overestimated by structure "
            "within pixels.",
        ),
        verdict(
            "the dipole scatters less than that: it is the boundary's own",
            f"variance over 2 C_1²/3: {plus_minus(dipole)}", dipole, 1.0, below=True,
        ),
        verdict(
            "the axis of the mean field does not explain the scatter at l = 2 to 8",
            f"excess less that of a Gaussian sky with the a_l0 found: "
            f"{plus_minus(scatter['low_beyond'])}",
            scatter["low_beyond"], 0.0,
        ),
        verdict(
            "observers in one field are not independent",
            f"share of the variance in common, mean over l = 1 to {LMAX}: "
            f"{plus_minus(scatter['mean_shared'])}; {needed(scatter)}",
            scatter["mean_shared"], 0.0,
        ),
        verdict(
            "neighbouring multipoles of one sky are correlated",
            f"mean correlation of C_l and C_l+1 from l = 2: {plus_minus(scatter['neighbours'])}",
            scatter["neighbours"], 0.0,
        ),
        verdict(
            "what the dipole loses the other multipoles have",
            f"mean correlation of C_1 with C_2 to C_{LMAX}: "
            f"{plus_minus(scatter['dipole_correlation'])}",
            scatter["dipole_correlation"], 0.0, below=True,
        ),
        verdict(
            "single skies are more skew than chi² of 2l+1 degrees of freedom at l = 2 to 8",
            f"skewness over sqrt(8/(2l+1)): {plus_minus(scatter['low_skewness'])}",
            scatter["low_skewness"], 1.0,
            "The noise of orbits, not subtracted here, makes it smaller.",
        ),
    )  # fmt: skip


def verdict(
    statement: str, measured: str, found: Estimate, bound: float, note: str = "", *,
    below: bool = False,
) -> Verdict:  # fmt: skip
    """Return whether a number is beyond a bound by more than its error."""
    away = float(found.value) - bound
    holds = judge_sign(-away if below else away, float(found.error))
    return Verdict(statement, measured, holds, note if holds is not None else UNRESOLVED)


def needed(scatter: dict[str, Estimate]) -> str:
    """Return how many skies a mean C_2 and C_8 need."""
    parts = []
    for ell in (2, 8):
        skies, fields = (float(scatter[x].value[ell - 1]) for x in ("skies", "fields"))
        parts.append(f"C_{ell} to {RELATIVE_ERROR:.0%}: {skies:.0f} fields with one observer or "
                     f"{fields:.0f} with all")  # fmt: skip
    return ", ".join(parts)


def draw(found: Skies, scatter: dict[str, Estimate]) -> Figure:
    """Return bands, scatter over that of a Gaussian sky, skewness, and correlations."""
    figure = new_figure(13, 9.5)
    (bands, excess), (shared, matrix) = figure.subplots(2, 2)
    ell = ELL[1:]
    draw_bands(bands, found)
    excess.axhline(1, color=GREY, lw=1.2, label=r"Gaussian, isotropic: $2/(2\ell+1)$")
    for name, color, label in (
        ("excess", BLUE, "one sky"),
        ("axial", ORANGE, r"Gaussian with the $a_{\ell 0}$ found"),
    ):
        points(excess, ell, scatter[name], color, label)
    excess.set_ylim(bottom=0)
    polish(excess, x_label=r"multipole $\ell$", y_label=r"variance / ($2C_\ell^2/(2\ell+1)$)",
           title="Scatter of one sky")  # fmt: skip
    add_legend(excess)
    shared.axhline(0, color=GREY, lw=1.2)
    shared.axhline(1, color=GREY, lw=1.2, ls=":")
    points(shared, ell, scatter["shared"], VERMILION, "share common to observers in a field")
    points(shared, ell + 0.2, scatter["skewness"], BLUE, r"skewness / $\sqrt{8/(2\ell+1)}$")
    shared.set_ylim(-0.1, 2.2)
    polish(shared, x_label=r"multipole $\ell$", title="Observers of one field, and skewness")
    add_legend(shared)
    values = np.asarray(scatter["correlation"].value)
    edges = (0.5, LMAX + 0.5)
    image = matrix.imshow(values, origin="lower", cmap="RdBu_r", vmin=-1, vmax=1,
                          extent=(*edges, *edges))  # fmt: skip
    bar = figure.colorbar(image, ax=matrix, shrink=0.85)
    ticks = range(2, LMAX + 1, 2)
    matrix.set(xticks=ticks, yticks=ticks)
    polish(matrix, x_label=r"multipole $\ell$", y_label=r"multipole $\ell'$",
           title="Correlation between multipoles")  # fmt: skip
    matrix.grid(visible=False)
    bar.set_label("correlation", fontsize=TEXT_SIZE)
    return figure


def draw_bands(axes: Axes, found: Skies) -> None:
    """Draw the mean, the skies, and the band of a Gaussian sky."""
    ell = ELL[1:]
    skies = found.spectra[..., 1:].reshape(-1, LMAX)
    mean, degrees = skies.mean(axis=0), 2 * ell + 1
    low, high = np.percentile(skies, [16, 84], axis=0)
    axes.fill_between(ell, low, high, color=BLUE, alpha=0.25, lw=0, label="68 % of the skies")
    axes.plot(ell, mean, color=BLUE, lw=2, label=f"mean of {len(skies):,} skies")
    for share in (0.16, 0.84):
        axes.plot(ell, mean * chi2.ppf(share, degrees) / degrees, color=VERMILION, ls="--",
                  label="68 % of Gaussian skies" if share < 0.5 else None)  # fmt: skip
    axes.axhline(found.noise, color=GREY, ls=":", label="noise of orbits, subtracted")
    axes.set_yscale("log")
    polish(axes, x_label=r"multipole $\ell$", y_label=r"$C_\ell$ [sr]",
           title="Boundary: a dipole of unit amplitude")  # fmt: skip
    add_legend(axes)


def points(axes: Axes, ell, found: Estimate, color: str, label: str) -> None:
    """Draw numbers with errors."""
    axes.errorbar(ell, np.asarray(found.value), np.asarray(found.error), fmt="o-", color=color,
                  ms=5, lw=1.2, capsize=2, label=label)  # fmt: skip


COSMIC_VARIANCE = Experiment(
    "cosmic-variance",
    "scatter of C_l over observers and fields, beside a Gaussian sky",
    SOURCE,
    run,
)
