"""Boundaries from physical parameters: closed form of the trap chain, axis of the dipole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer

TRAP = {"mirror_ratio": 2.0, "gradient": 0.3, "place": 4.0, "lmax": 8}


def series(**changes):
    """Return f_l / f_0."""
    coefficients = infer.TrapParameters(**(TRAP | changes)).distribution().coefficients
    return coefficients / coefficients[0]


def test_dipole_axis():
    boundary = infer.DipoleParameters(0.3, 0.5, 0.2).distribution()
    expected = [np.cos(0.5), np.sin(0.5) * np.cos(0.2), np.sin(0.5) * np.sin(0.2)]
    np.testing.assert_allclose(boundary.axis, expected, rtol=1e-15)
    assert float(boundary.amplitude) == 0.3


def test_chain_without_losses_has_the_closed_form():
    closed = infer.TrapSeries(lmax=8)
    found = series()
    # f_k ~ 1 - a^-k, whatever the place.
    expected = closed.series(2.0, 0.3)
    np.testing.assert_allclose(found[1:] / found[1], expected[1:], rtol=1e-11)
    amplitude = closed.amplitude(4.0, 2.0, 0.3)
    np.testing.assert_allclose(jnp.abs(found[1]), amplitude, rtol=1e-11)


@pytest.mark.slow
def test_scattering_rate_matters_only_beside_losses():
    slopes = {
        loss: jax.jacfwd(lambda nu, loss=loss: series(scattering_rate=nu, loss_rate=loss))(1.3)
        for loss in (0.0, 0.05)
    }
    # An exact zero but for the round-off of the recurrence.
    assert np.max(np.abs(slopes[0.0])) < 1e-15
    assert np.abs(slopes[0.05][1]) > 1e-4
    # Only nu over the loss rate counts.
    np.testing.assert_allclose(
        series(scattering_rate=2.6, loss_rate=0.1),
        series(scattering_rate=1.3, loss_rate=0.05),
        rtol=1e-12,
    )


def test_rejects_a_place_outside_the_chain():
    with pytest.raises(ValueError, match=r"TrapParameters: place: expected a number >= 1"):
        series(place=0.5)
