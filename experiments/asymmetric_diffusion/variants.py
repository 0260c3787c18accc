"""The two chains of the published model: Helio (fed from outside) and Galaxy (fed in the plane).

    python experiments/asymmetric_diffusion/variants.py [--out experiments/results/trap_variants]

Forty traps in two zones whose gradients may differ in sign, for both closures; occupations,
phase-space densities and the share that reaches the left end.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import traps
from jaxcr.plots.style import BLUE, GREY, VERMILION, add_legend, new_figure, polish
from jaxcr.runtime import write_record

HALF, RATIO = 20, 3.0
ZONES = {"g > r": (0.2, 0.2), "g = r": (0.0, 0.0), "g < r": (-0.2, -0.2), "turning": (-0.2, 0.2)}
CLOSURES = {"detailed balance": traps.DetailedBalance(), "published": traps.LossCone()}
PRESETS = {"Helio": traps.helio_chain, "Galaxy": traps.galaxy_chain}


def solve(preset, zones: tuple[float, float], closure: traps.Closure) -> dict:
    """Return densities and the flux through the left end."""
    line = traps.line_of_traps(RATIO, jnp.repeat(jnp.array(zones), HALF))
    chain, source = preset(line, closure=closure)
    occupation = traps.steady_state(chain, source)
    return {
        "occupation": np.asarray(occupation),
        "density": np.asarray(occupation / traps.flux_tube_volume(line)),
        "left_exit": float(-traps.bond_flux(chain, source)[0]),
        "escape_time": float(traps.escape_time(chain)[jnp.argmax(source)]),
    }


def draw(results: dict, path: Path) -> None:
    """Draw occupations of both variants, full lines detailed balance, dashed the other."""
    figure = new_figure(13, 5.5)
    site = np.arange(1, 2 * HALF + 1)
    for axes, (preset, by_zone) in zip(figure.subplots(1, 2), results.items(), strict=True):
        for (zone, by_closure), color in zip(
            by_zone.items(), (VERMILION, GREY, BLUE, "black"), strict=True
        ):
            for (closure, row), style in zip(by_closure.items(), ("-", "--"), strict=True):
                label = zone if closure == "detailed balance" else None
                axes.semilogy(site, row["occupation"], color=color, ls=style, label=label)
        add_legend(axes)
        polish(axes, x_label="site $k$", y_label="occupation $n_k$",
               title=f"{preset} (dashed: published closure)")  # fmt: skip
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("experiments/results/trap_variants"))
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    results = {
        preset: {
            zone: {name: solve(make, gradients, closure) for name, closure in CLOSURES.items()}
            for zone, gradients in ZONES.items()
        }
        for preset, make in PRESETS.items()
    }
    for preset, by_zone in results.items():
        for zone, by_closure in by_zone.items():
            rows = {k: (v["left_exit"], v["escape_time"]) for k, v in by_closure.items()}
            print(preset, zone, "left exit and escape time:", rows)
    draw(results, args.out.with_suffix(".png"))
    plain = jax.tree.map(lambda x: x.tolist() if isinstance(x, np.ndarray) else x, results)
    write_record(args.out.with_suffix(".json"), plain)


if __name__ == "__main__":
    main()
