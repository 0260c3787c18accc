import healpy
import numpy as np
import pytest

from jaxcr.plots import plot_sky, sample_mollweide
from jaxcr.sky import pixel_centers

NSIDE = 8
CENTERS = pixel_centers(NSIDE)


def _spot(*direction):
    """Return a map that is 1 within 20 degrees of a direction and 0 elsewhere."""
    return (CENTERS @ np.array(direction, float) > np.cos(np.radians(20))).astype(float)


@pytest.mark.parametrize(
    ("direction", "row", "column"),
    [
        ((1, 0, 0), 90, 180),  # the centre
        ((0, 1, 0), 90, 90),  # longitude grows to the left
        ((0, -1, 0), 90, 270),
        ((0.6, 0, 0.8), 143, 180),  # north is up: latitude 53.1 degrees
        ((-1, 0, 0), 90, 0),  # and column 359: the edge
    ],
)
def test_spot_is_where_the_convention_says(direction, row, column):
    grid = sample_mollweide(_spot(*direction), num_columns=360)
    assert grid.shape == (180, 360)
    assert grid[row, column] == 1
    # The cap covers (1 - cos 20°)/2 = 3 % of the sphere; weighted by cos(latitude) the samples
    # see that to the resolution of 768 pixels (7 degrees), 15 %.
    weight = np.cos(np.radians(np.arange(-89.5, 90)))[:, None]
    share = np.sum(grid * weight) / (360 * np.sum(weight))
    assert share == pytest.approx(0.5 * (1 - np.cos(np.radians(20))), rel=0.15)


def test_samples_equal_healpy_interpolation_at_the_centres_of_cells():
    map = np.random.default_rng(3).normal(size=CENTERS.shape[0])
    grid = sample_mollweide(map, num_columns=36)
    pixel = healpy.ang2pix(NSIDE, np.radians(90 - 35), np.radians(155))
    assert grid[12, 2] == map[pixel]


def test_colours_are_symmetric_and_each_map_has_its_own():
    before, after = 2e-3 * CENTERS[:, 0], -3e-4 * _spot(0, 1, 0)
    figure = plot_sky(before, after, title="a sky")
    assert len(figure.axes) == 4  # two maps, two colour bars
    limits = [axes.collections[0].get_clim() for axes in _maps(figure)]
    largest = 2 * CENTERS[:, 0].max()
    assert limits[0] == pytest.approx((-largest, largest))
    assert limits[1] == pytest.approx((-0.3, 0.3))
    # The convention is written on the figure.
    assert "centre is +x; north is +z" in figure.get_supxlabel()
    labels = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert labels == ["120°", "60°", "0°", "−60°", "−120°"]


def test_picture_shows_the_hot_spot_in_its_centre():
    figure = plot_sky(_spot(1, 0, 0), _spot(0, 1, 0))
    image = _render(figure)
    for axes, shift in zip(_maps(figure), (0.0, np.pi / 2), strict=True):
        for longitude, hot in ((0.0, shift == 0), (np.pi / 2, shift > 0), (-np.pi / 2, False)):
            # Off the graticule by a few degrees; the picture's abscissa is minus the longitude.
            x, y = axes.transData.transform((-longitude + 0.08, -0.12))
            red, _, blue = image[image.shape[0] - int(y), int(x), :3].astype(int)
            assert (red - blue > 60) == hot


def _maps(figure):
    """Return the axes of the maps, without those of the colour bars."""
    return [axes for axes in figure.axes if axes.name == "mollweide"]


def _render(figure):
    figure.set_dpi(60)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


def test_unseen_pixels_and_an_empty_map_render(png):
    cut = np.where(CENTERS[:, 2] > 0.5, np.nan, CENTERS[:, 0])
    cut[-1] = healpy.UNSEEN
    grid = sample_mollweide(cut, num_columns=36)
    assert np.isnan(grid[-1]).all()
    assert np.isnan(grid[0]).any()
    assert np.nanmin(grid) >= -1
    figure = plot_sky(cut, np.zeros_like(cut))
    assert _maps(figure)[1].collections[0].get_clim() == (-1, 1)
    png(figure)


def test_wrong_number_of_pixels():
    with pytest.raises(ValueError, match="map: number of pixels: expected 12 nside"):
        plot_sky(np.zeros(100), np.zeros(100))
