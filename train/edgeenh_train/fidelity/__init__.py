"""Does an enhancement leave clinical content alone? Good pictures, structure, painted marks, invention, flicker."""
