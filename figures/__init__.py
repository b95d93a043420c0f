"""Every figure and table of the two papers, drawn from saved runs, one module each.

``python -m figures.NAME --runs … --out FOLDER`` writes ``NAME.png`` and, with the
numbers in it, ``NAME.csv``. What the papers show is in :mod:`figures.published`, how
files of runs are read in :mod:`figures.runs`, how figures look in
:mod:`figures.style`. :mod:`figures.ceilings` says how far a hierarchy can get.
"""
