"""Which execution belongs to which task instance; it knows no Airflow."""
