from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import (
    AbsorbingEnd,
    Chain,
    ReflectingEnd,
    bond_flux,
    log_steady_state,
    steady_state,
)

ROUNDING = 2e-12  # six times the measured 3.4e-13 (a = 1, N = 1e5), which grows as N^(1/2) or so
ENDS = {True: AbsorbingEnd(), False: ReflectingEnd()}


def uniform(a, num_sites, *, left_open=True, right_open=True, rate_left=1.0):
    """A chain with r everywhere and g = a r."""
    rate = jnp.full(num_sites, rate_left)
    return Chain(a * rate, rate, left_end=ENDS[left_open], right_end=ENDS[right_open])


def point_source(num_sites, site, strength=1.0):
    """A source at one site, counted from 1."""
    return jnp.zeros(num_sites).at[site - 1].set(strength)


def ratio_of_sums(a, k, m):
    """(1 - a^k) / (1 - a^m) for k <= m, without overflow or cancellation."""
    if a == 1:
        return k / m
    log = np.log(a)
    if a < 1:
        return np.expm1(k * log) / np.expm1(m * log)
    return a ** (k - m) * np.expm1(-k * log) / np.expm1(-m * log)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("num_sites", [2, 100, 100_000])
def test_open_chain_fed_at_its_right_end(a, num_sites):
    # Both ends open, J at N: every bond carries the flux -F = g n_k - r n_{k+1} with n_0 = 0, so
    # n_k = (F/r)(1 + a + ... + a^{k-1}), and F + g n_N = J: n_k = (J/r)(1 - a^k)/(1 - a^{N+1}).
    k = np.arange(1.0, num_sites + 1)
    expected = 3.0 / 0.7 * ratio_of_sums(a, k, num_sites + 1.0)
    chain = uniform(a, num_sites, rate_left=0.7)
    occupation = np.asarray(steady_state(chain, point_source(num_sites, num_sites, 3.0)))
    in_range = expected > 1e-290  # XLA flushes subnormal numbers to zero
    np.testing.assert_allclose(occupation[in_range], expected[in_range], rtol=ROUNDING)
    assert np.all(occupation[~in_range] <= 1e-290)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("site", [1, 30, 73, 100])
def test_green_function(a, site):
    # n_k below the source grows as 1 - a^k, above it falls as a^k - a^{N+1}; both meet at s.
    num_sites, k = 100, np.arange(1, 101)
    a_exact = Fraction(a)
    expected = []
    for i in map(int, k):
        if a == 1:
            value = Fraction(min(i, site) * (101 - max(i, site)), 101)
        else:
            low, high = min(i, site), max(i, site)
            value = (1 - a_exact**low) * (1 - a_exact ** (101 - high))
            value *= a_exact ** max(i - site, 0) / ((1 - a_exact) * (1 - a_exact**101))
        expected.append(float(value))
    occupation = steady_state(uniform(a, num_sites), point_source(num_sites, site))
    np.testing.assert_allclose(occupation, expected, rtol=ROUNDING)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_reflecting_left_fed_at_the_right_end(a):
    # no flux inside: r n_{k+1} = g n_k, and g n_N = J
    k = np.arange(1, 101)
    occupation = steady_state(uniform(a, 100, left_open=False), point_source(100, 100, 3.0))
    np.testing.assert_allclose(occupation, 3.0 / a * a ** (k - 100.0), rtol=ROUNDING)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_reflecting_left_fed_at_the_left_end(a):
    # every bond carries J to the right: n_k = (J/g)(1 + 1/a + ... + a^{-(N-k)})
    occupation = steady_state(uniform(a, 100, left_open=False), point_source(100, 1, 3.0))
    expected = 3.0 / a * np.cumsum(a ** -np.arange(100.0))[::-1]
    np.testing.assert_allclose(occupation, expected, rtol=ROUNDING)


@pytest.mark.parametrize("fed_at", ["left", "right"])
def test_reflecting_right_is_the_mirror_image(fed_at):
    rate = jnp.linspace(0.5, 2.0, 30)
    source = point_source(30, 1 if fed_at == "left" else 30)
    one = Chain(2 * rate, rate, left_end=ReflectingEnd(), right_end=AbsorbingEnd())
    other = Chain(rate[::-1], 2 * rate[::-1], left_end=AbsorbingEnd(), right_end=ReflectingEnd())
    np.testing.assert_allclose(
        steady_state(other, source[::-1])[::-1], steady_state(one, source), rtol=ROUNDING
    )


@pytest.mark.parametrize("a", [50.0, 1 / 50])
def test_strong_asymmetry_stays_finite(a):
    num_sites = 10_000
    fed_at = num_sites if a > 1 else 1  # against the drift
    occupation = np.asarray(steady_state(uniform(a, num_sites), point_source(num_sites, fed_at)))
    k = np.arange(1.0, num_sites + 1)
    expected = ratio_of_sums(a, k, num_sites + 1.0) if a > 1 else np.nan
    if a < 1:  # the mirror image, with the rates exchanged: r -> g = a r
        expected = ratio_of_sums(1 / a, k[::-1], num_sites + 1.0) / a
    in_range = expected > 1e-290
    assert in_range.sum() > 150
    np.testing.assert_allclose(occupation[in_range], expected[in_range], rtol=ROUNDING)
    assert np.all(np.isfinite(occupation))


