import re

import numpy as np
import pytest

from jaxcr.observed import SpectrumData


def spectrum(ell=(1, 2, 4), c_ell=(3e-6, 2e-7, 1e-8), log_error=None, noise=None, **options):
    """Three multipoles, with anything else replaced."""
    zeros = np.zeros(len(ell))
    return SpectrumData(
        np.array(ell, int),
        np.array(c_ell, float),
        zeros if log_error is None else np.array(log_error, float),
        zeros if noise is None else np.array(noise, float),
        **options,
    )


def test_total_adds_noise_that_was_subtracted():
    noise = [1e-8, 2e-8, 3e-8]
    assert np.allclose(spectrum(noise=noise).total(), [3.01e-6, 2.2e-7, 4e-8], rtol=1e-15)
    kept = spectrum(noise=noise, debiased=False)
    assert np.array_equal(kept.total(), kept.c_ell)


def test_debiased_spectra_may_be_negative():
    data = spectrum(c_ell=(3e-6, 2e-7, -1e-9), noise=(1e-8, 1e-8, 1e-8), debiased=True)
    assert np.all(data.total() > 0)


@pytest.mark.parametrize("debiased", [True, False])
def test_a_level_goes_to_noise_and_total_alike(debiased):
    data = spectrum(noise=(1e-8, 2e-8, 3e-8), debiased=debiased)
    raised = data.with_level(5e-8)
    # 1e-15: two roundings.
    assert np.allclose(raised.noise, data.noise + 5e-8, rtol=1e-15)
    assert np.allclose(raised.total(), data.total() + 5e-8, rtol=1e-15)
    assert raised.debiased is debiased


def test_select_keeps_everything_else():
    data = spectrum(log_error=(0.1, 0.2, 0.3), num_skies=3, m0_blind=True, label="ours")
    part = data.select(np.array([True, False, True]))
    assert np.array_equal(part.ell, [1, 4])
    assert np.array_equal(part.c_ell, [3e-6, 1e-8])
    assert np.array_equal(part.log_error, [0.1, 0.3])
    assert (part.num_skies, part.m0_blind, part.debiased, part.label) == (3, True, True, "ours")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ell": (2, 1, 4)}, "SpectrumData: ell: expected multipoles from 1 on, in strictly"),
        ({"ell": (1, 1, 4)}, "got [1, 1, 4]. Sort the rows"),
        ({"ell": (0, 1, 2)}, "leave out l = 0"),
        ({"ell": (), "c_ell": ()}, "got []"),
        ({"c_ell": (3e-6, 2e-7)}, "SpectrumData: c_ell: expected shape (3,), got shape (2,)"),
        ({"c_ell": (3e-6, np.nan, 1e-8)}, "c_ell: expected finite numbers, got nan at index 1"),
        ({"log_error": (0.1, np.inf, 0.1)}, "log_error: expected a number >= 0, got inf at"),
        ({"noise": (0.0,)}, "SpectrumData: noise: expected shape (3,), got shape (1,)"),
        ({"noise": (0, -1e-9, 0)}, "noise: expected a number >= 0, got -1e-09 at index 1"),
        ({"log_error": (0, -0.1, 0)}, "log_error: expected a number >= 0, got -0.1 at index 1"),
        ({"c_ell": (3e-6, -2e-7, 1e-8)}, "c_ell: expected C_l > 0, or debiased C_l with"),
        ({"c_ell": (3e-6, 0, 1e-8), "debiased": False}, "got not so at l = [2]"),
        ({"c_ell": (3e-6, -1e-9, -1e-9), "noise": (1e-8, 1e-8, 0)}, "got not so at l = [4]"),
        ({"num_skies": 0}, "SpectrumData: num_skies: expected a number >= 1, got 0"),
    ],
)
def test_wrong_numbers_are_named(changed, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        spectrum(**changed)


def test_multipoles_are_whole_numbers():
    three = np.ones(3)
    for ell in (np.array([1.0, np.nan, 3.0]), np.array([1.0, 2.5, 3.0]), "123", None):
        with pytest.raises(ValueError, match=r"SpectrumData: ell: expected whole numbers"):
            SpectrumData(ell, three, three, three)
