"""The engine: closed forms, exits, statuses, derivatives, and the bits of an orbit."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, orbits, units
from jaxcr.orbits.exits import (
    NOT_FINITE,
    REACHED,
    STARTED_OUTSIDE,
    STEP_LIMIT,
    STEP_LOST,
    TOO_LONG,
)

RIGIDITY = 3.0 / units.GYRORADIUS  # gyroradius 1 pc in 3 µG
PUSHERS = [orbits.Boris(0.05), orbits.DiffraxPusher(rtol=1e-8, atol=1e-10)]


def directions(num, dtype=jnp.float64):
    n = np.random.default_rng(5).standard_normal((num, 3))
    return jnp.asarray(n / np.linalg.norm(n, axis=1, keepdims=True), dtype)


def turbulent(stencil, storage=jnp.float64):
    grid = fields.realise_grid(
        fields.PowerLaw(5 / 3, outer_scale=6.0, inner_scale=2.0),
        key=jax.random.key(1),
        shape=(16, 16, 16),
        spacing=0.5,
        rms=3.0,
        stencil=stencil,
        storage=storage,
    )
    return fields.UniformField(jnp.array([3.0, 0.0, 0.0])) + grid


@pytest.fixture(scope="module")
def uniform():
    return fields.UniformField(jnp.array([0.0, 0.0, 3.0]))


@pytest.fixture(scope="module")
def smooth():
    return turbulent(fields.CubicSpline())


@pytest.mark.parametrize(("pusher", "tolerance"), list(zip(PUSHERS, (2e-3, 1e-6), strict=True)))
def test_helix(uniform, pusher, tolerance):
    start = jnp.array([[0.6, 0.0, 0.8]])
    exits = orbits.trace_ensemble(
        uniform, jnp.zeros(3), start, rigidity=RIGIDITY, stop=orbits.PathLength(7.0), pusher=pusher
    )
    s = 7.0
    # Boris: the phase lags by h²/12 of itself, 1.5e-3 rad; Tsit5: its tolerance over 7 rad
    expected = [0.6 * np.cos(s), -0.6 * np.sin(s), 0.8]
    np.testing.assert_allclose(exits.direction[0], expected, atol=tolerance)
    assert exits.path_length[0] == pytest.approx(7.0, rel=1e-13)


def test_boris_lags_by_a_twelfth_of_the_squared_step(uniform):
    lags = []
    for step in (0.2, 0.1):
        exits = orbits.trace_ensemble(
            uniform,
            jnp.zeros(3),
            jnp.array([[1.0, 0.0, 0.0]]),
            rigidity=RIGIDITY,
            stop=orbits.PathLength(20.0),
            pusher=orbits.Boris(step),
        )
        angle = np.arctan2(-exits.direction[0, 1], exits.direction[0, 0])
        lags.append((20.0 - angle + np.pi) % (2 * np.pi) - np.pi)
    # next order of the arc tangent: h⁴/80 of the phase, 2 % of the lag at h = 0.2
    assert lags[0] == pytest.approx(20 * 0.2**2 / 12, rel=0.02)
    assert lags[0] / lags[1] == pytest.approx(4, rel=0.02)


def test_a_positive_charge_turns_toward_minus_y_and_a_negative_one_toward_y(uniform):
    for sign in (1, -1):
        exits = orbits.trace_ensemble(
            uniform,
            jnp.zeros(3),
            jnp.array([[1.0, 0.0, 0.0]]),
            rigidity=sign * RIGIDITY,
            stop=orbits.PathLength(0.5),
            pusher=orbits.Boris(0.05),
        )
        assert np.sign(exits.direction[0, 1]) == -sign


def test_no_field_no_turn():
    exits = orbits.trace_ensemble(
        fields.UniformField(jnp.zeros(3)),
        jnp.zeros(3),
        directions(10),
        rigidity=1.0,
        stop=orbits.Sphere(3.0),
        pusher=orbits.Boris(0.5),
    )
    np.testing.assert_allclose(exits.position, 3 * directions(10), rtol=1e-13, atol=1e-14)


def test_boris_keeps_the_norm_and_returns_in_time(smooth):
    n = directions(50)
    there = orbits.trace_ensemble(
        smooth,
        jnp.zeros(3),
        n,
        rigidity=RIGIDITY,
        stop=orbits.PathLength(3.0),
        pusher=orbits.Boris(0.1),
    )
    norm = np.linalg.norm(there.direction, axis=1)
    np.testing.assert_allclose(norm, 1, rtol=1e-13)
    back = orbits.trace_ensemble(
        smooth,
        there.position,
        -there.direction,
        rigidity=-RIGIDITY,
        stop=orbits.PathLength(3.0),
        pusher=orbits.Boris(0.1),
    )
    # a symmetric scheme with 30 equal steps: round-off, times the growth of neighbours
    np.testing.assert_allclose(back.position, 0, atol=1e-11)


@pytest.mark.parametrize(
    "pusher",
    [
        pytest.param(PUSHERS[0], id="Boris"),
        pytest.param(PUSHERS[1], id="Tsit5", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(jnp.float64, 1e-10), pytest.param(jnp.float32, 1e-5, marks=pytest.mark.slow)],
)
def test_exits_lie_on_every_sphere(smooth, pusher, dtype, tolerance):
    radii = jnp.array([0.5, 1.0, 2.0])
    several = orbits.trace_ensemble(
        smooth,
        jnp.zeros(3),
        directions(100, dtype),
        rigidity=RIGIDITY,
        stop=orbits.Sphere(radii),
        pusher=pusher,
    )
    assert several.position.shape == (3, 100, 3)
    assert several.position.dtype == dtype
    assert np.all(several.status == REACHED)
    size = np.linalg.norm(several.position, axis=-1)
    np.testing.assert_allclose(size, np.broadcast_to(radii[:, None], size.shape), rtol=tolerance)
    single = orbits.trace_ensemble(
        smooth,
        jnp.zeros(3),
        directions(100, dtype),
        rigidity=RIGIDITY,
        stop=orbits.Sphere(1.0),
        pusher=pusher,
    )
    np.testing.assert_allclose(several.position[1], single.position, atol=20 * tolerance)


def test_several_lengths_are_exact(smooth):
    lengths = jnp.array([0.33, 1.0, 2.5])
    exits = orbits.trace_ensemble(
        smooth,
        jnp.zeros(3),
        directions(20),
        rigidity=RIGIDITY,
        stop=orbits.PathLength(lengths),
        pusher=orbits.Boris(0.1),
    )
    np.testing.assert_allclose(exits.path_length, np.repeat(lengths[:, None], 20, 1), rtol=1e-12)


def test_statuses_tell_what_happened_and_rows_stay_finite(uniform, hole):
    def status(field, start, n, stop, **options):
        exits = orbits.trace_ensemble(
            field,
            start,
            jnp.array([n]),
            rigidity=RIGIDITY,
            stop=stop,
            pusher=orbits.Boris(0.1),
            **options,
        )
        assert np.all(np.isfinite(exits.position))
        assert np.all(np.isfinite(exits.direction))
        return int(exits.status[0])

    x, far = [1.0, 0.0, 0.0], jnp.array([9.0, 0.0, 0.0])
    assert status(hole, jnp.zeros(3), x, orbits.Sphere(5.0)) == NOT_FINITE
    assert status(hole, jnp.zeros(3), [-1.0, 0.0, 0.0], orbits.Sphere(5.0)) == REACHED
    assert status(uniform, jnp.zeros(3), x, orbits.Sphere(5.0), max_path_length=50.0) == TOO_LONG
    assert status(uniform, jnp.zeros(3), x, orbits.Sphere(5.0), max_steps=40) == STEP_LIMIT
    assert status(uniform, far, x, orbits.Sphere(5.0)) == STARTED_OUTSIDE


@pytest.mark.slow
def test_pushers_agree_on_a_smooth_field(smooth):
    def exits(pusher):
        return orbits.trace_ensemble(
            smooth,
            jnp.zeros(3),
            directions(200),
            rigidity=RIGIDITY,
            stop=orbits.Sphere(1.0),
            pusher=pusher,
        )

    apart = exits(orbits.Boris(0.005)).position - exits(PUSHERS[1]).position
    # Boris: second order, (0.005)²/12 of a few gyrations times the growth of neighbours
    assert np.median(np.linalg.norm(apart, axis=1)) < 1e-5
    coarse = exits(orbits.Boris(0.05)).position - exits(PUSHERS[1]).position
    assert np.median(np.linalg.norm(coarse, axis=1)) > 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("pusher", PUSHERS, ids=["Boris", "Tsit5"])
@pytest.mark.parametrize(
    "make_stop", [orbits.Sphere, pytest.param(orbits.PathLength, marks=pytest.mark.slow)]
)
def test_derivatives_of_exits_equal_differences(smooth, pusher, make_stop):
    def exit_of(theta):
        field = (1 + theta[0]) * smooth
        exits = orbits.trace_ensemble(
            field,
            jnp.zeros(3),
            directions(8),
            rigidity=RIGIDITY * (1 + theta[1]),
            stop=make_stop(1.23 * (1 + theta[2])),
            pusher=pusher,
        )
        return jnp.concatenate([exits.position, exits.direction], axis=1)

    step = 1e-5
    for i in range(3):
        tangent = jnp.zeros(3).at[i].set(1.0)
        slope = jax.jvp(exit_of, (jnp.zeros(3),), (tangent,))[1]
        quotient = (exit_of(step * tangent) - exit_of(-step * tangent)) / (2 * step)
        # Boris: truncation 1e-10, round-off 1e-10; Tsit5 adapts its steps: 10 × rtol / step
        tolerance = 1e-6 if isinstance(pusher, orbits.Boris) else 2e-2
        np.testing.assert_allclose(slope, quotient, atol=tolerance)


@pytest.mark.parametrize(
    ("stencil", "dtype", "pusher"),
    [
        (fields.Linear(), jnp.float32, orbits.Boris(0.1)),
        pytest.param(fields.CubicSpline(), jnp.float32, orbits.Boris(0.1), marks=pytest.mark.slow),
        pytest.param(fields.CubicSpline(), jnp.float64, orbits.Boris(0.1), marks=pytest.mark.slow),
        pytest.param(
            fields.Linear(), jnp.float64, orbits.DiffraxPusher(rtol=1e-4), marks=pytest.mark.slow
        ),
        pytest.param(
            fields.CubicSpline(), jnp.float32, orbits.BlanesMoan4(0.2), marks=pytest.mark.slow
        ),
    ],
)
def test_the_same_lanes_make_the_same_bytes_and_others_the_same_orbits(stencil, dtype, pusher):
    field = turbulent(stencil, jnp.float32)
    one, again, other = (
        orbits.trace_ensemble(
            field,
            jnp.zeros(3),
            directions(700, dtype)[:num],
            rigidity=RIGIDITY,
            stop=orbits.Sphere(2.0),
            pusher=pusher,
            lanes=lanes,
        )
        for lanes, num in ((64, 700), (64, 700), (256, 700))
    )
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    # rounding, times the growth of neighbours, e every two or three gyroradii
    apart = np.linalg.norm(one.position - other.position, axis=1)
    assert np.median(apart) < 1e4 * jnp.finfo(dtype).eps
    assert np.mean(np.asarray(one.status) == np.asarray(other.status)) > 0.99
    paths = np.asarray(one.path_length), np.asarray(other.path_length)
    assert abs(np.mean(paths[0]) - np.mean(paths[1])) < 0.2 * np.std(paths[0]) / np.sqrt(700)


@pytest.mark.slow
def test_orbits_do_not_depend_on_the_number_of_devices():
    script = """
