import healpy
import jax
import jax.numpy as jnp
import numpy as np

from jaxcr.sky import pixel_centers, smooth


def test_smoothing_a_dipole_scales_it():
    sky = pixel_centers(8)[:, 0]
    sigma = 0.4 / np.sqrt(8 * np.log(2))
    # l(l+1)/2 = 1 at l = 1. 1e-4: up to l = 3 nside - 1 the grid mixes l = 1 with the highest
    # l, which the beam damps; 6e-5 at nside 8, 6e-6 at nside 16, the same in healpy.
    assert np.allclose(smooth(sky, fwhm=0.4), np.exp(-(sigma**2)) * sky, atol=1e-4)


def test_smoothing_equals_healpy(rng):
    sky = rng.standard_normal(768)
    # 1e-12: round-off of the transform there and back at lmax = 23.
    assert np.allclose(smooth(sky, fwhm=0.3), healpy.smoothing(sky, fwhm=0.3), atol=1e-12)


def test_gradient_and_dtype(rng):
    sky = jnp.asarray(rng.standard_normal(48))
    power = jax.jit(jax.grad(lambda width: jnp.sum(smooth(sky, fwhm=width) ** 2)))
    assert power(0.0) == 0  # the beam depends on the square of its width
    assert smooth(sky.astype(jnp.float32), fwhm=0.1).dtype == jnp.float32
