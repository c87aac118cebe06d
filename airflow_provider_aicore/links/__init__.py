"""Links from Airflow's UI to AI Core's."""
