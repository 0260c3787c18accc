import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import (
    LossCone,
    bond_flux,
    galaxy_chain,
    helio_chain,
    line_of_traps,
    steady_state,
)


def two_zones(inner, outer, half=10):
    return line_of_traps(3.0, jnp.repeat(jnp.array([inner, outer]), half))


def test_particles_reach_the_sun_exponentially_seldom_against_the_drift():
    against, without = (helio_chain(two_zones(e, e)) for e in (0.5, 0.0))
    flux = [-bond_flux(*fed)[0] for fed in (against, without)]
    a = np.exp(0.5)
    np.testing.assert_allclose(flux[0], (a - 1) / (a**21 - 1), rtol=1e-11)
    np.testing.assert_allclose(flux[1], 1 / 21, rtol=1e-11)


def test_the_galaxy_lets_all_through_its_far_end():
    fed = galaxy_chain(two_zones(0.3, 0.1), inflow=2.0)
    flux = bond_flux(*fed)
    np.testing.assert_allclose(flux[0], 0.0)
    np.testing.assert_allclose(flux[1:], 2.0, rtol=1e-12)
    assert jnp.all(steady_state(*fed) > 0)


@pytest.mark.parametrize("preset", [helio_chain, galaxy_chain])
def test_options_reach_the_rates(preset):
    traps = two_zones(0.2, 0.2)
    one = preset(traps, scattering_rate=1.0, closure=LossCone()).chain
    two = preset(traps, scattering_rate=2.0, closure=LossCone()).chain
    np.testing.assert_allclose(two.rate_right, 2 * one.rate_right)
    balanced = preset(traps).chain
    assert jnp.all(one.rate_right[1:-1] > balanced.rate_right[1:-1])


def test_rates_change_at_the_centre():
    chain = helio_chain(two_zones(-0.4, 0.4)).chain
    ratio = chain.rate_right / chain.rate_left
    np.testing.assert_allclose(ratio[1:9], np.exp(-0.4), rtol=1e-12)
    np.testing.assert_allclose(ratio[11:19], np.exp(0.4), rtol=1e-12)
