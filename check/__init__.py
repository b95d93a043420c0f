"""A look at a data set before the hours of a training: ``python -m datasets.check``.

:mod:`check.boxes` and :mod:`check.keypoints` count what a set holds, and
:mod:`check.advice` says what follows from that; all of it is pure. :mod:`check.timing`
measures trainings on this machine, :mod:`check.show` prints, and :mod:`check.program`
puts the parts together. The package stands on top of all others: it asks the hierarchy
what it can reach, and trains with both families. The door to it is
``datasets/check.py``, where whoever has a data set looks for it.
"""
