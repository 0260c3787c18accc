"""Skies in plane waves: the grid's physics without a box, orbits in batches, paths by energy."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, infer
from jaxcr.sky import DipoleBoundary, cross_spectrum, half_maps


@pytest.fixture(scope="module")
def waves(skies):
    return dataclasses.replace(skies, waves=60, observers_per_axis=1)


def test_waves_span_the_scales_with_unit_rms(waves):
    field = waves.turbulence(3, waves.at(outer_scale=500.0, inner_scale=0.5))
    assert isinstance(field, fields.WaveField)
    assert field.frequencies.dtype == jnp.float32
    frequency = np.linalg.norm(np.asarray(field.frequencies), axis=1)
    assert np.all((frequency > 1 / 500.0) & (frequency < 1 / 0.5))
    # Power is that of the cells in ln k, whose sum is the whole range: a sum of float32.
    np.testing.assert_allclose(np.sum(np.asarray(field.amplitudes) ** 2) / 2, 1, rtol=1e-5)


@pytest.mark.slow
def test_dipoles_are_those_of_a_grid_with_the_same_spectrum(skies, waves):
    def log_dipole(ensemble, num):
        found = []
        for number in range(num):
            arrivals = ensemble.arrivals(ensemble.turbulence(number), 0.8)
            boundary = DipoleBoundary(jnp.array(infer.AXIS), 1.0)
            found.append(
                np.log(cross_spectrum(*half_maps(arrivals, boundary), lmax=1)[:, 1]).mean()
            )
        return np.mean(found), np.std(found, ddof=1) / np.sqrt(num)

    # Four cells to the shortest wave damp it: eight here. The grid's waves are nearly all of its
    # decade, so that the waves have to be many.
    fine = {"cells": 64, "outer_scale": 25.6, "inner_scale": 8.0, "gyroradius": 16.0, "step": 2.0}
    grid = log_dipole(dataclasses.replace(skies, **fine), 12)
    wave = log_dipole(dataclasses.replace(waves, waves=240), 48)
    assert abs(grid[0] - wave[0]) < 3 * np.hypot(grid[1], wave[1])
    assert np.hypot(grid[1], wave[1]) < 0.05


def test_waves_have_no_box(skies, waves):
    assert waves.max_outer_scale == float("inf")
    assert float(waves.at(outer_scale=1e4).outer_scale) == 1e4
    (axis,) = infer.turbulence_axes(waves, ("outer_scale",))
    np.testing.assert_allclose(np.exp(axis.high), 1.4 * waves.outer_scale, rtol=1e-12)
    assert skies.max_outer_scale == 32.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cube": "mhd"}, "cube, waves: expected one of them, got both"),
        ({"inner_scale": 0.0}, "inner_scale: expected a positive number, got 0"),
        ({"waves": 5}, "num_waves: expected a number >= 10"),
        ({"slab_share": 0.5}, "slab_share: expected 0 with plane waves"),
    ],
)
def test_what_waves_cannot_be(waves, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(waves, **changes).turbulence(0)


def test_path_over_a_reference_follows_energy_and_index_but_not_the_level(skies):
    convention = infer.PathOverReferencePath()
    p = skies.at(reach=0.5, level=0.4, index=1.6)
    expected = 0.5 * infer.sky_mean_free_path(p.at(level=1.0))
    np.testing.assert_allclose(convention.stop(p).length, expected, rtol=1e-12)
    assert float(convention.stop(p.at(level=1.3)).length) == float(convention.stop(p).length)
    assert str(convention) == "dB/B0 at a path in quasi-linear mean free paths of dB = B0"
    assert convention.describe(0.5).endswith(
        "a path of 0.5 quasi-linear mean free paths of dB = B0"
    )
