"""A pulse that spreads along the field: pitch-angle, telegraph and diffusion equation."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxcr import kinetic
from jaxcr.experiments.experiment import Verdict
from jaxcr.experiments.transport_theory.setup import pitch_angle_diffusion, rigidity_of

RATE = 1.0
"""nu of isotropic scattering: lengths are mean free paths, times those between scatterings."""
TIMES = (0.5, 1.0, 2.0, 4.0, 8.0)
_HALF, _WIDTH = 13.0, 0.5
"""Of the tube along which a pulse spreads, and of the pulse."""
_TELEGRAPH, _KINETIC = 1, 9
"""Highest Legendre order: the telegraph equation has density and flux alone."""
Profiles = dict[str, Float[np.ndarray, "time cell"]]


def isotropic() -> eqx.Partial:
    """Return the scattering of the pulse."""
    return pitch_angle_diffusion(kinetic.IsotropicScattering(RATE))


def pulse(cells: int) -> tuple[Float[np.ndarray, " cell"], Profiles]:
    """Return how an isotropic pulse spreads: pitch-angle, telegraph and diffusion equation."""
    tube = kinetic.FluxTube(jnp.linspace(-_HALF, _HALF, cells + 1))
    place = np.asarray(tube.centers)
    start = np.exp(-((place / _WIDTH) ** 2) / 2)
    start /= start.sum() * (place[1] - place[0])
    problem = kinetic.PitchAngleProblem(isotropic(), region=tube)
    profiles = {}
    for name, order in (("pitch-angle equation", _KINETIC), ("telegraph", _TELEGRAPH)):
        method = kinetic.LegendreSeries(order)
        initial = jnp.asarray(np.outer(start, np.ones(order + 1)) / 2)
        run = kinetic.solve_pitch_angle(problem, initial, times=jnp.array(TIMES), method=method)
        profiles[name] = np.asarray(run.values @ method.weights())
    kappa = float(kinetic.kappa_parallel(kinetic.IsotropicScattering(RATE), rigidity_of(1.0)))
    variance = spread(place, start[None])[0] + 2 * kappa * np.array(TIMES)[:, None]
    profiles["diffusion"] = np.exp(-(place**2) / 2 / variance) / np.sqrt(2 * np.pi * variance)
    return place, profiles


def spread(
    place: Float[np.ndarray, " cell"], density: Float[np.ndarray, "time cell"]
) -> Float[np.ndarray, " time"]:
    """Return the variance of the place."""
    return density @ place**2 / density.sum(axis=1)


def expected_spread() -> Float[np.ndarray, " time"]:
    """Return the variance of a persistent random walk from one place, (2/3)(v/nu)² (...)."""
    depth = RATE * np.array(TIMES)
    return 2 / 3 * (depth - 1 + np.exp(-depth)) / RATE**2


def _excess(variance: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """Return the growth of a variance over that of a persistent random walk, less one."""
    return (variance - _WIDTH**2) / expected_spread() - 1


def judge_telegraph(spreads: dict[str, Float[np.ndarray, " time"]]) -> Verdict:
    """Return whether telegraph and pitch-angle equation have the same variance."""
    off = [float(np.max(np.abs(_excess(spreads[x])))) for x in ("pitch-angle equation",
                                                                "telegraph")]  # fmt: skip
    return Verdict(
        "the telegraph equation has the variance of the pitch-angle equation",
        f"largest relative difference from (2/3)(nu t - 1 + exp(-nu t)): pitch-angle equation "
        f"{off[0]:.1e}, telegraph {off[1]:.1e}",
        max(off) < 1e-4,
    )


def judge_diffusion(spreads: dict[str, Float[np.ndarray, " time"]]) -> Verdict:
    """Return whether diffusion is too fast early, and right late."""
    early, late = (float(_excess(spreads["diffusion"])[i]) for i in (0, -1))
    return Verdict(
        "diffusion comes after some scatterings; before it spreads particles too far",
        f"variance of diffusion over that of the pitch-angle equation less one: {early:.2f} at "
        f"nu t = {TIMES[0]:g}, {late:.2f} at {TIMES[-1]:g}",
        bool(early > 1 and abs(late) < 1.5 / (RATE * TIMES[-1])),
    )


def _distances(profiles: Profiles, name: str) -> Float[np.ndarray, " time"]:
    """Return half the integral of the difference from the pitch-angle equation."""
    exact = profiles["pitch-angle equation"]
    return np.abs(profiles[name] - exact).sum(axis=1) / exact.sum(axis=1) / 2


def judge_shape(profiles: Profiles) -> Verdict:
    """Return whether the telegraph equation is nearer than diffusion at all times."""
    telegraph, diffusion = (_distances(profiles, x) for x in ("telegraph", "diffusion"))
    texts = "; ".join(
        f"{t:g}: {a:.3f}, {b:.3f}" for t, a, b in zip(TIMES, telegraph, diffusion, strict=True)
    )
    nearer = telegraph < diffusion
    when = ", ".join(f"{t:g}" for t, x in zip(TIMES, nearer, strict=True) if not x)
    return Verdict(
        "the telegraph equation describes the density better than diffusion",
        f"misplaced particles, telegraph and diffusion, at nu t = {texts}",
        bool(nearer.all()),
        "" if nearer.all() else f"Not at nu t = {when}: it piles particles up at its two fronts.",
    )
