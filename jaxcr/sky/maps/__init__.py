"""What is done to a map: fits of low multipoles, smoothing, rotation, files."""

from jaxcr.sky.maps.dipole import Dipole, fit_dipole
from jaxcr.sky.maps.files import SkyMapFile, read_map, write_map
from jaxcr.sky.maps.frames import EQUATORIAL_TO_GALACTIC, field_to_equatorial, rotation_from_axes
from jaxcr.sky.maps.quadrupole import Quadrupole, fit_quadrupole
from jaxcr.sky.maps.removal import remove_dipole, remove_multipoles
from jaxcr.sky.maps.rotation import rotate_map
from jaxcr.sky.maps.smoothing import degrade_map, smooth
from jaxcr.sky.maps.top_hat import top_hat_smooth

__all__ = [
    "EQUATORIAL_TO_GALACTIC",
    "Dipole",
    "Quadrupole",
    "SkyMapFile",
    "degrade_map",
    "field_to_equatorial",
    "fit_dipole",
    "fit_quadrupole",
    "read_map",
    "remove_dipole",
    "remove_multipoles",
    "rotate_map",
    "rotation_from_axes",
    "smooth",
    "top_hat_smooth",
    "write_map",
]
