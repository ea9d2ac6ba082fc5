"""The verbs of the command line, a file each.

A file has either a function of its own name, or `app`, a `typer.Typer` with several commands. Its
`EXAMPLES` are what the help shows: command lines, or for an `app` those of each function.
"""
