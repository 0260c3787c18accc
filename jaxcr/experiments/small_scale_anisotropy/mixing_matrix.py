"""The ensemble mean of C_l by a mixing matrix beside test particles, in slab turbulence.

Over a time T the sky of one place becomes M C + S: M mixes the multipoles of what arrives from a
path T away, S is what gradient and flux add on the way. Applied for ever it gives the steady state,
if fields a path T apart are independent; orbits of eight mean free paths make it directly.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from jaxcr import fields, kinetic, orbits, sky
from jaxcr.arrays import ScalarLike
from jaxcr.experiments.experiment import Experiment, Outcome, Size, Verdict
from jaxcr.experiments.small_scale_anisotropy.setup import AXIS
from jaxcr.experiments.verdicts import all_of, as_numbers, entry, judge_sign, plus_minus
from jaxcr.legendre import legendre_polynomials
from jaxcr.plots.style import add_legend, new_figure, polish
from jaxcr.sky.harmonics.modes import degree_average, mode_degrees
from jaxcr.statistics import Estimate, jackknife
from jaxcr.units import GYRORADIUS

RADII = (0.3, 2.0, 10.0)
"""Gyroradii in the mean field, pc."""
PATHS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""In quasi-linear mean free paths."""
LMAX = 12
_ORDERS = 8
"""Of the mean distribution, and those that are judged."""
_JUDGED = 2
_MIXED = (_JUDGED - 1, _JUDGED)
"""Places of the paths over which one step of mixing is taken: .25 and .5 mean free paths."""
_OUTER = 100.0
_INDEX = 5 / 3
_NUM_WAVES = 160
_ALIKE = 0.2
"""In the mean of ln C_l: spectra that are this near count as one."""


class Skies(NamedTuple):
    """Of all fields at one gyroradius.

    The functions at the end of a path are the coordinate along the mean field, in mean free paths,
    and P_1 ... P_8 of the cosine of the momentum.

    Attributes
    ----------
    c_ell
        Half-cross C_l of all and between them, ``(field, path, function, function, l)``.
    response
        Legendre coefficients about the mean field of the map of each, momentum on momentum:
        ``(field, path, l, function)``.
    squares
        Products of two of these, ``(field, path, l, function, function)``.
    diffusion
        kappa_parallel / v from the arrivals at every path, in mean free paths, ``(field, path)``.
    mixing
        C_l of what a boundary of C_l = 1 at one degree alone becomes, ``(field, path, l, degree)``.
    """

    c_ell: Float[np.ndarray, "field path function function ell"]
    response: Float[np.ndarray, "field path ell function"]
    squares: Float[np.ndarray, "field path ell function function"]
    diffusion: Float[np.ndarray, "field path"]
    mixing: Float[np.ndarray, "field path ell degree"]


Mean = tuple[Array, Array, Array, Array, Array]
"""The means over fields of all that."""


def run(size: Size) -> Outcome:
    """Trace the skies, mix them, and hold both spectra against each other."""
    found = [trace(radius, size) for radius in RADII]
    numbers = {
        "gyroradii_pc": list(RADII), "outer_scale_pc": _OUTER, "fields": len(found[0].mixing),
        "paths_mean_free_paths": list(PATHS),
        "c_ell_particles": [as_numbers(estimate(particles, x)) for x in found],
        "c_ell_mixed": {
            str(PATHS[n]): [as_numbers(estimate(mixed(n, len(x.mixing)), x)) for x in found]
            for n in _MIXED
        },
    }  # fmt: skip
    return Outcome(numbers, (judge_spectra(found), judge_scales(found)), lambda: draw(found))


def trace(radius: float, size: Size) -> Skies:
    """Return the skies of all fields at one gyroradius."""
    free_path = float(mean_free_path(radius))
    rows = []
    for number in range(size.fields):
        law = fields.PowerLaw(_INDEX, outer_scale=_OUTER, inner_scale=0.3 * radius)
        waves = fields.realise_waves(
            law, key=jax.random.fold_in(jax.random.key(40), number), num_waves=_NUM_WAVES, rms=1.0,
            geometry=fields.Slab(jnp.asarray(AXIS)),
        )  # fmt: skip
        waves = jax.tree.map(lambda x: x.astype(jnp.float32), waves)
        arrivals = sky.backtrack(
            fields.UniformField(jnp.asarray(AXIS, jnp.float32)) + waves,
            rigidity=radius / GYRORADIUS, observer=jnp.zeros(3, jnp.float32),
            nside=size.nside // 2, per_pixel=size.per_pixel,
            stop=orbits.PathLength(free_path * jnp.array(PATHS)),
            pusher=orbits.Boris(step=0.15 * radius), dtype=jnp.float32,
        )  # fmt: skip
        rows.append([np.asarray(x, float) for x in _measure(arrivals, free_path)])
    return Skies(*(np.stack(x) for x in zip(*rows, strict=True)))


