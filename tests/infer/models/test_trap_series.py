"""The trap series by amplitude against the chain; one trap and place by every way."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer, traps


@pytest.mark.parametrize("gradient", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("site", [3, 12])
def test_series_and_amplitude_are_those_of_the_chain_at_any_site(gradient, site):
    model = infer.TrapSeries(lmax=12)
    f = traps.chain_distribution(traps.trap_from_ratio(2.0, gradient), site, lmax=12)
    # differences of neighbouring densities lose up to 1e3 of their digits at site 12
    expected = f[1:] / f[1]
    np.testing.assert_allclose(model.series(2.0, gradient)[1:], expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.amplitude(site, 2.0, gradient), abs(f[1]), rtol=1e-10)


@pytest.mark.parametrize(("mirror_ratio", "expected"), [(2.0, 3e3 / 7), (5.0, 1.2e3 / 7)])
def test_place_of_a_symmetric_chain(mirror_ratio, expected):
    # no gradient: f_k ~ k, A = (3/4)(1/R)(2/k), so k = 1.5/(R A); A = 1.75e-3.
    site = infer.TrapSeries().place(1.75e-3, mirror_ratio, 0.0)
    assert site == pytest.approx(expected, rel=1e-4) or mirror_ratio == 5.0
    assert site == pytest.approx(1.5 / (mirror_ratio * 1.75e-3), rel=1e-5)


def test_place_inverts_amplitude_and_says_unreachable():
    model = infer.TrapSeries(num_sites=1000)
    amplitude = float(model.amplitude(7.5, 2.0, 0.3))
    assert model.place(amplitude, 2.0, 0.3) == pytest.approx(7.5, rel=1e-5)
    assert model.place(5.0, 2.0, 0.0) is None  # larger than at the first site
    assert model.place(1e-6, 2.0, 0.0) is None  # would need 750,000 sites


def test_the_sign_of_the_gradient_mirrors_the_distribution():
    model = infer.TrapSeries(lmax=9)
    signs = (-1.0) ** (np.arange(10) + 1)
    # the same cones seen from the other side: round-off only
    np.testing.assert_allclose(
        model.series(2.0, -0.3), signs * np.asarray(model.series(2.0, 0.3)), rtol=1e-12, atol=1e-14
    )


def test_rounded_edges_damp_high_orders():
    sharp, round_ = (infer.TrapSeries(lmax=12, edge_width=w).series(2.0, 0.1) for w in (0.0, 0.1))
    order = np.arange(1, 13)
    damping = np.exp(-(order * (order + 1) - 2) * 0.1**2 / 2)
    np.testing.assert_allclose(round_[1:], sharp[1:] * damping, rtol=1e-12)


def test_one_trap_and_place_is_the_same_by_every_way():
    # mirrors 2.3 and 1.7 B0, between the second site and the third
    trap, place = traps.Trap(1.0, 2.3, 1.7), 2.5
    ratio, gradient = float(trap.mirror_ratio), float(trap.gradient)
    density = [1 - (1.7 / 2.3) ** k for k in (1.5, 2.5, 3.5)]
    f = traps.trap_distribution(trap, *density, lmax=24)
    expected = np.asarray(f / f[0])
    np.testing.assert_allclose(abs(expected[1]), 0.174594, rtol=1e-5)
    values = jnp.array([np.log(place), np.log(ratio - 1), gradient, 0.0])
    by_amplitude = infer.TrapSeries()
    amplitude = by_amplitude.amplitude(place, ratio, gradient)
    inside = infer.TrapParameters(mirror_ratio=ratio, gradient=gradient, place=place)
    ways = {
        "traps": traps.chain_distribution(trap, place, lmax=24),
        "place": infer.ChainSeries(num_sites=60).coefficients(values),
        "sky": inside.distribution().coefficients,
        # f_1/f_0 is positive there by convention, and negative in the chain
        "amplitude": -by_amplitude.coefficients(values.at[0].set(jnp.log(amplitude))[:3])
        .at[0]
        .set(-1),
    }
    for name, found in ways.items():
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14, err_msg=name)
    assert by_amplitude.place(float(amplitude), ratio, gradient) == pytest.approx(place, rel=1e-5)
