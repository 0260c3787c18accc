"""Mirror ratio and gradient measured together: from the mean spectrum of 256 simulated skies.

    python experiments/inference/two_trap_parameters.py --bank DIR

Planted: A = 1e-3, dB/B0 = 0.36, mirrors 2.4 and 1.6 times the minimum. The data are C_1 ... C_16
averaged over 256 skies in fields that the model never saw, at a fixed path of six gyroradii; the
model's skies are 640 at every node. Writes experiments/results/two_trap_parameters.json and .png.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("NPROC", "1")

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import infer, plots
from jaxcr.plots.style import BLUE, ORANGE, VERMILION, add_legend, polish
from jaxcr.runtime import write_record

RESULTS = Path(__file__).parents[1] / "results"
PLANTED = np.array([np.log(1e-3), np.log(0.36), np.log(np.sqrt(2.4 * 1.6) - 1), np.log(2.4 / 1.6)])
NUM_SKIES = 256
NUM_FIELDS = 80
NUM_DRAWS = 2000


def ratio_and_gradient(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return R = sqrt(B1 B2)/B0 and ln(B1/B2) of vectors of parameters."""
    return 1 + np.exp(values[:, 2]), values[:, 3]


def draw(problem: infer.Problem, result: infer.FitResult, draws: np.ndarray, prior: np.ndarray):
    """Draw the spectrum with three models, and the posterior of mirror ratio and gradient."""
    figure = plots.new_figure(11, 4.6)
    left, right = figure.subplots(1, 2)
    data, model = problem.data, problem.model
    ell = np.asarray(data.ell)
    prediction = model.predict(result.values, data)
    width = np.sqrt(np.diagonal(np.asarray(prediction.log_covariance)))
    scale = ell * (ell + 1) ** 0.5 * 1e6
    left.errorbar(ell, scale * data.c_ell, scale * data.total() * width, fmt="o", color=BLUE,
                  label=f"mean of {NUM_SKIES} skies")  # fmt: skip
    curves = (("best fit", result.values, VERMILION, "-"),
              ("no gradient", result.values.at[3].set(1e-3), ORANGE, "--"),
              ("R - 1 halved", result.values.at[2].add(-np.log(2)), "0.4", ":"))  # fmt: skip
    for label, values, colour, style in curves:
        mean = np.asarray(model.mean_spectrum(values))[ell]
        left.plot(ell, scale * mean, color=colour, ls=style, lw=2, label=label)
    left.set_yscale("log")
    polish(left, x_label=r"multipole $\ell$",
           y_label=r"$\ell(\ell+1)^{1/2}\,C_\ell$ [$10^{-6}$ sr]")  # fmt: skip
    add_legend(left, loc="best")
    for points, colour, label in ((prior, "0.7", "prior"), (draws, BLUE, "posterior")):
        right.scatter(*ratio_and_gradient(points), s=3, color=colour, alpha=0.4, lw=0, label=label)
    right.plot(*ratio_and_gradient(PLANTED[None]), "*", ms=16, color=ORANGE, mec="k",
               label="planted")  # fmt: skip
    right.set_xlim(1, 5)
    polish(right, x_label=r"mirror ratio $\sqrt{B_1 B_2}/B_0$", y_label=r"gradient $\ln(B_1/B_2)$")
    add_legend(right, loc="best")
    figure.savefig(RESULTS / "two_trap_parameters.png", dpi=150)


def main() -> None:
    """Simulate, fit, sample, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bank", type=Path, required=True)
    bank = parser.parse_args().bank
    skies, times = infer.SkyEnsemble(), {}
    start = time.perf_counter()
    emulator = infer.build_emulator(skies, num_fields=NUM_FIELDS, cache=bank / "emulator")
    times["emulator_or_its_cache"] = time.perf_counter() - start
    model = infer.SkyModel(emulator, infer.TrapSeries())
    data = infer.simulate_data(
        skies, model.traps, jnp.asarray(PLANTED), seed=5, num_skies=NUM_SKIES
    )
    compared = model.comparable(data)
    problem = infer.Problem(model, compared, likelihood=infer.choose_likelihood(model, compared))
    start = time.perf_counter()
    result = infer.fit(problem)
    times["fit_with_compilation"] = time.perf_counter() - start
    posterior = result.posterior
    weights = np.asarray(posterior.weights)
    rows = np.random.default_rng(0).choice(weights.size, NUM_DRAWS, p=weights / weights.sum())
    draws = np.asarray(posterior.samples)[rows]
    keys = jax.random.split(jax.random.key(1), len(draws))
    prior = np.stack([np.asarray(infer.draw_values(model.parameters, k)) for k in keys])
    ratio, gradient = ratio_and_gradient(draws)
    true_ratio, true_gradient = (float(x[0]) for x in ratio_and_gradient(PLANTED[None]))
    draw(problem, result, draws, prior)
    fisher = infer.forecast(model, jnp.asarray(PLANTED), compared, num_skies=(1, 8, 32, 64, 256))
    print(fisher.table())
    write_record(
        RESULTS / "two_trap_parameters.json",
        {
            "planted": PLANTED.tolist(),
            "convention": model.conventions(),
            "likelihood": f"{problem.likelihood} ({problem.likelihood.reason})",
            "multipoles": np.asarray(compared.ell).tolist(),
            "best_fit": np.asarray(result.values).tolist(),
            "posterior": [np.asarray(posterior.mean).tolist(),
                          np.asarray(posterior.errors).tolist()],
            "effective_samples": 1 / float(np.sum((weights / weights.sum()) ** 2)),
            "warnings": result.warnings,
            "mirror_ratio": [ratio.mean(), ratio.std(), true_ratio],
            "gradient": [gradient.mean(), gradient.std(), true_gradient],
            "gradient_over_error": gradient.mean() / gradient.std(),
            "share_of_prior_width": (draws.std(0) / prior.std(0)).tolist(),
            "chi_squared": [result.chi_squared, result.degrees_of_freedom, result.p_value],
            "directions": infer.data_directions(
                problem.parameters, result.posterior.covariance
            ).text(),
            "forecast": fisher.table().splitlines(),
            "seconds": times,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
