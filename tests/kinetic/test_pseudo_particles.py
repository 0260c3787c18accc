"""Pseudo-particles against closed forms, k standard errors at fixed keys, k stated."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm

from jaxcr.kinetic.parker import (
    CartesianGrid,
    FreeEscape,
    MomentumGrid,
    Outflow,
    ParkerProblem,
    Prescribed,
    Reflecting,
    SphericalGrid,
)
from jaxcr.kinetic.stochastic.density import pseudo_particle_density, residence_density
from jaxcr.kinetic.stochastic.directions import Backward, Forward
from jaxcr.kinetic.stochastic.forward import pseudo_particles

PATHS = {"num_particles": 2000, "num_steps": 600}


def deviation(estimate, exact):
    """In standard errors."""
    return float((estimate.value - exact) / estimate.error)


class Exponential(eqx.Module):
    """kappa = low exp(slope x); with ``keep`` = 0 its derivative is left out."""

    low: jax.Array
    slope: jax.Array
    keep: jax.Array

    def __call__(self, position, momentum):
        fixed = lax.stop_gradient(position)
        return self.low * jnp.exp(self.slope * (fixed + self.keep * (position - fixed)))[0]


class Disc(eqx.Module):
    """A source of a given half width with smooth edges, so that steps need not resolve jumps."""

    width: jax.Array

    def __call__(self, position, momentum):
        return jnp.exp(-((position[0] / self.width) ** 2) / 2)


class Wind(eqx.Module):
    """u = speed x."""

    speed: jax.Array

    def __call__(self, position):
        return self.speed * position


def halo(low=0.5, slope=0.0, keep=1.0, speed=0.0):
    """A halo from -1 to 1 with free escape; numbers as arrays, so that it is compiled once."""
    low, slope, keep, speed = (jnp.asarray(x, float) for x in (low, slope, keep, speed))
    return ParkerProblem(
        CartesianGrid(jnp.linspace(-1, 1, 11)),
        diffusion=Exponential(low, slope, keep),
        velocity=Wind(speed),
        source=Disc(jnp.asarray(0.3, float)),
    )


def halo_density(problem, key):
    return pseudo_particle_density(problem, jnp.array([0.3]), key=key, duration=6.0, **PATHS)


def exact_halo(low, slope, at=0.3):
    """-(kappa N')' = S: kappa N' = C - A(x) with A the source below x, and N(±1) = 0."""

    def source_below(x):
        return quad(lambda y: np.exp(-((y / 0.3) ** 2) / 2), -1, x)[0]

    def resistance(x):
        return np.exp(-slope * x) / low

    upper = quad(lambda x: resistance(x) * source_below(x), -1, 1)[0]
    constant = upper / quad(resistance, -1, 1)[0]
    return quad(lambda x: (constant - source_below(x)) * resistance(x), -1, at)[0]


def test_halo_with_free_escape(key):
    result = halo_density(halo(), key)
    assert abs(deviation(result.density, exact_halo(0.5, 0.0))) < 3
    # exits of Brownian motion from 0.3: (1 ± 0.3)/2, within 4 binomial errors of 2000 paths
    np.testing.assert_allclose(result.through_ends, [[0.35, 0.65]], atol=0.043)
    # all weight is accounted for, up to round-off of 400 steps
    np.testing.assert_allclose(jnp.sum(result.through_ends) + result.inside, 1, rtol=1e-13)
    # the slowest mode decays as exp(-kappa (pi/2)² 6) = 6e-4
    assert result.inside < 2e-3


def test_the_divergence_of_the_tensor_counts(key):
    exact = exact_halo(0.5, 1.0)
    assert abs(deviation(halo_density(halo(0.5, 1.0), key).density, exact)) < 3
    assert abs(deviation(halo_density(halo(0.5, 1.0, keep=0.0), key).density, exact)) > 5


def exact_stream(kappa, speed, at):
    """u N - kappa N' = F0 + A(x) with A the source below x, N(-1) = 0 and N'(1) = 0."""

    def integral(function, end):
        decayed = quad(lambda y: function(y) * np.exp(-speed * y / kappa), -1, end)[0]
        return -decayed * np.exp(speed * end / kappa) / kappa

    def source_below(x):
        return quad(lambda y: np.exp(-((y / 0.3) ** 2) / 2), -1, x)[0]

    ones, source = (integral(f, 1.0) for f in (np.ones_like, source_below))
    first = (source_below(1.0) / speed - source) / (ones - 1 / speed)
    return [integral(lambda y: first + source_below(y), float(x)) for x in at]


@pytest.mark.slow
def test_residence_is_the_density(key):
    """A stream out of a disc that leaves through an open end, and escapes upstream."""
    problem = ParkerProblem(
        CartesianGrid(jnp.linspace(-1, 1, 11)),
        diffusion=0.5,
        velocity=lambda x: jnp.full_like(x, 0.6),
        source=Disc(jnp.asarray(0.3)),
        boundaries=((FreeEscape(), Outflow()),),
    )
    result = residence_density(problem, key=key, duration=10.0, **PATHS)
    exact = jnp.asarray(exact_stream(0.5, 0.6, problem.grid.centers(0)))
    # 3.5 in each of ten correlated cells; a mean over a cell differs from its middle by
    # N'' 0.2²/24, half a per cent where standard errors are two
    assert jnp.max(jnp.abs((result.density.value[0] - exact) / result.density.error[0])) < 3.5
    np.testing.assert_allclose(jnp.sum(result.through_ends) + result.inside, 1, rtol=1e-13)


def test_gradient_by_diffusion_and_wind(key):
    def density(parameters):
        low, speed = parameters
        return halo_density(halo(low, 0.5, speed=speed), key).density.value

    at, step = jnp.array([0.5, 0.2]), 1e-5
    shifts = step * jnp.eye(2)
    differences = [(density(at + d) - density(at - d)) / (2 * step) for d in shifts]
    # 1e-3: kinks where a path lands beyond an end, a share of order `step` of all paths
    np.testing.assert_allclose(jax.grad(density)(at), differences, rtol=1e-3)


# A wind that leaves the plane of a disc on both sides: adiabatic losses in the plane only.
HEIGHT, SPEED, THICK, INDEX, DELTA = 1.0, 0.8, 0.2, 1.2, 0.5


def wind_halo_at_the_plane(momentum, low, high):
    """Return N(0, p) with kappa = 0.4 p^delta and S = p^-index below THICK.

    Above the plane u N - kappa N' = F(z) = F0 + Q min(z/h, 1), so that N(0) is the integral of
    F exp(-u z/kappa)/kappa = F0 A + Q B; the losses in the plane are F0 = (u/3) dN(0)/dlnp.
    """

    def slope(log_p, density):
        kappa = 0.4 * np.exp(DELTA * log_p)
        rate = SPEED / kappa
        a = (1 - np.exp(-rate * HEIGHT)) / SPEED
        within = (1 - np.exp(-rate * THICK) * (1 + rate * THICK)) / (rate * THICK)
        b = (within + np.exp(-rate * THICK) - np.exp(-rate * HEIGHT)) / SPEED
        injected = THICK * np.exp(-INDEX * log_p)
        return 3 / SPEED * (density - injected * b) / a

    span = (np.log(high), np.log(momentum))
    return solve_ivp(slope, span, [0.0], rtol=1e-9, atol=1e-12).y[0, -1]


@pytest.mark.slow
def test_halo_with_wind_and_losses_in_the_plane(key):
    problem = ParkerProblem(
        CartesianGrid(jnp.linspace(0, HEIGHT, 11)),
        momentum=MomentumGrid(1.0, 10.0, 10),
        diffusion=lambda x, p: 0.4 * p**DELTA,
        velocity=lambda x: jnp.full_like(x, SPEED),
        source=lambda x, p: jnp.where(x[0] < THICK, p**-INDEX, 0),
        boundaries=((Reflecting(), FreeEscape()),),
    )
    result = pseudo_particle_density(
        problem, jnp.array([0.0]), 2.0, key=key, num_particles=2000, duration=5.0, num_steps=1000
    )
    exact = wind_halo_at_the_plane(2.0, 1.0, 10.0)
    assert abs(deviation(result.density, exact)) < 3


RISE, STREAM, STEEP, LOSS, DECAY, INNER = 0.6, 0.5, 1.5, 0.1, 0.2, 0.2


def modulation(key, *, num_particles, num_steps):
    """A sphere where all scales with r: kappa = RISE r, and losses as 1/r."""
    problem = ParkerProblem(
        SphericalGrid(jnp.linspace(INNER, 1, 11)),
        momentum=MomentumGrid(1.0, 1e6, 10),
        diffusion=lambda x, p: RISE * x[0],
        velocity=lambda x: jnp.full_like(x, STREAM),
        momentum_loss=lambda x, p: LOSS / x[0],
        loss_rate=lambda x, p: DECAY / x[0],
        boundaries=((Reflecting(), Prescribed(lambda x, p: p**-STEEP)),),
    )
    result = pseudo_particle_density(
        problem, jnp.array([0.4]), 2.0, key=key, duration=3.0,
        num_particles=num_particles, num_steps=num_steps,
    )  # fmt: skip
    return result.density


def exact_modulation():
    """N = p^-a (C1 r^s1 + C2 r^s2), k s (s + 2) - V s - 2 V (1 + a/3) - a b r - r/T = 0.

    Nothing passes the inner wall, where the wind begins and cools: k r N' = V (1 + a/3) N.
    """
    cooled = STREAM * (1 + STEEP / 3)
    roots = np.roots([RISE, 2 * RISE - STREAM, -2 * cooled - STEEP * LOSS - DECAY])
    wall = (RISE * roots - cooled) * INNER**roots
    factors = np.array([1, -wall[0] / wall[1]])
    return 2.0**-STEEP * (factors @ 0.4**roots) / np.sum(factors)


def test_modulation_in_a_sphere(key):
    # 3 errors of 2%, beside 1% of bias at this step
    density = modulation(key, num_particles=2000, num_steps=900)
    assert abs(deviation(density, exact_modulation())) < 3


@pytest.mark.slow
def test_weak_order_one(key):
    """Inner wall, outer end, weights and shells together lose a bias as the first power."""
    bias = []
    for num_steps in (150, 300, 600):
        density = modulation(key, num_particles=60_000, num_steps=num_steps)
        bias.append(float(density.value / exact_modulation() - 1))
    # 0.0030 of noise in each: 6% bias with 150 steps, then a half and a quarter of it
    np.testing.assert_allclose([2 * bias[1], 4 * bias[2]], bias[0], atol=4 * 4 * 0.003)
    np.testing.assert_allclose(bias[0], -0.06, atol=0.012)


TURN, SPREAD, SQUEEZE = 1.5, jnp.array([[0.3, 0.1], [0.1, 0.15]]), 0.3


def turning(position, momentum):
    """kappa_xy = -(TURN/2) r² = -kappa_yx, whose drift velocity turns: v = TURN (-y, x)."""
    drift = -TURN / 2 * jnp.sum(position**2)
    return SPREAD + drift * jnp.array([[0.0, 1.0], [-1.0, 0.0]])


def moments(position, path, covariance):
    """Return mean and covariance: dm = M m ds, dC = (M C + C M^T + 2 kappa) ds."""
    matrix = TURN * np.array([[0.0, -1.0], [1.0, 0.0]])
    flow = expm(matrix * path)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    spread = sum(
        w * path / 2 * expm(matrix * s) @ (2 * np.asarray(SPREAD)) @ expm(matrix * s).T
        for s, w in zip(path / 2 * (1 + nodes), weights, strict=True)
    )
    return flow @ position, flow @ covariance @ flow.T + spread


def square(half, boundaries=None):
    """A box with losses b = SQUEEZE p, by which 1/p grows as SQUEEZE s, and a loss rate of 0.5."""
    edges = jnp.linspace(-half, half, 5)
    return ParkerProblem(
        CartesianGrid(edges, edges),
        momentum=MomentumGrid(0.1, 100.0, 5),
        diffusion=turning,
        momentum_loss=losses,
        loss_rate=decay,
        boundaries=boundaries,
    )


def losses(position, momentum):
    return SQUEEZE * momentum


def decay(position, momentum):
    return jnp.full_like(momentum, 0.5)


def test_drifts_of_both_directions():
    """By hand: d_j kappa_ij = TURN (-y, x) = -d_i kappa_ij; db/dp = SQUEEZE, 1/T = 0.5.

    D_pp/p² = 0.1 p² has the derivative 0.2 p² = 0.8 by ln p.
    """
    problem = ParkerProblem(
        CartesianGrid(jnp.linspace(-1, 1, 5), jnp.linspace(-1, 1, 5)),
        momentum=MomentumGrid(0.1, 100.0, 5),
        diffusion=turning,
        velocity=lambda x: jnp.stack([0.6 * x[0], 0.1 * x[0]]),
        momentum_loss=losses,
        momentum_diffusion=lambda x, p: 0.1 * p**2,
        loss_rate=decay,
    )
    place, momentum, turned = jnp.array([0.2, -0.5]), jnp.asarray(2.0), TURN * np.array([0.5, 0.2])
    flow, b = np.array([0.12, 0.02]), SQUEEZE * 2.0
    expected = {
        Forward(): (flow + turned, 1.2 + 0.8 - (0.2 + b), -0.5),
        Backward(): (-flow - turned, 0.2 + b + 0.8 - 1.2, b - 0.6 - 0.5 - 3 * 0.8),
    }
    drifts = jax.jit(lambda x, p: [way.drift(problem, x, p) for way in expected])
    for found, values in zip(drifts(place, momentum), expected.values(), strict=True):
        for one, value in zip(found, values, strict=True):
            # 1e-14: a handful of roundings
            np.testing.assert_allclose(one, value, rtol=1e-14)


MIXED = ((Reflecting(), FreeEscape()), (FreeEscape(), Outflow()))
WALK = {"duration": 0.8, "num_steps": 160}


def test_a_tensor_that_turns_forward_in_time(key):
    start = jnp.tile(jnp.array([[1.0, 0.0]]), (2000, 1))
    problem = square(20.0, MIXED)
    result = pseudo_particles(problem, start, jnp.full(2000, 2.0), key=key, **WALK)
    last = result.position[:, -1]
    mean, covariance = moments(np.array([1.0, 0.0]), 0.8, np.zeros((2, 2)))
    away = (jnp.mean(last, axis=0) - mean) / np.sqrt(np.diag(covariance) / 2000)
    # 3 standard errors; without the drift velocity the mean would stay, 50 of them away
    assert jnp.max(jnp.abs(away)) < 3
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    # 4 standard errors of variances, sqrt(2/2000) each
    np.testing.assert_allclose(np.cov(np.asarray(last).T) / scale, covariance / scale, atol=0.13)
    # losses to first order in a step of 0.005: (SQUEEZE p) 0.8 0.005/2
    np.testing.assert_allclose(result.momentum[:, -1], 1 / (0.5 + SQUEEZE * 0.8), rtol=2e-3)
    np.testing.assert_allclose(result.weight[:, -1], np.exp(-0.4), rtol=1e-13)
    np.testing.assert_allclose(result.path, [0, 0.8], rtol=1e-15)


def test_every_particle_ends_somewhere(key):
    problem = square(1.0, MIXED)
    start = jnp.zeros((2000, 2))
    momentum = jnp.where(jnp.arange(2000) < 500, 0.101, 2.0)
    result = jax.tree.map(np.asarray, pseudo_particles(problem, start, momentum, key=key, **WALK))
    ended = np.sum(result.through_ends, axis=(1, 2)) + np.sum(result.through_momenta, axis=1)
    # all weight is accounted for, up to round-off of 160 steps
    np.testing.assert_allclose(result.weight[:, -1] + ended + result.lost, 1, rtol=1e-12)
    # inside, below, through the open ends; a wall and an outflow let nobody land beyond
    assert set(np.unique(result.status).tolist()) == {0, 1, 5, 6}
    assert np.all(result.through_ends[:, 0, 0] == 0)
    # 0.101 passes 0.1 at (1/0.1 - 1/0.101)/SQUEEZE = 0.33 pc
    assert np.all(result.status[:500] != 0)
    assert np.all(np.abs(result.position) <= 1)
    at_end = np.max(np.abs(result.position[:, -1]), axis=1) == 1
    assert np.all(at_end == (result.status > 3))
    assert np.all(result.weight[result.status != 0, -1] == 0)


@pytest.mark.slow
def test_a_tensor_that_turns_backward_in_time(key):
    """A cloud about (1, 0) spreads and turns; losses b = SQUEEZE p carry N = p^-2 along.

    1/p falls by SQUEEZE s along a path back, and N(p) is N of the old p times p_old/p.
    """

    def cloud(x, p):
        offset = x - jnp.array([1.0, 0.0])
        return jnp.exp(-jnp.sum(offset**2) / 2) / p**2

    at = jnp.array([0.1, 0.7])
    result = pseudo_particle_density(
        square(20.0), at, 1.0, key=key, num_particles=2000, initial=cloud, **WALK
    )
    mean, covariance = moments(np.array([1.0, 0.0]), 0.8, np.eye(2))
    offset = np.asarray(at) - mean
    shape = np.exp(-offset @ np.linalg.solve(covariance, offset) / 2)
    old = 1 / (1 - SQUEEZE * 0.8)
    exact = np.exp(-0.4) * shape / np.sqrt(np.linalg.det(covariance)) / old
    assert abs(deviation(result.density, exact)) < 3


HALO, CELLS = halo(), {"num_particles": 40, "duration": 1.0, "num_steps": 4}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"duration": 0.0}, "duration: expected a positive number"),
        ({"num_steps": 0}, "num_steps: expected a number >= 1, got 0"),
        ({"num_particles": 30}, "num_particles, num_groups: expected at least 2 groups"),
        ({"num_groups": 1}, "num_particles, num_groups"),
    ],
)
def test_bad_numbers(key, change, match):
    with pytest.raises(ValueError, match=match):
        pseudo_particle_density(HALO, jnp.zeros(1), key=key, **(CELLS | change))
    with pytest.raises(ValueError, match=match):
        residence_density(HALO, key=key, **(CELLS | change))


