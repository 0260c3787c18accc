"""What a fit may add on request: Markov chains, profiles, a corner plot."""

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxcr import infer, plots
from jaxcr.cli.config import Fit
from jaxcr.infer.fitting.warnings import posterior_warnings


class Extra(NamedTuple):
    """The result with the posterior that was asked for, text for the report, numbers to keep."""

    result: infer.FitResult
    text: str
    groups: dict[str, dict[str, Any]]


def extra_uncertainty(
    config: Fit,
    folder: Path,
    problem: infer.Problem,
    result: infer.FitResult,
    truth: np.ndarray | None,
) -> Extra:
    """Return the posterior by chains and the profiles, when asked for; draw the corner plot."""
    text, groups = "", {}
    if config.posterior == "nuts":
        chains = infer.sample_nuts(problem, result.values, key=jax.random.key(0))
        result = dataclasses.replace(result, posterior=chains.posterior())
        lines = (*result.warnings.splitlines(), *posterior_warnings(problem, result))
        result = dataclasses.replace(result, warnings="\n".join(dict.fromkeys(lines)))
        text += "\n\nno-U-turn sampler:\n" + infer.summary(chains)
        groups["chains"] = {"samples": chains.samples, "log_densities": chains.log_densities}
    free = np.flatnonzero(problem.parameters.is_free)
    if config.profiles:
        found = [infer.profile(problem, result, name) for name in problem.parameters.free_names]
        text += "\n\nprofiles:\n" + "\n".join(p.text() for p in found)
        figure = plots.plot_profiles(
            [(p.name, p.grid, p.rise) for p in found],
            truth=None if truth is None else truth[free].tolist(),
        )
        figure.savefig(folder / "profiles.png", dpi=150)
        groups["profiles"] = {p.name.replace("/", " over "): p.rise for p in found}
    if importlib.util.find_spec("corner") is not None:
        figure = plots.plot_corner(
            np.asarray(result.posterior.samples)[:, free],
            problem.parameters.free_names,
            weights=np.asarray(result.posterior.weights),
            truth=None if truth is None else truth[free],
        )
        figure.savefig(folder / "corner.png", dpi=150)
    return Extra(result, text, groups)
