"""What ``--help`` says besides the flags: examples, files, exit codes. Imports no JAX."""

import inspect
import textwrap

OVERVIEW = (
    "Cosmic rays from magnetic fields to the angular power spectrum, and fits of the way back.",
    "jaxcr COMMAND --help shows flags, examples and files of a command. Every command has --json: "
    "stdout is then one JSON document, and all text goes to stderr.",
)

EXIT_CODES = {
    0: "done; also after --help and --show-config",
    1: "a fault of jaxcr, with a traceback: please report it",
    2: "bad input, an unreadable file, a full disk or too little memory; stderr says what to do",
    130: "stopped by Ctrl-C; what was finished is kept",
    141: "the program that read stdout has ended",
    143: "stopped by SIGTERM; what was finished is kept",
}

EXAMPLES = {
    "fit": (
        ("jaxcr fit", "the embedded spectrum: four C_l, four parameters"),
        ("jaxcr fit --target spectrum.csv --m0-blind --debiased", "your own, from the ground"),
        (
            'jaxcr fit --simulate 1 --skies 32 --plant "gradient=0.4" --sky.vary level index',
            "plant parameters, simulate 32 skies in other fields, and fit them back",
        ),
    ),
    "sky": (
        (
            "jaxcr sky --radius 10 20 60 --realisations 8",
            "maps at three radii, and how spectra scatter between eight fields",
        ),
        (
            "jaxcr sky --window.experiment icecube --events 1e11",
            "what IceCube would make of the last map",
        ),
        ("jaxcr sky --cube.shipped --rigidity 7.5 --path 20", "in the MHD snapshot"),
    ),
    "field": (
        (
            "jaxcr field --turbulence.geometry slab-2d --rigidity 1 10",
            "turbulence, and whether it resolves gyroradii of 1 and 10 PV",
        ),
        (
            "jaxcr field --cube.file cube.h5 --cube.rms 3 --write strong.h5",
            "rescale a cube to fluctuations of 3 µG, and keep it",
        ),
    ),
    "orbits": (
        ("jaxcr orbits --rigidity 30 --path 200", "diffusion and mean free path at 30 PV"),
        (
            "jaxcr orbits --particles 30PeV --turbulence.cells 128 --radius 60",
            "a published set on a smaller grid, to exits at 60 pc",
        ),
    ),
    "traps": (
        ("jaxcr traps --mirror-ratio 3 --gradient 0.1", "the table of a chain of forty traps"),
        ("jaxcr traps --fit density.csv", "mirror ratio and gradient from a density profile"),
    ),
    "ensemble": (
        ("jaxcr ensemble --num 10000000 --out run", "ten million orbits; given again, it goes on"),
        ("jaxcr ensemble --num 10000000 --out run --shard 2/8", "the second of eight jobs"),
    ),
    "resume": (
        ("jaxcr resume run", "what is missing or damaged"),
        ("jaxcr resume run --shard 2/8", "of every eighth chunk from the second on"),
    ),
    "status": (("jaxcr status run", "verify every chunk"),),
    "merge": (("jaxcr merge part1 part2 --out whole", "two shards from two folders"),),
    "bench": (
        ("jaxcr bench --quick", "in three minutes"),
        ("jaxcr bench --only orbits --compare old.json", "what changed beyond the noise"),
        ("jaxcr bench --list", "the names"),
    ),
    "experiment": (
        ("jaxcr experiment --list", "the names"),
        ("jaxcr experiment all --quick", "all of them, small"),
        ("jaxcr experiment spectra-by-radius --field mhd", "in the simulated cube"),
    ),
    "info": (("jaxcr info", "what to put into a report of a fault"),),
}
"""For each command, lines that run, and what for."""

FILES = {
    "fit": "result.h5, report.txt, spectrum.png, sky.png, chain.png, fit.png; unless "
    "--gradient-fields 0, gradient.png; with --profiles, profiles.png; with the extra bayes, "
    "corner.png",
    "sky": "result.h5, report.txt, sky.fits, sky.png; with a window, observed.fits",
    "field": "result.h5, report.txt, field.png; with --write, the field",
    "orbits": "result.h5, report.txt, orbits.png, transport.png",
    "traps": "result.h5, report.txt, traps.png; with --fit, fit.png",
    "ensemble": "run.json, chunks/; when every chunk is there, merged.chunk, result.h5, "
    "report.txt, sky.png",
    "resume": "those of jaxcr ensemble",
    "status": "none",
    "merge": "those of jaxcr ensemble",
    "bench": "bench.json (NAME.json with --out), and the table beside it, bench.md",
    "experiment": "verdicts.md; for each experiment, NAME/result.json and NAME/NAME.png",
    "info": "none",
}
"""What each command leaves in its result folder."""

_WIDTH = 80


def overview() -> str:
    """Return what ``jaxcr --help`` begins with."""
    return "\n\n".join([*OVERVIEW, _exit_codes()])


def description(command: str, settings: type) -> str:
    """Return what ``jaxcr COMMAND --help`` begins with: docstring, examples, files, exit codes."""
    paragraphs = inspect.cleandoc(settings.__doc__ or "").split("\n\n")
    examples = [f"  {line}\n      {what}" for line, what in EXAMPLES[command]]
    return "\n\n".join(
        [
            *paragraphs,
            "\n".join(["Examples:", *examples]),
            "Files:\n" + textwrap.indent(textwrap.fill(FILES[command], _WIDTH - 2), "  "),
            _exit_codes(),
        ]
    )


def _exit_codes() -> str:
    rows = [
        textwrap.fill(text, _WIDTH, initial_indent=f"  {code:<5}", subsequent_indent=" " * 7)
        for code, text in EXIT_CODES.items()
    ]
    return "\n".join(["Exit codes:", *rows])
