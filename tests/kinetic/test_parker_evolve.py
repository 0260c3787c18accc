"""Transport in time: Green functions, advected pulses, adiabatic changes, conservation."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erfc

from jaxcr.kinetic import (
    CartesianGrid,
    MomentumGrid,
    Outflow,
    ParkerProblem,
    Prescribed,
    Reflecting,
    evolve_parker,
    solve_parker,
)

CLOSED = (Reflecting(), Reflecting())
ROUND_OFF = 1e-12  # sums over cells and steps, each to 1e-16


def pulse(x, time, kappa, speed):
    """The Green function of diffusion in a uniform flow, one particle in all."""
    return jnp.exp(-((x - speed * time) ** 2) / (4 * kappa * time)) / jnp.sqrt(
        4 * jnp.pi * kappa * time
    )


@pytest.mark.slow
def test_advected_pulse_converges_at_second_order_and_conserves_particles():
    kappa, speed, times = 0.25, 1.0, jnp.array([1.0, 2.0, 3.0])
    errors = []
    for length in (28.8, 14.4):  # the same pulse on cells half as wide
        grid = CartesianGrid(2.0 + length * jnp.linspace(-0.5, 0.5, 385))
        problem = ParkerProblem(grid, diffusion=kappa, velocity=lambda x: jnp.full_like(x, speed))
        x = grid.centers(0)
        initial = pulse(x, 1.0, kappa, speed)
        found = evolve_parker(problem, initial, times=times, step=length / 960)
        errors.append(float(jnp.sum(jnp.abs(found.density[-1, 0] - pulse(x, 3.0, kappa, speed)))))
        errors[-1] *= length / 384
        np.testing.assert_allclose(found.total + found.gone, found.total[0], rtol=ROUND_OFF)
    # in L1; the limiter takes a little off the crest
    assert np.log2(errors[0] / errors[1]) > 1.9
    assert errors[1] < 3e-4  # of one particle


def test_a_front_gets_no_new_extrema():
    grid = CartesianGrid(jnp.linspace(-10.0, 14.0, 97))
    problem = ParkerProblem(
        grid,
        diffusion=1e-9,
        velocity=lambda x: jnp.full_like(x, 1.0),
        boundaries=((Outflow(), Outflow()),),
    )
    block = jnp.where(jnp.abs(grid.centers(0)) < 3, 1.0, 0.0)
    found = evolve_parker(problem, block, times=jnp.array([1.0, 2.0, 3.0]), step=0.125)
    assert float(found.density.min()) > -1e-8  # diffusion of 1e-9 over cells of .4
    assert float(found.density.max()) < 1 + 1e-8


@pytest.mark.slow  # compiles for fifteen seconds
def test_anisotropic_diffusion_in_a_closed_box_is_the_green_function():
    """In an oblique field: a Gaussian whose covariance grows by 2 kappa t."""
    angle, parallel, across = 0.6, 0.8, 0.2
    b = np.array([np.cos(angle), np.sin(angle)])
    kappa = across * np.eye(2) + (parallel - across) * np.outer(b, b)
    times = jnp.array([2.0, 3.0])
    edges = jnp.linspace(-8.0, 8.0, 33)
    grid = CartesianGrid(edges, edges)
    problem = ParkerProblem(
        grid, diffusion=lambda x, p: jnp.asarray(kappa), boundaries=(CLOSED, CLOSED)
    )

    def green(time):
        covariance = 2 * kappa * time
        x = np.asarray(grid.cells())
        square = np.einsum("...i,ij,...j->...", x, np.linalg.inv(covariance), x)
        return np.exp(-square / 2) / np.sqrt(np.linalg.det(2 * np.pi * covariance))

    found = evolve_parker(problem, jnp.asarray(green(2.0)), times=times, step=0.1)
    # two cells to a width across the field: second order leaves a per cent
    np.testing.assert_allclose(found.density[-1, 0], green(3.0), atol=0.02 * green(3.0).max())
    np.testing.assert_allclose(found.total, found.total[0], rtol=ROUND_OFF)
    np.testing.assert_allclose(found.gone, 0.0, atol=ROUND_OFF)


@pytest.mark.slow
def test_uniform_expansion_cools_every_particle_alike():
    """f(p, t) = f0(p exp(rate t/3)), so N = exp(-rate t) N0(p exp(rate t/3))."""
    rate, duration = 0.1, 5.0

    def spectrum(p):
        return jnp.exp(-(jnp.log(p / 100) ** 2))

    errors = []
    for low, high in ((1.0, 1e4), (10.0, 1e3)):  # the same spectrum in cells half as wide
        momentum = MomentumGrid(low, high, 32, reference_index=0.0)
        problem = ParkerProblem(
            CartesianGrid(jnp.linspace(-10.0, 10.0, 9)),
            diffusion=0.01,
            momentum=momentum,
            velocity=lambda x: rate * x,
            boundaries=((Outflow(), Outflow()),),
        )
        p = momentum.centers()
        initial = spectrum(p)[:, None] * jnp.ones((1, 8))
        found = evolve_parker(problem, initial, times=jnp.array([0.0, duration]), step=0.5)
        exact = np.exp(-rate * duration) * spectrum(p * np.exp(rate * duration / 3))
        middle = (p > 20) & (p < 500)
        errors.append(float(jnp.mean(jnp.abs(found.density[-1, :, 4] - exact)[middle])))
        np.testing.assert_allclose(found.total + found.gone, found.total[0], rtol=ROUND_OFF)
    assert np.log2(errors[0] / errors[1]) > 1.7  # limited at the crest of the spectrum
    assert errors[1] < 5e-3


@pytest.mark.slow  # three programs, half a minute
def test_long_times_give_the_steady_state_and_derivatives_both_ways():
    grid = CartesianGrid(jnp.linspace(0.0, 1.0, 17))

    def problem(kappa):
        return ParkerProblem(grid, diffusion=kappa, source=jnp.ones(16))

    steady = solve_parker(problem(jnp.asarray(0.5))).density[0]
    times = jnp.array([0.0, 10.0])

    def late(kappa, adjoint):
        found = evolve_parker(
            problem(kappa),
            jnp.zeros(16),
            times=times,
            step=0.25,
            adjoint=adjoint,
        )
        return found.density[-1, 0, 8]

    kappa = jnp.asarray(0.5)
    # slowest mode: exp(-kappa pi² t) = 1e-21
    reverse = jax.jit(jax.value_and_grad(lambda k: late(k, None)))
    value, slope = reverse(kappa)
    np.testing.assert_allclose(value, steady[8], rtol=1e-9)
    np.testing.assert_allclose(slope, -value / kappa, rtol=1e-8)  # N ~ 1/kappa
    forward = jax.jit(lambda k: jax.jvp(lambda x: late(x, diffrax.ForwardMode()), (k,), (1.0,))[1])
    np.testing.assert_allclose(forward(kappa), slope, rtol=1e-10)


@pytest.mark.slow
def test_an_empty_box_fills_through_a_prescribed_end():
    problem = ParkerProblem(
        CartesianGrid(jnp.linspace(0.0, 1.0, 17)),
        diffusion=1.0,
        boundaries=((Prescribed(1.0), Reflecting()),),
    )
    found = evolve_parker(problem, jnp.zeros(16), times=jnp.array([0.0, 0.05, 20.0]))
    x = problem.grid.centers(0)
    # early as in an endless medium, erfc(x/sqrt(4 t)); late full
    np.testing.assert_allclose(found.density[1, 0, :8], erfc(x[:8] / 0.2**0.5), atol=0.01)
    np.testing.assert_allclose(found.density[2, 0], 1.0, atol=1e-6)


def simple_problem():
    return ParkerProblem(
        CartesianGrid(jnp.linspace(0.0, 1.0, 17)),
        diffusion=1.0,
        velocity=lambda x: jnp.full_like(x, 2.0),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial": jnp.ones(15)}, r"initial: expected shape \(1, 16\), got"),
        ({"times": jnp.array([1.0, 1.0])}, "steps of times: expected a positive number"),
        ({"times": jnp.array([1.0])}, "number of times: expected a number >= 2"),
        ({"step": 0.05}, "at most the Courant limit, 0.03125 pc, got 0.05"),
        ({"step": 0.0}, "step: expected a positive number, got 0"),
    ],
)
def test_bad_input_is_named(arguments, message):
    good = {"initial": jnp.ones(16), "times": jnp.array([0.0, 1.0])}
    with pytest.raises(ValueError, match=message):
        evolve_parker(simple_problem(), **(good | arguments))
