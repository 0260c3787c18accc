"""What is done to a map: fits of low multipoles, smoothing, rotation, files."""

from jaxcr.sky.maps.multipoles import Dipole, fit_dipole, remove_dipole, smooth

__all__ = [
    "Dipole",
    "fit_dipole",
    "remove_dipole",
    "smooth",
]
