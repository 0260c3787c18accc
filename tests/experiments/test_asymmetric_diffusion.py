"""The traps: closed forms of the measures, and verdicts that a wrong input turns over."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import traps
from jaxcr.experiments import EXPERIMENTS, verdicts
from jaxcr.experiments.asymmetric_diffusion import (
    ASYMMETRIC_DIFFUSION,
    continuum_limit,
    escape_asymmetry,
    four_regimes,
    helio_galaxy,
    mirrors_of_a_cube,
    regimes,
    setup,
)
from jaxcr.statistics import Estimate


def estimate(value, error):
    return Estimate(jnp.asarray(float(value)), jnp.asarray(float(error)))


def test_the_command_knows_them():
    assert [x.name for x in ASYMMETRIC_DIFFUSION] == [
        "escape-asymmetry", "four-regimes", "helio-galaxy", "continuum-limit", "mirrors-of-a-cube",
    ]  # fmt: skip
    assert all(EXPERIMENTS[x.name] is x for x in ASYMMETRIC_DIFFUSION)


def test_the_worst_number_is_one_that_has_an_error():
    found = Estimate(jnp.array([1.0, 2.0, 0.0]), jnp.array([0.1, 0.5, 0.0]))
    np.testing.assert_allclose(setup.largest_difference(found, np.array([1.3, 2.5, 9.0])), 3)


def test_errors_of_a_quotient_add_relatively():
    ratio = verdicts.quotient(estimate(6, 0.18), estimate(-2, 0.08))
    np.testing.assert_allclose([ratio.value, ratio.error], [-3, 3 * 0.05])


# escape-asymmetry


def test_full_orbits_leave_by_the_loss_cones():
    trap = traps.Trap(*escape_asymmetry.TRAP)
    found = escape_asymmetry.populations(trap, 512)
    np.testing.assert_allclose(sum(float(x.value) for x in found.values()), 1)
    assert all(x.holds is not False for x in escape_asymmetry.judge_populations(found, trap))


def test_populations_of_another_trap_are_noticed():
    trap, other = traps.Trap(*escape_asymmetry.TRAP), traps.Trap(1.0, 3.0, 4.0)
    volumes = traps.escape_probabilities(trap)._asdict()
    found = {name: estimate(x, 0.004) for name, x in volumes.items()}
    assert [x.holds for x in escape_asymmetry.judge_populations(found, trap)] == [True] * 3
    swapped = escape_asymmetry.judge_populations(found, other)
    assert [x.holds for x in swapped] == [True, False, False]
    vague = {name: estimate(x, 0.02) for name, x in volumes.items()}
    assert escape_asymmetry.judge_populations(vague, trap)[2].holds is None


def test_closures_of_self_similar_traps():
    # mu1, mu2 of R = 3, b = 1.25; V λ/D = 2 (a - 1)/(a + 1) with a of each closure
    mu1, mu2 = np.sqrt(1 - 1 / (3 * np.sqrt([1.25, 0.8])))
    a = (1 + mu1 - 2 * mu2) / (1 - mu1)
    exponent = escape_asymmetry.exponent
    np.testing.assert_allclose(exponent(traps.LossCone(), 1.25), 2 * (a - 1) / (a + 1), rtol=1e-9)
    np.testing.assert_allclose(exponent(traps.DetailedBalance(), 1.25), 2 / 9, rtol=1e-12)


def hops_of(rate_right, rate_left, jumps=0.0):
    """Return hops with errors of 1 %."""
    values = dict.fromkeys((x.name for x in dataclasses.fields(traps.MeasuredHops)), 1.0)
    values |= {"jumps": jumps}
    found = {k: estimate(v, 0.01 * v) for k, v in values.items()}
    for name, rate in {"rate_right": rate_right, "rate_left": rate_left}.items():
        rates = jnp.array([rate, 7.0])  # of hops to the neighbour, and over two
        found[name] = Estimate(rates, 0.01 * rates)
    return traps.MeasuredHops(**found)


def test_hops_per_scattering_count_jumps():
    case = escape_asymmetry.Case("", 1.25, rate=2.0)
    found = escape_asymmetry.hops_per_scattering(case, hops_of(0.3, 0.1, jumps=0.5))
    np.testing.assert_allclose(found.value, 0.4 / 0.5 / 2)
    # hops over two traps count four times
    found = escape_asymmetry.diffusion_of_hops(hops_of(0.3, 0.1))
    np.testing.assert_allclose(found.value, (0.4 + 4 * 14) / 2)


def test_a_rate_that_is_not_proportional_is_noticed():
    cases = escape_asymmetry.LARGE_ANGLES
    proportional = {x.name: hops_of(0.1 * x.rate, 0.1 * x.rate) for x in cases}
    assert escape_asymmetry.judge_rate(proportional).holds
    assert escape_asymmetry.judge_rate({x.name: hops_of(0.1, 0.1) for x in cases}).holds is False


def test_the_asymmetry_is_that_of_one_closure():
    judge = escape_asymmetry.judge_asymmetry
    assert judge(estimate(0.44, 0.01), estimate(1.57, 0.01)).holds
    assert judge(estimate(0.222, 0.01), estimate(1.25, 0.01)).holds is False
    assert judge(estimate(0.33, 0.1), estimate(1.4, 0.1)).holds is None


@pytest.mark.parametrize(
    ("asymmetry", "error", "holds"), [(1.25, 0.01, False), (1.564, 0.01, True), (1.3, 0.2, None)]
)
def test_a_flux_at_uniform_density_needs_more_than_detailed_balance(asymmetry, error, holds):
    verdict = escape_asymmetry.judge_flux(estimate(asymmetry, error))
    assert verdict.holds is holds
    # of the published partition: (a/b - 1)/(a/b + 1), a = 1.5638, b = 1.25
    assert "published partition 0.112" in verdict.measured


def test_hops_beyond_the_neighbour():
    assert escape_asymmetry.judge_neighbours(estimate(0.4, 0.01)).holds is False
    assert escape_asymmetry.judge_neighbours(estimate(0.01, 0.01)).holds is None


# four-regimes


def test_streaming_has_the_spread_of_isotropic_directions():
    found = regimes.measure(regimes.STREAMING, regimes.follow(regimes.STREAMING, 512, 0))
    spread = found["spread"]  # path 100: <mu²> = 1/3
    assert abs(float(spread.value) - 100 / np.sqrt(3)) < 4 * float(spread.error)
    median = found["median_escape_time"]  # half of all have |mu| > 1/2
    assert abs(float(median.value) - 21) < 4 * float(median.error)
    assert four_regimes.judge_streaming(found["growth"]).holds
    assert "escape_time" not in found


def moments_of(drift, diffusion, decay):
    """Return moments of a drift, a diffusion and an exponential escape, without scatter."""
    path = jnp.asarray(regimes.paths())
    rows = {
        "x": drift * path, "xx": 2 * diffusion * path + (drift * path) ** 2,
        "inside": jnp.exp(-path / decay),
    }  # fmt: skip
    return {k: jnp.broadcast_to(x, (setup.GROUPS, x.size)) for k, x in rows.items()}


def test_moments_give_back_drift_diffusion_and_escape():
    regime = regimes.REGIMES[-1]
    found = regimes.measure(regime, moments_of(0.05, 0.2, 400.0))
    np.testing.assert_allclose(found["drift"].value, 0.05, rtol=1e-9)
    np.testing.assert_allclose(found["diffusion"].value, 0.2, rtol=1e-9)
    np.testing.assert_allclose(found["growth"].value, 0.5, rtol=1e-9)
    np.testing.assert_allclose(found["displacement"].value, 5, rtol=1e-9)
    # trapezoids of 0.5 on a decay of 400: (0.5/400)²/12; linear between samples for the median
    np.testing.assert_allclose(found["escape_time"].value, 400, rtol=1e-6)
    np.testing.assert_allclose(found["median_escape_time"].value, 400 * np.log(2), rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "error", "holds"), [(0.5, 0.01, True), (0.6, 0.01, False), (0.5, 0.1, None)]
)
def test_diffusion_spreads_as_the_root(value, error, holds):
    assert four_regimes.judge_growth(estimate(value, error), 0.5) is holds


def regimes_of(error=0.01, **changes):
    """Return what is measured in the regimes, with some numbers changed by regime and name."""
    found = {}
    for regime in regimes.REGIMES[1:]:
        values = {
            "growth": 0.5, "diffusion": 0.2 if regime.mirrors else 0.33,
            "drift": 0.05 if regime.fall > 1 else 0.0,
            "escape_time": four_regimes.of_chain(regime)["escape_time"],
        }  # fmt: skip
        values |= changes.get(regime.name.split()[0], {})
        found[regime] = {k: estimate(v, 0.001 + error * abs(v)) for k, v in values.items()}
    return found


def test_regimes_are_told_apart():
    good = regimes_of()
    assert four_regimes.judge_diffusion(good, "scattering", "").holds
    assert four_regimes.judge_suppression(good).holds
    assert four_regimes.judge_drift(good).holds
    assert four_regimes.judge_chain(good).holds
    assert four_regimes.judge_chain(regimes_of(error=0.3)).holds is None


def test_wrong_regimes_are_noticed():
    ballistic = regimes_of(scattering={"growth": 1.0})
    assert four_regimes.judge_diffusion(ballistic, "scattering", "").holds is False
    assert four_regimes.judge_suppression(regimes_of(symmetric={"diffusion": 0.5})).holds is False
    assert four_regimes.judge_drift(regimes_of(asymmetric={"drift": -0.05})).holds is False
    assert four_regimes.judge_drift(regimes_of(asymmetric={"drift": 0.0})).holds is None
    assert four_regimes.judge_drift(regimes_of(symmetric={"drift": 0.05})).holds is False
    assert four_regimes.judge_chain(regimes_of(symmetric={"escape_time": 300.0})).holds is False


# helio-galaxy


@pytest.fixture(scope="module")
def chains():
    """Both chains, all zones, the published closure."""
    closure = setup.CLOSURES["published"]
    return {
        preset: {
            zone: {"published": helio_galaxy.solve(make, gradients, closure)}
            for zone, gradients in helio_galaxy.ZONES.items()
        }
        for preset, make in helio_galaxy.PRESETS.items()
    }


def test_two_zones_have_mirrored_rates(chains):
    chain = chains["Helio"]["turning"]["published"].chain
    a = np.asarray(chain.rate_right / chain.rate_left)
    half = helio_galaxy.HALF
    np.testing.assert_allclose(a[: half - 1] * a[:half:-1], 1, rtol=1e-9)
    assert np.all(a[:half] < 1)
    assert np.all(a[half + 1 :] > 1)


def test_equal_rates_have_the_published_closed_form(chains):
    solution = chains["Helio"]["g > r"]["published"]
    r = float(solution.chain.rate_left[0])
    a = float(solution.chain.rate_right[0]) / r
    k, last = np.arange(1, 41), 41
    closed = (1 - a**k) / (1 - a**last) / r
    np.testing.assert_allclose(solution.occupation, closed, rtol=1e-11)
    np.testing.assert_allclose(helio_galaxy.closed_form(solution.chain), closed, rtol=1e-11)


def test_a_wrong_density_is_noticed(chains):
    good = helio_galaxy.judge_solution(chains, 1.0)
    assert good.holds
    assert helio_galaxy.judge_solution(chains, 9.0).holds is False
    solution = chains["Helio"]["g < r"]["published"]
    off = solution._replace(occupation=solution.occupation * 1.001)
    wrong = chains | {"Helio": chains["Helio"] | {"g < r": {"published": off}}}
    assert helio_galaxy.judge_solution(wrong, 1.0).holds is False
    assert helio_galaxy.residual(off) > 1e-4
    assert helio_galaxy.judge_generating([solution]).holds
    bent = solution._replace(occupation=solution.occupation**1.001)
    assert helio_galaxy.judge_generating([bent]).holds is False


def test_without_a_gradient_the_density_is_linear(chains):
    galaxy = chains["Galaxy"]
    assert helio_galaxy.judge_linear(galaxy).holds
    assert helio_galaxy.judge_linear(galaxy | {"g > r": galaxy["g = r"]}).holds is False
    assert helio_galaxy.judge_exponential(galaxy["g < r"]["published"]).holds
    linear = galaxy["g < r"]["published"]._replace(occupation=np.arange(40.0, 0, -1))
    assert helio_galaxy.judge_exponential(linear).holds is False
    fed = galaxy["g = r"]["published"]
    assert helio_galaxy.judge_figure(chains["Helio"]["g = r"]["published"], fed).holds is False
    assert helio_galaxy.judge_figure(fed, fed).holds


# continuum-limit


def test_the_chain_has_the_drift_and_diffusion_asked_for():
    chain = continuum_limit.make_chain(31)
    drift, twice = traps.transport_cumulants(
        chain.rate_right[0], chain.rate_left[0], 1 / 32, order=2
    )
    np.testing.assert_allclose(
        [drift, twice / 2], [continuum_limit.DRIFT, continuum_limit.DIFFUSION], rtol=1e-12
    )


def test_the_third_cumulant_is_that_of_hops():
    np.testing.assert_allclose(continuum_limit.third_cumulant(), 3, rtol=1e-9)  # g - r
    assert continuum_limit.judge_cumulant(3.0).holds
    assert continuum_limit.judge_cumulant(0.0).holds is False


def test_first_order_is_not_the_second():
    halves = 0.1 * 0.25 ** np.arange(6)
    assert continuum_limit.judge_order(halves, np.full(5, 2.0)).holds
    assert continuum_limit.judge_order(halves, np.full(5, 1.0)).holds is False


def test_walkers_choose_between_chain_and_continuum():
    exact, truncated = continuum_limit.densities(7)
    fine, vague = (Estimate(jnp.asarray(exact), jnp.full(7, x)) for x in (1e-3, 1.0))
    exponents = {"chain": 1.386}
    assert continuum_limit.judge_density(fine, exact, truncated, exponents).holds
    assert continuum_limit.judge_density(fine, truncated, exact, exponents).holds is False
    assert continuum_limit.judge_density(vague, exact, truncated, exponents).holds is None


# mirrors-of-a-cube


@pytest.fixture(scope="module")
def equal_lines():
    """Two lines in every block, of twenty traps of 4 pc with R = 1.5 and no gradient."""
    path = jnp.linspace(0.0, 84.0, 3361)
    strength = np.exp(-np.log(1.5) / 2 * np.cos(2 * np.pi * np.asarray(path) / 4))
    return [mirrors_of_a_cube.read_line(strength, path, 1.1)] * 2 * mirrors_of_a_cube.BLOCKS**2


def test_equal_traps_have_no_scatter_and_their_own_escape_time(equal_lines):
    path = jnp.linspace(0.0, 84.0, 3361)
    part = np.arange(32)[:, None] % 8 + np.zeros(3361, int)
    found = mirrors_of_a_cube.statistics(equal_lines, path, part)
    exact = {"ratio": 1.5, "gradient_mean": 0, "gradient_scatter": 0, "length": 4}
    for name, expected in exact.items():
        np.testing.assert_allclose(found[name].value, expected, atol=1e-6)
        np.testing.assert_allclose(found[name].error, 0, atol=1e-6)
    chains = mirrors_of_a_cube.compare_chains(equal_lines)
    for name in ("time_ratio", "diffusion_ratio"):
        np.testing.assert_allclose(chains[name]["value"], 1, rtol=1e-6)
    # g = r = nu (1 - mu)/2: D = g, and T = s (N + 1 - s)/(2 g) from the ninth of sixteen
    rate = (1 - np.sqrt(1 - 1 / 1.5)) / 2
    np.testing.assert_allclose(chains["diffusion"]["value"], rate, rtol=1e-6)
    np.testing.assert_allclose(chains["escape_time"]["value"], 9 * 8 / (2 * rate), rtol=1e-6)


def test_the_errors_are_those_of_parts_of_the_cube(equal_lines):
    # other traps in one part: R = 1.5 + d in one of n parts has the error d/n
    num, path = mirrors_of_a_cube.PARTS**3, jnp.linspace(0.0, 84.0, 3361)
    part = np.repeat(np.arange(num), 4)[:, None] + np.zeros(3361, int)
    trap, edges = equal_lines[0]
    deeper = traps.Trap(1.0, 1.6, 1.6)
    other = jax.tree.map(lambda x, y: jnp.full_like(x, y), trap, deeper)
    lines = [(other, edges)] * 4 + equal_lines[4:]
    found = mirrors_of_a_cube.statistics(lines, path, part)["ratio"]
    np.testing.assert_allclose(found.value, 1.5 + 0.1 / num, rtol=1e-6)
    np.testing.assert_allclose(found.error, 0.1 / num, rtol=1e-3)


def test_a_line_without_traps_is_left_out():
    assert mirrors_of_a_cube.read_line(np.exp(np.arange(9.0)), jnp.arange(9.0), 1.1) is None


def test_traps_of_another_kind_turn_the_verdicts_over():
    judge = mirrors_of_a_cube
    assert judge.judge_length(estimate(9.0, 0.5), 10.0).holds
    assert not judge.judge_length(estimate(3.0, 0.5), 10.0).holds
    assert judge.judge_gradient(estimate(0.1, 0.01), estimate(0.2, 0.01)).holds
    assert not judge.judge_gradient(estimate(0.01, 0.01), estimate(0.2, 0.01)).holds
    chains = {"time_ratio": {"value": 1.5, "error": 0.1}, "ratio": 1.4}
    assert not judge.judge_equal(chains).holds
    assert judge.judge_equal(chains | {"time_ratio": {"value": 1.1, "error": 0.1}}).holds
