"""Between maps, directions, harmonic coefficients and angular power spectra."""

from jaxcr.sky.harmonics.backends import (
    DenseTransform,
    HarmonicTransform,
    JaxhtTransform,
    LegendreTransform,
)
from jaxcr.sky.harmonics.beams import gaussian_beam
from jaxcr.sky.harmonics.directions import (
    direction_harmonics,
    direction_spectrum,
    evaluate_harmonics,
)
from jaxcr.sky.harmonics.modes import check_lmax, harmonic_matrix, mode_degrees
from jaxcr.sky.harmonics.pixel_windows import pixel_window
from jaxcr.sky.harmonics.realisations import (
    SpectrumStatistics,
    SpectrumSums,
    spectrum_statistics,
    spectrum_sums,
)
from jaxcr.sky.harmonics.spectra import alm, cross_spectrum, power_spectrum, real_harmonics

__all__ = [
    "DenseTransform",
    "HarmonicTransform",
    "JaxhtTransform",
    "LegendreTransform",
    "SpectrumStatistics",
    "SpectrumSums",
    "alm",
    "check_lmax",
    "cross_spectrum",
    "direction_harmonics",
    "direction_spectrum",
    "evaluate_harmonics",
    "gaussian_beam",
    "harmonic_matrix",
    "mode_degrees",
    "pixel_window",
    "power_spectrum",
    "real_harmonics",
    "spectrum_statistics",
    "spectrum_sums",
]
