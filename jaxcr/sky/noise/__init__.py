"""Noise of spectra: its level, spectra without it, what isotropy gives by chance."""

from jaxcr.sky.noise.debiased import debiased_direction_spectrum, debiased_spectrum
from jaxcr.sky.noise.folds import fold_spectrum
from jaxcr.sky.noise.gyrotropic import GyrotropicSplit, gyrotropic_split
from jaxcr.sky.noise.isotropic import IsotropicBands, isotropic_bands
from jaxcr.sky.noise.levels import noise_power, poisson_noise

__all__ = [
    "GyrotropicSplit",
    "IsotropicBands",
    "debiased_direction_spectrum",
    "debiased_spectrum",
    "fold_spectrum",
    "gyrotropic_split",
    "isotropic_bands",
    "noise_power",
    "poisson_noise",
]
