import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import gaussian_beam


def test_beam_of_a_known_width():
    # sigma = 0.1 at this fwhm, so b_l = exp[-l(l+1) 0.005]: round-off of one exponential.
    beam = gaussian_beam(0.1 * np.sqrt(8 * np.log(2)), 40)
    l = np.arange(41)
    assert np.allclose(beam, np.exp(-0.005 * l * (l + 1)), rtol=1e-14)
    assert np.all(gaussian_beam(0, 5) == 1)


def test_equals_healpy():
    # 1e-13: round-off of an exponent of up to 50.
    assert np.allclose(gaussian_beam(0.2, 100), healpy.gauss_beam(0.2, lmax=100), rtol=1e-13)


def test_gradient():
    slope = jax.grad(lambda width: jnp.sum(gaussian_beam(width, 8)))(0.3)
    size = 1e-5
    high, low = (jnp.sum(gaussian_beam(0.3 + sign * size, 8)) for sign in (1, -1))
    # 1e-8: truncation (l size)² and round-off 1e-16 / size.
    assert np.isclose(slope, (high - low) / (2 * size), rtol=1e-8)
    assert jax.grad(lambda width: jnp.sum(gaussian_beam(width, 8)))(0.0) == 0


def test_errors():
    with pytest.raises(ValueError, match=r"fwhm: expected .* in \[0, 3.14159\], got -0\.1"):
        gaussian_beam(-0.1, 4)
    with pytest.raises(ValueError, match=r"fwhm: expected .* got 5.0. In rad"):
        gaussian_beam(5.0, 4)  # degrees
    with pytest.raises(ValueError, match=r"lmax: expected a number >= 0, got -1"):
        gaussian_beam(0.1, -1)


def test_keeps_the_precision_of_its_width():
    assert gaussian_beam(jnp.asarray(0.1, jnp.float32), 4).dtype == jnp.float32
    assert gaussian_beam(0.1, 4).dtype == jnp.float64