import jax
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_num_cpu_devices", 2)
import jax.numpy as jnp, numpy as np
from jaxcr import fields, orbits
grid = fields.realise_grid(
    fields.PowerLaw(5 / 3, outer_scale=6.0, inner_scale=2.0), key=jax.random.key(1),
    shape=(16, 16, 16), spacing=0.5, rms=3.0)
field = fields.UniformField(jnp.array([3.0, 0.0, 0.0])) + grid
n = np.random.default_rng(5).standard_normal((701, 3))
n /= np.linalg.norm(n, axis=1, keepdims=True)
lengths = orbits.PathLength(jnp.array([1.0, 2.0]))
for dtype, stop in ((jnp.float32, orbits.Sphere(2.0)), (jnp.float64, lengths)):
    one, two, again = (
        orbits.trace_ensemble(field, jnp.zeros(3), jnp.asarray(n, dtype), rigidity=2.8,
            stop=stop, pusher=orbits.Boris(0.1), devices=jax.devices()[:k], lanes=128)
        for k in (1, 2, 2))
    for a, b in zip(jax.tree.leaves(two), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
    apart = np.linalg.norm(np.asarray(one.position) - np.asarray(two.position), axis=-1)
    assert np.median(apart) < 1e4 * jnp.finfo(dtype).eps
    assert np.array_equal(np.asarray(one.status), np.asarray(two.status))
print("equal")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "equal", done.stderr[-2000:]


@pytest.mark.parametrize("origin", [0.0, 1e3, 1e4])
def test_single_precision_is_the_same_anywhere(origin):
    # Helices along z leave a sphere of R >> r_L after R/|n_z|: steps of 7e-4 pc, coordinates
    # 1e-3 pc apart at 1e4 pc.
    n = np.array(directions(64))
    n = n[np.abs(n[:, 2]) > 0.2]
    field = fields.UniformField(jnp.array([0.0, 0.0, 3.0], jnp.float32))
    exits = orbits.trace_ensemble(
        field, jnp.full(3, origin, jnp.float32), jnp.asarray(n, jnp.float32), rigidity=0.02,
        stop=orbits.Sphere(2.0, about_start=True),
    )  # fmt: skip
    # Equal steps along z, at least 1.4e-4 pc, round alike where numbers are 1.2e-7 pc apart.
    np.testing.assert_allclose(exits.path_length, 2 / np.abs(n[:, 2]), rtol=5e-4)


def test_a_step_below_the_rounding_of_its_place_is_told():
    exits = orbits.trace_ensemble(
        fields.UniformField(jnp.zeros(3, jnp.float32)), jnp.zeros(3, jnp.float32),
        directions(2, jnp.float32), rigidity=1.0, stop=orbits.PathLength(1e4),
        pusher=orbits.Boris(0.003), max_path_length=2e4,
    )  # fmt: skip
    assert np.all(exits.status == STEP_LOST)
    # 64 eps times the largest coordinate is the step
    assert np.all(np.abs(exits.position).max(axis=1) < 0.003 / (64 * 1.1e-7))


def test_a_long_path_is_the_sum_of_its_steps():
    # 0.1 is no float32; 1e5 sums that round the same way would be off by 2e-3
    n = jnp.array([[1.0, 0.0, 0.0]], jnp.float32)
    field = fields.UniformField(jnp.array([0.0, 0.0, 3.0], jnp.float32))
    exits = orbits.trace_ensemble(
        field, jnp.zeros(3, jnp.float32), n, rigidity=RIGIDITY, stop=orbits.PathLength(1e4),
        pusher=orbits.Boris(0.1),
    )  # fmt: skip
    assert int(exits.num_steps[0]) in (99_999, 100_000, 100_001)


def test_absurd_numbers_of_steps_are_refused_before_the_run(uniform):
    for field, stop, pusher in (
        (uniform, orbits.PathLength(1.0), orbits.Boris(1e-300)),
        (fields.UniformField(jnp.array([0.0, 0.0, 1e30])), orbits.PathLength(1.0), None),
        (uniform, orbits.Sphere(1e12), orbits.Strang(1.0)),
    ):
        with pytest.raises(ValueError, match="over the step: expected at most"):
            orbits.trace_ensemble(
                field, jnp.zeros(3), directions(2), rigidity=1.0, stop=stop, pusher=pusher
            )


def test_new_numbers_do_not_compile_again():
    traced = []

    class Counting(fields.Field):
        strength: jax.Array

        def __call__(self, position):
            traced.append(1)
            return jnp.array([0.0, 0.0, 1.0], position.dtype) * self.strength.astype(position.dtype)

        def max_strength(self):
            return self.strength

        def lattice(self):
            return None

    for factor in (1.0, 1.1, 1.2):
        orbits.trace_ensemble(
            Counting(jnp.asarray(factor)),
            jnp.zeros(3),
            directions(4),
            rigidity=factor,
            stop=orbits.Sphere(factor),
            pusher=orbits.Boris(0.1 * factor),
        )
        after_first = len(traced) if factor == 1.0 else after_first
    assert len(traced) == after_first


def test_automatic_step_is_half_a_cell_or_a_tenth_of_the_smallest_gyroradius(smooth):
    weak = orbits.Lorentz(smooth, jnp.asarray(1e3))
    strong = orbits.Lorentz(smooth, jnp.asarray(0.1))
    assert float(orbits.Boris().prepare(weak).step_size) == pytest.approx(0.25)
    expected = 0.1 * units.GYRORADIUS * 0.1 / float(smooth.max_strength())
    assert float(orbits.Boris().prepare(strong).step_size) == pytest.approx(expected)
    assert float(orbits.Boris(step_cells=0.2).prepare(weak).step_size) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: orbits.Sphere(-1.0), "Sphere: radius: expected a positive number"),
        (lambda: orbits.Sphere(jnp.array([2.0, 1.0])), "rising lengths"),
        (lambda: orbits.PathLength(0.0), "PathLength: length"),
        (lambda: orbits.Boris(-0.1), "Boris: step: expected a positive length, got -0.1"),
        (lambda: orbits.Boris(0.1, step_cells=0.5), "expected at most one of them"),
    ],
)
def test_bad_options(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_shapes(uniform):
    with pytest.raises(ValueError, match=r"rigidity: expected shape \(\) or shape"):
        orbits.trace_ensemble(
            uniform, jnp.zeros(3), directions(4), rigidity=jnp.ones(3), stop=orbits.Sphere(1.0)
        )
    with pytest.raises(ValueError, match="step_cells: expected a field with a grid"):
        orbits.trace_ensemble(
            uniform,
            jnp.zeros(3),
            directions(4),
            rigidity=1.0,
            stop=orbits.Sphere(1.0),
            pusher=orbits.Boris(step_cells=0.5),
        )


@pytest.mark.slow
def test_neighbours_separate_in_turbulence_and_not_in_a_uniform_field(uniform, smooth):
    chaotic, regular = (
        float(
            orbits.lyapunov_length(
                field,
                jnp.zeros(3),
                directions(64),
                rigidity=RIGIDITY,
                path_length=8.0,
                pusher=orbits.Boris(0.05),
            )
        )
        for field in (smooth, uniform)
    )
    assert 0.5 < chaotic < 8  # a few gyroradii
    assert regular > 5 * chaotic
