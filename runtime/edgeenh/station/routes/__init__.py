"""The routes of the service; each module has one function `add(app, service)`."""
