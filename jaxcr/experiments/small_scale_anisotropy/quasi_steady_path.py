"""Skies behind a steady density gradient against the length of the path, with traps and without.

A density gradient alone, and with the flux that it drives, along the mean field of isotropic
turbulence (index 5/3, outer scale .4 of the box). One sky needs its orbits once: everything here is
a contraction of its transfer tensors.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from jaxcr import fields, orbits, sky, traps
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.setup import AXIS
from jaxcr.experiments.verdicts import UNRESOLVED, as_numbers, entry, judge_sign, plus_minus
from jaxcr.plots.style import add_legend, new_figure, polish
from jaxcr.statistics import Estimate, jackknife
from jaxcr.units import GYRORADIUS

LEVELS = (0.5, 1.0, 1.5)
"""dB/B0."""
RADII = (2.5, 5.0, 10.0, 20.0)
"""Gyroradii in the mean field, in cells of a box of 128."""
PATHS = (1.5, 3.0, 6.0, 12.0, 25.0, 50.0, 100.0, 200.0)
"""In gyroradii."""
RATIOS = (1.5, 2.0, 4.0)
GRADIENTS = (0.0, 0.4)
LMAX, BOUNDARY_LMAX = 12, 24
_JUDGED = 8
"""Highest multipole that is to have converged."""
_SHOWN_TRAPS = (2, 4, 8)
_WITHIN = 0.05
_OBSERVERS = ((0, 0, 0), (64, 64, 64), (64, 0, 0), (0, 64, 64))
_PLACE = 6.0

Tensors = Float[np.ndarray, "field path ell a b"]


class Skies(NamedTuple):
    """Means over the observers of each field, at one dB/B0 and gyroradius.

    Attributes
    ----------
    level, radius
        dB/B0, and the gyroradius in cells.
    tensors
        Transfer tensors over P_0 ... P_24 about the mean field and the coordinate along it, in
        gyroradii.
    diffusion
        kappa_parallel / v from the arrivals at every path, in gyroradii, ``(field, path)``.
    """

    level: float
    radius: float
    tensors: Tensors
    diffusion: Float[np.ndarray, "field path"]

    @property
    def mean_free_path(self) -> float:
        """3 K of the longest paths, gyroradii."""
        return 3 * float(self.diffusion[:, -1].mean())


def run(size: Size) -> Outcome:
    """Trace the skies and see from which path on they are one."""
    levels, radii = (LEVELS, RADII) if size.cells >= 128 else (LEVELS[1:2], RADII[1:3])
    found = [trace(level, radius, size) for level in levels for radius in radii]
    shown = max(found, key=lambda x: (x.level == 1.0, x.radius))
    verdicts = (
        judge_limit(found),
        judge_flux(found),
        judge_dipole(found),
        judge_gradient(found),
        judge_traps(found),
    )
    return Outcome({"cases": [numbers(x) for x in found]}, verdicts, lambda: draw(shown))


def trace(level: float, radius: float, size: Size) -> Skies:
    """Return the skies of all fields; lengths of the field are those of a box of 128 cells."""
    cells = min(size.cells, 128)
    law = fields.PowerLaw(5 / 3, outer_scale=0.4 * cells, inner_scale=2.5)
    rows = []
    for number in range(max(3, size.fields // 4)):
        key = jax.random.fold_in(jax.random.key(31), number)
        turbulence = fields.realise_grid(
            law, key=key, shape=(cells,) * 3, spacing=1.0, rms=level, exact_rms=True,
            storage=jnp.float32,
        )  # fmt: skip
        field = fields.UniformField(jnp.asarray(AXIS, jnp.float32)) + turbulence
        arrivals = sky.backtrack(
            field, rigidity=radius / GYRORADIUS, nside=size.nside // 2,
            per_pixel=4 * size.per_pixel, observer=jnp.array(_OBSERVERS) * (cells / 128),
            stop=orbits.PathLength(radius * jnp.array(PATHS)),
            pusher=orbits.Boris(min(1.0, 0.1 * radius)), dtype=jnp.float32,
        )  # fmt: skip
        rows.append([np.asarray(x, float) for x in _moments(arrivals, radius)])
    return Skies(level, radius, *(np.stack(x) for x in zip(*rows, strict=True)))


@jax.jit
def _moments(arrivals: sky.Arrivals, radius: float):
    """Return tensor and diffusion of a field's observers, lengths in gyroradii."""
    axis = jnp.asarray(AXIS, jnp.float32)
    tensor = sky.transfer_tensor(
        arrivals, axis, lmax=LMAX, boundary_lmax=BOUNDARY_LMAX, gradient=axis
    )
    unit = jnp.ones(BOUNDARY_LMAX + 2, tensor.dtype).at[-1].set(1 / radius)
    tensor = jnp.mean(tensor, axis=0) * unit[None, None, :, None] * unit[None, None, None]
    along = axis @ jnp.mean(arrivals.diffusion(), axis=0) @ axis
    return tensor, along / radius


