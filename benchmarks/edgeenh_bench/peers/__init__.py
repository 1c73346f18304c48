"""edgeenh beside what one would use without it: the same frames, one run, each in a process of its own with its own best settings."""
