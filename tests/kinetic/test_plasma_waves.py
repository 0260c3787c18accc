"""MHD waves against the linear operator of the ideal isothermal plasma, and known limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.kinetic import plasma_waves as mw

B = np.array([2.0, -1.0, 2.0]) / 3
V_A = 2e-4
ALFVEN, SLOW, FAST = range(3)


@jax.jit
def waves(k, mean_field, beta):
    return mw.mhd_waves(k, mean_field, alfven_speed=V_A, beta=beta)


def wave_vector(angle, size=3.0):
    across = np.cross(B, [0.0, 0.6, 0.8])
    return size * (np.cos(angle) * B + np.sin(angle) * across / np.linalg.norm(across))


def at(angle, beta):
    return waves(jnp.asarray(wave_vector(angle)), jnp.asarray(7 * B), beta)


def linear_operator(k, beta):
    """Return M of omega u = M u for u = (rho/rho0, velocity / V_A, dB/B0), in V_A = 1.

    Continuity, momentum with pressure c_s² rho and the force (i k × dB) × B0, induction.
    """
    operator = np.zeros((7, 7))
    for column, u in enumerate(np.eye(7)):
        rho, v, b = u[0], u[1:4], u[4:]
        operator[0, column] = k @ v
        operator[1:4, column] = beta / 2 * k * rho - np.cross(np.cross(k, b), B)
        operator[4:, column] = -np.cross(k, np.cross(v, B))
    return operator


@pytest.mark.parametrize("beta", [1e-4, 0.2, 2.0, 100.0])
@pytest.mark.parametrize("angle", [1e-3, 0.9, np.pi / 2 - 1e-9, 2.5])
def test_waves_are_eigenvectors_of_the_linear_operator(beta, angle):
    k = wave_vector(angle)
    operator = linear_operator(k, beta)
    found = at(angle, beta)
    frequency = np.asarray(found.frequency) / V_A
    for i in range(3):
        u = np.concatenate([found.density[i : i + 1], found.polarisation[i], found.magnetic[i]])
        # round-off of |k| |u|, over the sine of the smallest angle
        np.testing.assert_allclose(operator @ u, frequency[i] * u, atol=1e-13 * 3 * np.abs(u).max())
        np.testing.assert_allclose(np.linalg.norm(found.polarisation[i]), 1, rtol=1e-13)
    # each runs both ways; the seventh has div B and does not run
    expected = np.sort(np.concatenate([frequency, -frequency, [0]]))
    values = np.linalg.eigvals(operator)
    # 1e-11: the operator is not symmetric, near-equal speeds cost digits
    np.testing.assert_allclose(np.sort(values.real), expected, atol=3e-11)
    np.testing.assert_allclose(found.phase_speed, frequency * V_A / 3, rtol=1e-13)


@pytest.mark.parametrize("beta", [0.2, 8.0])
def test_parts_and_flags(beta):
    found = at(0.9, beta)
    np.testing.assert_allclose(found.magnetic @ B, found.magnetic_parallel, atol=1e-14)
    across = np.asarray(found.magnetic) - np.outer(found.magnetic_parallel, B)
    np.testing.assert_allclose(
        np.linalg.norm(across, axis=1), found.magnetic_transverse, rtol=1e-13
    )
    np.testing.assert_allclose(found.magnetic @ wave_vector(0.9), 0, atol=1e-14)  # div B
    compression = (found.polarisation @ wave_vector(0.9) / 3) ** 2
    np.testing.assert_allclose(found.compressibility, compression, atol=1e-14)
    assert found.compressibility[ALFVEN] == found.density[ALFVEN] == 0
    np.testing.assert_allclose(found.magnetic_transverse[ALFVEN], 1, rtol=1e-14)
    assert found.gyroresonant.tolist() == [True, True, True]
    assert found.transit_time.tolist() == [False, True, True]
    # fast: field and gas are compressed together; slow: one against the other
    assert found.magnetic_parallel[FAST] * found.density[FAST] > 0
    assert found.magnetic_parallel[SLOW] * found.density[SLOW] < 0


def test_along_the_field_nothing_changes_its_strength():
    found = at(0.0, 0.2)
    np.testing.assert_allclose(found.phase_speed, V_A * np.array([1, np.sqrt(0.1), 1]), rtol=1e-13)
    assert found.transit_time.tolist() == [False, False, False]
    assert found.gyroresonant.tolist() == [True, False, True]  # the slow wave is sound
    np.testing.assert_allclose(found.compressibility, [0, 1, 0], atol=1e-13)
    np.testing.assert_allclose(np.abs(found.polarisation[SLOW] @ B), 1, rtol=1e-13)


def test_across_the_field_only_the_fast_wave_runs():
    k = jnp.array([0.0, 0.0, 3.0])
    found = waves(k, jnp.array([1.0, 0.0, 0.0]), 0.2)
    np.testing.assert_allclose(found.frequency, [0, 0, 3 * V_A * np.sqrt(1.1)], rtol=1e-14)
    assert found.gyroresonant.tolist() == [True, False, False]
    assert found.transit_time.tolist() == [False, True, True]
    np.testing.assert_allclose(np.abs(found.polarisation[SLOW]), [1, 0, 0], atol=1e-14)
    # pressure balance of the slow wave: c_s² rho + V_A² dB_par = 0
    np.testing.assert_allclose(
        0.1 * found.density[SLOW], -found.magnetic_parallel[SLOW], rtol=1e-12
    )
    # and it is the limit of slanted ones
    near = waves(jnp.array([3e-7, 0.0, 3.0]), jnp.array([1.0, 0.0, 0.0]), 0.2)
    for name in ("density", "magnetic", "polarisation", "compressibility"):
        np.testing.assert_allclose(getattr(near, name), getattr(found, name), atol=3e-6)


def test_cold_plasma():
    # beta -> 0: slow waves slide along B0 at c_s cos, with no field; fast waves move across
    found = at(0.9, 2e-6)
    np.testing.assert_allclose(found.phase_speed[SLOW], V_A * 1e-3 * np.cos(0.9), rtol=1e-5)
    np.testing.assert_allclose(found.phase_speed[FAST], V_A, rtol=1e-5)
    np.testing.assert_allclose(np.abs(found.polarisation[SLOW] @ B), 1, rtol=1e-5)
    np.testing.assert_allclose(found.polarisation[FAST] @ B, 0, atol=1e-5)
    assert float(np.linalg.norm(found.magnetic[SLOW])) < 1e-2


def test_group_velocity():
    found = at(0.9, 0.2)
    np.testing.assert_allclose(found.group_velocity[ALFVEN], V_A * B, rtol=1e-13)
    k, step = wave_vector(0.9), 1e-5
    for axis in np.eye(3):
        up, down = (waves(jnp.asarray(k + s * axis), jnp.asarray(B), 0.2) for s in (step, -step))
        difference = (up.frequency - down.frequency) / (2 * step)
        # step² of truncation and eps/step of rounding, of V_A
        np.testing.assert_allclose(found.group_velocity @ axis, difference, atol=1e-9 * V_A)
    # homogeneous of degree one: k · v_g = omega
    np.testing.assert_allclose(found.group_velocity @ k, found.frequency, rtol=1e-13)


def test_gradient_by_beta():
    def parallel(beta):
        return waves(jnp.asarray(wave_vector(0.9)), jnp.asarray(B), beta).magnetic_parallel[FAST]

    step = 1e-5
    difference = (parallel(0.2 + step) - parallel(0.2 - step)) / (2 * step)
    # 1e-8: step² of truncation and eps/step of rounding
    slope = jax.jvp(parallel, (0.2,), (1.0,))[1]
    np.testing.assert_allclose(slope, difference, rtol=1e-8)


@pytest.mark.parametrize(
    ("k", "b", "speed", "beta", "message"),
    [
        (np.zeros(3), B, V_A, 0.2, r"mhd_waves: wave_vector: expected a direction"),
        (B, np.zeros(3), V_A, 0.2, r"mhd_waves: mean_field: expected a direction"),
        (B, B, 0.0, 0.2, r"mhd_waves: alfven_speed: expected a positive number"),
        (B, B, V_A, -1.0, r"beta: expected a positive ratio"),
    ],
)
def test_errors(k, b, speed, beta, message):
    with pytest.raises(ValueError, match=message):
        mw.mhd_waves(jnp.asarray(k), jnp.asarray(b), alfven_speed=speed, beta=beta)