def coefficients(mean_free_path: float, trap: Float[np.ndarray, " l"] | None = None):
    """Return those of a gradient of 1 per gyroradius and its flux, with a trap's ratios if any."""
    series = np.zeros(BOUNDARY_LMAX + 2)
    series[-1], series[1] = 1, -mean_free_path
    if trap is not None:
        series[2:-1] = -mean_free_path * trap[2:] / trap[1]
    return series


def trap_series(ratio: float, gradient: float) -> Float[np.ndarray, " l"]:
    """Return the distribution inside a uniform chain that is fed at its right end."""
    trap = traps.trap_from_ratio(ratio, gradient)
    return np.asarray(traps.chain_distribution(trap, _PLACE, lmax=BOUNDARY_LMAX))


def spectra(skies: Skies, series: Float[np.ndarray, " a"]) -> Float[np.ndarray, "field path ell"]:
    """Return C_l of a boundary."""
    return np.einsum("fplab,a,b->fpl", skies.tensors, series, series)


def with_flux(skies: Skies) -> Float[np.ndarray, "field path ell"]:
    """Return C_l of the gradient and its flux."""
    return spectra(skies, coefficients(skies.mean_free_path))


def alone(skies: Skies) -> Float[np.ndarray, "field path ell"]:
    """Return C_l of the gradient alone."""
    return spectra(skies, coefficients(0.0))


def to_limit(c_ell: Float[np.ndarray, "field path ell"]) -> Estimate:
    """Return C_l over that of the two longest paths, ``(path, l = 1 ... 8)``."""

    def ratio(x: Array) -> Array:
        x = x[:, 1 : _JUDGED + 1]
        return x / jnp.mean(x[-2:], axis=0, keepdims=True)

    return jackknife(ratio, jnp.asarray(c_ell))


def converged_path(skies: Skies, c_ell: Float[np.ndarray, "field path ell"]) -> float:
    """Return the shortest path from which on all C_l, l = 1 ... 8, are the limit, to 5 %.

    In mean free paths; among those traced, which are a factor of two apart. A difference counts
    only as far as it exceeds three standard errors: 64 numbers are compared.
    """
    ratio = to_limit(c_ell)
    excess = np.abs(np.asarray(ratio.value) - 1) - 3 * np.asarray(ratio.error)
    away = np.flatnonzero((excess > _WITHIN).any(axis=1))
    first = 0 if away.size == 0 else away[-1] + 1
    return PATHS[min(first, len(PATHS) - 1)] / skies.mean_free_path


def planted(skies: Skies, path: float) -> Estimate:
    """Return the gradient that fits of one field's sky find, over the one that made it.

    The sky is made by the longest orbits; the fit knows the mean C_1 of the other fields, after
    the shortest traced path of at least ``path`` mean free paths.
    """
    index = np.searchsorted(np.array(PATHS) / skies.mean_free_path, path)
    c_1 = with_flux(skies)[:, :, 1]
    num = len(c_1)
    data, model = c_1[:, -1], c_1[:, min(index, len(PATHS) - 1)]
    others = (model.sum() - model) / (num - 1)
    found = np.sqrt(np.maximum(data, 0) / others)
    return Estimate(jnp.asarray(found.mean()), jnp.asarray(found.std(ddof=1) / np.sqrt(num)))


