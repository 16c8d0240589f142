"""``aitia regress``: a plain regression table."""

from __future__ import annotations

from typing import Annotated

import typer

from aitia.cli import _options as options
from aitia.cli._main import app


@app.command()
def regress(
    formula: Annotated[str, typer.Argument(metavar="FORMULA", help='Such as "y ~ x1 + C(region)".')],
    data: options.Data,
    robust: Annotated[
        bool, typer.Option("--robust", help="Standard errors robust to unequal variances (HC1).")
    ] = False,
    cluster: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Cluster-robust standard errors.")
    ] = None,
    weights: Annotated[str | None, typer.Option(metavar="COLUMN", help="Survey weights.")] = None,
    missing: Annotated[
        str, typer.Option(metavar="POLICY", help="stop, complete_cases, indicator or mean.")
    ] = "stop",
    kind: options.Kinds = None,
    as_json: options.AsJson = False,
) -> None:
    """Least squares with a table of coefficients, standard errors, t, p and intervals."""
    from aitia.cli._output import print_json
    from aitia.estimation import regress as fit

    table = options.read_data(data, kind)
    fitted = fit(formula, table, robust=robust, cluster=cluster, weights=weights, missing=missing)
    if as_json:
        print_json(fitted.to_dict())
    else:
        print(fitted)
