"""``jaxcr field``: make or read a field, describe it, draw it, write it."""

from pathlib import Path

import numpy as np

from jaxcr import fields, plots
from jaxcr.cli.field_config import Field
from jaxcr.cli.field_numbers import field_numbers
from jaxcr.cli.field_source import check_source, has_cube, make_turbulence, read_cube
from jaxcr.cli.output import Outcome
from jaxcr.cli.toml_settings import as_dict
from jaxcr.fields.field import sample_field
from jaxcr.runtime import result_folder, write_result


def run_field(config: Field) -> Outcome:
    """Report on a field in a folder, and write the field where asked."""
    check_source(None, config.cube, config.turbulence)
    from_cube = has_cube(config.cube)
    with result_folder(config.out, kind="field", overwrite=config.overwrite) as folder:
        if from_cube:
            field, spectrum = read_cube(config.cube), None
        else:
            field, spectrum = make_turbulence(config.turbulence)
        report = fields.describe(
            field, spectrum=spectrum, rigidities=config.rigidity, sphere=config.sphere
        )
        _save(config, folder, field, report)
        print(report)
        print(f"{folder}/ has result.h5, report.txt and field.png")
        if config.write is not None:
            fields.write_field(config.write, field, notes={"configuration": as_dict(config)})
            print(f"{config.write} has the field, for fields.read_field")
    written = () if config.write is None else (config.write,)
    return Outcome(field_numbers(report), folder, written, report.warnings)


def _save(config: Field, folder: Path, field: fields.Field, report: fields.FieldReport) -> None:
    """Write numbers, text and picture of a report."""
    (folder / "report.txt").write_text(f"{report}\n", encoding="utf-8")
    samples = np.asarray(sample_field(field, report.lattice))
    plots.plot_field(report, samples).savefig(folder / "field.png", dpi=150)
    write_result(
        folder / "result.h5",
        configuration=as_dict(config),
        seeds={"turbulence": config.turbulence.seed},
        groups={
            "field": {
                "mean": report.mean,
                "rms": report.rms,
                "index": report.index,
                "correlation_length": report.correlation_length,
                "divergence": report.divergence,
                "wavenumber": report.wavenumber,
                "spectrum": report.spectrum,
            }
        },
    )
