import healpy
import numpy as np
import pytest
from astropy.io import fits

from jaxcr.sky.maps import read_map, write_map


@pytest.fixture
def path(tmp_path):
    return tmp_path / "map.fits"


def skies(rng, dtype=np.float64, nside=4):
    """Draw a map and an error, a tenth of the pixels unseen."""
    maps = rng.standard_normal((2, 12 * nside**2)).astype(dtype)
    maps[:, rng.random(maps.shape[1]) < 0.1] = np.nan
    return maps


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("frame", ["equatorial", "galactic", "ecliptic", "field"])
def test_round_trip_is_exact(path, dtype, frame, rng):
    maps = skies(rng, dtype)
    write_map(path, maps, frame=frame, unit="1e-3", names=("contrast", "error"))
    file = read_map(path)
    assert file.maps.dtype == dtype
    assert np.array_equal(file.maps, maps, equal_nan=True)
    assert file[1:] == (("contrast", "error"), 4, frame, "1e-3")


@pytest.mark.parametrize("nside", [1, 16])
def test_healpy_reads_it(path, nside, rng):
    maps = skies(rng, nside=nside)
    write_map(path, maps, frame="equatorial", names=("contrast", "error"))
    back, header = healpy.read_map(path, field=(0, 1), h=True, dtype=None)
    assert np.array_equal(back, np.where(np.isnan(maps), healpy.UNSEEN, maps))
    assert {("ORDERING", "RING"), ("COORDSYS", "C"), ("NSIDE", nside)} <= set(header)


@pytest.mark.parametrize("nest", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_it_reads_what_healpy_wrote(path, nest, dtype, rng):
    maps = skies(rng, dtype, nside=16)
    filled = np.where(np.isnan(maps), dtype(healpy.UNSEEN), maps)
    stored = healpy.reorder(filled, r2n=True) if nest else filled
    healpy.write_map(path, stored, nest=nest, coord="G", dtype=dtype, column_units="sr")
    file = read_map(str(path))
    assert np.array_equal(file.maps, maps, equal_nan=True)
    assert (file.nside, file.frame, file.unit) == (16, "galactic", "sr")


def test_one_map_and_no_overwriting_by_accident(path, rng):
    write_map(path, np.ones(12), frame="field")
    with pytest.raises(ValueError, match=r"write_map: path: .*map\.fits, which does\. .*overwrite"):
        write_map(path, np.zeros(12), frame="field")
    assert np.all(read_map(path).maps == 1)
    write_map(path, np.zeros(12), frame="field", overwrite=True)
    assert np.all(read_map(path).maps == 0)
    assert fits.getheader(path, 1).comments["COORDSYS"].startswith("field frame")


@pytest.mark.parametrize(
    ("word", "frame"),
    [
        ("GALACTIC", "galactic"),
        ("CEL", "equatorial"),
        ("Equatorial", "equatorial"),
        ("odd", "odd"),
        ("", ""),
    ],
)
def test_frames_of_strangers(path, word, frame):
    write_map(path, np.ones(12), frame="field")
    fits.setval(path, "COORDSYS", value=word, ext=1)
    assert read_map(path).frame == frame


def test_a_stranger_file_is_named_with_its_fault(path, tmp_path):
    with pytest.raises(ValueError, match=r"read_map: .*none\.fits: expected a whole FITS.*Check"):
        read_map(tmp_path / "none.fits")
    path.write_text("no FITS file")
    with pytest.raises(ValueError, match=r"map\.fits: expected a whole FITS file, got OSError"):
        read_map(path)
    fits.ImageHDU(np.ones((3, 3))).writeto(path, overwrite=True)
    with pytest.raises(ValueError, match=r"PIXTYPE = HEALPIX, got only PrimaryHDU, ImageHDU"):
        read_map(path)


def test_truncated(path, rng):
    write_map(path, skies(rng, nside=16), frame="field", names=("contrast", "error"))
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(ValueError, match=r"map\.fits: expected a whole FITS file.*write the map"):
        read_map(path)


def test_a_part_of_the_sky(path, rng):
    sky = np.where(np.arange(768) > 500, rng.standard_normal(768), healpy.UNSEEN)
    healpy.write_map(path, sky, partial=True, dtype=float)
    with pytest.raises(
        ValueError, match=r"map of the whole sky.*INDXSCHM = EXPLICIT.*partial=True"
    ):
        read_map(path)


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [
        ("NSIDE", 8, r"12 nside² = 768 pixels as its NSIDE says, got 12"),
        ("NSIDE", 3, r"NSIDE, a power of two, got 3"),
        ("NSIDE", "one", r"NSIDE, a power of two, got 'one'"),
        ("ORDERING", "RANDOM", r"ORDERING = RING or NESTED, got 'RANDOM'"),
    ],
)
def test_wrong_headers(path, word, value, message):
    write_map(path, np.ones(12), frame="field")
    fits.setval(path, word, value=value, ext=1)
    with pytest.raises(ValueError, match=message):
        read_map(path)


def test_errors_of_writing(path, tmp_path):
    with pytest.raises(ValueError, match=r"frame: expected \"equatorial\" or .*got 'C'"):
        write_map(path, np.ones(12), frame="C")
    with pytest.raises(ValueError, match=r"names: expected 2 different names"):
        write_map(path, np.ones((2, 12)), frame="field")
    with pytest.raises(ValueError, match=r"maps: expected \(pixel,\) or \(column, pixel\)"):
        write_map(path, np.ones((2, 2, 12)), frame="field")
    with pytest.raises(ValueError, match=r"number of pixels.*got 50"):
        write_map(path, np.ones(50), frame="field")
    with pytest.raises(ValueError, match=r"write_map: path: .*can be written.*Create the folder"):
        write_map(tmp_path / "none" / "map.fits", np.ones(12), frame="field")
    assert not path.exists()
