"""Error and cost of the emulator in one, two and three parameters of turbulence.

    python experiments/inference/emulator.py --fields 14 --cache build/emulator

Simulates the skies of emulators of the default ensemble over ln dB/B0, index and ln outer scale,
then skies in the same fields at points between the nodes. Times predictions, gradients and a
posterior by NUTS. Writes experiments/results/emulator.json and .png. A killed run continues from
the cache.
"""

import argparse
import time
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import equinox as eqx  # noqa: E402 the configuration comes first
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from scipy.stats import qmc  # noqa: E402

from jaxcr import infer  # noqa: E402
from jaxcr.runtime import write_record  # noqa: E402

RESULTS = Path(__file__).parents[1] / "results"
NAMES = ("level", "index", "outer_scale")
POINTS = {1: 6, 2: 8, 3: 8}
REQUIRED = 0.2
NUM_BATCHED = 4


def main() -> None:
    """Build, check, time, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=14)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    skies = infer.SkyEnsemble()
    cases, checks = {}, {}
    for num in POINTS:
        emulator = infer.build_emulator(
            skies, NAMES[:num], num_fields=arguments.fields, cache=arguments.cache
        )
        record, checks[num] = accuracy(emulator, skies, arguments.cache)
        cases[f"{num} parameters"] = record | timings(emulator)
        write_record(RESULTS / "emulator.json", cases)
        print(num, cases[f"{num} parameters"], flush=True)
    draw(checks)
    emulator = infer.build_emulator(
        skies, NAMES[:1], num_fields=arguments.fields, cache=arguments.cache
    )
    cases["posterior over one parameter of turbulence"] = posterior(sky_model(emulator))
    write_record(RESULTS / "emulator.json", cases)
    print(cases["posterior over one parameter of turbulence"])


def accuracy(emulator: infer.TransferEmulator, skies: infer.SkyEnsemble, cache: Path):
    """Return the record of one emulator's errors, and its check between the nodes."""
    points = between(emulator, POINTS[len(emulator.axes)])
    direct = infer.against_simulation(emulator, skies, points, cache=cache)
    left_out = infer.leave_one_out(emulator)
    record = {
        "parameters": list(emulator.names),
        "ranges": [[float(a.physical(x)) for x in (a.low, a.high)] for a in emulator.axes],
        "convention": emulator.convention,
        "nodes": len(emulator.nodes),
        "terms": len(emulator.mean_weights.terms),
        "skies_at_each_node": emulator.num_skies,
        "independent_skies": emulator.independent_skies,
        "check_points": points.tolist(),
        "ratio_required": REQUIRED,
        "error_of_ln_c_ell": rounded(direct.error),
        "ratio": rounded(direct.ratio),
        "ratio_by_chance": rounded(direct.chance),
        "ratio_excess": rounded(direct.excess),
        "ratio_nodes_left_out": rounded(left_out.ratio),
        "ratio_nodes_left_out_by_chance": rounded(left_out.chance),
        "finite_skies_in_units_of_the_scatter": emulator.independent_skies**-0.5,
    }
    return record, direct


def between(emulator: infer.TransferEmulator, num: int) -> np.ndarray:
    """Return points of a Latin hypercube in the parameters' ranges, each stratum hit once."""
    lower = np.array([a.parameter.lower for a in emulator.axes])
    upper = np.array([a.parameter.upper for a in emulator.axes])
    share = qmc.LatinHypercube(lower.size, rng=np.random.default_rng(8)).random(num)
    return lower + (upper - lower) * share


def sky_model(emulator: infer.TransferEmulator) -> infer.SkyModel:
    """Return the model of the emulator and traps of the same orders."""
    return infer.SkyModel(emulator, infer.TrapSeries(lmax=emulator.boundary_lmax))


def example(model: infer.SkyModel):
    """Return the problem of one sky that is the model's own mean, and its values."""
    ell = np.arange(1, 17)
    zeros = np.zeros(ell.size)
    values = jnp.array([p.start for p in model.parameters.parameters])
    mean = np.asarray(model.mean_spectrum(values))[ell]
    data = infer.SpectrumData(ell, np.abs(mean), zeros, zeros).with_level(float(mean.max()) * 1e-2)
    return infer.Problem(model, data), values


def timings(emulator: infer.TransferEmulator) -> dict:
    """Return processor times of making the model, a prediction and a gradient."""
    start = time.process_time()
    model = sky_model(emulator)
    seconds = time.process_time() - start
    problem, values = example(model)
    several = values + 0.02 * jax.random.normal(jax.random.key(0), (NUM_BATCHED, values.size))

    def predict(p, v):
        return p.model.predict(v, p.data).log_mean

    def slope(p, v):
        return jax.value_and_grad(lambda w: infer.log_posterior(p, w))(v)

    times = {}
    for name, function in (("prediction", predict), ("gradient", slope)):
        times[name] = milliseconds(eqx.filter_jit(function), problem, values)
        batched = eqx.filter_jit(lambda p, vs, f=function: jax.vmap(lambda v: f(p, v))(vs))
        times[f"{name} at {NUM_BATCHED} points"] = milliseconds(batched, problem, several)
    return {
        "cpu_seconds_to_make_the_model": seconds,
        "components_of_325_pairs": model.skies.tensors.shape[-1],
        "milliseconds_of_cpu": times,
    }


def posterior(model: infer.SkyModel) -> dict:
    """Return wall and processor seconds of four chains of NUTS, and their diagnostics."""
    problem, values = example(model)
    wall, cpu = time.perf_counter(), time.process_time()
    chains = infer.sample_nuts(
        problem, values, key=jax.random.key(0), num_warmup=300, num_samples=500, num_chains=4
    )
    jax.block_until_ready(chains.samples)
    return {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "parameters": list(chains.free_names),
        "gradients_per_draw": float(chains.num_steps.mean()),
        "divergent": int(chains.divergent.sum()),
        "effective_sizes": np.asarray(infer.effective_sizes(chains)).round().tolist(),
    }


def milliseconds(function, *arguments) -> float:
    """Return processor time of one call after compilation, the least of twenty."""
    jax.block_until_ready(function(*arguments))
    times = []
    for _ in range(20):
        start = time.process_time()
        jax.block_until_ready(function(*arguments))
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def rounded(values) -> list[float]:
    """Return l = 1 ... lmax to three digits."""
    return [float(f"{x:.3g}") for x in np.asarray(values)[1:]]


def draw(checks: dict) -> None:
    """Draw the errors in units of a sky's own scatter, and what chance explains of them."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(checks), figsize=(9, 3.2), layout="constrained", sharey=True)
    for panel, (num, check) in zip(axes, checks.items(), strict=True):
        ell = np.arange(1, check.ratio.size)
        panel.plot(ell, check.ratio[1:], "o-", label="between the nodes")
        panel.plot(ell, check.chance[1:], "--", label="by chance")
        panel.axhline(REQUIRED, color="0.5", lw=1, label="required")
        panel.set(
            title=f"{num} parameter" + "s" * (num > 1),
            xlabel="multipole $\\ell$",
            ylim=(0, 0.3),
        )
    axes[0].set_ylabel(r"error of E[ln $C_\ell$] / scatter of one sky")
    axes[0].legend(frameon=False)
    figure.savefig(RESULTS / "emulator.png", dpi=150)


if __name__ == "__main__":
    main()
