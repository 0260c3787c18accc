"""Four regimes of transport along the field, by guiding centres and by the chain.

    python experiments/asymmetric_diffusion/regimes.py [--out experiments/results/trap_regimes]

Free streaming; scattering in a uniform field; the same with symmetric magnetic mirrors; and with
mirrors whose field falls along x. One geometry: twenty traps of length λ, particles start in the
middle of the eleventh and are gone ten traps away. Mean displacement, spread and escape time.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxcr import fields, traps
from jaxcr.plots.style import BLUE, GREEN, ORANGE, VERMILION, add_legend, new_figure, polish
from jaxcr.runtime import write_record

NUM_TRAPS, NU = 20, 1.0
UNIFORM = 1 + 1e-6
REGIMES = (  # name, mirror ratio, fall of the field from trap to trap, scattering rate
    ("free streaming", UNIFORM, 1.0, 0.0),
    ("scattering", UNIFORM, 1.0, NU),
    ("symmetric traps", 3.0, 1.0, NU),
    ("asymmetric traps", 3.0, 1.25, NU),
)
SAMPLE, NUM_SAMPLES = 0.5, 2000


def bottles(ratio: float, fall: float) -> fields.MirrorChainField:
    """Return traps of unit length."""
    trap = traps.trap_from_ratio(ratio, np.log(fall))
    return fields.MirrorChainField(
        minimum=1.0, left_mirror=trap.left_mirror, right_mirror=trap.right_mirror, length=1.0,
        num_bottles=NUM_TRAPS,
    )  # fmt: skip


def chain_of(ratio: float, fall: float, free_path: float | None) -> traps.Chain | None:
    """Return the chain with the regime's rates; none for free streaming."""
    ends = {"left_end": traps.AbsorbingEnd(), "right_end": traps.AbsorbingEnd()}
    if free_path is None:
        return None
    if ratio == UNIFORM:  # no traps: cells of the length λ with D = v free_path/3
        rate = jnp.full(NUM_TRAPS + 1, free_path / 3)
        return traps.Chain(rate, rate, **ends)
    trap = traps.trap_from_ratio(ratio, np.log(fall))
    return traps.trap_chain(trap, NUM_TRAPS + 1, scattering_rate=NU, **ends)


def orbits_of(ratio: float, fall: float, nu: float, num: int, seed: int) -> dict:
    """Return moments over time of guiding centres, and their mean time to escape."""
    x = traps.scatter_in_bottles(
        bottles(ratio, fall), scattering_rate=nu, sample_length=SAMPLE, num_samples=NUM_SAMPLES,
        num_particles=num, key=jax.random.key(seed), start_bottle=NUM_TRAPS // 2,
    )  # fmt: skip
    moved = np.asarray(x, float) - (NUM_TRAPS // 2 + 0.5)
    gone = np.abs(moved) >= NUM_TRAPS / 2 + 0.5
    first = np.where(gone.any(axis=0), gone.argmax(axis=0), NUM_SAMPLES)
    escaped = first < NUM_SAMPLES
    times = SAMPLE * (np.minimum(first, NUM_SAMPLES - 1) + 0.5)
    return {
        "mean": moved.mean(axis=1), "spread": moved.std(axis=1),
        "escape_time": float(times.mean()),
        "escape_time_error": float(times.std() / np.sqrt(num)),
        "escaped_share": float(escaped.mean()),
    }  # fmt: skip


def of_chain(chain: traps.Chain | None, times: np.ndarray) -> dict:
    """Return the same of the chain; its moments without ends, as the guiding centres' are."""
    if chain is None:
        return {}
    g, r = float(chain.rate_right[1]), float(chain.rate_left[1])
    middle = NUM_TRAPS // 2
    return {
        "mean": (g - r) * times, "spread": np.sqrt((g + r) * times),
        "escape_time": float(traps.escape_time(chain)[middle]),
    }  # fmt: skip


def draw(rows: list[dict], times: np.ndarray, path: Path) -> None:
    """Draw displacement, spread and escape times side by side."""
    figure = new_figure(15, 5)
    mean, spread, escape = figure.subplots(1, 3)
    place = np.arange(len(rows))
    for row, color in zip(rows, (ORANGE, GREEN, BLUE, VERMILION), strict=True):
        orbits, chain = row["orbits"], row["chain"]
        mean.plot(times, orbits["mean"], color=color, label=row["regime"])
        spread.loglog(times, orbits["spread"], color=color, label=row["regime"])
        if chain:
            mean.plot(times, chain["mean"], color=color, ls="--")
            spread.loglog(times, chain["spread"], color=color, ls="--")
    mean.set_xlim(0, 300)
    mean.set_ylim(-3, 25)
    escape.semilogy(place, [r["orbits"]["escape_time"] for r in rows], "o", color=BLUE, ms=9,
                    label="guiding centres")  # fmt: skip
    with_chain = [i for i, r in enumerate(rows) if r["chain"]]
    escape.semilogy(with_chain, [rows[i]["chain"]["escape_time"] for i in with_chain], "_",
                    color=VERMILION, ms=30, mew=3, label="chain")  # fmt: skip
    escape.set_xticks(place, [r["regime"].replace(" ", "\n") for r in rows])
    escape.set_xlim(-0.5, 3.5)
    for axes in (mean, spread, escape):
        add_legend(axes)
    polish(mean, x_label="path [λ]", y_label="mean displacement [λ]", title="dashed: chain")
    polish(spread, x_label="path [λ]", y_label="spread [λ]")
    polish(escape, y_label="mean time to escape [λ/v]")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("experiments/results/trap_regimes"))
    parser.add_argument("--particles", type=int, default=4096)
    args = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    times = SAMPLE * np.arange(1, NUM_SAMPLES + 1)
    rows = []
    for seed, (name, ratio, fall, nu) in enumerate(REGIMES):
        orbits = orbits_of(ratio, fall, nu, args.particles, seed)
        chain = of_chain(chain_of(ratio, fall, 1 / nu if nu else None), times)
        rows.append({"regime": name, "orbits": orbits, "chain": chain})
        print(name, "escape", orbits["escape_time"], "±", orbits["escape_time_error"],
              "chain", chain.get("escape_time"), flush=True)  # fmt: skip
    draw(rows, times, args.out.with_suffix(".png"))
    keep = slice(None, None, 100)
    for row in rows:
        for part in ("orbits", "chain"):
            row[part] = {
                k: v[keep].tolist() if isinstance(v, np.ndarray) else v
                for k, v in row[part].items()
            }
    write_record(args.out.with_suffix(".json"), {"path": times[keep].tolist(), "rows": rows})


if __name__ == "__main__":
    main()
