"""Geometries: directions, invariance, correlations in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import j0

from jaxcr.fields import Isotropic, PowerLaw, Slab, SlabTwoD, TwoDimensional, realise_waves

AXIS = jnp.array([1.0, 2.0, 2.0]) / 3
LAW = PowerLaw(5 / 3, outer_scale=20.0, inner_scale=0.5)
GEOMETRIES = [Isotropic(), Slab(7 * AXIS), TwoDimensional(AXIS), SlabTwoD(AXIS, 0.2)]


def waves(geometry, key, num=60):
    return realise_waves(LAW, key=key, num_waves=num, rms=1.0, geometry=geometry)


def correlation(geometry, lag, key):
    """Return <B(0)·B(lag)> over realisations, and its standard error."""
    products = jax.vmap(lambda k: waves(geometry, k)(jnp.zeros(3)) @ waves(geometry, k)(lag))(
        jax.random.split(key, 10_000)
    )
    return float(products.mean()), float(products.std()) / 100


def expected(kernel):
    """Return the integral of E(k) kernel(k)."""
    k = np.geomspace(2 * np.pi / 20 * (1 + 1e-9), 2 * np.pi / 0.5 * (1 - 1e-9), 20_001)
    return np.trapezoid(np.asarray(LAW(jnp.asarray(k))) * kernel(k), k)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=lambda g: type(g).__name__)
def test_waves_are_across_and_have_the_asked_power(geometry, key):
    direction, polarisation = geometry.draw(key, 1000, jnp.float64)
    # Round-off of unit vectors.
    np.testing.assert_allclose(jnp.linalg.norm(direction, axis=1), 1, atol=1e-14)
    np.testing.assert_allclose(jnp.sum(direction * polarisation, axis=1), 0, atol=1e-14)
    np.testing.assert_allclose(jnp.mean(jnp.sum(polarisation**2, axis=1)), 1, atol=1e-14)


def test_slab_varies_along_the_axis_and_two_dimensional_across_it(key):
    for geometry, still in (
        (Slab(AXIS), jnp.array([2.0, -1.0, 0.0])),
        (TwoDimensional(AXIS), AXIS),
    ):
        field = waves(geometry, key)
        here = jnp.array([0.3, -2.0, 1.0])
        # Sums of sixty cosines: round-off.
        np.testing.assert_allclose(field(here + 5 * still), field(here), atol=1e-12)
        assert jnp.abs(field(here) @ AXIS) < 1e-14
        assert jnp.linalg.norm(field(here + 0.7) - field(here)) > 0.1


@pytest.mark.parametrize(
    ("geometry", "lag", "kernel"),
    [
        (Isotropic(), jnp.array([0.0, 1.5, 0.0]), lambda k: np.sinc(1.5 * k / np.pi)),
        (Slab(AXIS), 1.5 * AXIS, lambda k: np.cos(1.5 * k)),
        (TwoDimensional(AXIS), jnp.array([0.0, 1.5, -1.5]), lambda k: j0(1.5 * np.sqrt(2) * k)),
        (SlabTwoD(AXIS, 0.2), 1.5 * AXIS, lambda k: 0.2 * np.cos(1.5 * k) + 0.8),
    ],
    ids=["isotropic", "slab", "two-dimensional", "both"],
)
def test_correlations_are_those_of_the_spectrum(geometry, lag, kernel, key):
    mean, error = correlation(geometry, lag, key)
    assert error < 0.02
    assert abs(mean - expected(kernel)) < 4 * error


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=lambda g: type(g).__name__)
def test_every_realisation_has_the_rms(geometry, key):
    amplitudes = np.asarray(waves(geometry, key).amplitudes)
    # Cells in ln k by Gauss's rule.
    assert np.sum(amplitudes**2) / 2 == pytest.approx(1, rel=1e-9)
    along = np.sum(amplitudes**2, axis=1)[::2].sum() / 2
    if isinstance(geometry, SlabTwoD):
        assert along == pytest.approx(0.2, rel=1e-9)


def test_gradient_by_the_share():
    def bx(share):
        return waves(SlabTwoD(AXIS, share), jax.random.key(0))(jnp.ones(3))[0]

    slope = jax.grad(bx)(jnp.asarray(0.3))
    difference = (bx(jnp.asarray(0.3 + 1e-6)) - bx(jnp.asarray(0.3 - 1e-6))) / 2e-6
    # Rounding 1e-16 / 1e-6.
    assert jnp.isclose(slope, difference, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slab(jnp.zeros(3)), "Slab: axis: expected a direction"),
        (lambda: SlabTwoD(AXIS, 1.2), "SlabTwoD: slab_share: expected a share between 0 and 1"),
    ],
)
def test_rejects_what_is_no_geometry(make, message):
    with pytest.raises(ValueError, match=message):
        make()
