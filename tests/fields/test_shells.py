import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import Lattice
from jaxcr.fields.shells import Shells, average_shells, count_mirrored, fit_index
from jaxcr.fields.wave_vectors import wave_vectors

FUNDAMENTAL = 2 * math.pi / 32


def average_power_law(index, low=0.0, high=math.inf):
    """Average modes that hold exactly E(k) = k^-index, between two multiples of the fundamental."""
    lattice = Lattice(jnp.zeros(3), jnp.ones(3), (32, 32, 32))
    size = jnp.linalg.norm(wave_vectors(lattice.shape, lattice.spacing), axis=-1)
    inside = (size >= (low - 1e-6) * FUNDAMENTAL) & (size <= high * FUNDAMENTAL) & (size > 0)
    safe = jnp.where(inside, size, 1)
    power = jnp.where(inside, safe**-index / (4 * jnp.pi * safe**2) * FUNDAMENTAL**3, 0)
    count = jnp.broadcast_to(count_mirrored(32, size.dtype), size.shape)
    return eqx.filter_jit(average_shells)(size, power, count, lattice, 16)


@pytest.mark.parametrize(("num", "expected"), [(4, [1, 2, 1]), (5, [1, 2, 2]), (1, [1])])
def test_count_mirrored(num, expected):
    assert np.array_equal(count_mirrored(num, jnp.float64), expected)


def test_modes_are_those_of_the_whole_lattice():
    index = np.fft.fftfreq(32, 1 / 32)
    size = np.sqrt(sum(i**2 for i in np.meshgrid(index, index, index)))
    expected = [np.count_nonzero(np.round(size) == n) for n in range(1, 16)]
    assert np.array_equal(average_power_law(1.0).num_modes, expected)


def test_spectrum_is_exact_for_index_one():
    shells = average_power_law(1.0)
    # The mean of 1/k is 1/k at the harmonic mean: sums of at most 3000 terms.
    assert jnp.allclose(shells.spectrum * shells.wavenumber, 1, rtol=1e-13)


@pytest.mark.parametrize("index", [3 / 2, 5 / 3, 2.0])
def test_spectrum_of_a_power_law_is_second_order_in_the_width(index):
    shells = average_power_law(index)
    ratio = shells.spectrum * shells.wavenumber**index
    # A shell of width w around k, modes as k² dk: excess s(s - 1)/24 (w/k)² at the harmonic mean;
    # twice that because the first shells hold few distinct |k|.
    bound = index * (index - 1) / 12 * (FUNDAMENTAL / shells.wavenumber) ** 2
    assert jnp.all(jnp.abs(ratio - 1) < bound)


def test_shells_near_an_edge_are_not_filled():
    # 4.6 and 10.4 cut the shells 4.5..5.5 and 9.5..10.5; the next but one holds no mode within a
    # fundamental of an edge: 5.6 cuts the shell 5.5..6.5, 9.4 the shell 8.5..9.5.
    filled = average_power_law(5 / 3, low=4.6, high=10.4).filled
    assert np.array_equal(np.flatnonzero(filled) + 1, [7, 8])


def test_fit_returns_the_exponent_of_an_exact_power_law():
    k = jnp.array([1.0, 2.0, 3.0, 4.0])
    filled = jnp.array([False, True, True, True])
    spectrum = (7 * k**-1.5).at[0].set(100.0)
    shells = Shells(k, spectrum, jnp.array([6.0, 18.0, 62.0, 98.0]), filled)
    # Logarithms of numbers of order one; the outlier in the first shell is left out.
    assert abs(fit_index(shells) - 1.5) < 1e-13


def test_fit_weighs_by_modes():
    # Least squares by hand: x = ln k = (0, 1, 2), y = (0, -1, -3), weights (1, 1, 2): mean x 5/4,
    # sum w x y = 1/4 - 9/2 = -17/4, sum w x² = 25/16 + 1/16 + 18/16 = 11/4.
    x, y = jnp.arange(3.0), jnp.array([0.0, -1.0, -3.0])
    shells = Shells(jnp.exp(x), jnp.exp(y), jnp.array([1.0, 1.0, 2.0]), jnp.ones(3, bool))
    # A few roundings.
    assert abs(fit_index(shells) - 17 / 11) < 1e-14


def test_fit_needs_two_shells():
    k = jnp.array([1.0, 2.0])
    assert math.isnan(fit_index(Shells(k, k, k, jnp.array([True, False]))))
