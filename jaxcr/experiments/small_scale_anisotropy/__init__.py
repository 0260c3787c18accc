"""The results of López-Barquero et al., ApJ 830 (2016) 19, and statements of a later study."""

from jaxcr.experiments.small_scale_anisotropy.dipole_removal import DIPOLE_REMOVAL
from jaxcr.experiments.small_scale_anisotropy.energy_conservation import ENERGY_CONSERVATION
from jaxcr.experiments.small_scale_anisotropy.magnetic_moment import MAGNETIC_MOMENT
from jaxcr.experiments.small_scale_anisotropy.mixing_matrix import MIXING_MATRIX
from jaxcr.experiments.small_scale_anisotropy.quasi_steady_by_energy import (
    QUASI_STEADY_BY_ENERGY,
)
from jaxcr.experiments.small_scale_anisotropy.quasi_steady_path import QUASI_STEADY_PATH
from jaxcr.experiments.small_scale_anisotropy.skies_by_energy import SKIES_BY_ENERGY
from jaxcr.experiments.small_scale_anisotropy.skies_by_radius import SKIES_BY_RADIUS
from jaxcr.experiments.small_scale_anisotropy.spectra_at_mean_free_path import (
    SPECTRA_AT_MEAN_FREE_PATH,
)
from jaxcr.experiments.small_scale_anisotropy.spectra_by_radius import SPECTRA_BY_RADIUS
from jaxcr.experiments.small_scale_anisotropy.table_1 import TABLE_1

SMALL_SCALE_ANISOTROPY = (
    TABLE_1,
    MAGNETIC_MOMENT,
    DIPOLE_REMOVAL,
    SKIES_BY_RADIUS,
    SKIES_BY_ENERGY,
    SPECTRA_BY_RADIUS,
    SPECTRA_AT_MEAN_FREE_PATH,
    ENERGY_CONSERVATION,
    QUASI_STEADY_PATH,
    QUASI_STEADY_BY_ENERGY,
    MIXING_MATRIX,
)

__all__ = ["SMALL_SCALE_ANISOTROPY"]
