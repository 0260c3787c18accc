import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky import (
    DenseTransform,
    cross_spectrum,
    evaluate_harmonics,
    gyrotropic_split,
    pixel_centers,
    power_spectrum,
    rotate_map,
)
from jaxcr.sky.harmonics.transforms import synthesise

NSIDE, LMAX = 8, 8
ELL = np.arange(1, LMAX + 1)
EXACT = DenseTransform(iterations=12)
"""Of a map without power above lmax, modes to round-off."""


def rotation(rng):
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return turn * np.linalg.det(turn)


def random_maps(rng, *shape):
    """Maps whose modes up to lmax are all of variance 1 sr."""
    return np.asarray(synthesise(jnp.asarray(rng.standard_normal((*shape, 81))), NSIDE, LMAX))


def test_a_dipole_has_the_closed_form(rng):
    axis, vector = rng.standard_normal((2, 3))
    found = gyrotropic_split(pixel_centers(NSIDE) @ vector, axis=axis, lmax=2)
    # C_1 = 4 pi A² / 9, of it cos² of the angle to the axis. 1e-5: as in test_spectra.
    along = (vector @ axis) ** 2 / (axis @ axis)
    assert np.isclose(found.gyrotropic.c_ell[1], 4 * np.pi / 9 * along, rtol=1e-5)
    assert np.isclose(found.rest.c_ell[1], 4 * np.pi / 9 * (vector @ vector - along), rtol=1e-5)
    assert np.array_equal(found.rest.ell, np.arange(3))


def test_a_gyrotropic_map_has_no_rest(rng):
    for axis in (*rng.standard_normal((4, 3)), np.array([0, 0, 2.0]), np.array([0, 0, -1.0])):
        cosine = pixel_centers(NSIDE) @ axis / np.linalg.norm(axis)
        sky = np.polynomial.legendre.legval(cosine, rng.standard_normal(LMAX + 1))
        found = gyrotropic_split(sky, axis=axis, lmax=LMAX, transform=EXACT)
        total = power_spectrum(sky, lmax=LMAX, transform=EXACT)
        # 1e-12 of the total is asked for, in every degree; 1e-17 is what the transform leaves.
        assert np.all(np.abs(found.rest.c_ell) < 1e-12 * np.max(total))
        assert np.allclose(found.gyrotropic.c_ell, total, rtol=1e-12, atol=1e-20)
        other = gyrotropic_split(sky, axis=np.roll(axis, 1), lmax=LMAX, transform=EXACT)
        assert np.sum(other.rest.c_ell) > 1e-2 * np.sum(total)


def test_both_parts_sum_to_the_spectrum(rng):
    first, second = random_maps(rng, 2, 3)
    axis = rng.standard_normal(3)
    for maps in ((first,), (first, second)):
        found = gyrotropic_split(*maps, axis=axis, lmax=LMAX)
        total = cross_spectrum(maps[0], maps[-1], lmax=LMAX)
        # 1e-12 is asked for; a cross power may be near zero, hence absolute, of C_l of order 1.
        assert np.allclose(found.gyrotropic.c_ell + found.rest.c_ell, total, rtol=0, atol=1e-12)


def test_sky_and_axis_may_be_turned_together(rng):
    axis, modes, centers = (
        rng.standard_normal(3),
        rng.standard_normal((2, 81)),
        pixel_centers(NSIDE),
    )
    options = {"lmax": LMAX, "transform": EXACT, "noise": 0.1}
    maps = evaluate_harmonics(modes, centers)
    before = gyrotropic_split(*maps, axis=axis, **options)
    for turn in (rotation(rng), -np.eye(3), rotation(rng)):
        exact = evaluate_harmonics(modes, centers @ turn), 1e-12
        # rotate_map takes the modes with three refinements, 1e-5 of each.
        by_map = [rotate_map(x, turn, lmax=LMAX) for x in maps], 1e-4
        for turned, tolerance in (exact, by_map):
            after = gyrotropic_split(*turned, axis=turn @ axis, **options)
            for one, other in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
                # From l = 1: the mean over pixels, which was removed, is not quite the monopole.
                assert np.allclose(one[1:], other[1:], rtol=0, atol=tolerance)
    flipped = gyrotropic_split(*maps, axis=-2 * axis, **options)
    assert np.allclose(flipped.rest.c_ell, before.rest.c_ell, rtol=0, atol=1e-12)


