import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import pixel_centers, power_spectrum, real_harmonics
from jaxcr.sky.maps import (
    Quadrupole,
    fit_quadrupole,
    remove_dipole,
    remove_multipoles,
)


def cut_sky(nside):
    """Keep the pixels below 30 degrees of latitude."""
    return pixel_centers(nside)[:, 2] < 0.5


def band_limited(rng, nside, lmax):
    """Draw a map with multipoles up to lmax only."""
    modes = rng.standard_normal((lmax + 1) * (lmax + 2) // 2).astype(complex)
    return healpy.alm2map(modes, nside, lmax=lmax)


@pytest.mark.parametrize("masked", [False, True])
def test_a_known_tensor_is_found_and_removed(masked, rng):
    p = pixel_centers(8)
    tensor = rng.standard_normal((3, 3))
    tensor = tensor + tensor.T - 2 / 3 * np.trace(tensor) * np.eye(3)
    sky = 0.3 + p @ [1.0, 2.0, -1.0] + np.einsum("pi,ij,pj->p", p, tensor, p)
    mask = cut_sky(8) if masked else None
    fit = fit_quadrupole(sky, mask=mask)
    # 1e-12: round-off of a 9 x 9 solve with condition number below 1e3.
    assert np.allclose(fit.tensor, tensor, atol=1e-12)
    assert np.allclose(fit.vector, [1, 2, -1], atol=1e-12)
    assert np.isclose(fit.monopole, 0.3, atol=1e-12)
    assert np.allclose(remove_multipoles(sky, lmax=2, mask=mask), 0, atol=1e-12)


def test_amplitude_and_axis_of_a_legendre_polynomial():
    axis = np.array([2.0, -1.0, 2.0]) / 3
    cosine = pixel_centers(16) @ axis
    sky = -0.02 * (1.5 * cosine**2 - 0.5)
    fit = fit_quadrupole(sky)
    assert np.isclose(fit.amplitude, 0.02, rtol=1e-12)  # round-off
    assert np.isclose(abs(jnp.dot(fit.axis, axis)), 1, rtol=1e-12)
    # 1e-5: power_spectrum refines its quadrature three times, not to the end.
    assert np.isclose(power_spectrum(sky, lmax=2)[2], 4 * np.pi * 0.02**2 / 25, rtol=1e-5)


def test_amplitude_error_of_a_full_sky_of_equal_error():
    # Orthogonal functions: A P_2 has the mean square A² / 5, so Var A = 5 error² / N_pix.
    cosine = pixel_centers(16)[:, 2]
    fit = fit_quadrupole(1.5 * cosine**2 - 0.5, error=np.full(3072, 0.1))
    # 1e-2: the quadrature of the grid at nside 16, 1 / 3072, times functions up to 10.
    assert np.isclose(fit.amplitude_error, 0.1 * np.sqrt(5 / 3072), rtol=1e-2)


def test_quoted_errors_are_those_of_repeated_cut_skies(rng):
    p, error, mask = pixel_centers(4), np.full(192, 0.1), cut_sky(4)
    sky = 1.0 + p[:, 0] + 2.0 * (1.5 * (p @ [0.6, 0.0, 0.8]) ** 2 - 0.5)
    skies = jnp.asarray(sky + error * rng.standard_normal((2000, 192)))
    fits = jax.jit(jax.vmap(lambda m: fit_quadrupole(m, mask=mask, error=error)))(skies)
    clean = fit_quadrupole(sky, mask=mask, error=error)
    # Spreads of 2000 draws are known to 1 / sqrt(4000) = 1.6 %, and second order in the error
    # adds (0.1 / sqrt(192) / 2)² ~ 0: 5 standard errors.
    assert np.isclose(np.std(fits.vector[:, 0]), jnp.sqrt(clean.covariance[1, 1]), rtol=0.08)
    amplitude, axes = jax.jit(jax.vmap(lambda f: (f.amplitude, f.axis)))(fits)
    assert np.isclose(np.std(amplitude), clean.amplitude_error, rtol=0.08)
    sine = jnp.linalg.norm(jnp.cross(axes, clean.axis[None]), axis=1)
    assert np.isclose(jnp.sqrt(jnp.mean(sine**2) / 2), clean.axis_error, rtol=0.08)
    assert np.allclose(clean.dipole.covariance, clean.covariance[:4, :4])


def test_removing_one_multipole_is_removing_the_mean_and_dipole(rng):
    sky = rng.standard_normal(768)
    mask = cut_sky(8)
    # 1e-12: two bases of one space, round-off of the solve.
    assert np.allclose(remove_multipoles(sky, lmax=1, mask=mask), remove_dipole(sky, mask=mask))


def test_removal_equals_subtracting_healpy_modes(rng):
    sky = band_limited(rng, 8, 8)
    modes = healpy.map2alm(sky, lmax=8, iter=30)
    degree, _ = healpy.Alm.getlm(8)
    low = healpy.alm2map(np.where(degree <= 2, modes, 0), 8, lmax=8)
    # Least squares and quadrature differ by how much the grid mixes degrees, 1 / N_pix times
    # the size of the map and the number of modes: 1 % of the standard deviation at nside 8.
    rest = remove_multipoles(sky, lmax=2)
    assert np.allclose(rest, sky - low, atol=0.05 * np.std(sky))
    left = real_harmonics(rest, lmax=2)
    assert np.max(np.abs(left)) < 0.02 * np.max(np.abs(real_harmonics(sky, lmax=2)))


def test_gradients(rng):
    sky, step = jnp.asarray(rng.standard_normal((2, 48)))
    error = jnp.asarray(1 + rng.random(48))

    @jax.jit
    def value_and_slope(size):
        def amplitude(s):
            fit = fit_quadrupole(sky + s * step, error=error * (1 + s))
            return fit.amplitude + fit.amplitude_error

        return jax.jvp(amplitude, (size,), (1.0,))

    size = 1e-5  # truncation 1e-10, round-off 1e-11; 1e-8 with a margin
    high, low = value_and_slope(size)[0], value_and_slope(-size)[0]
    assert np.isclose(value_and_slope(0.0)[1], (high - low) / (2 * size), rtol=1e-8)
    none = jnp.zeros(())
    zero = jax.grad(lambda c: Quadrupole(none, jnp.zeros(3), c, jnp.eye(9)).amplitude)
    assert np.all(zero(jnp.zeros(5)) == 0)


def test_errors():
    with pytest.raises(ValueError, match=r"mask: .* True: expected a number >= 9, got 8"):
        fit_quadrupole(jnp.zeros(48), mask=np.arange(48) < 8)
    cap = pixel_centers(16)[:, 2] > np.cos(0.01)
    with pytest.raises(ValueError, match=r"mask: .* expected a number >= 9|tell the 9"):
        fit_quadrupole(jnp.zeros(3072), mask=cap)
    with pytest.raises(ValueError, match=r"remove_multipoles: lmax: expected 0 \.\.\..*got 24"):
        remove_multipoles(jnp.zeros(768), lmax=24)


def test_float32_stays_float32(rng):
    sky = jnp.asarray(rng.standard_normal(48), jnp.float32)
    fit = fit_quadrupole(sky, error=np.full(48, 0.1))
    exact = fit_quadrupole(sky.astype(float), error=np.full(48, 0.1))
    assert fit.components.dtype == fit.covariance.dtype == fit.axis_error.dtype == jnp.float32
    # 1e-5: 6e-8 times the condition number.
    assert np.allclose(fit.components, exact.components, atol=1e-5)
    assert remove_multipoles(sky, lmax=2).dtype == jnp.float32
