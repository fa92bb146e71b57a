"""The command line: parses, calls, renders. The only place that prints or reads the environment."""
