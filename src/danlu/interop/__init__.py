"""danlu inside other tools."""
