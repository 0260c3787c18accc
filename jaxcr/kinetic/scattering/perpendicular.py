"""Transport across the mean field: random walk of field lines, and nonlinear guiding centres."""

import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Float

from jaxcr.annotations import broadcasting
from jaxcr.arrays import Scalar, ScalarLike
from jaxcr.checks import as_float, check_positive, check_range
from jaxcr.fields.spectra import Spectrum
from jaxcr.kinetic.scattering.model import as_particle, as_turbulence
from jaxcr.kinetic.scattering.quadrature import unit_gauss

_NODES = 192
_STEPS = 64


@broadcasting
def slab_field_line_diffusion(
    spectrum: Spectrum, *, rms: ScalarLike, mean_strength: ScalarLike
) -> Scalar:
    """Return kappa_FL = (rms²/2 B0²) l_c of field lines in slab turbulence, <dx²> = 2 kappa dz.

    Parameters
    ----------
    spectrum
        E over k along the field; l_c = (pi/2) E at its lowest k, the limit k -> 0.
    rms, mean_strength
        Of both components, and B0, in µG.

    Returns
    -------
    kappa_FL in pc.

    Raises
    ------
    ValueError
        If known: a negative rms, a mean field that is not positive.

    Notes
    -----
    Exact for any rms/B0, over distances beyond the bend-over and well within outer_scale/(2 pi),
    if E is flat between the two (``energy_index`` 0); lines of a spectrum that vanishes at k = 0
    do not diffuse. The correlation length of slab waves, not `Spectrum.correlation_length` of
    isotropic ones.
    Source: Jokipii & Parker, PRL 21 (1968) 44.
    """
    rms, mean_strength = as_turbulence("slab_field_line_diffusion", rms, mean_strength)
    lowest, _ = spectrum.edges(rms.dtype)
    return (rms / mean_strength.astype(rms.dtype)) ** 2 / 2 * jnp.pi / 2 * spectrum(lowest)


def ultrascale(spectrum: Spectrum) -> Scalar:
    """Return (int E/k² dk)^(1/2) in pc: the rms vector potential over the rms field.

    Parameters
    ----------
    spectrum
        E over k across the field.

    Notes
    -----
    Set by the outer scale for any spectrum that does not rise as steeply as k below it.
    """
    k, power = _nodes(spectrum)
    return jnp.sqrt(jnp.sum(power / k**2))


@broadcasting
def two_dimensional_field_line_diffusion(
    spectrum: Spectrum, *, rms: ScalarLike, mean_strength: ScalarLike
) -> Scalar:
    """Return kappa_FL = rms × ultrascale / (sqrt(2) B0) of lines in two-dimensional turbulence.

    Parameters
    ----------
    spectrum
        E over k across the field.
    rms, mean_strength
        Of both components, and B0, in µG.

    Returns
    -------
    kappa_FL in pc.

    Raises
    ------
    ValueError
        If known: a negative rms, a mean field that is not positive.

    Notes
    -----
    By Corrsin's hypothesis: kappa = (1/B0²) int S_xx/(k² kappa) d²k, with S_xx half the power.
    Field lines of purely two-dimensional turbulence are trapped in the end; waves along the
    field free them. Source: Matthaeus et al., PRL 75 (1995) 2136.
    """
    name = "two_dimensional_field_line_diffusion"
    rms, mean_strength = as_turbulence(name, rms, mean_strength)
    amplitude = rms / mean_strength.astype(rms.dtype)
    return amplitude * ultrascale(spectrum).astype(rms.dtype) / jnp.sqrt(2.0).astype(rms.dtype)


@broadcasting
def composite_field_line_diffusion(slab: ScalarLike, two_dimensional: ScalarLike) -> Scalar:
    """Return kappa_FL of both: the root of kappa = kappa_slab + kappa_2D²/kappa.

    Parameters
    ----------
    slab, two_dimensional
        kappa_FL of each part alone, in pc.

    Notes
    -----
    Source: Matthaeus et al., PRL 75 (1995) 2136.
    """
    slab = as_float(check_range("composite_field_line_diffusion: slab", slab, 0))
    plane = check_range("composite_field_line_diffusion: two_dimensional", two_dimensional, 0)
    plane = as_float(plane)
    return slab / 2 + jnp.hypot(slab / 2, plane.astype(slab.dtype))


