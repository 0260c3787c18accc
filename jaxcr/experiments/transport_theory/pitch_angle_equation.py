"""The pitch-angle equation beside its limits: diffusion, telegraph, focusing, and a mirror."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from jaxcr import kinetic
from jaxcr.experiments.experiment import DEFAULT, Experiment, Outcome, Size, Verdict
from jaxcr.experiments.transport_theory.pulse import (
    RATE,
    TIMES,
    Profiles,
    isotropic,
    judge_diffusion,
    judge_shape,
    judge_telegraph,
    pulse,
    spread,
)
from jaxcr.experiments.transport_theory.setup import (
    make_spectrum,
    pitch_angle_diffusion,
    rigidity_of,
    slab_theories,
)
from jaxcr.plots.style import BLACK, BLUE, GREEN, GREY, VERMILION, add_legend, new_figure, polish

_LMAX = 12
MODES = np.arange(1, _LMAX + 1)
FOCUSING = np.array([0.1, 0.3, 1.0, 3.0, 10.0])
"""Mean free path over focusing length."""
_GRADIENT, _ORDERS = 0.01, 64
"""Of the steady state, and its highest Legendre order: quasilinear anisotropy has a kink."""
_COSINES = 24
"""Cells in mu of the tube with a mirror."""
MIRROR = 4.0
"""Field in the middle of a tube over that at its ends."""
DEPTHS = np.geomspace(1e-3, 100, 11)
"""Length of that tube in mean free paths."""
_MILNE = 0.7104
"""Distance in mean free paths beyond an open end at which the density extrapolates to zero."""
_EXACT, _GRID = 1e-9, 0.03
"""Tolerances: where the method is exact, and where cells set the error."""


def run(size: Size) -> Outcome:
    """Compute decay, spread, anisotropy and the passage of a mirror."""
    cells = 144 if size.orbits >= DEFAULT.orbits else 72
    decay = decay_rates()
    place, profiles = pulse(cells)
    spreads = {k: spread(place, x) for k, x in profiles.items()}
    dipoles = focused_dipoles()
    shares = anisotropies()
    passed = passage(cells // 2)
    verdicts = (
        judge_decay(decay),
        judge_telegraph(spreads),
        judge_diffusion(spreads),
        judge_shape(profiles),
        judge_dipole(shares),
        judge_focusing(dipoles),
        judge_mirror(passed),
    )
    numbers = {
        "unit": "mean free paths, times between scatterings", "cells": cells,
        "decay": {"ell": MODES.tolist(), "rate": decay.tolist()},
        "pulse": {"time": list(TIMES), "place": place.tolist(),
                  "density": {k: x.tolist() for k, x in profiles.items()},
                  "variance": {k: x.tolist() for k, x in spreads.items()}},
        "focusing": {"mean_free_path_over_length": FOCUSING.tolist(), "dipole": dipoles.tolist()},
        "anisotropy": {k: x.tolist() for k, x in shares.items()},
        "mirror": {"ratio": MIRROR, "depth": DEPTHS.tolist(),
                   "transmission": {k: x.tolist() for k, x in passed.items()}},
    }  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(place, profiles, shares, passed))


def decay_rates() -> Float[np.ndarray, " ell"]:
    """Return how fast each Legendre coefficient decays, from a beam."""
    method = kinetic.LegendreSeries(_LMAX)
    beam = method.coefficients(jnp.eye(_LMAX + 1), _LMAX)[-1]  # of the value nearest mu = 1
    time = 0.1 / RATE
    problem = kinetic.PitchAngleProblem(isotropic())
    start = jnp.zeros(_LMAX + 1).at[-1].set(1.0)
    run = kinetic.solve_pitch_angle(problem, start, times=jnp.array([time]), method=method)
    left = method.coefficients(run.values[0], _LMAX) / beam
    return -np.log(np.asarray(left))[1:] / time


def anisotropies() -> dict[str, Float[np.ndarray, " ell"]]:
    """Return f_l/f_0 over the mean free path times the gradient, by what scatters."""
    spectrum = make_spectrum(outer_scale=1e6)
    models = {"isotropic scattering": kinetic.IsotropicScattering(RATE)} | {
        k: x for k, x in slab_theories(0.3, spectrum).items() if k != "twice the power"
    }
    found = {}
    for name, model in models.items():
        path = float(kinetic.parallel_mean_free_path(model, rigidity_of(0.1)))
        orders = kinetic.steady_anisotropy(
            pitch_angle_diffusion(model, 0.1), gradient=_GRADIENT / path, lmax=_ORDERS
        )
        found[name] = np.asarray(orders)[1:] / _GRADIENT
    return found


def focused_dipoles() -> Float[np.ndarray, " focusing"]:
    """Return f_1/f_0 over that without focusing, for mean free paths over focusing lengths."""
    found = [
        kinetic.steady_anisotropy(
            isotropic(), gradient=_GRADIENT, inverse_focusing_length=x * RATE, lmax=1
        )[1]
        for x in FOCUSING
    ]
    return -np.array(found) / _GRADIENT * RATE


def passage(
    cells: int, depths: Float[np.ndarray, " depth"] = DEPTHS
) -> dict[str, Float[np.ndarray, " depth"]]:
    """Return the share of isotropic particles at one end that leave through the other.

    Of a tube without mirror, and of one whose field rises in the middle.
    """
    method = kinetic.FiniteVolume(_COSINES)
    unit = jnp.linspace(0.0, 1.0, cells + 1)
    hill = 1 + (MIRROR - 1) * jnp.sin(jnp.pi * unit) ** 2
    outward = np.asarray(method.weights() * jnp.maximum(method.cosines(), 0))
    found = {}
    for name, field in (("uniform field", jnp.ones_like(unit)), ("mirror", hill)):
        rows = []
        for depth in depths:
            tube = kinetic.FluxTube(
                unit, field_strength=field, left=kinetic.InflowEnd(jnp.ones_like),
                right=kinetic.FreeEnd(),
            )  # fmt: skip
            diffusion = pitch_angle_diffusion(kinetic.IsotropicScattering(float(depth)))
            steady = kinetic.steady_pitch_angle(
                kinetic.PitchAngleProblem(diffusion, region=tube), method=method
            )
            last = np.asarray(1.5 * steady[-1] - 0.5 * steady[-2])
            rows.append(float(last @ outward / outward.sum()))
        found[name] = np.array(rows)
    return found


def expected_passage(field_mean: float) -> Float[np.ndarray, " depth"]:
    """Return the share that diffuses: (4/3) lambda over <B/B_end> length + 2 × 0.7104 lambda."""
    return 4 / 3 / (field_mean * DEPTHS + 2 * _MILNE)


def judge_decay(rates: Float[np.ndarray, " ell"]) -> Verdict:
    """Return whether Legendre coefficients decay as l(l + 1)."""
    off = float(np.max(np.abs(rates / (RATE * MODES * (MODES + 1) / 2) - 1)))
    return Verdict(
        "isotropic scattering damps the Legendre coefficients at nu l(l + 1)/2",
        f"largest relative difference {off:.1e} for l = 1 to {MODES[-1]}",
        off < _EXACT,
    )


def judge_dipole(shares: dict[str, Float[np.ndarray, " ell"]]) -> Verdict:
    """Return whether the dipole is the mean free path times the gradient, whatever scatters."""
    off = max(abs(float(x[0]) + 1) for x in shares.values())
    texts = ", ".join(f"{k} {abs(float(x[2] / x[0])):.3f}" for k, x in shares.items())
    return Verdict(
        "the dipole in a gradient is the mean free path times it, whatever scatters",
        f"largest relative difference {off:.1e}; f_3/f_1: {texts}",
        off < 1e-6,
        "Only isotropic scattering makes a pure dipole.",
    )


def judge_focusing(dipoles: Float[np.ndarray, " focusing"]) -> Verdict:
    """Return whether focusing reduces diffusion as Langevin's function."""
    expected = 3 * (1 / np.tanh(FOCUSING) - 1 / FOCUSING) / FOCUSING
    off = float(np.max(np.abs(dipoles / expected - 1)))
    return Verdict(
        "focusing reduces diffusion by 3 (coth x - 1/x)/x, x = lambda/L",
        f"dipole over that without focusing {', '.join(f'{x:.3f}' for x in dipoles)} at x = "
        f"{', '.join(f'{x:g}' for x in FOCUSING)}: largest relative difference {off:.1e}",
        off < _EXACT,
    )


