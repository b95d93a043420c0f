"""image_zooms: VGG-16 sees the pixels of every region, resized to 224×224."""
