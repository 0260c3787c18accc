"""Parker's equation beside its closed forms: shock, modulation, halo, expansion."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from jaxcr import kinetic, units
from jaxcr.experiments.experiment import DEFAULT, Experiment, Outcome, Size, Verdict
from jaxcr.experiments.transport_theory.setup import make_spectrum
from jaxcr.plots.style import BLUE, GREEN, GREY, VERMILION, add_legend, new_figure, polish

GIGAVOLT = 1e-6
"""In PV."""
KM_S = 1 / 2.998e5
COMPRESSIONS = (2.0, 3.0, 4.0)
_SHOCK_SPEED, _SHOCK_KAPPA = 0.01, 1.0
POTENTIALS = (0.1, 0.4)
"""Of modulation, in GV."""
WIND, _OUTER, _INNER = 400 * KM_S, 90 * units.au, 0.3 * units.au
MASS = 0.938 * GIGAVOLT
"""Rest momentum of protons in PV."""
HALF_HEIGHT = 4e3
WINDS = (0.0, 20.0, 100.0)
"""From the plane, in km/s."""
_INJECTED = 1.35
"""Exponent of the sources' N by ln p."""
_EXPANSION, _EXPANSION_TIMES = 0.5, (0.0, 1.0, 2.0)
INDEX_TOLERANCE, TIME_TOLERANCE = 0.01, 0.03
"""Of a shock 0.02 kappa/u1 wide: a shock of finite width is softer than a jump."""
_EXACT, _GRID = 1e-6, 0.02


def run(size: Size) -> Outcome:
    """Solve each problem, and hold it against its closed form."""
    fine = size.orbits >= DEFAULT.orbits
    cells = 2 if fine else 1
    shocks = [shock(x, 120 * cells) for x in COMPRESSIONS]
    wide = shock(COMPRESSIONS[-1], 120 * cells, width=5 * _SHOCK_KAPPA / _SHOCK_SPEED)
    modulated = [modulation(x, 48 * cells) for x in POTENTIALS]
    halo = [halo_profile(x, 32 * cells) for x in WINDS]
    steepening = halo_slope()
    expansion = expand(48 * cells)
    verdicts = (
        judge_index(shocks),
        judge_time(shocks),
        judge_width(wide),
        judge_force_field(modulated),
        judge_halo(halo),
        judge_slope(steepening),
        judge_expansion(expansion),
    )
    numbers = {
        "shocks": shocks, "wide_shock": wide, "modulation": modulated, "halo": halo,
        "halo_slope": steepening, "expansion": expansion,
    }  # fmt: skip
    return Outcome(numbers, verdicts, lambda: draw(shocks, wide, modulated, halo))


