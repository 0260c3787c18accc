import healpy
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcr.sky.harmonics import direction_spectrum, pixel_window


def test_starts_at_one_and_falls():
    window = np.asarray(pixel_window(8, 23))
    # The weights of a Gauss rule add up to 1: round-off.
    assert np.isclose(window[0], 1, rtol=1e-13)
    assert np.all(np.diff(window) < 0)


@pytest.mark.parametrize(
    ("nside", "lmax", "expected"),
    [
        (4, 4, 0.9435346402),
        (4, 8, 0.8085554582),
        (4, 11, 0.6722005066),
        (8, 1, 0.9985491372),
        (8, 8, 0.9488449449),
        (8, 16, 0.8178055018),
        (8, 23, 0.6590814490),
    ],
)
def test_equals_the_tables_of_healpix(nside, lmax, expected):
    # Read from pixel_window_n*.fits of healpy-data, which healpy downloads. 1e-5: the corners of
    # pixels on the ring between cap and belt; 7e-6 is reached at the highest l.
    assert np.isclose(pixel_window(nside, lmax)[-1], expected, rtol=0, atol=1e-5)


def test_damps_counts(rng):
    # 40000 directions in a cap of 23 degrees, put at the centres of their pixels. The window is
    # an average over the sky, so that it holds for one cap to 3 % only; without it C_8 is off
    # by 10 %.
    vectors = np.array([1.0, 0.4, 0.3]) + 0.2 * rng.standard_normal((40_000, 3))
    centers = np.stack(healpy.pix2vec(8, healpy.vec2pix(8, *vectors.T)), axis=-1)
    ones = np.ones(len(vectors))
    exact = direction_spectrum(vectors, ones, lmax=8)
    ratio = np.asarray(direction_spectrum(centers, ones, lmax=8)[1:] / exact[1:])
    assert np.allclose(ratio, pixel_window(8, 8)[1:] ** 2, rtol=0.03)
    assert ratio[-1] < 0.93


def test_errors():
    with pytest.raises(ValueError, match=r"pixel_window: nside: expected a power of two"):
        pixel_window(6, 2)
    with pytest.raises(ValueError, match=r"pixel_window: lmax: expected 0 .* got 24"):
        pixel_window(8, 24)


def test_takes_the_default_precision():
    assert pixel_window(4, 4).dtype == jnp.float64