def random_problem(rng, left_open, right_open, lossy, num_sites=7):
    """Rates that differ by four decades from site to site."""
    right, left, source = 10.0 ** rng.uniform(-2, 2, (3, num_sites))
    loss = jnp.asarray(rng.uniform(0, 1, num_sites)) if lossy else None
    ends = {"left_end": ENDS[left_open], "right_end": ENDS[right_open]}
    return Chain(jnp.asarray(right), jnp.asarray(left), **ends, loss_rate=loss), source


def solve_exactly(chain, source):
    """Gauss elimination of the rate equations in fractions."""
    right, left, loss = (
        [Fraction(float(x)) for x in rate]
        for rate in (chain.rate_right, chain.rate_left, chain.losses)
    )
    size = len(right)
    rows = [[Fraction(0)] * size + [Fraction(float(s))] for s in source]
    for k in range(size):
        rows[k][k] += right[k] + left[k] + loss[k]
        if k + 1 < size:
            rows[k + 1][k] -= right[k]
            rows[k][k + 1] -= left[k + 1]
    for pivot in range(size):
        for row in range(size):
            if row != pivot:
                factor = rows[row][pivot] / rows[pivot][pivot]
                rows[row] = [x - factor * y for x, y in zip(rows[row], rows[pivot], strict=True)]
    return [float(rows[k][-1] / rows[k][k]) for k in range(size)]


@pytest.mark.parametrize(
    ("left_open", "right_open", "lossy"),
    [(1, 1, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1), (0, 0, 1)],
)
def test_random_rates_against_exact_fractions(rng, left_open, right_open, lossy):
    chain, source = random_problem(rng, bool(left_open), bool(right_open), lossy)
    # 1e-14: 7 sites with four roundings each; nothing cancels however the rates differ
    np.testing.assert_allclose(
        steady_state(chain, jnp.asarray(source)), solve_exactly(chain, source), rtol=1e-14
    )


def test_what_flows_in_flows_out(rng):
    chain, source = random_problem(rng, True, True, True, num_sites=1000)
    occupation = steady_state(chain, jnp.asarray(source))
    out = chain.rate_left[0] * occupation[0] + chain.rate_right[-1] * occupation[-1]
    # 1e-12: the recurrence's error bound over 1000 sites
    np.testing.assert_allclose(out + jnp.sum(chain.losses * occupation), source.sum(), rtol=1e-12)


def test_chains_and_sources_vmap():
    a = jnp.array([0.5, 1.0, 2.0])

    def occupation(a):
        rate = jnp.ones(10)
        chain = Chain(a * rate, rate, left_end=AbsorbingEnd(), right_end=AbsorbingEnd())
        return steady_state(chain, point_source(10, 10))

    one_by_one = jnp.stack([occupation(x) for x in a])
    np.testing.assert_allclose(jax.jit(jax.vmap(occupation))(a), one_by_one, rtol=1e-14)


def test_gradient_by_the_asymmetry():
    # n_1 = (J/r)(1 - a)/(1 - a^{N+1}) = (J/r) / (1 + a + ... + a^N)
    def first(a):
        rate = jnp.ones(20)
        chain = Chain(a * rate, rate, left_end=AbsorbingEnd(), right_end=AbsorbingEnd())
        return steady_state(chain, point_source(20, 20))[0]

    a, power = 1.3, np.arange(21)
    total = np.sum(a**power)
    expected = -np.sum(power * a ** (power - 1.0)) / total**2
    # 1e-12: the derivative has the rounding of the value
    np.testing.assert_allclose(jax.grad(first)(a), expected, rtol=1e-12)
    np.testing.assert_allclose(jax.jacfwd(first)(a), expected, rtol=1e-12)


def test_gradient_stays_finite_where_occupations_underflow():
    def total(a):
        rate = jnp.ones(1000)
        chain = Chain(a * rate, rate, left_end=AbsorbingEnd(), right_end=AbsorbingEnd())
        return jnp.sum(steady_state(chain, point_source(1000, 1000)))

    # n_N -> 1/a and the sum of a^{-m}, m >= 1, is 1/(a - 1): slope -1/(a - 1)²
    np.testing.assert_allclose(jax.grad(total)(50.0), -1 / 49**2, rtol=1e-12)


def test_a_source_of_another_shape_is_rejected():
    with pytest.raises(ValueError, match=r"steady_state: source: expected shape \(4,\)"):
        steady_state(uniform(1.0, 4), jnp.ones(5))


