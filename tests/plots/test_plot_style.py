import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from jaxcr.plots import new_figure, plot_gradient
from jaxcr.plots.checks import as_arrays


def test_size_is_in_inches():
    assert tuple(new_figure(7, 4.5).get_size_inches()) == (7.0, 4.5)


def test_pyplot_and_its_settings_stay_untouched(png):
    settings, open_figures = dict(matplotlib.rcParams), pyplot.get_fignums()
    one = np.ones(3)
    png(
        plot_gradient(
            ell=np.arange(1, 4),
            pathwise=one,
            pathwise_error=one,
            difference=one,
            difference_error=one,
        )
    )
    assert dict(matplotlib.rcParams) == settings
    assert pyplot.get_fignums() == open_figures


def test_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"caller: low: expected shape \(3,\), got shape \(2,\)"):
        as_arrays("caller", (3,), high=None, low=np.ones(2))
