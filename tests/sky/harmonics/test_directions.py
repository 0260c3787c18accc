import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import sph_harm_y

from jaxcr.sky.harmonics import (
    direction_harmonics,
    direction_spectrum,
    evaluate_harmonics,
    real_harmonics,
)
from jaxcr.sky.harmonics.modes import mode_degrees, mode_table, synthesis_matrix
from jaxcr.sky.healpix import pixel_centers


def random_directions(rng, num):
    """Isotropic directions of random length, the first three at and near the poles."""
    vectors = rng.standard_normal((num, 3))
    vectors[:3] = [[0, 0, 1], [0, 0, -3], [1e-7, 0, 1]]
    return vectors


def scipy_harmonics(vectors, lmax):
    """Return the real harmonics at directions, (mode, particle), from SciPy."""
    degree, order, sine = (row[:, None] for row in mode_table(lmax))
    x, y, z = vectors.T
    values = sph_harm_y(degree, order, np.arctan2(np.hypot(x, y), z), np.arctan2(y, x))
    return np.where(sine, -values.imag, values.real) * np.where(order > 0, np.sqrt(2), 1)


def test_a_dipole_of_directions_has_its_closed_form():
    # One direction p: sum_m |a_lm|² = (4 pi)² (2l+1) / 4 pi by the addition theorem, so that
    # C_l = 4 pi at each l, wherever p is. 1e-13: round-off of the recurrence.
    for vector in np.array([[[0.0, 0, 1]], [[0, 0, -1]], [[0.6, 0, 0.8]]]):
        c_ell = direction_spectrum(vector, np.array([2.5]), lmax=20)
        assert np.allclose(c_ell[1:], 4 * np.pi, rtol=1e-13)
        assert c_ell[0] == 0


@pytest.mark.parametrize("lmax", [0, 64])
def test_equals_scipy(lmax, rng):
    vectors, weights = random_directions(rng, 520), rng.random(520)
    harmonics = scipy_harmonics(vectors, lmax)
    expected = 4 * np.pi * harmonics @ weights / np.sum(weights)
    expected[0] = 0
    # 1e-12 is the promise, on coefficients of order 0.5; more than one chunk of 512.
    found = direction_harmonics(vectors, weights, lmax=lmax)
    assert np.allclose(found, expected, rtol=0, atol=1e-12)
    # Single harmonics, sqrt((2l+1)/4 pi) ~ 3 at the largest: 1e-12 again.
    some = np.unique([0, 3, 1000, 3000, 4224] if lmax == 64 else [0])
    unit = np.eye((lmax + 1) ** 2)[some]
    values = evaluate_harmonics(unit, vectors)
    assert np.allclose(values, harmonics[some], rtol=0, atol=1e-12)


def test_evaluation_at_the_pixels_is_the_synthesis(rng):
    modes = rng.standard_normal((2, 3, 36))
    expected = modes @ synthesis_matrix(4, 5)
    # 1e-13: round-off of sums over 36 modes of order 1.
    assert np.allclose(evaluate_harmonics(modes, pixel_centers(4)), expected, atol=1e-13)


def test_pixel_centres_as_particles_are_the_map(rng):
    sky = 1 + 0.3 * rng.random(192)
    found = direction_harmonics(pixel_centers(4), sky, lmax=6)
    expected = 4 * np.pi / np.sum(sky) * synthesis_matrix(4, 6) @ sky
    assert np.allclose(found[1:], expected[1:], atol=1e-13)  # round-off of sums over 192 pixels


def test_there_and_back(rng):
    # A function of degree 5 at the points of a quadrature exact to degree 11: the product of
    # Gauss-Legendre in z and a regular one in azimuth. 1e-13: round-off.
    nodes, share = np.polynomial.legendre.leggauss(6)
    azimuth = 2 * np.pi * np.arange(12) / 12
    radius = np.sqrt(1 - nodes**2)[:, None]
    points = np.stack(
        [
            radius * np.cos(azimuth),
            radius * np.sin(azimuth),
            np.repeat(nodes[:, None], 12, axis=1),
        ],
        axis=-1,
    ).reshape(-1, 3)
    modes = np.concatenate([[np.sqrt(4 * np.pi)], 0.02 * rng.standard_normal(35)])
    values = evaluate_harmonics(modes, points)
    back = direction_harmonics(points, np.repeat(share, 12) * np.asarray(values), lmax=5)
    assert np.allclose(back[1:], modes[1:], atol=1e-13)


def test_turning_the_sky_leaves_the_spectrum(rng):
    vectors, weights = random_directions(rng, 200), rng.random(200)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turned = direction_spectrum(vectors @ turn.T, weights, lmax=8)
    # 1e-12: round-off of quadratic sums over 200 particles.
    assert np.allclose(turned, direction_spectrum(vectors, weights, lmax=8), rtol=1e-12)


def test_random_directions_have_the_poisson_level(rng):
    vectors, weights = rng.standard_normal((20_000, 3)), rng.random(20_000)
    c_ell = direction_spectrum(vectors, weights, lmax=24)
    level = 4 * np.pi * np.sum(weights**2) / np.sum(weights) ** 2
    ratio = np.asarray(c_ell[1:]) / level
    # sum (2l+1) C_l / N is chi² of 624 degrees of freedom: 4 standard deviations.
    weight = 2 * np.arange(1, 25) + 1
    assert abs(np.sum(weight * ratio) / 624 - 1) < 4 * np.sqrt(2 / 624)


