"""What both detectors share: the search, its learning and its measuring.

From a command to a gradient: a detector's ``train.py`` hands its features to
:func:`hierarchy.train.train`. Each idea of the paper has one place:

- ``features`` and ``encoder``: what is seen of a region, and the state;
- ``actions`` and ``regions``: what can be done, and where that leads;
- ``rewards``, ``history``, ``search``: one search, as training and tests walk it;
- ``q_network``, ``learner``, ``targets``, ``replay``, ``agent``, ``schedules``: how is
  learnt and acted;
- ``train`` and ``test``: the two programs;
- ``detector``: what ``test`` and Python programs load and search pictures with.

A detector adds a :class:`hierarchy.features.FeatureExtractor` and nothing else.
"""
