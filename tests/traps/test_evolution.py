import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize

from jaxcr.traps import (
    AbsorbingEnd,
    Chain,
    MatrixExponential,
    ReflectingEnd,
    Spectrum,
    TrapGraph,
    escape_time,
    evolve,
    generator_matrix,
    relaxation_modes,
    relaxation_rates,
    steady_state,
)

ENDS = {True: AbsorbingEnd(), False: ReflectingEnd()}
METHODS = [MatrixExponential(), Spectrum()]


def uniform(a, num_sites, *, left_open=True, right_open=True):
    rate = jnp.ones(num_sites)
    return Chain(a * rate, rate, left_end=ENDS[left_open], right_end=ENDS[right_open])


@pytest.mark.parametrize("a", [0.5, 1.0, 1.7])
def test_rates_of_an_open_chain(a):
    k = np.arange(1, 41)
    expected = a + 1 - 2 * np.sqrt(a) * np.cos(k * np.pi / 41)
    np.testing.assert_allclose(relaxation_rates(uniform(a, 40)), expected, rtol=1e-10)


@pytest.mark.parametrize("a", [0.5, 1.0, 1.7])
def test_rates_of_a_closed_chain(a):
    k = np.arange(1, 40)
    expected = a + 1 - 2 * np.sqrt(a) * np.cos(k * np.pi / 40)
    rates = relaxation_rates(uniform(a, 40, left_open=False, right_open=False))
    assert rates[0] == 0
    np.testing.assert_allclose(rates[1:], expected, rtol=1e-10)


def half_open_rates(a, num_sites):
    """All g + r - 2 sqrt(gr) cos(th) with sqrt(a) sin((N+1) th) = sin(N th), and th = i phi."""

    def condition(th):
        return np.sqrt(a) * np.sin((num_sites + 1) * th) - np.sin(num_sites * th)

    grid = np.linspace(1e-9, np.pi - 1e-9, 400 * num_sites)
    value = condition(grid)
    crossing = np.flatnonzero(value[:-1] * value[1:] < 0)
    roots = [scipy.optimize.brentq(condition, grid[i], grid[i + 1], xtol=1e-15) for i in crossing]
    rates = [a + 1 - 2 * np.sqrt(a) * np.cos(th) for th in roots]
    if a < (num_sites / (num_sites + 1)) ** 2:
        phi = scipy.optimize.brentq(
            lambda p: np.sqrt(a) * np.sinh((num_sites + 1) * p) / np.sinh(num_sites * p) - 1,
            1e-9, 10.0, xtol=1e-15,
        )  # fmt: skip
        rates.append(a + 1 - 2 * np.sqrt(a) * np.cosh(phi))
    return np.sort(rates)


@pytest.mark.parametrize("a", [0.8, 1.0, 1.7])
def test_rates_of_a_chain_with_one_open_end(a):
    rates = relaxation_rates(uniform(a, 12, left_open=False))
    np.testing.assert_allclose(rates, half_open_rates(a, 12), rtol=1e-10)


def test_the_metastable_rate_keeps_its_accuracy():
    chain = uniform(1 / 50, 40, left_open=False)
    rate = relaxation_rates(chain)[0]
    # 1/rate is the mean escape time from the metastable distribution n_j ~ a^j, up to the
    # ratio of the two slowest rates, 1e-67
    weight = (1 / 50) ** jnp.arange(40.0)
    expected = jnp.sum(weight * escape_time(chain)) / jnp.sum(weight)
    np.testing.assert_allclose(rate * expected, 1.0, rtol=1e-12)
    assert rate < 1e-65


