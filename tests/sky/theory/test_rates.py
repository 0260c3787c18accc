import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.theory import (
    ahlers_loss,
    cascade_matrix,
    cascade_spectrum,
    neighbour_rates,
    steady_cascade,
)


def test_two_multipoles_by_hand():
    # nu_{1->2} = 2 and nu_{2->1} = 3: losses (5/3) 2 and (3/5) 3.
    rates = np.zeros((3, 3))
    rates[1, 2], rates[2, 1] = 2, 3
    expected = [[0, 0, 0], [0, -10 / 3, 3], [0, 2, -9 / 5]]
    assert np.allclose(cascade_matrix(rates), expected, rtol=1e-15 * 4)  # one sum, one quotient
    # A balance of C_2 alone: 2 C_1 = (9/5) C_2.
    assert np.allclose(steady_cascade(cascade_matrix(rates)), [0, 1, 10 / 9], rtol=1e-15 * 4)


@pytest.mark.parametrize("lmax", [1, 12])
def test_neighbour_cascade_is_the_closed_form(lmax):
    found = steady_cascade(cascade_matrix(neighbour_rates(lmax)))
    # 1e-13: round-off of a triangular solve, one quotient a row.
    assert np.allclose(found, cascade_spectrum(lmax), rtol=1e-13)


def test_flux_is_constant_for_any_loss():
    loss = jnp.arange(13.0) ** 0.7 + 2
    c_ell = steady_cascade(cascade_matrix(neighbour_rates(12, lambda l: l**0.7 + 2)))
    flux = (2 * np.arange(13) + 1) * np.asarray(loss * c_ell)
    assert np.allclose(flux[1:], flux[1], rtol=1e-13)


def test_another_loss_gives_another_spectrum():
    c_ell = steady_cascade(cascade_matrix(neighbour_rates(12, lambda l: 1.0 + 0 * l)))
    # White power, (2l+1) C_l constant: 3 / (2l+1), far from the cascade of (l+1)(l+2).
    assert np.allclose(c_ell[1:], 3 / (2 * np.arange(1, 13) + 1), rtol=1e-13)
    assert not np.allclose(c_ell, cascade_spectrum(12), rtol=0.5)


def test_any_closed_set_conserves_the_sum(rng):
    matrix = cascade_matrix(rng.random((30, 30)) * np.arange(30.0) ** 2)
    change = (2 * np.arange(30.0) + 1) @ np.asarray(matrix)
    # 1e-12 of the largest rate times weight: round-off of sums over 30 rates.
    assert np.max(np.abs(change)) < 1e-12 * np.max(np.abs(matrix)) * 59


def test_losses_beyond_lmax_count_and_the_diagonal_does_not(rng):
    rates = rng.random((4, 7))
    matrix = np.asarray(cascade_matrix(rates))
    lost = -(2 * np.arange(4.0) + 1) @ matrix
    # Power leaves at the rate sum_{k > lmax} (2k+1) nu_{l->k}.
    assert np.allclose(lost, rates[:, 4:] @ (2 * np.arange(4.0, 7) + 1), rtol=1e-12)
    same = rates.copy()
    same[np.arange(4), np.arange(4)] = 17.0
    assert np.allclose(cascade_matrix(same), matrix, rtol=1e-12, atol=1e-12)


def test_gradient_against_differences(rng):
    rates = neighbour_rates(12) + 0.1
    step = jnp.asarray(rng.standard_normal(rates.shape))
    power = jax.jit(lambda rates: jnp.sum(steady_cascade(cascade_matrix(rates)) ** 2))
    size = 1e-5
    difference = (power(rates + size * step) - power(rates - size * step)) / (2 * size)
    slope = jnp.vdot(jax.jit(jax.grad(power))(rates), step)
    # 1e-8: truncation size² times the square of 1 / rate, and round-off 1e-16 / size.
    assert np.isclose(slope, difference, rtol=1e-8)


def test_errors():
    with pytest.raises(ValueError, match=r"neighbour_rates: lmax: expected a number >= 1, got 0"):
        neighbour_rates(0)
    with pytest.raises(ValueError, match=r"columns of rates: expected a number >= 3, got 2"):
        cascade_matrix(np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"rates: expected a number >= 0, got -1\.0"):
        cascade_matrix(-np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"steady_cascade: lmax of the matrix: .* >= 1, got 0"):
        steady_cascade(jnp.zeros((1, 1)))
    closed = cascade_matrix(neighbour_rates(4)[:, :5])  # nothing leaves l = 4
    with pytest.raises(ValueError, match=r"a way out of every multipole.*power piles up"):
        steady_cascade(closed)
    trap = np.zeros((6, 6))  # 3, 4 and 5 exchange power for ever: singular but for round-off
    trap[[1, 2, 3, 4, 4, 5, 5], [2, 3, 4, 3, 5, 3, 4]] = 0.7, 0.31, 0.177, 0.123, 0.3, 0.01, 0.2123
    with pytest.raises(ValueError, match="power piles up"):
        steady_cascade(cascade_matrix(trap))


def test_float32():
    with jax.enable_x64(False):
        found = steady_cascade(cascade_matrix(neighbour_rates(12)))
        assert found.dtype == ahlers_loss(jnp.arange(3.0)).dtype == jnp.float32
        assert np.allclose(found, cascade_spectrum(12), rtol=1e-6)  # 13 quotients of 6e-8
