import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import (
    LEFT,
    LOST,
    RIGHT,
    AbsorbingEnd,
    Chain,
    ReflectingEnd,
    Spectrum,
    escape_time,
    exit_probability,
    generator_matrix,
    green_function,
    log_escape_time,
    log_exit_probability,
    passage_time_distribution,
    steady_state,
    walk,
)

ROUNDING = 2e-12
N = 60
SITE = np.arange(1, N + 1)


def uniform(a, *, num_sites=N, left_open=True, dtype=jnp.float64):
    rate = jnp.ones(num_sites, dtype)
    left_end = AbsorbingEnd() if left_open else ReflectingEnd()
    return Chain(a * rate, rate, left_end=left_end, right_end=AbsorbingEnd())


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_exit_probabilities_of_an_open_chain(a):
    # the gambler's ruin
    powers = Fraction(a) ** (N + 1)
    if a == 1:
        left = [Fraction(N + 1 - s, N + 1) for s in map(int, SITE)]
    else:
        left = [(1 - Fraction(a) ** (N + 1 - s)) / (1 - powers) for s in map(int, SITE)]
    exits = exit_probability(uniform(a))
    np.testing.assert_allclose(exits.left, [float(x) for x in left], rtol=ROUNDING)
    np.testing.assert_allclose(exits.right, [float(1 - x) for x in left], rtol=ROUNDING)
    np.testing.assert_array_equal(exits.lost, 0)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_escape_time_of_an_open_chain(a):
    # Little's law: T = [(N + 1) pi_R - s]/(g - r), at a = 1 s (N + 1 - s)/(2 r)
    if a == 1:
        expected = SITE * (N + 1 - SITE) / 2
    else:
        b = Fraction(a)
        right = [(b ** (N + 1 - s) - b ** (N + 1)) / (1 - b ** (N + 1)) for s in map(int, SITE)]
        expected = [
            float(((N + 1) * p - s) / (b - 1)) for p, s in zip(right, map(int, SITE), strict=True)
        ]
    np.testing.assert_allclose(escape_time(uniform(a)), expected, rtol=ROUNDING)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_escape_time_with_a_reflecting_end(a):
    if a == 1:
        expected = N * (N + 1) / 2
    else:
        expected = float((N - (1 - Fraction(1 / a) ** N) / Fraction(a - 1)) / Fraction(a - 1))
    np.testing.assert_allclose(escape_time(uniform(a, left_open=False))[0], expected, rtol=ROUNDING)


def strong_trap(dtype):
    """Forty sites that are left against odds of 50 to 1, and the exact mean time for it."""
    one = Fraction(1)
    exact = (40 - (one - Fraction(50) ** 40) / (Fraction(1, 50) - 1)) / (1 - 50)
    rate = jnp.ones(40, dtype)
    return Chain(rate, 50 * rate, left_end=ReflectingEnd(), right_end=AbsorbingEnd()), exact


def test_escape_from_a_strong_trap_is_exact():
    chain, exact = strong_trap(jnp.float64)
    np.testing.assert_allclose(float(exact), 1.894e66, rtol=1e-4)
    np.testing.assert_allclose(escape_time(chain)[0], float(exact), rtol=1e-12)


def test_escape_from_a_strong_trap_in_float32_logarithms():
    chain, exact = strong_trap(jnp.float32)
    assert jnp.isinf(escape_time(chain)[0])  # beyond 3e38
    time = log_escape_time(chain)
    assert time.dtype == jnp.float32
    np.testing.assert_allclose(time[0], np.log(float(exact)), rtol=1e-5)


def test_escape_times_beyond_the_float_range():
    num_sites = 10_000
    rate = jnp.ones(num_sites)
    chain = Chain(rate, 50 * rate, left_end=ReflectingEnd(), right_end=AbsorbingEnd())
    # T -> 50^(N+1)/49²: every term but the largest is gone
    expected = (num_sites + 1) * np.log(50) - 2 * np.log(49)
    np.testing.assert_allclose(log_escape_time(chain)[0], expected, rtol=1e-12)


def random_chain(rng, num_sites=9):
    right, left = 10.0 ** rng.uniform(-2, 2, (2, num_sites))
    ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
    loss = jnp.asarray(rng.uniform(0, 1, num_sites))
    return Chain(jnp.asarray(right), jnp.asarray(left), **ends, loss_rate=loss)


def test_green_function_is_the_inverse_of_the_generator(rng):
    chain = random_chain(rng)
    matrix = np.diag(np.asarray(chain.rate_right + chain.rate_left + chain.losses))
    matrix -= np.diag(chain.rate_right[:-1], -1) + np.diag(chain.rate_left[1:], 1)
    # 1e-11: NumPy's inverse of a matrix whose rates span four decades
    np.testing.assert_allclose(green_function(chain), np.linalg.inv(matrix), rtol=1e-11)


