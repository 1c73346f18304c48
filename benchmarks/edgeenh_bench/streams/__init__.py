"""The stream beside the loop that one would write without it: the same clip, the same graph, each in a process of its own."""
