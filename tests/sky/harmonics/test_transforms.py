import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import transforms
from jaxcr.sky.harmonics.modes import degree_average


@pytest.fixture
def always_jaxht(monkeypatch):
    """Send small maps, which compile quickly, through jaxht."""
    monkeypatch.setattr(transforms, "_LARGEST_MATRIX", 0)
    monkeypatch.setattr(transforms, "LARGEST_TABLE_NSIDE", 0)


def test_alm_and_back_is_the_identity(rng):
    modes = jnp.asarray(rng.standard_normal((3, 2, 36)))
    back = transforms.alm_to_modes(transforms.modes_to_alm(modes, 5), 5)
    assert np.allclose(back, modes, rtol=4e-16)  # one product with sqrt(1/2), one with sqrt(2)


def test_synthesis_equals_healpy(rng):
    modes = jnp.asarray(rng.standard_normal(81))
    coefficients = np.asarray(transforms.modes_to_alm(modes, 8))
    expected = healpy.alm2map(coefficients, 4, lmax=8)
    # 1e-12: round-off of sums over 81 modes of order 1.
    assert np.allclose(transforms.synthesise(modes, 4, 8), expected, atol=1e-12)


def test_jaxht_equals_the_matrix(rng, always_jaxht):
    maps = rng.standard_normal((1, 48))
    modes = transforms.analyse(jnp.asarray(maps), 2, 5)
    # 1e-13: round-off of 8 transforms of 48 values of order 1.
    assert np.allclose(modes, maps @ transforms.harmonic_matrix(2, 5).T, atol=1e-13)
    back = transforms.synthesise(modes, 2, 5)
    assert np.allclose(back, modes @ transforms.synthesis_matrix(2, 5), atol=1e-13)


def test_jaxht_settings_are_put_back(rng, always_jaxht):
    import jht

    before = jht.get_azimuth_fft_mode()
    with pytest.raises(TypeError, match="incompatible shapes"):  # 12 pixels at nside 2
        transforms.analyse(jnp.zeros(12), 2, 5)
    transforms.analyse(jnp.asarray(rng.standard_normal((1, 48))), 2, 5)
    assert jht.get_azimuth_fft_mode() == before
    assert jax.config.jax_numpy_dtype_promotion == "strict"
    assert jax.config.jax_numpy_rank_promotion == "raise"


@pytest.mark.slow
def test_jaxht_derivative_is_the_matrix(rng):
    row = jnp.asarray(rng.standard_normal((1, 9)))
    maps = jnp.asarray(rng.standard_normal((1, 12)))
    gradient = jax.grad(lambda sky: jnp.sum(row * transforms.analyse_jaxht(sky, 1, 2, 1)))(maps)
    # 1e-13: round-off; the map is linear, so its derivative is the matrix itself.
    assert np.allclose(gradient, row @ transforms.harmonic_matrix(1, 2, 1), atol=1e-13)


def test_float32_map_in_a_float64_session(rng, always_jaxht):
    maps = rng.standard_normal(12)
    modes = transforms.analyse(jnp.asarray(maps, dtype=jnp.float32), 1, 2)
    assert modes.dtype == jnp.float32
    # 1e-6: the map is rounded to 6e-8; jaxht itself works in float64 here.
    assert np.allclose(modes, transforms.harmonic_matrix(1, 2) @ maps, atol=1e-6)


@pytest.mark.parametrize(("matrix", "table"), [(0, 0), (0, 1), (2**22, 1)])
def test_float32_session(rng, matrix, table, monkeypatch):
    monkeypatch.setattr(transforms, "_LARGEST_MATRIX", matrix)
    monkeypatch.setattr(transforms, "LARGEST_TABLE_NSIDE", table)
    # nside 1, lmax 1 is used nowhere else here: jaxht keeps the precision of its first call at
    # one size, so that one process cannot use the same size in both.
    maps = rng.standard_normal(12)
    with jax.enable_x64(False):
        modes = transforms.analyse(jnp.asarray(maps), 1, 1)
        assert modes.dtype == jnp.float32
        assert transforms.synthesise(modes, 1, 1).dtype == jnp.float32
    # 1e-5: 100 roundings of 6e-8 through four refinements.
    assert np.allclose(modes, transforms.harmonic_matrix(1, 1) @ maps, atol=1e-5)


def test_mean_product_is_that_of_each_degree(rng):
    left, right = jnp.asarray(rng.standard_normal((2, 3, 36)))
    expected = (left * right) @ degree_average(5)
    # 1e-15: round-off of means of at most 11 products of order 1.
    assert np.allclose(transforms.mean_product(left, right, 5), expected, atol=1e-15)


def test_the_way_follows_nside_and_lmax():
    def way(nside, lmax):
        ways = transforms.analyse_dense, transforms.analyse_table, transforms.analyse_jaxht
        return ways.index(transforms._choose(nside, lmax, *ways))

    assert [way(8, 23), way(16, 10), way(64, 1)] == [0, 0, 0]
    assert [way(16, 47), way(128, 383), way(256, 767)] == [1, 1, 2]
