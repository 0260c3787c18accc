import numpy as np
import pytest

from jaxcr.plots import plot_chain

SITE = np.arange(1, 31)
DENSITY = 1 - 1.1**-SITE
OCCUPATION = 1.1**SITE - 1


def _texts(figure):
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_curves_are_drawn_over_the_site_number():
    upper, lower = plot_chain(density=DENSITY, occupation=OCCUPATION, place=None).axes
    assert np.array_equal(upper.lines[0].get_xydata(), np.stack([SITE, DENSITY], axis=1))
    assert np.array_equal(lower.lines[0].get_xydata(), np.stack([SITE, OCCUPATION], axis=1))


def test_place_is_marked_on_both_curves(png):
    figure = plot_chain(density=DENSITY, occupation=OCCUPATION, place=12.5, trap_text="R = 2")
    for axes, values in zip(figure.axes, (DENSITY, OCCUPATION), strict=True):
        line, dot = axes.lines[1:]
        assert np.array_equal(line.get_xdata(), [12.5, 12.5])
        # The mean of sites 12 and 13, to rounding.
        assert np.allclose(dot.get_xydata(), [[12.5, values[11:13].mean()]], rtol=1e-14)
    assert "site 12.5" in _texts(figure)
    assert "unreachable" not in _texts(figure)
    assert figure.get_suptitle() == "R = 2"
    png(figure)


def test_no_place_is_said_to_be_unreachable(png):
    figure = plot_chain(density=DENSITY, occupation=OCCUPATION, place=None)
    assert "unreachable" in _texts(figure)
    assert all(len(axes.lines) == 1 for axes in figure.axes)
    png(figure)


def test_place_beyond_the_sites_drawn_is_said_and_not_marked():
    figure = plot_chain(density=DENSITY, occupation=OCCUPATION, place=7000.0)
    assert "site 7000, beyond the sites drawn" in _texts(figure)
    assert all(len(axes.lines) == 1 for axes in figure.axes)
    assert figure.axes[0].get_xlim()[1] < 40


def test_axes_are_logarithmic_where_the_range_asks_for_it(png):
    figure = plot_chain(density=DENSITY, occupation=OCCUPATION, place=3.0)
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "log"]
    assert figure.axes[0].get_xscale() == "linear"
    site = np.arange(1, 10_001)
    with np.errstate(over="ignore"):
        long = plot_chain(density=1 - 1.1**-site, occupation=1.1**site - 1.0, place=1.0)
    assert [axes.get_xscale() for axes in long.axes] == ["log", "log"]
    # The bottom is half the first, n_1 = 0.1.
    assert long.axes[1].get_ylim()[0] == pytest.approx(0.05)
    assert long.axes[1].get_ylim()[1] < 1e220
    png(long)


def test_zeros_and_negative_values_render(png):
    zero = np.zeros(30)
    png(plot_chain(density=zero, occupation=np.append(-1.0, 1e3 * SITE[1:]), place=2.0))
