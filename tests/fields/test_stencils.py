import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import map_coordinates

from jaxcr.fields import CatmullRom, CubicSpline, GridField, Linear, Nearest

STENCILS = [Nearest(), Linear(), CatmullRom(), CubicSpline()]


@jax.jit
def evaluate(field, points):
    return jax.vmap(field)(points)


def unit_box(samples, stencil):
    """Return a field over samples in cells of 1 pc from the origin."""
    return GridField(jnp.asarray(samples), spacing=1.0, origin=jnp.zeros(3), stencil=stencil)


def smooth(position):
    """Return a smooth field of period 1."""
    x, y, z = 2 * jnp.pi * position
    return jnp.stack([jnp.sin(x) * jnp.cos(y), jnp.cos(y + z), jnp.sin(z) + jnp.cos(x - y)])


def largest_error(num, stencil, points):
    template = GridField(
        jnp.zeros((num, num, num, 3)), spacing=1.0 / num, origin=jnp.zeros(3), stencil=stencil
    )
    centers = template.lattice().centers()
    samples = jax.vmap(smooth)(centers.reshape(-1, 3)).reshape(centers.shape)
    field = GridField(samples, spacing=1.0 / num, origin=jnp.zeros(3), stencil=stencil)
    error = jax.jit(jax.vmap(lambda field, x: field(x) - smooth(x), (None, 0)))(field, points)
    return float(jnp.max(jnp.abs(error)))


