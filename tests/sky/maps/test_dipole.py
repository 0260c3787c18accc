import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import (
    Dipole,
    fit_dipole,
    fit_quadrupole,
    pixel_centers,
    remove_dipole,
    remove_multipoles,
)
from jaxcr.sky.healpix.grid import UNSEEN


def cut_sky(nside):
    """Keep the pixels below 30 degrees of latitude."""
    return pixel_centers(nside)[:, 2] < 0.5


def no_dipole():
    return Dipole(jnp.zeros(()), jnp.zeros(3), jnp.eye(4))


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


def test_errors_of_a_full_sky_of_equal_error():
    # The mean of cos² over the sphere is 1/3: each component has the variance 3 error² / N_pix,
    # and the direction that of the two components across over the amplitude squared.
    sky = 1e-2 * pixel_centers(8)[:, 0]
    dipole = fit_dipole(sky, error=np.full(768, 1e-3))
    component = np.sqrt(3 / 768) * 1e-3
    # 1e-2: on the grid of nside 8 the mean of cos² is 1/3 up to 0.3 %.
    assert np.isclose(dipole.amplitude_error, component, rtol=1e-2)
    assert np.isclose(dipole.direction_error, component / 1e-2, rtol=1e-2)
    assert np.isclose(jnp.sqrt(dipole.covariance[0, 0]), 1e-3 / np.sqrt(768), rtol=1e-10)


def test_removing_twice_changes_nothing(rng):
    sky = rng.standard_normal(768)
    once = remove_dipole(sky)
    assert np.allclose(remove_dipole(once), once, atol=1e-14)  # a projection, to round-off


