"""The trap model's closed form against the chain, its densities and its distribution."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import infer, traps


def chain_distribution(mean_ratio, eta, site, num_sites, lmax):
    """Return f_l at a site by the long way: chain, occupations, volumes, distribution."""
    trap = traps.trap_from_asymmetry(mean_ratio, eta)
    ends = {"left_end": traps.AbsorbingEnd(), "right_end": traps.AbsorbingEnd()}
    chain = traps.trap_chain(trap, num_sites, scattering_rate=1.0, **ends)
    occupation = traps.steady_state(chain, jnp.zeros(num_sites).at[-1].set(1.0))
    density = occupation / traps.flux_tube_volume(trap, num_sites)
    left, own, right = density[site - 2 : site + 1]
    return np.asarray(traps.trap_distribution(trap, left, own, right, lmax=lmax))


@pytest.mark.parametrize("eta", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("site", [3, 12])
def test_series_and_amplitude_are_those_of_the_chain_at_any_site(eta, site):
    model = infer.TrapSeries(lmax=12)
    f = chain_distribution(2.0, eta, site, 20, 12)
    # differences of neighbouring densities lose up to 1e3 of their digits at site 12, eta = 0.3
    np.testing.assert_allclose(model.series(2.0, eta)[1:], f[1:] / f[1], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.amplitude(site, 2.0, eta), abs(f[1] / f[0]), rtol=1e-10)


@pytest.mark.parametrize(("mean_ratio", "expected"), [(2.0, 3e3 / 7), (5.0, 1.2e3 / 7)])
def test_place_of_a_symmetric_chain(mean_ratio, expected):
    # eta = 0: f_k ~ k, A = (3/4)(1/R)(2/k), so k = 1.5/(R A); A = 1.75e-3.
    site = infer.TrapSeries().place(1.75e-3, mean_ratio, 0.0)
    assert site == pytest.approx(expected, rel=1e-4) or mean_ratio == 5.0
    assert site == pytest.approx(1.5 / (mean_ratio * 1.75e-3), rel=1e-5)


def test_place_inverts_amplitude_and_says_unreachable():
    model = infer.TrapSeries(num_sites=1000)
    amplitude = float(model.amplitude(7.5, 2.0, 0.3))
    assert model.place(amplitude, 2.0, 0.3) == pytest.approx(7.5, rel=1e-5)
    assert model.place(5.0, 2.0, 0.0) is None  # larger than at the first site
    assert model.place(1e-6, 2.0, 0.0) is None  # would need 750,000 sites


def test_the_sign_of_the_asymmetry_mirrors_the_distribution():
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


def test_every_description_of_a_chain_agrees_between_sites():
    # one of them went in a straight line between sites: .1783 for .1746
    mean_ratio, asymmetry, place = 2.0, 0.3, 2.5
    expected = infer.TrapSeries().amplitude(place, mean_ratio, asymmetry)
    np.testing.assert_allclose(expected, 0.1746, rtol=1e-3)
    values = jnp.array([np.log(place), np.log(mean_ratio - 1), asymmetry, 0.0])
    series = infer.ChainSeries(num_sites=60).coefficients(values)
    np.testing.assert_allclose(jnp.abs(series[1]), expected, rtol=1e-12)
    trap = infer.TrapParameters(
        mean_ratio=mean_ratio, asymmetry=asymmetry, place=place, num_sites=60
    )
    inside = trap.distribution().coefficients
    np.testing.assert_allclose(jnp.abs(inside[1] / inside[0]), expected, rtol=1e-12)