def judge_mirror(passed: dict[str, Float[np.ndarray, " depth"]]) -> Verdict:
    """Return whether a mirror lets the loss cone pass, and diffusion if particles scatter."""
    free = {"uniform field": 1.0, "mirror": 1 / MIRROR}
    dense = {k: expected_passage(x)[-1] for k, x in (("uniform field", 1.0),
                                                     ("mirror", (1 + MIRROR) / 2))}  # fmt: skip
    off = [max(abs(passed[k][0] / free[k] - 1), abs(passed[k][-1] / dense[k] - 1)) for k in free]
    return Verdict(
        "without scattering B_end/B_mirror passes a mirror; with much scattering what diffuses "
        "through int B dz",
        ", ".join(f"{k}: {passed[k][0]:.4f} at depth {DEPTHS[0]:g} (theory {free[k]:g}), "
                  f"{passed[k][-1]:.5f} at {DEPTHS[-1]:g} (theory {dense[k]:.5f})" for k in free),
        bool(max(off) < _GRID),
    )  # fmt: skip


def draw(
    place: Float[np.ndarray, " cell"], profiles: Profiles, shares: dict, passed: dict
) -> Figure:
    """Return the pulse, the anisotropy and the passage."""
    figure = new_figure(17, 5.5)
    left, middle, right = figure.subplots(1, 3)
    for number, level in ((1, 0.0), (3, 0.5)):
        for (name, x), style in zip(profiles.items(), ("-", "--", ":"), strict=True):
            color = (BLUE, VERMILION, GREY)[list(profiles).index(name)]
            left.plot(place, x[number] + level, style, color=color,
                      label=name if level == 0 else None)  # fmt: skip
        left.text(6, level + 0.1, rf"$\nu t$ = {TIMES[number]:g}", fontsize=12)
    left.set(xlim=(-9, 9), ylim=(-0.05, 1.1))
    mu = np.linspace(-1, 1, 201)
    for (name, x), color in zip(shares.items(), (BLACK, BLUE, VERMILION), strict=True):
        # Lanczos's factors take out the ripples of a series that ends
        factors = np.sinc(np.arange(1, x.size + 1) / (x.size + 1))
        series = np.polynomial.legendre.legval(mu, np.concatenate([[0], factors * x]))
        middle.plot(mu, series, color=color, label=name)
    for (name, x), color, mean in zip(
        passed.items(), (BLUE, GREEN), (1.0, (1 + MIRROR) / 2), strict=True
    ):
        right.loglog(DEPTHS, x, "o", color=color, label=name)
        right.loglog(DEPTHS, expected_passage(mean), "--", color=color, label="diffusion")
    right.axhline(1 / MIRROR, color=GREEN, ls=":", label="loss cone")
    for axes, where in ((left, "upper left"), (middle, "upper right"), (right, "lower left")):
        add_legend(axes, loc=where)
    polish(left, x_label=r"$z/\lambda$", y_label="density, one shifted by 0.5",
           title="a pulse spreads")  # fmt: skip
    polish(middle, x_label=r"$\mu$", y_label=r"$(f/f_0 - 1)/(\lambda\, d\ln f_0/dz)$",
           title="anisotropy in a gradient")  # fmt: skip
    polish(right, x_label=r"length over $\lambda$", y_label="share that passes",
           title=f"mirror of ratio {MIRROR:g}")  # fmt: skip
    return figure


PITCH_ANGLE_EQUATION = Experiment(
    "pitch-angle-equation",
    "the pitch-angle equation beside diffusion, telegraph equation, focusing and a mirror",
    "Earl 1974, 1981; Beeck & Wibberenz 1986; Litvinenko & Noble 2013",
    run,
)
