"""MHD modes against the eigenvectors of the linearised equations."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import Alfven, Fast, PowerLaw, Slow, realise_waves

Z = jnp.array([0.0, 0.0, 1.0])
ANGLES = np.array([0.0, 1e-3, 0.3, 0.9, 1.3, np.pi / 2 - 1e-3])


def linear_operator(beta, cosine):
    """Return A of omega²/k² xi = A xi, axes along B0, along k across it, and B0 × k (V_A = 1).

    Force of the pressure: a k (k·xi); of the field: (k × (k × (xi × b))) × b.
    """
    k = np.array([cosine, np.sqrt(1 - cosine**2), 0.0])
    b = np.array([1.0, 0.0, 0.0])
    columns = []
    for xi in np.eye(3):
        # dB = i k × (xi × b); force (i k × dB) × b; minus its real part is A xi.
        field = np.cross(k, np.cross(xi, b))
        columns.append(beta / 2 * k * (k @ xi) + np.cross(np.cross(k, field), b))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("beta", [0.02, 0.2, 2.0, 7.0])
@pytest.mark.parametrize("angle", ANGLES)
def test_modes_are_eigenvectors(beta, angle):
    cosine = jnp.asarray(np.cos(angle))
    operator = linear_operator(beta, float(cosine))
    for mode in (Slow(Z, beta), Fast(Z, beta), Alfven(Z)):
        speed, xi = mode.phase_speed(cosine), np.asarray(mode.displacement(cosine))
        # Round-off; near the axis the squares of small angles.
        np.testing.assert_allclose(operator @ xi, float(speed) ** 2 * xi, atol=1e-10)
        np.testing.assert_allclose(np.linalg.norm(xi), 1, rtol=1e-12)


def test_speeds_in_known_limits():
    along, across = jnp.asarray(1.0), jnp.asarray(0.0)
    # Along B0: sound and Alfvén speed, whichever is slower first; across: 0 and both together.
    for beta, slow, fast in ((0.2, np.sqrt(0.1), 1.0), (8.0, 1.0, 2.0)):
        np.testing.assert_allclose(Slow(Z, beta).phase_speed(along), slow, rtol=1e-14)
        np.testing.assert_allclose(Fast(Z, beta).phase_speed(along), fast, rtol=1e-14)
        np.testing.assert_allclose(Slow(Z, beta).phase_speed(across), 0, atol=1e-14)
        np.testing.assert_allclose(Fast(Z, beta).phase_speed(across), np.sqrt(1 + beta / 2))
    assert Alfven(Z).phase_speed(along) == 1
    assert Alfven(Z).phase_speed(across) == 0


@pytest.mark.parametrize("axis", [Z, jnp.array([1.0, -2.0, 0.5])])
@pytest.mark.parametrize("kind", ["alfven", "slow", "fast"])
def test_field_is_the_curl_of_displacement_and_mean_field(kind, axis, key):
    geometry = {"alfven": Alfven(axis), "slow": Slow(axis, 0.2), "fast": Fast(axis, 0.2)}[kind]
    law = PowerLaw(1.5 if kind == "fast" else 5 / 3, outer_scale=20.0, inner_scale=0.5)
    field = realise_waves(law, key=key, num_waves=50, rms=1.0, geometry=geometry)
    unit = np.asarray(axis / jnp.linalg.norm(axis))
    for vector, amplitude in zip(field.frequencies, field.amplitudes, strict=True):
        k = np.asarray(vector / jnp.linalg.norm(vector))
        cosine = float(k @ unit)
        across = (k - cosine * unit) / np.sqrt(1 - cosine**2)
        parts = np.asarray(geometry.displacement(jnp.asarray(cosine)))
        xi = parts[0] * unit + parts[1] * across + parts[2] * np.cross(unit, across)
        made = np.cross(k, np.cross(xi, unit))
        # Parallel: the field of the wave is along what the displacement makes.
        sine = np.linalg.norm(np.cross(made, amplitude))
        assert sine < 1e-10 * np.linalg.norm(made) * np.linalg.norm(amplitude)


@pytest.mark.parametrize("mode", [Slow, Fast])
def test_rejects_a_beta_that_is_not_positive(mode):
    with pytest.raises(ValueError, match=rf"{mode.__name__}: beta: expected a positive ratio"):
        mode(Z, 0.0)
