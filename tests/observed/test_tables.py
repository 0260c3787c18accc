import math

import numpy as np

from jaxcr.observed import (
    WORKING_LEVEL,
    dipole_measurements,
    noise_levels,
    working_level_spectrum,
)


def test_working_level_spectrum_is_the_joint_fit():
    data = working_level_spectrum()
    assert np.array_equal(data.ell, [1, 2, 3, 4])
    assert np.array_equal(data.c_ell, [1.5825e-6, 1.8805e-7, 5.584e-8, 5.591e-8])
    other = np.array([1.6623e-6, 1.9264e-7, 1.52929e-7, 5.591e-8])  # the fit to l <= 3
    # 1e-15: one division and one logarithm.
    assert np.allclose(data.log_error, np.abs(np.log(other / data.c_ell)), rtol=1e-15)
    assert math.isclose(data.log_error[2], math.log(1.52929e-7 / 5.584e-8), rel_tol=1e-15)
    assert data.log_error[2] > 1  # truncation moves C_3 by a factor of e
    assert data.log_error[3] == 0  # only one of the two fits has it


def test_working_level_spectrum_says_what_it_is():
    data = working_level_spectrum()
    assert data.m0_blind
    assert data.debiased
    assert data.num_skies == 1
    assert data.label == WORKING_LEVEL
    assert "unpublished" in data.label
    assert "working level" in data.label


def test_noise_levels_are_those_of_the_figure():
    assert noise_levels() == {"HAWC-300": 2.94556668757e-10, "IC86": 1.85329616887e-10}
    assert np.all(working_level_spectrum().noise == noise_levels()["IC86"])


def test_dipoles_are_as_published():
    rows = {(row.experiment, row.energy_TeV): row for row in dipole_measurements()}
    hawc_icecube = rows["HAWC+IceCube", 10]
    assert math.isclose(hawc_icecube.amplitude, 1.168e-3, rel_tol=1e-15)  # 11.68 × 1e-4
    assert hawc_icecube.year == 2019
    assert (hawc_icecube.phase, hawc_icecube.phase_statistical) == (38.4, 0.2)
    kamiokande = rows["Super-Kamiokande-I", 10]
    numbers = (kamiokande.amplitude, kamiokande.statistical, kamiokande.systematic)
    assert np.allclose(numbers, (6.64e-4, 0.98e-4, 0.55e-4), rtol=1e-15)


def test_only_numbers_that_were_read_in_their_source():
    rows = dipole_measurements()
    assert len(rows) == 6
    assert len(set(rows)) == 6
    for row in rows:
        assert row.source.startswith(("doi:", "ApJ"))
        assert "memory" not in " ".join(map(str, row)).lower()
        assert 1e-5 < row.amplitude < 1e-2  # relative intensities, not per mille or 1e-4
    # What an abstract does not give is not a number, never zero.
    assert math.isnan(next(x for x in rows if x.experiment.startswith("IceCube")).phase)
    assert math.isnan(next(x for x in rows if x.experiment == "HAWC").statistical)
