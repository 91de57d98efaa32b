"""Generators that somebody else made: taken in, tried in a child process, looked at, and accepted or discarded."""
