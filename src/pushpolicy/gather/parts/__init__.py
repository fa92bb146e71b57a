"""Evidence of several jobs: each writes a part, and the job that pushes reads all of them.

A part is a tar archive of the reports as they were, with a list of them. The job that merges reads the
reports itself, so a part can say no more than its reports do, and the record holds them as ever.
"""
