"""The sky: maps, harmonic coefficients, angular power spectra and their noise."""

from jaxcr.sky.arrivals import (
    Arrivals,
    BoundaryDistribution,
    DipoleBoundary,
    FunctionBoundary,
    TrapBoundary,
    backtrack,
    check_per_pixel,
    half_maps,
    intensity_map,
    pixel_samples,
    refined_directions,
    transfer_tensor,
)
from jaxcr.sky.harmonics import (
    alm,
    check_lmax,
    cross_spectrum,
    harmonic_matrix,
    mode_degrees,
    power_spectrum,
    real_harmonics,
)
from jaxcr.sky.healpix import check_nside, nside_of, pixel_centers
from jaxcr.sky.maps import Dipole, fit_dipole, remove_dipole, smooth
from jaxcr.sky.noise import IsotropicBands, isotropic_bands, noise_power, poisson_noise
from jaxcr.sky.theory import cascade_spectrum

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