def test_no_pixel_window(rng):
    # Directions in one cap of 1 degree: binned at nside 4 (pixels of 15 degrees) the power at
    # l = 8 depends on where in its pixel the cap lies, without pixels it is 4 pi P-weighted.
    vectors = np.array([0, 0, 1]) + 0.01 * rng.standard_normal((200, 3))
    c_ell = direction_spectrum(vectors, np.ones(200), lmax=8)
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    cosine = np.clip(unit @ unit.T, -1, 1)
    legendre = np.polynomial.legendre.Legendre.basis(8)(cosine)
    # C_l = 4 pi <P_l(p_i . p_j)> over all pairs. 1e-12: round-off of 40000 cosines near 1.
    assert np.isclose(c_ell[8], 4 * np.pi * np.mean(legendre), rtol=1e-12)


def test_gradients_against_differences(rng):
    vectors = jnp.asarray(random_directions(rng, 20))
    weights = jnp.asarray(0.5 + rng.random(20))
    steps = (jnp.asarray(rng.standard_normal((20, 3))), jnp.asarray(rng.standard_normal(20)))

    @jax.jit
    def power(vectors, weights):
        return jnp.sum(direction_spectrum(vectors, weights, lmax=6) * jnp.arange(7.0))

    size = 1e-5
    shifted = [
        power(vectors + sign * size * steps[0], weights + sign * size * steps[1])
        for sign in (1, -1)
    ]
    gradient = jax.jit(jax.grad(power, argnums=(0, 1)))(vectors, weights)
    slope = jnp.vdot(gradient[0], steps[0]) + jnp.vdot(gradient[1], steps[1])
    # 1e-7: truncation (step l / length)² = 1e-8 with a margin; the poles are among the points.
    assert np.isclose(slope, (shifted[0] - shifted[1]) / (2 * size), rtol=1e-7)
    # Radial steps change nothing: 1e-12 is round-off against gradients of order 1.
    assert np.allclose(jnp.sum(gradient[0] * vectors, axis=1), 0, atol=1e-12)


def test_batch_jit_and_vmap_change_nothing(rng):
    vectors, weights = rng.standard_normal((30, 3)), rng.random((2, 3, 30))
    batched = direction_harmonics(vectors, weights, lmax=4)
    assert batched.shape == (2, 3, 25)
    mapped = jax.jit(jax.vmap(lambda w: direction_harmonics(vectors, w, lmax=4)))(weights[:, 0])
    # 1e-14: order of the sums over 30 particles.
    assert np.allclose(mapped, batched[:, 0], atol=1e-14)
    spectra = direction_spectrum(vectors, weights, lmax=4)
    power = np.asarray(batched) ** 2 @ (mode_degrees(4)[:, None] == np.arange(5))
    assert np.allclose(spectra, power / (2 * np.arange(5) + 1), rtol=1e-13)


def test_errors():
    good, ones = np.eye(3), np.ones(3)
    with pytest.raises(ValueError, match=r"weights: expected shape \(3,\), got"):
        direction_harmonics(good, np.ones(4), lmax=2)
    with pytest.raises(ValueError, match=r"weights, their sum: expected a positive number, got 0"):
        direction_spectrum(good, np.zeros(3), lmax=2)
    with pytest.raises(ValueError, match=r"directions: expected shape \(3, 3\), got .*\(3, 2\)"):
        direction_spectrum(good[:, :2], ones, lmax=2)
    with pytest.raises(ValueError, match=r"length of directions: .*positive.*, got 0.*not arrived"):
        direction_spectrum(good * np.array([[1.0], [0], [1]]), ones, lmax=2)
    with pytest.raises(ValueError, match=r"lmax: expected .* in \[0, 1024\], got -1"):
        direction_spectrum(good, ones, lmax=-1)
    with pytest.raises(ValueError, match=r"lmax: expected .* in \[0, 128\], got 129"):
        direction_spectrum(good.astype(np.float32), ones.astype(np.float32), lmax=129)
    with pytest.raises(ValueError, match=r"modes: expected \(lmax \+ 1\)² on the last axis, got 5"):
        evaluate_harmonics(np.ones(5), good)


@pytest.mark.slow
def test_float32_stays_float32(rng):
    vectors, weights = random_directions(rng, 100), rng.random(100)
    single = [jnp.asarray(row, dtype=jnp.float32) for row in (vectors, weights)]
    found = direction_harmonics(*single, lmax=64)
    assert found.dtype == jnp.float32
    expected = 4 * np.pi * scipy_harmonics(vectors, 64)[1:] @ weights / np.sum(weights)
    # 2e-4: 64 steps that round 6e-8 each, on harmonics up to 3 near the poles; 6e-5 is reached.
    assert np.allclose(found[1:], expected, atol=2e-4)
    modes = real_harmonics(jnp.ones(48, jnp.float32), lmax=2)
    assert evaluate_harmonics(modes, single[0]).dtype == jnp.float32
    # Counts as integers take the default float.
    assert direction_spectrum(vectors, np.ones(100), lmax=2).dtype == jnp.float64
