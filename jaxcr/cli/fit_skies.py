"""The simulated skies behind a fit: an ensemble in grid cells, or those of an energy."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from jaxcr import infer
from jaxcr.cli.config import Fit
from jaxcr.cli.output import progress_bar

_CONVENTIONS = {
    "fixed-path": infer.FixedPath,
    "fixed-sphere": infer.FixedSphere,
    "mean-free-paths": infer.PathOverMeanFreePath,
}

_SKIES_PER_TARGET_SKY = 10
"""Simulated skies for each sky that the target is the mean of, for a usable covariance."""

_BRIGHT_NODES = 0.5
"""With --energy: long paths in strong turbulence leave but noise of the few orbits there."""


class FitSkies(NamedTuple):
    """What a fit compares data with.

    Attributes
    ----------
    skies
        The ensemble.
    axes
        The parameters of turbulence that are fitted.
    emulator
        From the number of skies behind the data to the emulator; this may simulate.
    fixed
        What is held, in one line.
    bright_nodes
        Share of the emulator's nodes at which a multipole must rise above the simulation's noise.
    """

    skies: infer.SkyEnsemble
    axes: tuple[infer.TurbulenceAxis, ...]
    emulator: Callable[[int], infer.TransferEmulator]
    fixed: str
    bright_nodes: float = 1.0


def fit_skies(config: Fit) -> FitSkies:
    """Return the skies that the settings ask for."""
    return _in_cells(config) if config.energy is None else _at_energy(config)


def _in_cells(config: Fit) -> FitSkies:
    """Return an ensemble on a grid, simulated field by field or read from the cache."""
    sky = config.sky
    settings = dataclasses.asdict(sky)
    for name in ("num_fields", "num_nodes", "vary"):
        del settings[name]
    settings["convention"] = _CONVENTIONS[sky.convention]()
    skies = infer.SkyEnsemble(**settings)

    def emulator(num_skies: int) -> infer.TransferEmulator:
        needed = -(-_SKIES_PER_TARGET_SKY * num_skies // skies.num_observers)
        num_fields = max(sky.num_fields, needed if num_skies > 1 else 0)
        return infer.build_emulator(
            skies, sky.vary, num_fields=num_fields, num_nodes=sky.num_nodes, cache=config.cache,
            progress=progress_bar(f"skies in {num_fields} fields", unit="field"),
        )  # fmt: skip

    fixed = (
        f"r_L = {sky.gyroradius:g} of {sky.cells} cells, index {sky.index:.3g}, outer scale "
        f"{sky.outer_scale:g} cells (held except what was varied)"
    )
    return FitSkies(skies, infer.turbulence_axes(skies, sky.vary), emulator, fixed)


def _at_energy(config: Fit) -> FitSkies:
    """Return the skies of an energy, from the table of the package unless they are made again."""
    energy = infer.parse_energy(config.energy)
    skies = infer.skies_at_energy(energy)

    def emulator(num_skies: int) -> infer.TransferEmulator:
        table = infer.energy_table(
            energy, recompute=config.recompute, cache=config.cache,
            progress=progress_bar(f"skies at {infer.energy_label(energy)}", unit="field"),
        )  # fmt: skip
        return table.emulator

    if not config.recompute:
        infer.check_tabulated(energy)
    fixed = (
        f"protons of {infer.energy_label(energy)} in 3 µG (r_L = {skies.gyroradius:.3g} pc), "
        f"{skies.waves} plane waves from {skies.outer_scale:g} to {skies.inner_scale:.2g} pc"
    )
    return FitSkies(skies, infer.energy_axes(skies), emulator, fixed, _BRIGHT_NODES)


def best_parameters(
    skies: infer.SkyEnsemble, problem: infer.Problem, result: infer.FitResult
) -> infer.SkyParameters:
    """Return the sky parameters of the best fit."""
    point = problem.model.point(result.values)
    return skies.at(**infer.physical_values(problem.model.emulator.axes, point))
