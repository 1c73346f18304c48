"""The proof of quality: ours and its rivals, trained on the same pictures, judged on held-out people; see `__main__`."""
