"""The command line: parse, call, save."""
