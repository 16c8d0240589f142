"""``aitia describe``: what is in a table."""

from __future__ import annotations

from aitia.cli import _options as options
from aitia.cli._main import app


@app.command()
def describe(data: options.Data, kind: options.Kinds = None, as_json: options.AsJson = False) -> None:
    """Show each column's kind, missing values, range, mean and most common values."""
    from aitia.cli._output import print_json

    described = options.read_data(data, kind).describe()
    if as_json:
        print_json(described.to_dict())
    else:
        print(described)
