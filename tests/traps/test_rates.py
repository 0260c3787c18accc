import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import DetailedBalance, LossCone, Trap, escape_probabilities, trap_from_ratio

EXACT = 1e-14  # a handful of roundings
CLOSURES = [LossCone(), DetailedBalance()]


def drift_over_diffusion(closure, trap):
    """V lam / D = 2 (a - 1) / (a + 1) with a = g/r."""
    right, left = closure.rates(trap, 1.0)
    return 2 * (right - left) / (right + left)


def test_loss_cone_rates_are_the_escape_probabilities():
    trap = Trap(1.0, 4.0, 3.0)
    right, left = LossCone().rates(trap, 0.5)
    np.testing.assert_allclose(right / left, 1.7393763, atol=5e-8)  # printed to eight digits
    escape = escape_probabilities(trap)
    np.testing.assert_allclose((right, left), (escape.right / 2, escape.left / 2), rtol=EXACT)


@pytest.mark.parametrize("mirrors", [(4.0, 3.0), (3.0, 4.0), (1.1, 50.0)])
def test_detailed_balance_has_the_ratio_of_the_mirrors(mirrors):
    trap = Trap(1.0, *mirrors)
    right, left = DetailedBalance().rates(trap, 0.5)
    np.testing.assert_allclose(right / left, mirrors[0] / mirrors[1], rtol=EXACT)
    np.testing.assert_allclose(right + left, sum(LossCone().rates(trap, 0.5)), rtol=EXACT)
    np.testing.assert_allclose(right + left, 0.5 * (1 - trap_cosine(mirrors)), rtol=1e-13)


def trap_cosine(mirrors):
    return np.sqrt(1 - 1 / min(mirrors))


@pytest.mark.parametrize("closure", CLOSURES)
def test_a_symmetric_trap_hops_evenly(closure):
    right, left = closure.rates(trap_from_ratio(3.0, 0.0), 1.0)
    np.testing.assert_allclose(right, left, rtol=EXACT)


def test_loss_cone_doubles_the_asymmetry_of_strong_mirrors():
    trap = trap_from_ratio(1e8, np.log(1.25))
    right, left = LossCone().rates(trap, 1.0)
    # g/r = 2b - 1 up to 1/R
    np.testing.assert_allclose(right / left, 2 * 1.25 - 1, rtol=1e-7)


def test_only_detailed_balance_drifts_as_guiding_centres_do():
    trap = trap_from_ratio(3.0, np.log(1.25))
    # Guiding centres followed through such traps with one isotropic scattering per trap length
    # gave V lam / D = 0.2208 ± 0.0013; 2 (b - 1) / (b + 1) = 2/9.
    np.testing.assert_allclose(drift_over_diffusion(DetailedBalance(), trap), 2 / 9, rtol=1e-13)
    assert abs(drift_over_diffusion(DetailedBalance(), trap) - 0.2208) < 2 * 0.0013
    # the published partition: 0.440, as printed to three digits, twice the measured drift
    np.testing.assert_allclose(drift_over_diffusion(LossCone(), trap), 0.440, atol=5e-4)


@pytest.mark.parametrize("closure", CLOSURES)
def test_gradient_by_the_mirror_ratio(closure):
    def right(ratio):
        return closure.rates(trap_from_ratio(ratio, 0.2), 1.0)[0]

    step = 1e-5
    difference = (right(3.0 + step) - right(3.0 - step)) / (2 * step)
    # 1e-8: step² of truncation and eps / step of rounding
    np.testing.assert_allclose(jax.grad(right)(3.0), difference, rtol=1e-8)


@pytest.mark.parametrize("closure", CLOSURES)
def test_float32_stays_float32(closure):
    trap = Trap(*(jnp.float32(b) for b in (1.0, 4.0, 3.0)))
    rates = closure.rates(trap, 0.5)
    assert {rate.dtype for rate in rates} == {jnp.dtype("float32")}
    # 1e-6: about ten float32 roundings
    np.testing.assert_allclose(rates, closure.rates(Trap(1.0, 4.0, 3.0), 0.5), rtol=1e-6)
