import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import Dipole, fit_dipole, pixel_centers, remove_dipole, smooth


def cut_sky(nside):
    """Keep the pixels below 30 degrees of latitude."""
    return pixel_centers(nside)[:, 2] < 0.5


@pytest.mark.parametrize("masked", [False, True])
def test_a_pure_dipole_is_found_and_removed(masked):
    vector = np.array([1e-3, -2e-3, 5e-4])
    sky = 0.25 + pixel_centers(8) @ vector
    mask = cut_sky(8) if masked else None
    dipole = fit_dipole(sky, mask=mask)
    # 1e-14: round-off of a 4 x 4 solve with condition number below 100.
    assert np.isclose(dipole.monopole, 0.25, atol=1e-14)
    assert np.allclose(dipole.vector, vector, atol=1e-14)
    assert np.isclose(dipole.amplitude, np.linalg.norm(vector), atol=1e-14)
    assert np.allclose(dipole.direction, vector / np.linalg.norm(vector), atol=1e-11)
    assert np.allclose(remove_dipole(sky, mask=mask), 0, atol=1e-14)


def test_smoothing_a_dipole_scales_it():
    sky = pixel_centers(8)[:, 0]
    sigma = 0.4 / np.sqrt(8 * np.log(2))
    # l(l+1)/2 = 1 at l = 1. 1e-4: up to l = 3 nside - 1 the grid mixes l = 1 with the highest
    # l, which the beam damps; 6e-5 at nside 8, 6e-6 at nside 16, the same in healpy.
    assert np.allclose(smooth(sky, fwhm=0.4), np.exp(-(sigma**2)) * sky, atol=1e-4)


def test_removing_twice_changes_nothing(rng):
    sky = rng.standard_normal(768)
    once = remove_dipole(sky)
    assert np.allclose(remove_dipole(once), once, atol=1e-14)  # a projection, to round-off


def test_dipole_equals_healpy(rng):
    sky = rng.standard_normal(768)
    monopole, vector = healpy.fit_dipole(sky)
    # 1e-13: round-off of sums over 768 pixels, as in the two below.
    assert np.isclose(fit_dipole(sky).monopole, monopole, atol=1e-13)
    assert np.allclose(fit_dipole(sky).vector, vector, atol=1e-13)
    assert np.allclose(remove_dipole(sky), healpy.remove_dipole(sky), atol=1e-13)


@pytest.mark.parametrize("hidden", [healpy.UNSEEN, np.nan])
def test_masked_dipole_equals_healpy(hidden, rng):
    mask = cut_sky(8)
    sky = np.where(mask, rng.standard_normal(768), hidden)
    reference = np.where(mask, sky, healpy.UNSEEN)
    monopole, vector = healpy.fit_dipole(reference)
    dipole = fit_dipole(sky, mask=mask)
    assert np.isclose(dipole.monopole, monopole, atol=1e-13)
    assert np.allclose(dipole.vector, vector, atol=1e-13)
    removed = remove_dipole(sky, mask=mask)[mask]
    assert np.allclose(removed, healpy.remove_dipole(reference)[mask], atol=1e-13)


def test_smoothing_equals_healpy(rng):
    sky = rng.standard_normal(768)
    # 1e-12: round-off of the transform there and back at lmax = 23.
    assert np.allclose(smooth(sky, fwhm=0.3), healpy.smoothing(sky, fwhm=0.3), atol=1e-12)


def test_gradients(rng):
    sky, step = jnp.asarray(rng.standard_normal((2, 48)))
    amplitude = jax.jit(lambda m: fit_dipole(m, mask=cut_sky(2)).amplitude)
    gradient = jax.jit(jax.grad(amplitude))(sky)
    assert np.all(gradient[~cut_sky(2)] == 0)
    size = 1e-5
    high, low = amplitude(sky + size * step), amplitude(sky - size * step)
    # 1e-8: truncation step² = 1e-10 and round-off 1e-16 / step = 1e-11, with a margin.
    assert np.isclose(jnp.vdot(gradient, step), (high - low) / (2 * size), rtol=1e-8)
    power = jax.jit(jax.grad(lambda width: jnp.sum(smooth(sky, fwhm=width) ** 2)))
    assert power(0.0) == 0  # the beam depends on the square of its width


def test_zero_dipole_has_finite_direction_and_gradient():
    dipole = Dipole(jnp.zeros(()), jnp.zeros(3))
    assert dipole.amplitude == 0
    assert np.all(dipole.direction == 0)
    assert np.all(jax.grad(lambda v: Dipole(jnp.zeros(()), v).amplitude)(jnp.zeros(3)) == 0)


def test_maps_are_mapped_over(rng):
    maps = jnp.asarray(rng.standard_normal((3, 48)))
    vectors = jax.jit(jax.vmap(lambda m: fit_dipole(m).vector))(maps)
    assert np.allclose(vectors[1], fit_dipole(maps[1]).vector, atol=1e-14)  # order of the sums


def test_errors():
    with pytest.raises(ValueError, match=r"number of pixels.*got 50"):
        fit_dipole(jnp.zeros(50))
    with pytest.raises(ValueError, match=r"mask: expected the shape of the map, \(48,\)"):
        fit_dipole(jnp.zeros(48), mask=np.ones(12, bool))
    with pytest.raises(ValueError, match=r"mask: expected at least 4 pixels.*got 0.*invert"):
        remove_dipole(jnp.zeros(48), mask=np.zeros(48, bool))


def test_float32_stays_float32(rng):
    sky = jnp.asarray(rng.standard_normal(48), dtype=jnp.float32)
    assert fit_dipole(sky, mask=cut_sky(2)).vector.dtype == jnp.float32
    assert fit_dipole(sky).direction.dtype == jnp.float32
    assert remove_dipole(sky).dtype == smooth(sky, fwhm=0.1).dtype == jnp.float32
