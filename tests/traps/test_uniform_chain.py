"""The closed form of a uniform chain: against its sites, between them, derivatives, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import traps

TRAP = traps.Trap(1.0, 2.3, 1.7)
LMAX = 6


def from_densities(trap, left, own, right):
    f = traps.trap_distribution(trap, left, own, right, lmax=LMAX)
    return f / f[0]


@pytest.mark.parametrize("place", [1.0, 2.5, 7.31])
def test_without_losses_the_density_is_one_minus_a_power(place):
    # g n_{k-1} + r n_{k+1} = (g + r) n_k with n_0 = 0: n_k ~ a^k - 1, w_k ~ a^k
    a = 2.3 / 1.7
    densities = (1 - a ** -(place + np.array([-1, 0, 1]))) / (1 - a**-place)
    found = traps.chain_distribution(TRAP, place, lmax=LMAX)
    np.testing.assert_allclose(found, from_densities(TRAP, *densities), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("place", [1.3, 6.6])
def test_between_sites_with_losses_the_recurrence_holds(place):
    g, r = (float(x) for x in traps.DetailedBalance().rates(TRAP, 0.8))
    loss, x = 0.03, place + np.array([-1, 0, 1])
    q = np.arccosh((g + r + loss) / (2 * np.sqrt(g * r)))
    densities = np.sqrt(g / r) ** x * np.sinh(q * x) / (2.3 / 1.7) ** x
    found = traps.chain_distribution(TRAP, place, lmax=LMAX, scattering_rate=0.8, loss_rate=loss)
    np.testing.assert_allclose(found, from_densities(TRAP, *densities), rtol=1e-12, atol=1e-15)


ENDS = (traps.AbsorbingEnd(), traps.ReflectingEnd())
CASES = [
    (TRAP, traps.DetailedBalance(), ENDS[0], ENDS[1], 0.05),
    (TRAP, traps.LossCone(), ENDS[0], ENDS[0], 0.0),
    (TRAP, traps.LossCone(), ENDS[1], ENDS[0], 0.1),
    (traps.Trap(1.0, 1.7, 2.3), traps.DetailedBalance(), ENDS[1], ENDS[1], 1e-7),
    (traps.Trap(1.0, 2.0, 2.0), traps.DetailedBalance(), ENDS[0], ENDS[1], 1e-9),
    (TRAP, traps.DetailedBalance(), ENDS[1], ENDS[0], 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("trap", "closure", "left", "right", "loss"), CASES)
def test_at_sites_it_is_the_chain_solved_site_by_site(trap, closure, left, right, loss):
    # how many sites and which right end has no effect: the source at the last is on the right
    chain = traps.trap_chain(
        trap, 12, scattering_rate=0.7, closure=closure, left_end=left, right_end=right,
        loss_rate=jnp.full(12, loss),
    )  # fmt: skip
    occupation = traps.steady_state(chain, jnp.zeros(12).at[-1].set(1.0))
    density = occupation / traps.flux_tube_volume(trap, 12)
    for site in (2, 5, 11):
        found = traps.chain_distribution(
            trap, site, lmax=LMAX, scattering_rate=0.7, closure=closure, left_end=left,
            loss_rate=loss,
        )  # fmt: skip
        # differences of nearly equal densities: round-off of the densities
        expected = from_densities(trap, *density[site - 2 : site + 1])
        np.testing.assert_allclose(found, expected, atol=2e-14)


def test_behind_a_closed_end_without_losses_nothing_flows():
    # far from the end against the gradient, where e^(2 q x) is beyond the range of floats
    for trap in (TRAP, traps.Trap(1.0, 1.7, 2.3), traps.Trap(1.0, 2.0, 2.0)):
        found = traps.chain_distribution(trap, 5e3, lmax=2, left_end=traps.ReflectingEnd())
        np.testing.assert_allclose(found, [1, 0, 0], atol=1e-15)


def test_derivatives_by_all_numbers_also_without_gradient_and_losses():
    def series(v):
        return traps.chain_distribution(
            traps.trap_from_ratio(v[0], v[1]), v[2], lmax=3, loss_rate=v[3]
        )

    slopes, values = jax.jit(jax.jacfwd(series)), jax.jit(series)
    at = jnp.array([2.0, 0.3, 4.4, 0.02])
    for i in range(4):
        e = jnp.zeros(4).at[i].set(1e-4)
        ahead, far = values(at + e) - values(at - e), values(at + 2 * e) - values(at - 2 * e)
        # fourth order: 1e-16 of the fifth derivative, round-off 1e-12
        np.testing.assert_allclose(slopes(at)[:, i], (8 * ahead - far) / 12e-4, atol=1e-10)
    # f_k ~ k: f_1/f_0 = -(3/4)(1/R)(2/k)
    level = slopes(jnp.array([2.0, 0.0, 4.0, 0.0]))
    assert jnp.all(jnp.isfinite(level))
    np.testing.assert_allclose(level[1, jnp.array([0, 2])], [1.5 / 16, 1.5 / 32], rtol=1e-12)


def test_bad_numbers_are_rejected():
    with pytest.raises(ValueError, match=r"chain_distribution: place: expected a number >= 1"):
        traps.chain_distribution(TRAP, 0.5, lmax=2)
    with pytest.raises(ValueError, match=r"chain_distribution: loss_rate: expected a number >= 0"):
        traps.chain_distribution(TRAP, 2.0, lmax=2, loss_rate=-0.1)
