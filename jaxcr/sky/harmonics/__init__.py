"""Between maps, harmonic coefficients and angular power spectra."""

from jaxcr.sky.harmonics.modes import check_lmax, harmonic_matrix, mode_degrees
from jaxcr.sky.harmonics.spectra import alm, cross_spectrum, power_spectrum, real_harmonics

__all__ = [
    "alm",
    "check_lmax",
    "cross_spectrum",
    "harmonic_matrix",
    "mode_degrees",
    "power_spectrum",
    "real_harmonics",
]
