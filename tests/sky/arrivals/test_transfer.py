import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.orbits import Boris, PathLength
from jaxcr.sky import (
    Arrivals,
    DipoleBoundary,
    QuasiSteadyBoundary,
    TrapBoundary,
    backtrack,
    cross_spectrum,
    half_maps,
    refined_directions,
    transfer_tensor,
)
from jaxcr.units import GYRORADIUS

NSIDE, LMAX, ORDERS = 4, 8, 7  # f_0 ... f_6
AXIS = jnp.array([0.48, -0.6, 0.64])


@pytest.fixture(scope="module")
def arrivals(turbulence):
    """Two observers in turbulence of dB/B0 = 1 on 32³ cells, r_L = 8, paths of 20."""
    return backtrack(
        turbulence,
        rigidity=8 / GYRORADIUS,
        stop=PathLength(20.0),
        observer=jnp.array([[0.0, 0.0, 0.0], [8.0, 3.0, -5.0]]),
        nside=NSIDE,
        pusher=Boris(step=1.0),
    )


@jax.jit
def tensor_of(arrivals):
    return transfer_tensor(arrivals, AXIS, lmax=LMAX, boundary_lmax=ORDERS - 1)


@pytest.fixture(scope="module")
def tensor(arrivals):
    return tensor_of(arrivals)


@jax.jit
def direct(arrivals, coefficients):
    """The half-cross spectrum of a map, with no tensor."""
    return cross_spectrum(*half_maps(arrivals, TrapBoundary(coefficients, AXIS)), lmax=LMAX)


def contract(tensor, series):
    return jnp.einsum("...ab,a,b->...", tensor, series, series)


def test_a_gradient_is_one_more_function(arrivals):
    gradient, trap = jnp.array([0.0, 3.0, 4.0]), jnp.array([1.0, 0.2, -0.1, 0.05])
    tensor = transfer_tensor(arrivals, AXIS, lmax=LMAX, boundary_lmax=3, gradient=gradient)
    plain = transfer_tensor(arrivals, AXIS, lmax=LMAX, boundary_lmax=3)
    np.testing.assert_array_equal(tensor[..., :-1, :-1], plain)
    # K b b, so that the flux is along the axis b whatever the gradient.
    diffusion = 2.5 * AXIS[:, None] * AXIS[None] / jnp.sum(AXIS**2)
    boundary = QuasiSteadyBoundary(1e-3 * gradient, diffusion, TrapBoundary(trap, AXIS))
    expected = cross_spectrum(*half_maps(arrivals, boundary), lmax=LMAX)
    f_1 = -3 * 2.5 * 1e-3 * (gradient @ AXIS) / jnp.linalg.norm(AXIS)
    series = jnp.concatenate([trap * f_1 / trap[1], jnp.array([5e-3])])
    # Round-off, of maps a thousand times larger than their sum's smallest multipoles.
    np.testing.assert_allclose(contract(tensor, series), expected, atol=1e-12 * expected.max())


def free_flight(sky):
    """Return arrivals that nothing bent."""
    path = jnp.ones(sky.shape[:-1])
    return Arrivals(sky, -sky, path, path > 0, sky, jnp.zeros(3), path)


def test_free_flight_keeps_one_multipole():
    # Nothing bends: the sky is the boundary seen from inside, f_l P_l(-p · axis). With one
    # order the power is C_l = 4 pi f_l² / (2l+1)², times the pixel's window.
    free = free_flight(jnp.asarray(refined_directions(8, 4)))
    tensor = transfer_tensor(free, AXIS, lmax=6, boundary_lmax=3)
    for order in (1, 2, 3):
        expected = 4 * np.pi / (2 * order + 1) ** 2
        # 3 %: halves of two orbits smear by 1 - l(l+1)/2 times pi/3/64/8 = 2 % at l = 3.
        assert np.isclose(tensor[order, order, order], expected, rtol=0.03)
        others = np.delete(np.asarray(tensor[:, order, order]), order)
        assert np.all(np.abs(others) < 1e-3 * expected)  # pixels of unequal shape


def test_contraction_equals_the_spectrum_of_the_map(arrivals, tensor, rng):
    assert tensor.shape == (2, LMAX + 1, ORDERS, ORDERS)
    for _ in range(3):
        series = jnp.asarray(rng.standard_normal(ORDERS)).at[0].set(1.0)
        expected = direct(arrivals, series)
        # 1e-10 of the largest: sums over 192 pixels and 49 pairs; half-cross C_l cancel.
        size = np.max(np.abs(expected))
        assert np.allclose(contract(tensor, series), expected, rtol=0, atol=1e-10 * size)


