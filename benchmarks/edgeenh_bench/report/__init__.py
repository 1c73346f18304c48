"""One page that shows what was measured: no network, no server, nothing but the file."""
