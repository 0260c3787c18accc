"""How wrong the interpolation is: nodes left out, and skies simulated between the nodes."""

from functools import partial
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxcr.infer.emulator.emulator import TransferEmulator, log_totals
from jaxcr.infer.emulator.node_skies import stored_tensors
from jaxcr.infer.emulator.weights import NodeWeights, scaled
from jaxcr.infer.skies import SkyEnsemble
from jaxcr.traps import Trap, chain_distribution

_INSIDE = 0.95
"""Nodes within this share of the box are left out in turn; beyond it that is extrapolation."""

_MOST_LEVERAGE = 0.95
"""A node that decides its own value alone cannot check anything."""


class CrossValidation(eqx.Module):
    """Errors of E[ln(C_l + N)] at points that were held out, ``(ell,)``.

    Each is a root mean square over the points; of two boundaries the one with the larger ratio.

    Attributes
    ----------
    error
        In ln C_l.
    ratio
        The same in units of the scatter of single skies at each point.
    chance
        The part of the ratio that the finite number of fields explains: its standard error, from
        the scatter of the fields. Chaos makes even skies of the same phases differ.
    """

    error: Float[Array, " ell"]
    ratio: Float[Array, " ell"]
    chance: Float[Array, " ell"]

    @property
    def excess(self) -> Float[Array, " ell"]:
        """The part of the ratio that chance does not explain: what more skies would not cure."""
        return jnp.sqrt(jnp.maximum(self.ratio**2 - self.chance**2, 0))


def leave_one_out(emulator: TransferEmulator, weights: NodeWeights | None = None):
    """Predict E[ln(C_l + N)] at each node inside the box from all the others.

    Parameters
    ----------
    weights
        Default: the emulator's own for means; any linear least squares.

    Returns
    -------
    CrossValidation

    Notes
    -----
    By the leverage h of the node: the residual over 1 - h is that of the fit without it, exactly
    (Stone, J. R. Stat. Soc. B 36 (1974) 111). It holds the chaotic scatter of the node left out
    too, so it overstates the error of the curve. Phases are common to all nodes: the finite
    number of skies is not in it, and widens predictions by its own factor.
    """
    weights = emulator.mean_weights if weights is None else weights
    hat = np.asarray(jax.vmap(weights)(emulator.nodes))
    leverage = np.diagonal(hat)
    low, high = np.array([a.low for a in emulator.axes]), np.array([a.high for a in emulator.axes])
    inside = np.all(np.abs(scaled(emulator.nodes, low, high)) < _INSIDE, axis=1)
    used = inside & (leverage < _MOST_LEVERAGE)
    if not used.any():
        used = leverage == leverage.min()
    scale = 1 / np.maximum(1 - leverage, 1 - _MOST_LEVERAGE)
    away, scatter = [], []
    for series in reference_boundaries(emulator.boundary_lmax):
        logs = np.asarray(log_totals(emulator.spectra(series), emulator.noise))
        predicted = np.tensordot(hat, logs, axes=1)
        away.append((scale[:, None, None] * (logs - predicted))[used])
        scatter.append(logs.std(1)[used])
    return _summary(away, scatter, emulator.num_observers)


def against_simulation(
    emulator: TransferEmulator,
    skies: SkyEnsemble,
    points: Float[Array | np.ndarray, "point axis"],
    *,
    first_field: int = 0,
    cache: bool | Path = False,
) -> CrossValidation:
    """Compare E[ln(C_l + N)] with skies simulated at points between the nodes.

    Parameters
    ----------
    points
        Coordinates within the nodes.
    first_field, cache
        As for `build_emulator`; the fields must be the emulator's own.

    Notes
    -----
    In the same fields the error is that of the interpolation; what their finite number means for
    other skies is not in it.
    """
    num_fields = emulator.num_skies // emulator.num_observers
    numbers = range(first_field, first_field + num_fields)
    tensors, noise = stored_tensors(skies, emulator.axes, points, numbers, cache)
    there = eqx.tree_at(
        lambda e: (e.tensors, e.noise), emulator, (jnp.asarray(tensors), jnp.asarray(noise))
    )
    weights = np.asarray(jax.vmap(emulator.mean_weights)(jnp.asarray(points)))
    away, scatter = [], []
    for series in reference_boundaries(emulator.boundary_lmax):
        truth = np.asarray(log_totals(there.spectra(series), there.noise))
        logs = np.asarray(log_totals(emulator.spectra(series), emulator.noise))
        away.append(np.tensordot(weights, logs, axes=1) - truth)
        scatter.append(truth.std(1))
    return _summary(away, scatter, emulator.num_observers)


@partial(jax.jit, static_argnums=0)
def reference_boundaries(boundary_lmax: int) -> tuple[Float[Array, " l"], ...]:
    """Return a dipole, and a trap with mirrors 2.3 and 1.7 times its minimum, both f_1 = 1."""
    dipole = jnp.zeros(boundary_lmax + 1).at[1].set(1.0)
    series = chain_distribution(Trap(1.0, 2.3, 1.7), 1.0, lmax=boundary_lmax)
    return dipole, (series / series[1]).at[0].set(0)


def _summary(
    away: list[np.ndarray], scatter: list[np.ndarray], num_observers: int
) -> CrossValidation:
    """Return the worse boundary's errors; ``away`` is (point, sky, ell), ``scatter`` no sky."""
    found = [_root_mean_squares(a, s, num_observers) for a, s in zip(away, scatter, strict=True)]
    error, ratio, chance = (np.stack(x) for x in zip(*found, strict=True))
    worse, ell = np.argmax(ratio, axis=0), np.arange(ratio.shape[1])
    return CrossValidation(*(jnp.asarray(x[worse, ell]) for x in (error, ratio, chance)))


def _root_mean_squares(away: np.ndarray, scatter: np.ndarray, num_observers: int):
    """Return error, ratio and chance for one boundary."""
    safe = np.where(scatter > 0, scatter, 1)
    mean = away.mean(1)
    fields = away.reshape(len(away), -1, num_observers, away.shape[-1]).mean(2)
    num = fields.shape[1]
    of_mean = fields.std(1, ddof=1) / np.sqrt(num) if num > 1 else np.zeros_like(mean)
    return tuple(np.sqrt(np.mean(x**2, axis=0)) for x in (mean, mean / safe, of_mean / safe))
