"""The trainer: unpaired pictures in, a generator's checkpoint out (`edgeenh train`).

Nothing heavy is imported here; torch comes with the modules that need it (`pip install 'edgeenh[train]'`).
"""
