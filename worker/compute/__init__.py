"""What every kind of computing job needs, without Django: settings as records, devices, files of weights."""
