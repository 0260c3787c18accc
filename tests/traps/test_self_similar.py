import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.traps import (
    AbsorbingEnd,
    DetailedBalance,
    LossCone,
    ReflectingEnd,
    Trap,
    flux_tube_volume,
    steady_state,
    trap_chain,
    trap_from_ratio,
)

OPEN = {"left_end": AbsorbingEnd(), "right_end": AbsorbingEnd()}


@pytest.mark.parametrize("closure", [LossCone(), DetailedBalance()])
def test_every_site_has_the_rates_of_its_closure(closure):
    trap = Trap(1.0, 4.0, 3.0)
    chain = trap_chain(trap, 5, scattering_rate=0.3, closure=closure, **OPEN)
    right, left = closure.rates(trap, 0.3)
    np.testing.assert_array_equal(chain.rate_right, np.full(5, right))
    np.testing.assert_array_equal(chain.rate_left, np.full(5, left))


def test_detailed_balance_is_the_default():
    chain = trap_chain(trap_from_ratio(3.0, 0.2), 3, scattering_rate=1.0, **OPEN)
    np.testing.assert_allclose(chain.rate_right / chain.rate_left, np.exp(0.2), rtol=1e-14)


def test_volumes_are_the_powers_of_the_mirror_ratio():
    volumes = flux_tube_volume(Trap(1.0, 4.0, 2.0), 5)
    np.testing.assert_allclose(volumes, [1, 2, 4, 8, 16], rtol=1e-14)


@pytest.mark.parametrize(("closure", "holds"), [(DetailedBalance(), True), (LossCone(), False)])
@pytest.mark.parametrize("gradient", [-0.3, 0.3])
def test_uniform_density_is_an_equilibrium_of_detailed_balance_only(closure, holds, gradient):
    trap = trap_from_ratio(3.0, gradient)
    ends = {"left_end": ReflectingEnd(), "right_end": ReflectingEnd()}
    chain = trap_chain(trap, 20, scattering_rate=1.0, closure=closure, **ends)
    volume = flux_tube_volume(trap, 20)
    to_right, to_left = chain.rate_right[:-1] * volume[:-1], chain.rate_left[1:] * volume[1:]
    # 1e-13: the powers b^j carry j roundings of b
    assert bool(jnp.allclose(to_right, to_left, rtol=1e-13, atol=0)) is holds
    if not holds:  # the published partition drives a flux at uniform density
        assert jnp.all(jnp.abs(to_right / to_left - 1) > 0.1)


def test_equal_reservoirs_leave_the_density_uniform():
    trap, num_sites = trap_from_ratio(3.0, 0.1), 50
    volume = flux_tube_volume(trap, num_sites + 2)  # with the two traps outside
    chain = trap_chain(trap, num_sites, scattering_rate=0.5, **OPEN)
    source = jnp.zeros(num_sites).at[0].add(chain.rate_right[0] * volume[0])
    source = source.at[-1].add(chain.rate_left[-1] * volume[-1])
    density = steady_state(chain, source) / volume[1:-1]
    np.testing.assert_allclose(density, 1.0, rtol=2e-12)  # bound of the recurrence


def test_gradient_by_the_field_gradient():
    # left-reflecting, fed at N: n_1 = (J/g) b^{1-N}, so d ln(n_1 g)/d eps_g = 1 - N
    def log_first(gradient):
        ends = {"left_end": ReflectingEnd(), "right_end": AbsorbingEnd()}
        chain = trap_chain(trap_from_ratio(3.0, gradient), 30, scattering_rate=1.0, **ends)
        source = jnp.zeros(30).at[-1].set(1.0)
        return jnp.log(steady_state(chain, source)[0] * chain.rate_right[0])

    # 1e-12: rounding of 30 sites
    np.testing.assert_allclose(jax.grad(log_first)(0.2), 1 - 30, rtol=1e-12)


def test_an_empty_chain_is_rejected():
    trap = Trap(1.0, 4.0, 3.0)
    with pytest.raises(ValueError, match=r"trap_chain: num_sites: expected an integer >= 1, got 0"):
        trap_chain(trap, 0, scattering_rate=1.0, **OPEN)
    with pytest.raises(ValueError, match=r"flux_tube_volume: num_sites: .* got -1"):
        flux_tube_volume(trap, -1)


def test_float32_stays_float32():
    trap = Trap(*(jnp.float32(b) for b in (1.0, 4.0, 3.0)))
    chain = trap_chain(trap, 4, scattering_rate=1.0, **OPEN)
    assert chain.rate_left.dtype == flux_tube_volume(trap, 4).dtype == jnp.float32
