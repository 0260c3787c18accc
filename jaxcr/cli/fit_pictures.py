"""The pictures of a fit, and the numbers behind them for the result file."""

import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import infer, plots, sky, traps
from jaxcr.cli.fit_skies import best_parameters
from jaxcr.infer.likelihood import posterior_residuals
from jaxcr.infer.likelihood.problem import predicted

_PICTURE_NSIDE = 32
_WAVES_NSIDE = 16
"""Orbits through waves are longer and each step costs more."""
_PLANE_POINTS = 25
_NUM_ISOTROPIC = 1000


def draw(
    folder: Path,
    problem: infer.Problem,
    result: infer.FitResult,
    skies: infer.SkyEnsemble,
    data: infer.SpectrumData,
    truth: np.ndarray | None,
) -> dict[str, dict]:
    """Save the pictures of a fit; return their numbers as groups of the result file."""
    return {
        "model": _spectrum(folder, problem, result, data, skies.nside),
        "sky": _sky(folder, problem, result, skies),
        "chain": _chain(folder, problem, result),
        "plane": _plane(folder, problem, result, truth),
    }


def draw_gradient(folder: Path, gauge: infer.GradientReport) -> None:
    """Save the picture of the gradient report."""
    figure = plots.plot_gradient(
        ell=np.arange(1, gauge.spectrum.size),
        pathwise=gauge.pathwise[1:],
        pathwise_error=gauge.pathwise_error[1:],
        difference=gauge.difference[1:],
        difference_error=gauge.difference_error[1:],
        title=f"derivative of C_l by {gauge.name} at {gauge.value:.2f}",
    )
    _save(figure, folder / "gradient.png")


def _spectrum(folder: Path, problem, result, data, nside: int) -> dict:
    """Draw data, model, cosmic-variance and isotropic bands."""
    model = problem.model
    lmax = model.emulator.lmax
    ell = np.arange(1, lmax + 1)
    level = float(problem.data.noise[0])
    mean = np.asarray(eqx.filter_jit(model.mean_spectrum)(result.values))[1:]
    like_data = infer.SpectrumData(
        ell, mean, np.zeros(ell.size), np.full(ell.size, level), data.num_skies, data.m0_blind
    )
    prediction = predicted(model, result.values, like_data)
    centre = np.asarray(prediction.log_mean)
    width = np.sqrt(np.diagonal(np.asarray(prediction.log_covariance)))
    curves = {
        name: np.maximum(np.exp(centre + k * width) - level, 1e-3 * np.exp(centre))
        for name, k in (("mean", 0), ("low", -1), ("high", 1), ("low_95", -2), ("high_95", 2))
    }
    noise = float(np.max(data.noise))
    bands = None
    if noise > 0:
        bands = sky.isotropic_bands(
            nside=nside, lmax=lmax, num_events=4 * np.pi / noise, num_skies=_NUM_ISOTROPIC
        )
    figure = plots.plot_spectrum(
        ell=ell,
        **curves,
        data=data,
        isotropic=bands,
        cascade=sky.cascade_spectrum(lmax),
        title="angular power spectrum of relative intensity",
    )
    _save(figure, folder / "spectrum.png")
    numbers = {"ell": ell, "covariance_of_log": prediction.log_covariance, "ensemble_mean": mean}
    if bands is not None:
        numbers |= {"isotropic_lower": bands.lower, "isotropic_upper": bands.upper}
    return numbers | curves


def _sky(folder: Path, problem, result, skies: infer.SkyEnsemble) -> dict:
    """Draw one sky at the best fit, before and after its dipole is removed."""
    series = jnp.exp(result.values[0]) * problem.model.series(result.values)
    axis = jnp.array(infer.AXIS)
    boundary = sky.TrapBoundary(series.at[0].set(1.0), axis)
    parameters = best_parameters(skies, problem, result)
    nside = _PICTURE_NSIDE if skies.waves is None else _WAVES_NSIDE
    one = dataclasses.replace(skies, observers_per_axis=1, nside=nside, per_pixel=4)
    arrivals = one.arrivals(one.turbulence(0, parameters), parameters)
    before = sky.intensity_map(arrivals, boundary)[0]
    after = sky.remove_dipole(before)
    before, after = np.asarray(before), np.asarray(after)
    level, ratio = float(parameters.level), 1 + float(jnp.exp(result.values[-2]))
    values = rf"$\delta B/B_0$ = {level:.2f}, R = {ratio:.2f}, mean field along +x"
    _save(
        plots.plot_sky(before, after, title=f"one simulated sky at the best fit: {values}"),
        folder / "sky.png",
    )
    return {"before": before, "after": after, "nside": nside}


