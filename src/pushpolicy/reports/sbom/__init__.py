"""What an image is made of, as SBOMs list it: one file for each format."""
