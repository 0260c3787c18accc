import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from jaxcr.fields import (
    CatmullRom,
    Clamped,
    CubicSpline,
    GridField,
    Linear,
    Mirrored,
    Nearest,
    Periodic,
    ZeroOutside,
)

SHAPES = [(8, 8, 8), (5, 6, 7), (4, 8, 16)]


@pytest.mark.parametrize("shape", SHAPES)
def test_wrap_is_the_remainder(shape):
    for index in ([-1, -9, -1000], [0, 5, 6], [123456789, -123456789, 7]):
        expected = np.array(index) % np.array(shape)
        assert np.array_equal(Periodic().wrap(jnp.array(index, jnp.int32), shape), expected)


def test_pad_appends_the_opposite_faces(rng):
    samples = rng.normal(size=(2, 3, 4, 3))
    padded = Periodic().pad(jnp.asarray(samples), 1, 2)
    i, j, k = np.ix_(np.arange(-1, 4) % 2, np.arange(-1, 5) % 3, np.arange(-1, 6) % 4)
    assert np.array_equal(padded, samples[i, j, k])


@pytest.mark.parametrize("stencil", [Linear(), CubicSpline()])
@pytest.mark.parametrize("shape", SHAPES)
def test_field_repeats_in_every_copy_of_the_box(rng, shape, stencil):
    samples = jnp.asarray(rng.normal(size=(*shape, 3)))
    field = jax.jit(jax.vmap(GridField(samples, spacing=0.5, origin=jnp.zeros(3), stencil=stencil)))
    # Multiples of 2^-20 stay exact when 2^24 boxes are added, so the copies agree in each bit.
    box = np.array(shape) * 0.5
    inside = np.floor(rng.uniform(size=(50, 3)) * box * 2**20) / 2**20
    expected = field(jnp.asarray(inside))
    for copy in ([1, 0, 0], [-1, -1, -1], [2, -3, 5], [1_000_000, -2_000_000, 3_000_000]):
        assert jnp.array_equal(field(jnp.asarray(inside + np.array(copy) * box)), expected)


def test_last_cell_joins_the_first_sample():
    samples = jnp.zeros((5, 5, 5, 3)).at[0, :, :, 0].set(1.0).at[4, :, :, 0].set(3.0)
    field = GridField(samples, spacing=1.0, origin=jnp.zeros(3))
    # Sample 4 sits at 4.5 and the copy of sample 0 at 5.5: halfway lies their mean.
    assert field(jnp.array([5.0, 2.5, 2.5]))[0] == 2.0
    assert field(jnp.array([0.0, 2.5, 2.5]))[0] == 2.0


def evaluate(samples, points, stencil, boundary):
    """Return the field at points in cells from the corner of the box."""
    field = GridField(
        jnp.asarray(samples),
        spacing=1.0,
        origin=jnp.zeros(3),
        stencil=stencil,
        boundary=boundary,
    )
    return jax.jit(jax.vmap(field))(jnp.asarray(points))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("stencil", "order"), [(Linear(), 1), (CubicSpline(), 3)])
def test_mirrored_is_the_periodic_field_of_many_images(rng, shape, stencil, order):
    samples = rng.normal(size=(*shape, 3))
    points = rng.uniform(-20, 20, size=(200, 3))
    # Not the mode "reflect" of SciPy: its spline misses its own samples by 2e-6.
    images = np.pad(samples, [(60, 60)] * 3 + [(0, 0)], mode="symmetric")
    expected = [
        map_coordinates(images[..., i], points.T + 59.5, order=order, mode="grid-wrap")
        for i in range(3)
    ]
    got = evaluate(samples, points, stencil, Mirrored())
    # The recursive filter of SciPy is cut at 1e-15 or so, ours after 27 layers.
    assert np.allclose(got, np.stack(expected, axis=-1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("stencil", [Nearest(), Linear(), CatmullRom(), CubicSpline()])
def test_clamped_is_the_field_at_the_nearest_point(rng, stencil):
    samples = rng.normal(size=(5, 6, 7, 3))
    points = rng.uniform(-10, 17, size=(200, 3))
    nearest = np.clip(points, 0.5, np.array([5, 6, 7]) - 0.5)
    got = evaluate(samples, points, stencil, Clamped())
    assert np.array_equal(got, evaluate(samples, nearest, stencil, Clamped()))
    corner = evaluate(samples, np.full((1, 3), -1e6), stencil, Clamped())[0]
    # The spline meets the sample to round-off.
    assert np.allclose(corner, samples[0, 0, 0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("stencil", [Nearest(), Linear(), CatmullRom(), CubicSpline()])
def test_zero_outside_ends_at_the_faces(rng, stencil):
    samples = rng.normal(size=(5, 6, 7, 3))
    points = rng.uniform(-5, 12, size=(300, 3))
    inside = np.all((points >= 0) & (points <= [5, 6, 7]), axis=1)
    assert 0 < inside.sum() < 300
    got = evaluate(samples, points, stencil, ZeroOutside())
    assert np.all(got[~inside] == 0)
    assert np.all(np.linalg.norm(got[inside], axis=1) > 0)


@pytest.mark.parametrize("boundary", [Clamped(), Mirrored(), ZeroOutside()])
@pytest.mark.parametrize("stencil", [Linear(), CatmullRom()])
def test_inside_every_boundary_is_the_same_field(rng, boundary, stencil):
    samples = rng.normal(size=(8, 8, 8, 3))
    points = rng.uniform(2.5, 5.5, size=(100, 3))
    expected = evaluate(samples, points, stencil, Periodic())
    # Other programs round sums in another sequence.
    assert np.allclose(evaluate(samples, points, stencil, boundary), expected, atol=1e-14)


@pytest.mark.parametrize("boundary", [Clamped(), Mirrored(), ZeroOutside()])
def test_boundaries_keep_float32_and_int16(rng, boundary):
    samples = jnp.asarray(rng.normal(size=(4, 4, 4, 3)), jnp.float32)
    field = GridField(
        samples, spacing=1.0, origin=jnp.zeros(3), boundary=boundary, storage=jnp.int16
    )
    value = field(jnp.full(3, 1.2, jnp.float32))
    assert value.dtype == jnp.float32
    assert field.max_strength() >= jnp.linalg.norm(value)


def test_a_boundary_by_its_name_is_refused():
    with pytest.raises(ValueError, match=r"GridField: boundary: .*got str 'periodic'.*Periodic"):
        GridField(jnp.ones((4, 4, 4, 3)), spacing=1.0, origin=jnp.zeros(3), boundary="periodic")