@pytest.mark.slow
def test_the_metastable_rate_has_a_derivative():
    def log_rate(a):
        return jnp.log(relaxation_rates(uniform(a, 40, left_open=False))[0])

    step = 1e-6
    difference = (log_rate(0.02 + step) - log_rate(0.02 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(log_rate)(0.02), difference, rtol=1e-7)


def test_modes_diagonalise_the_generator(rng):
    right, left = 10.0 ** rng.uniform(-1, 1, (2, 8))
    chain = Chain(jnp.asarray(right), jnp.asarray(left), left_end=ENDS[True], right_end=ENDS[True],
                  loss_rate=jnp.asarray(rng.uniform(0, 1, 8)))  # fmt: skip
    modes = relaxation_modes(chain)
    np.testing.assert_allclose(modes.left @ modes.right, np.eye(8), atol=1e-12)
    matrix = modes.right @ jnp.diag(-modes.rate) @ modes.left
    np.testing.assert_allclose(matrix, generator_matrix(chain), atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_evolution_of_an_open_chain_by_its_modes(method, a):
    num_sites, j = 20, np.arange(1, 21)
    chain = uniform(a, num_sites)
    source = jnp.zeros(num_sites).at[-1].set(3.0)
    start = jnp.linspace(0.0, 2.0, num_sites)
    steady = np.asarray(steady_state(chain, source))
    times = np.array([0.0, 0.3, 5.0, 80.0])
    expected = np.tile(steady, (4, 1))
    for k in range(1, num_sites + 1):
        sine = np.sin(j * k * np.pi / 21)
        amplitude = 2 / 21 * np.sum(a ** (-j / 2) * sine * (np.asarray(start) - steady))
        rate = a + 1 - 2 * np.sqrt(a) * np.cos(k * np.pi / 21)
        expected += amplitude * np.exp(-rate * times)[:, None] * a ** (j / 2) * sine
    out = evolve(chain, start, jnp.asarray(times), source=source, method=method)
    # 1e-11: a^10 between the ends of a mode
    np.testing.assert_allclose(out, expected, atol=1e-11)


def test_evolution_of_any_chain_against_an_integrator(rng):
    right, left = 10.0 ** rng.uniform(-1, 1, (2, 6))
    chain = Chain(jnp.asarray(right), jnp.asarray(left), left_end=ENDS[False],
                  right_end=ENDS[True], loss_rate=jnp.asarray(rng.uniform(0, 1, 6)))  # fmt: skip
    source = jnp.asarray(rng.uniform(0, 1, 6))
    start = jnp.asarray(rng.uniform(0, 1, 6))
    matrix = np.asarray(generator_matrix(chain))
    solution = scipy.integrate.solve_ivp(
        lambda _, n: matrix @ n + np.asarray(source), (0, 3), np.asarray(start),
        method="Radau", rtol=1e-10, atol=1e-12, t_eval=[1.0, 3.0],
    )  # fmt: skip
    out = evolve(chain, start, jnp.array([1.0, 3.0]), source=source)
    np.testing.assert_allclose(out, solution.y.T, rtol=1e-8)


def test_a_closed_chain_keeps_its_particles_and_finds_its_equilibrium():
    chain = uniform(1.3, 10, left_open=False, right_open=False)
    out = evolve(chain, jnp.zeros(10).at[0].set(1.0), jnp.array([0.5, 5.0, 1e6]))
    np.testing.assert_allclose(jnp.sum(out, axis=1), 1.0, rtol=1e-8)
    weight = 1.3 ** np.arange(10.0)
    # 1e-8: the rounding of one step, squared twenty times
    np.testing.assert_allclose(out[-1], weight / weight.sum(), rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_evolution_has_derivatives(method):
    def last(a):
        start = jnp.ones(6)
        return evolve(uniform(a, 6), start, jnp.array([2.0]), method=method)[0, 2]

    step = 1e-5
    difference = (last(1.2 + step) - last(1.2 - step)) / (2 * step)
    np.testing.assert_allclose(jax.grad(last)(1.2), difference, rtol=1e-8)
    np.testing.assert_allclose(jax.jacfwd(last)(1.2), difference, rtol=1e-8)


def test_bad_times_and_shapes_are_rejected():
    chain = uniform(1.0, 3)
    with pytest.raises(ValueError, match=r"evolve: times: expected a number >= 0, got -1.0 at"):
        evolve(chain, jnp.ones(3), jnp.array([0.0, -1.0]))
    with pytest.raises(ValueError, match=r"evolve: initial: expected shape \(3,\)"):
        evolve(chain, jnp.ones(4), jnp.array([1.0]))
    with pytest.raises(ValueError, match=r"evolve: source: expected a number >= 0, got -1.0"):
        evolve(chain, jnp.ones(3), jnp.array([1.0]), source=-jnp.ones(3))
    with pytest.raises(ValueError, match=r"evolve: times: expected a number in \[0, 5e\+08\]"):
        evolve(chain, jnp.ones(3), jnp.array([1e12]))


def test_zero_rates_inside_have_no_modes():
    chain = Chain(
        jnp.array([1.0, 0.0, 1.0]), jnp.ones(3), left_end=ENDS[True], right_end=ENDS[True]
    )
    with pytest.raises(ValueError, match=r"relaxation_modes: chain: expected positive rates"):
        relaxation_rates(chain)


def test_a_metastable_chain_fills_without_cancellation():
    # steady occupations of 1e17: at first the chain just collects what it is fed
    chain = uniform(1 / 50, 10, left_open=False)
    out = evolve(chain, jnp.zeros(10), jnp.array([1e-3, 10.0]), source=jnp.zeros(10).at[0].set(2.0))
    np.testing.assert_allclose(jnp.sum(out, axis=1), [2e-3, 20.0], rtol=1e-11)
    closed = uniform(1.0, 4, left_open=False, right_open=False)
    filled = evolve(closed, jnp.zeros(4), jnp.array([50.0]), source=jnp.ones(4))
    np.testing.assert_allclose(filled, 50.0, rtol=1e-11)


def test_evolution_compiles_over_known_times():
    times = jnp.array([1.0])
    compiled = jax.jit(lambda n: evolve(uniform(1.0, 3), n, times))(jnp.ones(3))
    np.testing.assert_allclose(compiled, evolve(uniform(1.0, 3), jnp.ones(3), times), rtol=1e-13)


def test_a_chain_of_a_thousand_sites_spreads_as_the_dense_matrix_says():
    # far more than the 128 sites up to which the matrix is squared
    num = 300
    for a in (1.0, 1.4):
        chain = uniform(a, num)
        start = jnp.zeros(num).at[num // 2].set(1.0)
        out = evolve(chain, start, jnp.array([90.0, 0.0, 20.0]), source=0.01 * start)
        matrix = np.zeros((num + 1, num + 1))
        matrix[:-1, :-1] = generator_matrix(chain)
        matrix[:-1, -1] = 0.01 * start
        for row, time in zip(out, (90.0, 0.0, 20.0), strict=True):
            expected = scipy.linalg.expm(matrix * time) @ np.append(start, 1.0)
            np.testing.assert_allclose(row, expected[:-1], atol=1e-12)


def test_too_few_substeps_give_nan_and_not_a_number():
    chain = uniform(3.0, 200)
    start = jnp.ones(200)

    def last(method):
        return jax.jit(lambda t: evolve(chain, start, t, method=method))(jnp.array([90.0]))

    assert np.all(np.isnan(last(MatrixExponential())))  # 180 hops of drift in 64 substeps
    assert np.all(np.isfinite(last(MatrixExponential(substeps=200))))


def test_the_sum_over_modes_does_not_cancel_a_large_steady_state():
    # steady occupations of 1e9 were subtracted from what is there: 3e-4 was lost of it
    chain = uniform(2.0, 30, right_open=False)
    args = chain, jnp.ones(30), jnp.array([0.0, 1.0, 3.0])
    by_modes, dense = (evolve(*args, source=jnp.arange(30.0), method=m) for m in
                       (Spectrum(), MatrixExponential()))  # fmt: skip
    np.testing.assert_allclose(by_modes, dense, rtol=1e-10)


def test_one_site_with_a_source_that_swings():
    # n' = -w n + 1 + cos(3 t): closed form
    site = Chain(jnp.array([0.7]), jnp.array([0.5]), left_end=ENDS[True], right_end=ENDS[True])
    times = jnp.array([2.0, 0.3, 5.0])

    def expected(t, w=1.2, k=3.0):
        steady = 1 / w + (w * np.cos(k * t) + k * np.sin(k * t)) / (w**2 + k**2)
        return steady + np.exp(-w * t) * (2.0 - 1 / w - w / (w**2 + k**2))

    @functools.partial(jax.jit, static_argnums=0)
    def at(num_steps):
        source = lambda t: 1 + jnp.cos(3 * t)[None]  # noqa: E731
        return evolve(site, jnp.array([2.0]), times, source=source, num_steps=num_steps)[:, 0]

    errors = [np.max(np.abs(np.asarray(at(n)) - expected(times))) for n in (32, 64)]
    assert errors[1] < 1e-6
    assert 3.8 < np.log2(errors[0] / errors[1]) < 4.2


def test_rates_that_change_together_only_change_the_time(rng):
    right, left = jnp.asarray(10.0 ** rng.uniform(-1, 1, (2, 6)))

    def chain(factor):
        return Chain(factor * right, factor * left, left_end=ENDS[False], right_end=ENDS[False])

    start, times = jnp.arange(6.0), jnp.array([0.5, 2.0])
    driven = evolve(lambda t: chain(1 + 0.8 * jnp.sin(2 * t)), start, times)
    clock = times + 0.4 * (1 - jnp.cos(2 * times))
    # 1e-8: quadrature of the factor by 64 steps of order 4, times the largest rate
    np.testing.assert_allclose(driven, evolve(chain(1.0), start, clock), rtol=1e-8)
    np.testing.assert_allclose(jnp.sum(driven, axis=1), 15.0, rtol=1e-12)


@pytest.mark.slow
def test_rates_that_do_not_commute_against_an_integrator():
    graph = TrapGraph([0, 1, 2, 0], [1, 2, 0, 2], jnp.ones(4), exit_rates=[0.0, 0.3, 0.0])

    def rates(t):
        swing = jnp.sin(t * jnp.arange(1.0, 5.0))
        return eqx.tree_at(lambda g: g.rate, graph, 1 + 0.9 * swing)

    def slope(t, n):
        return np.asarray(generator(t)) @ n + np.array([np.exp(-t), 0, 0])

    generator = jax.jit(lambda t: generator_matrix(rates(t)))
    solution = scipy.integrate.solve_ivp(slope, (0, 3), np.ones(3), rtol=1e-10, atol=1e-12)
    out = evolve(rates, jnp.ones(3), jnp.array([3.0]),
                 source=lambda t: jnp.exp(-t) * jnp.eye(3)[0])  # fmt: skip
    np.testing.assert_allclose(out[0], solution.y[:, -1], rtol=2e-7)
