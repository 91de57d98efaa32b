"""Running one job in its own process: the parent's side (runner), the child's side (child, context), the tether."""