@pytest.mark.parametrize(
    ("problem", "position", "momentum", "match"),
    [
        (HALO, [1.5], None, r"position: expected a number in \[-1, 1\], got 1.5"),
        (HALO, [0.0, 0.0], None, r"position: expected shape \(1,\), got shape \(2,\)"),
        (HALO, [0.0], 1.0, "momentum: expected none, without momentum grid"),
        (square(1.0), [0.0, 0.0], None, "momentum: expected momenta of the starts, got none"),
        (square(1.0), [0.0, 0.0], 1e3, r"momentum: expected a number in \[0.1, 100\], got 1000"),
    ],
)
def test_bad_starts(key, problem, position, momentum, match):
    with pytest.raises(ValueError, match=match):
        pseudo_particle_density(problem, jnp.array(position), momentum, key=key, **CELLS)


def test_bad_samples(key):
    with pytest.raises(ValueError, match="num_samples: expected a divisor of the 5 steps, got 2"):
        pseudo_particles(HALO, jnp.zeros((3, 1)), key=key, duration=1.0, num_steps=5, num_samples=2)


def test_no_other_way_in_than_the_source(key):
    held = ((FreeEscape(), Prescribed(1.0)),)
    for problem in (
        ParkerProblem(HALO.grid, diffusion=1.0),
        ParkerProblem(HALO.grid, diffusion=1.0, source=HALO.source, boundaries=held),
    ):
        with pytest.raises(ValueError, match="problem: expected a source, and no other way in"):
            residence_density(problem, key=key, **CELLS)


def test_a_negative_coefficient_fails(key):
    with pytest.raises(RuntimeError, match="a pseudo-particle has failed"):
        halo_density(halo(-0.5), key)
