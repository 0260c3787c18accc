"""Fluctuations of a sky: unit rms, slab share, the same phases at all parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer
from jaxcr.fields import CubicSpline


def samples(skies, **changes):
    """Return the samples of field 0."""
    field = skies.turbulence(0, skies.at(**changes))
    n = skies.cells
    return np.asarray(field.scale * field.coefficients[:n, :n, :n], np.float64)


def test_slab_waves_vary_along_the_mean_field_only(skies):
    b = samples(skies, slab_share=1.0)
    # float32 transforms.
    assert np.max(np.abs(b - b[:, :1, :1])) < 1e-5
    assert np.max(np.abs(b[..., 0])) < 1e-5
    assert abs(np.mean(np.sum(b**2, -1)) - 1) < 1e-5


def test_a_share_mixes_both_fields_and_keeps_the_rms(skies):
    isotropic, slab, mixed = (samples(skies, slab_share=a) for a in (0.0, 1.0, 0.3))
    expected = np.sqrt(0.7) * isotropic + np.sqrt(0.3) * slab
    expected /= np.sqrt(np.mean(np.sum(expected**2, -1)))
    np.testing.assert_allclose(mixed, expected, atol=2e-6)  # float32, values up to 3
    # Phases of their own: a mode of 16 along the axis at most are shared, each uncorrelated.
    assert abs(np.mean(np.sum(isotropic * slab, -1))) < 0.2


def test_a_change_of_the_spectrum_keeps_the_phases(skies):
    first, second = samples(skies), samples(skies, index=1.5, outer_scale=12.9)
    correlation = np.mean(np.sum(first * second, -1))
    # Independent fields would have 0 ± 0.1.
    assert correlation > 0.98


@pytest.mark.slow
def test_derivative_by_the_index_is_that_of_differences(skies):
    def energy_of_gradient(index):
        field = infer.realise_turbulence(
            skies.at(index=index),
            jax.random.key(0),
            cells=16,
            stencil=CubicSpline(),
            storage=jnp.float64,
        )
        return jnp.mean(jnp.diff(field.coefficients, axis=0) ** 2)

    slope = jax.jvp(energy_of_gradient, (1.6,), (1.0,))[1]
    h = 1e-4
    up, down = energy_of_gradient(1.6 + h), energy_of_gradient(1.6 - h)
    difference = (up - down) / (2 * h)
    # h² times the third derivative, below 1e-8 of the first; round-off 1e-16/h.
    np.testing.assert_allclose(slope, difference, rtol=1e-7)
