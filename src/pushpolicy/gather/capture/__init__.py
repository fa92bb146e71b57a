"""``pushpolicy run``: a command, what it did, and the reports it wrote, as one capture."""
