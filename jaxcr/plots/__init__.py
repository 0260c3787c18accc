"""Pictures: functions from numbers to a matplotlib ``Figure``; they neither show nor save it."""

from jaxcr.annotations import checked_folder
from jaxcr.plots.chain import plot_chain
from jaxcr.plots.field import plot_field
from jaxcr.plots.fit import fisher_ellipse, plot_fit
from jaxcr.plots.gradient import plot_gradient
from jaxcr.plots.orbits import plot_orbits, plot_transport
from jaxcr.plots.posterior import plot_corner, plot_profiles
from jaxcr.plots.sky import plot_sky, sample_mollweide
from jaxcr.plots.sky_page import plot_sky_page
from jaxcr.plots.spectrum import plot_spectrum
from jaxcr.plots.style import new_figure
from jaxcr.plots.traps import plot_density_fit, plot_traps

__all__ = [
    "fisher_ellipse",
    "new_figure",
    "plot_chain",
    "plot_corner",
    "plot_density_fit",
    "plot_field",
    "plot_fit",
    "plot_gradient",
    "plot_orbits",
    "plot_profiles",
    "plot_sky",
    "plot_sky_page",
    "plot_spectrum",
    "plot_transport",
    "plot_traps",
    "sample_mollweide",
]

checked_folder(globals())
