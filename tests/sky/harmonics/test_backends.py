import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import (
    DenseTransform,
    JaxhtTransform,
    LegendreTransform,
    alm,
    cross_spectrum,
    harmonic_matrix,
    power_spectrum,
    real_harmonics,
)


@pytest.mark.parametrize("iterations", [0, 1, 3])
def test_equals_healpy_at_each_number_of_iterations(iterations, rng):
    sky, other = 1 + rng.standard_normal((2, 768))
    transform = DenseTransform(iterations)
    flat = sky - sky.mean()
    expected = healpy.anafast(flat, lmax=16, iter=iterations)
    # 1e-10 is the promise; C_0 is round-off.
    found = power_spectrum(sky, lmax=16, transform=transform)
    assert np.allclose(found[1:], expected[1:], rtol=1e-10, atol=0)
    crossed = healpy.anafast(flat, other - other.mean(), lmax=16, iter=iterations)
    found = cross_spectrum(sky, other, lmax=16, transform=transform)
    assert np.allclose(found, crossed, atol=1e-10 * np.max(crossed))
    expected = healpy.map2alm(sky, lmax=16, iter=iterations)
    assert np.allclose(alm(sky, lmax=16, transform=transform), expected, atol=1e-12)


@pytest.mark.parametrize("iterations", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_all_ways_agree(iterations, rng):
    sky = rng.standard_normal((1, 48))
    dense = real_harmonics(sky, lmax=4, transform=DenseTransform(iterations))
    jaxht = real_harmonics(sky, lmax=4, transform=JaxhtTransform(iterations))
    # 1e-9 is the promise; round-off of 8 transforms is 1e-14.
    assert np.allclose(jaxht, dense, atol=1e-12)
    table = real_harmonics(sky, lmax=4, transform=LegendreTransform(iterations))
    assert np.allclose(table, dense, atol=1e-13)


def test_each_iteration_is_one_refinement(rng):
    sky = rng.standard_normal(48)
    plain, once = harmonic_matrix(2, 5, 0), harmonic_matrix(2, 5, 1)
    synthesis = plain.T * (48 / (4 * np.pi))
    refined = plain @ sky + plain @ (sky - synthesis @ (plain @ sky))
    assert np.allclose(once @ sky, refined, atol=1e-13)  # round-off of sums over 48 pixels


def test_without_a_transform_there_are_three_iterations(rng):
    sky = jnp.asarray(rng.standard_normal(192))
    given = power_spectrum(sky, lmax=8, transform=DenseTransform())
    assert np.array_equal(power_spectrum(sky, lmax=8), given)


def test_a_transform_is_a_static_argument(rng):
    sky = jnp.asarray(rng.standard_normal(48))
    spectrum = jax.jit(lambda sky, transform: power_spectrum(sky, transform=transform))
    for iterations in (0, 3):
        transform = DenseTransform(iterations)
        expected = power_spectrum(sky, transform=transform)
        assert np.allclose(spectrum(sky, transform), expected, rtol=1e-12, atol=1e-15)
    assert jax.tree.leaves(DenseTransform()) == []


def test_errors():
    for transform in (DenseTransform, LegendreTransform, JaxhtTransform):
        with pytest.raises(ValueError, match=r"iterations: expected .* >= 0, got -1.*plain sum"):
            transform(-1)
    with pytest.raises(ValueError, match=r"nside 64.*at most 2 GiB, got 6\.09 GiB.*LegendreTr"):
        real_harmonics(jnp.zeros(49152), lmax=128, transform=DenseTransform(0))
    with pytest.raises(ValueError, match=r"LegendreTransform: nside.*got 256.*JaxhtTransform"):
        real_harmonics(jnp.zeros(786432), lmax=4, transform=LegendreTransform(0))
    with pytest.raises(ValueError, match=r"harmonic_matrix: iterations: .* >= 0, got -2"):
        harmonic_matrix(2, 3, -2)


def test_float32_stays_float32(rng):
    sky = jnp.asarray(rng.standard_normal(48), dtype=jnp.float32)
    assert real_harmonics(sky, lmax=4, transform=DenseTransform(0)).dtype == jnp.float32
