"""What the sums of a run say: map, spectrum, transport, with errors."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.checks import argument_error
from jaxcr.orbits import STATUS_TEXT
from jaxcr.orbits.exits import LEFT_BOX, check_left_box
from jaxcr.sky.harmonics.transforms import mean_product
from jaxcr.statistics import Estimate, jackknife_sums

_SUMS = (
    "orbits", "used", "status", "steps", "half_used", "half_power", "harmonics", "path",
    "displacement", "displacement_square", "turning", "pixel_used", "pixel_sum", "pixel_square",
)  # fmt: skip


class RunTotals(eqx.Module):
    """Results of a run; errors are jackknifed over 16 groups of orbits in the same field.

    Attributes
    ----------
    c_ell
        Half-cross spectrum at each stop, sr, ``(stop, ell)``; of a dipole of unit amplitude.
    noise
        Noise level of the whole map at each stop, 4 pi <d²>/N, sr, ``(stop,)``.
    sky, sky_error
        Mean excess of the orbits in each pixel and its standard error, ``(stop, pixel)``, RING
        order; nan in a pixel with fewer than two orbits.
    path
        Mean path to each stop, pc, ``(stop,)``.
    drift
        Mean displacement, pc, ``(stop, 3)``.
    diffusion
        kappa/v = d<dx_i dx_j>/2d<path> between the stop before, or the start, and this, pc,
        ``(stop, 3, 3)``.
    change
        Of the diffusion from the stop before, which is 0 on a plateau, ``(stop, 3, 3)``; not a
        number at the first.
    turning
        Mean cosine between the directions at start and stop, ``(stop,)``.
    num_orbits, num_used
        Orbits traced, and those that met every stop, which are in the means.
    num_by_status
        Orbits for each key of ``orbits.STATUS_TEXT``.
    num_steps
        Of all orbits.
    """

    c_ell: Estimate
    noise: Estimate
    sky: Float[Array | np.ndarray, "stop pixel"]
    sky_error: Float[Array | np.ndarray, "stop pixel"]
    path: Estimate
    drift: Estimate
    diffusion: Estimate
    change: Estimate
    turning: Estimate
    num_orbits: int
    num_used: int
    num_by_status: dict[int, int]
    num_steps: int


def totals(sums: dict[str, np.ndarray]) -> RunTotals:
    """Return the results of the sums of all chunks.

    Parameters
    ----------
    sums
        As ``merge_chunks`` returns them for the chunks of an `OrbitRun`, in any precision.

    Raises
    ------
    ValueError
        When a sum is missing, or a group has no orbits that met every stop.
    """
    missing = [name for name in _SUMS if name not in sums]
    if missing:
        raise argument_error(
            "totals: sums",
            expected=", ".join(_SUMS),
            got=f"none of {', '.join(missing)}",
            remedy="The chunks are of another program: repeat the run in a new folder.",
        )
    if not np.all(sums["half_used"] > 0):
        raise argument_error(
            "totals: sums",
            expected="orbits that met every stop, at least one in each half of each group",
            got=f"{int(sums['used'].sum())} of {int(sums['orbits'].sum())}",
            remedy="Trace more orbits, give them a longer path, or nearer stops.",
        )
    grouped = {
        name: jnp.asarray(x, jnp.result_type(float))
        for name, x in sums.items()
        if not name.startswith("pixel")
    }
    by_status = np.asarray(sums["status"]).sum(0)
    num_left = int(by_status[list(STATUS_TEXT).index(LEFT_BOX)])
    check_left_box("totals: sums", num_left, int(sums["orbits"].sum()))
    mean_sky, sky_error = _sky(*(sums[f"pixel_{name}"] for name in ("used", "sum", "square")))
    return RunTotals(
        c_ell=jackknife_sums(_spectrum, grouped),
        noise=jackknife_sums(_noise, grouped),
        sky=mean_sky,
        sky_error=sky_error,
        path=jackknife_sums(lambda s: s["path"] / s["used"], grouped),
        drift=jackknife_sums(lambda s: s["displacement"] / s["used"], grouped),
        diffusion=jackknife_sums(_diffusion, grouped),
        change=jackknife_sums(lambda s: jnp.diff(_diffusion(s), axis=0, prepend=jnp.nan), grouped),
        turning=jackknife_sums(lambda s: s["turning"] / s["used"], grouped),
        num_orbits=int(sums["orbits"].sum()),
        num_used=int(sums["used"].sum()),
        num_by_status={key: int(n) for key, n in zip(STATUS_TEXT, by_status, strict=True)},
        num_steps=int(sums["steps"].sum()),
    )


def _diffusion(sums: dict[str, Array]) -> Float[Array, "stop xyz=3 axis=3"]:
    """Return half the growth of mean squares over that of the mean path, from stop to stop."""
    squares = sums["displacement_square"] / sums["used"]
    paths = sums["path"] / sums["used"]
    return jnp.diff(squares, axis=0, prepend=0) / (2 * jnp.diff(paths, prepend=0))[:, None, None]


def _spectrum(sums: dict[str, Array]) -> Float[Array, "stop ell"]:
    """Return C_l of the cross product of both halves, whose noise is independent; C_0 = 0."""
    modes = 4 * math.pi * sums["harmonics"] / sums["half_used"][:, None, None]
    modes = modes.at[..., 0].set(0)
    lmax = math.isqrt(modes.shape[-1]) - 1
    return mean_product(modes[0], modes[1], lmax)


def _noise(sums: dict[str, Array]) -> Float[Array, " stop"]:
    return 4 * math.pi * jnp.sum(sums["half_power"], axis=0) / jnp.sum(sums["half_used"]) ** 2


def _sky(used: np.ndarray, total: np.ndarray, square: np.ndarray):
    """Return mean and standard error in every pixel."""
    num = np.where(used > 1, used, np.nan)[None]
    mean = total / num
    variance = np.maximum(square / num - mean**2, 0) * num / (num - 1)
    return mean, np.sqrt(variance / num)
