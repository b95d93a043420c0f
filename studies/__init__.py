"""Comparisons that train and test several times, and draw what came out.

``paper`` repeats the detectors' paper on PASCAL VOC; ``forecast`` says beforehand how
long a training takes on this machine. ``glimpses`` makes the comparisons of the glimpse
regressor's paper, ``glimpses_in_memory`` the same in one process for notebooks.
"""
