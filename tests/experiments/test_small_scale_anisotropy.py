"""Each result at the smallest size, and its measures on skies and fields that are known."""

import dataclasses
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import orbits, sky
from jaxcr.experiments import EXPERIMENTS
from jaxcr.experiments.small_scale_anisotropy import dipole_removal, skies_by_radius
from jaxcr.experiments.small_scale_anisotropy.magnetic_moment import peak
from jaxcr.experiments.small_scale_anisotropy.setup import (
    gyroradius_in_cells,
    make_place,
    synthetic_field,
)
from jaxcr.experiments.small_scale_anisotropy.skies import Skies, mean_degree, slope

HIGH = orbits.PARTICLE_SETS["30PeV"]


SLOW = {
    "energy-conservation", "dipole-removal", "spectrum-derivatives", "forecast",
    "spectrum-by-energy", "mean-free-path", "pitch-angle-scattering", "parker", "grid-and-paths",
    "pitch-angle-equation", "skies-by-radius", "helio-galaxy", "continuum-limit",
    "mirrors-of-a-cube",
    "skies-by-energy", "cosmic-variance", "quasi-steady-path", "quasi-steady-by-energy",
    "spectra-at-mean-free-path", "spectra-by-radius", "table-1", "magnetic-moment", "four-regimes",
    "mixing-matrix",
}  # fmt: skip
"""Adaptive steps over 27 gyrations, skies that no other result has, much to compile."""


@pytest.mark.parametrize(
    "name", [pytest.param(x, marks=pytest.mark.slow) if x in SLOW else x for x in EXPERIMENTS]
)
def test_a_result_has_numbers_verdicts_and_a_picture(name, tiny):
    outcome = EXPERIMENTS[name].run(tiny)
    json.dumps(outcome.numbers, allow_nan=False)
    assert outcome.verdicts
    for verdict in outcome.verdicts:
        assert verdict.holds is None or type(verdict.holds) is bool
        assert not re.search(r"\bnan\b", verdict.measured)
        assert verdict.note or verdict.holds is not None
    assert outcome.draw().axes


@pytest.mark.slow
def test_two_grids_hold_the_whole_power():
    position = jnp.asarray(np.random.default_rng(0).uniform(-125, 125, (2000, 3)))
    away = []
    for number in range(6):
        field = synthetic_field(HIGH, 48, number, level=0.5)
        values = np.asarray(jax.vmap(field)(position))
        away.append(np.mean(np.sum((values - np.array([3.0, 0, 0])) ** 2, axis=1)))
    # 12 independent volumes of the outer scale a box, in six boxes: 12 % scatter, three of them.
    np.testing.assert_allclose(np.mean(away), (0.5 * 3) ** 2, rtol=0.36)


@pytest.mark.parametrize("cells", [32, 1024])
def test_boxes_must_overlap_and_not_exceed_the_published_cells(cells):
    with pytest.raises(ValueError, match=r"synthetic_field: cells: expected 48 \.\.\. 512"):
        synthetic_field(HIGH, cells, 0)


def test_the_cube_has_the_published_driving_scale(tiny):
    simulated = dataclasses.replace(tiny, simulated=True)
    field, observer = make_place(HIGH, simulated, 1)
    cell = field.lattice().spacing[0]
    np.testing.assert_allclose(19.2 * cell, 100, rtol=1e-6)
    np.testing.assert_allclose(
        gyroradius_in_cells(HIGH, simulated), HIGH.gyroradius / cell, rtol=1e-6
    )
    assert np.all(np.abs(np.asarray(observer)) < 24 * float(cell))


def maps_of(*vectors, extra=0.0):
    """Return equal halves of skies, a dipole along each vector plus l = 2 of the weight given."""
    centers = sky.pixel_centers(16)
    rows = [centers @ np.asarray(v, float) + extra * centers[:, 0] * centers[:, 1] for v in vectors]
    halves = np.stack(rows)[:, None]
    return Skies(halves, halves, np.zeros(len(rows)))


def test_the_dipole_of_known_skies():
    found = maps_of([-0.5, 0, 0], [0, 0.5, 0])
    np.testing.assert_allclose(dipole_removal.dipole_angles(found)[:, 0], [0, 90], atol=1e-5)
    np.testing.assert_allclose(dipole_removal.dipole_amplitudes(found)[:, 0], 0.5, rtol=1e-10)
    np.testing.assert_allclose(dipole_removal.residual_shares(found), 0, atol=1e-12)
    # <(x y)²> = 1/15 beside <x²> = 1/3, to the error of sums over pixels
    shares = dipole_removal.residual_shares(maps_of([-1.0, 0, 0], extra=1.0))
    np.testing.assert_allclose(shares, 1 / 6, rtol=1e-3)


def test_equal_skies_are_correlated_whatever_their_dipole():
    one, other = maps_of([1, 0, 0], extra=1.0), maps_of([0, 3, 0], extra=-2.0)
    half = np.concatenate([one.first, other.first], axis=1)
    found = Skies(half, half, one.lost)
    np.testing.assert_allclose(skies_by_radius.correlation(found, 0, 0), 1, rtol=1e-10)
    np.testing.assert_allclose(skies_by_radius.correlation(found, 0, 1), -1, rtol=1e-6)


def test_slope_and_mean_degree_of_a_power_law():
    l = np.maximum(np.arange(33.0), 1)
    spectra = np.stack([l**-2.5, 3 * l**-2.5])
    np.testing.assert_allclose(slope(spectra).value, -2.5, rtol=1e-12)
    used = l[2:17]
    weight = (2 * used + 1) * used**-2.5
    np.testing.assert_allclose(mean_degree(spectra).value, used @ weight / weight.sum())


def test_the_peak_of_a_normal_distribution():
    ratio = np.random.default_rng(0).normal(0.5, 0.1, (8, 400))
    found = peak(ratio)
    assert abs(float(found.value) - 0.5) < 4 * float(found.error)
    assert 0 < float(found.error) < 0.05
