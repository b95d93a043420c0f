"""Drawn data sets that stand in where the real ones are not at hand.

:mod:`samples.planes` writes aeroplanes in the layout of PASCAL VOC. What it needs, from
the top down:

- ``scenes`` plans a picture, ``painting`` carries the plan out;
- ``scenery`` (moods of light and skies), ``ground``, ``buildings`` and ``things`` are
  the backgrounds, which know nothing of aeroplanes;
- ``aircraft`` and ``liveries`` design aeroplanes, ``airframes`` builds them;
- ``solids`` are bodies made of faces, ``rendering`` turns, lights and paints them;
- ``canvas`` holds colours, curves, noise, antialiased layers and the picture.
"""
