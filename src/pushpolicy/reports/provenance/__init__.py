"""How the image was built, and from what, as in-toto attestations say it."""
