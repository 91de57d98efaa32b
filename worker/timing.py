"""The clocks of the job system, in seconds. They depend on each other; the comments say how."""

HEARTBEAT_SECONDS = 1.0  # a running process writes its progress and renews its lease this often
LEASE_SECONDS = 20.0  # without renewal for this long a job may be taken over
SWEEP_SECONDS = 3.0  # > HEARTBEAT_SECONDS: what looks dead in two sweeps in a row had time to show life between them
SETTLING_SECONDS = 1.0  # a sweep that waited longer than this for the database judges nobody
UNWOKEN_SECONDS = 2.0  # a job queued for longer than this has probably lost its message: wake again
STARTUP_SECONDS = 120.0  # for a process to import its libraries and report; until then its supervisor renews the lease
OUT_OF_TOUCH_SECONDS = 10.0  # without a renewal for this long a job on several machines saves and leaves by itself ...
FENCE_SECONDS = 18.0  # ... and is ended by the kernel; between them is STOP_GRACE_SECONDS, after them LEASE_SECONDS
STOP_GRACE_SECONDS = 8.0  # to save and leave, at shutdown or cancel, before SIGKILL; < the supervisor's patience
DIRECTORY_LOCK_SECONDS = 15.0  # > STOP_GRACE_SECONDS: for the process of the attempt before to let go of the directory
DATABASE_PATIENCE_SECONDS = 60.0  # a verdict is written again and again for this long while the database is away
CRASH_LIMIT = 3  # crashes in a row without progress
PRESENCE_SECONDS = 5.0  # a worker writes that it is there, and what its machine has free, this often
ABSENT_SECONDS = 20.0  # > 3 * PRESENCE_SECONDS: a worker silent for longer is shown as gone
FORGET_SECONDS = 7 * 86400.0  # a worker gone for longer is not shown any more
