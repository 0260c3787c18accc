"""The angular power spectrum beyond the papers: its scatter, its derivatives, what it measures."""

from jaxcr.experiments.angular_spectrum.cosmic_variance import COSMIC_VARIANCE
from jaxcr.experiments.angular_spectrum.forecast import FORECAST
from jaxcr.experiments.angular_spectrum.spectrum_by_energy import SPECTRUM_BY_ENERGY
from jaxcr.experiments.angular_spectrum.spectrum_derivatives import SPECTRUM_DERIVATIVES

ANGULAR_SPECTRUM = (
    COSMIC_VARIANCE,
    SPECTRUM_DERIVATIVES,
    SPECTRUM_BY_ENERGY,
    FORECAST,
)

__all__ = ["ANGULAR_SPECTRUM"]
