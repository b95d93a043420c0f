"""Drawn data sets that stand in where the real ones are not at hand.

:mod:`datasets.drawn.planes` writes aeroplanes in the layout of PASCAL VOC. What it
needs, from the top down:

- ``scenes`` plans a picture, ``painting`` carries the plan out;
- ``scenery`` (moods of light and skies), ``ground``, ``buildings`` and ``things`` are
  the backgrounds, which know nothing of aeroplanes;
- ``aircraft`` and ``liveries`` design aeroplanes, ``airframes`` builds them;
- ``solids`` are bodies made of faces, ``rendering`` turns, lights and paints them;
- ``canvas`` holds colours, curves, noise, antialiased layers and the picture.

:mod:`datasets.drawn.cars` writes cars in the Car Door Handle format: ``streets`` plans
and paints a picture, ``motorcars`` designs and builds the car; the rest is shared with
the aeroplanes. ``complete`` sees to it that a set is there completely or not at all.

:mod:`datasets.drawn.digits` draws digits in the manner of MNIST, in memory.
"""