def shock(compression: float, cells: int, *, width: float | None = None) -> dict:
    """Return the spectrum and mean age at a plane shock, with the closed forms."""
    expected = 3 * compression / (compression - 1)
    momentum = kinetic.MomentumGrid(1.0, 1e3, 48, reference_index=expected - 3)
    thickness = 0.02 * _SHOCK_KAPPA / _SHOCK_SPEED if width is None else width
    problem = tanh_shock(compression, momentum, cells, thickness)
    solution = kinetic.solve_parker(problem)
    p = np.asarray(momentum.centers())
    f = np.asarray(solution.phase_space_density())[:, cells // 2]
    age = np.asarray(kinetic.mean_age(problem, solution))[:, cells // 2]
    slow = _SHOCK_SPEED / compression
    per_e = 3 / (_SHOCK_SPEED - slow) * (_SHOCK_KAPPA / _SHOCK_SPEED + _SHOCK_KAPPA / slow)
    inner = slice(8, 44) if width is None else slice(2, 10)
    log_p = np.log(p[inner])
    return {
        "compression": compression, "momentum": p.tolist(), "phase_space_density": f.tolist(),
        "age": age.tolist(), "expected_index": expected,
        "index": -float(np.polyfit(log_p, np.log(f[inner]), 1)[0]),
        "time_per_e_fold": float(np.polyfit(log_p, age[inner], 1)[0]),
        "expected_time_per_e_fold": per_e, "imbalance": float(solution.budget.imbalance),
    }  # fmt: skip


def tanh_shock(
    compression: float, momentum: kinetic.MomentumGrid, cells: int, width: float
) -> kinetic.ParkerProblem:
    """Return a flow to +x that falls as a tanh, with injection there at the lowest momentum."""
    fast, slow = _SHOCK_SPEED, _SHOCK_SPEED / compression
    far = jnp.arcsinh(12 * _SHOCK_KAPPA / slow / width)
    grid = kinetic.CartesianGrid(width * jnp.sinh(far * jnp.linspace(-1, 1, cells + 1)))
    at_shock = jnp.cosh(grid.centers(0) / width) ** -2
    supply = at_shock / jnp.sum(at_shock * grid.volumes()) / momentum.log_width
    lowest = jnp.zeros(momentum.num_cells).at[0].set(1.0)
    return kinetic.ParkerProblem(
        grid, diffusion=_SHOCK_KAPPA, momentum=momentum, source=lowest[:, None] * supply[None],
        velocity=lambda x: (fast + slow) / 2 - (fast - slow) / 2 * jnp.tanh(x / width),
        boundaries=((kinetic.FreeEscape(), kinetic.Outflow()),),
    )  # fmt: skip


def modulation(potential: float, cells: int) -> dict:
    """Return what a solar wind leaves of an interstellar spectrum at 1 au."""
    momentum = kinetic.MomentumGrid(0.3 * GIGAVOLT, 100 * GIGAVOLT, cells, reference_index=1.7,
                                    continued=True)  # fmt: skip
    problem = solar_wind(potential, _INNER, momentum, cells)
    radius = problem.grid.centers(0)
    place = int(jnp.argmin(jnp.abs(radius - units.au)))
    p = momentum.centers()
    # f is that at an energy higher by phi = int V/(3 kappa_0) dr (Gleeson & Axford)
    depth = potential * GIGAVOLT * (1 - radius[place] / _OUTER)
    energy = jnp.sqrt(p**2 + MASS**2) + depth
    before = jnp.sqrt((energy - MASS) * (energy + MASS))
    expected, outside = interstellar(before) * (p / before) ** 3, interstellar(p)
    return {
        "potential": potential, "momentum": np.asarray(p / GIGAVOLT).tolist(),
        "share": np.asarray(kinetic.solve_parker(problem).density[:, place] / outside).tolist(),
        "force_field": np.asarray(expected / outside).tolist(),
    }  # fmt: skip


def interstellar(p: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return N outside of the heliosphere at a momentum in PV."""
    return (p / GIGAVOLT) ** -1.7


def solar_wind(
    potential: float, inner: float, momentum: kinetic.MomentumGrid, cells: int
) -> kinetic.ParkerProblem:
    """Return a radial wind from a core that reflects out to 90 au; kappa = kappa_0 beta p."""
    kappa = WIND * _OUTER / (3 * potential * GIGAVOLT)
    return kinetic.ParkerProblem(
        kinetic.SphericalGrid(inner * (_OUTER / inner) ** jnp.linspace(0, 1, cells + 1)),
        diffusion=lambda r, p: kappa * p**2 / jnp.sqrt(p**2 + MASS**2), momentum=momentum,
        velocity=lambda r: jnp.full_like(r, WIND),
        boundaries=((kinetic.Reflecting(), kinetic.Prescribed(lambda r, p: interstellar(p))),),
    )  # fmt: skip


def halo_profile(wind: float, cells: int) -> dict:
    """Return N(z) in a halo with a wind in km/s, with the closed form."""
    kappa, speed = 0.03 * 100, wind * KM_S
    problem = halo_above_disc(cells, kappa, jnp.ones(1), wind=speed)
    z = np.asarray(problem.grid.centers(0))
    left = HALF_HEIGHT - z
    expected = -np.expm1(-speed * left / kappa) / 2 / speed if wind else left / 2 / kappa
    density = np.asarray(kinetic.solve_parker(problem).density[0])
    return {"wind": wind, "height": z.tolist(), "density": density.tolist(),
            "expected": expected.tolist()}  # fmt: skip


def halo_above_disc(
    cells: int,
    diffusion: Callable | float,
    injection: Float[Array, " momentum"],
    *,
    momentum: kinetic.MomentumGrid | None = None,
    wind: float = 0.0,
) -> kinetic.ParkerProblem:
    """Return the upper half of a halo; injection per pc² of disc, both sides together."""
    in_plane = jnp.zeros(cells).at[0].set(cells / (2 * HALF_HEIGHT))
    return kinetic.ParkerProblem(
        kinetic.CartesianGrid(jnp.linspace(0, HALF_HEIGHT, cells + 1)),
        diffusion=diffusion, momentum=momentum, velocity=lambda z: jnp.full_like(z, wind),
        source=injection[:, None] * in_plane[None],
        boundaries=((kinetic.Reflecting(), kinetic.FreeEscape()),),
    )  # fmt: skip


def halo_slope() -> dict:
    """Return the slope in the plane of a halo whose kappa is that of turbulence of 30 pc."""
    turbulence = kinetic.SlabScattering(
        make_spectrum(outer_scale=30e6, scale=30.0), rms=1.5, mean_strength=3.0, endless=True
    )
    at = 10 * GIGAVOLT
    kappa = kinetic.kappa_parallel(turbulence, at)
    delta = kinetic.rigidity_exponent(turbulence, at)
    momentum = kinetic.MomentumGrid(GIGAVOLT, 1e4 * GIGAVOLT, 40, reference_index=_INJECTED,
                                    continued=True)  # fmt: skip
    p = momentum.centers()
    problem = halo_above_disc(
        32, lambda z, p: kappa * (p / at) ** delta, (p / at) ** -_INJECTED, momentum=momentum
    )
    log_p = np.log(np.asarray(p))
    plane = np.log(np.asarray(kinetic.solve_parker(problem).density)[:, 0])
    return {"injected": _INJECTED, "delta": float(delta), "kappa_at_10_GV": float(kappa),
            "slope": -float(np.polyfit(log_p, plane, 1)[0])}  # fmt: skip


def expand(cells: int) -> dict:
    """Return the mean ln p of a uniform density in a medium that expands along one axis."""
    momentum = kinetic.MomentumGrid(1.0, 1e3, cells)
    problem = kinetic.ParkerProblem(
        kinetic.CartesianGrid(jnp.linspace(-1, 1, 5)), diffusion=1.0, momentum=momentum,
        velocity=lambda x: _EXPANSION * x, boundaries=((kinetic.Outflow(), kinetic.Outflow()),),
    )  # fmt: skip
    log_p = np.log(np.asarray(momentum.centers()))
    start = np.exp(-((log_p - 5.0) ** 2) / 2 / 0.4**2)
    history = kinetic.evolve_parker(
        problem, jnp.asarray(np.repeat(start[:, None], 4, axis=1)),
        times=jnp.asarray(_EXPANSION_TIMES),
    )  # fmt: skip
    density = np.asarray(history.density)[:, :, 1]
    mean = density @ log_p / density.sum(axis=1)
    expected = mean[0] - _EXPANSION * np.array(_EXPANSION_TIMES) / 3
    return {"time": list(_EXPANSION_TIMES), "rate": _EXPANSION, "mean_log_momentum": mean.tolist(),
            "expected": expected.tolist()}  # fmt: skip


def judge_index(shocks: list[dict]) -> Verdict:
    """Return whether the spectra behind shocks have the published index."""
    texts = ", ".join(f"{x['index']:.3f} ({x['expected_index']:g})" for x in shocks)
    off = max(abs(x["index"] / x["expected_index"] - 1) for x in shocks)
    ratios = ", ".join(f"{x['compression']:g}" for x in shocks)
    return Verdict(
        "a shock accelerates to f ~ p^-q, q = 3r/(r - 1)",
        f"q at r = {ratios} (theory): {texts}; largest relative difference {off:.1e}",
        off < INDEX_TOLERANCE,
        "The difference comes with the width of the shock, 0.02 kappa/u1.",
    )


def judge_time(shocks: list[dict]) -> Verdict:
    """Return whether acceleration takes the published time."""
    ratios = [x["time_per_e_fold"] / x["expected_time_per_e_fold"] for x in shocks]
    return Verdict(
        "acceleration takes 3/(u1 - u2) (kappa1/u1 + kappa2/u2) ln(p/p0) in the mean",
        f"measured over theory {', '.join(f'{x:.4f}' for x in ratios)}",
        max(abs(x - 1) for x in ratios) < TIME_TOLERANCE,
    )


def judge_width(wide: dict) -> Verdict:
    """Return whether a flow that is wider than kappa/u1 makes a softer spectrum: the control."""
    return Verdict(
        "only a shock thin against kappa/u1 has that index: a wide one is softer",
        f"q = {wide['index']:.2f} for five diffusion lengths, {wide['expected_index']:g} for a "
        "thin one",
        wide["index"] > wide["expected_index"] * (1 + 10 * INDEX_TOLERANCE),
    )


def _force_field_error(row: dict, above: float) -> float:
    """Return the largest relative difference from the force field above a momentum in GV."""
    high = np.array(row["momentum"]) > above
    return float(np.max(np.abs(np.array(row["share"]) / np.array(row["force_field"]) - 1)[high]))


def judge_force_field(modulated: list[dict]) -> Verdict:
    """Return whether modulation is that of the force field where it is weak."""
    off = [_force_field_error(x, 20 * x["potential"]) for x in modulated]
    low = [_force_field_error(x, 0.0) for x in modulated]
    texts = "; ".join(
        f"{x['potential']:g} GV: {a:.1e} above {20 * x['potential']:g} GV, {b:.2f} at all momenta"
        for x, a, b in zip(modulated, off, low, strict=True)
    )
    return Verdict(
        "a weak solar wind modulates as a force field",
        f"largest relative difference at 1 au from the force field of {texts}",
        max(off) < _GRID,
        "It is an expansion in V r/kappa: not for momenta of the order of the potential.",
    )


def judge_halo(rows: list[dict]) -> Verdict:
    """Return whether halos with a wind have the published profile."""
    off = [np.array(x["density"]) / np.array(x["expected"]) - 1 for x in rows]
    worst = [float(np.max(np.abs(x))) for x in off]
    texts = ", ".join(f"{w:.1e} at {x['wind']:g} km/s" for w, x in zip(worst, rows, strict=True))
    return Verdict(
        "in a halo N = q (1 - exp(-V (H - z)/kappa))/(2V), falling to zero at H",
        f"largest relative difference {texts}",
        max(worst) < _GRID,
    )


def judge_slope(found: dict) -> Verdict:
    """Return whether diffusion steepens the spectrum by its exponent."""
    expected = found["injected"] + found["delta"]
    return Verdict(
        "diffusion steepens the spectrum in the plane by delta, the exponent of kappa",
        f"slope {found['slope']:.6f}, injected {found['injected']:g} and delta "
        f"{found['delta']:.6f} of Kolmogorov turbulence",
        abs(found["slope"] - expected) < _EXACT,
    )


def judge_expansion(found: dict) -> Verdict:
    """Return whether particles cool as the cube root of the density of the medium."""
    moved = np.array(found["mean_log_momentum"]) - found["mean_log_momentum"][0]
    expected = np.array(found["expected"]) - found["expected"][0]
    off = float(np.max(np.abs(moved[1:] / expected[1:] - 1)))
    return Verdict(
        "expansion cools particles as p ~ exp(-div u t/3)",
        f"mean of ln p by {', '.join(f'{x:.4f}' for x in moved[1:])}, theory "
        f"{', '.join(f'{x:.4f}' for x in expected[1:])}",
        off < _GRID,
    )


def draw(shocks: list[dict], wide: dict, modulated: list[dict], halo: list[dict]) -> Figure:
    """Return spectra of shocks, modulated spectra, and profiles of halos, with closed forms."""
    figure = new_figure(17, 5.5)
    left, middle, right = figure.subplots(1, 3)
    colors = (BLUE, GREEN, VERMILION)
    for row, color in zip(shocks, colors, strict=True):
        p, f = np.array(row["momentum"]), np.array(row["phase_space_density"])
        left.loglog(p, f * p**4 / f[0], color=color,
                    label=f"r = {row['compression']:g}: q = {row['index']:.3f}")  # fmt: skip
        law = (p / p[8]) ** (4 - row["expected_index"]) * f[8] * p[8] ** 4 / f[0]
        left.loglog(p, law, "--", color=GREY)
    p, f = np.array(wide["momentum"]), np.array(wide["phase_space_density"])
    left.loglog(p, f * p**4 / f[0], color=GREY, label=f"r = {wide['compression']:g}, wide")
    left.set_ylim(1e-7, 10)
    for row, color in zip(modulated, colors, strict=False):
        middle.semilogx(row["momentum"], row["share"], color=color,
                        label=f"{row['potential']:g} GV")  # fmt: skip
        middle.semilogx(row["momentum"], row["force_field"], "--", color=color)
    for row, color in zip(halo, colors, strict=True):
        z = np.array(row["height"]) / 1e3
        right.plot(z, row["density"], "o", ms=4, color=color, label=f"{row['wind']:g} km/s")
        right.plot(z, row["expected"], "--", color=color)
    for axes in (left, middle, right):
        add_legend(axes)
    polish(left, x_label="$p/p_0$", y_label="$p^4 f$", title="shocks; dashed: theory")
    polish(middle, x_label="rigidity [GV]", y_label="share at 1 au",
           title="modulation; dashed: force field")  # fmt: skip
    polish(right, x_label="height [kpc]", y_label="density",
           title="halo with a wind; dashed: theory")  # fmt: skip
    return figure


PARKER = Experiment(
    "parker",
    "Parker's equation beside closed forms: shock, modulation, halo, expansion",
    "Parker 1965; Gleeson & Axford 1968; Drury 1983",
    run,
)