def test_linear_reproduces_trilinear_functions(rng):
    def function(x, y, z):
        return np.stack([1 + 2 * x - y + 3 * z, x * y * z, x * y - z], axis=-1)

    index = np.meshgrid(*[np.arange(n) + 0.5 for n in (4, 5, 6)], indexing="ij")
    field = unit_box(function(*index), Linear())
    points = rng.uniform(0.5, 3.5, size=(40, 3))
    # Eight products of numbers below 50: rounding below 1e-13.
    assert np.allclose(
        evaluate(field, jnp.asarray(points)), function(*points.T), rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("stencil", STENCILS)
def test_weights_sum_to_one_and_their_sizes_to_the_overshoot(stencil):
    offset = jnp.repeat(jnp.linspace(0, 1 - 1e-9, 1001)[:, None], 3, axis=1)
    weights = jnp.stack(jax.vmap(stencil.weights)(offset))
    assert len(weights) == stencil.before + stencil.after + 1
    # Four terms of order one: a few units in the last place.
    assert jnp.allclose(jnp.sum(weights, axis=0), 1, rtol=0, atol=1e-15)
    largest = jnp.max(jnp.sum(jnp.abs(weights), axis=0)) ** 3
    # The largest is at half way, which is 1e-12 off the grid of offsets.
    assert jnp.isclose(largest, stencil.overshoot, rtol=1e-5)


def test_catmull_rom_by_hand():
    # At half way: (-1, 9, 9, -1) / 16.
    weights = jnp.stack(CatmullRom().weights(jnp.full(3, 0.5)))[:, 0]
    assert jnp.allclose(weights * 16, jnp.array([-1.0, 9.0, 9.0, -1.0]), rtol=0, atol=1e-15)


def test_catmull_rom_reproduces_quadratic_functions(rng):
    index = np.meshgrid(*[np.arange(8) + 0.5] * 3, indexing="ij")

    def function(x, y, z):
        return np.stack([x**2 + y * z, 1 - x * y**2, z**2 * x], axis=-1)

    points = rng.uniform(2.0, 6.0, size=(40, 3))
    got = evaluate(unit_box(function(*index), CatmullRom()), jnp.asarray(points))
    # 64 products of numbers below 300.
    assert np.allclose(got, function(*points.T), rtol=0, atol=1e-11)


def test_nearest_is_the_nearest_sample(rng):
    samples = rng.normal(size=(4, 5, 6, 3))
    points = rng.uniform(0, [4.0, 5.0, 6.0], size=(200, 3))
    i, j, k = np.floor(points).astype(int).T
    got = evaluate(unit_box(samples, Nearest()), jnp.asarray(points))
    assert np.array_equal(got, samples[i, j, k])


@pytest.mark.parametrize("stencil", STENCILS)
@pytest.mark.parametrize("shape", [(8, 8, 8), (5, 6, 7)])
def test_samples_are_interpolated(stencil, shape, rng):
    samples = rng.normal(size=(*shape, 3))
    field = unit_box(samples, stencil)
    values = evaluate(field, field.lattice().centers().reshape(-1, 3))
    # The spline divides in Fourier space by at least 1/27: rounding of 27 × 1e-16 × a few.
    assert np.allclose(values.reshape(samples.shape), samples, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("stencil", "order"), [(Nearest(), 1), (Linear(), 2), (CatmullRom(), 3), (CubicSpline(), 4)]
)
def test_order_of_convergence(stencil, order, rng):
    points = jnp.asarray(rng.uniform(size=(2000, 3)))
    coarse, fine = (largest_error(num, stencil, points) for num in (16, 32))
    # The next term of the error is smaller by (k h)² / 12 = 0.013 for two waves across 16 cells;
    # the same points sit elsewhere in the finer cells: another 0.1.
    assert abs(np.log2(coarse / fine) - order) < 0.15


@pytest.mark.parametrize("shape", [(8, 8, 8), (5, 6, 7)])
@pytest.mark.parametrize(("stencil", "order"), [(Linear(), 1), (CubicSpline(), 3)])
def test_equal_to_scipy_periodic_splines(stencil, order, shape, rng):
    samples = rng.normal(size=(*shape, 3))
    points = rng.uniform(-20, 20, size=(100, 3))
    expected = np.stack(
        [
            map_coordinates(samples[..., i], points.T - 0.5, order=order, mode="grid-wrap")
            for i in range(3)
        ],
        axis=-1,
    )
    # SciPy filters with recursions cut at 1e-15 or so, we in Fourier space.
    got = evaluate(unit_box(samples, stencil), jnp.asarray(points))
    assert np.allclose(got, expected, rtol=0, atol=1e-12)


def test_linear_equal_to_scipy_regular_grid(rng):
    samples = rng.normal(size=(4, 5, 6, 3))
    axes = [np.arange(n) + 0.5 for n in (4, 5, 6)]
    points = rng.uniform(0.5, [3.5, 4.5, 5.5], size=(50, 3))
    expected = RegularGridInterpolator(axes, samples)(points)
    # Sums of eight terms of order one in another sequence.
    got = evaluate(unit_box(samples, Linear()), jnp.asarray(points))
    assert np.allclose(got, expected, rtol=0, atol=1e-14)


def across_face(derivative, axis):
    """Return a derivative on both sides of the cell face at 3.5 pc."""
    face = jnp.array([3.2, 2.9, 4.1]).at[axis].set(3.5)
    step = jnp.zeros(3).at[axis].set(1e-7)
    return derivative(face - step), derivative(face + step)


@pytest.mark.parametrize("stencil", [Linear(), CatmullRom(), CubicSpline()])
def test_derivative_equals_differences(stencil, rng):
    field = unit_box(rng.normal(size=(8, 8, 8, 3)), stencil)
    # Away from cell faces, where the trilinear derivative jumps.
    points = np.floor(rng.uniform(0, 8, size=(50, 3))) + 0.5 + rng.uniform(0.1, 0.9, size=(50, 3))
    jacobian = jax.jit(jax.vmap(jax.jacfwd(field)))(jnp.asarray(points))
    step = 1e-5
    for axis in range(3):
        shift = step * np.eye(3)[axis]
        up, down = (evaluate(field, jnp.asarray(points + sign * shift)) for sign in (1, -1))
        # Truncation by the third derivative is below 1e-9, round-off 1e-11 / 1e-5.
        assert np.allclose(jacobian[:, :, axis], (up - down) / (2 * step), rtol=0, atol=1e-8)


def test_cubic_spline_has_continuous_second_derivatives(rng):
    field = unit_box(rng.normal(size=(8, 8, 8, 3)), CubicSpline())
    second = jax.jit(jax.hessian(field))
    for axis in range(3):
        before, after = across_face(second, axis)
        assert jnp.max(jnp.abs(before)) > 0.1
        # Third derivatives are below 1e2 for samples of order one, over 2e-7 pc.
        assert jnp.allclose(before, after, rtol=0, atol=2e-5)


def test_linear_has_kinks(rng):
    # What the test above must be able to see: a derivative that jumps by the order of itself.
    field = unit_box(rng.normal(size=(8, 8, 8, 3)), Linear())
    before, after = across_face(jax.jit(jax.jacfwd(field)), 0)
    assert jnp.max(jnp.abs(before - after)) > 0.1


def test_prefilter_is_differentiable(rng):
    samples = jnp.asarray(rng.normal(size=(4, 4, 4, 3)))
    tangent = jnp.asarray(rng.normal(size=(4, 4, 4, 3)))
    prefilter = jax.jit(lambda samples: CubicSpline().prefilter(samples))
    _, got = jax.jvp(prefilter, (samples,), (tangent,))
    # The prefilter is linear: its derivative is itself.
    assert jnp.allclose(got, prefilter(tangent), rtol=0, atol=1e-14)


@pytest.mark.parametrize("stencil", STENCILS)
def test_prefilter_keeps_float32(stencil):
    kept = jax.eval_shape(stencil.prefilter, jnp.ones((4, 4, 4, 3), jnp.float32))
    assert kept.dtype == jnp.float32
