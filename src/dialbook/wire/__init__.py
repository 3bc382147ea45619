"""How the provider says it: JSON to model and back, both directions. No input or output."""
