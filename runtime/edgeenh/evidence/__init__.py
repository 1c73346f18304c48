"""The evidence pack: what those who approve a station ask for, in one signed ZIP that anybody can check. See docs/evidence.md.

It says what was found on this station, and where something was not found it says that. It claims conformity with nothing.
"""
