"""The sky: maps, harmonic coefficients, angular power spectra and their noise."""

from jaxcr.sky.arrivals import Arrivals, backtrack, half_maps, intensity_map, pixel_samples
from jaxcr.sky.boundaries import (
    BoundaryDistribution,
    DipoleBoundary,
    FunctionBoundary,
    TrapBoundary,
)
from jaxcr.sky.cascade import cascade_spectrum
from jaxcr.sky.directions import check_per_pixel, refined_directions
from jaxcr.sky.harmonic_modes import check_lmax, harmonic_matrix, mode_degrees
from jaxcr.sky.harmonics import alm, cross_spectrum, power_spectrum, real_harmonics
from jaxcr.sky.healpix import check_nside, nside_of, pixel_centers
from jaxcr.sky.isotropic import IsotropicBands, isotropic_bands
from jaxcr.sky.maps import Dipole, fit_dipole, remove_dipole, smooth
from jaxcr.sky.noise import noise_power, poisson_noise
from jaxcr.sky.transfer import transfer_tensor

__all__ = [
    "Arrivals",
    "BoundaryDistribution",
    "Dipole",
    "DipoleBoundary",
    "FunctionBoundary",
    "IsotropicBands",
    "TrapBoundary",
    "alm",
    "backtrack",
    "cascade_spectrum",
    "check_lmax",
    "check_nside",
    "check_per_pixel",
    "cross_spectrum",
    "fit_dipole",
    "half_maps",
    "harmonic_matrix",
    "intensity_map",
    "isotropic_bands",
    "mode_degrees",
    "noise_power",
    "nside_of",
    "pixel_centers",
    "pixel_samples",
    "poisson_noise",
    "power_spectrum",
    "real_harmonics",
    "refined_directions",
    "remove_dipole",
    "smooth",
    "transfer_tensor",
]