def trace_of_trap(skies: Skies, trap: Float[np.ndarray, " l"]) -> Estimate:
    """Return ln C_l with a trap at the end of the path over that without, ``(path, ell)``."""
    pair = (spectra(skies, coefficients(skies.mean_free_path, trap)), with_flux(skies))

    def log_ratio(x: tuple[Array, Array]) -> Array:
        first, second = (y[:, 1:] for y in x)
        good = (first > 0) & (second > 0)
        return jnp.where(good, jnp.log(jnp.where(good, first / second, 1)), jnp.nan)

    return jackknife(log_ratio, tuple(jnp.asarray(x) for x in pair))


def judge_limit(found: list[Skies]) -> Verdict:
    """Return whether gradient and flux give one spectrum from a few mean free paths on."""
    paths = [converged_path(x, with_flux(x)) for x in found]
    traced = [x for x in found if PATHS[-1] > 8 * x.mean_free_path]
    stays = [p <= PATHS[-3] / x.mean_free_path for p, x in zip(paths, found, strict=True)]
    judged = [holds for holds, x in zip(stays, found, strict=True) if x in traced]
    return Verdict(
        "behind a gradient and its flux C_l does not depend on the path, once that is long enough",
        "C_1 ... C_8 within 5 % of their limit from a path on, over a factor of four at least; in "
        "mean free paths 3 kappa/v: "
        + "; ".join(f"{_label(x)} {p:.1f}" for x, p in zip(found, paths, strict=True)),
        all(judged) if judged else None,
        "To a factor of two, the distance of the paths that were traced"
        + (
            "."
            if len(traced) == len(found)
            else f"; {len(found) - len(traced)} cases have no path of 8 mean free paths."
        ),
    )


def judge_flux(found: list[Skies]) -> Verdict:
    """Return whether the gradient needs longer paths without its flux."""
    rows = [(converged_path(x, alone(x)), converged_path(x, with_flux(x))) for x in found]
    return Verdict(
        "the same limit is reached without the flux, later",
        "paths in mean free paths without and with flux: "
        + "; ".join(f"{_label(x)} {a:.1f} {b:.1f}" for x, (a, b) in zip(found, rows, strict=True)),
        all(a >= b for a, b in rows) and any(a > b for a, b in rows),
    )


def judge_dipole(found: list[Skies]) -> Verdict:
    """Return whether a dipole of momentum has no limit."""
    series = np.zeros(BOUNDARY_LMAX + 2)
    series[1] = 1

    def decay(x: Array) -> Array:
        return x[4, 1] / x[1, 1]

    falls = [jackknife(decay, jnp.asarray(spectra(x, series))) for x in found]
    worst = max(falls, key=lambda x: float(x.value))
    holds = judge_sign(0.5 - float(worst.value), float(worst.error))
    return Verdict(
        "a dipole of momentum at the end of the path has no such limit: it decays",
        f"C_1 after {PATHS[4]:g} gyroradii over that after {PATHS[1]:g}: at most "
        f"{plus_minus(worst)}",
        holds,
        "" if holds is not None else f"A decay is {UNRESOLVED}.",
    )


def judge_gradient(found: list[Skies]) -> Verdict:
    """Return whether planted gradients come back."""
    back = [planted(x, 4.0) for x in found]
    value = np.array([float(x.value) for x in back])
    error = np.array([float(x.error) for x in back])
    mean = Estimate(jnp.asarray(value.mean()), jnp.asarray(np.sqrt((error**2).sum()) / len(back)))
    biased = judge_sign(float(mean.value) - 1, float(mean.error))
    return Verdict(
        "the gradient of planted skies comes back without bias from C_1",
        f"found over planted, a model of 4 mean free paths: {plus_minus(mean)} on average; "
        + "; ".join(f"{_label(x)} {plus_minus(b)}" for x, b in zip(found, back, strict=True)),
        biased is None,
        "The mean of a root is below the root of the mean, by an eighth of the relative variance "
        "of C_1. Each field is fitted with the others; the error is their scatter.",
    )


