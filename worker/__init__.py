"""Jobs: the record, its life cycle, the Celery application that wakes workers up, and supervised processes."""
