"""Skies at an energy: gyroradius, waves down to below it, paths by quasi-linear theory."""

import numpy as np
import pytest

from jaxcr import infer, kinetic


def test_waves_hold_what_scatters_protons_of_20_tev():
    skies = infer.skies_at_energy(0.02)
    # r_L = 1.0810076 pc × 0.02 PV / 3 µG
    np.testing.assert_allclose(skies.gyroradius, 0.00720671740947, rtol=1e-9)
    waves = skies.turbulence(0)
    lengths = 1 / np.linalg.norm(np.asarray(waves.frequencies), axis=1)
    assert 95 < lengths.max() < 100
    assert 0.3 < lengths.min() / skies.gyroradius < 0.32
    assert waves.frequencies.shape[0] / np.log10(lengths.max() / lengths.min()) > 50
    assert skies.step <= lengths.min() / 2


@pytest.mark.parametrize(("energy", "index"), [(0.02, 1.5), (0.02, 5 / 3), (0.75, 1.75)])
def test_paths_are_half_a_mean_free_path_of_equal_fluctuations(energy, index):
    skies = infer.skies_at_energy(energy)
    path = skies.convention.stop(skies.at(index=index, level=0.3)).length
    free = kinetic.bend_over_mean_free_path(
        energy, index=index, bend_over_scale=100 / (2 * np.pi), rms=3.0, mean_strength=3.0
    )
    np.testing.assert_allclose(path, free / 2, rtol=1e-9)


def test_energies_without_waves_are_refused():
    with pytest.raises(
        ValueError, match=r"skies_at_energy: gyroradius: expected a number in .* got 72[01]"
    ):
        infer.skies_at_energy(2000.0)
    with pytest.raises(ValueError, match="energy"):
        infer.skies_at_energy(-0.02)
