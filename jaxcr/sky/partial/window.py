"""What part of the sky an experiment sees, and how long: exposure maps of ground arrays."""

import math
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxcr.checks import argument_error, as_float, check_positive, check_range
from jaxcr.sky.healpix.grid import check_nside, nside_of
from jaxcr.sky.healpix.rings import on_host, ring_table

Exposure = Callable[[Float[np.ndarray, " ring"]], Float[np.ndarray, " ring"]]

ICECUBE_HIGHEST = -25.0  # degrees of declination: zenith angles up to 65 degrees at the pole
HAWC_LATITUDE, HAWC_ZENITH = 19.0, 57.0  # degrees


class SkyWindow(eqx.Module):
    """The relative exposure of each pixel of the equatorial sky.

    Attributes
    ----------
    exposure
        (pixel,), RING order, any unit, >= 0; 0 where the sky is not seen.
    m0_blind
        Whether each declination is normalised to its own mean, as for arrays on the ground,
        which then see no structure with m = 0.
    """

    exposure: Float[Array, " pixel"] = eqx.field(converter=as_float)
    m0_blind: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        nside_of(self.exposure.shape[-1])
        check_range("SkyWindow: exposure", self.exposure, 0, remedy="0 where nothing is seen.")
        check_positive("SkyWindow: sum of the exposure", jnp.sum(self.exposure))

    @property
    def nside(self) -> int:
        """Resolution of the exposure map."""
        return nside_of(self.exposure.shape[-1])

    @property
    def seen(self) -> Bool[Array, " pixel"]:
        """Where the exposure is not zero."""
        return self.exposure > 0

    @property
    def sky_fraction(self) -> Float[Array, ""]:
        """Share of the sky that is seen."""
        return jnp.mean(self.seen.astype(self.exposure.dtype))

    @property
    def zonal(self) -> bool:
        """Whether the exposure depends on declination only, to 1e-5; its values must be known."""
        share, table = on_host("SkyWindow: exposure", self.exposure), ring_table(self.nside)
        return bool(np.allclose(share, share[table.start][table.of_pixel], rtol=1e-5, atol=0))


def declination_window(
    nside: int,
    *,
    lowest: float | int = -90.0,
    highest: float | int = 90.0,
    exposure: Exposure | None = None,
    m0_blind: bool = True,
) -> SkyWindow:
    """Return a window between two declinations.

    Parameters
    ----------
    nside
        Resolution.
    lowest, highest
        Declinations in degrees; a pixel is seen when its centre lies between, bounds included.
    exposure
        Relative exposure as a function of declination in rad, >= 0; uniform if not given.
    m0_blind
        As in `SkyWindow`.

    Raises
    ------
    ValueError
        If the declinations are not in order within -90 ... 90 or no pixel is seen.
    """
    check_nside(nside, "declination_window: nside")
    check_range("declination_window: lowest", lowest, -90, 90, remedy="In degrees.")
    remedy = "In degrees, above lowest."
    check_range("declination_window: highest", highest, lowest, 90, ends="(]", remedy=remedy)
    table = ring_table(nside)
    declination = np.pi / 2 - table.colatitude
    tolerance = 1e-9  # degrees: a ring on the bound is seen whatever its round-off
    degrees = np.degrees(declination)
    inside = (degrees >= lowest - tolerance) & (degrees <= highest + tolerance)
    share = np.ones(declination.size) if exposure is None else np.asarray(exposure(declination))
    return SkyWindow(np.where(inside, share, 0.0)[table.of_pixel], m0_blind)


def icecube_window(nside: int, *, exposure: Exposure | None = None) -> SkyWindow:
    """Return the window of IceCube: declinations -90 to -25 degrees, zenith up to 65 degrees.

    Parameters
    ----------
    nside
        Resolution.
    exposure
        Relative exposure as a function of declination in rad; uniform if not given. At the pole
        a declination is one zenith angle, so that this is the acceptance of the detector.
    """
    return declination_window(nside, lowest=-90.0, highest=ICECUBE_HIGHEST, exposure=exposure)


def hawc_window(nside: int) -> SkyWindow:
    """Return the window of HAWC: latitude 19 degrees, zenith up to 57 degrees.

    Parameters
    ----------
    nside
        Resolution.

    Notes
    -----
    Seen are declinations -38 to 76 degrees. The exposure is `transit_exposure`, from geometry
    alone: no absorption in the atmosphere and no threshold, which favour small zenith angles.
    """
    latitude, zenith = math.radians(HAWC_LATITUDE), math.radians(HAWC_ZENITH)
    return declination_window(
        nside, exposure=lambda declination: transit_exposure(declination, latitude, zenith)
    )


def combined_window(*windows: SkyWindow) -> SkyWindow:
    """Return the window of several experiments together: the sum of their exposures.

    Parameters
    ----------
    windows
        Of one nside, exposures in one unit. The sum is blind to m = 0 if any of them is.

    Raises
    ------
    ValueError
        If there is none or they differ in nside.
    """
    sizes = {window.nside for window in windows}
    if len(sizes) != 1:
        raise argument_error(
            "combined_window: windows",
            expected="one or more windows of one nside",
            got=f"nside {sorted(sizes)}",
            remedy="Make them at the same nside.",
        )
    total = sum(window.exposure for window in windows)
    return SkyWindow(total, any(window.m0_blind for window in windows))


def transit_exposure(
    declination: Float[np.ndarray, "*batch"], latitude: float, largest_zenith: float
) -> Float[np.ndarray, "*batch"]:
    """Return the mean over a sidereal day of cos(zenith), counted while the zenith angle is small.

    With cos(zenith) = sin(lat) sin(dec) + cos(lat) cos(dec) cos(h) and H the hour angle of the
    largest zenith angle, [H sin(lat) sin(dec) + cos(lat) cos(dec) sin(H)] / pi.

    Parameters
    ----------
    declination, latitude, largest_zenith
        rad; the zenith angle at most pi / 2.

    Returns
    -------
    The exposure of a flat detector, of the shape of ``declination``, at most 1.

    Raises
    ------
    ValueError
        If an angle is out of range, as in degrees it would be.

    Notes
    -----
    Source: Sommers 2001, Astropart. Phys. 14, 271; the integral over |h| < H.
    """
    quarter_turn, remedy = math.pi / 2, "Convert from degrees with math.radians."
    check_range("transit_exposure: latitude", latitude, -quarter_turn, quarter_turn, remedy=remedy)
    check_range(
        "transit_exposure: declination", declination, -quarter_turn, quarter_turn, remedy=remedy
    )
    name = "transit_exposure: largest_zenith"
    check_range(name, largest_zenith, 0, quarter_turn, ends="(]", remedy=remedy)
    constant = math.sin(latitude) * np.sin(declination)
    varying = math.cos(latitude) * np.cos(declination)
    bound = (math.cos(largest_zenith) - constant) / np.where(varying > 0, varying, 1e-300)
    hour = np.arccos(np.clip(bound, -1.0, 1.0))
    return np.asarray(np.maximum(hour * constant + varying * np.sin(hour), 0.0) / math.pi)
