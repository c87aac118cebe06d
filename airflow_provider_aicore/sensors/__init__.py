"""Sensors for AI Core."""
