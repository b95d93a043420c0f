"""pool45_crops: VGG-16 sees an image once; regions are pooled from its feature maps."""
