"""Which closure do guiding centres support? V lambda/D and hop ratios in a chain of bottles.

    python experiments/asymmetric_diffusion/closures.py [--out ...] [--path 2700]

Bottles of mirror ratio 3 whose field falls by b = 1.25 from one to the next. The published
partition of the loss cones predicts V lambda/D = 0.440, detailed balance 2 (b - 1)/(b + 1) = 0.2222
for hops to neighbours and ln b = 0.2231 for small steps.
"""

import argparse
from pathlib import Path

import jax
import numpy as np

from jaxcr import fields, traps
from jaxcr.plots.style import BLUE, GREY, VERMILION, add_legend, new_figure, polish
from jaxcr.runtime import write_record

RATIO, FALL = 3.0, 1.25
CASES = (  # name, b, scattering rate, small angles
    ("BGK, nu = v/λ", FALL, 1.0, False),
    ("BGK, nu = v/λ, b = 1", 1.0, 1.0, False),
    ("BGK, nu = 0.2 v/λ", FALL, 0.2, False),
    ("small angles, nu = 0.5 v/λ", FALL, 0.5, True),
)


def exponent(closure: traps.Closure, fall: float) -> float:
    """Return V lambda/D of the chain of a closure."""
    right, left = closure.rates(traps.trap_from_ratio(RATIO, np.log(fall)), 1.0)
    return float(2 * (right - left) / (right + left))


def measure(case, path: float, num: int, seed: int) -> dict:
    """Return one row of the table."""
    name, fall, nu, small_angles = case
    trap = traps.trap_from_ratio(RATIO, np.log(fall))
    field = fields.MirrorChainField(
        minimum=1.0, left_mirror=trap.left_mirror, right_mirror=trap.right_mirror, length=1.0,
        num_bottles=1000,
    )  # fmt: skip
    hops = traps.measure_hops(
        field, scattering_rate=nu, path_length=path, num_particles=num,
        key=jax.random.key(seed), small_angles=small_angles,
    )  # fmt: skip
    row = {"case": name, "b": fall}
    for key in ("drift", "diffusion", "exponent", "asymmetry", "jumps"):
        estimate = getattr(hops, key)
        row[key], row[f"{key}_error"] = float(estimate.value), float(estimate.error)
    row["loss_cone"] = exponent(traps.LossCone(), fall)
    row["detailed_balance"] = exponent(traps.DetailedBalance(), fall)
    row["sigmas_from_detailed_balance"] = (row["exponent"] - row["detailed_balance"]) / row[
        "exponent_error"
    ]
    return row


def draw(rows: list[dict], path: Path) -> None:
    """Draw the exponents beside both predictions."""
    figure = new_figure(9, 4.5)
    axes = figure.subplots()
    place = np.arange(len(rows))
    for key, color, label in (
        ("loss_cone", GREY, "published partition"),
        ("detailed_balance", VERMILION, "detailed balance"),
    ):  # fmt: skip
        axes.plot(place, [r[key] for r in rows], "_", color=color, ms=40, mew=3, label=label)
    axes.errorbar(
        place, [r["exponent"] for r in rows], [r["exponent_error"] for r in rows], fmt="o",
        color=BLUE, capsize=4, label="guiding centres",
    )  # fmt: skip
    axes.set_xticks(place, [r["case"].replace(", ", ",\n") for r in rows])
    axes.set_xlim(-0.6, len(rows) - 0.4)
    add_legend(axes)
    polish(axes, y_label=r"$V\lambda/D$")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("experiments/results/trap_closures"))
    parser.add_argument("--path", type=float, default=2700.0, help="in bottles")
    parser.add_argument("--particles", type=int, default=16384)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    rows = []
    for seed, case in enumerate(CASES):
        rows.append(measure(case, args.path, args.particles, seed))
        print(rows[-1], flush=True)
    write_record(args.out.with_suffix(".json"), {"rows": rows})
    draw(rows, args.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
