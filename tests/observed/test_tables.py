import math

import numpy as np

from jaxcr.observed import (
    WORKING_LEVEL,
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