def test_scatter_gives_the_error_of_equal_pixels(rng):
    sky = 0.5 * rng.standard_normal(3072)
    from_scatter = fit_dipole(sky, mask=cut_sky(16)).covariance
    known = fit_dipole(sky, mask=cut_sky(16), error=np.full(3072, 0.5)).covariance
    # The variance of 2304 pixels is known to sqrt(2 / 2304) = 3 %; four times that.
    assert np.allclose(from_scatter, known, rtol=0.12, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_covariance_is_that_of_repeated_skies(weighted, rng):
    error = np.where(pixel_centers(2)[:, 0] > 0, 0.1, 0.3) if weighted else np.full(48, 0.2)
    mask = cut_sky(2)
    skies = jnp.asarray(error * rng.standard_normal((4000, 48)))
    vectors = jax.vmap(lambda m: fit_dipole(m, mask=mask, error=error).vector)(skies)
    expected = fit_dipole(skies[0], mask=mask, error=error).covariance[1:, 1:]
    # Variances of 4000 draws are known to sqrt(2 / 4000) = 2.2 %; 4.5 standard errors.
    ratio = np.diag(np.cov(vectors.T)) / np.diag(expected)
    assert np.allclose(ratio, 1, atol=0.1)


def test_weights_favour_the_precise_pixels(rng):
    error = np.where(pixel_centers(8)[:, 2] > 0, 1e-9, 1.0)
    sky = 1e-3 * pixel_centers(8)[:, 0] + 1e-9 * rng.standard_normal(768)
    sky[error == 1] = 1.0  # an unweighted fit would follow these
    # 4e-10: 5 standard errors, 1e-9 sqrt(3 / 384) = 9e-11.
    assert np.allclose(fit_dipole(sky, error=error).vector[:2], [1e-3, 0], atol=4e-10)


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
    assert np.all(np.isfinite(dipole.covariance))
    removed = remove_dipole(sky, mask=mask)[mask]
    assert np.allclose(removed, healpy.remove_dipole(reference)[mask], atol=1e-13)


def test_gradients(rng):
    sky, step = jnp.asarray(rng.standard_normal((2, 48)))
    error = 1 + jnp.asarray(rng.random(48))
    amplitude = jax.jit(lambda m: fit_dipole(m, mask=cut_sky(2), error=error).amplitude)
    gradient = jax.jit(jax.grad(amplitude))(sky)
    assert np.all(gradient[~cut_sky(2)] == 0)
    size = 1e-5
    high, low = amplitude(sky + size * step), amplitude(sky - size * step)
    # 1e-8: truncation step² = 1e-10 and round-off 1e-16 / step = 1e-11, with a margin.
    assert np.isclose(jnp.vdot(gradient, step), (high - low) / (2 * size), rtol=1e-8)


def test_zero_dipole_has_finite_direction_and_gradient():
    dipole = no_dipole()
    assert dipole.amplitude == dipole.amplitude_error == 0
    assert dipole.direction_error == jnp.inf
    assert np.all(dipole.direction == 0)
    slope = jax.grad(lambda v: Dipole(jnp.zeros(()), v, jnp.eye(4)).amplitude)(jnp.zeros(3))
    assert np.all(slope == 0)


def test_maps_are_mapped_over(rng):
    maps = jnp.asarray(rng.standard_normal((3, 48)))
    vectors = jax.jit(jax.vmap(lambda m: fit_dipole(m).vector))(maps)
    assert np.allclose(vectors[1], fit_dipole(maps[1]).vector, atol=1e-14)  # order of the sums


def test_as_many_pixels_as_functions_leave_the_scatter_unknown(rng):
    mask = np.isin(np.arange(48), [0, 13, 26, 45])
    assert np.all(np.isinf(fit_dipole(rng.standard_normal(48), mask=mask).covariance))


def test_errors():
    with pytest.raises(ValueError, match=r"number of pixels.*got 50"):
        fit_dipole(jnp.zeros(50))
    with pytest.raises(ValueError, match=r"mask: expected shape \(48,\), got shape \(12,\)"):
        fit_dipole(jnp.zeros(48), mask=np.ones(12, bool))
    with pytest.raises(ValueError, match=r"mask: .* True: expected a number >= 4, got 0.*invert"):
        remove_dipole(jnp.zeros(48), mask=np.zeros(48, bool))
    one_ring = pixel_centers(4)[:, 2] == 0
    with pytest.raises(ValueError, match=r"mask: expected pixels that tell the 4 .*larger part"):
        fit_dipole(jnp.zeros(192), mask=one_ring)
    with pytest.raises(ValueError, match=r"error: expected shape \(48,\), got shape \(12,\)"):
        fit_dipole(jnp.zeros(48), error=np.ones(12))
    with pytest.raises(
        ValueError, match=r"error: expected a positive number, got 0.0 at index 0.*mask=error > 0"
    ):
        fit_dipole(jnp.zeros(48), error=np.zeros(48))


@pytest.mark.parametrize("as_map", ["nan", "unseen", "float32", "masked"])
def test_pixels_not_observed_count_as_masked(as_map, rng):
    """A file's NaN, UNSEEN and masked pixels are no data, in every function that has a mask."""
    sky = 1e-2 * pixel_centers(4)[:, 0] + 1e-3 * rng.standard_normal(192)
    seen = rng.random(192) > 0.3
    partial = {
        "nan": np.where(seen, sky, np.nan),
        "unseen": np.where(seen, sky, UNSEEN),
        "float32": np.where(seen, sky, UNSEEN).astype(np.float32),
        "masked": np.ma.masked_array(np.where(seen, sky, 1e9), ~seen),
    }[as_map]
    tolerance = {"rtol": 1e-5, "atol": 1e-6} if as_map == "float32" else {"rtol": 0, "atol": 0}
    for fit in (fit_dipole, fit_quadrupole):
        found, expected = fit(partial), fit(sky, mask=seen)
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            assert np.allclose(one, other, **tolerance)
    for remove in (remove_dipole, lambda *x, **y: remove_multipoles(*x, lmax=2, **y)):
        rest = remove(partial, mask=np.arange(192) != 7)
        whole = remove(sky, mask=seen & (np.arange(192) != 7))
        assert np.array_equal(np.isnan(rest), ~seen)
        assert np.allclose(rest[seen], whole[seen], **tolerance)
    with pytest.raises(ValueError, match=r"mask: .* True: expected a number >= 4, got 0"):
        fit_dipole(np.full(192, UNSEEN))
    with pytest.raises(ValueError, match=r"map: expected finite numbers, got inf at index 5"):
        fit_dipole(np.where(np.arange(192) == 5, np.inf, sky))


def test_a_pixel_without_a_number_is_no_dipole_of_zero():
    """Inside jit, where nobody can look at the values, NaN in any used pixel is NaN out."""
    sky = jnp.asarray(1e-2 * pixel_centers(4)[:, 0])

    @jax.jit
    def numbers(sky, mask):
        dipole, quadrupole = fit_dipole(sky, mask=mask), fit_quadrupole(sky, mask=mask)
        return jnp.stack([
            dipole.amplitude, dipole.amplitude_error, dipole.direction_error, dipole.direction[0],
            quadrupole.amplitude, quadrupole.amplitude_error, quadrupole.axis_error,
            fit_dipole(sky, mask=mask, error=jnp.ones(192)).amplitude_error,
        ])  # fmt: skip

    seen = jnp.arange(192) != 100
    assert np.all(np.isnan(numbers(sky.at[100].set(jnp.nan), jnp.ones(192, bool))))
    assert np.all(np.isfinite(numbers(sky.at[100].set(jnp.nan), seen)[:5]))


def test_float32_stays_float32(rng):
    sky = jnp.asarray(rng.standard_normal(48), dtype=jnp.float32)
    dipole = fit_dipole(sky, mask=cut_sky(2), error=np.full(48, 0.1))
    assert dipole.vector.dtype == dipole.covariance.dtype == jnp.float32
    assert dipole.direction.dtype == dipole.direction_error.dtype == jnp.float32
    assert fit_dipole(sky).amplitude_error.dtype == jnp.float32
    assert remove_dipole(sky).dtype == jnp.float32


def test_a_small_cap_in_float32():
    # A cap of 10 degrees has the condition number 300; its square, of the normal equations, had
    # cost 5e-3 here, and a cap of 3 degrees 0.3. 1e-4: 300 times 6e-8, with a margin.
    sky = (pixel_centers(32) @ np.array([1.0, 2.0, 3.0])).astype(np.float32)
    cap = pixel_centers(32) @ np.array([0.6, 0.0, 0.8]) > np.cos(np.radians(10))
    assert np.allclose(fit_dipole(sky, mask=cap).vector, [1, 2, 3], atol=1e-4)
