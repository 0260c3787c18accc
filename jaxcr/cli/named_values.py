"""Numbers given by name on the command line: "gradient=0.3"."""

from jaxcr.checks import argument_error, check_one_of, check_range
from jaxcr.infer import ParameterSet


def named_values(
    flag: str, settings: tuple[str, ...], parameters: ParameterSet
) -> dict[str, float]:
    """Return the numbers under the names of parameters.

    Raises
    ------
    ValueError
        For a word that is not NAME=VALUE, an unknown name, or a number outside the bounds.
    """
    values = {}
    for setting in settings:
        name, _, text = setting.rpartition("=")
        check_one_of(flag, name, parameters.names, remedy=f'For example {flag} "gradient=0.3".')
        own = parameters.parameters[parameters.index(name)]
        stated = {
            "expected": f"a number from {own.lower:.4g} to {own.upper:.4g}",
            "remedy": "These are the bounds of the parameter.",
        }
        try:
            values[name] = float(text)
        except ValueError as error:
            raise argument_error(f"{flag}: {name}", got=repr(text), **stated) from error
        check_range(f"{flag}: {name}", values[name], own.lower, own.upper, **stated)
    return values
