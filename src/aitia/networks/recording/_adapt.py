"""From a person's model to one that can be read and set."""

from __future__ import annotations

import sys
from typing import Any

from aitia.core import MissingExtra
from aitia.networks._errors import NetworkError
from aitia.networks.recording._model import Model


def adapt(model: Any) -> Model:
    """The model as `record` and `intervene` see it.

    Args:
        model: a ``torch.nn.Module``; a fitted ``MLPClassifier`` or ``MLPRegressor`` of scikit-learn, or a ``Pipeline``
            that ends in one; a `Stages` or another `Model`.

    Raises:
        NetworkError: it is none of these, or not fitted.
    """
    if isinstance(model, Model):
        return model
    # A person who holds a module has imported PyTorch already.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        from aitia.networks.recording._torch import TorchModel

        return TorchModel(model)
    if "sklearn" in sys.modules and hasattr(model, "get_params"):
        return _of_estimator(model)
    raise NetworkError(
        f"What is of type {type(model).__name__} cannot be recorded.",
        "Give a torch.nn.Module, an MLP of scikit-learn, or functions of arrays as Stages({'layer': function, ...}).",
    )


def _of_estimator(model: Any) -> Model:
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import Pipeline

    from aitia.networks.recording._mlp import PerceptronModel

    if isinstance(model, MLPClassifier | MLPRegressor):
        return PerceptronModel(model)
    if isinstance(model, Pipeline) and isinstance(model[-1], MLPClassifier | MLPRegressor):
        return PerceptronModel(model[-1], model[:-1] if len(model.steps) > 1 else None)
    raise NetworkError(
        f"A {type(model).__name__} has no layers of units.",
        "Give an MLPClassifier, an MLPRegressor, or a Pipeline that ends in one.",
    )


def needs_torch() -> Any:
    """PyTorch, imported.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("torch", "networks") from error
    return torch
