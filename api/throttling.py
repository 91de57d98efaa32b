"""How often one user, or one address without a user, may ask. Counted per web process: the limits are for accidents."""

from rest_framework.throttling import AnonRateThrottle, UserRateThrottle


class PerUser(UserRateThrottle):
    scope = "user"


class PerAddress(AnonRateThrottle):
    scope = "anon"