def test_an_isotropic_sky_has_one_mode_of_each_degree_in_it(rng):
    num = 4000
    found = gyrotropic_split(random_maps(rng, num), axis=rng.standard_normal(3), lmax=LMAX)
    gyrotropic, rest = (np.asarray(x.c_ell)[:, 1:] for x in (found.gyrotropic, found.rest))
    # Modes of variance 1: means 1/(2l+1) and 2l/(2l+1), within 4 standard errors.
    for part, modes in ((gyrotropic, 1), (rest, 2 * ELL)):
        share = modes / (2 * ELL + 1)
        error = np.sqrt(2 / modes / num) * share
        assert np.all(np.abs(part.mean(axis=0) - share) < 4 * error)
        assert np.all(np.abs(part.mean(axis=0) - share * 1.2) > 4 * error)


@pytest.mark.parametrize("signal", [0.0, 1.0])
@pytest.mark.parametrize("halves", [False, True])
def test_mean_and_error_over_noise(halves, signal, rng):
    num, axis = 4000, rng.standard_normal(3)
    sky = signal * random_maps(rng)
    maps = [sky + 0.5 * random_maps(rng, num) for _ in range(1 + halves)]
    level = 0.25 / (1 + halves)
    options = {"axis": axis, "lmax": LMAX, "sample_variance": False, "transform": EXACT}
    truth = gyrotropic_split(sky, **options)
    found = gyrotropic_split(*maps, noise=level, **options)
    known = gyrotropic_split(sky, *[sky + 0] * halves, noise=level, **options)
    for name, modes in (("gyrotropic", 1), ("rest", 2 * ELL)):
        values = np.asarray(getattr(found, name).c_ell)[:, 1:]
        scatter = values.std(axis=0)
        away = values.mean(axis=0) - getattr(truth, name).c_ell[1:]
        assert np.all(np.abs(away) < 4 * scatter / np.sqrt(num))
        noise = getattr(found, name).noise
        assert np.allclose(noise[..., 1:], level * modes / (2 * ELL + 1), rtol=1e-14)
        # From the C_l without noise. The scatter of 4000 products is known to 3 %: 4 of those.
        error = np.asarray(getattr(known, name).error)[1:]
        if not halves:  # where the level was taken from what has none
            with_noise = np.asarray(getattr(truth, name).c_ell)[1:] * level
            share = modes / (2 * ELL + 1)
            error = np.sqrt((4 * with_noise + 2 * share * level**2) / (2 * ELL + 1))
        assert np.allclose(scatter, error, rtol=0.12)


def test_halves_measure_their_noise(rng):
    sky, num = 3 * random_maps(rng), 500
    first, second = (sky + 0.5 * random_maps(rng, num) for _ in range(2))
    found = gyrotropic_split(first, second, axis=np.ones(3), lmax=LMAX, transform=EXACT)
    measured = np.asarray(found.rest.noise)[:, 1:] * (2 * ELL + 1) / (2 * ELL)
    # 80 modes each: 4 standard errors.
    assert np.all(np.abs(measured.mean(axis=0) / 0.125 - 1) < 4 * np.sqrt(2 / 80 / num))
    assert np.allclose(measured, measured[:, :1], rtol=1e-12)


def test_gaussian_skies_scatter_by_the_error(rng):
    num = 4000
    maps = 1.3 * random_maps(rng, num)
    found = gyrotropic_split(maps, axis=np.ones(3), lmax=LMAX, noise=0.69)
    for part, modes in ((found.gyrotropic, 1), (found.rest, 2 * ELL)):
        values = np.asarray(part.c_ell)[:, 1:]
        error = np.sqrt(2 / modes) * 1.69 * modes / (2 * ELL + 1)
        # A scatter of 4000 squares of normal numbers is known to 3 %, their mean to 2.2 %: 4.
        assert np.allclose(values.std(axis=0), error, rtol=0.12)
        assert np.allclose(np.asarray(part.error)[:, 1:].mean(axis=0), error, rtol=0.09)


