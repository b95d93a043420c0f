"""Real data sets: read in the layouts that people have, or fetched and laid out.

Boxes: ``layouts`` finds out what a folder holds, ``voc_lists`` and ``gathered`` by
which files are there, ``voc_annotations``, ``coco_boxes``, ``cvat_boxes`` and
``yolo_boxes`` by what is in them. ``objects`` is the one way from what a file states to
a box, ``classes`` the one from what people call a class to its name. ``pictures`` finds
files by names without a suffix, ``text`` decodes what lists and tables hold. ``splits``
says what is trained on, and ``voc`` opens the images one at a time.

Keypoints: ``keypoint_annotations`` finds out the layout. ``keypoint_handles``,
``keypoint_tables``, ``keypoint_coco`` and ``keypoint_yolo`` read one each, and
``keypoint_rows`` is what they share. ``keypoints`` opens the images. ``mnist`` reads
MNIST's files, and lays their digits on canvases.

``fetch`` is the command line for PASCAL VOC, Caltech-101's aeroplanes and MNIST,
``door_handles`` the one that joins two sets which are downloaded by hand. ``archives``
unpacks safely, ``folders`` lets a set appear only when it is whole, ``voc_layout`` and
``caltech`` make the layouts. ``drawn`` has sets for where there is none.

Nothing here knows of the models that read them but ``check``, a command line that no
module imports: the door of the package of that name, which stands on top of all.
"""
