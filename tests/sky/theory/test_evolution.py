import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from jaxcr.sky.theory import (
    cascade_matrix,
    cascade_spectrum,
    evolve_cascade,
    neighbour_rates,
    steady_cascade,
)


def test_two_multipoles_exchange_power():
    rates = np.zeros((3, 3))
    rates[1, 2], rates[2, 1] = 2, 3
    times = np.array([0.0, 0.1, 1.0, 50.0])
    found = evolve_cascade(cascade_matrix(rates), np.array([0.5, 1.0, 0.0]), times)
    # dC_1/dt = -(10/3) C_1 + 3 C_2 with 3 C_1 + 5 C_2 = 3: towards 9/5 / (10/3 + 9/5) = 27/77
    # at the rate 77/15. C_0 does not scatter.
    first = 27 / 77 + 50 / 77 * np.exp(-77 / 15 * times)
    expected = np.stack([np.full(4, 0.5), first, (3 - 3 * first) / 5], axis=1)
    assert np.allclose(found, expected, rtol=1e-13, atol=1e-15)  # round-off of 10 doublings


def test_equals_scipy(rng):
    matrix = cascade_matrix(rng.random((12, 14)) * np.arange(1.0, 13)[:, None])
    start, times = rng.random(12), np.array([0.003, 0.02, 0.2])
    expected = [expm(np.asarray(matrix) * time) @ start for time in times]
    # 1e-11: SciPy's own doublings amplify round-off by rate times time, ~ 1000.
    assert np.allclose(evolve_cascade(matrix, start, times), expected, rtol=1e-11)


def test_a_closed_set_keeps_its_sum(rng):
    matrix = cascade_matrix(rng.random((12, 12)) * np.arange(12.0) ** 2)
    start, weight = rng.random(12), 2 * np.arange(12.0) + 1
    found = np.asarray(evolve_cascade(matrix, start, np.array([0.0, 1e-3, 1.0])))
    assert np.allclose(found @ weight, start @ weight, rtol=1e-12)
    assert np.all(found >= 0)
    # Everything mixes: at t = 1 all multipoles have the same C_l, as the rates allow no other.
    assert not np.allclose(found[1], start, rtol=0.1)


def test_a_fed_dipole_grows_into_the_cascade():
    matrix = cascade_matrix(neighbour_rates(11))
    source = np.zeros(12)
    source[1] = 1.0
    early, late, _ = evolve_cascade(
        matrix, np.zeros(12), np.array([1e-4, 20.0, 20.0]), source=source
    )
    # The slowest loss rate is 6: exp(-120) is nothing. The dipole itself tends to source / 6.
    assert np.allclose(late, cascade_spectrum(11) / 6, rtol=1e-12)
    assert np.allclose(late / late[1], steady_cascade(matrix), rtol=1e-12)
    # At first all the power fed in is in the dipole: t to within 3e-4.
    assert np.isclose(early[1], 1e-4, rtol=1e-3)
    assert early[2] < 1e-3 * early[1]


def test_times_can_be_split(rng):
    matrix = cascade_matrix(rng.random((12, 14)))
    start, source = rng.random((2, 12))
    half, whole, _ = evolve_cascade(matrix, start, np.array([0.35, 0.7, 1.0]), source=source)
    again = evolve_cascade(matrix, half, np.array([0.35, 0.0, 0.0]), source=source)[0]
    assert np.allclose(again, whole, rtol=1e-13)  # round-off of 12 x 12 products


def test_gradient_against_differences(rng):
    rates, start = jnp.asarray(rng.random((5, 6))), jnp.asarray(rng.random(5))
    step = jnp.asarray(rng.standard_normal((5, 6)))

    @jax.jit
    def power(rates, time):
        fed = evolve_cascade(cascade_matrix(rates), start, time[None], source=start)
        return jnp.sum(fed**2)

    time, size = jnp.asarray(0.4), 1e-5
    slope = jax.jit(lambda s, t: jax.jvp(power, (rates, time), (s, t))[1])
    still = jnp.zeros(())
    in_rates = power(rates + size * step, time) - power(rates - size * step, time)
    in_time = power(rates, time + size) - power(rates, time - size)
    # 1e-8: truncation size² times rates² of order 100, and round-off 1e-16 / size.
    assert np.isclose(slope(step, still), in_rates / (2 * size), rtol=1e-8)
    assert np.isclose(slope(0 * step, still + 1), in_time / (2 * size), rtol=1e-8)


def test_errors():
    matrix = cascade_matrix(neighbour_rates(3))
    with pytest.raises(ValueError, match=r"c_ell: expected shape \(4,\), got"):
        evolve_cascade(matrix, np.ones(3), np.ones(1))
    with pytest.raises(ValueError, match=r"source: expected shape \(4,\), got"):
        evolve_cascade(matrix, np.ones(4), np.ones(1), source=np.ones(5))
    with pytest.raises(ValueError, match=r"times: expected a number >= 0, got -1\.0"):
        evolve_cascade(matrix, np.ones(4), np.array([0.0, -1.0]))


def test_float32():
    with jax.enable_x64(False):
        source = np.zeros(9, np.float32)
        source[1] = 6.0
        matrix = cascade_matrix(neighbour_rates(8))
        late = evolve_cascade(matrix, np.zeros(9), np.array([20.0]), source=source)[0]
        assert late.dtype == jnp.float32
        assert np.allclose(late, cascade_spectrum(8), rtol=1e-5)  # 12 doublings of 6e-8 each
