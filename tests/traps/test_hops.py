import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.fields import MirrorChainField
from jaxcr.traps import (
    DetailedBalance,
    IsotropisingScattering,
    LossCone,
    SmallAngleScattering,
    measure_hops,
    mirror_suppression,
    trap_from_ratio,
)


def bottles(growth, ratio=3.0):
    trap = trap_from_ratio(ratio, growth)
    return MirrorChainField(
        minimum=1.0, left_mirror=trap.left_mirror, right_mirror=trap.right_mirror, length=2.0,
        num_bottles=100,
    )  # fmt: skip


def check_banded_chain(hops, rate, scattering):
    """Compare D of independent hops at the counted rates with that of the pitch-angle equation.

    Isotropising events forget the last hop, so that both agree; small angles go on in its
    direction, so that their D is larger than that of the chain.
    """
    trap = trap_from_ratio(3.0, 0.0)
    exact = mirror_suppression(trap, 2.0, rate, scattering=scattering) / (3 * rate)
    squares = 2.0**2 * np.arange(1, hops.rate_right.value.size + 1) ** 2 / 2
    value = squares @ np.asarray(hops.rate_right.value + hops.rate_left.value)
    # hops over one and over another distance are nearly independent
    error = np.linalg.norm([squares * hops.rate_right.error, squares * hops.rate_left.error])
    if isinstance(scattering, SmallAngleScattering):
        assert value < 0.85 * exact
        assert hops.correlation.value > 0.08
    else:
        assert abs(value - exact) < 3 * error
        assert error < 0.02 * exact
        assert abs(hops.correlation.value) < 0.02


@pytest.fixture(scope="module")
def falling():
    """The field falls by 1.5 from bottle to bottle; one isotropic scattering per bottle."""
    import jax

    return measure_hops(
        bottles(np.log(1.5)), scattering_rate=0.5, path_length=120.0, num_particles=8192,
        key=jax.random.key(3), step=0.04,
    )  # fmt: skip


def test_guiding_centres_support_detailed_balance(falling):
    def exponent(closure):
        right, left = closure.rates(trap_from_ratio(3.0, np.log(1.5)), 1.0)
        return float(2 * (right - left) / (right + left))

    value, error = falling.exponent.value, falling.exponent.error
    assert error < 0.02
    assert abs(value - exponent(DetailedBalance())) < 3 * error
    assert abs(value - exponent(LossCone())) > 10 * error


def test_hops_to_neighbours_are_balanced_by_time_reversal(falling):
    assert abs(falling.asymmetry.value - 1.5) < 3 * falling.asymmetry.error
    assert falling.asymmetry.error < 0.05


def test_lengths_scale(falling):
    # nu length/v = 1 as in units of the bottle: V in lengths, D in lengths times pc
    assert 0.07 < falling.drift.value < 0.1
    assert 0.3 < falling.diffusion.value < 0.6
    assert 0.2 < falling.jumps.value < 0.6


@pytest.mark.parametrize("scattering", [IsotropisingScattering(), SmallAngleScattering()])
def test_an_even_chain_does_not_drift(key, scattering):
    even = measure_hops(
        bottles(0.0), scattering_rate=0.5, path_length=60.0, num_particles=4096, key=key,
        scattering=scattering, step=0.04, max_hops=24, dtype=jnp.float64,
    )  # fmt: skip
    check_banded_chain(even, 0.5, scattering)
    assert abs(even.exponent.value) < 3 * even.exponent.error
    assert abs(even.asymmetry.value - 1) < 3 * even.asymmetry.error


@pytest.mark.slow
@pytest.mark.parametrize("scattering", [IsotropisingScattering(), SmallAngleScattering()])
@pytest.mark.parametrize("rate", [0.5, 0.15])
def test_hops_over_several_traps_make_the_diffusion(key, rate, scattering):
    hops = measure_hops(
        bottles(0.0), scattering_rate=rate, path_length=400.0, num_particles=16384, key=key,
        scattering=scattering, step=0.03, max_hops=64,
    )  # fmt: skip
    check_banded_chain(hops, rate, scattering)


def test_the_counted_hops_carry_the_drift(falling):
    over = 2.0 * np.arange(1, falling.rate_right.value.size + 1)
    drift = over @ np.asarray(falling.rate_right.value - falling.rate_left.value)
    # the same particles: up to a trap at both ends of the path
    np.testing.assert_allclose(drift, falling.drift.value, rtol=0.03)
    # time reversal, for hops over two as well
    right, left = falling.rate_right, falling.rate_left
    quotient = right.value[1] / left.value[1]
    error = quotient * np.hypot(right.error[1] / right.value[1], left.error[1] / left.value[1])
    assert abs(quotient - 1.5**2) < 3 * error
    total = np.sum(falling.rate_right.value + falling.rate_left.value)
    near = falling.rate_right.value[0] + falling.rate_left.value[0]
    np.testing.assert_allclose(1 - near / total, falling.jumps.value, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scattering_rate": 0.0}, "scattering_rate: expected a positive number"),
        ({"path_length": -1.0}, "path_length: expected a positive length"),
        ({"step": float("nan")}, "step: expected a positive part of a bottle"),
        ({"max_hops": 0}, "max_hops: expected a number >= 1"),
        ({"num_particles": 33}, "num_particles: expected a multiple of 32"),
    ],
)
def test_bad_numbers_are_rejected(key, options, message):
    settings = {"scattering_rate": 1.0, "path_length": 1.0, "num_particles": 32, **options}
    with pytest.raises(ValueError, match=f"measure_hops: {message}"):
        measure_hops(bottles(0.1), key=key, **settings)