@broadcasting
def field_line_perpendicular_diffusion(
    field_line_diffusion: ScalarLike, *, speed: ScalarLike = 1.0
) -> Scalar:
    """Return kappa_perp = (v/2) kappa_FL of particles that follow field lines unscattered.

    Parameters
    ----------
    field_line_diffusion, speed
        kappa_FL in pc, and v in c.

    Notes
    -----
    An upper estimate: the factor is the mean of abs(mu). Scattering turns particles back along
    their lines, in slab turbulence for good (<dx²> ~ t^1/2). Source: Jokipii, ApJ 146 (1966) 480.
    """
    kappa = as_float(field_line_diffusion)
    return as_float(speed).astype(kappa.dtype) / 2 * kappa


@broadcasting
def nonlinear_perpendicular_diffusion(
    spectrum: Spectrum,
    parallel_mean_free_path: ScalarLike,
    *,
    rms: ScalarLike,
    mean_strength: ScalarLike,
    slab_share: ScalarLike = 0.2,
    guiding_share: ScalarLike = 1 / 3,
    speed: ScalarLike = 1.0,
) -> Scalar:
    """Return kappa_perp of the nonlinear guiding centre theory for slab and 2D turbulence.

    kappa_perp = (a² v² rms²/6 B0²) int E dk [s/(v/lambda + k² kappa_par)
    + (1 - s)/(v/lambda + k² kappa_perp)], with kappa_par = v lambda/3.

    Parameters
    ----------
    spectrum
        E over k along the field for the slab part, and across it for the other.
    parallel_mean_free_path
        lambda in pc.
    rms, mean_strength
        Of all components, and B0, in µG.
    slab_share
        s, from 0 to 1; 0.2 in the solar wind.
    guiding_share
        a², how well guiding centres follow field lines.
    speed
        v in c.

    Returns
    -------
    kappa_perp in pc (times c).

    Raises
    ------
    ValueError
        If known: a negative rms, a mean field or mean free path that is not positive, a share
        outside [0, 1].

    Notes
    -----
    The 2D part of a flat spectrum grows with its outer scale, see ``ultrascale``. Gyroradii count
    as small: with r_L of the bend-over scale, orbits at rms = B0/10 gave half of this.
    Newton's method in ln kappa, to the last digits; the derivative is implicit. The slab part
    here diffuses, in simulations it does not: set s rms² aside where that matters (extended
    theory of Shalchi 2006). S_xx is half the power.
    Source: Matthaeus, Qin, Bieber & Zank, ApJ 590 (2003) L53.
    """
    name = "nonlinear_perpendicular_diffusion"
    rms, mean_strength = as_turbulence(name, rms, mean_strength)
    path, share = as_float(parallel_mean_free_path), as_float(slab_share)
    check_positive(f"{name}: parallel_mean_free_path", path, remedy="See there why it is infinite.")
    check_range(f"{name}: slab_share", share, 0, 1)
    check_range(f"{name}: guiding_share", guiding_share, 0)
    dtype = path.dtype
    _, speed = as_particle(name, jnp.ones((), dtype), speed)
    share = share.astype(dtype)
    k, power = _nodes(spectrum)
    k, power = k.astype(dtype), power.astype(dtype)
    strength = as_float(guiding_share).astype(dtype) * (speed * rms / mean_strength) ** 2 / 6
    calm = strength == 0
    strength = jnp.where(calm, 1, strength)
    loss = speed / path
    slab = strength * share * jnp.sum(power / (loss + k**2 * speed * path / 3))
    plane = strength * (1 - share) * power

    def mismatch(log_kappa, parts):
        slab, plane, loss = parts
        kappa = jnp.exp(log_kappa)
        return log_kappa - jnp.log(slab + jnp.sum(plane / (loss + k**2 * kappa)))

    start = jnp.log(slab + jnp.sum(plane) / loss)
    tolerance = 64 * jnp.finfo(dtype).eps
    solver = optx.Newton(rtol=tolerance, atol=tolerance)
    parts = slab, plane, loss
    root = optx.root_find(mismatch, solver, start, parts, max_steps=_STEPS, throw=False)
    found = jnp.where(root.result == optx.RESULTS.successful, jnp.exp(root.value), jnp.nan)
    return jnp.where(calm, 0, found)


def _nodes(spectrum: Spectrum) -> tuple[Float[Array, " node"], Float[Array, " node"]]:
    """Return wavenumbers over the whole range, and the power that each stands for."""
    low, high = spectrum.edges(spectrum.outer_scale.dtype)
    places, weights = unit_gauss(_NODES, low.dtype)
    span = jnp.log(high / low)
    k = low * jnp.exp(span * places)
    return k, span * weights * k * spectrum(k)
