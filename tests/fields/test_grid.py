import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import CubicSpline, GridField, Linear

STENCILS = [Linear(), CubicSpline()]
ORIGIN = jnp.array([-1.0, 2.0, 0.5])
SPACING = jnp.array([0.5, 1.0, 0.25])


@pytest.fixture
def samples(rng):
    return jnp.asarray(rng.normal(size=(6, 5, 4, 3)))


@pytest.fixture
def points(rng):
    return jnp.asarray(rng.uniform(-5, 5, size=(200, 3)))


def grid(samples, **options):
    return GridField(samples, **({"spacing": SPACING, "origin": ORIGIN} | options))


@jax.jit
def evaluate(field, points):
    return jax.vmap(field)(points)


def test_sample_sits_at_the_middle_of_its_cell(samples):
    here = ORIGIN + (jnp.array([2.0, 3.0, 1.0]) + 0.5) * SPACING
    # One rounding of the position, in cells, times differences of order one.
    assert jnp.allclose(grid(samples)(here), samples[2, 3, 1], rtol=0, atol=1e-14)


def test_one_spacing_serves_all_axes(samples, points):
    one = grid(samples, spacing=0.5)
    three = grid(samples, spacing=jnp.array([0.5, 0.5, 0.5]))
    assert jnp.array_equal(evaluate(one, points), evaluate(three, points))


def test_default_stencil_is_linear(samples, points):
    assert jnp.array_equal(
        evaluate(grid(samples), points), evaluate(grid(samples, stencil=Linear()), points)
    )


def test_int16_error_is_half_a_quantum(samples, points):
    exact = evaluate(grid(samples), points)
    error = jnp.max(jnp.abs(evaluate(grid(samples, storage=jnp.int16), points) - exact))
    # Rounding to 65535 steps from -largest to largest; weights that sum to one keep the bound.
    bound = 0.5 / 32767 * jnp.max(jnp.abs(samples))
    assert 0.1 * bound < error <= bound


def test_float32_error_is_half_a_unit(samples, points):
    field = grid(samples, storage=jnp.float32)
    error = jnp.max(jnp.abs(evaluate(field, points) - evaluate(grid(samples), points)))
    bound = 2.0**-24 * jnp.max(jnp.abs(samples))
    assert 0.1 * bound < error <= bound


@pytest.mark.parametrize("storage", [jnp.float64, jnp.int16])
def test_zero_field_is_zero(storage):
    field = grid(jnp.zeros((4, 4, 4, 3)), storage=storage)
    assert jnp.array_equal(field(jnp.ones(3)), jnp.zeros(3))
    assert field.max_strength() == 0


@pytest.mark.parametrize("stencil", STENCILS)
@pytest.mark.parametrize("storage", [jnp.float64, jnp.int16])
def test_max_strength_is_a_bound(samples, points, stencil, storage):
    field = grid(samples, stencil=stencil, storage=storage, scale=-2.0)
    strength = jnp.linalg.norm(evaluate(field, points), axis=-1)
    assert jnp.max(strength) <= field.max_strength()
    # Not a bound for its own sake: trilinear values reach it at the strongest sample.
    if isinstance(stencil, Linear):
        centers = field.lattice().centers().reshape(-1, 3)
        largest = jnp.max(jnp.linalg.norm(evaluate(field, centers), axis=-1))
        # Rounding of the position.
        assert jnp.allclose(largest, field.max_strength(), rtol=1e-13)


@pytest.mark.parametrize("storage", [jnp.float64, jnp.float32, jnp.int16])
def test_scale_is_a_differentiable_factor(samples, storage):
    here = jnp.array([0.3, 2.9, 1.1])

    def component(scale):
        return grid(samples, storage=storage, scale=scale)(here)[0]

    value, slope = jax.value_and_grad(component)(jnp.array(3.0))
    # Linear in the scale: one rounding.
    assert jnp.allclose(value, 3.0 * slope, rtol=1e-15)
    assert slope != 0