def mean_free_path(radius: float) -> Array:
    """Return that of quasi-linear theory for such turbulence, dB = B0, pc."""
    return kinetic.bend_over_mean_free_path(
        radius / GYRORADIUS, index=_INDEX, bend_over_scale=_OUTER / (2 * np.pi), rms=1.0,
        mean_strength=1.0,
    )  # fmt: skip


@jax.jit
def _measure(arrivals: sky.Arrivals, free_path: ScalarLike):
    """Return modes, diffusion and mixing of one field."""
    axis = jnp.asarray(AXIS, arrivals.direction.dtype)
    along = (arrivals.position - arrivals.observer[None, None, None]) @ axis / free_path
    legendre = legendre_polynomials(arrivals.direction @ axis, _ORDERS)[..., 1:]
    values = jnp.concatenate([along[:, None], jnp.moveaxis(legendre, -1, 1)], axis=1)
    first, second = _halves(values)
    cross = (_products(first, second) + _products(second, first)) / 2
    # the momentum on arrival is opposite to where it is seen
    start = legendre_polynomials(-arrivals.arrival @ axis, _ORDERS)[..., 1:]
    weight = (2 * np.arange(1, _ORDERS + 1) + 1) / start[..., 0].size
    response = jnp.einsum("pfic,icl->plf", values, start @ jnp.diag(weight).astype(start.dtype))
    squares = response[:, :, :, None] * response[:, :, None]
    identity = jnp.eye((LMAX + 1) ** 2, dtype=axis.dtype)
    directions = arrivals.direction.reshape(len(PATHS), -1, 3)

    def one_path(directions: Float[Array, "orbit xyz"]):
        values = sky.evaluate_harmonics(identity, directions)
        first, second = _halves(values.reshape(-1, *along.shape[1:]))
        return _summed_over_orders(_average(first * second))

    diffusion = axis @ arrivals.diffusion() @ axis / free_path
    mixing = jax.lax.map(one_path, directions)
    return cross, response, squares, diffusion, mixing


def _halves(values: Float[Array, "*batch pixel child"]) -> list[Float[Array, "*batch mode"]]:
    """Return the modes of both half maps, without their means, the pixels' window divided out."""
    maps = [values[..., n::2].mean(axis=-1) for n in (0, 1)]
    window = sky.pixel_window(int(np.sqrt(maps[0].shape[-1] / 12)), LMAX)[mode_degrees(LMAX)]
    modes = [sky.real_harmonics(x - x.mean(axis=-1, keepdims=True), lmax=LMAX) for x in maps]
    return [x @ jnp.diag(1 / window).astype(x.dtype) for x in modes]


def _products(first: Array, second: Array) -> Float[Array, "path function function ell"]:
    return _average(first[:, :, None] * second[:, None])


def _average(products: Float[Array, "*batch mode"]) -> Float[Array, "*batch ell"]:
    return products @ jnp.asarray(degree_average(LMAX), products.dtype)


def _summed_over_orders(c_ell: Float[Array, "mode ell"]) -> Float[Array, "ell degree"]:
    """Return C_l of all boundaries of one degree together."""
    degrees = mode_degrees(LMAX)[:, None] == np.arange(LMAX + 1)
    return c_ell.T @ jnp.asarray(degrees, c_ell.dtype)


def of_gradient(c_ell: Array, series: Float[Array, " function"]) -> Float[Array, "path ell"]:
    """Return C_l of a gradient and a distribution at the end of the paths."""
    return jnp.einsum("pabl,a,b->pl", c_ell, series, series)


def with_flux(diffusion: Float[Array, " path"]) -> Float[Array, " function"]:
    """Return the series of a gradient and the flux that it drives, K from the longest paths."""
    return jnp.zeros(_ORDERS + 1).at[0].set(1).at[1].set(-3 * diffusion[-1])


def particles(mean: Mean) -> Float[Array, "path ell"]:
    """Return C_l of gradient and flux after every path, over that of the dipole of the longest."""
    c_ell = of_gradient(mean[0], with_flux(mean[3]))
    return c_ell / c_ell[-1, 1]


def mixed(place: int, num_fields: int) -> Callable[[Mean], Array]:
    """Return the function that gives the steady C_l by mixing over the path of that place."""

    def steady(mean: Mean) -> Float[Array, " ell"]:
        c_ell, response, squares, _, mixing = (x[place] for x in mean)
        # the mean sky a is its own outcome: a = L a + g
        own = jnp.eye(_ORDERS) - response[:, 1:]
        series = jnp.concatenate([jnp.ones(1), jnp.linalg.solve(own, response[:, 0])])
        # (the square of a mean has a share of the scatter in it)
        square = num_fields * (response @ series) ** 2 - squares @ series @ series
        l = np.arange(1, _ORDERS + 1)
        lasting = jnp.pad(
            4 * np.pi / (2 * l + 1) ** 2 * square / (num_fields - 1), (1, LMAX - _ORDERS)
        )
        added = of_gradient(c_ell[None], series)[0] - lasting
        matrix = jnp.eye(LMAX) - mixing[1:, 1:]
        rest = jnp.linalg.solve(matrix, added[1:])
        total = of_gradient(mean[0], with_flux(mean[3]))
        return (lasting + jnp.pad(rest, (1, 0))) / total[-1, 1]

    return steady


