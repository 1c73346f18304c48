"""How a station tells what it does: readiness, metrics, a journal of events, and its supervisor. See docs/monitoring.md."""
