"""The nouns: frozen values without I/O, on which every other package is built."""
