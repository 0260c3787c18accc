import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.orbits import Boris, PathLength
from jaxcr.sky import (
    Arrivals,
    DipoleBoundary,
    GradientBoundary,
    QuasiSteadyBoundary,
    backtrack,
    cross_spectrum,
    half_maps,
    refined_directions,
    run_null_tests,
)
from jaxcr.sky.arrivals.null_tests import compare_stops
from jaxcr.units import GYRORADIUS

AXIS = jnp.array([1.0, 0.0, 0.0])
RIGIDITY = 8 / GYRORADIUS
OPTIONS = {"rigidity": RIGIDITY, "path_length": 24.0, "num_steps": 48, "lmax": 8}


@pytest.fixture(scope="module")
def arrivals(turbulence):
    """One observer's sky, paths of three gyroradii."""
    return backtrack(
        turbulence, rigidity=RIGIDITY, stop=PathLength(24.0), observer=jnp.zeros(3), nside=4,
        pusher=Boris(step=1.0),
    )  # fmt: skip


@pytest.fixture(scope="module")
def tests_of_the_sky(turbulence, arrivals):
    return run_null_tests(turbulence, arrivals, DipoleBoundary(AXIS, 1e-3), **OPTIONS)


def test_a_back_tracked_sky_passes(tests_of_the_sky):
    found = tests_of_the_sky
    assert found.isotropy < 1e-12
    assert found.jacobian < 1e-8
    # A path of 24 and 48 steps each way, times the growth of neighbouring orbits over 3 r_L.
    assert found.return_distance < 1e-12
    assert 0 < found.half_difference < 1 + 4 * found.half_difference_error
    assert found.lost_share == 0
    assert all(found.passed().values())
    report = found.report()
    assert report.count("ok") == 3
    assert "FAILS" not in report


def test_noise_between_halves_that_is_not_within_them_fails(arrivals, tests_of_the_sky, turbulence):
    """Two of the four orbits of a pixel see another amplitude: halves differ, not by scatter."""
    other = arrivals.direction.at[:, jnp.array([0, 3])].set(AXIS[None, None])
    same = arrivals.direction.at[:, jnp.array([1, 2])].set(-AXIS[None, None])
    split = jnp.where(jnp.array([True, False, False, True])[None, :, None], other, same)
    sign = jnp.where(jnp.arange(192) % 2 == 0, 1.0, -1.0)[:, None, None]
    wrong = dataclasses.replace(arrivals, direction=split * sign)
    found = run_null_tests(turbulence, wrong, DipoleBoundary(AXIS, 1e-3), **OPTIONS)
    assert not found.passed()["half_difference"]
    assert "FAILS" in found.report()


def test_chaos_ends_the_reach_of_the_jacobian(turbulence, arrivals):
    long = run_null_tests(
        turbulence, arrivals, DipoleBoundary(AXIS, 1e-3),
        **OPTIONS | {"path_length": 480.0, "num_steps": 960},
    )  # fmt: skip
    assert long.jacobian > 1e-8
    assert not long.passed()["jacobian"]


def test_a_boundary_farther_away(turbulence):
    """A gradient with its flux gives one sky, near and far; a dipole of momentum decays."""
    several = backtrack(
        turbulence, rigidity=RIGIDITY, stop=PathLength(jnp.array([48.0, 96.0])),
        observer=jnp.zeros(3), nside=4, per_pixel=16, pusher=Boris(step=1.0),
    )  # fmt: skip
    options = OPTIONS | {"lmax": 4}
    steady = QuasiSteadyBoundary(1e-4 * AXIS, several.diffusion()[1])
    found = run_null_tests(turbulence, several, steady, **options)
    assert found.passed()["change"]
    assert found.farther == pytest.approx(2)
    assert "2 times as far away" in found.report()
    near, far = (
        cross_spectrum(*half_maps(several.select(stop=i), steady), lmax=4)[1:] for i in (0, 1)
    )
    np.testing.assert_allclose(found.change, far / near - 1, rtol=1e-9)
    decays = run_null_tests(turbulence, several, DipoleBoundary(AXIS, 1e-3), **options)
    assert not decays.passed()["change"]
    assert decays.change[0] < -0.3  # C_1 falls by more than a half in twice six gyroradii
    assert "FAILS" in decays.report()


def test_error_of_the_change_is_the_scatter_of_skies(rng):
    """Skies of one signal and independent noise at two stops, in 400 draws."""
    num, lmax = 400, 6
    signal = 3.0 * refined_directions(4, 1)[:, 0, 2]
    draws = []
    for _ in range(num):
        values = jnp.asarray(signal[None, :, None] + rng.standard_normal((2, 192, 4)))
        still = Arrivals(
            position=values[..., None] * AXIS[None, None, None],
            direction=jnp.broadcast_to(AXIS, (2, 192, 4, 3)),
            path_length=jnp.ones((2, 192, 4)),
            reached=jnp.ones((192, 4), bool),
            arrival=jnp.asarray(refined_directions(4, 4)),
            observer=jnp.zeros(3),
            weight=jnp.ones((192, 4)),
        )
        draws.append(compare_stops(still, GradientBoundary(AXIS), lmax))
    change, error, _ = (np.array(x) for x in zip(*draws, strict=True))
    # l = 1 alone has a signal to be relative to; the scatter of 400 draws is known to 3.5 %.
    assert change[:, 0].std() == pytest.approx(error[:, 0].mean(), rel=0.15)
    assert abs(change[:, 0].mean()) < 4 * change[:, 0].std() / np.sqrt(num)


def test_one_observer_and_one_stop_or_two(turbulence, arrivals):
    message = "run_null_tests: {}: expected one of {}, got {}. Take one observer and one stop"
    several = dataclasses.replace(
        jax.tree.map(lambda x: x[None], arrivals), arrival=arrivals.arrival, weight=arrivals.weight
    )
    with pytest.raises(ValueError, match=message.format("axes of observer", 1, 2)):
        run_null_tests(turbulence, several, DipoleBoundary(AXIS, 1e-3), **OPTIONS)
    three = {
        name: jnp.stack([getattr(arrivals, name)] * 3)
        for name in ("position", "direction", "path_length")
    }
    several = dataclasses.replace(arrivals, **three)
    with pytest.raises(ValueError, match=message.format("stops", "1, 2", 3)):
        run_null_tests(turbulence, several, DipoleBoundary(AXIS, 1e-3), **OPTIONS)


def test_numbers_are_finite_without_an_excess(turbulence, arrivals):
    found = run_null_tests(turbulence, arrivals, DipoleBoundary(AXIS, 0.0), **OPTIONS)
    assert found.half_difference == 0
    assert np.all(np.isfinite(np.array(jax.tree.leaves(found))))
