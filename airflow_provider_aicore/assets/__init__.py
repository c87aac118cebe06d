"""Assets of AI Core."""
