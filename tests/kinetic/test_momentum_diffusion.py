"""Diffusion in momentum against closed forms, on the grid and by pseudo-particles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.kinetic import (
    CartesianGrid,
    FreeEscape,
    MomentumGrid,
    ParkerProblem,
    Reflecting,
    evolve_parker,
    pseudo_particle_density,
    pseudo_particles,
    solve_parker,
)
from jaxcr.kinetic.parker.cells import discretise
from jaxcr.kinetic.parker.momentum import fitted_fluxes

CLOSED = ((Reflecting(), Reflecting()),)
CELLS = 81
ROUND_OFF = 1e-12  # sums over cells and steps, each to 1e-16
RATE, ESCAPE = 0.5, 0.8  # D_pp/p² and 1/T
STEEPNESS = np.sqrt(9 / 4 + ESCAPE / RATE)
"""Powers s of N ~ p^s solve D s (s - 3) = 1/T: s = 3/2 ± this."""


def box(momentum, num_cells=2, **coefficients):
    """Closed in space, where all is uniform: momentum alone."""
    return ParkerProblem(
        CartesianGrid(jnp.linspace(0.0, 1.0, num_cells + 1)),
        diffusion=1.0,
        momentum=momentum,
        boundaries=CLOSED,
        **coefficients,
    )


def exact_escape(y, reach):
    """One particle per pc at ln p = 0, D_pp ~ p², escape, and nobody beyond ±reach in ln p.

    N = p^(3/2) u with D (u'' - k² u) = -delta, k the steepness.
    """
    size = np.sinh(STEEPNESS * (reach - np.abs(y))) / np.cosh(STEEPNESS * reach)
    return np.exp(1.5 * y) * size / (2 * STEEPNESS * RATE)


def test_two_power_laws_about_the_source_converge_at_second_order():
    errors = []
    for reach in (8.0, 4.0):  # cells half as wide
        momentum = MomentumGrid(np.exp(-reach), np.exp(reach), CELLS)
        problem = box(
            momentum,
            momentum_diffusion=RATE,
            loss_rate=lambda x, p: jnp.full_like(p, ESCAPE),
            source=jnp.zeros((CELLS, 2)).at[CELLS // 2].set(1 / momentum.log_width),
        )
        found = solve_parker(problem)
        y = np.log(momentum.centers())
        inner = (np.abs(y) < 3) & (np.abs(y) > 0.3)
        ratio = found.density[:, 0] / exact_escape(y, reach)
        errors.append(float(jnp.max(jnp.abs(ratio - 1)[inner])))
        assert abs(float(found.budget.imbalance)) < ROUND_OFF
        # -D N' at both ends, to the square of a cell
        out = np.exp([-1.5 * reach, 1.5 * reach]) / (2 * np.cosh(STEEPNESS * reach))
        np.testing.assert_allclose(found.budget.through_momenta, out, rtol=0.1)
    assert np.log2(errors[0] / errors[1]) > 1.9
    assert errors[1] < 4e-3  # h² = 0.01


def test_synchrotron_losses_and_diffusion_balance_to_a_maxwellian():
    """b = B p: no flux in N ~ p³ exp(-B p/D). What decays is put back, so that it is steady."""

    def maxwellian(p):
        return p**3 * jnp.exp(-2 * p / RATE)

    problem = box(
        MomentumGrid(1e-3, 10.0, CELLS),
        momentum_diffusion=RATE,
        momentum_loss=lambda x, p: 2 * p,
        loss_rate=lambda x, p: jnp.full_like(p, 1e-3),
        source=lambda x, p: 1e-3 * maxwellian(p),
    )
    p = problem.momentum.centers()
    found = solve_parker(problem).density[:, 0]
    inner = (p > 0.02) & (p < 2)  # up to exp(-8)
    # h²/24 B p/D for coefficients at the edges = .005 at the end; decay of 1e-3 cures little
    np.testing.assert_allclose(found[inner], maxwellian(p[inner]), rtol=8e-3)
    assert float(jnp.min(found)) > 0


def test_equilibrium_of_uniform_rates_has_no_flux_at_all():
    problem = box(
        MomentumGrid(0.1, 10.0, CELLS),
        momentum_diffusion=RATE,
        momentum_loss=lambda x, p: jnp.full_like(p, 2.0),
    )
    p, width = problem.momentum.centers(), problem.momentum.log_width
    density = p[:, None] ** (3 - 2.0 / RATE) * jnp.ones((1, 2))
    # means of the reference power law over cells: the equilibrium is one of means
    shape = problem.momentum.shape_in_cells() / p**-problem.momentum.reference_index
    fluxes = jax.jit(fitted_fluxes)(discretise(problem), density * shape[:, None])
    exchanged = RATE / width * density[1:]  # what passes either way
    np.testing.assert_allclose(fluxes[1:-1] / exchanged, 0.0, atol=1e-13)


def cooled(diffusion, loss):
    """The density of a power law that is injected, cools and escapes."""
    problem = box(
        MomentumGrid(0.1, 10.0, CELLS),
        momentum_diffusion=diffusion,
        momentum_loss=lambda x, p: loss * p,
        loss_rate=lambda x, p: jnp.full_like(p, ESCAPE),
        source=lambda x, p: p**-1.2,
    )
    return solve_parker(problem).density


def test_without_diffusion_it_is_the_march():
    np.testing.assert_allclose(cooled(0.0, 1.0), cooled(None, 1.0), rtol=1e-9)


@pytest.mark.slow  # compiles for ten seconds
def test_derivatives_are_differences():
    @jax.jit
    @jax.value_and_grad
    def at_the_middle(args):
        return cooled(args[0], args[1])[CELLS // 2, 0]

    at = jnp.array([0.02, 1.0])  # z = b h/D from 0.3 to 30: both kinds of edges
    slopes, step = at_the_middle(at)[1], 1e-5
    for number, shift in enumerate(step * np.eye(2) * np.asarray(at)):
        rise = at_the_middle(at + shift)[0] - at_the_middle(at - shift)[0]
        np.testing.assert_allclose(slopes[number], rise / (2 * shift[number]), rtol=1e-7)


def log_normal(y, time):
    """One particle at p = 1 after a time: mean 3 D t and variance 2 D t of ln p."""
    spread = 2 * 0.05 * time
    return jnp.exp(-((y - 1.5 * spread) ** 2) / (2 * spread)) / jnp.sqrt(2 * jnp.pi * spread)


def test_a_pulse_spreads_and_drifts_in_ln_p_and_is_conserved():
    errors = []
    for reach in (6.4, 3.2):
        momentum = MomentumGrid(np.exp(0.5 - reach), np.exp(0.5 + reach), 64)
        problem = box(momentum, momentum_diffusion=0.05)
        y = jnp.log(momentum.centers())
        initial = log_normal(y, 2.0)[:, None] * jnp.ones((1, 2))
        times = jnp.array([2.0, 3.0, 4.0])
        found = evolve_parker(problem, initial, times=times, step=0.05)
        exact = log_normal(y, 4.0)
        errors.append(float(jnp.mean(jnp.abs(found.density[-1, :, 0] - exact)) / jnp.mean(exact)))
        np.testing.assert_allclose(found.total + found.gone, found.total[0], rtol=ROUND_OFF)
        assert float(jnp.min(found.density)) > 0
    assert np.log2(errors[0] / errors[1]) > 1.9
    assert errors[1] < 0.01
    mean = jnp.sum(y * found.density[-1, :, 0]) / jnp.sum(found.density[-1, :, 0])
    np.testing.assert_allclose(mean, 3 * 0.05 * 4, atol=5e-3)  # h²/12 and the ends at 4 sigma


@pytest.mark.slow  # three programs, a minute
def test_iteration_on_many_cells_agrees_with_elimination_and_with_long_times():
    """A halo whose waves live near the plane: gains there, losses everywhere."""

    def problem(num_cells, **changes):
        grid = CartesianGrid(jnp.linspace(0.0, 1.0, num_cells + 1))
        return ParkerProblem(
            grid,
            diffusion=lambda x, p: 0.3 * p**0.4,
            momentum=MomentumGrid(0.1, 100.0, 24),
            velocity=lambda x: 0.3 * x,
            momentum_diffusion=lambda x, p: jnp.exp(-3 * x[0]) * p**-0.4,
            momentum_loss=lambda x, p: 0.05 * p,
            source=lambda x, p: jnp.exp(-((jnp.log(p) / 0.5) ** 2) - 5 * x[0]),
            boundaries=((Reflecting(), FreeEscape()),),
        )

    fine = solve_parker(problem(1536))  # by GMRES
    coarse = solve_parker(problem(48))  # by elimination
    means = fine.density.reshape(24, 48, 32).mean(axis=2)
    # cells of 1/48 against scales of 1/5
    np.testing.assert_allclose(coarse.density, means, atol=2e-3 * float(jnp.max(means)))
    for one in (fine, coarse):
        assert abs(float(one.budget.imbalance)) < 1e-9
    late = evolve_parker(problem(48), jnp.zeros((24, 48)), times=jnp.array([0.0, 30.0]), step=0.03)
    # limited slopes there, and none here
    np.testing.assert_allclose(late.density[-1], coarse.density, atol=5e-3 * coarse.density.max())


@pytest.mark.slow  # compiles for half a minute
def test_two_coordinates_and_momentum():
    edges = jnp.linspace(0.0, 1.0, 41)
    turned = jnp.array([[1.0, 0.4], [0.4, 0.5]])
    problem = ParkerProblem(
        CartesianGrid(edges, edges),
        diffusion=lambda x, p: turned * p**0.3,
        momentum=MomentumGrid(0.1, 10.0, 8),
        velocity=lambda x: jnp.stack([1 + 0.5 * x[1], -0.3 + 0.4 * x[0]]),
        momentum_diffusion=lambda x, p: 1 + x[0],
        source=lambda x, p: jnp.exp(-(jnp.log(p) ** 2)),
    )
    found = solve_parker(problem)
    assert abs(float(found.budget.imbalance)) < 1e-9
    # the flow doubles the particles: more on the side that it goes to
    assert float(found.density[4, 25, 20]) > float(found.density[4, 15, 20]) > 0


def test_pseudo_particles_spread_in_ln_p(key):
    """D_pp ~ p²: exact in any step, with ends far away."""
    problem = box(MomentumGrid(1e-4, 1e5, 4), momentum_diffusion=RATE)
    start = jnp.full((4000, 1), 0.5)
    found = pseudo_particles(problem, start, jnp.ones(4000), key=key, duration=1.2, num_steps=24)
    y = jnp.log(found.momentum[:, -1])
    # 4 standard errors of a mean and of a variance
    assert abs(float(jnp.mean(y)) - 3 * RATE * 1.2) < 4 * np.sqrt(2 * RATE * 1.2 / 4000)
    assert abs(float(jnp.var(y)) / (2 * RATE * 1.2) - 1) < 4 * np.sqrt(2 / 4000)
    np.testing.assert_allclose(found.weight[:, -1], 1.0, rtol=1e-12)


def test_paths_back_know_the_power_laws_and_the_absorbing_ends(key):
    """The source a Gaussian in ln p, the exact density its sum over the Green functions."""
    reach, width = 1.2, 0.4
    problem = box(
        MomentumGrid(np.exp(-reach), np.exp(reach), 24),
        momentum_diffusion=RATE,
        loss_rate=lambda x, p: jnp.full_like(p, ESCAPE),
        source=lambda x, p: jnp.exp(-((jnp.log(p) / width) ** 2) / 2),
    )
    found = pseudo_particle_density(
        problem, jnp.array([0.4]), np.exp(0.5), key=key,
        num_particles=4000, duration=8.0, num_steps=400,
    )  # fmt: skip
    y = np.linspace(-reach, reach, 4001)
    low, high = np.minimum(y, 0.5), np.maximum(y, 0.5)
    green = np.sinh(STEEPNESS * (reach + low)) * np.sinh(STEEPNESS * (reach - high))
    green = green * np.exp(1.5 * (0.5 - y)) / (STEEPNESS * RATE * np.sinh(2 * STEEPNESS * reach))
    exact = np.trapezoid(green * np.exp(-((y / width) ** 2) / 2), y)
    estimate = found.density
    assert abs(float((estimate.value - exact) / estimate.error)) < 4
    assert float(estimate.error) < 0.01 * exact
    assert float(found.inside) < 1e-3


@pytest.mark.parametrize(
    ("diffusion", "message"),
    [(-1.0, "momentum_diffusion: expected rates >= 0"), (np.nan, "momentum_diffusion: .*finite")],
)
def test_bad_diffusion_is_named(diffusion, message):
    with pytest.raises(ValueError, match=message):
        solve_parker(box(MomentumGrid(1.0, 10.0, 4), momentum_diffusion=diffusion))
