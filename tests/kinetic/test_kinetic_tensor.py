"""The diffusion tensor: eigenvalues, rotations, dissipation, and drift by sign and size."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from jaxcr import fields, units
from jaxcr.kinetic import drifts, tensor

ROUND_OFF = 1e-14  # a handful of operations
B = np.array([1.0, -2.0, 2.0]) / 3
VALUES = {"parallel": 5.0, "perpendicular": 0.3, "antisymmetric": 0.8}
GRADIENT = jnp.array([0.3, 1.0, -0.4])


def make(direction):
    return np.asarray(tensor.diffusion_tensor(jnp.asarray(direction), **VALUES))


def test_in_the_frame_of_the_field():
    expected = [[0.3, 0.8, 0], [-0.8, 0.3, 0], [0, 0, 5]]
    np.testing.assert_allclose(make([0.0, 0.0, 2.0]), expected, atol=1e-16)


def test_index_by_index():
    epsilon = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        epsilon[i, j, k], epsilon[j, i, k] = 1, -1
    expected = 0.3 * np.eye(3) + 4.7 * np.outer(B, B) + 0.8 * np.einsum("ijk,k->ij", epsilon, B)
    np.testing.assert_allclose(make(B), expected, rtol=ROUND_OFF, atol=1e-15)


def test_symmetric_part_has_the_coefficients_as_eigenvalues():
    symmetric = (make(B) + make(B).T) / 2
    np.testing.assert_allclose(np.linalg.eigvalsh(symmetric), [0.3, 0.3, 5], rtol=1e-13)
    np.testing.assert_allclose(symmetric @ B, 5 * B, rtol=1e-13)


def test_turns_with_the_field(rng):
    turn = Rotation.random(rng=rng).as_matrix()
    np.testing.assert_allclose(make(turn @ B), turn @ make(B) @ turn.T, atol=1e-14)


def test_the_antisymmetric_part_does_no_spreading():
    with_drift = tensor.diffusion_tensor(jnp.asarray(B), **VALUES)
    without = tensor.diffusion_tensor(jnp.asarray(B), parallel=5.0, perpendicular=0.3)
    with_drift, without = np.asarray(with_drift), np.asarray(without)
    for gradient in np.eye(3) + 0.3:
        # - j · grad n, the production of entropy
        np.testing.assert_allclose(gradient @ with_drift @ gradient, gradient @ without @ gradient,
                                   rtol=1e-13)  # fmt: skip
    checked = jnp.asarray(with_drift)
    assert tensor.check_positive_definite(checked) is checked


def test_flux_across_field_and_gradient():
    # j_A = +D_A b × grad n
    whole = tensor.diffusive_flux(tensor.diffusion_tensor(jnp.asarray(B), **VALUES), GRADIENT)
    plain = tensor.diffusion_tensor(jnp.asarray(B), parallel=5.0, perpendicular=0.3)
    part = np.asarray(whole - tensor.diffusive_flux(plain, GRADIENT))
    np.testing.assert_allclose(part, 0.8 * np.cross(B, GRADIENT), rtol=1e-13)


def test_sign_of_the_flux_of_gyration(rng):
    # Particles on circles about guiding centres of density 1 + x/20, B along z: through a plane
    # of constant x, the net velocity along y of those that are there. Centre X = x - r_L n × z.
    n, r_l = 20_000, 1.0
    angle = 2 * np.pi * (np.arange(n) + rng.random()) / n
    velocity = np.stack([np.cos(angle), np.sin(angle)])
    center = 0.0 + r_l * velocity[1]  # (n × z)_x = n_y, positive charge
    flux = np.mean((1 + center / 20) * velocity[1])
    # in the plane of gyration D_A = v r_L / 2; over the sphere two thirds of that, v r_L / 3
    expected = 1.5 * float(tensor.antisymmetric_coefficient(3 / units.GYRORADIUS, 3.0)) / 20
    np.testing.assert_allclose(flux, expected, rtol=1e-10)
    diffusion = tensor.diffusion_tensor(
        jnp.array([0.0, 0.0, 1.0]), parallel=0.0, perpendicular=0.0, antisymmetric=expected * 20
    )
    along = tensor.diffusive_flux(diffusion, jnp.array([1 / 20, 0.0, 0.0]))
    np.testing.assert_allclose(along, [0, flux, 0], rtol=1e-10)


def test_antisymmetric_coefficient():
    rigidity = 6.0 / units.GYRORADIUS  # r_L = 2 pc in 3 µG
    free = tensor.antisymmetric_coefficient(rigidity, 3.0, speed=0.5)
    np.testing.assert_allclose(free, 1 / 3, rtol=ROUND_OFF)
    # Omega = v/r_L = 1/4; tau = 8: (Omega tau)² = 4
    slowed = tensor.antisymmetric_coefficient(rigidity, 3.0, speed=0.5, scattering_rate=1 / 8)
    np.testing.assert_allclose(slowed, 0.8 / 3, rtol=ROUND_OFF)
    other = tensor.antisymmetric_coefficient(-rigidity, 3.0, speed=0.5, scattering_rate=1 / 8)
    np.testing.assert_allclose(other, -0.8 / 3, rtol=ROUND_OFF)


@eqx.filter_jit
def two_drifts(diffusion, place, momentum):
    found = tensor.tensor_drift(lambda x: diffusion(x, momentum), place)
    expected = drifts.isotropic_drift(diffusion.field, place, momentum / diffusion.charge)
    return found, expected, diffusion(place, momentum)


def coefficient(rigidity, strength):
    return 10 * jnp.abs(rigidity) ** (1 / 3) / strength


@pytest.mark.parametrize("charge", [1, -2])
def test_drift_of_the_tensor_is_that_of_the_particles(charge):
    dipole = fields.DipoleField(
        polar_strength=6.0, radius=40.0, axis=jnp.array([0.1, 0.3, 1.0]), center=jnp.zeros(3)
    )
    diffusion = tensor.FieldAlignedDiffusion(
        dipole,
        parallel=coefficient,
        perpendicular=0.1,
        antisymmetric=tensor.antisymmetric_coefficient,
        charge=charge,
    )
    place = jnp.array([30.0, -20.0, 15.0])
    found, expected, whole = two_drifts(diffusion, place, jnp.asarray(2.0))
    np.testing.assert_allclose(found, expected, rtol=1e-12)  # two ways of differentiation
    value = np.asarray(dipole(place))
    strength = np.linalg.norm(value)
    # D itself, at the rigidity p/Z
    along = value @ np.asarray(whole) @ value / strength**2
    np.testing.assert_allclose(along, 10 * (2 / abs(charge)) ** (1 / 3) / strength, rtol=1e-13)


def test_gradient():
    @jax.jit
    def flux(parallel, rate):
        drift = tensor.antisymmetric_coefficient(1.0, 3.0, scattering_rate=rate)
        diffusion = tensor.diffusion_tensor(
            jnp.asarray(B), parallel=parallel, perpendicular=0.1, antisymmetric=drift
        )
        return tensor.diffusive_flux(diffusion, GRADIENT)[0]

    step = 1e-5
    by_rate = (flux(2.0, 0.7 + step) - flux(2.0, 0.7 - step)) / (2 * step)
    found = jax.grad(flux, argnums=(0, 1))(2.0, 0.7)
    np.testing.assert_allclose(found[0], -(B @ GRADIENT) * B[0], rtol=ROUND_OFF)
    # 1e-8: step² of truncation and eps/step of rounding
    np.testing.assert_allclose(found[1], by_rate, rtol=1e-8)


def test_one_rigidity_after_the_other_does_not_recompile():
    traced = []

    @jax.jit
    def value(diffusion, momentum):
        traced.append(0)
        return diffusion(jnp.zeros(3), momentum)

    for perpendicular in (0.1, 0.2):
        diffusion = tensor.FieldAlignedDiffusion(
            fields.UniformField(jnp.array([0.0, 0.0, 3.0])), parallel=2.0,
            perpendicular=perpendicular,
        )  # fmt: skip
        found = value(diffusion, jnp.asarray(perpendicular))
        np.testing.assert_allclose(np.diag(found), [perpendicular, perpendicular, 2], rtol=1e-15)
    assert len(traced) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tensor.diffusion_tensor(jnp.zeros(3), **VALUES), r"direction: expected a dir"),
        (
            lambda: tensor.diffusion_tensor(jnp.ones(3), parallel=-1.0, perpendicular=0.1),
            r"diffusion_tensor: parallel: .* got -1.0",
        ),
        (
            lambda: tensor.FieldAlignedDiffusion(
                fields.UniformField(jnp.ones(3)), parallel=1.0, perpendicular=-2
            ),
            r"FieldAlignedDiffusion: perpendicular: .* got -2",
        ),
        (
            lambda: tensor.check_positive_definite(jnp.diag(jnp.array([1.0, 0.0, 2.0]))),
            r"check_positive_definite: eigenvalues: .* got 0.0\. No gradient may steepen",
        ),
        (
            lambda: tensor.antisymmetric_coefficient(1.0, 1.0, speed=2.0),
            r"antisymmetric_coefficient: speed",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
