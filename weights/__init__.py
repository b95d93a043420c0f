"""VGG-16 and Q-network weights: fetching, reading every known layout, converting.

``layouts`` reads weight files with ``stored`` (HDF5, ``.keras``) and ``onnx_graph``
below it, ``identity`` tells which trunk a file holds; ``vgg16`` builds the trunk in
Keras 3, ``fetch`` gets ImageNet's and ``convert`` rewrites older files as Keras 3 ones.
Nothing here knows of the detectors above it.
"""

from common.files import REPOSITORY

DEFAULT_PATH = REPOSITORY / "weights" / "vgg16_weights.h5"
"""Where ``fetch`` puts the trunk and where everything else looks for it."""
