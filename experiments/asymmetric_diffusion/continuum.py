"""What drift and diffusion miss: the chain beside its truncated continuum equation.

    python experiments/asymmetric_diffusion/continuum.py [--out experiments/results/trap_continuum]

1. The exponent of the profile without flux, ln(g/r), and that of the equation cut after the second
   and third derivative.
2. A source between open ends with the same V, D and size, for more and shorter traps: the largest
   error of the truncated density falls as the square of the trap length.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import traps
from jaxcr.plots.style import BLUE, GREY, VERMILION, add_legend, new_figure, polish
from jaxcr.runtime import write_record

DRIFT, DIFFUSION = 6.0, 0.5  # of a chain of size one
SITES = (7, 15, 31, 63, 127, 255)
ENDS = {"left_end": traps.AbsorbingEnd(), "right_end": traps.AbsorbingEnd()}


def densities(num_sites: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return place, exact and truncated density."""
    length = 1.0 / (num_sites + 1)
    g = DIFFUSION / length**2 + DRIFT / (2 * length)
    r = DIFFUSION / length**2 - DRIFT / (2 * length)
    chain = traps.Chain(jnp.full(num_sites, g), jnp.full(num_sites, r), **ENDS)
    site = (num_sites + 1) // 2 - 1
    exact = traps.steady_state(chain, jnp.zeros(num_sites).at[site].set(1.0)) / length
    truncated = traps.convection_diffusion(chain, site) / length
    return length * np.arange(1, num_sites + 1), np.asarray(exact), np.asarray(truncated)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("experiments/results/trap_continuum"))
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    ratio = np.linspace(1.05, 4.0, 60)
    exponents = {
        order: [float(traps.steady_exponent(a, 1.0, order=order)) for a in ratio]
        for order in (None, 2, 3)
    }
    errors = []
    for num in SITES:
        _, exact, truncated = densities(num)
        errors.append(float(np.max(np.abs(truncated - exact)) / exact.max()))
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    print("errors", errors, "orders", orders)
    figure = new_figure(15, 5)
    left, middle, right = figure.subplots(1, 3)
    labels = {None: "chain: ln(g/r)", 2: "second order", 3: "third order"}
    for (order, values), color in zip(exponents.items(), (BLUE, VERMILION, GREY), strict=True):
        left.plot(ratio, values, color=color, label=labels[order])
    x, exact, truncated = densities(SITES[0])
    middle.plot(x, exact, "o-", color=BLUE, label="chain")
    middle.plot(x, truncated, "s--", color=VERMILION, label="drift and diffusion")
    right.loglog(SITES, errors, "o-", color=BLUE, label="measured")
    right.loglog(SITES, errors[-1] * (SITES[-1] / np.array(SITES)) ** 2.0, "--", color=GREY,
                 label="second order")  # fmt: skip
    for axes in (left, middle, right):
        add_legend(axes)
    polish(left, x_label="g/r", y_label="exponent of the profile")
    polish(middle, x_label="place", y_label="density", title=f"{SITES[0]} traps")
    polish(right, x_label="traps", y_label="largest error / largest density")
    figure.savefig(args.out.with_suffix(".png"), dpi=150)
    write_record(
        args.out.with_suffix(".json"),
        {
            "ratio": ratio.tolist(), "exponents": {str(k): v for k, v in exponents.items()},
            "sites": list(SITES), "errors": errors, "orders": orders.tolist(),
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
