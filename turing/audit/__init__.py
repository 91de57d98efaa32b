"""The audit chain: `services` appends to it inside the transactions of other services, `verification` checks it."""