def judge_traps(found: list[Skies]) -> Verdict:
    """Return how a trap fades with its distance."""
    trap = trap_series(2.0, 0.4)
    texts, faded = [], []
    for x in found:
        path = np.array(PATHS) / x.mean_free_path
        near, far = np.searchsorted(path, 0.3), np.searchsorted(path, 4.0)
        if far >= len(PATHS):
            continue
        signal = trace_of_trap(x, trap)
        high = [entry(signal, (int(n), _JUDGED - 1)) for n in (near, far)]
        texts.append(
            f"{_label(x)} {plus_minus(high[0])} at {path[near]:.2f}, {plus_minus(high[1])} at "
            f"{path[far]:.1f}"
        )
        faded.append(judge_sign(abs(float(high[1].value)) - 0.1, float(high[1].error)) is not True)
    return Verdict(
        "a trap of mirror ratio 2 shows in C_8 from near and not from four mean free paths away",
        "ln C_8 over that without a trap, gradient .4, at distances in mean free paths: "
        + "; ".join(texts),
        all(faded) if faded else None,
    )


def numbers(skies: Skies) -> dict:
    """Return what is kept of one case."""
    spectrum, bare = with_flux(skies), alone(skies)
    mean = lambda x: as_numbers(jackknife(lambda y: y, jnp.asarray(x)))  # noqa: E731
    return {
        "level": skies.level, "gyroradius_cells": skies.radius, "paths_gyroradii": list(PATHS),
        "diffusion_gyroradii": mean(skies.diffusion), "mean_free_path": skies.mean_free_path,
        "fields": len(skies.tensors), "c_ell_with_flux": mean(spectrum), "c_ell_alone": mean(bare),
        "converged_with_flux": converged_path(skies, spectrum),
        "converged_alone": converged_path(skies, bare),
        "found_over_planted": {str(p): as_numbers(planted(skies, p)) for p in (1, 2, 4)},
        "traps": [
            {
                "mirror_ratio": ratio, "gradient": gradient,
                "log_c_ell": {
                    str(l): as_numbers(Estimate(signal.value[:, l - 1], signal.error[:, l - 1]))
                    for l in _SHOWN_TRAPS
                },
            }
            for ratio in RATIOS
            for gradient in GRADIENTS
            for signal in [trace_of_trap(skies, trap_series(ratio, gradient))]
        ],
    }  # fmt: skip


def _label(skies: Skies) -> str:
    return f"dB/B0 {skies.level:g}, r_L {skies.radius:g}:"


def draw(skies: Skies) -> Figure:
    """Return C_l against the path, the gradient alone beside gradient and flux, and a trap."""
    figure = new_figure(15, 5)
    axes = figure.subplots(1, 3)
    path = np.array(PATHS) / skies.mean_free_path
    limit = with_flux(skies).mean(axis=0)[-2:].mean(axis=0)
    for place, title, c_ell in (
        (axes[0], "gradient alone", alone(skies)),
        (axes[1], "gradient and its flux", with_flux(skies)),
    ):
        found = jackknife(lambda x: x, jnp.asarray(c_ell / limit))
        for l in (1, 2, 4, 8):
            place.errorbar(path, found.value[:, l], found.error[:, l], lw=2, capsize=3,
                           label=rf"$\ell = {l}$")  # fmt: skip
        place.axhspan(1 - _WITHIN, 1 + _WITHIN, color="0.85", zorder=0)
        place.set(xscale="log", ylim=(0, 1.8))
        polish(place, x_label="path [mean free paths]", y_label=r"$C_\ell$ over its limit",
               title=title)  # fmt: skip
        add_legend(place, loc="best")
    for ratio in RATIOS:
        signal = trace_of_trap(skies, trap_series(ratio, 0.4))
        axes[2].errorbar(path, signal.value[:, _JUDGED - 1], signal.error[:, _JUDGED - 1], lw=2,
                         capsize=3, label=f"mirror ratio {ratio:g}")  # fmt: skip
    axes[2].axhline(0, color="0.7", zorder=0)
    axes[2].set(xscale="log")
    polish(axes[2], x_label="distance of the trap [mean free paths]",
           y_label=r"$\ln\,C_8$ over that without a trap",
           title="trap at the end of the path")  # fmt: skip
    add_legend(axes[2], loc="best")
    return figure


QUASI_STEADY_PATH = Experiment(
    "quasi-steady-path",
    "spectra behind a steady gradient against the path; traps at a distance",
    "Ahlers & Mertsch, ApJ 815 (2015) L2; Fick's law",
    run,
)
