"""Fields in time and the electric field of a moving plasma, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields

HERE = jnp.array([0.3, -0.2, 1.7])
U = jnp.array([0.02, -0.01, 0.03])


def cube(seed, scale=1.0, **options):
    samples = scale * np.random.default_rng(seed).normal(size=(4, 5, 6, 3))
    options = {"storage": jnp.int16} | options
    return fields.GridField(
        jnp.asarray(samples), spacing=0.7, origin=jnp.array([1.0, 2.0, 3.0]), **options
    )


WAVES = fields.WaveField(
    jnp.array([[0.1, 0.0, 0.0], [0.0, 0.3, 0.0]]),
    jnp.array([0.1, 0.7]),
    jnp.array([[0.0, 1.0, 2.0], [0.5, 0.0, 0.5]]),
)


def test_the_electric_field_is_minus_u_cross_b_and_across_b_between_samples():
    velocity, magnetic = cube(1, 1e-3), cube(2)
    places = 4 * jax.random.normal(jax.random.key(0), (100, 3))
    field = fields.MotionalField(velocity, magnetic)
    electric, b, u = (jax.jit(jax.vmap(f))(places) for f in (field, magnetic, velocity))
    np.testing.assert_allclose(electric, -np.cross(u, b), rtol=0, atol=1e-17)
    size = np.linalg.norm(electric, axis=1)
    # three products of round-off 1e-16
    assert np.all(np.abs(np.sum(electric * b, axis=1)) < 1e-15 * size * np.linalg.norm(b, axis=1))
    assert field.max_strength() >= np.max(size)
    assert field.lattice().shape == (4, 5, 6)


def test_a_velocity_in_kilometres_a_second_is_found_out():
    with pytest.raises(ValueError, match=r"MotionalField: velocity: .* got 30\.0.*speed of light"):
        fields.MotionalField(fields.UniformField(jnp.array([30.0, 0.0, 0.0])), WAVES)
    with pytest.raises(ValueError, match=r"MovingField: velocity"):
        fields.MovingField(WAVES, jnp.array([1.0, 0.0, 0.0]))


def test_a_moving_field_is_the_field_at_the_place_it_came_from():
    moving = 2.0 * fields.MovingField(WAVES, U) + WAVES
    assert moving.varies
    assert not WAVES.varies
    assert WAVES.at_time(3.0) is WAVES
    expected = 2.0 * WAVES(HERE - 7.0 * U) + WAVES(HERE)
    np.testing.assert_allclose(moving.at_time(7.0)(HERE), expected, rtol=1e-14)
    assert not moving.at_time(7.0).varies
    np.testing.assert_allclose(moving(HERE), 3.0 * WAVES(HERE), rtol=1e-14)
    np.testing.assert_allclose(moving.max_strength(), 3 * WAVES.max_strength(), rtol=1e-14)


def test_a_moved_grid_has_its_samples_where_its_lattice_says():
    grid = cube(1)
    moved = fields.MovingField(grid, U).at_time(10.0)
    centers = moved.lattice().centers().reshape(-1, 3)
    expected = jax.vmap(grid)(grid.lattice().centers().reshape(-1, 3))
    np.testing.assert_allclose(jax.vmap(moved)(centers), expected, atol=1e-12)


SLOW = [pytest.param(x, marks=pytest.mark.slow) for x in ("waves", "potential")]


@pytest.mark.parametrize("kind", ["grid", "function", *SLOW])
def test_a_sequence_is_linear_between_its_snapshots_and_still_outside(kind):
    if kind == "grid":
        snapshots = [cube(seed) for seed in range(3)]
    elif kind == "potential":
        samples = np.random.default_rng(0).normal(size=(3, 6, 6, 6, 3))
        options = {"spacing": 1.0, "origin": jnp.zeros(3)}
        snapshots = [fields.PotentialGridField(jnp.asarray(x), **options) for x in samples]
    elif kind == "waves":
        snapshots = [factor * WAVES for factor in (1.0, 3.0, -1.0)]
    else:
        corner = jnp.ones(3)
        twice = jnp.sin
        snapshots = [
            fields.FunctionField(twice, lower=-corner, upper=corner, max_strength=x)
            for x in (2, 3, 4)
        ]
    sequence = fields.FieldSequence(snapshots, jnp.array([1.0, 2.0, 4.0]))
    own = [np.asarray(x(HERE)) for x in snapshots]
    between = 0.75 * own[0] + 0.25 * own[1], own[1], 0.5 * (own[1] + own[2])
    expected = [own[0], own[0], *between, own[2], own[2]]
    times = jnp.array([0.0, 1.0, 1.25, 2.0, 3.0, 4.0, 99.0])
    found = jax.jit(jax.vmap(lambda t: sequence.at_time(t)(HERE)))(times)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    assert sequence.max_strength() == max(x.max_strength() for x in snapshots)
    lattice = sequence.lattice()
    assert (lattice is None) == (kind in ("waves", "function"))
    assert np.all(np.isnan(sequence.at_time(jnp.nan)(HERE)))


def test_grids_of_a_sequence_are_not_copied():
    # Picked for each of 64 times, 64 grids would be 64 times the memory of one.
    sequence = fields.FieldSequence(
        [cube(i, storage=jnp.float32) for i in range(2)], jnp.array([0.0, 1.0])
    )
    times, places = jnp.linspace(0.0, 1.0, 64), jnp.ones((64, 3))
    program = jax.jit(jax.vmap(lambda f, t, x: f.at_time(t)(x), in_axes=(None, 0, 0)))
    memory = program.lower(sequence, times, places).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 64 * cube(0, storage=jnp.float32).coefficients.nbytes / 4


def test_derivatives_by_samples_position_and_time():
    @jax.jit
    def value(scale, position, time):
        pair = [scale * cube(1, storage=jnp.float64), 2.0 * cube(2, storage=jnp.float64)]
        return fields.FieldSequence(pair, jnp.array([0.0, 3.0])).at_time(time)(position)[0]

    arguments = (jnp.array(1.5), HERE, jnp.array(1.2))
    slopes = jax.jit(jax.grad(value, argnums=(0, 1, 2)))(*arguments)
    step = 1e-6
    for i, slope in enumerate(slopes):
        for e in np.eye(np.size(slope)).reshape(-1, *np.shape(slope)):
            ends = [
                value(*(x + s * step * e if j == i else x for j, x in enumerate(arguments)))
                for s in (-1, 1)
            ]
            np.testing.assert_allclose(
                np.sum(slope * e), (ends[1] - ends[0]) / (2 * step), atol=1e-8
            )


def test_mistakes_are_named(tmp_path):
    times = jnp.array([0.0, 1.0])
    with pytest.raises(ValueError, match=r"FieldSequence: fields: .* another in place 1"):
        fields.FieldSequence([WAVES, cube(1)], times)
    with pytest.raises(ValueError, match=r"FieldSequence: times: expected rising times"):
        fields.FieldSequence([WAVES, WAVES], times[::-1])
    with pytest.raises(ValueError, match=r"FieldSequence: fields, number"):
        fields.FieldSequence([WAVES], times[:1])
    with pytest.raises(ValueError, match=r"FieldSequence: times: expected shape \(2,\)"):
        fields.FieldSequence([WAVES, WAVES], times[:1])
    moving = fields.MovingField(WAVES, U)
    with pytest.raises(ValueError, match=r"FieldSequence: fields: expected a static field"):
        fields.FieldSequence([moving, moving], times)
    with pytest.raises(ValueError, match=r"write_field: field: expected a static field"):
        fields.write_field(tmp_path / "field.h5", moving)
    with pytest.raises(ValueError, match=r"MovingField: field: .*Clamped"):
        fields.MovingField(cube(1, boundary=fields.Clamped()), U)
