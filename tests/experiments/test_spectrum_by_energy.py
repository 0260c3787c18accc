"""Energies compared: known ratios of spectra, skies out of reach, a stale table."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import observed
from jaxcr.experiments.angular_spectrum.spectrum_by_energy import (
    Skies,
    judge_flatter,
    judge_observed,
    judge_substitute,
    judge_table,
    shape,
)

MEAN = np.array([0.0, 0.5, 0.05, 0.02, 0.01, 0.005])
"""sr."""


def skies(mean=MEAN, fresh=None, num=64):
    """Gamma-like skies at two nodes whose geometric mean is the point, and fresh ones."""
    rng = np.random.default_rng(3)
    scatter = rng.gamma(4, 1 / 4, size=(2, num, mean.size))
    nodes = scatter * mean * np.array([2.0, 0.5])[:, None, None]
    other = rng.gamma(4, 1 / 4, size=(num, mean.size)) * (mean if fresh is None else fresh)
    return Skies(jnp.asarray(nodes), jnp.array([0.5, 0.5]), other, noise=1e-6)


def test_ratios_are_those_of_the_means():
    found = shape(skies(num=4000))
    np.testing.assert_allclose(found.value, MEAN[2:] / MEAN[1], rtol=0.06)
    # Two nodes with a relative variance of 1/4, for two multipoles.
    expected = np.sqrt(2 * (0.25 / 2) / 4000) * MEAN[2:] / MEAN[1]
    np.testing.assert_allclose(found.error, expected, rtol=0.2)


def test_the_table_is_checked_against_fresh_skies():
    good = judge_table({0.02: skies(), 30.0: skies()})
    assert good.holds is True
    stale = judge_table({0.02: skies(), 30.0: skies(fresh=2 * MEAN)})
    assert stale.holds is False


@pytest.mark.parametrize(("factor", "holds"), [(1.0, True), (4.0, False)])
def test_energies_that_differ_do_not_stand_for_each_other(factor, holds):
    steep = MEAN * np.array([1, 1, 1 / factor, 1, 1, 1])
    ratios = {0.02: shape(skies(steep)), 30.0: shape(skies())}
    found = judge_substitute(ratios)
    assert found.holds is (None if holds else False)  # equal is never shown, only not excluded


def test_flatter_means_less_in_the_dipole():
    flat = MEAN * np.array([1, 1, 3, 3, 3, 3])
    assert judge_flatter(skies(), skies(flat)).holds is True
    assert judge_flatter(skies(flat), skies()).holds is False
    # (5 .05 + 7 .02 + 9 .01 + 11 .005)/(3 .5)
    assert "750 TeV 0.3" in judge_flatter(skies(num=4000), skies(flat)).measured


def test_the_observed_shape_has_to_be_within_reach():
    data = observed.working_level_spectrum()
    full = (2 * data.ell + 1) / (2 * data.ell)
    like_data = np.concatenate([[0.0], data.c_ell * full / data.c_ell[0]])
    assert judge_observed(skies(fresh=np.append(like_data, 0.01)).fresh, data).holds is True
    steep = np.append(like_data * np.array([1, 1, 0.01, 1, 1]), 0.01)
    assert judge_observed(skies(fresh=steep).fresh, data).holds is False
    assert judge_observed(skies(fresh=steep).fresh[:12], data).holds is None