def test_a_closed_chain_is_rejected():
    closed = uniform(1.0, 4, left_open=False, right_open=False)
    with pytest.raises(ValueError, match=r"steady_state: chain: expected a way out"):
        steady_state(closed, jnp.ones(4))
    with pytest.raises(ValueError, match="two closed ends and no loss"):
        jax.jit(steady_state)(closed, jnp.ones(4))
    lossless = Chain(
        jnp.ones(2),
        jnp.zeros(2),
        left_end=AbsorbingEnd(),
        right_end=ReflectingEnd(),
        loss_rate=jnp.zeros(2),
    )
    with pytest.raises(ValueError, match="two closed ends and no loss"):
        steady_state(lossless, jnp.ones(2))


def test_float32_stays_float32():
    rate = jnp.ones(100, jnp.float32)
    chain = Chain(2 * rate, rate, left_end=AbsorbingEnd(), right_end=AbsorbingEnd())
    occupation = steady_state(chain, point_source(100, 100).astype(jnp.float32))
    assert occupation.dtype == jnp.float32
    expected = ratio_of_sums(2.0, np.arange(1.0, 101), 101.0)
    # 1e-5: 100 sites of float32 rounding, 6e-8 each; all values lie in the float32 range
    np.testing.assert_allclose(occupation, expected, rtol=1e-5)


@pytest.mark.parametrize("a", [50.0, 1 / 50, 1.0])
def test_logarithms_reach_where_floats_end(a):
    num_sites = 10_000
    source = point_source(num_sites, num_sites if a >= 1 else 1)
    logarithm = np.asarray(log_steady_state(uniform(a, num_sites), source))
    k = np.arange(1.0, num_sites + 1)
    if a == 1:
        expected = np.log(k / (num_sites + 1))
    elif a > 1:  # n_k -> a^(k - N - 1)
        expected = (k - num_sites - 1) * np.log(a) + np.log1p(-(a**-k))
    else:
        expected = (k - 1) * np.log(a) + np.log1p(-(a ** (num_sites + 1 - k)))
    np.testing.assert_allclose(logarithm, expected, rtol=1e-12, atol=1e-12)


def test_logarithms_have_finite_slopes_beside_empty_sites():
    def first(rate):
        chain = Chain(rate, jnp.ones(30), left_end=ReflectingEnd(), right_end=AbsorbingEnd())
        return log_steady_state(chain, point_source(30, 30))[0]

    # no flux inside: n_1 = (J/g_N) prod 1/g_k, so that each ln g_k counts -1
    np.testing.assert_allclose(jax.grad(first)(jnp.full(30, 2.0)), np.full(30, -0.5), rtol=1e-13)


@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_flux_against_the_drift_keeps_its_accuracy(a):
    # fed at the right end, every bond carries -F = -J (1 - a)/(1 - a^(N+1))
    flux = bond_flux(uniform(a, 60), point_source(60, 60, 3.0))
    expected = 3 * ratio_of_sums(a, 1.0, 61.0)
    np.testing.assert_allclose(flux[:-1], np.full(60, -expected), rtol=ROUNDING)
    np.testing.assert_allclose(flux[-1], 3 - expected, rtol=ROUNDING)


def test_flux_out_of_a_trap_keeps_its_accuracy():
    # the mirror image: fed at the left end against g < r, every bond carries 3^-k or so
    flux = bond_flux(uniform(1 / 3, 40), point_source(40, 1, 3.0))
    expected = 3 * ratio_of_sums(3.0, 1.0, 41.0)
    np.testing.assert_allclose(flux[1:], np.full(40, expected), rtol=ROUNDING)


def test_flux_is_the_difference_of_hops(rng):
    chain, source = random_problem(rng, True, True, True)
    occupation = steady_state(chain, jnp.asarray(source))
    flux = bond_flux(chain, jnp.asarray(source))
    inside = chain.rate_right[:-1] * occupation[:-1] - chain.rate_left[1:] * occupation[1:]
    scale = float(jnp.max(chain.rate_right * occupation))
    np.testing.assert_allclose(flux[1:-1], inside, atol=1e-14 * scale)
    gained = jnp.asarray(source) - chain.losses * occupation
    np.testing.assert_allclose(jnp.diff(flux), gained, atol=1e-14 * scale)


def test_a_million_sites_in_one_chain():
    num_sites = 1_000_000
    k = np.arange(1.0, num_sites + 1)
    occupation = steady_state(uniform(1.0, num_sites), point_source(num_sites, num_sites))
    # four times the measured 4.9e-13
    np.testing.assert_allclose(occupation, k / (num_sites + 1), rtol=2e-12)


def test_a_source_that_takes_away_is_rejected():
    with pytest.raises(ValueError, match=r"steady_state: source: expected a number >= 0, got -1.0"):
        steady_state(uniform(1.0, 4), jnp.array([0.0, -1.0, 0.0, 0.0]))
    with pytest.raises(ValueError, match=r"bond_flux: source: expected a number >= 0, got nan at"):
        bond_flux(uniform(1.0, 4), jnp.array([0.0, jnp.nan, 0.0, 0.0]))