def _chain(folder: Path, problem, result) -> dict:
    """Draw occupation and phase-space density along the chain at the best fit."""
    mirror_ratio, gradient = (float(x) for x in problem.model.ratio_and_gradient(result.values))
    amplitude = float(jnp.exp(result.values[0]))
    site = problem.model.traps.place(amplitude, mirror_ratio, gradient)
    trap = traps.trap_from_ratio(mirror_ratio, gradient)
    longest = 600 / max(gradient, 1e-9)  # beyond, volumes leave the range of floats
    num = int(max(10, min(2 * (site or 50), longest, 5000)))
    chain = traps.trap_chain(
        trap,
        num,
        scattering_rate=1.0,
        left_end=traps.AbsorbingEnd(),
        right_end=traps.AbsorbingEnd(),
    )
    occupation = traps.steady_state(chain, jnp.zeros(num).at[-1].set(1.0))
    density = np.asarray(occupation / traps.flux_tube_volume(trap, num))
    text = f"mirror ratio {mirror_ratio:.2f}, gradient ln(B1/B2) = {gradient:.2g}"
    figure = plots.plot_chain(
        density=density / density[-1],
        occupation=np.asarray(occupation / occupation[-1]),
        place=site,
        trap_text=text,
    )
    _save(figure, folder / "chain.png")
    place = float("nan") if site is None else site
    return {"density": density, "occupation": np.asarray(occupation), "place": place}


def _plane(folder: Path, problem, result, truth) -> dict:
    """Draw convergence, and the cost on the plane of amplitude and turbulence."""
    values, errors = np.asarray(result.values), np.asarray(result.posterior.errors)
    parameters = problem.parameters.parameters
    axes = [
        np.linspace(
            max(values[i] - 3 * errors[i], parameters[i].lower + 1e-6),
            min(values[i] + 3 * errors[i], parameters[i].upper - 1e-6),
            _PLANE_POINTS,
        )
        for i in (0, 1)
    ]
    cost = np.asarray(_plane_cost(problem, result.values, *map(jnp.asarray, axes)))
    figure = plots.plot_fit(
        history=np.asarray(result.history),
        best_cost=result.cost,
        plane_x=axes[0],
        plane_y=axes[1],
        plane_cost=cost,
        best=values[:2],
        covariance=_conditional(np.asarray(result.covariance), result.is_free),
        truth=None if truth is None else truth[:2],
        titles=("convergence of Adam", "cost, other parameters at their best fit"),
    )
    _save(figure, folder / "fit.png")
    return {"ln_A": axes[0], "ln_level": axes[1], "cost": cost}


def _conditional(covariance: np.ndarray, is_free: np.ndarray) -> np.ndarray:
    """Return the covariance of the first two parameters with the others held; 0 for fixed ones."""
    free = np.flatnonzero(is_free)
    precision = np.linalg.inv(covariance[np.ix_(free, free)])
    shown = np.flatnonzero(free < 2)
    conditional = np.zeros((2, 2))
    conditional[np.ix_(free[shown], free[shown])] = np.linalg.inv(precision[np.ix_(shown, shown)])
    return conditional


@eqx.filter_jit
def _plane_cost(problem, values, x, y):
    """Return -2 ln posterior with the other parameters at their best, ``(y, x)``."""

    def cost(point):
        return jnp.sum(posterior_residuals(problem, values.at[:2].set(point)) ** 2)

    points = jnp.stack(jnp.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return jax.lax.map(cost, points).reshape(y.size, x.size)


def _save(figure, path: Path) -> None:
    figure.savefig(path, dpi=150)
