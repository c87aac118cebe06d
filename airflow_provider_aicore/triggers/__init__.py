"""Triggers for AI Core."""
