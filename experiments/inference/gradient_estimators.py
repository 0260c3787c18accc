"""Estimators of dC_l/d(dB/B0) past the horizon of path-wise derivatives, from one bank of skies.

    python experiments/inference/gradient_estimators.py --bank DIR --simulate 128
    python experiments/inference/gradient_estimators.py --bank DIR --out experiments/results

128³ isotropic Kolmogorov turbulence, r_L = 20 cells, fixed paths of 3 to 18 r_L, a unit dipole of
momentum along the mean field; 12,288 orbits a sky, 8 observers a field. ``--simulate`` fills the
bank field by field and can be stopped and started again. The analysis takes disjoint groups of
four fields (32 skies) and compares their scatter and mean with all skies of the bank.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import infer
from jaxcr.fields import UniformField
from jaxcr.infer.gradients import (
    CentralDifference,
    ControlVariate,
    JacobianEstimate,
    combined_estimate,
    composed_spectra,
    pathwise_estimate,
    transfer_operator,
)
from jaxcr.infer.skies import pack_pairs
from jaxcr.orbits import Boris, PathLength
from jaxcr.runtime import write_record
from jaxcr.sky import DipoleBoundary, backtrack, cross_spectrum, half_maps, transfer_tensor
from jaxcr.units import GYRORADIUS

PATHS = (3.0, 6.0, 9.0, 12.0, 18.0)
SHORT = 6.0
PAIRS = ((0.85, 1.15), (0.7, 1.3))
STEPS = np.array([[0.15], [0.3]])
LMAX, BOUNDARY_LMAX = 24, 8
SLOPE_FIELDS = 32
GROUP = 4
SKIES = infer.SkyEnsemble(path=max(PATHS), step=1.0, nside=16, lmax=LMAX)
AXIS = jnp.array(infer.AXIS, jnp.float32)


def one_observer(field, observer, nside, paths):
    """Return C_l at every path, and tensors and operators up to the short path."""
    all_paths = backtrack(
        field, rigidity=SKIES.gyroradius / GYRORADIUS,
        stop=PathLength(SKIES.gyroradius * jnp.array(paths)), pusher=Boris(SKIES.step),
        observer=observer, nside=nside, per_pixel=4, dtype=jnp.float32,
    )  # fmt: skip
    lmax = min(LMAX, 2 * nside)  # what the grid separates
    boundary = DipoleBoundary(AXIS, jnp.float32(1))
    spectra = cross_spectrum(*half_maps(all_paths, boundary), lmax=lmax)
    tensors, operators = [], []
    for i in range(sum(path <= SHORT for path in paths)):
        arrivals = all_paths.select(stop=i)
        tensor = transfer_tensor(arrivals, AXIS, lmax=lmax, boundary_lmax=BOUNDARY_LMAX)
        tensors.append(pack_pairs(tensor))
        operators.append(transfer_operator(arrivals, AXIS, lmax=BOUNDARY_LMAX))
    return spectra, jnp.stack(tensors), jnp.stack(operators)


@eqx.filter_jit
def simulated(turbulence, level, nside, paths):
    """Return the results of all observers of one field, at dB/B0 = ``level``."""
    field = UniformField(AXIS) + level * turbulence
    return jax.lax.map(lambda x: one_observer(field, x, nside, paths), SKIES.observers())


@eqx.filter_jit
def slopes(turbulence, level, paths):
    """Return the path-wise derivatives of all results by dB/B0."""
    one = jnp.ones_like(level)
    return jax.jvp(lambda x: simulated(turbulence, x, 16, paths), (level,), (one,))[1]


def simulate(bank: Path, num_fields: int, coarse: bool) -> None:
    """Fill the bank; fields that are there stay. ``coarse``: 768 orbits a sky, short path only."""
    bank.mkdir(parents=True, exist_ok=True)
    for number in range(num_fields):
        file = bank / f"{number}.npz"
        if file.exists():
            continue
        start, turbulence = time.perf_counter(), SKIES.turbulence(number)
        levels = [x for pair in PAIRS for x in pair]
        if number < SLOPE_FIELDS and not coarse:
            levels.append(1.0)
        nside, paths = (4, PATHS[:2]) if coarse else (16, PATHS)
        arrays = {}
        for level in levels:
            results = simulated(turbulence, jnp.float32(level), nside, paths)
            arrays |= {
                f"{name}{level}": np.asarray(x) for name, x in zip("ckm", results, strict=True)
            }
        if 1.0 in levels:
            results = slopes(turbulence, jnp.float32(1.0), PATHS)
            arrays |= {f"d{name}": np.asarray(x) for name, x in zip("ckm", results, strict=True)}
        np.savez(file, **arrays)
        print(number, f"{time.perf_counter() - start:.1f} s", flush=True)


def load(bank: Path) -> tuple[dict, dict]:
    """Return C_l of all finished fields, and all of their coarse skies, stacked by name."""
    full, coarse = [], []
    for number in range(10_000):
        files = [folder / f"{number}.npz" for folder in (bank, bank / "coarse")]
        if not all(file.exists() for file in files):
            break
        with np.load(files[0]) as file:
            full.append({k: file[k].astype(float) for k in file.files if k[0] == "c" or k == "dc"})
        coarse.append({k: v.astype(float) for k, v in np.load(files[1]).items()})
    names = set.intersection(*[set(row) for row in full])
    stacked = {name: np.stack([row[name] for row in full]) for name in names}
    slopes = [row["dc"] for row in full if "dc" in row]
    stacked["slopes"] = np.stack(slopes) if slopes else np.zeros((0, 1))
    return stacked, {name: np.stack([row[name] for row in coarse]) for name in coarse[0]}


def below_above(make) -> np.ndarray:
    """Return ``make(level)`` as (field, sky, step, side, parameter = 1, ell)."""
    sides = [np.stack([make(level) for level in pair], axis=2) for pair in PAIRS]
    return np.stack(sides, axis=2)[..., None, :]


def surrogate(coarse: dict, repeats: int) -> np.ndarray:
    """Return composed spectra from the coarse skies; no surrogate above their multipoles."""
    series = np.zeros(BOUNDARY_LMAX + 1)
    series[1] = 1.0

    def make(level):
        operator = coarse[f"m{level}"][:, :, 0].mean(axis=(0, 1))
        spectra = composed_spectra(coarse[f"k{level}"][:, :, -1], operator, series, repeats)
        return np.pad(spectra, [(0, 0), (0, 0), (0, LMAX + 1 - spectra.shape[-1])])

    return below_above(make)


def estimates(stepped, control, known, slopes, costs) -> dict[str, JacobianEstimate]:
    """Return all estimators from the skies of one group of fields."""
    points = tuple((f"C {i}", 1.0) for i in range(STEPS.size * 2))
    extra = tuple((f"surrogate {i}", costs) for i in range(STEPS.size * 2))
    means = stepped.mean(axis=1)
    lines = CentralDifference(neighbours=6, logarithmic=False)
    result = {
        "step 0.3": CentralDifference(step=0.3, richardson=False).reduce(
            means[:, 1:], STEPS[1:], points[2:]
        ),
        "Richardson": CentralDifference(step=0.3).reduce(means, STEPS, points),
        "chosen step": CentralDifference().reduce(means, STEPS, points),
        "lines over l": lines.reduce(means, STEPS, points),
    }
    parts = [result["lines over l"]]
    if control is not None:
        helped = ControlVariate(min, (0,), costs, lines)
        result["control variate"] = helped.reduce(stepped, control, known, STEPS, points + extra)
        # it holds the difference already
        parts = [result["control variate"]]
    if slopes is not None:
        result["path-wise"] = pathwise_estimate(slopes)
        parts.append(result["path-wise"])
    return result | {"combined": combined_estimate(parts)}


def compare(full: dict, coarse: dict, index: int, cost: float, first: int = 0) -> dict:
    """Return scatter and bias of every estimator at one path, over groups from a first field.

    The reference is Richardson's form from all skies of the bank, whatever the first field.
    """
    stepped = below_above(lambda level: full[f"c{level}"][:, :, index])
    stepped = stepped[np.isfinite(stepped).all(axis=tuple(range(1, stepped.ndim)))]
    # two pieces of three gyroradii exactly, the others by the operator of one
    control = surrogate(coarse, index - 1) if index >= 2 else None
    whole = CentralDifference(step=0.3)
    reference = whole.reduce(stepped.mean(axis=1), STEPS, ())
    groups = []
    for start in range(first, len(stepped) - GROUP + 1, GROUP):
        inside = np.arange(start, start + GROUP)
        others = np.setdiff1d(np.arange(len(next(iter(coarse.values())))), inside)
        has_slopes = inside[-1] < len(full["slopes"])
        slopes = full["slopes"][inside][:, :, index, None] if has_slopes else None
        each = [None, None] if control is None else [control[inside], control[others].mean(axis=1)]
        groups.append(estimates(stepped[inside], *each, slopes, cost * len(others) / GROUP))
    result = {"reference": reference.value[0], "reference_error": reference.error[0]}
    result["known_error"] = np.zeros(LMAX + 1)
    if control is not None:  # the slope on the surrogate is below 1
        result["known_error"] = whole.reduce(control.mean(axis=1), STEPS, ()).error[0]
    for name in {name: 0 for group in groups for name in group}:
        rows = [group[name] for group in groups if name in group]
        values = np.stack([row.value[0] for row in rows])
        result[name] = {
            "mean": values.mean(axis=0),
            "scatter": values.std(axis=0, ddof=1),
            "stated_error": np.sqrt(np.mean([row.error[0] ** 2 for row in rows], axis=0)),
            "rms": np.sqrt(np.mean((values - result["reference"][None]) ** 2, axis=0)),
            "values": values,
            "cost": max(row.cost for row in rows),
            "groups": len(rows),
        }
    return result


def ratio_errors(values: np.ndarray, plain: np.ndarray) -> tuple[np.ndarray, float]:
    """Return jackknife errors of scatter over scatter: of each multipole, of their log mean."""

    def logs(index):
        return np.log(
            np.delete(values, index, 0).std(axis=0) / np.delete(plain, index, 0).std(axis=0)
        )

    rows = np.stack([logs(i) for i in range(len(values))])
    factor = len(rows) - 1
    return np.sqrt(factor * rows.var(axis=0)), np.sqrt(factor * rows.mean(axis=1).var())


def summary(row: dict) -> dict[str, dict]:
    """Return the numbers that were asked for: l = 1, and l = 2 to 20 over the step of 0.3."""
    truth, plain, used = row["reference"], row["step 0.3"], slice(2, 21)
    result = {}
    for name, numbers in row.items():
        if not isinstance(numbers, dict):
            continue
        scatter, num = numbers["scatter"], numbers["groups"]
        same = plain["values"][:num]
        ratio = scatter[used] / same[:, used].std(axis=0, ddof=1)
        each, mean_error = ratio_errors(numbers["values"][:, used], same[:, used])
        bias = numbers["mean"] - truth
        # of one use of the estimator, and of what it is compared with
        errors = np.hypot(scatter, row["reference_error"])
        result[name] = {
            "l=1 value": numbers["mean"][1],
            "l=1 error, %": 100 * scatter[1] / abs(truth[1]),
            "l=1 stated error, %": 100 * numbers["stated_error"][1] / abs(truth[1]),
            "l=1 bias in errors": bias[1] / errors[1],
            "l=2..20 error over step 0.3's, geometric mean": np.exp(np.mean(np.log(ratio))),
            "its error": np.exp(np.mean(np.log(ratio))) * mean_error,
            "l=2..20 largest": ratio.max(),
            "l=2..20 above 1 by two errors": np.sum(np.log(ratio) > 2 * each),
            "l=2..20 stated over real error": np.exp(
                np.mean(np.log(numbers["stated_error"] / scatter)[used])
            ),
            "l=2..20 error with bias over step 0.3's, geometric mean": np.exp(
                np.mean(np.log(numbers["rms"][used] / plain["rms"][used]))
            ),
            "l=2..20 rms bias in errors": np.sqrt(np.mean((bias / errors)[used] ** 2)),
            "l=2..20 largest bias in errors": np.abs((bias / errors)[used]).max(),
            "cost in forward C_l": numbers["cost"],
            "groups": num,
        }
    return {name: {k: round(float(v), 4) for k, v in x.items()} for name, x in result.items()}


QUOTED = {
    "3": {"path-wise": (-0.912, 0.043), "step 0.3": (-0.902, 0.032)},
    "6": {"path-wise": (-1.13, 0.17), "step 0.3": (-0.878, 0.032)},
    "9": {"path-wise": (-1.5, 2.9), "step 0.3": (-0.698, 0.025)},
}


def reproduced(rows: dict) -> dict:
    """Return dC_1 and its error by 32 skies: earlier values of one group, and those of the bank."""
    return {
        path: {
            name: {
                "earlier": quoted,
                "mean of groups": rows[path][name]["mean"][1],
                "scatter of groups": rows[path][name]["scatter"][1],
                "stated error": rows[path][name]["stated_error"][1],
                "groups": rows[path][name]["groups"],
            }
            for name, quoted in names.items()
        }
        for path, names in QUOTED.items()
    }


def costs() -> dict[str, float]:
    """Return seconds of CPU for the 8 skies of one field: forward, slope, coarse surrogate."""
    turbulence, level = SKIES.turbulence(0), jnp.float32(1.0)
    runs = {
        "forward, 12 r_L": lambda: simulated(turbulence, level, 16, PATHS[:4]),
        "path-wise slope, 12 r_L": lambda: slopes(turbulence, level, PATHS[:4]),
        "coarse surrogate, 6 r_L": lambda: simulated(turbulence, level, 4, PATHS[:2]),
    }
    seconds = {}
    for name, run in runs.items():
        jax.block_until_ready(run())  # compiles
        start = time.process_time()
        jax.block_until_ready(run())
        seconds[name] = time.process_time() - start
    return seconds


def picture(rows: dict, file: Path) -> None:
    """Draw errors over multipoles, relative to those of the plain step of 0.3."""
    from jaxcr.plots import new_figure

    figure = new_figure(10, 4.4)
    axes = figure.subplots(1, 2, sharey=True)
    ell = np.arange(1, 21)
    for one, path in zip(axes, ("9", "12"), strict=True):
        row = rows[path]
        for name in ("step 0.3", "Richardson", "lines over l", "combined"):
            one.semilogy(
                ell,
                row[name]["rms"][ell] / abs(row["reference"][1]),
                label=name.replace(" l", r" $\ell$"),
            )
        one.set(
            xlabel=r"multipole $\ell$", title=f"path of {path} gyroradii", xticks=range(2, 21, 2)
        )
    axes[0].set_ylabel("error with bias / |derivative of $C_1$|")
    axes[0].legend(frameon=False)
    figure.savefig(file, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--simulate", type=int, default=0, help="fields to simulate")
    parser.add_argument("--coarse-cost", type=float, default=0.05, help="in forward C_l's")
    parser.add_argument("--out", type=Path, help="folder")
    parser.add_argument("--first-field", type=int, default=64, help="not used to choose methods")
    parser.add_argument("--time", action="store_true", help="measure the costs")
    args = parser.parse_args()
    if args.simulate:
        simulate(args.bank / "coarse", args.simulate, coarse=True)
        simulate(args.bank, args.simulate, coarse=False)
    full, coarse = load(args.bank)
    num_fields = len(full["c0.85"])
    parts = {"all fields": 0, f"fields from {args.first_field}": args.first_field}
    rows, table = {}, {}
    for part, first in parts.items():
        last = len(PATHS) if first == 0 else len(PATHS) - 1
        rows[part] = {
            f"{PATHS[i]:g}": compare(full, coarse, i, args.coarse_cost, first) for i in range(last)
        }
        table[part] = {path: summary(row) for path, row in rows[part].items()}
        for path, numbers in table[part].items():
            row = rows[part][path]
            truth = [row[k][1] for k in ("reference", "reference_error", "known_error")]
            print(f"{part}, path {path}, l = 1: {truth[0]:.4f} +- {truth[1]:.4f}; {truth[2]:.4f}")
            for name, x in numbers.items():
                print(f"  {name:16}", *[f"{y:.3g}" for y in x.values()])
    again = reproduced(rows["all fields"])
    seconds = costs() if args.time else {}
    print(again, seconds, sep="\n")
    if args.out:
        spectra = {
            path: {
                name: {k: np.asarray(v).tolist() for k, v in x.items() if k != "values"}
                if isinstance(x, dict)
                else x.tolist()
                for name, x in row.items()
            }
            for path, row in rows["all fields"].items()
        }
        numbers = {"num_skies": 8 * num_fields, "extra_coarse_fields": len(coarse["k0.85"])}
        numbers |= {"cpu_seconds": seconds, "dC_1 by 32 skies": again}
        write_record(
            args.out / "gradient_estimators.json", numbers | {"summary": table, "spectra": spectra}
        )
        picture(rows["all fields"], args.out / "gradient_estimators.png")


if __name__ == "__main__":
    main()
