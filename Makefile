# The verbs of this project, the same on a laptop and in CI. Everything happens in .venv and out/.
