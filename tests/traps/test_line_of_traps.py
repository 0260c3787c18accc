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
    evolve,
    flux_tube_volume,
    line_of_traps,
    steady_state,
    trap_chain,
    trap_from_ratio,
    traps_in_profile,
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
    with pytest.raises(ValueError, match=r"trap_chain: num_sites: expected an integer >= 1.*got 0"):
        trap_chain(trap, 0, scattering_rate=1.0, **OPEN)
    with pytest.raises(ValueError, match=r"flux_tube_volume: num_sites: .* got -1"):
        flux_tube_volume(trap, -1)


def test_float32_stays_float32():
    trap = Trap(*(jnp.float32(b) for b in (1.0, 4.0, 3.0)))
    chain = trap_chain(trap, 4, scattering_rate=1.0, **OPEN)
    assert chain.rate_left.dtype == flux_tube_volume(trap, 4).dtype == jnp.float32


def test_a_line_of_equal_traps_is_the_chain_of_copies():
    trap = trap_from_ratio(3.0, 0.2)
    line = line_of_traps(3.0, 0.2, 12)
    np.testing.assert_allclose(flux_tube_volume(line), flux_tube_volume(trap, 12), rtol=1e-13)
    for closure in (LossCone(), DetailedBalance()):
        options = {"scattering_rate": 0.7, "closure": closure, **OPEN}
        copies, of_line = trap_chain(trap, 12, **options), trap_chain(line, **options)
        np.testing.assert_allclose(of_line.rate_right, copies.rate_right, rtol=1e-13)
        np.testing.assert_allclose(of_line.rate_left, copies.rate_left, rtol=1e-13)


def test_neighbours_share_their_mirror():
    ratio = jnp.array([3.0, 2.0, 5.0, 4.0])
    gradient = jnp.array([0.3, -0.2, 0.5, 0.1])
    line = line_of_traps(ratio, gradient, minimum=2.0)
    np.testing.assert_allclose(line.right_mirror[:-1], line.left_mirror[1:], rtol=1e-13)
    np.testing.assert_allclose(jax.vmap(lambda t: t.mirror_ratio)(line), ratio, rtol=1e-13)
    np.testing.assert_allclose(jax.vmap(lambda t: t.gradient)(line), gradient, rtol=1e-12)
    np.testing.assert_allclose(line.minimum[0], 2.0)


def test_mirrors_follow_the_mean_field():
    def mean_field(x):
        return 3.0 * jnp.exp(-x / 50.0) + 1.0

    edges = jnp.linspace(0.0, 100.0, 11)
    traps = traps_in_profile(mean_field, edges, mirror_ratio=3.0)
    np.testing.assert_allclose(traps.left_mirror, 3 * jax.vmap(mean_field)(edges[:-1]), rtol=1e-12)
    np.testing.assert_allclose(traps.right_mirror, 3 * jax.vmap(mean_field)(edges[1:]), rtol=1e-12)
    of_values = traps_in_profile(jax.vmap(mean_field)(edges), edges, mirror_ratio=3.0)
    np.testing.assert_allclose(of_values.minimum, traps.minimum, rtol=1e-13)


@pytest.mark.parametrize(("closure", "holds"), [(DetailedBalance(), True), (LossCone(), False)])
def test_uniform_density_in_a_line_of_different_traps(closure, holds):
    ratio = jnp.linspace(2.0, 4.0, 9)
    line = line_of_traps(ratio, jnp.linspace(-0.3, 0.4, 9))
    ends = {"left_end": ReflectingEnd(), "right_end": ReflectingEnd()}
    chain = trap_chain(line, scattering_rate=1.0, closure=closure, **ends)
    volume = flux_tube_volume(line)
    later = evolve(chain, volume, jnp.array([1e4]))[0] / volume
    assert bool(jnp.allclose(later, 1.0, rtol=1e-11)) is holds


def test_scattering_may_differ_from_trap_to_trap():
    line = line_of_traps(3.0, 0.1, 3)
    nu = jnp.array([1.0, 2.0, 4.0])
    chain = trap_chain(line, scattering_rate=nu, closure=LossCone(), **OPEN)
    one = trap_chain(line, scattering_rate=1.0, closure=LossCone(), **OPEN)
    np.testing.assert_allclose(chain.rate_right, nu * one.rate_right, rtol=1e-13)


def test_copies_that_scatter_differently_stay_in_balance():
    trap, nu = trap_from_ratio(3.0, 0.2), jnp.array([1.0, 2.0, 4.0])
    chain = trap_chain(trap, 3, scattering_rate=nu, **OPEN)
    volume = flux_tube_volume(trap, 3)
    to_right, to_left = chain.rate_right[:-1] * volume[:-1], chain.rate_left[1:] * volume[1:]
    np.testing.assert_allclose(to_right, to_left, rtol=1e-13)
    with pytest.raises(ValueError, match=r"trap_chain: scattering_rate: .* shape \(4,\)"):
        trap_chain(trap, 4, scattering_rate=nu, **OPEN)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: line_of_traps(3.0, 0.1), "line_of_traps: mirror_ratio, gradient, num_sites"),
        (lambda: line_of_traps(jnp.ones(3) * 3, jnp.ones(2)), "expected one length of at least 1"),
        (lambda: line_of_traps(jnp.array([3.0, 1.0]), 0.1), "expected mirror_ratio"),
        (lambda: line_of_traps(3.0, 0.1, 0), "at least 1"),
        (lambda: traps_in_profile(jnp.ones(1), jnp.ones(1), mirror_ratio=3.0), "two or more"),
        (lambda: traps_in_profile(jnp.ones(2), jnp.zeros(2), mirror_ratio=3.0), "do not rise"),
        (
            lambda: traps_in_profile(jnp.ones(3), jnp.arange(2.0), mirror_ratio=3.0),
            r"expected shape \(2,\)",
        ),
        (
            lambda: traps_in_profile(jnp.array([1.0, jnp.nan]), jnp.arange(2.0), mirror_ratio=3.0),
            "traps_in_profile: mean_field: expected a positive number, got nan at index 1",
        ),
        (lambda: trap_chain(Trap(1.0, 4.0, 3.0), scattering_rate=1.0, **OPEN), "got None"),
        (lambda: trap_chain(line_of_traps(3.0, 0.1, 3), 3, scattering_rate=1.0, **OPEN), "got 3"),
    ],
)
def test_what_is_no_line_of_traps_is_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