def test_contraction_equals_each_multipole_of_a_trap(arrivals, tensor):
    series = jnp.array([1.0, 1e-3, 3e-4, -2e-4, 1e-4, 5e-5, -2e-5])
    # 1e-10 of each C_l itself: here the dipole outshines what may cancel.
    assert np.allclose(
        contract(tensor, series)[:, 1:], direct(arrivals, series)[:, 1:], rtol=1e-10, atol=0
    )


def test_a_dipole_is_one_element(arrivals, tensor):
    halves = half_maps(arrivals, DipoleBoundary(AXIS, 1.0))
    expected = cross_spectrum(*halves, lmax=LMAX)
    assert np.allclose(tensor[:, :, 1, 1], expected, rtol=1e-10, atol=1e-15)  # same sums


def test_tensor_is_symmetric(tensor):
    assert np.array_equal(tensor, np.swapaxes(tensor, -1, -2))


def test_isotropy_gives_nothing(tensor):
    # 1e-15: the mean of ones is one to round-off.
    assert np.max(np.abs(tensor[..., 0, :])) < 1e-15
    assert np.max(np.abs(tensor[..., :, 0])) < 1e-15


def test_axis_of_any_length(arrivals, tensor):
    longer = transfer_tensor(arrivals, 3 * AXIS, lmax=LMAX, boundary_lmax=ORDERS - 1)
    assert np.allclose(longer, tensor, rtol=0, atol=1e-13)  # rounding of the axis


def test_several_skies_equal_single_ones(arrivals, tensor):
    second = arrivals.select(observer=1)
    assert np.allclose(tensor_of(second), tensor[1], rtol=0, atol=1e-14)  # order of the sums


def test_lost_orbits_are_left_out(arrivals):
    one = arrivals.select(observer=0)
    lost = np.zeros(one.reached.shape, bool)
    lost[::40, 1] = True  # below the 1 % that may be lost
    kept = dataclasses.replace(one, reached=jnp.asarray(~lost))
    spoilt = jnp.where(lost[..., None], 9.0, one.direction)
    spoilt = dataclasses.replace(kept, direction=spoilt)
    assert np.array_equal(tensor_of(kept), tensor_of(spoilt))
    series = jnp.array([1.0, 1e-3, 3e-4, -2e-4, 1e-4, 5e-5, -2e-5])
    expected = direct(kept, series)
    assert np.allclose(contract(tensor_of(kept), series)[1:], expected[1:], rtol=1e-10, atol=0)


def test_gradient_by_the_directions(arrivals, rng):
    one = arrivals.select(observer=0)
    series = jnp.asarray(rng.standard_normal(ORDERS))
    push = jnp.asarray(rng.standard_normal(one.direction.shape))

    @jax.jit
    def value_and_slope(size):
        def power(size):
            moved = dataclasses.replace(one, direction=one.direction + size * push)
            tensor = transfer_tensor(moved, AXIS, lmax=LMAX, boundary_lmax=ORDERS - 1)
            return contract(tensor, series)

        return jax.jvp(power, (size,), (jnp.ones_like(size),))

    step = 1e-5
    above, below = (value_and_slope(x)[0] for x in (step, -step))
    slope = value_and_slope(0.0)[1]
    # 1e-7: truncation step² = 1e-10 times l³ = 200 of the series; round-off 1e-11.
    size = np.max(np.abs(slope))
    assert np.allclose(slope, (above - below) / (2 * step), rtol=0, atol=1e-7 * size)


def test_one_orbit_a_pixel_is_not_enough():
    sky = jnp.asarray(refined_directions(1, 1))
    with pytest.raises(
        ValueError, match=r"half-maps: per_pixel: expected a power of four, 4, 16.*got 1"
    ):
        transfer_tensor(free_flight(sky), AXIS, lmax=2)


def test_lmax_beyond_the_grid():
    sky = jnp.asarray(refined_directions(1, 4))
    with pytest.raises(ValueError, match=r"lmax: expected.*got 3"):
        transfer_tensor(free_flight(sky), AXIS, lmax=3, boundary_lmax=2)


def test_float32_stays_float32(arrivals, tensor):
    narrow = jax.tree.map(
        lambda x: x.astype(jnp.float32) if x.dtype == jnp.float64 else x, arrivals
    )
    result = tensor_of(narrow)
    assert result.dtype == jnp.float32
    # 1e-5: sums over 192 pixels of numbers of order 1, each rounded at 6e-8.
    assert np.allclose(result, tensor, rtol=0, atol=1e-5)