def test_gradient_against_differences(rng):
    maps, step = jnp.asarray(rng.standard_normal((2, 2, 192)))
    axis, turn = jnp.asarray(rng.standard_normal((2, 3)))

    @jax.jit
    def total(maps, axis):
        found = gyrotropic_split(*maps, axis=axis, lmax=4)
        return jnp.sum(found.rest.c_ell * jnp.arange(5.0)) - jnp.sum(found.gyrotropic.error)

    epsilon = 1e-5
    difference = (
        total(maps + epsilon * step, axis + epsilon * turn)
        - total(maps - epsilon * step, axis - epsilon * turn)
    ) / (2 * epsilon)
    _, forward = jax.jvp(total, (maps, axis), (step, turn))
    gradient = jax.jit(jax.grad(total, argnums=(0, 1)))(maps, axis)
    backward = jnp.vdot(gradient[0], step) + jnp.vdot(gradient[1], turn)
    # Central differences: round-off 1e-11, their own error epsilon².
    assert np.isclose(forward, difference, rtol=1e-8)
    assert np.isclose(backward, forward, rtol=1e-12)
    assert abs(jnp.vdot(gradient[1], axis)) < 1e-12  # its length does not matter
    for place in (jnp.array([0.0, 0.0, 1.0]), jnp.array([0.0, 0.0, -2.0])):
        assert np.all(np.isfinite(jax.jacfwd(total, argnums=1)(maps, place)))
    zero = jax.grad(total, argnums=(0, 1))(jnp.zeros_like(maps), axis)
    assert all(np.all(np.isfinite(x)) for x in zero)


def test_batch_and_float32(rng):
    maps = rng.standard_normal((2, 3, 2, 192))
    found = gyrotropic_split(maps[0], maps[1], axis=np.ones(3), lmax=4)
    one = gyrotropic_split(maps[0, 1, 0], maps[1, 1, 0], axis=np.ones(3), lmax=4)
    assert np.allclose(found.rest.c_ell[1, 0], one.rest.c_ell, rtol=1e-12, atol=1e-15)
    assert np.allclose(found.rest.error[1, 0], one.rest.error, rtol=1e-12, atol=1e-15)
    single = jnp.asarray(maps[0], jnp.float32)
    levels = np.array([[0.1, 0.2]])
    found = gyrotropic_split(single, axis=np.ones(3), noise=levels, lmax=4)
    assert {x.dtype for x in jax.tree.leaves(found)} == {jnp.dtype("float32")}
    assert found.rest.noise.shape == (1, 2, 5)
    double = gyrotropic_split(maps[0], axis=np.ones(3), noise=levels, lmax=4)
    # 1e-5: 192 values stored to 6e-8.
    assert np.allclose(found.gyrotropic.c_ell, double.gyrotropic.c_ell, rtol=0, atol=1e-5)


def test_errors(rng):
    sky = rng.standard_normal(192)
    with pytest.raises(ValueError, match=r"gyrotropic_split: axis: expected a direction"):
        gyrotropic_split(sky, axis=np.zeros(3), lmax=4)
    with pytest.raises(
        ValueError, match=r"gyrotropic_split: axis: expected .*shape \(xyz=3\), got"
    ):
        gyrotropic_split(sky, axis=np.ones(2), lmax=4)
    with pytest.raises(ValueError, match=r"second: expected shape \(192,\), got shape \(48,\)"):
        gyrotropic_split(sky, sky[:48], axis=np.ones(3), lmax=4)
    with pytest.raises(ValueError, match=r"gyrotropic_split: noise: expected .* >= 0"):
        gyrotropic_split(sky, axis=np.ones(3), noise=-1.0, lmax=4)
