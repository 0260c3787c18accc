"""Skies against the path, where the answer is known: a sky that forgets its boundary in one way."""

import numpy as np
import pytest

from jaxcr.experiments.small_scale_anisotropy.quasi_steady_path import (
    BOUNDARY_LMAX,
    LMAX,
    PATHS,
    Skies,
    alone,
    converged_path,
    judge_dipole,
    judge_flux,
    judge_gradient,
    judge_limit,
    judge_traps,
    planted,
    trace_of_trap,
    trap_series,
    with_flux,
)

MEAN_FREE_PATH = 6.0


def skies(decay=1.0, num=8, scatter=0.1):
    """Return skies whose dipole of momentum decays as exp(-decay path / mean free path).

    A momentum dipole leaves -s_l exp(-x), the coordinate 3 K s_l (1 - exp(-x)): their sum with the
    flux -3 K is 3 K s_l at every path. Higher P_l decay as the square.
    """
    x = decay * np.array(PATHS) / MEAN_FREE_PATH
    responses = np.zeros((len(PATHS), BOUNDARY_LMAX + 2))
    responses[:, 1] = -np.exp(-x)
    responses[:, 2:-1] = np.exp(-2 * x)[:, None]
    responses[:, -1] = MEAN_FREE_PATH * (1 - np.exp(-x))
    power = np.maximum(np.arange(LMAX + 1.0), 1) ** -2.0
    tensors = np.einsum("l,pa,pb->plab", power, responses, responses)
    fields = 1 + scatter * np.random.default_rng(3).standard_normal((num, 1, 1, 1, 1))
    diffusion = np.full((num, len(PATHS)), MEAN_FREE_PATH / 3)
    return Skies(1.0, 10.0, fields * tensors[None], diffusion)


def test_paths_from_which_on_spectra_are_their_limit():
    known = skies()
    assert converged_path(known, with_flux(known)) == PATHS[0] / MEAN_FREE_PATH
    # (1 - exp(-x))² > .95 from x = 3.7 on: 25 of 6, for 12 of 6 are 2.
    assert converged_path(known, alone(known)) == pytest.approx(25 / MEAN_FREE_PATH)
    assert judge_limit([known]).holds is True
    assert judge_flux([known]).holds is True
    assert judge_dipole([known]).holds is True


def test_a_sky_that_never_forgets_is_told():
    slow = skies(decay=0.02)
    assert converged_path(slow, alone(slow)) > 8
    assert judge_dipole([slow]).holds is False


def test_planted_gradients_come_back():
    found = planted(skies(num=400), 4.0)
    # <sqrt(1 + .1 z)> = 1 - .01/8
    assert float(found.value) == pytest.approx(1 - 0.01 / 8, abs=4 * float(found.error))
    assert judge_gradient([skies()]).holds is True


def test_traps_fade():
    known = skies()
    trap = trap_series(2.0, 0.4)
    assert trap[1] != 0
    signal = np.asarray(trace_of_trap(known, trap).value)
    assert np.all(np.abs(signal[0]) > 0.1)
    np.testing.assert_allclose(signal[-1], 0, atol=1e-9)
    assert judge_traps([known]).holds is True


def test_equal_traps_have_a_dipole():
    series = trap_series(2.0, 0.0)
    assert abs(series[1]) > 1e-3
    np.testing.assert_allclose(series[2::2], 0, atol=1e-12)  # odd about the middle, by symmetry
