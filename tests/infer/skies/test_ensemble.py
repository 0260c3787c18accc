"""Skies: phases depend on the field's number alone; spectra against the table's tensors."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr import fields, infer


def test_same_number_same_field_other_number_or_seed_other_field(skies):
    other = dataclasses.replace(skies, seed=1)
    fields = [
        s.turbulence(i).coefficients for s, i in ((skies, 0), (skies, 0), (skies, 1), (other, 0))
    ]
    np.testing.assert_array_equal(fields[0], fields[1])
    assert not np.allclose(fields[0], fields[2])
    assert not np.allclose(fields[0], fields[3])


@pytest.mark.slow
def test_without_turbulence_every_observer_sees_the_dipole(skies):
    spectra = infer.simulated_spectra(skies, 0.0, 0)
    # Motion in the mean field turns about its axis: n·axis is conserved, C_1 = 4 pi/9 but for the
    # average over children of a pixel (1 - O(pixel area)), 2 % at nside 4.
    np.testing.assert_allclose(spectra[:, 1], 4 * np.pi / 9, rtol=0.03)
    assert np.all(np.abs(spectra[:, 2:]) < 1e-4)


def test_tensors_of_the_table_give_the_spectra_of_the_orbits(skies, table):
    dipole = jnp.zeros(skies.boundary_lmax + 1).at[1].set(1.0)
    first = np.asarray(table.spectra(dipole))[1, : skies.num_observers]
    direct = infer.simulated_spectra(skies, 0.6, 0)
    # float32 orbits in the table, float64 here: 3 gyroradii amplify round-off to about 1e-5;
    # relative to the largest C_l of the sky.
    np.testing.assert_allclose(first, direct, atol=3e-5 * float(direct.max()))


def test_simulated_data_are_reproducible_and_in_fields_of_their_own(skies, model, data):
    planted = jnp.array(infer.PLANTED)
    again = infer.simulate_data(skies, model.traps, planted, seed=0, num_skies=4)
    other = infer.simulate_data(skies, model.traps, planted, seed=1, num_skies=4)
    np.testing.assert_array_equal(data.c_ell, again.c_ell)
    assert not np.allclose(data.c_ell, other.c_ell, rtol=1e-3)
    assert data.num_skies == 4
    assert data.debiased


@pytest.mark.slow
def test_a_longer_path_needs_more_amplitude(skies):
    systematic = infer.path_systematic(skies, 0.8, num_fields=2)
    assert systematic.amplitude_factor[1] == 1.0
    assert systematic.amplitude_factor[0] < 1 < systematic.amplitude_factor[2]
    # A dipole of momentum decays: the null test of the path says so.
    assert systematic.change.value[0] < -0.2
    assert not systematic.passed()
    half = infer.simulated_spectra(skies, skies.at(level=jnp.float32(0.8), reach=1.5), 0)
    one = infer.path_systematic(skies, 0.8, num_fields=1, factors=(0.5, 1.0))
    # 12 steps either way, float32.
    np.testing.assert_allclose(one.c_ell[0, 1], half[:, 1].mean(), rtol=1e-4)


def test_path_systematic_is_for_paths(skies):
    sphere = dataclasses.replace(skies, convention=infer.FixedSphere())
    with pytest.raises(ValueError, match="convention: expected orbits of fixed path, got dB/B0 at"):
        infer.path_systematic(sphere, 0.8, num_fields=1)
    with pytest.raises(ValueError, match="factors: expected positive factors in rising order"):
        infer.path_systematic(skies, 0.8, num_fields=1, factors=(2.0, 1.0))


@pytest.mark.slow
def test_skies_in_the_shipped_cube(skies):
    cube = dataclasses.replace(skies, cube="mhd", gyroradius=8.0)
    field, other = cube.turbulence(0), cube.turbulence(1)
    report = fields.describe(field)
    # One sum over the cube, in float32.
    assert abs(report.rms - 1) < 1e-4
    assert float(jnp.linalg.norm(report.mean)) < 1e-4
    # The same samples elsewhere.
    np.testing.assert_array_equal(field.coefficients, other.coefficients)
    assert not np.allclose(field.origin, other.origin)
    quiet, loud = (infer.simulated_spectra(cube, level, 0) for level in (0.1, 0.8))
    # Turbulence moves power from the dipole to smaller scales: of one observer in some places
    # only, of the eight on average.
    assert loud[:, 1].mean() < 0.8 * quiet[:, 1].mean()
    assert np.all(loud[:, 2:5].mean(axis=0) > 2 * quiet[:, 2:5].mean(axis=0))


def test_rejects_a_cube_that_is_not_shipped(skies):
    with pytest.raises(ValueError, match="SkyEnsemble: cube: expected one of None, mhd, got 'hmd'"):
        dataclasses.replace(skies, cube="hmd")