def test_times_and_probabilities_are_sums_over_the_green_function(rng):
    chain = random_chain(rng)
    green = green_function(chain)
    np.testing.assert_allclose(escape_time(chain), jnp.sum(green, axis=0), rtol=1e-14)
    exits = exit_probability(chain)
    np.testing.assert_allclose(exits.left, chain.rate_left[0] * green[0], rtol=1e-14)
    np.testing.assert_allclose(exits.right, chain.rate_right[-1] * green[-1], rtol=1e-14)
    np.testing.assert_allclose(exits.lost, chain.losses @ green, rtol=1e-14)
    np.testing.assert_allclose(exits.left + exits.right + exits.lost, 1.0, rtol=1e-14)


@pytest.mark.parametrize("function", [escape_time, log_escape_time])
def test_derivatives_equal_differences(rng, function):
    chain = random_chain(rng)

    def first(rate):
        return function(Chain(rate, chain.rate_left, left_end=ReflectingEnd(),
                              right_end=AbsorbingEnd()))[0]  # fmt: skip

    tangent = jnp.asarray(rng.standard_normal(9)) * chain.rate_right
    step = 1e-5
    difference = (first(chain.rate_right + step * tangent)
                  - first(chain.rate_right - step * tangent)) / (2 * step)  # fmt: skip
    np.testing.assert_allclose(jax.grad(first)(chain.rate_right) @ tangent, difference, rtol=1e-7)


@pytest.mark.parametrize(
    "function", [escape_time, log_escape_time, exit_probability, green_function]
)
def test_no_way_out_is_rejected(function):
    rate = jnp.ones(3)
    closed = Chain(rate, rate, left_end=ReflectingEnd(), right_end=ReflectingEnd())
    with pytest.raises(ValueError, match=f"{function.__name__}: chain: expected a way out"):
        function(closed)


