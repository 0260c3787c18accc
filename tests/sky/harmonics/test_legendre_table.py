import healpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import legendre_table, transforms
from jaxcr.sky.harmonics.legendre_table import analyse_table, synthesise_table
from jaxcr.sky.harmonics.modes import harmonic_matrix, synthesis_matrix


# nside 1 has no caps, at 3 nside - 1 every ring aliases, at 33 two blocks of orders are cut short.
@pytest.mark.parametrize(
    ("nside", "lmax", "iterations"),
    [(1, 0, 3), (1, 2, 3), (2, 5, 0), (4, 11, 1), (16, 33, 3), (16, 3, 3)],
)
def test_analysis_equals_healpy(nside, lmax, iterations, rng):
    sky = rng.standard_normal((2, 12 * nside**2))
    modes = analyse_table(jnp.asarray(sky), nside, lmax, iterations)
    found = transforms.modes_to_alm(modes, lmax)
    expected = [healpy.map2alm(one, lmax=lmax, iter=iterations) for one in sky]
    # 1e-13: round-off of 8 transforms of values of order 1; 1e-10 is the promise.
    assert np.allclose(found, expected, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("nside", [64, 128])
def test_large_maps_equal_healpy(nside, rng):
    sky = rng.standard_normal(12 * nside**2)
    lmax = 3 * nside - 1
    modes = analyse_table(jnp.asarray(sky), nside, lmax, 3)
    expected = healpy.map2alm(sky, lmax=lmax, iter=3)
    assert np.allclose(transforms.modes_to_alm(modes, lmax), expected, atol=1e-13)  # as above


@pytest.mark.parametrize(("nside", "lmax"), [(1, 2), (4, 11), (8, 5)])
def test_synthesis_equals_the_matrix(nside, lmax, rng):
    modes = rng.standard_normal((3, (lmax + 1) ** 2))
    maps = synthesise_table(jnp.asarray(modes), nside, lmax)
    # 1e-12: round-off of sums over 144 modes of order 1.
    assert np.allclose(maps, modes @ synthesis_matrix(nside, lmax), atol=1e-12)


def test_more_maps_than_one_chunk(rng):
    maps = rng.standard_normal((2, 9, 192))  # 18 maps, 16 at once
    modes = analyse_table(jnp.asarray(maps), 4, 6, 3)
    assert np.allclose(modes, maps @ harmonic_matrix(4, 6).T, atol=1e-13)  # round-off
    one_by_one = jax.vmap(jax.vmap(lambda sky: analyse_table(sky, 4, 6, 3)))(jnp.asarray(maps))
    assert np.allclose(one_by_one, modes, atol=1e-14)
    assert analyse_table(jnp.zeros((0, 192)), 4, 6, 3).shape == (0, 49)


def test_derivatives_are_the_matrix(rng):
    matrix = harmonic_matrix(4, 11)
    sky, step = jnp.asarray(rng.standard_normal((2, 192)))
    row = jnp.asarray(rng.standard_normal(144))

    def analyse(sky):
        return analyse_table(sky, 4, 11, 3)

    # 1e-13: round-off; the map is linear, so its derivative is the matrix itself.
    tangent = jax.jit(lambda sky, step: jax.jvp(analyse, (sky,), (step,))[1])(sky, step)
    assert np.allclose(tangent, matrix @ step, atol=1e-13)
    gradient = jax.jit(jax.grad(lambda sky: row @ analyse(sky)))(sky)
    assert np.allclose(gradient, row @ matrix, atol=1e-13)
    back = jax.grad(lambda modes: synthesise_table(modes, 4, 11) @ sky)(row)
    assert np.allclose(back, synthesis_matrix(4, 11) @ sky, atol=1e-12)


def test_new_maps_do_not_compile_again(rng):
    maps = jnp.asarray(rng.standard_normal((3, 192)))
    analyse_table(maps, 4, 7, 3)
    before = legendre_table.modes_by_table._cache_size()
    analyse_table(2 * maps, 4, 7, 3)
    assert legendre_table.modes_by_table._cache_size() == before


@pytest.mark.slow
def test_float32_stays_float32(rng):
    sky = rng.standard_normal(3072)
    modes = analyse_table(jnp.asarray(sky, dtype=jnp.float32), 16, 47, 3)
    exact = analyse_table(jnp.asarray(sky), 16, 47, 3)
    assert modes.dtype == jnp.float32
    # 1e-6 of modes of 0.06: 8 transforms, each rounding to 6e-8.
    assert np.allclose(modes, exact, atol=1e-6)
    assert synthesise_table(modes, 16, 47).dtype == jnp.float32
