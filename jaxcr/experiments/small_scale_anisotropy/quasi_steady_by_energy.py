"""Skies behind a steady density gradient from 20 TeV to 30 PeV: amplitude, break, gyrotropy.

Plane waves from 100 pc down to 0.3 gyroradii of the lowest energy, dB = B0 = 3 µG, index 5/3; the
same fields at all energies, one observer each. Orbits of two quasi-linear mean free paths end in
the density gradient and the flux that it drives, after which spectra no longer change much.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib import colormaps
from matplotlib.figure import Figure

from jaxcr import fields, infer, kinetic, orbits, sky
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.setup import AXIS
from jaxcr.experiments.verdicts import UNRESOLVED, as_numbers, entry, judge_sign, plus_minus
from jaxcr.plots.style import add_legend, new_figure, polish
from jaxcr.statistics import Estimate, jackknife
from jaxcr.units import gyroradius

ENERGIES = (0.02, 0.1, 1.0, 5.0, 30.0)
"""PeV, of protons."""
LMAX = 16
BANDS = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16))
"""First and last multipole of octaves; a break near 4 is a change of slope at the third."""
_MEAN_FIELD = 3.0
_OUTER = 100.0
_NUM_WAVES = 240
_INDEX = 5 / 3
_REACH = 2.0
"""Mean free paths; C_1 still rises by some 10 % after this, its ratio to the others does not."""
_SLOPE = -2.5
"""Near that of the skies."""
_FACTOR = 7.0
"""Between the two amplitudes of the gradient."""
_ROUND_OFF = 1e-4
"""Relative to the mean C_l; orbits and maps are in float32."""

Spectra = Float[np.ndarray, "field energy ell"]


class Skies(NamedTuple):
    """Half-cross spectra for a gradient of 1/pc along the mean field, sr.

    Attributes
    ----------
    total
        C_l, the window of the pixels divided out.
    rest
        Of it, what is not symmetric about the field at the observer.
    wide_rest
        As before, about the field averaged over a sphere of a gyroradius.
    stronger
        C_l of the gradient times `_FACTOR`.
    path
        Of the orbits, in mean free paths, ``(energy,)``; shorter where the size has no longer ones.
    """

    total: Spectra
    rest: Spectra
    wide_rest: Spectra
    stronger: Spectra
    path: Float[np.ndarray, " energy"]


def run(size: Size) -> Outcome:
    """Trace the skies and hold them against the statements."""
    found = trace(size)
    verdicts = (
        judge_amplitude(found),
        judge_break(found),
        judge_flattening(found),
        judge_energy(found),
        judge_degree(found),
    )
    num = len(found.total)
    numbers = {
        "energies_PeV": list(ENERGIES), "fields": num, "path_mean_free_paths": found.path.tolist(),
        "bands": [list(x) for x in BANDS], "slopes": as_numbers(slopes(found)),
        "share_not_gyrotropic": as_numbers(shares(found.total, found.rest)),
        "share_about_wide_mean": as_numbers(shares(found.total, found.wide_rest)),
        "isotropic_share": isotropic_shares().tolist(),
        "c_ell_sr": as_numbers(jackknife(lambda x: x, jnp.asarray(found.total))),
        "rest_sr": as_numbers(jackknife(lambda x: x, jnp.asarray(found.rest))),
    }  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(found))


def trace(size: Size) -> Skies:
    """Return the skies of all fields at all energies."""
    nside = size.nside // 2
    window = np.asarray(sky.pixel_window(nside, LMAX)) ** 2
    places = map(_field, range(size.fields))
    rows = [[_one_sky(field, energy, nside, size) for energy in ENERGIES] for field in places]
    spectra = np.moveaxis(np.asarray(rows, float), 2, 0) / window
    return Skies(*spectra, np.array([_path(x, size)[1] for x in ENERGIES]))


def _path(energy: float, size: Size) -> tuple[float, float]:
    """Return the length of orbits in pc and in mean free paths."""
    free_path = float(_mean_free_path(energy))
    longest = 2 * np.pi * size.gyrations * gyroradius(energy, _MEAN_FIELD)
    length = min(_REACH * free_path, longest)
    return length, length / free_path


def _mean_free_path(energy: float) -> Array:
    """Return that of quasi-linear theory for slab turbulence of dB = B0, pc."""
    return kinetic.bend_over_mean_free_path(
        energy, index=_INDEX, bend_over_scale=_OUTER / (2 * np.pi), rms=_MEAN_FIELD,
        mean_strength=_MEAN_FIELD,
    )  # fmt: skip


def _field(number: int) -> fields.Field:
    """Return the realisation of that number about the mean field, in float32."""
    shortest = 0.3 * gyroradius(ENERGIES[0], _MEAN_FIELD)
    law = fields.PowerLaw(_INDEX, outer_scale=_OUTER, inner_scale=shortest)
    key = jax.random.fold_in(jax.random.key(30), number)
    waves = fields.realise_waves(law, key=key, num_waves=_NUM_WAVES, rms=_MEAN_FIELD)
    waves = jax.tree.map(lambda x: x.astype(jnp.float32), waves)
    return fields.UniformField(jnp.asarray(_MEAN_FIELD * AXIS, jnp.float32)) + waves


def _one_sky(field: fields.Field, energy: float, nside: int, size: Size) -> np.ndarray:
    """Return C_l, the rest about both axes, and C_l of the stronger gradient."""
    radius = gyroradius(energy, _MEAN_FIELD)
    observer = jnp.zeros(3, jnp.float32)
    arrivals = sky.backtrack(
        field, rigidity=energy, observer=observer, nside=nside, per_pixel=size.per_pixel,
        stop=orbits.PathLength(_path(energy, size)[0]), pusher=orbits.Boris(step=0.15 * radius),
        dtype=jnp.float32,
    )  # fmt: skip
    around = jnp.asarray(radius * sky.pixel_centers(2), jnp.float32)
    wide = jnp.mean(jax.vmap(field)(around), axis=0)
    first, second = _half_maps(arrivals, energy, 1.0)
    near, far = (
        sky.gyrotropic_split(first, second, axis=np.asarray(axis, float), lmax=LMAX)
        for axis in (field(observer), wide)
    )
    stronger = sky.cross_spectrum(*_half_maps(arrivals, energy, _FACTOR), lmax=LMAX)
    total = near.gyrotropic.c_ell + near.rest.c_ell
    return np.stack([np.asarray(x) for x in (total, near.rest.c_ell, far.rest.c_ell, stronger)])


def _half_maps(arrivals: sky.Arrivals, energy: float, amplitude: float) -> list[np.ndarray]:
    """Return both half maps for a gradient along the mean field and the flux down it."""
    along = jnp.asarray(AXIS, jnp.float32)
    diffusion = (_mean_free_path(energy) / 3).astype(jnp.float32) * jnp.diag(along)
    boundary = sky.QuasiSteadyBoundary(jnp.float32(amplitude) * along, diffusion)
    return [np.asarray(x, float) for x in sky.half_maps(arrivals, boundary)]


def band_powers(c_ell: Float[Array, "*batch ell"]) -> Float[Array, "*batch band"]:
    """Return the mean C_l of each band, a mode at a time."""
    parts = [range(low, high + 1) for low, high in BANDS]
    means = [jnp.tensordot(c_ell[..., np.array(x)], _modes(x), axes=1) for x in parts]
    return jnp.stack(means, axis=-1)


def _modes(ell: range) -> Array:
    """Return the share of each degree in the modes of a band."""
    weight = 2 * np.array(ell) + 1.0
    return jnp.asarray(weight / weight.sum())


def slopes_of(c_ell: Float[Array, "*batch ell"]) -> Float[Array, "*batch step"]:
    """Return d ln C_l / d ln l between neighbouring bands."""
    logs = band_powers(jnp.log(jnp.maximum(jnp.arange(c_ell.shape[-1], dtype=c_ell.dtype), 1)))
    powers = jnp.maximum(_flat_powers(c_ell), 1e-30)  # a band without power: see `_seen`
    return jnp.diff(jnp.log(powers), axis=-1) @ jnp.diag(1 / jnp.diff(logs)) + _SLOPE


def _flat_powers(c_ell: Float[Array, "*batch ell"]) -> Float[Array, "*batch band"]:
    """Return bands of C_l over a power law, for which their means then have no bias."""
    ell = np.maximum(np.arange(c_ell.shape[-1]), 1.0)
    return band_powers(c_ell * jnp.broadcast_to(jnp.asarray(ell**-_SLOPE), c_ell.shape))


def slopes(found: Skies) -> Estimate:
    """Return slopes of the mean spectra, ``(energy, step)``."""
    return jackknife(slopes_of, jnp.asarray(found.total))


def bends(found: Skies) -> Estimate:
    """Return how much each slope is flatter than the one before, ``(energy, step - 1)``."""
    return jackknife(lambda x: jnp.diff(slopes_of(x), axis=-1), jnp.asarray(found.total))


def _seen(found: Skies, last_band: int) -> np.ndarray:
    """Return at which energies all bands up to one stand above their errors, ``(energy,)``."""
    power = jackknife(_flat_powers, jnp.asarray(found.total))
    good = np.asarray(power.value > 3 * power.error)
    return good[:, : last_band + 1].all(axis=1)


def isotropic_shares() -> Float[np.ndarray, " band"]:
    """Return what of an isotropic sky is not symmetric about an axis, (2l) of 2l+1 modes."""
    l = np.arange(LMAX + 1.0)
    return np.asarray(band_powers(jnp.asarray(2 * l / (2 * l + 1))))


def shares_of(spectra: tuple[Array, Array]) -> Float[Array, "energy band"]:
    """Return the rest over the total power in each band."""
    total, rest = (band_powers(x) for x in spectra)
    return rest / total


def shares(total: Spectra, rest: Spectra) -> Estimate:
    """Return the share of the power that is not gyrotropic, ``(energy, band)``."""
    return jackknife(shares_of, (jnp.asarray(total), jnp.asarray(rest)))


def judge_amplitude(found: Skies) -> Verdict:
    """Return whether a stronger gradient changes anything but the normalisation."""
    away = np.abs(found.stronger / _FACTOR**2 - found.total)[..., 1:]
    worst = float((away / np.abs(found.total[..., 1:]).mean(axis=0)).max())
    return Verdict(
        "the amplitude of the density gradient changes only the normalisation of C_l",
        f"{_FACTOR:g} times the gradient makes {_FACTOR**2:g} times the C_l, at every l and energy "
        f"and in every field, to {worst:.0e} of its mean",
        bool(worst < _ROUND_OFF),
        "Exact, for orbits do not depend on the gradient; what is left is round-off of the maps.",
    )


def judge_break(found: Skies) -> Verdict:
    """Return whether the slope changes near l = 4, and there more than elsewhere."""
    changes = bends(found)
    bend, before = (entry(changes, (0, n)) for n in (1, 0))
    step = entry(
        jackknife(lambda x: jnp.diff(slopes_of(x), n=2, axis=-1), jnp.asarray(found.total)), (0, 0)
    )
    flatter = judge_sign(float(bend.value), float(bend.error))
    largest = judge_sign(float(step.value), float(step.error))
    known = bool(_seen(found, 3)[0])
    holds = False if False in (flatter, largest) else flatter
    return Verdict(
        "the spectrum has a break near l = 4",
        f"at {infer.energy_label(ENERGIES[0])} the slope changes by {plus_minus(bend)} at l = 3 to "
        f"4 and by {plus_minus(before)} at l = 2; slopes between l = 1, 2, 3-4, 5-8: "
        f"{_rows(slopes(found), 3)}",
        holds if known else None,
        (
            "The answer is no, too, if it changes more at l = 2, where the dipole ends."
            if known and holds is not None
            else f"A break is {UNRESOLVED}."
        )
        + _cut(found),
    )


def judge_flattening(found: Skies) -> Verdict:
    """Return whether the slope is flatter at l = 5 to 16 than at l = 3 to 8."""
    changes = bends(found)
    seen = {n: entry(changes, (int(n), 2)) for n in np.flatnonzero(_seen(found, 4))}
    texts = [f"{infer.energy_label(ENERGIES[n])} {plus_minus(x)}" for n, x in seen.items()]
    lowest = next(iter(seen.values()), None)
    holds = None if lowest is None else judge_sign(float(lowest.value), float(lowest.error))
    return Verdict(
        "the spectrum flattens at large l",
        "slope from l = 5-8 to 9-16 less that from 3-4 to 5-8, where it is above the noise: "
        + (", ".join(texts) or "nowhere"),
        holds,
        ("The first of these is judged." if holds is not None else f"A change is {UNRESOLVED}.")
        + _cut(found),
    )


def judge_energy(found: Skies) -> Verdict:
    """Return whether the share of the power that is not gyrotropic rises with energy."""
    spectra = (jnp.asarray(found.total), jnp.asarray(found.rest))
    wide = (spectra[0], jnp.asarray(found.wide_rest))
    trends = [jackknife(_trend, x) for x in (spectra, wide)]
    holds = judge_sign(float(trends[0].value), float(trends[0].error))
    return Verdict(
        "deviations from gyrotropy grow with energy",
        f"share of the power at l = 2 to 8 off the local field rises by {plus_minus(trends[0])} a "
        f"decade; shares at l = 1, 2, 3-4, 5-8: {_rows(shares(found.total, found.rest), 4)}",
        holds,
        ("" if holds is not None else f"A trend is {UNRESOLVED}. ")
        + f"About the field averaged over a gyroradius: {plus_minus(trends[1])} a decade."
        + _cut(found),
    )


def _trend(spectra: tuple[Array, Array]) -> Float[Array, ""]:
    """Return the change of the share at l = 2 ... 8 with log10 of the energy."""
    modes = jnp.asarray(2 * np.arange(2, 9) + 1.0)
    total, rest = (jnp.tensordot(x[..., 2:9], modes, axes=1) for x in spectra)
    away = np.log10(ENERGIES) - np.mean(np.log10(ENERGIES))
    return jnp.sum(away * rest / total) / np.sum(away**2)


def judge_degree(found: Skies) -> Verdict:
    """Return whether that share rises with l, on average over the energies."""
    spectra = (jnp.asarray(found.total), jnp.asarray(found.rest))
    isotropic = jnp.asarray(isotropic_shares())

    def rise(x, unit=1.0):
        mean = jnp.mean(shares_of(x), axis=0) / unit
        return mean[3] - mean[0]

    step = jackknife(rise, spectra)
    relative = jackknife(lambda x: rise(x, isotropic), spectra)
    holds = judge_sign(float(step.value), float(step.error))
    return Verdict(
        "deviations from gyrotropy grow with l",
        f"share off the local field at l = 5 to 8 less that at l = 1, mean of the energies: "
        f"{plus_minus(step)}",
        holds,
        ("" if holds is not None else f"A difference is {UNRESOLVED}. ")
        + "An isotropic sky has a share 2l/(2l+1), which grows too; in units of that the rise is "
        f"{plus_minus(relative)}." + _cut(found),
    )


def _rows(found: Estimate, num: int) -> str:
    """Return the first numbers of each energy in words."""
    texts = []
    for n, energy in enumerate(ENERGIES):
        row = ", ".join(plus_minus(entry(found, (n, k))) for k in range(num))
        texts.append(f"{infer.energy_label(energy)} {row}")
    return "; ".join(texts)


def _cut(found: Skies) -> str:
    """Return a note on orbits that are shorter than they should be."""
    short = found.path < _REACH * (1 - 1e-6)
    if not short.any():
        return ""
    return f" Orbits as short as {found.path.min():.2g} mean free paths at this size."


def draw(found: Skies) -> Figure:
    """Return the spectra over that of l = 1, and the shares that are not gyrotropic."""
    figure = new_figure(13, 5.2)
    left, right = figure.subplots(1, 2)
    ratio = jackknife(lambda x: x[:, 1:] / x[:, 1:2], jnp.asarray(found.total))
    share = shares(found.total, found.rest)
    centers = np.array([np.sqrt(a * b) for a, b in BANDS])
    colors = colormaps["viridis"](np.linspace(0, 0.9, len(ENERGIES)))
    for n, (energy, color) in enumerate(zip(ENERGIES, colors, strict=True)):
        ell, good = np.arange(1, LMAX + 1), np.asarray(ratio.value[n] > 2 * ratio.error[n])
        left.errorbar(ell[good], ratio.value[n][good], ratio.error[n][good], color=color, lw=2,
                      capsize=3, label=infer.energy_label(energy))  # fmt: skip
        right.errorbar(centers * 1.02**n, share.value[n], share.error[n], color=color, lw=2,
                       capsize=3)  # fmt: skip
    right.plot(centers, isotropic_shares(), color="k", ls="--", label="isotropic")
    left.set(xscale="log", yscale="log")
    right.set(xscale="log", ylim=(-0.1, 1.3))
    polish(left, x_label=r"multipole $\ell$", y_label=r"$C_\ell / C_1$",
           title=f"mean of {len(found.total)} fields")  # fmt: skip
    polish(right, x_label=r"multipole $\ell$", y_label="share off the local field")
    for axes in (left, right):
        add_legend(axes, loc="best")
    return figure


QUASI_STEADY_BY_ENERGY = Experiment(
    "quasi-steady-by-energy",
    "spectra behind a steady gradient, 20 TeV to 30 PeV; gyrotropy",
    "Bian, Giacinti & Reville, ApJ (2025), arXiv:2410.09634",
    run,
)