def test_a_site_that_is_never_left_does_not_spoil_the_others():
    chain = Chain(
        jnp.array([0.0, 0.0, 1.0]), jnp.array([0.0, 1.0, 0.0]),
        left_end=ReflectingEnd(), right_end=AbsorbingEnd(),
    )  # fmt: skip
    np.testing.assert_array_equal(escape_time(chain), [np.inf, np.inf, 1.0])
    np.testing.assert_array_equal(log_escape_time(chain), [np.inf, np.inf, 0.0])
    exits = exit_probability(chain)
    np.testing.assert_array_equal(exits.right, [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(steady_state(chain, jnp.ones(3)), [np.inf, 1.0, 1.0])
    np.testing.assert_array_equal(steady_state(chain, jnp.array([0.0, 0.0, 1.0])), [0, 0, 1])


def _exact_times(right, left):
    """Escape times of an open chain in fractions, by the elimination of the module."""
    right, left = [Fraction(x) for x in right], [Fraction(x) for x in left]
    kept, fed, feed, outflow = Fraction(1), Fraction(0), [], []
    for k in range(len(right)):
        lost = left[k] * kept
        outflow.append(lost + right[k])
        feed.append(1 + fed)
        kept = lost / outflow[k]
        fed = (left[k + 1] if k + 1 < len(left) else 0) * feed[k] / outflow[k]
    times = [Fraction(0)]
    for k in reversed(range(len(right))):
        times.insert(0, (feed[k] + right[k] * times[0]) / outflow[k])
    return times[:-1]


def test_rates_over_five_hundred_decades_lose_nothing(rng):
    smallest, largest = Fraction(np.finfo(float).tiny), Fraction(np.finfo(float).max)
    for _ in range(20):
        right, left = 10.0 ** rng.uniform(-250, 250, (2, 6))
        ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
        chain = Chain(jnp.asarray(right), jnp.asarray(left), **ends)
        logs, exits = log_escape_time(chain), exit_probability(chain)
        for i, exact in enumerate(_exact_times(right, left)):
            found = float(escape_time(chain)[i])
            if smallest < exact < largest:
                assert abs(Fraction(found) / exact - 1) < 1e-12
            else:
                assert found == (0.0 if exact < 1 else np.inf)
            # a dozen logarithms of up to 1e3 are added, each rounded at 1e-16 of itself
            expected = math.log(exact.numerator) - math.log(exact.denominator)
            np.testing.assert_allclose(float(logs[i]), expected, atol=1e-11)
        np.testing.assert_allclose(exits.left + exits.right, 1, rtol=1e-12)


def test_logarithms_of_probabilities_below_the_range_of_floats():
    chain = uniform(1e-10, num_sites=60)
    logs, plain = log_exit_probability(chain), exit_probability(chain)
    # pi_R(s) = (a^(N+1-s) - a^(N+1)) / (1 - a^(N+1))
    np.testing.assert_allclose(logs.right, (61 - np.arange(1, 61)) * np.log(1e-10), rtol=1e-9)
    np.testing.assert_allclose(np.exp(logs.right)[40:], plain.right[40:], rtol=1e-11)
    assert plain.right[0] == 0
    np.testing.assert_array_equal(logs.lost, -np.inf)


def test_a_rate_that_is_nan_gives_nan_inside_jit():
    def time(rate):
        chain = Chain(jnp.ones(3) * rate, jnp.ones(3), left_end=ReflectingEnd(),
                      right_end=AbsorbingEnd())  # fmt: skip
        return escape_time(chain), log_escape_time(chain), exit_probability(chain).right

    assert all(np.all(np.isnan(x)) for x in jax.jit(time)(jnp.nan))


@pytest.mark.parametrize("kind", [list, np.asarray, lambda x: np.asarray(x, np.float32)])
def test_chains_of_lists_whole_numbers_and_mixed_precision(kind):
    ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
    chain = Chain(kind([2, 1, 1]), np.ones(3), **ends)
    expected = Chain(jnp.array([2.0, 1, 1]), jnp.ones(3), **ends)
    np.testing.assert_allclose(escape_time(chain), escape_time(expected), rtol=1e-6)
    np.testing.assert_allclose(
        steady_state(chain, kind([1, 0, 0])), steady_state(expected, jnp.eye(3)[0]), rtol=1e-6
    )


def test_one_site_is_left_exponentially():
    chain = Chain(jnp.array([0.7]), jnp.array([0.2]), left_end=AbsorbingEnd(),
                  right_end=AbsorbingEnd(), loss_rate=jnp.array([0.1]))  # fmt: skip
    times = jnp.array([0.0, 0.5, 3.0])
    inside, density = passage_time_distribution(chain, 0, times)
    np.testing.assert_allclose(inside, jnp.exp(-times), rtol=1e-14)
    np.testing.assert_allclose(density, np.outer([0.2, 0.7, 0.1], jnp.exp(-times)), rtol=1e-14)


@pytest.fixture(scope="module")
def passage():
    """A chain of eight sites, and its passage from the third at nodes of Gauss and Legendre."""
    right, left, loss = jnp.asarray(10.0 ** np.random.default_rng(5).uniform(-1, 1, (3, 8)))
    ends = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}
    chain = Chain(right, left, loss_rate=0.05 * loss, **ends)
    node, weight = np.polynomial.legendre.leggauss(80)
    # t = 3 s^4, s from 0 to 4, where 1e-17 are left
    times, weight = 48 * (1 + node) ** 4, 192 * weight * (1 + node) ** 3
    return chain, times, weight, passage_time_distribution(chain, 2, times, method=Spectrum())


def test_moments_of_the_passage_time(passage):
    chain, times, weight, (inside, density) = passage
    mean = escape_time(chain)
    np.testing.assert_allclose(weight @ np.asarray(inside), mean[2], rtol=1e-10)
    # the second moment solves the same problem with twice the mean time gained per time
    second = np.linalg.solve(-np.asarray(generator_matrix(chain)).T, 2 * np.asarray(mean))[2]
    np.testing.assert_allclose(2 * weight * times @ np.asarray(inside), second, rtol=1e-10)
    shares = [x[2] for x in exit_probability(chain)]
    np.testing.assert_allclose(np.asarray(density) @ weight, shares, rtol=1e-10)


@pytest.mark.slow
def test_passage_times_of_walkers(passage, key):
    chain, *_ = passage
    walks = walk(chain, jnp.full(4096, 2), key=key)
    times = jnp.asarray(np.sort(walks.time))
    below = 1 - passage_time_distribution(chain, 2, times, method=Spectrum())[0]
    rank = np.arange(4097) / 4096
    distance = max(np.max(rank[1:] - below), np.max(below - rank[:-1]))
    assert distance * 64 < 1.95  # Kolmogorov and Smirnov: one in a thousand is larger
    other = 1 - passage_time_distribution(chain, 3, times, method=Spectrum())[0]
    assert np.max(np.abs(rank[1:] - other)) * 64 > 1.95
    for end, share in zip((LEFT, RIGHT, LOST), exit_probability(chain), strict=True):
        error = np.sqrt(share[2] * (1 - share[2]) / 4096)
        assert abs(np.mean(np.asarray(walks.end) == end) - share[2]) < 3 * error


def test_a_start_that_is_no_site_is_rejected():
    chain = Chain(jnp.ones(3), jnp.ones(3), left_end=AbsorbingEnd(), right_end=AbsorbingEnd())
    with pytest.raises(ValueError, match=r"passage_time_distribution: start: expected a number in"):
        passage_time_distribution(chain, 3, jnp.ones(1))
