"""How fast the service answers, measured against the least that any program would have to do for the same bytes."""
