"""Curl of a splined potential: divergence, samples, order, and one gather for derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import (
    CatmullRom,
    Clamped,
    CubicSpline,
    GridField,
    Linear,
    Mirrored,
    Periodic,
    PotentialGridField,
    PowerLaw,
    ZeroOutside,
    realise_grid,
)
from jaxcr.fields.field import sample_field


def smooth(position):
    """Return a divergence-free field of period 1 with a mean."""
    x, y, z = 2 * jnp.pi * position
    return jnp.stack([jnp.sin(y) + jnp.cos(z), jnp.sin(z) + jnp.cos(x), jnp.sin(x + y)]) + (
        jnp.array([0.5, 0.0, 0.0])
        + jnp.array([1.0, -1.0, 0.0]) * jnp.cos(x + y)  # along z × k: k·B = 0
    )


def splined(num, **options):
    template = GridField(jnp.zeros((num, num, num, 3)), spacing=1 / num, origin=jnp.zeros(3))
    centers = template.lattice().centers()
    samples = jax.vmap(smooth)(centers.reshape(-1, 3)).reshape(centers.shape)
    return PotentialGridField(samples, spacing=1 / num, origin=jnp.zeros(3), **options), samples


@pytest.mark.parametrize("shape", [(8, 8, 8), (5, 6, 7)])
def test_divergence_vanishes_whatever_the_samples(rng, shape):
    field = PotentialGridField(
        jnp.asarray(rng.normal(size=(*shape, 3))), spacing=0.5, origin=jnp.zeros(3)
    )
    points = jnp.asarray(rng.uniform(-5, 5, size=(200, 3)))
    jacobian = jax.jit(jax.vmap(jax.jacfwd(field)))(points)
    assert jnp.max(jnp.abs(jacobian)) > 1
    # Second derivatives of potentials of order one over half-parsec cells: round-off.
    assert jnp.max(jnp.abs(jnp.trace(jacobian, axis1=1, axis2=2))) < 1e-12


def test_samples_of_a_divergence_free_field_are_met():
    field, samples = splined(16)
    # The field has no divergence for the spline's wave numbers only to their order, 4.
    exact = sample_field(field, field.lattice())
    np.testing.assert_allclose(exact, samples, atol=2e-3)
    wave = np.sin(2 * np.pi * np.arange(16) / 16)
    along_x = jnp.zeros((16, 16, 16, 3)).at[..., 2].set(jnp.asarray(wave)[:, None, None])
    field = PotentialGridField(along_x, spacing=1.0, origin=jnp.zeros(3))
    # One wave along x: no projection, met to round-off.
    np.testing.assert_allclose(sample_field(field, field.lattice())[:, 3, 5, 2], wave, atol=1e-13)


def test_order_of_convergence(rng):
    points = jnp.asarray(rng.uniform(size=(2000, 3)))

    def error(num):
        field, _ = splined(num)
        return float(jnp.max(jnp.abs(jax.vmap(field)(points) - jax.vmap(smooth)(points))))

    # Derivatives of a cubic spline: third order between the samples.
    assert abs(np.log2(error(16) / error(32)) - 3) < 0.2


@pytest.mark.slow
def test_equal_to_turbulence_that_is_resolved(rng):
    law = PowerLaw(5 / 3, outer_scale=32.0, inner_scale=8.0)
    settings = {"shape": (32,) * 3, "spacing": 1.0, "rms": 2.0, "storage": jnp.float64}
    grid = realise_grid(law, key=jax.random.key(0), stencil=CubicSpline(), **settings)
    samples = sample_field(grid, grid.lattice())
    field = PotentialGridField(samples, spacing=1.0, origin=grid.origin)
    points = jnp.asarray(rng.uniform(-16, 16, size=(500, 3)))
    apart = jax.vmap(field)(points) - jax.vmap(grid)(points)
    # Waves of eight cells: (k h)³ / 40 of the rms of the shortest.
    assert float(jnp.sqrt(jnp.mean(apart**2))) < 0.01
    strongest = jnp.max(jnp.linalg.norm(jax.vmap(field)(points), axis=1))
    assert field.max_strength() > strongest


def test_scale_and_storage():
    field, _ = splined(16, storage=jnp.float32, scale=3.0)
    plain, _ = splined(16)
    position = jnp.array([0.3, 0.4, 0.9])
    # A float32 store of potentials: 6e-8 × 16 cells.
    np.testing.assert_allclose(field(position), 3 * plain(position), atol=1e-5)
    assert field(position.astype(jnp.float32)).dtype == jnp.float32


@pytest.mark.parametrize("boundary", [Periodic(), Clamped(), Mirrored(), ZeroOutside()])
@pytest.mark.parametrize("stencil", [Linear(), CatmullRom(), CubicSpline()])
def test_jacobian_from_one_gather_equals_autodiff(rng, boundary, stencil):
    field = GridField(
        jnp.asarray(rng.normal(size=(5, 6, 7, 3))),
        spacing=jnp.array([0.5, 1.0, 2.0]),
        origin=jnp.zeros(3),
        stencil=stencil,
        boundary=boundary,
        scale=3.0,
    )
    points = jnp.asarray(rng.uniform(-10, 20, size=(200, 3)))
    expected = jax.jit(jax.vmap(jax.jacfwd(field)))(points)
    # The same sums in another sequence.
    np.testing.assert_allclose(jax.jit(jax.vmap(field.jacobian))(points), expected, atol=1e-11)


def test_a_wrong_box_is_named():
    with pytest.raises(ValueError, match=r"PotentialGridField: samples: .* of shape"):
        PotentialGridField(jnp.ones((4, 4, 4, 2)), spacing=1.0, origin=jnp.zeros(3))
