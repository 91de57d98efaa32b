"""What people may ask for about themselves, and what is removed by time: export, erasure, retention."""
