"""pool45_crops: VGG-16 sees the image once; regions are pooled from its maps."""
