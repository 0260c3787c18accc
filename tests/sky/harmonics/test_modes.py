import healpy
import numpy as np
import pytest

from jaxcr.sky import harmonic_matrix, mode_degrees
from jaxcr.sky.harmonics.modes import (
    alm_layout,
    degree_average,
    mode_source,
    mode_table,
    synthesis_matrix,
)


def test_first_modes_are_monopole_and_dipole():
    x, y, z = np.stack(healpy.pix2vec(2, np.arange(48)))
    # Y_00 = 1/sqrt(4 pi); the l = 1 modes multiply sqrt(3/4 pi) times z, -x (Condon-Shortley), y.
    expected = np.sqrt(3 / (4 * np.pi)) * np.stack([np.full(48, 1 / np.sqrt(3)), z, -x, y])
    # 1e-14: round-off of the Legendre recursion at l = 1.
    assert np.allclose(synthesis_matrix(2, 1), expected, atol=1e-14)


def test_tables_agree_with_each_other():
    table, layout = mode_table(5), alm_layout(5)
    ell, m = healpy.Alm.getlm(5)
    assert np.array_equal(table.degree, np.floor(np.sqrt(np.arange(36))))
    assert np.array_equal(mode_degrees(5), table.degree)
    for place in (layout.real, layout.imag):
        assert np.array_equal(table.degree[place], ell)
        assert np.array_equal(table.order[place], m)
        assert np.array_equal(mode_source(5)[place], np.arange(21))
    assert np.array_equal(table.sine[layout.imag], m > 0)
    assert not np.any(table.sine[layout.real])


def test_average_of_ones_is_one():
    # Each column holds 2l+1 values 1/(2l+1): round-off of up to 13 additions.
    assert np.allclose(np.ones(49) @ degree_average(6), 1, rtol=1e-15 * 13)


def test_symmetry_classes_lose_no_coupling():
    # The product over classes against the series written out over all modes at once. 1e-13:
    # round-off of four products of 144 x 192 matrices with entries of order 0.1.
    synthesis = synthesis_matrix(4, 11)
    quadrature = synthesis * (4 * np.pi / 192)
    expected = quadrature
    for _ in range(3):
        expected = expected + quadrature - (quadrature @ synthesis.T) @ expected
    assert np.allclose(harmonic_matrix(4, 11), expected, atol=1e-13)


@pytest.mark.parametrize(("nside", "lmax"), [(1, 2), (2, 0), (4, 11), (8, 16), (16, 32)])
def test_matrix_equals_healpy(nside, lmax, rng):
    sky = rng.standard_normal(12 * nside**2)
    modes, layout = harmonic_matrix(nside, lmax) @ sky, alm_layout(lmax)
    imag = np.where(layout.zonal, 0, modes[layout.imag] / np.sqrt(2))
    real = modes[layout.real] / np.where(layout.zonal, 1, np.sqrt(2))
    # 1e-12: round-off of sums over 3072 pixels, four refinements, both codes.
    assert np.allclose(real + 1j * imag, healpy.map2alm(sky, lmax=lmax, iter=3), atol=1e-12)


def test_cached_matrices_cannot_be_overwritten():
    for matrix in (harmonic_matrix(2, 3), synthesis_matrix(2, 3), degree_average(3)):
        with pytest.raises(ValueError, match="read-only"):
            matrix[0, 0] = 1.0


def test_errors():
    with pytest.raises(ValueError, match=r"lmax: expected 0 .* = 11, got 12"):
        harmonic_matrix(4, 12)
    with pytest.raises(ValueError, match=r"lmax: expected 0 .* got -1"):
        harmonic_matrix(4, -1)
    with pytest.raises(ValueError, match="nside: expected a power of two"):
        harmonic_matrix(6, 4)
