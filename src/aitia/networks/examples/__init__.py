"""Networks that ship with the project: small, seeded, trained in a minute or two on the reader's own machine.

Data and concepts are made with NumPy alone; `digit_network` needs scikit-learn, the others PyTorch
(``aitia[networks]``). Trained weights are kept in the user's cache folder (``$AITIA_CACHE`` chooses another).

>>> from aitia.networks import examples
>>> pairs = examples.draw_pairs(1000, seed=0)
>>> examples.LABELS[pairs.labels[0]] in ("entailment", "neutral", "contradiction")
True
"""

from pathlib import Path

from ._digit_network import digit_convolution as digit_convolution
from ._digit_network import digit_network as digit_network
from ._digits import Digits as Digits
from ._digits import load_digits as load_digits
from ._pair_network import pair_network as pair_network
from ._pair_network import untrained_pair_network as untrained_pair_network
from ._pairs import LABELS as LABELS
from ._pairs import Pairs as Pairs
from ._pairs import Shortcuts as Shortcuts
from ._pairs import draw_pairs as draw_pairs
from ._pairs import vocabulary as vocabulary
from ._scene_network import scene_network as scene_network
from ._scene_network import untrained_scene_network as untrained_scene_network
from ._scenes import CLASSES as CLASSES
from ._scenes import Scenes as Scenes
from ._scenes import draw_scenes as draw_scenes
from ._trained import TrainedNetwork as TrainedNetwork
from ._trained import cache_folder as cache_folder


def resnet20(weights: str | Path | None = None, *, seed: int = 0):
    """ResNet-20 for CIFAR-10 (He et al. 2016, section 4.2, n = 3, option A shortcuts), in evaluation mode.

    Args:
        weights: a file of trained weights, as akamaster/pytorch_resnet_cifar10 has them; None for random weights.
        seed: of random weights.

    Raises:
        MissingExtra: PyTorch is not installed.
        NetworkError: the file holds no weights of this network.
    """
    from aitia.networks.recording._adapt import needs_torch

    needs_torch()
    from ._resnet import resnet20 as build

    return build(weights, seed=seed)
