"""The command line: every stage as a command, for people and (with ``--json``) for machines."""

from ._main import main as main
