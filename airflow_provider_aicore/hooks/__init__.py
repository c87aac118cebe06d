"""Airflow's hook for AI Core."""
