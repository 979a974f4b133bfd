"""A fleet: some routers without a city around them, for rollouts, their waves and their faults."""
