"""What both detectors share: the search, its learning and its measuring.

The only thing a detector adds is a describer, which turns regions of a picture into
descriptors; see :mod:`hierarchy.description`.
"""
