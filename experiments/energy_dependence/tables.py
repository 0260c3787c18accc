"""Simulate the tables of skies at several energies that come with the package.

    python experiments/energy_dependence/tables.py --bank FOLDER [--energies 0.02 30]

Sixteen points over dB/B0 and spectral index, 96 skies at each, in 240 plane waves between 100 pc
and 0.3 gyroradii. Finished fields stay in the bank, so that a killed run goes on where it was:
about an hour on one core for all, most of it at 20 TeV.
"""

import argparse
import datetime
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

from tqdm import tqdm  # noqa: E402 after the type is set

from jaxcr import infer  # noqa: E402
from jaxcr.runtime import versions  # noqa: E402

ENERGIES = (30.0, 7.5, 0.75, 0.1, 0.02)
"""PeV, the cheapest first."""
TARGET = Path(infer.__file__).parent / "energies" / "data"


def main() -> None:
    """Simulate and write one table after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--energies", type=float, nargs="+", default=ENERGIES, help="PeV")
    parser.add_argument("--fields", type=int, default=96)
    arguments = parser.parse_args()
    for energy in arguments.energies:
        label = infer.energy_label(energy)
        table = infer.simulate_table(
            energy, num_fields=arguments.fields, cache=arguments.bank,
            progress=lambda x, label=label: tqdm(x, desc=label),
        )  # fmt: skip
        notes = {
            "script": "experiments/energy_dependence/tables.py",
            "seed": table.skies.seed,
            "first_field": 0,
            "ensemble": str(table.skies),
            "cross_validated_error": [round(float(x), 4) for x in table.emulator.error],
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "versions": versions(),
        }
        infer.write_table(table, TARGET / f"{label}.npz", notes)
        print(f"{label}: {notes['cross_validated_error']}", flush=True)


if __name__ == "__main__":
    main()