def estimate(statistic: Callable[[Mean], Array], skies: Skies) -> Estimate:
    """Return a function of the means over fields, with its error from their scatter."""
    return jackknife(statistic, tuple(jnp.asarray(x) for x in skies))


def log_ratios(place: int, num_fields: int) -> Callable[[Mean], Array]:
    """Return the function that gives the mean of ln(C_l mixed over traced), l = 1 ... 8."""

    def mean_log(mean: Mean) -> Float[Array, ""]:
        ratio = mixed(place, num_fields)(mean) / particles(mean)[-1]
        return jnp.mean(jnp.log(ratio[1 : _ORDERS + 1]))

    return mean_log


def judge_spectra(found: list[Skies]) -> Verdict:
    """Return whether both spectra are one at all gyroradii."""
    rows = {n: [estimate(log_ratios(n, len(x.mixing)), x) for x in found] for n in _MIXED}
    near = [judge_sign(_ALIKE - abs(float(x.value)), float(x.error)) for x in rows[_JUDGED]]
    radii = ", ".join(f"{x:g}" for x in RADII)
    return Verdict(
        "the mixing matrix gives the ensemble mean of C_l of test particles at all rigidities",
        f"ln C_l, mixed less that of orbits of {PATHS[-1]:g} mean free paths, mean of l = 1 to "
        f"{_ORDERS}, gyroradii {radii} pc: "
        + "; ".join(
            f"steps of {PATHS[n]:g} mean free paths {', '.join(plus_minus(x) for x in row)}"
            for n, row in rows.items()
        ),
        all_of(near),
        f"Judged for the longer step; a difference below {_ALIKE:g} counts as none. Steps must be "
        "so long that the fields before and after one are independent, and so short that one step "
        "does not make the sky by itself.",
    )


def grown(mean: Mean) -> Float[Array, " path"]:
    """Return C_l at l = 2 ... 8 over that of the longest paths, the mean of its logarithm."""
    c_ell = particles(mean)[:, 2 : _ORDERS + 1]
    return jnp.mean(jnp.log(c_ell / c_ell[-1:]), axis=1)


def judge_scales(found: list[Skies]) -> Verdict:
    """Return whether C_l beyond the dipole grow between the ballistic and the diffusive regime."""
    rows = [estimate(grown, x) for x in found]
    early, late = PATHS.index(0.25), PATHS.index(4.0)
    half = -np.log(2)
    below = [judge_sign(half - float(x.value[early]), float(x.error[early])) for x in rows]
    above = [judge_sign(float(x.value[late]) - half, float(x.error[late])) for x in rows]
    return Verdict(
        "small scales form between the ballistic and the diffusive regime",
        f"ln C_l over its limit, mean of l = 2 to {_ORDERS}, after {PATHS[early]:g} and "
        f"{PATHS[late]:g} mean free paths: "
        + "; ".join(
            f"{radius:g} pc {plus_minus(entry(x, early))}, {plus_minus(entry(x, late))}"
            for radius, x in zip(RADII, rows, strict=True)
        ),
        all_of([*below, *above]),
        "Yes where less than half is there after the shorter path and more after the longer.",
    )


def draw(found: list[Skies]) -> Figure:
    """Return C_l mixed beside those of particles at each gyroradius."""
    figure = new_figure(14, 4.8)
    panels = figure.subplots(1, len(found), sharey=True)
    ell = np.arange(1, LMAX + 1)
    for axes, radius, skies in zip(panels, RADII, found, strict=True):
        traced = estimate(particles, skies)
        for n, color in ((1, "0.75"), (len(PATHS) - 1, "k")):
            axes.errorbar(ell, traced.value[n, 1:], traced.error[n, 1:], color=color, lw=2,
                          capsize=3, label=f"particles, {PATHS[n]:g} mean free paths")  # fmt: skip
        for n, color in zip(_MIXED, ("C0", "C1"), strict=True):
            steady = estimate(mixed(n, len(skies.mixing)), skies)
            axes.errorbar(ell * 1.03, steady.value[1:], steady.error[1:], color=color, lw=2,
                          ls="--", capsize=3, label=f"mixed, steps of {PATHS[n]:g}")  # fmt: skip
        axes.set(xscale="log", yscale="log")
        polish(axes, x_label=r"multipole $\ell$", y_label=r"$C_\ell$ over $C_1$ of the limit",
               title=f"gyroradius {radius:g} pc, outer scale {_OUTER:g} pc")  # fmt: skip
    add_legend(panels[0], loc="best")
    return figure


MIXING_MATRIX = Experiment(
    "mixing-matrix",
    "C_l by a mixing matrix beside test particles, slab turbulence",
    "Kuhlen, Phan & Mertsch (2021), arXiv:2111.06419",
    run,
)
