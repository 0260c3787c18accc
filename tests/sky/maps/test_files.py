import bz2
import gzip

import healpy
import numpy as np
import pytest
from astropy.io import fits

from jaxcr.sky import read_map, write_map


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
    sky = np.where(rng.random((2, 768)) > 0.7, np.nan, rng.standard_normal((2, 768)))
    sky[1] = np.where(np.isnan(sky[0]), np.nan, sky[1])
    for nest in (False, True):
        stored = np.where(np.isnan(sky), healpy.UNSEEN, sky)
        stored = healpy.reorder(stored, r2n=True) if nest else stored
        healpy.write_map(path, stored, partial=True, nest=nest, dtype=np.float32, overwrite=True)
        file = read_map(path)
        assert file.maps.dtype == np.float32
        assert np.array_equal(file.maps, sky.astype(np.float32), equal_nan=True)
        assert len(file.names) == 2
    with fits.open(path, mode="update") as units:
        units[1].data["PIXEL"][1] = units[1].data["PIXEL"][0]
    with pytest.raises(ValueError, match=r"first column PIXEL of different numbers below 768"):
        read_map(path)


def test_a_small_file_of_a_huge_sky(path):
    sky = np.where(np.arange(768) % 100 == 5, 1.0, healpy.UNSEEN)
    healpy.write_map(path, sky, partial=True, dtype=float)
    fits.setval(path, "NSIDE", value=8192, ext=1)
    with pytest.raises(ValueError, match=r"a sky that fits into memory.*at most"):
        read_map(path)


@pytest.mark.parametrize("pack", ["bz2", "gz"])
def test_packed_files(path, tmp_path, pack, rng):
    sky = rng.standard_normal(192)
    write_map(path, sky, frame="field")
    packed = tmp_path / f"map.fits.{pack}"
    packed.write_bytes({"bz2": bz2, "gz": gzip}[pack].compress(path.read_bytes()))
    assert np.array_equal(read_map(packed).maps[0], sky)
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"expected a whole FITS file, got EOFError"):
        read_map(packed)


def test_a_mask_of_bools(path, rng):
    mask = rng.random(192) > 0.5
    healpy.write_map(path, mask, dtype=bool)
    assert np.array_equal(read_map(path).maps[0], mask)
    write_map(path, mask, frame="field", overwrite=True)
    assert np.array_equal(read_map(path).maps[0], mask)


def test_what_is_written_of_integers_and_masked_pixels(path, rng):
    """99 masked pixels came back as numbers."""
    numbers = rng.integers(-5, 5, 192)
    masked = np.ma.masked_array(numbers, np.arange(192) < 99)
    write_map(path, np.ma.stack([masked, masked]), frame="field", names=("a", "b"))
    assert np.array_equal(read_map(path).maps, np.where(np.arange(192) < 99, np.nan, [numbers] * 2),
                          equal_nan=True)  # fmt: skip
    assert np.sum(fits.getdata(path, 1)["a"] == healpy.UNSEEN) == 99
    unseen = np.where(np.arange(192) < 99, np.nan, numbers).astype(np.float16)
    write_map(path, unseen, frame="field", overwrite=True)  # float16 has no UNSEEN itself
    assert np.sum(np.isnan(read_map(path).maps)) == 99
    with pytest.raises(ValueError, match=r"maps: expected finite numbers, got inf at index 0, 3"):
        write_map(path, np.where(np.arange(192) == 3, np.inf, 1.0), frame="field", overwrite=True)


def test_what_headers_say_was_not_observed(path):
    counts = np.arange(12, dtype=np.int16)
    for column, words in (
        (fits.Column("n", "I", array=counts, null=7), {}),
        (fits.Column("n", "I", array=counts), {"BAD_DATA": 7}),
        (fits.Column("n", "E", array=counts.astype(np.float32)), {"BAD_DATA": 7.0}),
        (fits.Column("n", "I", array=counts, null=-32761, bzero=32768), {}),
    ):
        table = fits.BinTableHDU.from_columns([column])
        table.header.update(
            {"PIXTYPE": "HEALPIX", "ORDERING": "RING", "NSIDE": 1, "COORDSYS": "ICRS"} | words
        )
        table.writeto(path, overwrite=True)
        file = read_map(path)
        assert np.array_equal(file.maps[0], np.where(counts == 7, np.nan, counts), equal_nan=True)
        assert file.frame == "equatorial"


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
    with pytest.raises(ValueError, match=r"frame: expected one of equatorial, .*got 'C'"):
        write_map(path, np.ones(12), frame="C")
    with pytest.raises(ValueError, match=r"names: expected 2 different names"):
        write_map(path, np.ones((2, 12)), frame="field")
    with pytest.raises(ValueError, match=r"axes of maps: expected one of 1, 2, got 3. \(pixel,\)"):
        write_map(path, np.ones((2, 2, 12)), frame="field")
    with pytest.raises(ValueError, match=r"number of pixels.*got 50\. "):
        write_map(path, np.ones(50), frame="field")
    with pytest.raises(ValueError, match=r"a power of two, got 108, of nside 3\. The nearest"):
        write_map(path, np.ones(108), frame="field")
    with pytest.raises(ValueError, match=r"write_map: path: .*can be written.*Create the folder"):
        write_map(tmp_path / "none" / "map.fits", np.ones(12), frame="field")
    assert not path.exists()
