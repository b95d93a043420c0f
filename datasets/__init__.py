"""Real data sets: fetched from their official addresses, laid out as programs read.

``fetch`` is the command line for PASCAL VOC, Caltech-101's aeroplanes and MNIST,
``door_handles`` the one that joins two sets which are downloaded by hand. ``archives``
unpacks safely, ``folders`` lets a set appear only when it is whole, ``voc_layout`` and
``caltech`` make the layouts. Nothing here knows of the models that read them.
"""
