"""Making data sets: split a folder by subject, degrade good pictures by a camera model, arrange MIT-Adobe FiveK."""
