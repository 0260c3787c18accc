import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import PowerLaw, UniformField, realise_grid, realise_waves
from jaxcr.orbits import Boris, PathLength
from jaxcr.sky import (
    DipoleBoundary,
    backtrack,
    cross_spectrum,
    half_maps,
    realisation_spectra,
)
from jaxcr.units import GYRORADIUS

OBSERVERS = jnp.array([[0.0, 0.0, 0.0], [8.0, 8.0, 8.0]])
OPTIONS = {
    "rigidity": 8 / GYRORADIUS,
    "stop": PathLength(jnp.array([8.0, 16.0])),
    "observer": OBSERVERS,
    "nside": 4,
    "pusher": Boris(step=1.0),
}


def make_field(number):
    turbulence = realise_grid(
        PowerLaw(5 / 3, outer_scale=8.0, inner_scale=4.0),
        key=jax.random.fold_in(jax.random.key(3), number), shape=(16, 16, 16), spacing=1.0,
        rms=1.0,
    )  # fmt: skip
    return UniformField(jnp.array([1.0, 0.0, 0.0])) + turbulence


@pytest.fixture(scope="module")
def spectra():
    boundary = DipoleBoundary(jnp.array([1.0, 0.0, 0.0]), 1.0)
    return realisation_spectra(make_field, range(3), boundary=boundary, lmax=6, **OPTIONS)


def test_each_realisation_is_the_sky_of_its_field(spectra):
    assert spectra.shape == (3, 2, 2, 7)
    arrivals = backtrack(make_field(1), **OPTIONS)
    halves = half_maps(arrivals, DipoleBoundary(jnp.array([1.0, 0.0, 0.0]), 1.0))
    # 1e-12: another program rounds the sums over pixels differently.
    assert np.allclose(spectra[1], cross_spectrum(*halves, lmax=6), rtol=0, atol=1e-12)
    assert not np.allclose(spectra[0], spectra[1], rtol=0.1)


def test_a_boundary_made_from_the_field(spectra):
    local = realisation_spectra(
        make_field, [1], boundary=lambda field: DipoleBoundary(field, 1.0), lmax=6, **OPTIONS
    )
    assert local.shape == (1, 2, 2, 7)
    assert not np.allclose(local[0], spectra[1], rtol=0.1)


@pytest.mark.slow
def test_plane_waves_all_at_once():
    """Realisations by vmap over keys are those one by one."""

    def spectrum(key):
        waves = realise_waves(
            PowerLaw(5 / 3, outer_scale=20.0, inner_scale=1.0), key=key, num_waves=60, rms=3.0
        )
        field = UniformField(jnp.array([3.0, 0.0, 0.0])) + waves
        options = OPTIONS | {"rigidity": 5.0, "stop": PathLength(6.0), "observer": jnp.zeros(3)}
        arrivals = backtrack(field, **options | {"pusher": Boris(step=0.2)})
        halves = half_maps(arrivals, DipoleBoundary(jnp.array([1.0, 0.0, 0.0]), 1.0))
        return cross_spectrum(*halves, lmax=6)

    keys = jax.random.split(jax.random.key(0), 3)
    # 1e-12: another program rounds 30 steps differently.
    assert np.allclose(jax.vmap(spectrum)(keys)[1], spectrum(keys[1]), rtol=0, atol=1e-12)


def test_no_realisations():
    boundary = DipoleBoundary(jnp.array([1.0, 0.0, 0.0]), 1.0)
    with pytest.raises(ValueError, match="numbers: expected a number >= 1, got 0"):
        realisation_spectra(make_field, [], boundary=boundary, lmax=6, **OPTIONS)
