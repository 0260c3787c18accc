import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.orbits import Boris, PathLength
from jaxcr.sky import DipoleBoundary, backtrack, run_null_tests
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


def test_one_observer_and_one_stop(turbulence, arrivals):
    several = jax.tree.map(lambda x: x[None], arrivals)
    with pytest.raises(
        ValueError, match=r"expected one of 2, got 3. Take one observer and one stop"
    ):
        run_null_tests(turbulence, several, DipoleBoundary(AXIS, 1e-3), **OPTIONS)


def test_numbers_are_finite_without_an_excess(turbulence, arrivals):
    found = run_null_tests(turbulence, arrivals, DipoleBoundary(AXIS, 0.0), **OPTIONS)
    assert found.half_difference == 0
    assert np.all(np.isfinite(np.array(jax.tree.leaves(found))))
