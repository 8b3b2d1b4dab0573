"""What can be known in seconds before a run burns an hour: a list of checks, each with a remedy.

A check is a function that returns a `Finding`, or raises what training would raise; `examination`
has their order, `Checks` gives each a time limit, `page` prints them.
"""