@pytest.mark.parametrize("stencil", STENCILS)
@pytest.mark.parametrize("storage", [jnp.float64, jnp.int16])
def test_derivative_by_position_equals_differences(samples, stencil, storage, rng):
    field = eqx.filter_jit(grid(samples, stencil=stencil, storage=storage))
    here = jnp.array([0.31, 2.93, 1.17])
    tangent = jnp.asarray(rng.normal(size=3))
    _, slope = jax.jvp(field, (here,), (tangent,))
    step = 1e-5
    differences = (field(here + step * tangent) - field(here - step * tangent)) / (2 * step)
    # Rounding 1e-16/1e-5 and truncation h²/6 f''' = 2e-11 × 1e2: both below 1e-8.
    assert jnp.allclose(slope, differences, rtol=0, atol=1e-8)
    assert jnp.max(jnp.abs(slope)) > 0.1


@pytest.mark.parametrize("stencil", STENCILS)
def test_derivative_by_samples_is_the_field_of_the_tangent(samples, stencil, rng):
    here = jnp.array([0.31, 2.93, 1.17])
    tangent = jnp.asarray(rng.normal(size=samples.shape))
    _, got = jax.jvp(lambda s: grid(s, stencil=stencil)(here), (samples,), (tangent,))
    # Linear in the samples: rounding only.
    assert jnp.allclose(got, grid(tangent, stencil=stencil)(here), rtol=0, atol=1e-13)


def test_new_numbers_do_not_compile_again(samples, points):
    evaluate(grid(samples), points)
    compiled = evaluate._cache_size()
    evaluate(grid(2 * samples, spacing=0.7, origin=ORIGIN + 1, scale=3.0), points)
    assert evaluate._cache_size() == compiled


def test_rejects_samples_without_three_components():
    with pytest.raises(ValueError, match=r"GridField: samples: .* shape \(nx ny nz xyz=3\)"):
        grid(jnp.ones((4, 4, 4, 2)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"storage": jnp.int32}, "GridField: storage: expected one of int16, .* got 'int32'"),
        ({"spacing": -1.0}, "GridField: spacing: expected a positive number, got -1"),
        ({"spacing": jnp.array([1.0, 0.0, 1.0])}, "GridField: spacing: expected a positive"),
        ({"spacing": jnp.ones(2)}, r"GridField: spacing: .*\(2,\)"),
        ({"origin": jnp.ones(2)}, r"GridField: origin: .*got .*\(2,\)"),
    ],
)
def test_rejects_a_box_that_is_none(samples, options, message):
    with pytest.raises(ValueError, match=message):
        grid(samples, **options)


@pytest.mark.parametrize("stencil", STENCILS)
@pytest.mark.parametrize("storage", [jnp.float64, jnp.float32, jnp.int16])
def test_field_follows_the_type_of_the_position(samples, stencil, storage):
    field = grid(samples, stencil=stencil, storage=storage)
    assert field.coefficients.dtype == storage
    here = np.array([0.3, 2.9, 1.1])
    single = field(jnp.asarray(here, jnp.float32))
    assert single.dtype == jnp.float32
    # Positions of 3 pc in float32 are off by 1e-7 pc, times a slope of at most 10 µG/pc.
    assert jnp.allclose(single.astype(jnp.float64), field(jnp.asarray(here)), rtol=0, atol=5e-6)


@pytest.mark.parametrize("bad", [jnp.nan, -jnp.inf])
def test_rejects_samples_that_are_not_finite(samples, bad):
    broken = samples.at[2, 3, 1, 0].set(bad).at[4, 0, 0].set(bad)
    with pytest.raises(ValueError, match=r"finite numbers instead of 2 of 120 .* at index 2, 3, 1"):
        grid(broken)
    assert not jnp.all(jnp.isfinite(jax.jit(grid)(broken).coefficients))


def test_known_samples_are_looked_at_inside_jit(samples):
    broken = samples.at[0].set(jnp.nan)
    with pytest.raises(ValueError, match="expected finite numbers instead of 20 of 120"):
        jax.jit(lambda position: grid(broken)(position))(ORIGIN)
    assert jax.jit(lambda position: grid(samples)(position))(ORIGIN).shape == (3,)


def test_rejects_several_positions(samples, points):
    field = grid(samples)
    for call in (field, jax.jit(lambda positions: field(positions))):
        with pytest.raises(
            ValueError, match=r"of shape \(xyz=3\), got float\d+ of shape \(200, 3\)"
        ):
            call(points)
