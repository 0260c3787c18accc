import numpy as np
import pytest

from jaxcr.plots import plot_sky_page
from jaxcr.sky import (
    cascade_spectrum,
    icecube_window,
    isotropic_bands,
    observe,
    pixel_centers,
    pseudo_coupling,
    uniform_bins,
)

NSIDE, LMAX, STOPS = 4, 8, 6


@pytest.fixture(scope="module")
def page():
    """Six stops, of which four are drawn, with bands, isotropic skies and a window."""
    scale = 10.0 ** -np.arange(STOPS)[:, None]
    maps = 1e-3 * scale * pixel_centers(NSIDE)[None, :, 2]
    c_ell = 1e-6 * scale**2 * np.asarray(cascade_spectrum(LMAX))
    window = icecube_window(NSIDE)
    observed = observe(maps[0], window, num_events=1e8)
    bins = uniform_bins(1, LMAX, 4)
    ground = observed.spectrum(pseudo_coupling(window, lmax=LMAX), bins, model=c_ell[0])
    significance = np.asarray(observed.relative_intensity / observed.error)
    return plot_sky_page(
        maps=maps, rest=0 * maps, labels=[f"{n} pc" for n in range(STOPS)], c_ell=c_ell,
        noise=1e-12 * scale[:, 0], band=(0.5 * c_ell, 2 * c_ell),
        isotropic=isotropic_bands(nside=NSIDE, lmax=LMAX, num_events=1e9, num_skies=50),
        ground=(significance, ground, bins), title="title", notes="notes",
    )  # fmt: skip


def test_four_stops_are_drawn_from_first_to_last(page):
    titles = [axes.get_title() for axes in page.axes]
    for label in ("0 pc", "2 pc", "3 pc", "5 pc"):
        assert label in titles
        assert f"{label}, dipole removed" in titles
    assert "1 pc" not in titles
    assert page.get_suptitle() == "title"
    assert page.get_supxlabel().endswith("notes")


def test_units_follow_the_size_of_the_map(page):
    labels = [axes.get_xlabel() for axes in page.axes if "delta I" in axes.get_xlabel()]
    assert r"$\delta I/I$ $[10^{-3}]$" in labels  # 1e-3 at the first stop
    assert r"$\delta I/I$ $[10^{-9}]$" in labels  # 1e-8 at the last


def test_every_spectrum_has_its_line_band_and_noise(page):
    spectra = next(axes for axes in page.axes if "half-cross" in axes.get_title("left"))
    named = {line.get_label(): line for line in spectra.get_lines()}
    for n in range(STOPS):
        value = 1e-6 * 10.0 ** (-2 * n) * np.asarray(cascade_spectrum(LMAX))[1:]
        np.testing.assert_allclose(named[f"{n} pc"].get_ydata(), value)
    assert "cascade of the last dipole" in named
    assert len(spectra.collections) == STOPS + 1  # bands, and that of isotropic skies


def test_the_page_is_written(page, tmp_path):
    page.savefig(tmp_path / "page.png", dpi=50)
    assert (tmp_path / "page.png").stat().st_size > 30_000


def test_a_label_for_each_stop():
    maps = np.zeros((2, 48))
    with pytest.raises(ValueError, match=r"number of labels: expected one of 2, got 1"):
        plot_sky_page(
            maps=maps, rest=maps, labels=["1 pc"], c_ell=np.ones((2, 5)), noise=np.ones(2)
        )
