"""The sky: maps, harmonic coefficients, angular power spectra and their noise."""

from jaxcr.sky.cascade import cascade_spectrum
from jaxcr.sky.harmonic_modes import harmonic_matrix, mode_degrees
from jaxcr.sky.harmonics import alm, cross_spectrum, power_spectrum, real_harmonics
from jaxcr.sky.healpix import check_nside, nside_of, pixel_centers
from jaxcr.sky.isotropic import IsotropicBands, isotropic_bands
from jaxcr.sky.maps import Dipole, fit_dipole, remove_dipole, smooth
from jaxcr.sky.noise import noise_power, poisson_noise

__all__ = [
    "Dipole",
    "IsotropicBands",
    "alm",
    "cascade_spectrum",
    "check_nside",
    "cross_spectrum",
    "fit_dipole",
    "harmonic_matrix",
    "isotropic_bands",
    "mode_degrees",
    "noise_power",
    "nside_of",
    "pixel_centers",
    "poisson_noise",
    "power_spectrum",
    "real_harmonics",
    "remove_dipole",
    "smooth",
]
