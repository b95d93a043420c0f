"""What a test writes as pictures.

:mod:`report.canvas` is a canvas in pixels and writes image files, :mod:`report.curves`
draws plots. On them :mod:`report.searches` draws a detector's searches as strips, and
:mod:`report.glimpses` the glimpse regressor's runs. All of them draw plain data: none
imports Keras, a model or a data set, and matplotlib's global state stays untouched.
"""
