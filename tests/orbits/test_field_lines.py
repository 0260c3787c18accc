"""Field lines: closed forms, the exact slab coefficient, and pairs of known growth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits

Z = jnp.array([0.0, 0.0, 1.0])


def test_lines_of_a_dipole():
    # r = L sin² theta, for a dipole along z
    field = fields.DipoleField(polar_strength=1.0, radius=1.0, axis=Z, center=jnp.zeros(3))
    lines = orbits.trace_field_lines(
        field, jnp.array([[2.0, 0.0, 0.0], [1.0, 0.0, 1.0]]), length=1.0, num_samples=20, rtol=1e-9
    )
    r = np.linalg.norm(lines.position, axis=-1)
    sine = np.hypot(lines.position[..., 0], lines.position[..., 1]) / r
    shell = r / sine**2
    np.testing.assert_allclose(shell, np.broadcast_to(shell[:1], shell.shape), rtol=1e-7)
    steps = np.linalg.norm(np.diff(lines.position, axis=0), axis=-1)
    assert np.all(steps < 0.05 * (1 + 1e-7))  # chords of a line counted along itself


def test_lines_counted_along_an_axis_end_where_they_turn():
    def circles(x):
        return jnp.stack([-x[2], jnp.zeros_like(x[0]), x[0]])

    field = fields.FunctionField(circles, lower=-2 * jnp.ones(3), upper=2 * jnp.ones(3))
    lines = orbits.trace_field_lines(
        field, jnp.array([[1.0, 0.0, 0.0]]), length=1.5, num_samples=15, axis=Z, rtol=1e-8
    )
    before = np.asarray(lines.path) < 0.95
    np.testing.assert_allclose(
        lines.position[before, 0, 0], np.sqrt(1 - lines.path[before] ** 2), rtol=1e-5
    )
    assert np.all(np.isnan(lines.position[-4:]))


@pytest.mark.slow
def test_slab_coefficient():
    # kappa_FL = (dB²/2 B0²) l_c exactly, in slab turbulence of any strength, l_c one-sided:
    # R_xx(z) of one component is half of dB², its integral dB² l_c / 2
    spectrum = fields.BendOver(
        5 / 3, energy_index=0.0, bend_over_scale=1.0, outer_scale=1e3, inner_scale=0.05
    )
    lines = []
    for seed in range(12):
        waves = fields.realise_waves(
            spectrum, key=jax.random.key(seed), num_waves=64, rms=2.0, geometry=fields.Slab(Z)
        )
        field = fields.UniformField(3.0 * Z) + waves
        start = jnp.asarray(np.random.default_rng(seed).uniform(-500, 500, (32, 3)))
        lines.append(
            orbits.trace_field_lines(field, start, length=40.0, num_samples=40, axis=Z, rtol=1e-3)
        )
    joined = orbits.FieldLines(lines[0].path, jnp.concatenate([x.position for x in lines], axis=1))
    assert np.all(np.isfinite(joined.position))
    found = orbits.field_line_diffusion(joined, num_groups=12).across(Z)
    late = slice(20, 40)
    value = float(jnp.mean(found.value[late]))
    # 1/(1 + k² l²)^(5/6): l_c = 2 pi C(5/6) l = .746834 l (Shalchi 2009)
    expected = (2.0 / 3.0) ** 2 / 2 * 0.746834
    error = float(jnp.mean(found.error[late]))  # samples of one path are not independent
    assert abs(value - expected) < 3 * error
    assert error < 0.35 * expected


@pytest.mark.slow
def test_the_exponent_of_pairs_that_grow_by_a_power():
    rng = np.random.default_rng(0)
    path = jnp.asarray(np.linspace(0, 10, 101))
    size = 1 + 0.3 * rng.standard_normal((1, 640, 1))
    first = jnp.zeros((101, 640, 3))
    second = jnp.asarray(size * np.asarray(path)[:, None, None] ** 1.5 * np.ones((1, 1, 3)))
    found = orbits.pair_separation(path, first, second, num_groups=16)
    exponent = found.exponent(0.5, 20.0)
    assert float(exponent.value) == pytest.approx(1.5, abs=1e-9)
    rms = found.rms()
    expected = np.sqrt(3 * np.mean(size**2)) * np.asarray(path) ** 1.5
    np.testing.assert_allclose(rms.value, expected, rtol=1e-12)
    assert np.isnan(float(found.exponent(100.0, 200.0).value))


def test_growth_paths_of_pairs_that_grow_by_a_power():
    # separation s^1.5 from different starts: from d to 2 d takes (2^(2/3) - 1) d^(2/3)
    path = np.linspace(0, 12, 12001)
    late = path[:, None] - np.linspace(0, 2, 32)
    apart = np.maximum(late, 0) ** 1.5
    second = jnp.asarray(apart[:, :, None] * np.array([1.0, 0.0, 0.0]))
    scales = 2.0 ** np.arange(-3, 4)
    found = orbits.growth_paths(
        jnp.asarray(path), jnp.zeros_like(second), second, jnp.asarray(scales), num_groups=4
    )
    expected = (2 ** (2 / 3) - 1) * scales[:-1] ** (2 / 3)
    np.testing.assert_allclose(found.value, expected, atol=1.1e-3)  # the step


def test_bad_starts():
    field = fields.UniformField(Z)
    with pytest.raises(ValueError, match="num_samples: expected a number >= 1, got 0"):
        orbits.trace_field_lines(field, jnp.zeros((4, 3)), length=1.0, num_samples=0)
    with pytest.raises(ValueError, match="axis: expected a direction"):
        orbits.trace_field_lines(
            field, jnp.zeros((4, 3)), length=1.0, num_samples=1, axis=jnp.zeros(3)
        )


def test_lines_end_where_a_clamped_grid_does():
    samples = jnp.zeros((8, 8, 8, 3)).at[..., 2].set(1.0)
    grid = fields.GridField(
        samples, spacing=0.5, origin=jnp.full(3, -2.0), boundary=fields.Clamped()
    )
    lines = orbits.trace_field_lines(grid, jnp.zeros((2, 3)), length=4.0, num_samples=8)
    assert list(lines.status) == [5, 5]
    # the box ends at z = 2, which is sample 4
    assert np.all(np.isfinite(lines.position[:4]))
    assert np.all(np.isnan(lines.position[5:]))
    with pytest.raises(ValueError, match="field_line_diffusion: lines: expected at most 1%"):
        orbits.field_line_diffusion(lines, num_groups=2)
    short = orbits.trace_field_lines(grid, jnp.zeros((2, 3)), length=1.5, num_samples=3)
    assert list(short.status) == [0, 0]
